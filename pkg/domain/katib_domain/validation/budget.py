"""Rows 2 to 9 of webhooks.md §4.1: the counts of an Experiment, and what may be changed after its creation. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from katib_apis.v1beta1 import defaults, names
from katib_apis.v1beta1.enums import ConditionStatus, ExperimentConditionType
from katib_apis.v1beta1.models import Experiment, ExperimentSpec
from katib_domain.budget import RESTARTABLE
from katib_domain.conditions import find_condition, is_completed
from katib_domain.validation.errors import FieldError, forbidden, invalid

LARGEST = 2**31 - 1
BUDGET = ("parallel_trial_count", "max_trial_count", "max_failed_trial_count")


def budget_errors(spec: ExperimentSpec) -> Iterator[FieldError]:
    """Rows 2 to 6."""
    most, failed, parallel = spec.max_trial_count, spec.max_failed_trial_count, spec.parallel_trial_count
    if failed is not None and failed < 0:
        yield invalid("spec.maxFailedTrialCount", failed, "must not be negative; leave it out to allow any number")
    counts = {"maxFailedTrialCount": failed, "maxTrialCount": most, "parallelTrialCount": parallel}
    for name, count in counts.items():
        if count is not None and count > LARGEST:
            yield invalid(f"spec.{name}", count, f"must not be greater than {LARGEST}, the largest int32")
    if most is not None and most <= 0:
        yield invalid("spec.maxTrialCount", most, "must be greater than 0; leave it out for no limit")
    if parallel is not None and parallel <= 0:
        yield invalid(
            "spec.parallelTrialCount",
            parallel,
            f"must be greater than 0; leave it out for {defaults.EXPERIMENT_SPEC_PARALLEL_TRIAL_COUNT}",
        )
    if most is not None and failed is not None and failed > most:
        yield invalid("spec.maxFailedTrialCount", failed, f"must not be greater than maxTrialCount, which is {most}")
    if most is not None and parallel is not None and parallel > most:
        detail = f"must not be greater than maxTrialCount, which is {most}: lower it, or raise maxTrialCount"
        yield invalid("spec.parallelTrialCount", parallel, detail)


def update_errors(experiment: Experiment, old: Experiment) -> Iterator[FieldError]:
    """Rows 7 to 9, for a spec that has changed."""
    spec, before = experiment.spec or ExperimentSpec(), old.spec or ExperimentSpec()
    if is_completed(old) and not is_restartable(old):
        detail = (
            "the Experiment has ended and cannot be restarted: only one that ended because maxTrialCount was reached, with "
            f"resumePolicy LongRunning or FromVolume, can; {_anew(old)}"
        )
        yield invalid("spec.resumePolicy", before.resume_policy or defaults.EXPERIMENT_SPEC_RESUME_POLICY, detail)
    trials = (old.status.trials if old.status else None) or 0
    most = spec.max_trial_count
    if most is not None and most != before.max_trial_count and most <= trials:
        yield invalid(
            "spec.maxTrialCount", most, f"must be greater than the number of trials there are already, {trials}"
        )
    if _without_budget(spec) != _without_budget(before):
        changeable = "parallelTrialCount, maxTrialCount and maxFailedTrialCount"
        yield forbidden("spec", f"only {changeable} can be changed; {_anew(old)}")


def _anew(experiment: Experiment) -> str:
    """The way out where a change is refused."""
    return (
        f"begin anew: delete it with `kubectl delete experiment {experiment.name} -n {experiment.namespace}`, or create one of "
        "another name"
    )


def is_restartable(experiment: Experiment) -> bool:
    """Whether a raised maxTrialCount would start the Experiment again."""
    conditions = (experiment.status.conditions if experiment.status else None) or []
    succeeded = find_condition(conditions, ExperimentConditionType.SUCCEEDED)
    reached = (
        succeeded is not None
        and succeeded.status == ConditionStatus.TRUE
        and succeeded.reason == names.REASON_EXPERIMENT_MAX_TRIALS_REACHED
    )
    policy = experiment.spec.resume_policy if experiment.spec else None
    return reached and policy in RESTARTABLE


def _without_budget(spec: ExperimentSpec) -> object:
    """The rest of a spec as plain values; absent, null and empty are alike."""
    rest = spec.deep_copy()
    for name in BUDGET:
        setattr(rest, name, None)
    return _plain(rest.to_dict())


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: plain for key, part in value.items() if (plain := _plain(part)) not in (None, [], {})}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value
