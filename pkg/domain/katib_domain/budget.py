"""How many Trials an Experiment may have, how many it wants now, and when it has had enough.

Knows controllers.md §2.2 to §2.4 in numbers. Must not know how Trials or requests come about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from katib_apis.v1beta1 import defaults, names
from katib_apis.v1beta1.enums import ConditionStatus, ExperimentConditionType, ResumePolicyType
from katib_apis.v1beta1.models import Experiment, ExperimentSpec, Suggestion, SuggestionStatus
from katib_domain.conditions import conditions_of, find_condition
from katib_domain.objective import goal_reached
from katib_domain.trial_summary import ActiveTrial, Bucket, TrialSummary

RESTARTABLE: Final = (ResumePolicyType.LONG_RUNNING, ResumePolicyType.FROM_VOLUME)


class Completion(Enum):
    """Why an Experiment is over."""

    GOAL_REACHED = "goal reached"
    MAX_FAILED = "max failed count"
    MAX_TRIALS = "max trial count"
    SEARCH_ENDED = "search ended"


def completion(spec: ExperimentSpec, summary: TrialSummary, *, search_ended: bool) -> Completion | None:
    """Return the first rule of §2.2 that holds."""
    most, most_failed = spec.max_trial_count, spec.max_failed_trial_count
    if goal_reached(spec.objective, summary.best_number):
        return Completion.GOAL_REACHED
    if most_failed is not None and summary.failed != 0 and summary.failed >= most_failed:
        return Completion.MAX_FAILED
    if most is not None and summary.completed >= most:
        return Completion.MAX_TRIALS
    if search_ended and not summary.active:
        return Completion.SEARCH_ENDED
    return None


def parallel_trials(spec: ExperimentSpec) -> int:
    """How many Trials may be active at once; the default counts only where an object came past admission."""
    return (
        defaults.EXPERIMENT_SPEC_PARALLEL_TRIAL_COUNT
        if spec.parallel_trial_count is None
        else spec.parallel_trial_count
    )


def trials_to_add(spec: ExperimentSpec, summary: TrialSummary) -> int:
    """How many further Trials are wanted now.

    Every completed Trial counts as done, MetricsUnavailable ones too, so that there are never more than maxTrialCount
    (CTL-12).
    """
    wanted = parallel_trials(spec)
    if spec.max_trial_count is not None:
        wanted = min(spec.max_trial_count - summary.completed, wanted)
    return max(wanted - len(summary.active), 0)


def excess(spec: ExperimentSpec, summary: TrialSummary) -> int:
    """How many active Trials there are above the parallel limit."""
    return max(len(summary.active) - parallel_trials(spec), 0)


def trials_to_give_up(spec: ExperimentSpec, summary: TrialSummary) -> list[ActiveTrial]:
    """Return the active Trials above the parallel limit that are not being deleted yet.

    Pending ones go before running ones, then the newest first, then by name (CTL-1). Those on their way out make room
    already.
    """
    surplus = excess(spec, summary) - sum(trial.deleting for trial in summary.active)
    candidates = sorted((trial for trial in summary.active if not trial.deleting), key=lambda trial: trial.name)
    candidates.sort(key=lambda trial: trial.place[0], reverse=True)
    candidates.sort(key=lambda trial: trial.bucket is not Bucket.PENDING)
    return candidates[: max(surplus, 0)]


@dataclass(frozen=True)
class Assigned:
    """What a Suggestion has brought forth: how many in all, and the names that have no Trial yet, in order."""

    count: int = 0
    waiting: tuple[str, ...] = ()

    @property
    def used(self) -> int:
        return self.count - len(self.waiting)


def assigned(suggestion: Suggestion | None, trials: frozenset[str]) -> Assigned:
    """Compare names, not lengths, because old entries may have been dropped from the list (CTL-6)."""
    if suggestion is None or suggestion.status is None:
        return Assigned()
    entries = suggestion.status.suggestions or ()
    waiting = tuple(entry.name or "" for entry in entries if entry.name not in trials)
    return Assigned(count_of(suggestion), waiting)


def count_of(suggestion: Suggestion) -> int:
    """How many assignments a Suggestion has had in all, dropped ones included."""
    return count_in(suggestion.status) if suggestion.status is not None else 0


def count_in(status: SuggestionStatus) -> int:
    """Say the same of its status."""
    return max(status.suggestion_count or 0, len(status.suggestions or ()))


def requests_wanted(held: Assigned, summary: TrialSummary, add: int) -> int:
    """Return the number of assignments wanted in all (§2.4): those in use, plus the wanted ones.

    For each early-stopped Trial without a value one less is asked for. The number never goes below what was assigned
    already, because that would mean to give assignments back.
    """
    return max(held.count, held.used + add - summary.lacking_observation)


def requests_after_giving_up(held: Assigned, surplus: int) -> int:
    """Return the number of assignments that stay when the Trials above the parallel limit are gone (CTL-1)."""
    return max(held.used - surplus, 0)


def waiting_names(held: Assigned, add: int) -> Sequence[str]:
    """Return the assignments that become Trials now: the oldest first, and never more than are wanted."""
    return held.waiting[:add]


def restart_wanted(experiment: Experiment) -> bool:
    """Whether the budget of an Experiment that had used it up was raised, or lifted altogether (E4, CTL-14)."""
    spec, status = experiment.spec, experiment.status
    succeeded = find_condition(conditions_of(experiment), ExperimentConditionType.SUCCEEDED)
    if spec is None or status is None or succeeded is None or succeeded.status != ConditionStatus.TRUE:
        return False
    if succeeded.reason != names.REASON_EXPERIMENT_MAX_TRIALS_REACHED or spec.resume_policy not in RESTARTABLE:
        return False
    return spec.max_trial_count is None or spec.max_trial_count > (status.trials or 0)
