"""Models keep what they do not know, refuse what is of the wrong type, and say where."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from katib_apis.v1beta1 import enums, models
from katib_machinery.model import KatibModel, KatibObject, ObjectKey, describe_validation_error

ROOT = Path(__file__).parents[3]
KINDS: list[type[Any]] = [models.Experiment, models.Suggestion, models.Trial]

Document = dict[str, Any]

SURVIVES = [
    pytest.param(models.Experiment, {"status": {"currentOptimalTrial": {"observation": {}}}}, id="empty objects"),
    pytest.param(models.Experiment, {"metadata": {"creationTimestamp": None}, "spec": None}, id="explicit nulls"),
    pytest.param(models.Experiment, {"spec": {"algorithm": {"algorithmSettings": None}}}, id="a null list"),
    pytest.param(models.Experiment, {"spec": {"newField": {"a": [1, None]}}, "other": 1.5}, id="unknown fields"),
    pytest.param(models.Experiment, {"spec": {"resumePolicy": "", "objective": {"type": "best"}}}, id="unknown values"),
    pytest.param(models.Experiment, {"spec": {"objective": {"goal": 0}}}, id="a goal of zero"),
    pytest.param(models.Experiment, {"spec": {"parameters": [{"feasibleSpace": {"list": ["a"]}}]}}, id="a list"),
    pytest.param(
        models.Experiment,
        {"spec": {"trialTemplate": {"trialSpec": {"kind": "Job", "spec": {"x": "${trialParameters.lr}", "y": None}}}}},
        id="any job",
    ),
    pytest.param(
        models.Trial,
        {
            "spec": {
                "metricsCollector": {
                    "collector": {
                        "kind": "Custom",
                        "customCollector": {
                            "name": "c",
                            "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                            "resources": {"limits": {"cpu": 0.5, "memory": "1Gi", "nvidia.com/gpu": 1}},
                            "securityContext": {"runAsUser": 1000},
                            "livenessProbe": {"grpc": {"port": 1}},
                        },
                    },
                    "source": {"httpGet": {"port": "http"}},
                }
            }
        },
        id="a container",
    ),
    pytest.param(
        models.KatibConfig,
        {
            "runtime": {
                "suggestions": [{"algorithmName": "tpe", "image": "i", "env": [{"name": "A"}], "command": ["x"]}]
            }
        },
        id="a container beside our fields",
    ),
]


@pytest.mark.parametrize(("model", "document"), SURVIVES)
def test_what_is_loaded_is_what_is_dumped(model: type[KatibModel], document: Document) -> None:
    loaded = model.from_dict(document)
    assert loaded.to_dict() == document
    assert json.loads(json.dumps(loaded.to_dict())) == document
    assert loaded.deep_copy() == loaded and loaded.deep_copy().to_dict() == document


@pytest.mark.parametrize("path", sorted((ROOT / "examples/v1beta1").rglob("*.yaml")), ids=lambda path: path.name)
def test_the_examples_survive(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        if document and document.get("kind") == "Experiment":
            assert models.Experiment.from_dict(document).to_dict() == document


WRONG = [
    pytest.param({"spec": {"parallelTrialCount": "3"}}, "spec.parallelTrialCount", id="text for a number"),
    pytest.param({"spec": {"parallelTrialCount": True}}, "spec.parallelTrialCount", id="a truth for a number"),
    pytest.param({"spec": {"maxTrialCount": 3.0}}, "spec.maxTrialCount", id="a broken count"),
    pytest.param({"spec": {"objective": {"goal": "0.9"}}}, "spec.objective.goal", id="a goal as text"),
    pytest.param(
        {"spec": {"objective": {"goal": float("inf")}}}, "spec.objective.goal", id="a goal that JSON cannot say"
    ),
    pytest.param(
        {"spec": {"parameters": [{}, {"feasibleSpace": {"min": 0.1}}]}},
        "spec.parameters[1].feasibleSpace.min",
        id="a number for text",
    ),
    pytest.param({"spec": {"resumePolicy": 5}}, "spec.resumePolicy", id="a number for a word"),
    pytest.param({"spec": {"trialTemplate": {"retain": "yes"}}}, "spec.trialTemplate.retain", id="text for a truth"),
    pytest.param({"spec": {"trialTemplate": {"trialSpec": []}}}, "spec.trialTemplate.trialSpec", id="a list"),
    pytest.param({"metadata": {"labels": {"a": 1}}}, "metadata.labels.a", id="a label that is a number"),
    pytest.param({"status": {"startTime": 5}}, "status.startTime", id="a number for a time"),
    pytest.param(
        {"spec": {"metricsCollectorSpec": {"source": {"httpGet": {"port": 1.5}}}}},
        "spec.metricsCollectorSpec.source.httpGet.port",
        id="a broken port",
    ),
]


@pytest.mark.parametrize(("document", "place"), WRONG)
def test_a_wrong_type_is_refused_at_its_place(document: Document, place: str) -> None:
    with pytest.raises(ValidationError) as refused:
        models.Experiment.from_dict(document)
    assert [path for path, _ in describe_validation_error(refused.value)] == [place]


def test_a_goal_keeps_its_spelling() -> None:
    for goal in (1, 1.0, 0.99):
        [written] = models.ObjectiveSpec.from_dict({"goal": goal}).to_dict().values()
        assert (written, type(written)) == (goal, type(goal))


def test_times_are_aware_and_written_in_utc() -> None:
    status = models.TrialStatus.from_dict({"startTime": "2026-01-31T12:00:00+02:00", "completionTime": None})
    assert status.start_time == datetime(2026, 1, 31, 10, tzinfo=UTC)
    assert status.to_dict() == {"startTime": "2026-01-31T10:00:00Z", "completionTime": None}


def test_attributes_are_snake_case_and_absent_ones_are_none() -> None:
    experiment = models.Experiment.from_dict({"spec": {"parallelTrialCount": 2}})
    assert experiment.spec is not None
    assert (experiment.spec.parallel_trial_count, experiment.spec.max_trial_count) == (2, None)
    experiment.spec.max_trial_count = None
    assert experiment.to_dict() == {"spec": {"parallelTrialCount": 2, "maxTrialCount": None}}
    assert models.ObjectiveSpec(objective_metric_name="loss").to_dict() == {"objectiveMetricName": "loss"}


def test_an_enumeration_is_open() -> None:
    known, unknown = (models.ObjectiveSpec.from_dict({"type": value}).type for value in ("minimize", "best"))
    assert known is enums.ObjectiveType.MINIMIZE and known == "minimize"
    assert unknown == "best" and unknown is not None and not unknown.known


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_tell_what_metadata_says(kind: type[KatibObject]) -> None:
    stored = kind.from_dict({"metadata": {"name": "a", "namespace": "n", "resourceVersion": "7", "labels": {"x": "y"}}})
    assert (stored.key, stored.resource_version, dict(stored.labels)) == (ObjectKey("n", "a"), "7", {"x": "y"})
    assert kind.from_dict({}).name == ""


def test_every_model_is_complete_and_every_field_is_optional() -> None:
    for model in vars(models).values():
        if isinstance(model, type) and issubclass(model, KatibModel) and model.__module__ == models.__name__:
            assert model.__pydantic_complete__, model
            assert not any(field.is_required() for field in model.model_fields.values()), model


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
UNKNOWN = st.dictionaries(st.sampled_from(["newer", "x-y", "Kind"]), JSON, max_size=2)
TEXT = st.none() | st.text(max_size=5)


@given(
    template=st.dictionaries(st.text(max_size=3), JSON, max_size=3),
    policy=TEXT,
    kind=TEXT,
    unknown=UNKNOWN,
    deep=UNKNOWN,
)
def test_any_json_survives_in_templates_unknown_fields_and_unknown_values(
    template: Document, policy: str | None, kind: str | None, unknown: Document, deep: Document
) -> None:
    collector = {"collector": {**deep, "kind": kind}}
    document = {**unknown, "trialTemplate": {"trialSpec": template}, "resumePolicy": policy}
    document = {**document, "metricsCollectorSpec": collector}
    spec = models.ExperimentSpec.from_dict(document)
    assert spec.to_dict() == document
    assert spec.deep_copy().to_dict() == document


def test_importing_the_models_loads_no_client_and_no_server() -> None:
    script = "import sys; from katib_apis.v1beta1 import models; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"aiohttp", "kubernetes", "grpc", "google.protobuf", "sqlalchemy", "yaml"} & set(loaded)
