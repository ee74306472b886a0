"""Every condition that a controller sets, with its words, and what setting it does to the others.

Knows resources.md §6. Must not know when a condition is due.
"""

from datetime import datetime
from typing import Final, TypeVar

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.enums import (
    ConditionStatus,
    ExperimentConditionType,
    SuggestionConditionType,
    TrialConditionType,
)
from katib_apis.v1beta1.models import (
    ExperimentCondition,
    ExperimentStatus,
    SuggestionCondition,
    SuggestionStatus,
    TrialCondition,
    TrialStatus,
)
from katib_domain.conditions import (
    C,
    ConditionType,
    find_condition,
    remove_conditions,
    set_condition,
    set_side_condition,
)
from katib_domain.revise import revised

S = TypeVar("S", ExperimentStatus, SuggestionStatus, TrialStatus)

_TRUE: Final = ConditionStatus.TRUE
_FALSE: Final = ConditionStatus.FALSE


def _experiment(type_: ExperimentConditionType, reason: str, message: str) -> ExperimentCondition:
    return ExperimentCondition.from_dict({"type": type_, "status": _TRUE, "reason": reason, "message": message})


def _suggestion(
    type_: SuggestionConditionType, reason: str, message: str, status: ConditionStatus = _TRUE
) -> SuggestionCondition:
    return SuggestionCondition.from_dict({"type": type_, "status": status, "reason": reason, "message": message})


def trial_condition(type_: TrialConditionType, reason: str, message: str) -> TrialCondition:
    """Build a true condition of a Trial, without its times."""
    return TrialCondition.from_dict({"type": type_, "status": _TRUE, "reason": reason, "message": message})


EXPERIMENT_CREATED: Final = _experiment(
    ExperimentConditionType.CREATED, names.REASON_EXPERIMENT_CREATED, "Experiment is created"
)
EXPERIMENT_RUNNING: Final = _experiment(
    ExperimentConditionType.RUNNING, names.REASON_EXPERIMENT_RUNNING, "Experiment is running"
)
EXPERIMENT_RESTARTING: Final = _experiment(
    ExperimentConditionType.RESTARTING, names.REASON_EXPERIMENT_RESTARTING, "Experiment is restarted"
)
GOAL_REACHED: Final = _experiment(
    ExperimentConditionType.SUCCEEDED,
    names.REASON_EXPERIMENT_GOAL_REACHED,
    "Experiment has succeeded because Objective goal has reached",
)
MAX_TRIALS_REACHED: Final = _experiment(
    ExperimentConditionType.SUCCEEDED,
    names.REASON_EXPERIMENT_MAX_TRIALS_REACHED,
    "Experiment has succeeded because max trial count has reached",
)
SUGGESTION_END_REACHED: Final = _experiment(
    ExperimentConditionType.SUCCEEDED,
    names.REASON_EXPERIMENT_SUGGESTION_END_REACHED,
    "Experiment has succeeded because suggestion service has reached the end",
)
MAX_FAILED_TEXT: Final = "Experiment has failed because max failed count has reached"
SUGGESTION_FAILED_TEXT: Final = "Suggestion has failed"

SUGGESTION_CREATED: Final = _suggestion(
    SuggestionConditionType.CREATED, names.REASON_SUGGESTION_CREATED, "Suggestion is created"
)
DEPLOYMENT_READY: Final = _suggestion(
    SuggestionConditionType.DEPLOYMENT_READY, names.REASON_DEPLOYMENT_READY, "Deployment is ready"
)
DEPLOYMENT_NOT_READY: Final = _suggestion(
    SuggestionConditionType.DEPLOYMENT_READY, names.REASON_DEPLOYMENT_NOT_READY, "Deployment is not ready", _FALSE
)
SUGGESTION_RUNNING: Final = _suggestion(
    SuggestionConditionType.RUNNING, names.REASON_SUGGESTION_RUNNING, "Suggestion is running"
)
SUGGESTION_RESTARTING: Final = _suggestion(
    SuggestionConditionType.RUNNING, names.REASON_SUGGESTION_EXPERIMENT_RESTARTING, "Suggestion is not running", _FALSE
)
SUGGESTION_SUCCEEDED: Final = _suggestion(
    SuggestionConditionType.SUCCEEDED,
    names.REASON_SUGGESTION_EXPERIMENT_SUCCEEDED,
    "Suggestion is succeeded, can't be restarted",
)
SUGGESTION_SUCCEEDED_WITH_VOLUME: Final = _suggestion(
    SuggestionConditionType.SUCCEEDED,
    names.REASON_SUGGESTION_EXPERIMENT_SUCCEEDED,
    "Suggestion is succeeded, suggestion volume is not deleted, can be restarted",
)
_NOT_RUNNING_ANY_MORE: Final = _suggestion(
    SuggestionConditionType.RUNNING, names.REASON_SUGGESTION_IS_SUCCEEDED, "Suggestion is not running", _FALSE
)
_NOT_READY_ANY_MORE: Final = _suggestion(
    SuggestionConditionType.DEPLOYMENT_READY, names.REASON_SUGGESTION_IS_SUCCEEDED, "Deployment is not ready", _FALSE
)

TRIAL_CREATED: Final = trial_condition(TrialConditionType.CREATED, names.REASON_TRIAL_CREATED, "Trial is created")
TRIAL_RUNNING: Final = trial_condition(TrialConditionType.RUNNING, names.REASON_TRIAL_RUNNING, "Trial is running")
TRIAL_KILLED: Final = trial_condition(
    TrialConditionType.KILLED, names.REASON_TRIAL_KILLED, "Trial is killed because Experiment is completed"
)
TRIAL_EARLY_STOPPED: Final = trial_condition(
    TrialConditionType.EARLY_STOPPED, names.REASON_TRIAL_EARLY_STOPPED, "Trial is early stopped"
)
TRIAL_SUCCEEDED_TEXT: Final = "Trial has succeeded"
TRIAL_FAILED_TEXT: Final = "Trial has failed"
METRICS_UNAVAILABLE_TEXT: Final = "Metrics are not available"


def experiment_failed(message: str) -> ExperimentCondition:
    """Failed, with the fixed text and what follows it."""
    return _experiment(ExperimentConditionType.FAILED, names.REASON_EXPERIMENT_FAILED, message)


def suggestion_failed(problem: str) -> SuggestionCondition:
    """Failed for good, with the algorithm's words."""
    return _suggestion(SuggestionConditionType.FAILED, names.REASON_SUGGESTION_FAILED, f"Validation failed: {problem}")


def mark_experiment(status: ExperimentStatus, wanted: ExperimentCondition, now: datetime) -> ExperimentStatus:
    """Set a condition of an Experiment, with its effects on the others."""
    conditions = list(status.conditions or ())
    match wanted.type:
        case ExperimentConditionType.SUCCEEDED | ExperimentConditionType.FAILED:
            conditions = _stop_running(
                remove_conditions(conditions, ExperimentConditionType.STALLED), ExperimentConditionType.RUNNING, now
            )
        case ExperimentConditionType.RESTARTING:
            conditions = remove_conditions(
                conditions, ExperimentConditionType.SUCCEEDED, ExperimentConditionType.FAILED
            )
        case ExperimentConditionType.RUNNING:
            conditions = _end_restart(conditions, now)
    return _with_conditions(status, set_condition(conditions, wanted, now))


def mark_suggestion(status: SuggestionStatus, wanted: SuggestionCondition, now: datetime) -> SuggestionStatus:
    """Set a condition of a Suggestion, with its effects on the others."""
    conditions = list(status.conditions or ())
    match wanted.type:
        case SuggestionConditionType.RUNNING:
            conditions = remove_conditions(conditions, SuggestionConditionType.SUCCEEDED)
        case SuggestionConditionType.SUCCEEDED:
            conditions = remove_conditions(conditions, SuggestionConditionType.STALLED)
            for ended in (_NOT_RUNNING_ANY_MORE, _NOT_READY_ANY_MORE):
                if find_condition(conditions, ended.type) is not None:
                    conditions = set_condition(conditions, ended, now)
        case SuggestionConditionType.FAILED:
            conditions = remove_conditions(conditions, SuggestionConditionType.STALLED)
    return _with_conditions(status, set_condition(conditions, wanted, now))


def mark_trial(status: TrialStatus, wanted: TrialCondition, now: datetime) -> TrialStatus:
    """Set a condition of a Trial, with its effects on the others. An end that is set already becomes the last entry."""
    conditions = list(status.conditions or ())
    if wanted.type in (TrialConditionType.CREATED, TrialConditionType.RUNNING):
        return _with_conditions(status, set_condition(conditions, wanted, now))
    conditions = set_condition(
        _stop_running(remove_conditions(conditions, TrialConditionType.STALLED), TrialConditionType.RUNNING, now),
        wanted,
        now,
    )
    ends = [condition for condition in conditions if condition.type == wanted.type]
    return _with_conditions(status, [*remove_conditions(conditions, wanted.type), *ends])


def reword_running(status: TrialStatus, message: str, now: datetime) -> TrialStatus:
    """Say more about a running Trial (CTL-11); nothing else of the condition changes."""
    conditions = [
        (
            revised(condition, {"message": message, "last_update_time": now})
            if condition.type == TrialConditionType.RUNNING and condition.message != message
            else condition
        )
        for condition in status.conditions or ()
    ]
    return _with_conditions(status, conditions)


def stall_experiment(status: ExperimentStatus, message: str, now: datetime) -> ExperimentStatus:
    """Say what keeps an Experiment from going on; an empty message takes the condition away."""
    stalled = _experiment(ExperimentConditionType.STALLED, names.REASON_EXPERIMENT_STALLED, message)
    return _with_conditions(status, _stall(status.conditions, stalled, now))


def stall_suggestion(
    status: SuggestionStatus, message: str, now: datetime, reason: str = names.REASON_SUGGESTION_STALLED
) -> SuggestionStatus:
    """Say what keeps a Suggestion from going on; an empty message takes the condition away."""
    return _with_conditions(
        status, _stall(status.conditions, _suggestion(SuggestionConditionType.STALLED, reason, message), now)
    )


def stall_trial(status: TrialStatus, message: str, now: datetime) -> TrialStatus:
    """Say what keeps a Trial from going on; an empty message takes the condition away."""
    stalled = trial_condition(TrialConditionType.STALLED, names.REASON_TRIAL_STALLED, message)
    return _with_conditions(status, _stall(status.conditions, stalled, now))


def _stall(conditions: list[C] | None, stalled: C, now: datetime) -> list[C]:
    if not stalled.message:
        return remove_conditions(conditions, stalled.type)
    return set_side_condition(conditions, stalled, now)


def _stop_running(conditions: list[C], type_: ConditionType, now: datetime) -> list[C]:
    """Running=False keeps the words of Running=True."""
    running = find_condition(conditions, type_)
    if running is None:
        return conditions
    return set_condition(conditions, revised(running, {"status": _FALSE}), now)


def _end_restart(conditions: list[ExperimentCondition], now: datetime) -> list[ExperimentCondition]:
    """Restarting=False once the Experiment runs again (CTL-23); Running comes last."""
    restarting = find_condition(conditions, ExperimentConditionType.RESTARTING)
    if restarting is None or restarting.status != _TRUE:
        return conditions
    return set_condition(conditions, revised(restarting, {"status": _FALSE}), now)


def _with_conditions(status: S, conditions: list[C]) -> S:
    return revised(status, {"conditions": conditions or None})
