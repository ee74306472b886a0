"""Webhook configurations and RBAC: what is admitted where, and nobody may do more than needed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from katib_codegen.errors import SourceError
from katib_codegen.load import load
from katib_codegen.model import Api, bundle
from katib_codegen.render.names import render_names
from katib_codegen.render.rbac import render_rbac
from katib_codegen.render.webhooks import render_webhooks

Document = dict[str, Any]
Change = Callable[[str, str, str], None]

WEBHOOKS = "manifests/v1beta1/components/webhook/webhooks.yaml"
WHOLE = "manifests/v1beta1/components/controller/rbac.yaml"
SINGLE = "manifests/v1beta1/components/controller-single-namespace/rbac.yaml"


def objects(printed: Mapping[str, bytes], path: str) -> list[Document]:
    return list(yaml.safe_load_all(printed[path]))


def rules(documents: list[Document]) -> list[Document]:
    return [rule for document in documents for rule in document.get("rules", [])]


@pytest.fixture(scope="module")
def hooks(api: Api) -> dict[str, Document]:
    configurations = objects(render_webhooks(api), WEBHOOKS)
    return {hook["name"]: hook for configuration in configurations for hook in configuration["webhooks"]}


def test_kubernetes_own_schemas_accept_the_manifests(api: Api) -> None:
    for printed in (render_webhooks(api), render_rbac(api)):
        for path in printed:
            for document in objects(printed, path) if path.endswith(".yaml") else []:
                kubernetes_validate.validate(document, "1.37.0", strict=True)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("validator.experiment.katib.kubeflow.org", "/validate-experiment"),
        ("defaulter.experiment.katib.kubeflow.org", "/mutate-experiment"),
        ("mutator.pod.katib.kubeflow.org", "/mutate-pod"),
    ],
)
def test_every_webhook_has_its_path_and_no_certificate(hooks: dict[str, Document], name: str, path: str) -> None:
    service = {"name": "katib-controller", "namespace": "kubeflow", "path": path}
    assert hooks[name]["clientConfig"] == {"service": service}
    assert (hooks[name]["sideEffects"], hooks[name]["admissionReviewVersions"]) == ("None", ["v1"])
    assert not {"failurePolicy", "timeoutSeconds", "matchPolicy", "reinvocationPolicy"} & hooks[name].keys()


def test_only_pods_of_opened_namespaces_are_touched(hooks: dict[str, Document]) -> None:
    labels = hooks["mutator.pod.katib.kubeflow.org"]["namespaceSelector"]["matchLabels"]
    assert labels == {"katib.kubeflow.org/metrics-collector-injection": "enabled"}
    assert "namespaceSelector" not in hooks["validator.experiment.katib.kubeflow.org"]


def test_the_control_planes_own_pods_are_never_touched(hooks: dict[str, Document]) -> None:
    """WH-7."""
    hook = hooks["mutator.pod.katib.kubeflow.org"]
    assert hook["objectSelector"]["matchExpressions"] == [
        {"key": "katib.kubeflow.org/component", "operator": "DoesNotExist"},
        {"key": "katib.kubeflow.org/suggestion", "operator": "DoesNotExist"},
    ]
    [condition] = hook["matchConditions"]
    assert condition["name"] == "exclude-katib-controller"
    assert '"system:serviceaccount:kubeflow:katib-controller"' in condition["expression"]


@pytest.mark.parametrize("path", [WHOLE, SINGLE])
def test_only_the_certificate_secret_may_be_read(api: Api, path: str) -> None:
    """RES-8."""
    documents = objects(render_rbac(api), path)
    granting = [document for document in documents if any("secrets" in rule["resources"] for rule in rules([document]))]
    assert [document["kind"] for document in granting] == ["Role"]
    [secrets] = [rule for rule in rules(documents) if "secrets" in rule["resources"]]
    assert secrets["resourceNames"] == ["katib-webhook-cert"]


@pytest.mark.parametrize("path", [WHOLE, SINGLE])
def test_no_rule_grants_everything(api: Api, path: str) -> None:
    for rule in rules(objects(render_rbac(api), path)):
        assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])


def test_a_single_namespace_needs_no_cluster_role(api: Api) -> None:
    """RES-8."""
    documents = objects(render_rbac(api), SINGLE)
    assert [document["kind"] for document in documents] == ["ServiceAccount", "Role", "RoleBinding"]
    assert not [rule for rule in rules(documents) if {"namespaces", "persistentvolumes"} & set(rule["resources"])]


def test_the_controller_may_grant_what_it_grants(api: Api) -> None:
    """RBAC refuses a Role whose rules its maker does not hold."""
    held = {
        (group, resource, verb)
        for rule in rules(objects(render_rbac(api), WHOLE))
        if "resourceNames" not in rule
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    for rule in api.sources.permissions["made_at_run_time"]["early_stopping_rules"]:
        wanted = {(rule["group"], resource, verb) for resource in rule["resources"] for verb in rule["verbs"]}
        assert wanted <= held


@pytest.mark.parametrize("ending", ["", "-single-namespace"])
def test_a_service_holds_what_its_list_says_and_nothing_else(api: Api, ending: str) -> None:
    """An early-stopping service that all Experiments share may do what the controller gives to one's own."""
    documents = objects(render_rbac(api), f"manifests/v1beta1/components/early-stopping{ending}/rbac.yaml")
    assert {document["metadata"]["name"] for document in documents} == {"katib-early-stopping"}
    assert [rule["verbs"] for rule in rules(documents)] == [["get"], ["patch"]]
    assert [document["kind"] for document in documents][1] == ("Role" if ending else "ClusterRole")


@pytest.mark.parametrize(
    ("file", "old", "new", "render", "message"),
    [
        pytest.param(
            "webhooks.yaml",
            "names.labels.component",
            "names.labels.part",
            render_webhooks,
            "no entry",
            id="no such name",
        ),
        pytest.param(
            "webhooks.yaml",
            "namespace: names.environment.core_namespace",
            "namespace: names.environment.db_name",
            render_webhooks,
            "has no default",
            id="no default",
        ),
        pytest.param("names.yaml", "volumes:", "vessels:", render_names, "has no prefix", id="no such section"),
    ],
)
def test_a_fact_that_is_not_there_is_named(
    workspace: Path, change: Change, file: str, old: str, new: str, render: Any, message: str
) -> None:
    change(file, old, new)
    with pytest.raises(SourceError, match=message):
        render(bundle(load(workspace)))
