"""Questions on the wire, and their answers: rules are a function of the request and of what its trials have reported.

Knows protobuf messages, not gRPC. Directions and numbers as texts begin and end here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from katib_apis.v1beta1 import api_pb2
from katib_suggestion.early_stopping.registry import STOPPERS
from katib_suggestion.early_stopping.stopping import Curve, Limit, Phase, Stopper
from katib_suggestion.problem import RefusedError
from katib_suggestion.settings import parse_settings, shown

Status = api_pb2.TrialStatus
PHASES: Mapping[int, Phase] = {
    Status.CREATED: Phase.RUNNING,
    Status.RUNNING: Phase.RUNNING,
    Status.UNKNOWN: Phase.RUNNING,
    Status.SUCCEEDED: Phase.SUCCEEDED,
}


class EndedError(Exception):
    """A Trial that cannot be stopped any more, because it has come to another end."""


@dataclass(frozen=True)
class Task:
    """What is to be stopped, and by what."""

    stopper: Stopper
    metric: str
    maximize: bool


@dataclass(frozen=True)
class Log:
    """The reports of one trial that are needed: its first `longest` values of a metric, or all. The times say which
    trial of that name it is, and whether anything can still be added."""

    namespace: str
    trial: str
    metric: str
    longest: int | None
    start_time: str
    completion_time: str


def read_stopper(spec: api_pb2.EarlyStoppingSpec) -> Stopper:
    """The algorithm with its settings; raises RefusedError."""
    name = spec.algorithm_name
    if name not in STOPPERS:
        raise RefusedError(
            f"spec.earlyStopping.algorithmName: {shown(name)} is not known here; known are {', '.join(sorted(STOPPERS))}"
        )
    given = [(entry.name, entry.value) for entry in spec.algorithm_settings]
    stopper, _, errors = parse_settings(STOPPERS[name], given)
    if stopper is not None:
        errors = stopper.problems()
    if stopper is None or errors:
        raise RefusedError(*(f"spec.earlyStopping.algorithmSettings: {error}" for error in errors))
    return stopper


def read_task(request: api_pb2.GetEarlyStoppingRulesRequest) -> Task:
    """What a request asks for; raises RefusedError. A direction that is not set means to minimise (ES-13)."""
    objective = request.experiment.spec.objective
    stopper = read_stopper(request.experiment.spec.early_stopping)
    if not objective.objective_metric_name:
        raise RefusedError("spec.objective.objectiveMetricName: it is empty; name the metric that trials report")
    if not request.db_manager_address:
        raise RefusedError("db_manager_address: it is empty; give the address of the DB manager, such as host:port")
    return Task(stopper, objective.objective_metric_name, objective.type == api_pb2.MAXIMIZE)


def wanted_logs(task: Task, request: api_pb2.GetEarlyStoppingRulesRequest) -> list[Log]:
    """The logs without which the request cannot be answered, in the order of its trials."""
    return [
        Log(
            namespace=trial.namespace or request.experiment.namespace,
            trial=trial.name,
            metric=task.metric,
            longest=task.stopper.longest,
            start_time=trial.status.start_time,
            completion_time=trial.status.completion_time,
        )
        for trial in request.trials
        if phase_of(trial) in task.stopper.phases
    ]


def phase_of(trial: api_pb2.Trial) -> Phase:
    """Where a trial is; a condition that is not known has ended it."""
    return PHASES.get(trial.status.condition, Phase.ENDED)


def answer_rules(
    task: Task, trials: Sequence[api_pb2.Trial], values: Mapping[str, Sequence[float]]
) -> api_pb2.GetEarlyStoppingRulesReply:
    """Rules for new trials, and those of every trial that runs (ES-05). `values` are the reports of each trial."""
    curves = [_curve(task, trial, values.get(trial.name, ())) for trial in trials]
    seen = [curve for curve in curves if curve.phase in task.stopper.phases]
    reply = api_pb2.GetEarlyStoppingRulesReply(early_stopping_rules=_rules(task, task.stopper.find_limit(seen)))
    for curve in curves:
        if curve.phase is Phase.RUNNING:
            limit = task.stopper.find_limit(seen, curve)
            reply.running_trials.add(trial_name=curve.name, early_stopping_rules=_rules(task, limit))
    return reply


def _curve(task: Task, trial: api_pb2.Trial, values: Sequence[float]) -> Curve:
    losses = tuple(-value if task.maximize else value for value in values)
    return Curve(trial.name, losses, phase_of(trial))


def _rules(task: Task, limit: Limit | None) -> Iterator[api_pb2.EarlyStoppingRule]:
    if limit is None:
        return
    value = -limit.loss if task.maximize else limit.loss
    yield api_pb2.EarlyStoppingRule(
        name=task.metric,
        value=repr(value + 0.0),  # no minus before a zero
        comparison=api_pb2.LESS if task.maximize else api_pb2.GREATER,
        start_step=limit.step,
    )
