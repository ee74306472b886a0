"""The names that others rely on, and the objects that the package carries for the laptop."""

from importlib.resources import files

import pytest
import yaml

from katib_apis.v1beta1 import defaults, names, resources

RELIED_ON = [
    ("LABEL_EXPERIMENT", "katib.kubeflow.org/experiment"),
    ("LABEL_TRIAL", "katib.kubeflow.org/trial"),
    ("LABEL_METRICS_COLLECTOR_INJECTION", "katib.kubeflow.org/metrics-collector-injection"),
    ("LABEL_VALUE_INJECTION_ENABLED", "enabled"),
    ("FINALIZER_EXPERIMENT", "update-prometheus-metrics"),
    ("FINALIZER_TRIAL", "clean-metrics-in-db"),
    ("ENV_CORE_NAMESPACE", "KATIB_CORE_NAMESPACE"),
    ("ENV_CORE_NAMESPACE_DEFAULT", "kubeflow"),
    ("ENV_TRIAL_NAME", "KATIB_TRIAL_NAME"),
    ("PORT_SUGGESTION", 6789),
    ("PORT_EARLY_STOPPING", 6788),
    ("PORT_TRIAL_METRICS", 8080),
    ("HTTP_PATH_TRIAL_METRICS", "/metrics"),
    ("LABEL_JOB_ROLE", "training.kubeflow.org/job-role"),
    ("PORT_NAME_SUGGESTION", "suggestion-api"),
    ("CONTAINER_LOG_COLLECTOR", "metrics-logger-and-collector"),
    ("VOLUME_METRICS", "metrics-volume"),
    ("PATH_METRICS_FILE", "/var/log/katib/metrics.log"),
    ("OBJECT_CONFIG_MAP", "katib-config"),
    ("HEALTH_SERVICE_SUGGESTION", "manager.v1beta1.Suggestion"),
    ("COMPONENT_TRIAL_CONTROLLER", "trial-controller"),
    ("TRIAL_NAME_ALPHABET", "bcdfghjklmnpqrstvwxz2456789"),
    ("TRIAL_NAME_LENGTH", 8),
    ("VALUE_UNAVAILABLE", "unavailable"),
    ("VALUE_NO_TIME", "0001-01-01T00:00:00Z"),
    ("MARKER_COMPLETED", "completed"),
    ("REASON_EXPERIMENT_MAX_TRIALS_REACHED", "ExperimentMaxTrialsReached"),
    ("EVENT_JOB_CREATED", "JobCreated"),
    ("WEBHOOK_PATH_POD_INJECTOR", "/mutate-pod"),
]


@pytest.mark.parametrize(("constant", "value"), RELIED_ON)
def test_a_name_is_what_katibs_users_rely_on(constant: str, value: str | int) -> None:
    assert getattr(names, constant) == value


def test_defaults_are_the_contracts() -> None:
    assert defaults.EXPERIMENT_SPEC_PARALLEL_TRIAL_COUNT == 3
    assert defaults.EXPERIMENT_SPEC_RESUME_POLICY == "Never"
    assert defaults.COLLECTOR_SPEC_KIND == "StdOut"
    assert defaults.CONTROLLER_CONFIG_TRIAL_RESOURCES == ("Job.v1.batch",)
    assert defaults.METRICS_COLLECTOR_CONFIG_RESOURCES == defaults.EARLY_STOPPING_CONFIG_RESOURCES


def test_addresses_that_are_defaults_have_the_ports_that_are_named() -> None:
    assert f":{names.PORT_METRICS}" == defaults.CONTROLLER_CONFIG_METRICS_ADDR
    assert f":{names.PORT_HEALTH}" == defaults.CONTROLLER_CONFIG_HEALTHZ_ADDR
    assert names.PORT_WEBHOOK == defaults.CONTROLLER_CONFIG_WEBHOOK_PORT
    assert str(names.PORT_DB_MANAGER) == names.ENV_DB_MANAGER_PORT_DEFAULT


def test_resources_lead_to_the_api_servers_paths() -> None:
    assert resources.TRIALS.path("n", "a", "status") == "/apis/kubeflow.org/v1beta1/namespaces/n/trials/a/status"


def test_the_package_carries_what_the_laptop_installs() -> None:
    package = files("katib_apis.v1beta1")
    crds = [yaml.safe_load(file.read_bytes()) for file in sorted(package.joinpath("crds").iterdir(), key=str)]
    assert [crd["metadata"]["name"] for crd in crds] == [
        "experiments.kubeflow.org",
        "suggestions.kubeflow.org",
        "trials.kubeflow.org",
    ]
    kinds = [document["kind"] for document in yaml.safe_load_all(package.joinpath("webhooks.yaml").read_bytes())]
    assert kinds == ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"]
