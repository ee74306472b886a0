"""The tally of Trials: classification, order, optimum (controllers.md §2.1, CTL-16, CTL-22), kept incrementally."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_apis.v1beta1.models import ExperimentStatus, Trial
from katib_domain.trial_summary import Bucket, TrialTally, bucket_of, summarise

START = datetime(2026, 1, 1, tzinfo=UTC)


def a_trial(
    name: str, *types: str, value: str | None = None, second: int = 0, kind: str = "maximize", ended: int = 0
) -> Trial:
    raw: dict[str, Any] = {
        "metadata": {
            "name": name,
            "namespace": "ns",
            "creationTimestamp": (START + timedelta(seconds=second)).isoformat(),
        },
        "spec": {
            "objective": {
                "type": kind,
                "objectiveMetricName": "m",
                "metricStrategies": [{"name": "m", "value": "latest"}],
            },
            "parameterAssignments": [{"name": "p", "value": name}],
        },
        "status": {
            "conditions": [{"type": type_, "status": "True", "message": f"{type_} of {name}"} for type_ in types],
            "completionTime": (START + timedelta(seconds=ended)).isoformat(),
        },
    }
    if value is not None:
        raw["status"]["observation"] = {"metrics": [{"name": "m", "latest": value}]}
    return Trial.from_dict(raw)


@pytest.mark.parametrize(
    ("types", "bucket"),
    [
        ((), Bucket.PENDING),
        (("Created",), Bucket.PENDING),
        (("Created", "Running"), Bucket.RUNNING),
        (("Running", "Succeeded"), Bucket.SUCCEEDED),
        (("Succeeded", "Failed"), Bucket.FAILED),
        (("Failed", "Killed"), Bucket.KILLED),
        (("EarlyStopped", "MetricsUnavailable"), Bucket.EARLY_STOPPED),
        (("EarlyStopped", "Running"), Bucket.EARLY_STOPPED),
        (("Running", "MetricsUnavailable"), Bucket.RUNNING),
        (("Created", "MetricsUnavailable"), Bucket.METRICS_UNAVAILABLE),
        (("Created", "Stalled"), Bucket.PENDING),
    ],
)
def test_a_trial_is_counted_in_the_first_bucket_that_fits(types: tuple[str, ...], bucket: Bucket) -> None:
    assert bucket_of(a_trial("t", *types)) is bucket


def test_lists_are_ordered_by_creation_then_name() -> None:
    """CTL-22."""
    trials = [
        a_trial("c", "Running", second=1),
        a_trial("b", "Running", second=2),
        a_trial("a", "Running", second=2),
    ]
    assert TrialTally(trials).summary().buckets[Bucket.RUNNING] == ("c", "a", "b")


@pytest.mark.parametrize(
    ("kind", "values", "best"),
    [
        ("maximize", ["0.1", "0.3", "0.2"], "t1"),
        ("minimize", ["0.1", "0.3", "0.2"], "t0"),
        ("maximize", ["0.3", "0.3", "0.2"], "t0"),
        ("maximize", ["nan", "0.1", "inf"], "t1"),
        ("maximize", ["text", "0.1", "other"], "t1"),
        ("maximize", ["text", "unavailable", "other"], "t2"),
        ("maximize", ["unavailable", "", "nan"], None),
    ],
)
def test_the_best_trial(kind: str, values: list[str], best: str | None) -> None:
    """CTL-22: numbers before texts, the latest text, ties keep the earlier Trial."""
    trials = [
        a_trial(f"t{number}", "Succeeded", value=value, second=number, kind=kind, ended=number)
        for number, value in enumerate(values)
    ]
    for order in (trials, trials[::-1]):
        found = TrialTally(order).summary().best
        assert (found.name if found is not None else None) == best


@pytest.mark.parametrize(
    ("types", "value", "lacking"),
    [
        (("EarlyStopped",), None, 1),
        (("EarlyStopped",), "unavailable", 1),
        (("EarlyStopped",), "0.5", 0),
        (("EarlyStopped", "MetricsUnavailable"), None, 0),
        (("Running",), None, 0),
    ],
)
def test_only_an_early_stopped_trial_without_a_value_lacks_one(
    types: tuple[str, ...], value: str | None, lacking: int
) -> None:
    """CTL-16."""
    assert TrialTally([a_trial("t", *types, value=value)]).summary().lacking_observation == lacking


def test_stalls_count_only_while_a_trial_is_active_and_the_last_failure_is_told() -> None:
    trials = [
        a_trial("a", "Created", "Stalled"),
        a_trial("b", "Failed", "Stalled", ended=1),
        a_trial("c", "MetricsUnavailable", ended=2),
    ]
    summary = TrialTally(trials).summary()
    assert [trouble.trial for trouble in summary.stalled] == ["a"]
    assert summary.last_failure is not None and summary.last_failure.trial == "c"
    assert (summary.failed, summary.completed, summary.total) == (2, 2, 3)


def test_the_status_leaves_zeros_out_and_keeps_the_old_optimum() -> None:
    status = ExperimentStatus.from_dict(
        {"currentOptimalTrial": {"bestTrialName": "old"}, "trialsFailed": 3, "failedTrialList": ["x"], "trials": 3}
    )
    written = summarise(status, TrialTally([a_trial("t", "Running")]).summary()).to_dict()
    assert written == {
        "currentOptimalTrial": {"bestTrialName": "old"},
        "trials": 1,
        "trialsRunning": 1,
        "runningTrialList": ["t"],
    }


def test_the_status_has_the_optimums_assignments_and_metrics() -> None:
    written = summarise(ExperimentStatus(), TrialTally([a_trial("t", "Succeeded", value="1")]).summary()).to_dict()
    assert written["currentOptimalTrial"] == {
        "bestTrialName": "t",
        "parameterAssignments": [{"name": "p", "value": "t"}],
        "observation": {"metrics": [{"name": "m", "latest": "1"}]},
    }
    assert (written["trialsSucceeded"], written["succeededTrialList"]) == (1, ["t"])


STATES = ((), ("Running",), ("Succeeded",), ("Failed",), ("EarlyStopped",), ("MetricsUnavailable",), ("Killed",))
STEPS = st.lists(
    st.tuples(
        st.integers(0, 5), st.sampled_from([None, *STATES]), st.sampled_from([None, "1", "2", "text", "unavailable"])
    ),
    max_size=30,
)


@given(STEPS)
def test_a_tally_that_was_changed_step_by_step_equals_one_that_counts_anew(
    steps: list[tuple[int, tuple[str, ...] | None, str | None]],
) -> None:
    tally, trials = TrialTally(), dict[str, Trial]()
    for number, types, value in steps:
        name = f"t{number}"
        if types is None:
            tally.drop(name)
            trials.pop(name, None)
        else:
            trials[name] = a_trial(name, *types, value=value, second=number % 3)
            tally.put(trials[name])
    assert tally.summary() == TrialTally(trials.values()).summary()
    assert [trial.name for trial in tally.trials()] == [
        trial.name for trial in TrialTally(list(trials.values())[::-1]).trials()
    ]


def test_the_version_moves_with_states_only() -> None:
    tally = TrialTally([a_trial("t", "Running")])
    version = tally.version
    tally.put(a_trial("t", "Running", value="1"))
    assert tally.version == version
    tally.put(a_trial("t", "Succeeded", value="1"))
    assert tally.version > version
