"""The setting rule of resources.md §6, the effects of each mark, and RES-10's place before the last entry."""

from datetime import UTC, datetime, timedelta

import pytest

from katib_apis.v1beta1.models import (
    Experiment,
    ExperimentStatus,
    Suggestion,
    SuggestionStatus,
    Trial,
    TrialCondition,
    TrialStatus,
)
from katib_domain import marks
from katib_domain.conditions import has_condition, is_completed, last_type, set_condition, set_side_condition

THEN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = THEN + timedelta(minutes=1)


def entry(type_: str = "Running", status: str = "True", reason: str = "R", message: str = "m") -> TrialCondition:
    return TrialCondition.from_dict({"type": type_, "status": status, "reason": reason, "message": message})


def shown(status: ExperimentStatus | SuggestionStatus | TrialStatus) -> list[str]:
    return [f"{condition.type}={condition.status}" for condition in status.conditions or ()]


@pytest.mark.parametrize(
    ("wanted", "last_update", "last_transition", "message"),
    [
        pytest.param(entry(message="other"), THEN, THEN, "m", id="same status and reason: nothing"),
        pytest.param(entry(reason="S", message="n"), NOW, THEN, "n", id="other reason: transition kept"),
        pytest.param(entry(status="False"), NOW, NOW, "m", id="other status: both times now"),
    ],
)
def test_the_setting_rule(
    wanted: TrialCondition, last_update: datetime, last_transition: datetime, message: str
) -> None:
    before = set_condition(set_condition([], entry(), THEN), entry("Created"), THEN)
    after = set_condition(before, wanted, NOW)
    running = next(condition for condition in after if condition.type == "Running")
    assert (running.last_update_time, running.last_transition_time) == (last_update, last_transition)
    assert running.message == message
    assert (after == before) == (last_update == THEN)
    assert last_type(after) == ("Created" if last_update == THEN else "Running")


def test_setting_a_condition_leaves_the_given_list_alone() -> None:
    before = set_condition([], entry(), THEN)
    set_condition(before, entry(status="False"), NOW)
    assert before[0].status == "True"


def test_a_side_condition_stands_before_the_last_and_follows_its_message() -> None:
    """RES-10."""
    conditions = set_condition(set_condition([], entry("Created"), THEN), entry("Running"), THEN)
    stalled = set_side_condition(conditions, entry("Stalled", message="a"), THEN)
    assert [condition.type for condition in stalled] == ["Created", "Stalled", "Running"]
    again = set_side_condition(stalled, entry("Stalled", message="b"), NOW)
    assert [condition.type for condition in again] == ["Created", "Stalled", "Running"]
    assert (again[1].message, again[1].last_update_time, again[1].last_transition_time) == ("b", NOW, THEN)
    assert set_side_condition(again, entry("Stalled", message="b"), NOW + timedelta(1)) == again


def test_a_side_condition_alone_is_the_only_entry() -> None:
    assert [condition.type for condition in set_side_condition([], entry("Stalled"), NOW)] == ["Stalled"]


def an_experiment(*wanted: object) -> ExperimentStatus:
    status = ExperimentStatus()
    for condition in wanted:
        status = marks.mark_experiment(status, condition, THEN)  # type: ignore[arg-type]
    return status


def test_an_end_switches_running_off_and_keeps_its_words() -> None:
    status = an_experiment(marks.EXPERIMENT_CREATED, marks.EXPERIMENT_RUNNING, marks.GOAL_REACHED)
    assert shown(status) == ["Created=True", "Running=False", "Succeeded=True"]
    assert status.conditions is not None and status.conditions[1].message == "Experiment is running"


def test_an_end_without_running_adds_no_running() -> None:
    assert shown(an_experiment(marks.EXPERIMENT_CREATED, marks.experiment_failed("x"))) == [
        "Created=True",
        "Failed=True",
    ]


def test_a_restart_removes_the_end_and_is_over_when_running_again() -> None:
    """CTL-23: Running comes last."""
    status = an_experiment(marks.EXPERIMENT_CREATED, marks.EXPERIMENT_RUNNING, marks.MAX_TRIALS_REACHED)
    status = marks.mark_experiment(status, marks.EXPERIMENT_RESTARTING, NOW)
    assert shown(status) == ["Created=True", "Running=False", "Restarting=True"]
    status = marks.mark_experiment(status, marks.EXPERIMENT_RUNNING, NOW)
    assert shown(status) == ["Created=True", "Restarting=False", "Running=True"]


def test_a_suggestions_end_switches_off_what_there_is() -> None:
    status = SuggestionStatus()
    for wanted in (marks.SUGGESTION_CREATED, marks.DEPLOYMENT_READY, marks.SUGGESTION_RUNNING):
        status = marks.mark_suggestion(status, wanted, THEN)
    status = marks.mark_suggestion(status, marks.SUGGESTION_SUCCEEDED, NOW)
    assert shown(status) == ["Created=True", "Running=False", "DeploymentReady=False", "Succeeded=True"]
    assert status.conditions is not None and status.conditions[1].reason == "Suggestion is succeeded"
    status = marks.mark_suggestion(status, marks.SUGGESTION_RESTARTING, NOW)
    assert shown(status) == ["Created=True", "DeploymentReady=False", "Running=False"]


def test_an_early_stop_that_a_service_wrote_becomes_the_last_entry_again() -> None:
    """CTL-27: Running is switched off, and the state stays EarlyStopped for whoever reads the last entry."""
    status = marks.mark_trial(TrialStatus(), marks.TRIAL_CREATED, THEN)
    status = marks.mark_trial(status, marks.TRIAL_RUNNING, THEN)
    foreign = set_condition(status.conditions, marks.TRIAL_EARLY_STOPPED, THEN)
    status = TrialStatus(conditions=foreign)
    assert shown(status) == ["Created=True", "Running=True", "EarlyStopped=True"]
    status = marks.mark_trial(status, marks.TRIAL_EARLY_STOPPED, NOW)
    assert shown(status) == ["Created=True", "Running=False", "EarlyStopped=True"]
    assert status.conditions is not None and status.conditions[-1].last_transition_time == THEN


def test_a_stall_goes_away_when_it_is_over_or_the_object_has_ended() -> None:
    status = marks.stall_trial(marks.mark_trial(TrialStatus(), marks.TRIAL_CREATED, THEN), "no quota", THEN)
    assert shown(status) == ["Stalled=True", "Created=True"]
    assert shown(marks.stall_trial(status, "", NOW)) == ["Created=True"]
    assert shown(marks.mark_trial(status, marks.TRIAL_KILLED, NOW)) == ["Created=True", "Killed=True"]


@pytest.mark.parametrize(
    ("kind", "type_", "completed"),
    [
        (Experiment, "Succeeded", True),
        (Experiment, "Failed", True),
        (Experiment, "Restarting", False),
        (Suggestion, "Failed", True),
        (Suggestion, "Running", False),
        (Trial, "Killed", True),
        (Trial, "EarlyStopped", True),
        (Trial, "MetricsUnavailable", True),
        (Trial, "Running", False),
    ],
)
def test_completed_means_one_of_the_ends_is_true(kind: type, type_: str, completed: bool) -> None:
    for status, expected in (("True", completed), ("False", False)):
        holder = kind.from_dict({"status": {"conditions": [{"type": type_, "status": status}]}})
        assert is_completed(holder) is expected
    assert not is_completed(kind.from_dict({}))
    assert not has_condition(None, type_)
