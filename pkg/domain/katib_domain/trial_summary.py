"""The Trials of one Experiment, summed up.

A tally is kept up to date one Trial at a time, because counting all of them anew at each event makes the work grow with
the square of their number. What a decision sees is a summary: an unchanging picture of the tally. Must not know what
follows from the numbers; that is the budget's.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from katib_apis.v1beta1.enums import TrialConditionType
from katib_apis.v1beta1.models import ExperimentStatus, OptimalTrial, Trial
from katib_domain.conditions import conditions_of, find_condition, is_in
from katib_domain.objective import ObjectiveValue, is_observation_available, objective_value, score
from katib_domain.revise import revised


class Bucket(Enum):
    """Where a Trial is counted, by the condition that puts it there; the first that fits, in this order."""

    KILLED = TrialConditionType.KILLED
    FAILED = TrialConditionType.FAILED
    SUCCEEDED = TrialConditionType.SUCCEEDED
    EARLY_STOPPED = TrialConditionType.EARLY_STOPPED
    RUNNING = TrialConditionType.RUNNING
    METRICS_UNAVAILABLE = TrialConditionType.METRICS_UNAVAILABLE
    PENDING = None


ENDED: Final = (Bucket.SUCCEEDED, Bucket.FAILED, Bucket.KILLED, Bucket.EARLY_STOPPED, Bucket.METRICS_UNAVAILABLE)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# Stable order of Trials (CTL-22): by creation, then by name.
Place = tuple[datetime, str]


def bucket_of(trial: Trial) -> Bucket:
    """Classify a Trial."""
    for bucket in Bucket:
        if bucket.value is not None and is_in(trial, bucket.value):
            return bucket
    return Bucket.PENDING


def place_of(trial: Trial) -> Place:
    """Return where a Trial stands in the order of all Trials."""
    return (trial.creation_timestamp or _EPOCH, trial.name)


def lacks_observation(trial: Trial) -> bool:
    """Whether an early-stopped Trial still waits for its value, so that no replacement is asked for (CTL-16)."""
    stopped = is_in(trial, Bucket.EARLY_STOPPED.value)
    return stopped and not is_in(trial, TrialConditionType.METRICS_UNAVAILABLE) and not is_observation_available(trial)


@dataclass(frozen=True)
class ActiveTrial:
    """A Trial that is not over."""

    trial: Trial
    bucket: Bucket

    @property
    def name(self) -> str:
        return self.trial.name

    @property
    def place(self) -> Place:
        return place_of(self.trial)

    @property
    def deleting(self) -> bool:
        return self.trial.deletion_timestamp is not None


@dataclass(frozen=True)
class Trouble:
    """What a Trial says of itself when it does not get on or has failed."""

    trial: str
    message: str


@dataclass(frozen=True)
class TrialSummary:
    """An unchanging picture of an Experiment's Trials."""

    buckets: Mapping[Bucket, tuple[str, ...]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    best: Trial | None = None
    best_number: float | None = None
    lacking_observation: int = 0
    active: tuple[ActiveTrial, ...] = ()
    stalled: tuple[Trouble, ...] = ()
    last_failure: Trouble | None = None

    def count(self, *buckets: Bucket) -> int:
        """How many Trials are in these buckets."""
        return sum(len(self.buckets.get(bucket, ())) for bucket in buckets)

    @property
    def total(self) -> int:
        return len(self.names)

    @property
    def completed(self) -> int:
        return self.count(*ENDED)

    @property
    def failed(self) -> int:
        """Failures that count towards maxFailedTrialCount."""
        return self.count(Bucket.FAILED, Bucket.METRICS_UNAVAILABLE)


@dataclass(frozen=True)
class _Entry:
    trial: Trial
    place: Place
    bucket: Bucket
    value: ObjectiveValue
    lacking: bool
    stall: str
    failure: str

    @property
    def score(self) -> float | None:
        if not isinstance(self.value, float):
            return None
        objective = self.trial.spec.objective if self.trial.spec is not None else None
        return score(self.value, objective.type if objective is not None else None)

    @property
    def ended_at(self) -> datetime:
        status = self.trial.status
        return (status.completion_time if status is not None else None) or _EPOCH


class TrialTally:
    """Counts the Trials of one Experiment; every Trial may be put again and again, in any order.

    ``version`` changes when a Trial comes, goes, or changes its bucket.
    """

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        self.version = 0
        self._entries: dict[str, _Entry] = {}
        self._order: list[Place] = []
        self._places: dict[Bucket, list[Place]] = {bucket: [] for bucket in Bucket}
        self._special: dict[str, _Entry] = {}  # the few with something to say: texts, stalls, lacking observations
        self._best: _Entry | None = None
        self._best_known = True
        for trial in trials:
            self.put(trial)

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, trial: Trial) -> None:
        """Count a Trial as it is now."""
        entry = _entry(trial)
        old = self._entries.get(trial.name)
        if old is None or (old.place, old.bucket) != (entry.place, entry.bucket):
            self.drop(trial.name)
            insort(self._order, entry.place)
            insort(self._places[entry.bucket], entry.place)
            self.version += 1
        elif old is self._best:
            self._best, self._best_known = None, False
        self._entries[trial.name] = entry
        self._note(entry)

    def _note(self, entry: _Entry) -> None:
        if entry.lacking or entry.stall or entry.failure or isinstance(entry.value, str):
            self._special[entry.trial.name] = entry
        else:
            self._special.pop(entry.trial.name, None)
        if self._best_known and entry.score is not None and (self._best is None or _is_better(entry, self._best)):
            self._best = entry

    def drop(self, name: str) -> None:
        """Forget a Trial that is gone."""
        entry = self._entries.pop(name, None)
        if entry is None:
            return
        for places in (self._order, self._places[entry.bucket]):
            del places[bisect_left(places, entry.place)]
        self._special.pop(name, None)
        self.version += 1
        if entry is self._best:
            self._best, self._best_known = None, False

    def trials(self) -> list[Trial]:
        """All Trials in their stable order."""
        return [self._entries[name].trial for _, name in self._order]

    def summary(self) -> TrialSummary:
        """Take the picture that a decision looks at."""
        best = self._optimum()
        special = sorted(self._special.values(), key=lambda entry: entry.place)
        failures = sorted((entry for entry in special if entry.failure), key=lambda entry: entry.ended_at)
        return TrialSummary(
            buckets={bucket: tuple(name for _, name in places) for bucket, places in self._places.items() if places},
            names=frozenset(self._entries),
            best=best.trial if best is not None else None,
            best_number=best.value if best is not None and isinstance(best.value, float) else None,
            lacking_observation=sum(entry.lacking for entry in special),
            active=self._active(),
            stalled=tuple(Trouble(entry.trial.name, entry.stall) for entry in special if entry.stall),
            last_failure=Trouble(failures[-1].trial.name, failures[-1].failure) if failures else None,
        )

    def _active(self) -> tuple[ActiveTrial, ...]:
        return tuple(
            ActiveTrial(self._entries[place[1]].trial, bucket)
            for bucket in (Bucket.PENDING, Bucket.RUNNING)
            for place in self._places[bucket]
        )

    def _optimum(self) -> _Entry | None:
        """The best number; only when no Trial has one, the text that came last (CTL-22)."""
        if not self._best_known:
            numeric = (entry for entry in self._entries.values() if entry.score is not None)
            self._best, self._best_known = _best_of(numeric), True
        if self._best is not None:
            return self._best
        texts = (entry for entry in self._special.values() if isinstance(entry.value, str))
        return max(texts, key=lambda entry: (entry.ended_at, entry.place), default=None)


def _entry(trial: Trial) -> _Entry:
    bucket = bucket_of(trial)
    stalled = find_condition(conditions_of(trial), TrialConditionType.STALLED)
    failed = find_condition(conditions_of(trial), bucket.value) if bucket in _FAILURES else None
    return _Entry(
        trial=trial,
        place=place_of(trial),
        bucket=bucket,
        value=objective_value(trial),
        lacking=lacks_observation(trial),
        stall=(stalled.message or "") if stalled is not None and bucket in (Bucket.PENDING, Bucket.RUNNING) else "",
        failure=(failed.message or "") if failed is not None else "",
    )


_FAILURES: Final = (Bucket.FAILED, Bucket.METRICS_UNAVAILABLE)


def _is_better(entry: _Entry, best: _Entry) -> bool:
    """Strictly better, or as good and earlier: ties keep the earlier Trial."""
    if entry.score is None or best.score is None:
        return entry.score is not None
    return entry.score > best.score or (entry.score == best.score and entry.place < best.place)


def _best_of(entries: Iterable[_Entry]) -> _Entry | None:
    best: _Entry | None = None
    for entry in entries:
        if best is None or _is_better(entry, best):
            best = entry
    return best


_LISTS: Final = {
    Bucket.RUNNING: "running_trial_list",
    Bucket.PENDING: "pending_trial_list",
    Bucket.FAILED: "failed_trial_list",
    Bucket.SUCCEEDED: "succeeded_trial_list",
    Bucket.KILLED: "killed_trial_list",
    Bucket.EARLY_STOPPED: "early_stopped_trial_list",
    Bucket.METRICS_UNAVAILABLE: "metrics_unavailable_trial_list",
}
_COUNTERS: Final = {
    Bucket.RUNNING: "trials_running",
    Bucket.PENDING: "trials_pending",
    Bucket.FAILED: "trials_failed",
    Bucket.SUCCEEDED: "trials_succeeded",
    Bucket.KILLED: "trials_killed",
    Bucket.EARLY_STOPPED: "trials_early_stopped",
    Bucket.METRICS_UNAVAILABLE: "trial_metrics_unavailable",
}


def summarise(status: ExperimentStatus, summary: TrialSummary) -> ExperimentStatus:
    """Return the status with lists, counters and optimum as the summary has them; zeros and empty lists are left out.

    Without a best Trial the optimum stays what it was.
    """
    changes: dict[str, object] = {"trials": summary.total or None}
    for bucket in Bucket:
        names = list(summary.buckets.get(bucket, ()))
        changes[_LISTS[bucket]] = names or None
        changes[_COUNTERS[bucket]] = len(names) or None
    if summary.best is not None:
        changes["current_optimal_trial"] = _optimal(summary.best)
    return revised(status, changes)


def _optimal(trial: Trial) -> OptimalTrial:
    spec, status = trial.spec, trial.status
    return OptimalTrial.model_construct(
        best_trial_name=trial.name,
        parameter_assignments=(spec.parameter_assignments if spec is not None else None) or [],
        observation=status.observation if status is not None else None,
    )
