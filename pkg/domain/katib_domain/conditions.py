"""Conditions: how one is set, what the last one says, and when an object is over.

Knows the setting rule of all three kinds. Must not know why a condition is set; that is said in ``marks``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol, TypeAlias, TypeVar, assert_never

from katib_apis.v1beta1.enums import (
    ConditionStatus,
    ExperimentConditionType,
    SuggestionConditionType,
    TrialConditionType,
)
from katib_apis.v1beta1.models import (
    Experiment,
    ExperimentCondition,
    Suggestion,
    SuggestionCondition,
    Trial,
    TrialCondition,
)
from katib_domain.revise import revised

Condition: TypeAlias = ExperimentCondition | SuggestionCondition | TrialCondition
# Not a plain text: whoever types a type by hand is told by the type checker.
ConditionType: TypeAlias = ExperimentConditionType | SuggestionConditionType | TrialConditionType
C = TypeVar("C", bound=Condition)

EXPERIMENT_ENDS: Final = (ExperimentConditionType.SUCCEEDED, ExperimentConditionType.FAILED)
SUGGESTION_ENDS: Final = (SuggestionConditionType.SUCCEEDED, SuggestionConditionType.FAILED)
TRIAL_ENDS: Final = (
    TrialConditionType.SUCCEEDED,
    TrialConditionType.FAILED,
    TrialConditionType.KILLED,
    TrialConditionType.EARLY_STOPPED,
    TrialConditionType.METRICS_UNAVAILABLE,
)


class WithConditions(Protocol):
    """A status: the only part that the predicates look at."""

    @property
    def conditions(self) -> Sequence[Condition] | None: ...


def find_condition(conditions: Sequence[C] | None, type_: ConditionType | None) -> C | None:
    """Return the entry of that type, if there is one."""
    return next((condition for condition in conditions or () if condition.type == type_), None)


def has_condition(
    conditions: Sequence[Condition] | None, type_: ConditionType, status: ConditionStatus = ConditionStatus.TRUE
) -> bool:
    """Whether the entry of that type has that status."""
    return any(condition.type == type_ and condition.status == status for condition in conditions or ())


def last_type(conditions: Sequence[Condition] | None) -> str | None:
    """Type of the last entry, which is "the" state for printer columns, gauges and algorithms."""
    return str(conditions[-1].type) if conditions else None


def set_condition(conditions: Sequence[C] | None, wanted: C, now: datetime) -> list[C]:
    """Set ``wanted`` (without times) by the rule of all kinds; a replaced or added entry goes to the end.

    Same status and reason: nothing changes, whatever the message says. Same status, other reason: the time of the
    transition is kept.
    """
    current = find_condition(conditions, wanted.type)
    kept = list(conditions or ())
    if current is not None and current.status == wanted.status and current.reason == wanted.reason:
        return kept
    since = current.last_transition_time if current is not None and current.status == wanted.status else now
    times = {"last_update_time": now, "last_transition_time": since or now}
    return [*(condition for condition in kept if condition is not current), revised(wanted, times)]


def set_side_condition(conditions: Sequence[C] | None, wanted: C, now: datetime) -> list[C]:
    """Set ``wanted`` just before the last entry, which goes on to be the main state (RES-10).

    Here a changed message counts, because it is what the entry is for.
    """
    current = find_condition(conditions, wanted.type)
    if current is not None and (current.status, current.reason, current.message) == (
        wanted.status,
        wanted.reason,
        wanted.message,
    ):
        return list(conditions or ())
    since = current.last_transition_time if current is not None and current.status == wanted.status else now
    entry = revised(wanted, {"last_update_time": now, "last_transition_time": since or now})
    others = [condition for condition in conditions or () if condition is not current]
    return [*others[:-1], entry, *others[-1:]]


def remove_conditions(conditions: Sequence[C] | None, *types: ConditionType | None) -> list[C]:
    """Return the entries of all other types."""
    return [condition for condition in conditions or () if condition.type not in types]


def conditions_of(holder: Experiment | Suggestion | Trial) -> Sequence[Condition]:
    """Return the conditions of an object, none if it has no status yet."""
    status: WithConditions | None = holder.status
    return (status.conditions if status is not None else None) or ()


def is_completed(holder: Experiment | Suggestion | Trial) -> bool:
    """Whether the object has come to one of its ends."""
    return any(has_condition(conditions_of(holder), end) for end in _ends(holder))


def _ends(holder: Experiment | Suggestion | Trial) -> Sequence[ConditionType]:
    match holder:
        case Experiment():
            return EXPERIMENT_ENDS
        case Suggestion():
            return SUGGESTION_ENDS
        case Trial():
            return TRIAL_ENDS
        case _:
            assert_never(holder)


def is_in(holder: Experiment | Suggestion | Trial, type_: ConditionType) -> bool:
    """Whether the object's condition of that type is True."""
    return has_condition(conditions_of(holder), type_)
