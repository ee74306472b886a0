"""Every golden bad Experiment is refused on the laptop and on a real control plane, with the golden words.

They are asked of the API server, with our webhooks behind it, in dry runs; the KatibConfig is the golden one meanwhile.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import kubernetes
import pytest
import yaml
from contracts.kubernetes.servers import OLDEST
from golden.test_refused_experiments import BASE, CASES, CONFIG, GOLDEN, GONE, TEMPLATE, UPDATES, changed
from laptops import Katib, eventually

from katib_apis.v1beta1 import names

Json = dict[str, Any]
Client: TypeAlias = kubernetes.client.ApiClient
KIND = ("kubeflow.org", "v1beta1", "default", "experiments")
DENIED = 'admission webhook "validator.experiment.katib.kubeflow.org" denied the request: '
NAME = BASE["metadata"]["name"]
LINES = GOLDEN.read_text().splitlines()
WORDS = dict(zip(LINES[::2], (line.strip() for line in LINES[1::2]), strict=True))
LARGE = "3 more trials than a count can hold"
"""Kubernetes 1.34 leaves this to the webhook."""
EARLIER = {
    "1 name ends with a dash (WH-3)": "metadata.name: Invalid value",
    LARGE: "format int32 in spec.maxTrialCount",
    "several at once": "metadata.name: Invalid value",
}
"""What any API server refuses before it asks a webhook: which field it names."""


@pytest.fixture(scope="module")
def client(cluster: Katib) -> Iterator[Client]:
    """Kubernetes' own client of a Katib with the golden configuration."""
    with kubernetes.config.new_client_from_config(str(cluster.state / "kubeconfig")) as client:
        maps = kubernetes.client.CoreV1Api(client)
        place = (names.OBJECT_CONFIG_MAP, names.ENV_CORE_NAMESPACE_DEFAULT)
        before = maps.read_namespaced_config_map(*place).data
        head = {"apiVersion": names.OBJECT_CONFIG_API_VERSION, "kind": names.OBJECT_CONFIG_KIND}
        text = yaml.safe_dump({**head, **CONFIG.to_dict()})
        maps.patch_namespaced_config_map(*place, {"data": {names.OBJECT_CONFIG_KEY: text}})
        unknown = "16 an unknown algorithm"  # its words name all that are configured
        eventually(lambda: created(client, changed(BASE, **CASES[unknown])) == DENIED + WORDS[unknown])
        yield client
        maps.patch_namespaced_config_map(*place, {"data": before})


def created(client: Client, document: Json) -> str:
    """What the server says to its creation; empty when it would be admitted."""
    api = kubernetes.client.CustomObjectsApi(client)
    return refusal(lambda: api.create_namespaced_custom_object(*KIND, document, dry_run="All"))


def refusal(call: Callable[[], Any]) -> str:
    try:
        call()
    except kubernetes.client.ApiException as error:
        message: str = json.loads(error.body)["message"]
        return message
    return ""


def test_each_bad_experiment_is_refused_in_the_golden_words(client: Client) -> None:
    said = {name: created(client, changed(BASE, **changes)) for name, changes in CASES.items()}
    others = {name: words for name, words in said.items() if words != DENIED + WORDS[name]}
    minor = int(kubernetes.client.VersionApi(client).get_code().minor)
    earlier = {name: field for name, field in EARLIER.items() if minor > OLDEST or name != LARGE}
    assert others.keys() == earlier.keys(), others
    assert all(field in others[name] for name, field in earlier.items())


def test_a_template_that_is_not_there_and_one_that_is_no_yaml_are_told(client: Client) -> None:
    kubernetes.client.CoreV1Api(client).create_namespaced_config_map(
        "default", {"metadata": {"name": "torn"}, "data": {"c": "kind: [Job ${trialParameters.rate}"}}
    )
    cases = {"27 a ConfigMap that is not there": ("a", "b"), "34 a template that is no YAML": ("torn", "default")}
    for name, (config_map, namespace) in cases.items():
        source = {"configMapName": config_map, "configMapNamespace": namespace, "templatePath": "c"}
        conditions = {f"{TEMPLATE}__successCondition": "a", f"{TEMPLATE}__failureCondition": "b"}
        document = changed(BASE, **{f"{TEMPLATE}__trialSpec": GONE, f"{TEMPLATE}__configMap": source}, **conditions)
        assert created(client, document) == DENIED + WORDS[name]


def test_each_bad_change_is_refused_in_the_golden_words(client: Client) -> None:
    """Nothing moves meanwhile: the golden configuration has no program for an algorithm."""
    api = kubernetes.client.CustomObjectsApi(client)
    api.create_namespaced_custom_object(*KIND, copy.deepcopy(BASE))
    # The last one first: what has ended stays so, and the controller corrects a count that is wrong.
    for case in reversed(UPDATES):
        eventually(lambda case=case: changed_to(client, case) == DENIED + WORDS[case])
    api.delete_namespaced_custom_object(*KIND, NAME)
    eventually(lambda: NAME not in [entry["metadata"]["name"] for entry in listed(api)])


def changed_to(client: Client, case: str) -> str:
    """What the server says to the change, when the Experiment is as the case has it."""
    before, changes = UPDATES[case]
    api = kubernetes.client.CustomObjectsApi(client)
    if "status" in before:
        api.patch_namespaced_custom_object_status(*KIND, NAME, {"status": before["status"]})
    patch = {"spec": changed(BASE, **changes)["spec"]}
    return refusal(lambda: api.patch_namespaced_custom_object(*KIND, NAME, patch, dry_run="All"))


def listed(api: Any) -> list[Json]:
    found: list[Json] = api.list_namespaced_custom_object(*KIND)["items"]
    return found
