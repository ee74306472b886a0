"""Models of kubeflow.katib: names, attributes, what each can do, JSON and back (sdk.md, sections 2 and 7)."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import pprint
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kubernetes
import pytest
import yaml

from kubeflow import katib
from kubeflow.katib import models

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples/v1beta1").glob("*/*.yaml"))
ADDED = {"V1beta1ExperimentSpec": ["on_completion"]}


def contract() -> Iterator[tuple[str, list[list[str]]]]:
    """Each class of section 7 with its attributes: Python name, JSON name, type, perhaps `required`."""
    name, fields = "", list[list[str]]()
    for line in Path(__file__).with_name("models.txt").read_text().splitlines():
        if line.startswith(" "):
            fields.append(line.split())
        else:
            name, fields = line, []
            yield name, fields


CLASSES = list(contract())


def reply(body: Any) -> SimpleNamespace:
    return SimpleNamespace(data=json.dumps(body))


def a_whole_experiment() -> dict[str, Any]:
    """One with a custom collector, a status, and values that are easily lost."""
    body: dict[str, Any] = yaml.safe_load(EXAMPLES[0].read_text())
    body["metadata"]["creationTimestamp"] = "2026-01-31T12:00:00Z"
    container = {"name": "c", "image": "i:1", "env": [{"name": "A", "value": ""}], "ports": [{"containerPort": 80}]}
    body["spec"]["metricsCollectorSpec"] = {
        "collector": {"kind": "Custom", "customCollector": container},
        "source": {"httpGet": {"path": "/metrics", "port": "web"}},
    }
    body["spec"]["objective"]["additionalMetricNames"] = []
    condition = {"type": "Running", "status": "True", "lastUpdateTime": "2026-01-31T12:00:01Z"}
    body["status"] = {"trialsFailed": 0, "conditions": [condition], "startTime": "2026-01-31T12:00:00Z"}
    return body


def test_there_are_the_41_classes_of_section_2() -> None:
    assert len(CLASSES) == 41
    assert sorted(models.MODULES) == [name for name, _ in CLASSES]
    assert {name for name in katib.__all__ if name.startswith("V1beta1")} == set(models.MODULES)


@pytest.mark.parametrize(("name", "fields"), CLASSES, ids=[name for name, _ in CLASSES])
def test_a_class_has_the_attributes_of_section_7_in_their_order(name: str, fields: list[list[str]]) -> None:
    model, added = getattr(katib, name), ADDED.get(name, [])
    assert model is getattr(models, name)
    attributes = {field[0]: field for field in fields}
    shown = {key: value.replace(", ", ",") for key, value in model.openapi_types.items() if key not in added}
    assert shown == {key: field[2] for key, field in attributes.items()}
    assert {key: model.attribute_map[key] for key in shown} == {key: field[1] for key, field in attributes.items()}
    assert sorted(model.required_attributes) == sorted(field[0] for field in fields if field[3:] == ["required"])
    parameters = inspect.signature(model).parameters
    assert list(parameters)[: len(fields) + 1] == [*attributes, "local_vars_configuration"]
    assert all(parameters[key].kind is inspect.Parameter.KEYWORD_ONLY for key in added)
    defaults = {parameters[field[0]].default for field in fields if field[2] != "str" or field[3:] != ["required"]}
    assert defaults == {None}


def test_a_model_takes_its_attributes_by_place_by_keyword_and_by_assignment() -> None:
    by_place = katib.V1beta1FeasibleSpace(None, ["a"], "2", "1")
    assert by_place == katib.V1beta1FeasibleSpace(list=["a"], max="2", min="1")
    by_place.step = "0.5"
    assert by_place.step == "0.5" and by_place != katib.V1beta1FeasibleSpace(list=["a"], max="2", min="1")
    unchecked: Any = "not checked"
    assert katib.V1beta1GraphConfig(num_layers=unchecked).num_layers == unchecked
    with pytest.raises(TypeError):
        katib.V1beta1Metric(mean="1")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        by_place["step"]  # type: ignore[index]


@pytest.mark.parametrize("name", ["V1beta1ExperimentList", "V1beta1SuggestionList", "V1beta1TrialList"])
def test_a_list_without_items_is_refused_unless_the_configuration_says_otherwise(name: str) -> None:
    model = getattr(katib, name)
    with pytest.raises(ValueError, match=f"{name}.items must not be None"):
        model()
    found = model(items=[])
    with pytest.raises(ValueError, match="items"):
        found.items = None
    lenient = katib.Configuration()
    lenient.client_side_validation = False
    assert model(local_vars_configuration=lenient).items is None


def test_a_condition_has_empty_texts_where_nothing_was_said() -> None:
    for model in (katib.V1beta1ExperimentCondition, katib.V1beta1SuggestionCondition, katib.V1beta1TrialCondition):
        assert (model().type, model().status) == ("", "")
        with pytest.raises(ValueError, match="status must not be None"):
            model(status=None)  # type: ignore[arg-type]


def test_a_model_carries_a_configuration_and_no_discriminator() -> None:
    metric = katib.V1beta1Metric()
    assert metric.discriminator is None
    assert isinstance(metric.local_vars_configuration, katib.Configuration)
    own = katib.Configuration(host="http://localhost")
    assert katib.V1beta1Metric(local_vars_configuration=own).local_vars_configuration is own


def test_to_dict_has_python_names_and_absent_attributes_all_the_way_down() -> None:
    rule = katib.V1beta1EarlyStoppingRule(name="loss", start_step=0)
    trial = katib.V1beta1Trial(
        metadata=kubernetes.client.V1ObjectMeta(name="t"),
        spec=katib.V1beta1TrialSpec(early_stopping_rules=[rule], labels={"a": "b"}, run_spec={"apiVersion": "v1"}),
    )
    found = trial.to_dict()
    assert found["api_version"] is None and found["metadata"]["name"] == "t" and found["metadata"]["uid"] is None
    assert found["spec"]["early_stopping_rules"] == [
        {"comparison": None, "name": "loss", "start_step": 0, "value": None}
    ]
    assert found["spec"]["run_spec"] == {"apiVersion": "v1"} and found["spec"]["labels"] == {"a": "b"}
    assert trial.to_str() == repr(trial) == pprint.pformat(found)


def test_models_are_equal_when_they_say_the_same_and_are_of_one_class() -> None:
    setting = katib.V1beta1AlgorithmSetting(name="a", value="1")
    assert setting == copy.deepcopy(setting) == pickle.loads(pickle.dumps(setting))
    assert setting != katib.V1beta1EarlyStoppingSetting(name="a", value="1")
    assert setting != {"name": "a", "value": "1"}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_comes_back_as_it_was_from_both_clients(file: Path) -> None:
    body = yaml.safe_load(file.read_text())
    experiment = katib.ApiClient().deserialize(reply(body), "V1beta1Experiment")
    assert isinstance(experiment, katib.V1beta1Experiment)
    assert katib.ApiClient().sanitize_for_serialization(experiment) == body
    assert kubernetes.client.ApiClient().sanitize_for_serialization(experiment) == body
    again = katib.ApiClient().deserialize(reply(body), katib.V1beta1Experiment)
    assert again == experiment and copy.deepcopy(experiment) == experiment


def test_core_types_are_those_of_the_kubernetes_client() -> None:
    experiment = katib.ApiClient().deserialize(reply(a_whole_experiment()), "V1beta1Experiment")
    collector = experiment.spec.metrics_collector_spec
    assert isinstance(experiment.metadata, kubernetes.client.V1ObjectMeta)
    assert isinstance(collector.collector.custom_collector, kubernetes.client.V1Container)
    assert isinstance(collector.source.http_get, kubernetes.client.V1HTTPGetAction)
    assert experiment.metadata.creation_timestamp == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert isinstance(experiment.spec.trial_template.trial_spec, dict)


def test_empty_lists_zeros_and_times_survive_and_absent_ones_are_left_out() -> None:
    body = a_whole_experiment()
    experiment = katib.ApiClient().deserialize(reply(body), "V1beta1Experiment")
    found = katib.ApiClient().sanitize_for_serialization(experiment)
    assert found["spec"] == body["spec"] and found["spec"]["objective"]["additionalMetricNames"] == []
    assert found["status"]["trialsFailed"] == 0 and found["status"]["startTime"] == "2026-01-31T12:00:00+00:00"
    assert found == kubernetes.client.ApiClient().sanitize_for_serialization(experiment)
    assert katib.ApiClient().sanitize_for_serialization(katib.V1beta1TrialTemplate(retain=False)) == {"retain": False}


def test_unknown_keys_are_left_out_and_primitive_values_become_what_the_field_is() -> None:
    client = katib.ApiClient()
    body = {"spec": {"requests": "5", "newField": 1}, "new": {}, "status": {"conditions": [{"message": 4}]}}
    suggestion = client.deserialize(reply(body), "V1beta1Suggestion")
    assert suggestion.spec.requests == 5 and not hasattr(suggestion, "new")
    condition = suggestion.status.conditions[0]
    assert (condition.message, condition.status, condition.type) == ("4", "", "")
    assert client.deserialize(reply({"retain": "no"}), "V1beta1TrialTemplate").retain is True


def test_lists_dicts_and_plain_values_are_read_by_the_name_of_their_type() -> None:
    client = katib.ApiClient()
    trials = client.deserialize(reply([{"metadata": {"name": "t"}}]), "list[V1beta1Trial]")
    assert [type(trial) for trial in trials] == [katib.V1beta1Trial] and trials[0].metadata.name == "t"
    assert client.deserialize(reply({"a": 1}), "dict(str, str)") == {"a": "1"}
    assert client.deserialize(reply({"a": 1}), "object") == {"a": 1}
    assert client.deserialize(reply(None), "V1beta1Trial") is None
    with pytest.raises(katib.ApiException, match="yesterday"):
        client.deserialize(reply({"startTime": "yesterday"}), "V1beta1TrialStatus")


def test_what_is_no_model_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="SimpleNamespace is neither a model nor a JSON value"):
        katib.ApiClient().sanitize_for_serialization({"a": SimpleNamespace()})


def test_clients_errors_and_configurations_are_there() -> None:
    assert katib.ApiClient().user_agent == "OpenAPI-Generator/0.1/python"
    assert issubclass(katib.ApiTypeError, katib.OpenApiException) and issubclass(katib.ApiTypeError, TypeError)
    assert issubclass(katib.ApiValueError, ValueError) and issubclass(katib.ApiKeyError, KeyError)
    assert issubclass(katib.ApiException, katib.OpenApiException)
    katib.Configuration.set_default(katib.Configuration(host="http://katib"))
    try:
        assert katib.ApiClient().configuration.host == "http://katib"
        assert kubernetes.client.Configuration.get_default_copy().host != "http://katib"
    finally:
        katib.Configuration.set_default(None)


def test_every_name_of_kubernetes_is_a_name_of_models() -> None:
    assert models.V1Volume is kubernetes.client.V1Volume
    assert {name for name in dir(kubernetes.client) if not name.startswith("_")} <= set(dir(models))
    space: dict[str, Any] = {}
    exec("from kubeflow.katib.models import *", space)
    assert space["V1Container"] is kubernetes.client.V1Container and space["V1beta1Trial"] is katib.V1beta1Trial
    with pytest.raises(AttributeError, match="has no attribute 'V1beta1Pizza'"):
        getattr(models, "V1beta1Pizza")  # noqa: B009 (what mypy would refuse)
    with pytest.raises(ImportError):
        exec("from kubeflow.katib import V1Container")


def test_the_import_brings_no_other_package_along() -> None:
    program = (
        "import sys; from kubeflow import katib; katib.V1beta1Experiment()\n"
        "print([name for name in ('kubernetes', 'grpc', 'pydantic', 'katib_apis') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_neighbour_in_the_shared_package_stays_importable(tmp_path: Path) -> None:
    """Section 1: kubeflow belongs to several distributions, wherever each is installed."""
    shared = (ROOT / "sdk/python/kubeflow/__init__.py").read_text()
    for folder in ("first", "second"):
        package = tmp_path / folder / "kubeflow" / folder
        package.mkdir(parents=True)
        package.joinpath("__init__.py").write_text("")
        package.parent.joinpath("__init__.py").write_text(shared)
    program = "import kubeflow.first, kubeflow.second, kubeflow.katib"
    path = ":".join(str(folder) for folder in (tmp_path / "first", tmp_path / "second", ROOT / "sdk/python"))
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": path}, check=True)
