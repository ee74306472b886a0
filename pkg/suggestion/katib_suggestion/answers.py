"""Questions on the wire, and their answers: a reply is a function of its request (U-01).

Knows protobuf messages, not gRPC. Everything that is wrong with an Experiment is found here, before any point is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from katib_apis.v1beta1 import api_pb2
from katib_apis.v1beta1.enums import Distribution, ParameterType
from katib_domain.search_space import ParameterText, algorithm_space_errors, parse_space, space_errors
from katib_suggestion.history import read_history
from katib_suggestion.proposals import Budget, Task, fill_up, propose_points
from katib_suggestion.randomness import Randomness
from katib_suggestion.registry import Registry
from katib_suggestion.settings import parse_settings, shown

TYPES: Mapping[int, str] = {
    api_pb2.DOUBLE: ParameterType.DOUBLE,
    api_pb2.INT: ParameterType.INT,
    api_pb2.DISCRETE: ParameterType.DISCRETE,
    api_pb2.CATEGORICAL: ParameterType.CATEGORICAL,
}
DISTRIBUTIONS: Mapping[int, str] = {
    api_pb2.DISTRIBUTION_UNSPECIFIED: Distribution.UNIFORM,
    api_pb2.UNIFORM: Distribution.UNIFORM,
    api_pb2.LOG_UNIFORM: Distribution.LOG_UNIFORM,
    api_pb2.NORMAL: Distribution.NORMAL,
    api_pb2.LOG_NORMAL: Distribution.LOG_NORMAL,
}


class RefusedError(ValueError):
    """A request that cannot be served as it is; the message names every field, its value and the rule."""


def read_task(experiment: api_pb2.Experiment, registry: Registry) -> Task:
    """The search that an Experiment describes; raises RefusedError when it cannot be served (U-08)."""
    spec = experiment.spec
    name = spec.algorithm.algorithm_name
    if name not in registry.names:
        raise RefusedError(
            f"spec.algorithm.algorithmName: {shown(name)} is not known here; known are {', '.join(registry.names)}"
        )
    given = [(entry.name, entry.value) for entry in spec.algorithm.algorithm_settings]
    algorithm, seed, errors = parse_settings(registry.get_algorithm(name), given)
    parameters = [to_parameter_text(entry) for entry in spec.parameter_specs.parameters]
    budget = Budget(spec.max_trial_count or None, spec.parallel_trial_count or None)
    errors = [f"spec.algorithm.algorithmSettings: {error}" for error in errors]
    errors += _space_errors(name, dict(given), parameters, budget)
    if errors:
        raise RefusedError("; ".join(errors))
    identity = f"{experiment.namespace}/{experiment.name}"
    return Task(algorithm, parse_space(parameters), Randomness(name, identity, seed), budget)


def _space_errors(
    algorithm: str, settings: Mapping[str, str], parameters: Sequence[ParameterText], budget: Budget
) -> list[str]:
    if not parameters:
        return ["spec.parameters: there are none: name at least one parameter"]
    errors = space_errors(parameters) or algorithm_space_errors(
        algorithm, settings, parameters, budget.max_trial_count, budget.parallel_trial_count
    )
    return [str(error) for error in errors]


def to_parameter_text(parameter: api_pb2.ParameterSpec) -> ParameterText:
    """A parameter of a message; numbers of enums that are not known stay visible as such."""
    space, kind = parameter.feasible_space, parameter.parameter_type
    return ParameterText(
        name=parameter.name,
        type=TYPES.get(kind, ParameterType.UNKNOWN if kind == api_pb2.UNKNOWN_TYPE else str(kind)),
        min=space.min,
        max=space.max,
        step=space.step,
        list=tuple(space.list),
        distribution=DISTRIBUTIONS.get(space.distribution, str(space.distribution)),
    )


def answer_validation(request: api_pb2.ValidateAlgorithmSettingsRequest, registry: Registry) -> None:
    """Raises RefusedError for an Experiment that GetSuggestions could not serve."""
    read_task(request.experiment, registry)


def answer_suggestions(
    request: api_pb2.GetSuggestionsRequest, registry: Registry, *, strict_count: bool = False
) -> api_pb2.GetSuggestionsReply:
    """New points for an Experiment; raises RefusedError."""
    task = read_task(request.experiment, registry)
    history = read_history(task.space, request.trials, request.experiment.spec.objective)
    wanted = request.current_request_number
    total = request.total_request_number
    issued = max(0, total - wanted) if total else history.trials
    points = propose_points(task, history, issued, wanted)
    if strict_count:
        points = fill_up(points, history, wanted)
    reply = api_pb2.GetSuggestionsReply()
    for point in points:
        entries = reply.parameter_assignments.add().assignments
        for name, value in task.space.format(point).items():
            entries.add(name=name, value=value)
    return reply
