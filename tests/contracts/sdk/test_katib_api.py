"""kubeflow_katib_api (sdk.md, section 8): names, strictness, JSON and back."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

import kubeflow_katib_api
from kubeflow_katib_api import models

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples/v1beta1").glob("*/*.yaml"))
KATIB = [line for line in Path(__file__).with_name("models.txt").read_text().splitlines() if not line.startswith(" ")]
# What kubeflow's OptimizerClient and the contract name.
KUBERNETES = (
    "IoK8sApiCoreV1Container IoK8sApiCoreV1EmptyDirVolumeSource IoK8sApiCoreV1EnvVar IoK8sApiCoreV1EventList "
    "IoK8sApiCoreV1HTTPGetAction IoK8sApiCoreV1ObjectReference IoK8sApiCoreV1PodList IoK8sApiCoreV1PodTemplateSpec "
    "IoK8sApiCoreV1ResourceRequirements IoK8sApiCoreV1Toleration IoK8sApiCoreV1Volume IoK8sApiCoreV1VolumeMount "
    "IoK8sApimachineryPkgApiResourceQuantity IoK8sApimachineryPkgApisMetaV1Condition "
    "IoK8sApimachineryPkgApisMetaV1ListMeta IoK8sApimachineryPkgApisMetaV1ObjectMeta "
    "IoK8sApimachineryPkgUtilIntstrIntOrString"
).split()


def test_there_are_katibs_classes_and_those_of_kubernetes() -> None:
    assert {name for name in models.__all__ if name.startswith("V1beta1")} == set(KATIB)
    assert set(KUBERNETES) <= set(models.__all__)
    assert sum(name.startswith("IoK8sApiCoreV1") for name in models.__all__) > 200
    assert kubeflow_katib_api.__version__ == "0.19.0"


def test_every_class_can_be_imported_and_lies_in_a_module_of_its_own() -> None:
    program = (
        "import warnings; warnings.simplefilter('error')\n"
        "from kubeflow_katib_api import models\n"
        "classes = [getattr(models, name) for name in models.__all__]\n"
        "print(len({found.__module__ for found in classes}) == len(classes))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
    assert models.IoK8sApiCoreV1Container.__module__ == "kubeflow_katib_api.models.io_k8s_api_core_v1_container"
    with pytest.raises(AttributeError, match="has no attribute 'V1beta1Pizza'"):
        getattr(models, "V1beta1Pizza")  # noqa: B009 (what mypy would refuse)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_comes_back_as_it_was(file: Path) -> None:
    body = yaml.safe_load(file.read_text())
    experiment = models.V1beta1Experiment.from_dict(body)
    assert experiment is not None and experiment.to_dict() == body
    assert models.V1beta1Experiment.from_json(experiment.to_json()) == experiment


def test_fields_go_by_python_and_by_json_name_and_unknown_ones_are_left_out() -> None:
    by_python = models.V1beta1AlgorithmSpec(algorithm_name="tpe")
    by_json: Any = models.V1beta1AlgorithmSpec.from_dict({"algorithmName": "tpe", "new": 1})
    assert by_python == by_json and by_python.to_dict() == {"algorithmName": "tpe"}
    assert "'algorithmSettings': None" in by_python.to_str()
    assert models.V1beta1AlgorithmSpec.from_dict(None) is None
    assert models.IoK8sApiCoreV1LifecycleHandler.model_fields["var_exec"].alias == "exec"
    assert models.IoK8sApiCoreV1PodStatus.model_fields["pod_ips"].alias == "podIPs"


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (models.V1beta1ExperimentSpec, {"maxTrialCount": "5"}),
        (models.V1beta1ParameterAssignment, {"value": 0.5}),
        (models.V1beta1ObjectiveSpec, {"goal": "0.9"}),
        (models.V1beta1TrialSpec, {"retainRun": 1}),
        (models.V1beta1ExperimentList, {}),
        (models.V1beta1ExperimentList, {"items": None}),
        (models.V1beta1TrialCondition, {"type": "Running"}),
        (models.V1beta1CollectorSpec, {"customCollector": {"image": "i:1"}}),
    ],
)
def test_a_value_of_another_type_and_a_missing_one_are_refused(model: Any, body: Any) -> None:
    with pytest.raises(ValidationError):
        model.from_dict(body)


def test_null_is_absent_and_numbers_keep_their_type() -> None:
    experiment = models.V1beta1Experiment.from_dict({"status": None, "spec": {"objective": {"goal": 1}}})
    assert experiment is not None and experiment.to_dict() == {"spec": {"objective": {"goal": 1}}}
    assert models.V1beta1ExperimentList.from_dict({"items": []}) is not None


def test_assignments_are_checked() -> None:
    spec = models.V1beta1ExperimentSpec(max_trial_count=3)
    with pytest.raises(ValidationError):
        spec.max_trial_count = "3"  # type: ignore[assignment]


def test_times_stay_times_in_dicts_and_are_text_in_json() -> None:
    status = models.V1beta1TrialStatus.from_dict({"startTime": "2026-01-31T12:00:00Z"})
    assert status is not None
    assert status.to_dict() == {"startTime": datetime(2026, 1, 31, 12, tzinfo=UTC)}
    assert json.loads(status.to_json()) == {"startTime": "2026-01-31T12:00:00+00:00"}


def test_a_quantity_is_one_of_text_and_number() -> None:
    quantity = models.IoK8sApimachineryPkgApiResourceQuantity
    wrapped: Any = models.IoK8sApiCoreV1ResourceRequirements(limits={"cpu": quantity(1), "memory": quantity("1Gi")})
    assert wrapped.limits["memory"].actual_instance == "1Gi"
    assert wrapped.to_dict() == {"limits": {"cpu": 1.0, "memory": "1Gi"}}
    assert isinstance(wrapped.to_dict()["limits"]["cpu"], float)
    plain = models.IoK8sApiCoreV1ResourceRequirements.from_dict({"limits": {"cpu": 1, "memory": "1Gi"}})
    assert plain == wrapped
    port = models.IoK8sApimachineryPkgUtilIntstrIntOrString(80)
    assert models.IoK8sApiCoreV1HTTPGetAction(port=port).to_dict() == {"port": 80}
    with pytest.raises(ValidationError):
        quantity([])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one value"):
        quantity(1, 2)  # type: ignore[call-arg]


def test_it_needs_pydantic_alone() -> None:
    program = (
        "import sys; from kubeflow_katib_api import models; models.V1beta1Experiment\n"
        "print([name for name in ('kubernetes', 'kubeflow', 'katib_apis', 'grpc') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
