"""What the Trial controller asks the DB manager for, and what follows from the answer. Pure data and functions."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.enums import TrialConditionType
from katib_apis.v1beta1.models import Trial, TrialStatus
from katib_apis.v1beta1.resources import TRIALS
from katib_domain.marks import mark_trial, trial_condition
from katib_domain.revise import revised
from katib_machinery.plan import Action, Emit, Plan, SetFinalizers, UpdateStatus


@dataclass(frozen=True)
class DeleteRows:
    """Delete all rows of a Trial."""

    namespace: str
    name: str


@dataclass(frozen=True)
class ReportUnavailable:
    """Report that the objective's value is not known. Reporting it twice stores it once (CTL-30)."""

    namespace: str
    name: str
    metric: str


Question: TypeAlias = DeleteRows | ReportUnavailable


@dataclass(frozen=True)
class Done:
    """The DB manager has done it."""


def record_deleted(trial: Trial, reply: Done, now: datetime) -> Plan:
    """Let a Trial go whose rows are deleted."""
    rest = tuple(name for name in trial.finalizers if name != names.FINALIZER_TRIAL)
    return Plan((SetFinalizers(TRIALS, trial, rest),))


@dataclass(frozen=True)
class RecordUnavailable:
    """Marks a Trial whose value will never be known."""

    reason: str
    message: str
    then: tuple[Action, ...] = ()

    def __call__(self, trial: Trial, reply: Done, now: datetime) -> Plan:
        """Turn the answer to ReportUnavailable into a plan."""
        status = self.status(trial.status or TrialStatus(), now)
        write = UpdateStatus(TRIALS, revised(trial, {"status": status}), urgent=True)
        return Plan((write, *self.actions(trial)))

    def status(self, status: TrialStatus, now: datetime) -> TrialStatus:
        """Return the marked status."""
        ended = revised(status, {"completion_time": status.completion_time or now})
        return mark_trial(
            ended, trial_condition(TrialConditionType.METRICS_UNAVAILABLE, self.reason, self.message), now
        )

    def actions(self, trial: Trial) -> tuple[Action, ...]:
        """Return the event, and what is left to do with the job."""
        text = f"Metrics are not available for Job {trial.name}"
        return (Emit("Warning", names.EVENT_METRICS_UNAVAILABLE, text), *self.then)
