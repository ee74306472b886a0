"""Models become gRPC messages and back (grpc.md §6 to §8).

Knows both vocabularies. Must not know who calls whom, or when.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from katib_apis.v1beta1 import api_pb2
from katib_apis.v1beta1.converters import (
    from_algorithm_setting,
    from_trial_assignment,
    to_algorithm_setting,
    to_experiment_spec,
    to_trial_spec,
)
from katib_apis.v1beta1.converters import from_early_stopping_rule as from_rule
from katib_apis.v1beta1.enums import ComparisonType, TrialConditionType
from katib_apis.v1beta1.models import (
    AlgorithmSetting,
    EarlyStoppingRule,
    Experiment,
    ObjectiveSpec,
    Observation,
    Trial,
    TrialAssignment,
    TrialSpec,
)
from katib_domain.conditions import conditions_of, is_in, last_type
from katib_domain.objective import is_observation_available, picked_value, strategies
from katib_domain.revise import revised
from katib_machinery.scalars import format_time

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
    if spec is None:
        target.parameter_specs.SetInParent()
        return message
    target.CopyFrom(to_experiment_spec(spec))
    _fill_spaces(target.parameter_specs.parameters)
    if spec.objective is not None:
        _fill_strategies(target.objective, spec.objective)
    if spec.nas_config is not None:
        _fill_nas_config(target.nas_config)
    settings = merge_settings(spec.algorithm.algorithm_settings if spec.algorithm is not None else None, overlay)
    target.algorithm.ClearField("algorithm_settings")
    target.algorithm.algorithm_settings.extend(to_algorithm_setting(setting) for setting in settings)
    return message


def merge_settings(
    settings: Sequence[AlgorithmSetting] | None, overlay: Iterable[AlgorithmSetting] | None
) -> list[AlgorithmSetting]:
    """Replace values of the same name in place and append the others."""
    merged = {setting.name: setting for setting in settings or ()}
    merged.update((setting.name, setting) for setting in overlay or ())
    return list(merged.values())


def _fill_spaces(parameters: Iterable[api_pb2.ParameterSpec]) -> None:
    """A parameter without a space has an empty one."""
    for parameter in parameters:
        parameter.feasible_space.SetInParent()


def _fill_strategies(target: api_pb2.ObjectiveSpec, objective: ObjectiveSpec) -> None:
    """Every metric has a strategy, also where admission has filled in none."""
    target.ClearField("metric_strategies")
    for name, value in strategies(objective).items():
        target.metric_strategies.add(name=name, value=value)


def _fill_nas_config(target: api_pb2.NasConfig) -> None:
    target.graph_config.SetInParent()
    for operation in target.operations.operation:
        _fill_spaces(operation.parameter_specs.parameters)


def is_sent(trial: Trial, *, full: bool) -> bool:
    """Whether an algorithm is told of a Trial: of every one (C-03), or by Katib's reduced list (§8)."""
    if full:
        return True
    if is_in(trial, TrialConditionType.METRICS_UNAVAILABLE):
        return False
    return not is_in(trial, TrialConditionType.EARLY_STOPPED) or is_observation_available(trial)


def to_trial_message(trial: Trial, *, full: bool = False) -> api_pb2.Trial:
    """Convert a Trial. Only who is sent the full list is told of the condition MetricsUnavailable."""
    message = api_pb2.Trial(name=trial.name, namespace=trial.namespace, spec=_trial_spec(trial.spec or TrialSpec()))
    message.status.observation.SetInParent()
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
    spec = TrialSpec.model_construct(
        objective=experiment.spec.objective if experiment.spec is not None else None,
        parameter_assignments=assignment.parameter_assignments,
        labels=assignment.labels,
    )
    message = api_pb2.Trial(name=assignment.name or "", namespace=experiment.namespace, spec=_trial_spec(spec))
    message.status.condition = api_pb2.TrialStatus.CREATED
    message.status.observation.SetInParent()
    return message


def _trial_spec(spec: TrialSpec) -> api_pb2.TrialSpec:
    message = to_trial_spec(spec)
    if spec.objective is not None:
        _fill_strategies(message.objective, spec.objective)
    return message


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
    return "" if moment is None else format_time(moment)


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
    return [revised(rule, {"comparison": rule.comparison or ComparisonType.EQUAL}) for rule in map(from_rule, rules)]


def from_assignment(
    reply: api_pb2.GetSuggestionsReply.ParameterAssignments, name: str, rules: Sequence[EarlyStoppingRule]
) -> TrialAssignment:
    """Convert one suggestion under the name its Trial is to have; all rules of the round go with it."""
    changes = {"name": name, **({"early_stopping_rules": list(rules)} if rules else {})}
    return revised(from_trial_assignment(reply), changes)


def from_algorithm(reply: api_pb2.AlgorithmSpec) -> list[AlgorithmSetting]:
    """Convert the settings that an algorithm writes back."""
    return [from_algorithm_setting(setting) for setting in reply.algorithm_settings]
