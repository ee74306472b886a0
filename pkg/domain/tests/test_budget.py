"""Completion, additions and requests: controllers.md §2.2 to §2.4, CTL-1, CTL-6, CTL-12, CTL-14, CTL-16."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_apis.v1beta1.models import Experiment, ExperimentSpec, Suggestion, Trial
from katib_domain.budget import (
    Assigned,
    Completion,
    assigned,
    completion,
    requests_after_giving_up,
    requests_wanted,
    restart_wanted,
    trials_to_add,
    trials_to_give_up,
)
from katib_domain.trial_summary import TrialSummary, TrialTally

START = datetime(2026, 1, 1, tzinfo=UTC)


def spec(**fields: Any) -> ExperimentSpec:
    return ExperimentSpec.from_dict({"parallelTrialCount": 3, "maxTrialCount": 12, **fields})


def a_trial(name: str, type_: str, *, second: int = 0, value: str | None = None, deleting: bool = False) -> Trial:
    metadata = {"name": name, "creationTimestamp": (START + timedelta(seconds=second)).isoformat()}
    if deleting:
        metadata["deletionTimestamp"] = START.isoformat()
    raw: dict[str, Any] = {
        "metadata": metadata,
        "spec": {
            "objective": {
                "type": "maximize",
                "objectiveMetricName": "m",
                "metricStrategies": [{"name": "m", "value": "max"}],
            }
        },
        "status": {"conditions": [{"type": type_, "status": "True"}]},
    }
    if value is not None:
        raw["status"]["observation"] = {"metrics": [{"name": "m", "max": value, "latest": value}]}
    return Trial.from_dict(raw)


def summary(**counts: int) -> TrialSummary:
    return TrialTally(
        a_trial(f"{type_.lower()}-{number}", type_) for type_, count in counts.items() for number in range(count)
    ).summary()


GOAL = {"objective": {"type": "maximize", "goal": 0.5, "objectiveMetricName": "m"}}


@pytest.mark.parametrize(
    ("fields", "counts", "ended", "expected"),
    [
        pytest.param({}, {"Running": 3}, False, None, id="goes on"),
        pytest.param({"maxFailedTrialCount": 2}, {"Failed": 2}, False, Completion.MAX_FAILED, id="rule 2"),
        pytest.param({"maxFailedTrialCount": 0}, {"Failed": 1}, False, Completion.MAX_FAILED, id="0: first failure"),
        pytest.param({"maxFailedTrialCount": 0}, {"Succeeded": 1}, False, None, id="0: no failure"),
        pytest.param(
            {"maxFailedTrialCount": 2},
            {"Failed": 1, "MetricsUnavailable": 1},
            False,
            Completion.MAX_FAILED,
            id="lost metrics count as failures",
        ),
        pytest.param({}, {"Succeeded": 12}, False, Completion.MAX_TRIALS, id="rule 3"),
        pytest.param(
            {},
            {"Succeeded": 8, "Failed": 1, "Killed": 1, "EarlyStopped": 1, "MetricsUnavailable": 1},
            False,
            Completion.MAX_TRIALS,
            id="every end counts",
        ),
        pytest.param({"maxTrialCount": None}, {"Succeeded": 100}, False, None, id="no limit"),
        pytest.param({}, {"Succeeded": 5}, True, Completion.SEARCH_ENDED, id="rule 4"),
        pytest.param({}, {"Succeeded": 5, "Running": 1}, True, None, id="rule 4 waits for active ones"),
        pytest.param(
            {"maxFailedTrialCount": 1, "maxTrialCount": 2},
            {"Failed": 2},
            False,
            Completion.MAX_FAILED,
            id="failure goes before the budget",
        ),
    ],
)
def test_completion(fields: dict[str, Any], counts: dict[str, int], ended: bool, expected: Completion | None) -> None:
    assert completion(spec(**fields), summary(**counts), search_ended=ended) is expected


def test_a_goal_goes_before_everything_else() -> None:
    reached = TrialTally([a_trial("a", "Succeeded", value="0.5"), a_trial("b", "Failed")]).summary()
    wanted = spec(**GOAL, maxFailedTrialCount=1, maxTrialCount=2)
    assert completion(wanted, reached, search_ended=True) is Completion.GOAL_REACHED


@pytest.mark.parametrize(
    ("fields", "counts", "add"),
    [
        ({}, {}, 3),
        ({}, {"Running": 2}, 1),
        ({}, {"Running": 3}, 0),
        ({}, {"Running": 5}, 0),
        ({}, {"Succeeded": 11, "Running": 1}, 0),
        ({}, {"Succeeded": 10, "Running": 1}, 1),
        ({}, {"MetricsUnavailable": 11, "Created": 1}, 0),
        ({"maxTrialCount": None}, {"Succeeded": 500, "Created": 1}, 2),
        ({"parallelTrialCount": None}, {}, 3),
    ],
)
def test_how_many_to_add(fields: dict[str, Any], counts: dict[str, int], add: int) -> None:
    """CTL-12: Trials without metrics are done too."""
    assert trials_to_add(spec(**fields), summary(**counts)) == add


def test_who_is_given_up() -> None:
    """CTL-1: active ones only, pending before running, newest first, then by name."""
    trials = [
        a_trial("done", "Succeeded", second=9),
        a_trial("run-old", "Running", second=1),
        a_trial("run-new", "Running", second=2),
        a_trial("wait-b", "Created", second=3),
        a_trial("wait-a", "Created", second=3),
        a_trial("going", "Running", second=4, deleting=True),
    ]
    given_up = trials_to_give_up(spec(parallelTrialCount=1), TrialTally(trials).summary())
    assert [active.name for active in given_up] == ["wait-a", "wait-b", "run-new"]


def a_suggestion(*names: str, count: int | None = None) -> Suggestion:
    status = {"suggestions": [{"name": name} for name in names], "suggestionCount": count or len(names)}
    return Suggestion.from_dict({"status": status})


@pytest.mark.parametrize(
    ("held", "lacking", "add", "requests"),
    [
        pytest.param(Assigned(0), 0, 3, 3, id="start"),
        pytest.param(Assigned(3), 0, 1, 4, id="one succeeded"),
        pytest.param(Assigned(4), 1, 1, 4, id="one early stopped, without a value"),
        pytest.param(Assigned(4), 0, 1, 5, id="its value has come"),
        pytest.param(Assigned(5, ("a",)), 0, 1, 5, id="an assignment waits already"),
        pytest.param(Assigned(5, ("a", "b")), 0, 1, 5, id="more wait than are wanted"),
        pytest.param(Assigned(1500, ("a",)), 0, 3, 1502, id="counters, not list lengths (CTL-6)"),
    ],
)
def test_the_number_of_requests(held: Assigned, lacking: int, add: int, requests: int) -> None:
    stopped = TrialTally(a_trial(f"s{number}", "EarlyStopped") for number in range(lacking)).summary()
    assert requests_wanted(held, stopped, add) == requests


def test_what_waits_is_told_by_names() -> None:
    held = assigned(a_suggestion("a", "b", "c", count=9), frozenset({"b", "x"}))
    assert held == Assigned(9, ("a", "c"))
    assert requests_after_giving_up(held, 2) == 5
    assert assigned(None, frozenset()) == Assigned()


@pytest.mark.parametrize(
    ("reason", "policy", "most", "trials", "restart"),
    [
        ("ExperimentMaxTrialsReached", "LongRunning", 13, 12, True),
        ("ExperimentMaxTrialsReached", "FromVolume", 13, 12, True),
        ("ExperimentMaxTrialsReached", "Never", 13, 12, False),
        ("ExperimentMaxTrialsReached", "LongRunning", 12, 12, False),
        ("ExperimentMaxTrialsReached", "LongRunning", None, 12, True),
        ("ExperimentGoalReached", "LongRunning", 13, 12, False),
        ("ExperimentGoalReached", "LongRunning", None, 12, False),
    ],
)
def test_only_a_raised_budget_restarts(reason: str, policy: str, most: int | None, trials: int, restart: bool) -> None:
    """E4, CTL-14."""
    experiment = Experiment.from_dict(
        {
            "spec": {"resumePolicy": policy, **({} if most is None else {"maxTrialCount": most})},
            "status": {
                "trials": trials,
                "conditions": [{"type": "Succeeded", "status": "True", "reason": reason}],
            },
        }
    )
    assert restart_wanted(experiment) is restart


COUNTS = st.fixed_dictionaries(
    {
        type_: st.integers(0, 6)
        for type_ in ("Succeeded", "Failed", "MetricsUnavailable", "EarlyStopped", "Killed", "Running", "Created")
    }
)


@given(COUNTS, st.integers(1, 8), st.one_of(st.none(), st.integers(1, 30)))
def test_additions_never_break_a_limit(counts: dict[str, int], parallel: int, most: int | None) -> None:
    fields: dict[str, Any] = {"parallelTrialCount": parallel, "maxTrialCount": most}
    picture = summary(**counts)
    add = trials_to_add(spec(**fields), picture)
    assert add >= 0
    if add:
        assert len(picture.active) + add <= parallel
        assert most is None or picture.total + add <= most
    given_up = trials_to_give_up(spec(**fields), picture)
    assert len(picture.active) - len(given_up) == min(len(picture.active), parallel)
    assert not (add and given_up)
