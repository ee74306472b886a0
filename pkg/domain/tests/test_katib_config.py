"""resources.md §7 and RES-1: the KatibConfig."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from katib_apis.v1beta1.models import (
    EarlyStoppingConfig,
    KatibConfig,
    ResourceRequirements,
    Suggestion,
    SuggestionConfig,
)
from katib_domain.katib_config import (
    GroupVersionKind,
    KatibConfigError,
    complete_resources,
    early_stopping_address,
    early_stopping_config,
    get_katib_config,
    known_algorithms,
    metrics_collector_config,
    parse_katib_config,
    parse_trial_resources,
    suggestion_config,
)

HEAD = {"apiVersion": "config.kubeflow.org/v1beta1", "kind": "KatibConfig"}


def config(**runtime: Any) -> KatibConfig:
    return parse_katib_config(yaml.safe_dump({**HEAD, "runtime": runtime}))


def test_an_entry_is_completed_with_defaults() -> None:
    found = suggestion_config(
        config(suggestions=[{"algorithmName": "grid", "image": "i", "imagePullPolicy": "Odd"}]), "grid"
    )
    assert found.image_pull_policy == "IfNotPresent"
    assert found.resources is not None and found.resources.to_dict() == {
        "requests": {"cpu": "50m", "memory": "10Mi", "ephemeral-storage": "500Mi"},
        "limits": {"cpu": "500m", "memory": "100Mi", "ephemeral-storage": "5Gi"},
    }


def memory_limit(algorithm: str, resources: Any = None) -> Any:
    entry = {"algorithmName": algorithm, "image": "i", **({"resources": resources} if resources else {})}
    found = suggestion_config(config(suggestions=[entry]), algorithm).resources
    assert found is not None
    return found.to_dict()["limits"].get("memory")


MODELS = "tpe multivariate-tpe bayesianoptimization cmaes enas nsgaii motpe auto one-of-somebody-elses"


@pytest.mark.parametrize("algorithm", MODELS.split())
def test_an_algorithm_that_may_fit_a_model_gets_memory_for_it(algorithm: str) -> None:
    """D-01: with 100Mi it was killed after some twenty trials."""
    assert memory_limit(algorithm) == "512Mi"
    assert memory_limit(algorithm, {"limits": {"cpu": "1"}}) == "512Mi"
    assert memory_limit(algorithm, {"limits": {"memory": "64Mi"}}) == "64Mi"
    assert memory_limit(algorithm, {"requests": {"memory": "2Gi"}}) == "2Gi"
    assert memory_limit(algorithm, {"limits": {"memory": "-1"}}) is None


@pytest.mark.parametrize("algorithm", "random grid sobol halton hyperband pbt darts".split())
def test_an_algorithm_without_a_model_keeps_the_limit_of_before(algorithm: str) -> None:
    """D-01."""
    assert memory_limit(algorithm) == "100Mi"


def test_early_stopping_keeps_the_limit_of_before() -> None:
    found = early_stopping_config(config(earlyStoppings=[{"algorithmName": "tpe", "image": "i"}]), "tpe").resources
    assert found is not None and found.to_dict()["limits"]["memory"] == "100Mi"


def test_the_last_entry_of_a_name_wins() -> None:
    entries = [{"algorithmName": "tpe", "image": image} for image in ("first", "last")]
    assert suggestion_config(config(suggestions=entries), "tpe").image == "last"


def test_an_entry_with_an_endpoint_needs_no_image() -> None:
    entry = {"algorithmName": "tpe", "endpoint": "katib-suggestion.kubeflow:6789", "timeoutSeconds": 5}
    found = suggestion_config(config(suggestions=[entry]), "tpe")
    assert (found.endpoint, found.timeout_seconds) == ("katib-suggestion.kubeflow:6789", 5)


def test_an_early_stopping_entry_with_an_endpoint_needs_no_image_either() -> None:
    """ES-01."""
    entry = {"algorithmName": "asha", "endpoint": "katib-early-stopping.kubeflow:6788"}
    assert early_stopping_config(config(earlyStoppings=[entry]), "asha").endpoint == entry["endpoint"]
    with pytest.raises(KatibConfigError, match="required value for image"):
        early_stopping_config(config(earlyStoppings=[{"algorithmName": "asha"}]), "asha")


OWN, SHARED = {"image": "i"}, {"endpoint": "all.kubeflow:1"}


@pytest.mark.parametrize(
    ("entry", "stopping", "address"),
    [
        (OWN, OWN, "exp-tpe.ns:6788"),
        (OWN, {"endpoint": "stop.kubeflow:2"}, "stop.kubeflow:2"),
        (SHARED, {"endpoint": "stop.kubeflow:2"}, "stop.kubeflow:2"),
        (SHARED, OWN, "all.kubeflow:1"),
        (None, None, "exp-tpe.ns:6788"),
    ],
)
def test_early_stopping_is_served_for_all_or_beside_the_algorithm(entry: Any, stopping: Any, address: str) -> None:
    """CTL-29, ES-01: the controller asks where the sidecar tells."""
    suggestion = Suggestion.from_dict(
        {"metadata": {"name": "exp", "namespace": "ns"}, "spec": {"algorithm": {"algorithmName": "tpe"}}}
    )
    found = early_stopping_address(
        suggestion,
        None if entry is None else SuggestionConfig.from_dict(entry),
        None if stopping is None else EarlyStoppingConfig.from_dict(stopping),
    )
    assert found == address


RESOURCES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "zero takes the default": ({"requests": {"cpu": "0"}}, {"cpu": "50m"}, {"cpu": "500m"}),
    "negative removes": ({"requests": {"cpu": "-1"}, "limits": {"cpu": "-1"}}, {}, {}),
    "RES-1: a default limit is raised to the request": ({"requests": {"cpu": "2"}}, {"cpu": "2"}, {"cpu": "2"}),
    "RES-1: a default request is lowered to the limit": ({"limits": {"cpu": "20m"}}, {"cpu": "20m"}, {"cpu": "20m"}),
    "a limit of zero takes the default, and is raised": (
        {"requests": {"cpu": "2"}, "limits": {"cpu": "0"}},
        {"cpu": "2"},
        {"cpu": "2"},
    ),
    "a configured limit stays": ({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}, {"cpu": "2"}, {"cpu": "1"}),
}


@pytest.mark.parametrize(("configured", "requests", "limits"), RESOURCES.values(), ids=RESOURCES.keys())
def test_resources_are_completed_key_by_key(
    configured: dict[str, Any], requests: dict[str, Any], limits: dict[str, Any]
) -> None:
    found = complete_resources(ResourceRequirements.from_dict(configured)).to_dict()
    assert {key: value for key, value in found["requests"].items() if key == "cpu"} == requests
    assert {key: value for key, value in found["limits"].items() if key == "cpu"} == limits


def test_a_missing_entry_names_what_there_is() -> None:
    with pytest.raises(KatibConfigError) as caught:
        suggestion_config(config(suggestions=[{"algorithmName": "grid", "image": "i"}]), "tpe")
    assert str(caught.value).startswith(
        "failed to find suggestion config for algorithm: tpe in ConfigMap: katib-config"
    )
    assert str(caught.value).endswith("it has entries for grid")


@pytest.mark.parametrize(
    ("find", "message"),
    [
        (lambda found: early_stopping_config(found, "medianstop"), "early stopping config for algorithm: medianstop"),
        (lambda found: metrics_collector_config(found, "StdOut"), "metrics collector config for kind: StdOut"),
        (lambda found: suggestion_config(found, ""), "suggestion config for algorithm: "),
    ],
)
def test_a_name_without_an_entry_is_an_error(find: Any, message: str) -> None:
    with pytest.raises(KatibConfigError, match=message):
        find(config())


def test_a_blank_image_is_an_error() -> None:
    with pytest.raises(KatibConfigError, match="required value for image configuration of metrics collector config"):
        metrics_collector_config(config(metricsCollectors=[{"kind": "File", "image": " "}]), "File")


TEXTS = {
    "a: [": "not YAML",
    "kind: KatibConfig": "must have apiVersion",
    "[]": "must have apiVersion",
    yaml.safe_dump({**HEAD, "init": {"controller": {"webhookPort": "x"}}}): r"init\.controller\.webhookPort",
}


@pytest.mark.parametrize(("text", "message"), TEXTS.items())
def test_a_text_that_is_no_configuration_is_named(text: str, message: str) -> None:
    with pytest.raises(KatibConfigError, match=message):
        parse_katib_config(text)


def test_unknown_fields_are_ignored() -> None:
    assert parse_katib_config(yaml.safe_dump({**HEAD, "future": {"a": 1}})).runtime is None


def test_a_missing_key_of_the_config_map_is_an_error() -> None:
    with pytest.raises(KatibConfigError, match=r"failed to find katib-config\.yaml in ConfigMap: katib-config"):
        get_katib_config({})


def test_trial_resources_are_kind_version_group() -> None:
    found = parse_trial_resources(["Job.v1.batch", "TrainJob.v1alpha1.trainer.kubeflow.org"])
    assert found[1] == GroupVersionKind("TrainJob", "v1alpha1", "trainer.kubeflow.org")
    with pytest.raises(KatibConfigError, match="invalid GroupVersionKinds"):
        parse_trial_resources(["Job.v1"])


def test_algorithms_with_an_entry_are_known() -> None:
    assert known_algorithms(config(suggestions=[{"algorithmName": "tpe"}, {"algorithmName": "grid"}])) == [
        "grid",
        "tpe",
    ]
