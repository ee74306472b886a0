"""An Experiment on the wire, read as it is written: texts and numbers, nothing judged yet. Never raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from katib_apis.v1beta1 import api_pb2
from katib_apis.v1beta1.enums import Distribution, ParameterType
from katib_domain.search_space import ParameterText
from katib_suggestion.problem import Budget, NasText, Objective, OperationText, Problem

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
KINDS: Mapping[str, Any] = {word: number for number, word in TYPES.items()}
NUMBERS: Mapping[str, Any] = {word: number for number, word in DISTRIBUTIONS.items() if number}
UNKNOWN: Any = -1
"""The number of a distribution that does not exist: whoever reads it refuses it."""
DIRECTIONS: Mapping[str, bool] = {"min": False, "max": True}


def to_problem(spec: api_pb2.ExperimentSpec) -> Problem:
    """What an Experiment asks for."""
    return Problem(
        algorithm=spec.algorithm.algorithm_name,
        parameters=tuple(map(to_parameter_text, spec.parameter_specs.parameters)),
        objectives=to_objectives(spec.objective),
        settings=tuple((entry.name, entry.value) for entry in spec.algorithm.algorithm_settings),
        budget=Budget(spec.max_trial_count or None, spec.parallel_trial_count or None),
        nas=to_nas_text(spec.nas_config) if spec.HasField("nas_config") else None,
    )


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


def to_parameter_spec(name: str, text: ParameterText) -> api_pb2.ParameterSpec:
    """A parameter as a message: the way back."""
    space = api_pb2.FeasibleSpace(min=text.min, max=text.max, step=text.step, list=text.list)
    space.distribution = NUMBERS.get(text.distribution, UNKNOWN)
    return api_pb2.ParameterSpec(name=name, parameter_type=KINDS[text.type], feasible_space=space)


def to_objectives(objective: api_pb2.ObjectiveSpec) -> tuple[Objective, ...]:
    """The objective, then the additional metrics; an unknown direction is to minimise.

    An additional metric whose strategy is `min` or `max` goes that way, the others go as the objective does.
    """
    maximize = objective.type == api_pb2.MAXIMIZE
    strategies = {entry.name: entry.value for entry in objective.metric_strategies}
    others = [
        Objective(name, DIRECTIONS.get(strategies.get(name, ""), maximize))
        for name in objective.additional_metric_names
    ]
    return (Objective(objective.objective_metric_name, maximize), *others)


def to_nas_text(config: api_pb2.NasConfig) -> NasText:
    """spec.nasConfig."""
    operations = tuple(
        OperationText(entry.operation_type, tuple(map(to_parameter_text, entry.parameter_specs.parameters)))
        for entry in config.operations.operation
    )
    graph = config.graph_config
    return NasText(graph.num_layers, tuple(graph.input_sizes), tuple(graph.output_sizes), operations)
