"""Questions on the wire, and their answers: a reply is a function of its request (U-01).

Knows protobuf messages, not gRPC. Everything that is wrong with an Experiment is found here, before any point is drawn.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from katib_apis.v1beta1 import api_pb2
from katib_domain.search_space import SearchSpace
from katib_suggestion.checkpoints import Checkpoints, Owner
from katib_suggestion.experiments import to_problem
from katib_suggestion.history import Reading
from katib_suggestion.memory import Memory
from katib_suggestion.objectives import directed
from katib_suggestion.problem import Objective, Problem, RefusedError
from katib_suggestion.proposals import Task, fill_up, suggest
from katib_suggestion.randomness import Randomness
from katib_suggestion.registry import Registry
from katib_suggestion.search import Algorithm, Answer, Point, Scheduler, Suggestion
from katib_suggestion.settings import nearest, parse_settings, shown, unknown_settings

log = logging.getLogger(__name__)


def read_task(experiment: api_pb2.Experiment, registry: Registry) -> tuple[Task, Sequence[Objective]]:
    """The search that an Experiment describes, and its objectives; raises RefusedError when it cannot be served (U-08)."""
    problem = to_problem(experiment.spec)
    if problem.algorithm in registry.broken:
        raise RefusedError(
            f"spec.algorithm.algorithmName: {shown(problem.algorithm)} cannot be served: {registry.broken[problem.algorithm]}"
        )
    if problem.algorithm not in registry.places:
        raise RefusedError(
            f"spec.algorithm.algorithmName: {shown(problem.algorithm)} is not known here; "
            f"known are {', '.join(registry.names)}{nearest(problem.algorithm, registry.names)}"
        )
    strategy, seed = _read_strategy(registry.get_algorithm(problem.algorithm), problem)
    space, objectives = _read_space(strategy, problem)
    task = Task(
        strategy,
        space,
        Randomness(problem.algorithm, f"{experiment.namespace}/{experiment.name}", seed),
        problem.budget,
        experiment.name,
        tuple((name, value) for name, value in problem.settings if name in strategy.note_names),
    )
    return task, objectives


def to_reading(task: Task, objectives: Sequence[Objective], experiment: api_pb2.Experiment) -> Reading:
    """How the trials of an Experiment are read: no more of them than its strategy looks at."""
    strategy = task.strategy
    owner = f"{experiment.namespace}/{experiment.name}"
    return Reading(task.space, objectives, strategy.resource, owner, strategy.replays, strategy.timed)


def _read_strategy(kind: type[Algorithm | Scheduler], problem: Problem) -> tuple[Algorithm | Scheduler, int | None]:
    strategy, seed, errors = parse_settings(kind, problem.settings)
    if strategy is None:
        told = [f"spec.algorithm.algorithmSettings: {error}" for error in errors]
        raise RefusedError(*told, *(problem.parameter_errors() if problem.parameters else ()))
    return strategy, seed


def _read_space(strategy: Algorithm | Scheduler, problem: Problem) -> tuple[SearchSpace, Sequence[Objective]]:
    space = strategy.read_space(problem)
    objectives: Sequence[Objective] = problem.objectives[:1]
    errors: list[str] = []
    if strategy.several:
        objectives, errors = directed(
            getattr(strategy, "minimize", ""), getattr(strategy, "maximize", ""), problem.objectives
        )
    errors += [*_resource_errors(strategy, problem), *strategy.objections(problem)]
    if errors:
        raise RefusedError(*errors)
    return space, objectives


def _resource_errors(strategy: Algorithm | Scheduler, problem: Problem) -> list[str]:
    names = [entry.name for entry in problem.parameters]
    if strategy.resource is None or strategy.resource in names:
        return []
    return [
        f"spec.algorithm.algorithmSettings: the resource {shown(strategy.resource)} is no parameter; "
        f"name one of {', '.join(names)}"
    ]


def answer_validation(
    request: api_pb2.ValidateAlgorithmSettingsRequest, registry: Registry, checkpoints: Checkpoints | None = None
) -> None:
    """Raises RefusedError for an Experiment that GetSuggestions could not serve."""
    task, _ = read_task(request.experiment, registry)
    if checkpoints is not None and isinstance(task.strategy, Scheduler) and task.strategy.checkpoints:
        checkpoints.check(_owner(request.experiment))
    given = [(entry.name, entry.value) for entry in request.experiment.spec.algorithm.algorithm_settings]
    for name in unknown_settings(type(task.strategy), given):
        log.warning("experiment %s: setting %s is not known here; is it spelled right?", task.experiment, shown(name))
    for text in task.strategy.advice(to_problem(request.experiment.spec)):
        log.warning("experiment %s: %s", task.experiment, text)


def answer_suggestions(
    request: api_pb2.GetSuggestionsRequest,
    registry: Registry,
    *,
    strict_count: bool = False,
    memory: Memory | None = None,
    checkpoints: Checkpoints | None = None,
    given_up: Callable[[], bool] = lambda: False,
) -> api_pb2.GetSuggestionsReply:
    """New points for an Experiment; raises RefusedError, and OSError when their checkpoints cannot be written.

    Also GivenUpError, once `given_up` says that nobody waits for them any more.
    """
    task, objectives = read_task(request.experiment, registry)
    reading = to_reading(task, objectives, request.experiment)
    history = reading.read_all(request.trials, memory)
    earlier = replace(reading, owner=f"{reading.owner}/earlier").read_all(request.earlier_trials, memory)
    task = replace(task, given=read_given(task.space, request.given_assignments), elsewhere=tuple(earlier.observations))
    wanted = max(0, request.current_request_number)
    total = request.total_request_number
    issued = max(0, total - wanted) if total else len(history.trials)
    answer = suggest(task, history, issued, wanted, memory, given_up)
    if strict_count and isinstance(task.strategy, Algorithm):
        points = fill_up([entry.point for entry in answer.suggestions], history, wanted)
        answer = Answer(tuple(map(Suggestion, points)))
    if any(entry.checkpoint for entry in answer.suggestions):
        _prepare(checkpoints, request, answer, first=not issued)
    return to_reply(task, answer)


def _prepare(
    checkpoints: Checkpoints | None, request: api_pb2.GetSuggestionsRequest, answer: Answer, *, first: bool
) -> None:
    experiment = request.experiment
    if checkpoints is None:
        log.warning(
            "experiment %s: there is no directory of checkpoints, so no trial goes on from another", experiment.name
        )
        return
    checkpoints.prepare(_owner(experiment), answer, first=first)


def _owner(experiment: api_pb2.Experiment) -> Owner:
    return Owner(experiment.namespace, experiment.name, experiment.spec.algorithm.algorithm_name)


def read_given(space: SearchSpace, given: Iterable[api_pb2.TrialSpec.ParameterAssignments]) -> tuple[Point, ...]:
    """Points that are to be tried first; raises RefusedError when one of them is none of the space."""
    points, errors = [], []
    for index, entry in enumerate(given):
        texts = {assignment.name: assignment.value for assignment in entry.assignments}
        point, exact = space.read(texts)
        if point is not None and exact:
            points.append(point)
        else:
            told = ", ".join(f"{name}={shown(text)}" for name, text in texts.items()) or "nothing"
            errors.append(
                f"given_assignments[{index}]: {told} is no point of the space: give each parameter a value of it"
            )
    if errors:
        raise RefusedError(*errors)
    return tuple(points)


def format_resource(value: int | float) -> str:
    """A resource as a text: whole numbers without a point."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def to_reply(task: Task, answer: Answer) -> api_pb2.GetSuggestionsReply:
    """An answer as a message."""
    reply = api_pb2.GetSuggestionsReply()
    for suggestion in answer.suggestions:
        entry = reply.parameter_assignments.add(trial_name=suggestion.name, labels=suggestion.labels)
        texts = task.space.format(suggestion.point)
        if task.strategy.resource is not None and suggestion.resource is not None:
            texts[task.strategy.resource] = format_resource(suggestion.resource)
        for name, value in texts.items():
            entry.assignments.add(name=name, value=value)
    for name, value in answer.settings.items():
        reply.algorithm.algorithm_settings.add(name=name, value=value)
    return reply
