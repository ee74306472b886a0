"""From trials on the wire to typed history: whatever a trial holds, reading it never fails (U-02)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from types import MappingProxyType

from katib_apis.v1beta1 import api_pb2
from katib_domain.search_space import Assignment, Point, SearchSpace
from katib_suggestion.memory import Memory, digest
from katib_suggestion.problem import Objective
from katib_suggestion.search import Observation, State, Trial

Decoded = dict[bytes, tuple[Trial, bool]]
TRIAL_BYTES, VALUE_BYTES = 700, 32
Condition = api_pb2.TrialStatus
STOPPED = Condition.EARLYSTOPPED
OBSERVED, PENDING = State.OBSERVED, State.PENDING
"""To look a member of an enumeration up takes as long as to make a tuple."""
NO_LABELS: Mapping[str, str] = MappingProxyType({})
new_tuple = tuple.__new__
ENDED_WELL = frozenset({Condition.SUCCEEDED, STOPPED})
ENDED_BADLY = frozenset({Condition.KILLED, Condition.FAILED, Condition.METRICSUNAVAILABLE})


@dataclass
class History:
    """What the trials of a request say about a space."""

    trials: list[Trial] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    failed: list[Point] = field(default_factory=list)
    pending: list[Point] = field(default_factory=list)
    seen: set[Point] = field(default_factory=set)
    """Points of the space that some trial has, in whatever state; values that were moved into the space are not here."""

    def add(self, trial: Trial, *, exact: bool) -> None:
        """Count a trial; `exact` says that its point is what it had, not only near to it."""
        self.trials.append(trial)
        _, state, point, observation, _, _ = trial
        if point is None:
            return
        if observation is not None:
            self.observations.append(observation)
        elif state is PENDING:
            self.pending.append(point)
        else:
            self.failed.append(point)
        if exact:
            self.seen.add(point)


@dataclass(frozen=True)
class Reading:
    """How trials are read: the space of their values, the metrics, and the parameter that is a resource."""

    space: SearchSpace
    objectives: Sequence[Objective]
    resource: str | None = None
    owner: str = ""
    """Whose trials these are: what is kept of others is kept apart."""
    replayed: bool = True
    """Whether somebody looks at trials one by one: their names and labels are not read otherwise."""
    timed: bool = True
    """Whether somebody looks at how long trials ran: that is not read otherwise."""

    def read(self, trial: api_pb2.Trial) -> tuple[Trial, bool]:
        """A trial, and whether its values are exactly its point.

        It is called for every trial of a history, and so has ways of its own: each access to a field of a message makes a
        new object, and a tuple that is made as a named one takes twice as long.
        """
        spec, status, observation = trial.spec, trial.status, None
        # A slice, since iterating looks each entry up by its index.
        entries = spec.parameter_assignments.assignments[:]
        point, exact = self.space.read_entries(entries)
        condition = status.condition
        losses = self._find_losses(spec, status) if condition in ENDED_WELL else ()
        if losses and point is not None:
            several = losses if len(losses) > 1 else ()
            seconds = find_seconds(status) if self.timed else None
            observation = new_tuple(Observation, (point, losses[0], several, condition == STOPPED, seconds))
        resource = _find_resource(entries, self.resource) if self.resource else None
        name, labels = _identity(trial) if self.replayed else ("", NO_LABELS)
        state = OBSERVED if losses else _state(condition)
        return new_tuple(Trial, (name, state, point, observation, resource, labels)), exact

    def _find_losses(self, spec: api_pb2.TrialSpec, status: api_pb2.TrialStatus) -> tuple[float, ...]:
        """The losses of all objectives of a trial that ended well; none at all when one has no finite number."""
        metrics = status.observation.metrics[:]
        if not metrics:
            return ()
        own = spec.objective.objective_metric_name  # a trial names its first metric only
        if len(self.objectives) > 1:
            return self._find_several(metrics, own)
        objective, text = self.objectives[0], ""
        name = own or objective.metric
        for metric in metrics:  # the last of a name counts
            if metric.name == name:
                text = metric.value
        value = find_number(text)
        return () if value is None else (-value if objective.maximize else value,)

    def _find_several(self, metrics: Sequence[api_pb2.Metric], own: str) -> tuple[float, ...]:
        texts = {metric.name: metric.value for metric in metrics}
        losses: tuple[float, ...] = ()
        for objective in self.objectives:
            value = find_number(texts.get(own or objective.metric, ""))
            if value is None:
                return ()
            losses += (objective.loss(value),)
            own = ""
        return losses

    def read_all(self, trials: Iterable[api_pb2.Trial], memory: Memory | None = None) -> History:
        """Sort trials into observations, failures and pending ones; those that fit nowhere only count.

        They are taken in the order in which they started, whatever their order in the request: a list from an API server
        has none that lasts. Those without a start keep their order, after the others.
        """
        history = History()
        for found, exact in self._decoded(sorted(trials, key=_age), memory or Memory()):
            history.add(found, exact=exact)
        return history

    def _decoded(self, trials: Sequence[api_pb2.Trial], memory: Memory) -> Iterable[tuple[Trial, bool]]:
        """Every trial, read; those that stood in the last request just as they are now are not read again."""
        texts = [trial.SerializeToString() for trial in trials]

        def make(kept: Decoded | None) -> Decoded:
            known = kept or {}
            return {text: known.get(text) or self.read(trial) for text, trial in zip(texts, trials, strict=True)}

        decoded = memory.renew(self.key, make, self._weight)
        return [decoded[text] for text in texts]

    @property
    def key(self) -> bytes:
        """What a memory keeps decoded trials under."""
        return digest(
            "trials", self.owner, repr((self.space, self.objectives, self.resource, self.replayed, self.timed))
        )

    def _weight(self, decoded: Decoded) -> int:
        """About how many bytes trials take."""
        each = TRIAL_BYTES + VALUE_BYTES * len(self.space.domains)
        return sum(map(len, decoded)) + each * len(decoded)


def _identity(trial: api_pb2.Trial) -> tuple[str, Mapping[str, str]]:
    """The name and the labels of a trial."""
    labels = trial.spec.labels
    return trial.name, dict(labels) if labels else NO_LABELS


def _find_resource(entries: Sequence[Assignment], name: str) -> float | None:
    """The number that a parameter has; None without one."""
    return find_number({entry.name: entry.value for entry in entries}.get(name, ""))


def _age(trial: api_pb2.Trial) -> tuple[bool, str, str]:
    start = trial.status.start_time
    return not start, start, trial.name if start else ""


def _state(condition: int) -> State:
    """What became of a trial without a value."""
    return State.FAILED if condition in ENDED_WELL or condition in ENDED_BADLY else State.PENDING


def find_number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def find_seconds(status: api_pb2.TrialStatus) -> float | None:
    """From start to completion; None when one of them is not known, or they are in the wrong order."""
    start, end = status.start_time, status.completion_time
    if not (start and end):
        return None
    try:
        span = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    except (ValueError, TypeError):  # no time at all, or only one of them says in which zone it is
        return None
    seconds = span.total_seconds()
    return seconds if seconds > 0 else None
