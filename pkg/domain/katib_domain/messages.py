"""Models become gRPC messages and back (grpc.md §6 to §8).

Knows both vocabularies. Must not know who calls whom, or when.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from katib_apis.v1beta1 import api_pb2
from katib_apis.v1beta1.enums import ComparisonType, Distribution, ObjectiveType, ParameterType, TrialConditionType
from katib_apis.v1beta1.models import (
    AlgorithmSetting,
    EarlyStoppingRule,
    EarlyStoppingSpec,
    Experiment,
    NasConfig,
    ObjectiveSpec,
    Observation,
    ParameterAssignment,
    ParameterSpec,
    Trial,
    TrialAssignment,
)
from katib_domain.conditions import conditions_of, is_in, last_type
from katib_domain.objective import is_observation_available, picked_value, strategies

_PARAMETER_TYPES: Final[Mapping[str, "api_pb2.ParameterType.ValueType"]] = {
    ParameterType.DOUBLE: api_pb2.DOUBLE,
    ParameterType.INT: api_pb2.INT,
    ParameterType.DISCRETE: api_pb2.DISCRETE,
    ParameterType.CATEGORICAL: api_pb2.CATEGORICAL,
}
_DISTRIBUTIONS: Final[Mapping[str, "api_pb2.Distribution.ValueType"]] = {
    Distribution.UNIFORM: api_pb2.UNIFORM,
    Distribution.LOG_UNIFORM: api_pb2.LOG_UNIFORM,
    Distribution.NORMAL: api_pb2.NORMAL,
    Distribution.LOG_NORMAL: api_pb2.LOG_NORMAL,
}
_OBJECTIVE_TYPES: Final[Mapping[str, "api_pb2.ObjectiveType.ValueType"]] = {
    ObjectiveType.MINIMIZE: api_pb2.MINIMIZE,
    ObjectiveType.MAXIMIZE: api_pb2.MAXIMIZE,
}
_COMPARISONS: Final[Mapping[int, str]] = {
    api_pb2.EQUAL: ComparisonType.EQUAL,
    api_pb2.LESS: ComparisonType.LESS,
    api_pb2.GREATER: ComparisonType.GREATER,
}
_TRIAL_CONDITIONS: Final[Mapping[str, "api_pb2.TrialStatus.TrialConditionType.ValueType"]] = {
    TrialConditionType.CREATED: api_pb2.TrialStatus.CREATED,
    TrialConditionType.RUNNING: api_pb2.TrialStatus.RUNNING,
    TrialConditionType.SUCCEEDED: api_pb2.TrialStatus.SUCCEEDED,
    TrialConditionType.KILLED: api_pb2.TrialStatus.KILLED,
    TrialConditionType.FAILED: api_pb2.TrialStatus.FAILED,
    TrialConditionType.EARLY_STOPPED: api_pb2.TrialStatus.EARLYSTOPPED,
}
# Field 2 of GetSuggestionsRequest, a message: the tag under which each Trial of a request is written.
_TRIALS_TAG: Final = bytes([2 << 3 | 2])


def to_experiment_message(
    experiment: Experiment, overlay: Sequence[AlgorithmSetting] | None = None
) -> api_pb2.Experiment:
    """Convert an Experiment; ``overlay`` are settings that the algorithm has written back (§6)."""
    message = api_pb2.Experiment(name=experiment.name, namespace=experiment.namespace)
    spec = experiment.spec
    target = message.spec
    target.parameter_specs.SetInParent()
    if spec is None:
        return message
    target.parameter_specs.parameters.extend(_parameter(parameter) for parameter in spec.parameters or ())
    if spec.objective is not None:
        target.objective.CopyFrom(_objective(spec.objective))
    if spec.algorithm is not None:
        target.algorithm.algorithm_name = spec.algorithm.algorithm_name or ""
    settings = merge_settings(spec.algorithm.algorithm_settings if spec.algorithm is not None else None, overlay)
    target.algorithm.algorithm_settings.extend(
        api_pb2.AlgorithmSetting(name=setting.name or "", value=setting.value or "") for setting in settings
    )
    if spec.early_stopping is not None:
        target.early_stopping.CopyFrom(to_early_stopping_message(spec.early_stopping))
    if spec.nas_config is not None:
        target.nas_config.CopyFrom(_nas_config(spec.nas_config))
    target.parallel_trial_count = spec.parallel_trial_count or 0
    target.max_trial_count = spec.max_trial_count or 0
    return message


def to_early_stopping_message(spec: EarlyStoppingSpec) -> api_pb2.EarlyStoppingSpec:
    """Convert the early-stopping part, which is all that its validation is sent."""
    settings = (
        api_pb2.EarlyStoppingSetting(name=setting.name or "", value=setting.value or "")
        for setting in spec.algorithm_settings or ()
    )
    return api_pb2.EarlyStoppingSpec(algorithm_name=spec.algorithm_name or "", algorithm_settings=settings)


def merge_settings(
    settings: Sequence[AlgorithmSetting] | None, overlay: Iterable[AlgorithmSetting] | None
) -> list[AlgorithmSetting]:
    """Replace values of the same name in place and append the others."""
    merged = {setting.name: setting for setting in settings or ()}
    merged.update((setting.name, setting) for setting in overlay or ())
    return list(merged.values())


def _parameter(parameter: ParameterSpec) -> api_pb2.ParameterSpec:
    space = parameter.feasible_space
    message = api_pb2.ParameterSpec(
        name=parameter.name or "",
        parameter_type=_PARAMETER_TYPES.get(str(parameter.parameter_type), api_pb2.UNKNOWN_TYPE),
    )
    message.feasible_space.SetInParent()
    if space is not None:
        target = message.feasible_space
        target.max, target.min, target.step = space.max or "", space.min or "", space.step or ""
        target.list.extend(space.list_ or ())
        target.distribution = _DISTRIBUTIONS.get(str(space.distribution), api_pb2.DISTRIBUTION_UNSPECIFIED)
    return message


def _objective(objective: ObjectiveSpec) -> api_pb2.ObjectiveSpec:
    message = api_pb2.ObjectiveSpec(
        type=_OBJECTIVE_TYPES.get(str(objective.type), api_pb2.UNKNOWN),
        objective_metric_name=objective.objective_metric_name or "",
        additional_metric_names=objective.additional_metric_names or (),
        metric_strategies=(
            api_pb2.MetricStrategy(name=name, value=value) for name, value in strategies(objective).items()
        ),
    )
    if objective.goal is not None:
        # Zero and absent look alike to peers that do not know goal_set (GRPC-6).
        message.goal, message.goal_set = objective.goal, True
    return message


def _nas_config(config: NasConfig) -> api_pb2.NasConfig:
    message = api_pb2.NasConfig()
    message.graph_config.SetInParent()
    message.operations.SetInParent()
    if config.graph_config is not None:
        graph = config.graph_config
        message.graph_config.num_layers = graph.num_layers or 0
        message.graph_config.input_sizes.extend(graph.input_sizes or ())
        message.graph_config.output_sizes.extend(graph.output_sizes or ())
    for operation in config.operations or ():
        target = message.operations.operation.add(operation_type=operation.operation_type or "")
        target.parameter_specs.SetInParent()
        target.parameter_specs.parameters.extend(_parameter(parameter) for parameter in operation.parameters or ())
    return message


def is_sent(trial: Trial, *, full: bool) -> bool:
    """Whether an algorithm is told of a Trial: of every one (C-03), or by Katib's reduced list (§8)."""
    if full:
        return True
    if is_in(trial, TrialConditionType.METRICS_UNAVAILABLE):
        return False
    return not is_in(trial, TrialConditionType.EARLY_STOPPED) or is_observation_available(trial)


def to_trial_message(trial: Trial, *, full: bool = False) -> api_pb2.Trial:
    """Convert a Trial. Only who is sent the full list is told of the condition MetricsUnavailable."""
    message = api_pb2.Trial(name=trial.name, namespace=trial.namespace)
    message.spec.parameter_assignments.SetInParent()
    message.status.observation.SetInParent()
    if trial.spec is not None:
        _fill_spec(message.spec, trial.spec.objective, trial.spec.parameter_assignments, trial.spec.labels)
    status = trial.status
    message.status.condition = _trial_condition(trial, full=full)
    if status is not None:
        message.status.start_time = _time_text(status.start_time)
        message.status.completion_time = _time_text(status.completion_time)
        objective = trial.spec.objective if trial.spec is not None else None
        message.status.observation.CopyFrom(_observation(status.observation, objective))
    return message


def to_pending_message(assignment: TrialAssignment, experiment: Experiment) -> api_pb2.Trial:
    """Show an assignment that has no Trial yet as a Trial that was just created (C-03)."""
    message = api_pb2.Trial(name=assignment.name or "", namespace=experiment.namespace)
    objective = experiment.spec.objective if experiment.spec is not None else None
    message.spec.parameter_assignments.SetInParent()
    _fill_spec(message.spec, objective, assignment.parameter_assignments, assignment.labels)
    message.status.condition = api_pb2.TrialStatus.CREATED
    message.status.observation.SetInParent()
    return message


def _fill_spec(
    target: api_pb2.TrialSpec,
    objective: ObjectiveSpec | None,
    assignments: Sequence[ParameterAssignment] | None,
    labels: Mapping[str, str] | None,
) -> None:
    if objective is not None:
        target.objective.CopyFrom(_objective(objective))
    target.parameter_assignments.assignments.extend(
        api_pb2.ParameterAssignment(name=assignment.name or "", value=assignment.value or "")
        for assignment in assignments or ()
    )
    target.labels.update(labels or {})


def _trial_condition(trial: Trial, *, full: bool) -> "api_pb2.TrialStatus.TrialConditionType.ValueType":
    last = last_type(conditions_of(trial))
    if last is None:
        return api_pb2.TrialStatus.CREATED
    if full and is_in(trial, TrialConditionType.METRICS_UNAVAILABLE):
        return api_pb2.TrialStatus.METRICSUNAVAILABLE
    return _TRIAL_CONDITIONS.get(last, api_pb2.TrialStatus.UNKNOWN)


def _observation(observation: Observation | None, objective: ObjectiveSpec | None) -> api_pb2.Observation:
    """Send one value per metric; a metric without a strategy is left out (GRPC-8)."""
    chosen = strategies(objective)
    message = api_pb2.Observation()
    for metric in (observation.metrics if observation is not None else None) or ():
        value = picked_value(metric, chosen.get(metric.name or "", ""))
        if value is not None:
            message.metrics.add(name=metric.name or "", value=value)
    return message


def _time_text(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def framed_trial(message: api_pb2.Trial) -> bytes:
    """Serialise a Trial as it stands in a GetSuggestionsRequest.

    Repeated fields may be concatenated, so each finished Trial needs to be converted only once.
    """
    body = message.SerializeToString(deterministic=True)
    return _TRIALS_TAG + _varint(len(body)) + body


def suggestions_request(
    experiment: api_pb2.Experiment, framed_trials: Iterable[bytes], *, current: int, total: int
) -> bytes:
    """Serialise a GetSuggestionsRequest out of Trials that are serialised already."""
    head = api_pb2.GetSuggestionsRequest(
        experiment=experiment, current_request_number=current, total_request_number=total
    )
    return head.SerializeToString(deterministic=True) + b"".join(framed_trials)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def from_rules_reply(rules: Iterable[api_pb2.EarlyStoppingRule]) -> list[EarlyStoppingRule]:
    """Convert early-stopping rules; an unknown comparison reads as ComparisonType.EQUAL."""
    return [
        EarlyStoppingRule.from_dict(
            {
                "name": rule.name,
                "value": rule.value,
                "comparison": _COMPARISONS.get(rule.comparison, ComparisonType.EQUAL),
                **({"startStep": rule.start_step} if rule.start_step else {}),
            }
        )
        for rule in rules
    ]


def from_assignment(
    reply: api_pb2.GetSuggestionsReply.ParameterAssignments, name: str, rules: Sequence[EarlyStoppingRule]
) -> TrialAssignment:
    """Convert one suggestion under the name its Trial is to have; all rules of the round go with it."""
    raw: dict[str, object] = {
        "name": name,
        "parameterAssignments": [{"name": pair.name, "value": pair.value} for pair in reply.assignments],
    }
    if reply.labels:
        raw["labels"] = dict(sorted(reply.labels.items()))
    if rules:
        raw["earlyStoppingRules"] = [rule.to_dict() for rule in rules]
    return TrialAssignment.from_dict(raw)


def from_algorithm(reply: api_pb2.AlgorithmSpec) -> list[AlgorithmSetting]:
    """Convert the settings that an algorithm writes back."""
    return [
        AlgorithmSetting.from_dict({"name": setting.name, "value": setting.value})
        for setting in reply.algorithm_settings
    ]
