"""webhooks.md §3 with WH-11: defaults are added and nothing else changes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_domain.defaults import default_experiment, default_patch, render_patch

OBJECTIVE = {"type": "maximize", "objectiveMetricName": "acc", "additionalMetricNames": ["loss", "f1"]}


def spec(**fields: Any) -> dict[str, Any]:
    return default_experiment({"spec": fields})["spec"]  # type: ignore[no-any-return]


def test_an_empty_spec_gets_the_plain_defaults() -> None:
    assert spec() == {
        "parallelTrialCount": 3,
        "resumePolicy": "Never",
        "metricsCollectorSpec": {"collector": {"kind": "StdOut"}},
    }


def test_what_is_given_stays() -> None:
    given_spec = {
        "parallelTrialCount": 0,
        "resumePolicy": "LongRunning",
        "metricsCollectorSpec": {"collector": {"kind": "Push"}},
    }
    assert spec(**given_spec) == given_spec


@pytest.mark.parametrize(("kind", "strategy"), [("maximize", "max"), ("minimize", "min"), ("odd", "latest")])
def test_every_metric_gets_a_strategy_by_the_type_of_the_objective(kind: str, strategy: str) -> None:
    strategies = spec(objective={**OBJECTIVE, "type": kind})["objective"]["metricStrategies"]
    assert strategies == [{"name": name, "value": strategy} for name in ("acc", "loss", "f1")]


def test_given_strategies_stay_first() -> None:
    objective = {**OBJECTIVE, "metricStrategies": [{"name": "loss", "value": "latest"}]}
    names = [entry["name"] for entry in spec(objective=objective)["objective"]["metricStrategies"]]
    assert names == ["loss", "acc", "f1"]


COMPLETE = 'status.conditions.#(type=="Complete")#|#(status=="True")#'
SUCCEEDED = 'status.conditions.#(type=="Succeeded")#|#(status=="True")#'
FAILED = 'status.conditions.#(type=="Failed")#|#(status=="True")#'
TEMPLATES = {
    "Job": (COMPLETE, FAILED, None),
    "TrainJob": (
        COMPLETE,
        FAILED,
        {"jobset.sigs.k8s.io/replicatedjob-name": "node", "batch.kubernetes.io/job-completion-index": "0"},
    ),
    "PyTorchJob": (SUCCEEDED, FAILED, {"training.kubeflow.org/job-role": "master"}),
    "Workflow": (None, None, None),
}


@pytest.mark.parametrize(("kind", "expected"), TEMPLATES.items())
def test_conditions_and_primary_pods_follow_the_kind(kind: str, expected: tuple[Any, ...]) -> None:
    template = spec(trialTemplate={"trialSpec": {"kind": kind}})["trialTemplate"]
    assert (
        template.get("successCondition"),
        template.get("failureCondition"),
        template.get("primaryPodLabels"),
    ) == expected


def test_a_template_of_a_config_map_gets_no_conditions() -> None:
    assert spec(trialTemplate={"configMap": {}})["trialTemplate"] == {"configMap": {}}


COLLECTORS: dict[str, Any] = {
    "File": {"fileSystemPath": {"kind": "File", "path": "/var/log/katib/metrics.log", "format": "TEXT"}},
    "TensorFlowEvent": {"fileSystemPath": {"kind": "Directory", "path": "/var/log/katib/tfevent/"}},
    "PrometheusMetric": {"httpGet": {"path": "/metrics", "port": 8080}},
    "StdOut": None,
    "Push": None,
    "Custom": None,
}


@pytest.mark.parametrize(("kind", "source"), COLLECTORS.items())
def test_a_collectors_source_is_completed(kind: str, source: Any) -> None:
    assert spec(metricsCollectorSpec={"collector": {"kind": kind}})["metricsCollectorSpec"].get("source") == source


def test_a_distribution_is_uniform_also_for_lists_but_not_inside_nas() -> None:
    nas = {"operations": [{"parameters": [{"feasibleSpace": {}}]}]}
    complete = spec(
        parameters=[{"feasibleSpace": {"list": ["a"]}}, {}, {"feasibleSpace": {"distribution": "normal"}}],
        nasConfig=nas,
    )
    assert [entry["feasibleSpace"]["distribution"] for entry in complete["parameters"]] == [
        "uniform",
        "uniform",
        "normal",
    ]
    assert complete["nasConfig"] == nas


def applied(document: Any, patch: list[dict[str, Any]]) -> Any:
    """RFC 6902, as far as it is used here."""
    document = copy.deepcopy(document)
    for operation in patch:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        target = document
        for part in parents:
            target = target[int(part)] if isinstance(target, list) else target[part]
        if operation["op"] == "remove":
            del target[int(last) if isinstance(target, list) else last]
        elif isinstance(target, list):
            target.append(operation["value"]) if last == "-" else target.__setitem__(int(last), operation["value"])
        else:
            target[last] = operation["value"]
    return document


def test_the_patch_only_adds_and_keeps_unknown_fields() -> None:
    """WH-11."""
    experiment = {"spec": {"objective": OBJECTIVE, "future": {"a/b~c": None}, "parameters": [{"name": "x"}]}}
    patch = default_patch(experiment)
    assert {operation["op"] for operation in patch} == {"add"}
    assert not [operation for operation in patch if operation["path"].startswith("/status")]
    assert applied(experiment, patch) == default_experiment(experiment)
    assert default_experiment(experiment)["spec"]["future"] == {"a/b~c": None}


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json), st.dictionaries(st.text(), json))
def test_a_patch_leads_from_one_value_to_the_other(before: Any, after: Any) -> None:
    assert applied(before, list(render_patch(before, after))) == after


FIELDS = ["parallelTrialCount", "objective", "trialTemplate", "metricsCollectorSpec", "parameters", "resumePolicy"]


objectives = st.fixed_dictionaries(
    {"objectiveMetricName": json},
    optional={"additionalMetricNames": json, "metricStrategies": st.lists(st.dictionaries(st.just("name"), json))},
)


@given(st.fixed_dictionaries({}, optional={**dict.fromkeys(FIELDS, json), "objective": json | objectives}))
def test_no_shape_is_too_odd_and_defaulting_twice_changes_nothing(odd: Any) -> None:
    once = default_experiment({"spec": odd})
    assert default_experiment(once) == once
