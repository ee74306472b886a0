"""From trials on the wire to typed history: whatever a trial holds, reading it never fails (U-02)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from katib_apis.v1beta1 import api_pb2
from katib_domain.search_space import Point, SearchSpace
from katib_suggestion.search import Observation

Condition = api_pb2.TrialStatus
ENDED_WELL = frozenset({Condition.SUCCEEDED, Condition.EARLYSTOPPED})
ENDED_BADLY = frozenset({Condition.KILLED, Condition.FAILED, Condition.METRICSUNAVAILABLE})


@dataclass
class History:
    """What the trials of a request say about a space."""

    observations: list[Observation] = field(default_factory=list)
    failed: list[Point] = field(default_factory=list)
    pending: list[Point] = field(default_factory=list)
    seen: set[Point] = field(default_factory=set)
    """Points of the space that some trial has, in whatever state; values that were moved into the space are not here."""
    trials: int = 0


def read_history(space: SearchSpace, trials: Iterable[api_pb2.Trial], objective: api_pb2.ObjectiveSpec) -> History:
    """Sort trials into observations, failures and pending ones; those that fit nowhere only count.

    They are taken in the order in which they started, whatever their order in the request: a list from an API server has
    none that lasts. Those without a start keep their order, after the others.
    """
    history = History()
    for trial in sorted(trials, key=_age):
        history.trials += 1
        assignments = {entry.name: entry.value for entry in trial.spec.parameter_assignments.assignments}
        point = space.parse(assignments)
        if point is not None:
            _record(history, trial, point, objective)
            if space.holds(assignments, point):
                history.seen.add(point)
    return history


def _age(trial: api_pb2.Trial) -> tuple[bool, str, str]:
    start = trial.status.start_time
    return not start, start, trial.name if start else ""


def _record(history: History, trial: api_pb2.Trial, point: Point, objective: api_pb2.ObjectiveSpec) -> None:
    condition = trial.status.condition
    loss = find_loss(trial, objective) if condition in ENDED_WELL else None
    if loss is not None:
        history.observations.append(Observation(point, loss))
    elif condition in ENDED_WELL or condition in ENDED_BADLY:
        history.failed.append(point)
    else:
        history.pending.append(point)


def find_loss(trial: api_pb2.Trial, objective: api_pb2.ObjectiveSpec) -> float | None:
    """The objective's value as a loss; None when there is no finite number. An unknown direction is to minimise."""
    name = trial.spec.objective.objective_metric_name or objective.objective_metric_name
    values: Mapping[str, str] = {metric.name: metric.value for metric in trial.status.observation.metrics}
    try:
        value = float(values[name])
    except (KeyError, ValueError):
        return None
    if not math.isfinite(value):
        return None
    return -value if objective.type == api_pb2.MAXIMIZE else value
