"""Models to gRPC and back: grpc.md §6 to §8, GRPC-6, GRPC-7, GRPC-8, GRPC-9; C-02 and C-03 of algorithms.md."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_apis.v1beta1 import api_pb2
from katib_apis.v1beta1.models import AlgorithmSetting, Experiment, Trial, TrialAssignment
from katib_domain.messages import (
    framed_trial,
    from_algorithm,
    from_assignment,
    from_rules_reply,
    is_sent,
    merge_settings,
    suggestions_request,
    to_experiment_message,
    to_pending_message,
    to_trial_message,
)

EXPERIMENT: dict[str, Any] = {
    "metadata": {"name": "exp", "namespace": "ns"},
    "spec": {
        "objective": {
            "type": "minimize",
            "objectiveMetricName": "loss",
            "additionalMetricNames": ["accuracy"],
            "metricStrategies": [{"name": "loss", "value": "min"}],
        },
        "algorithm": {"algorithmName": "tpe", "algorithmSettings": [{"name": "a", "value": "1"}]},
        "earlyStopping": {"algorithmName": "medianstop", "algorithmSettings": [{"name": "start_step", "value": "2"}]},
        "parallelTrialCount": 2,
        "parameters": [
            {
                "name": "lr",
                "parameterType": "double",
                "feasibleSpace": {"min": "0.1", "max": "1", "step": "0.1", "distribution": "logUniform"},
            },
            {"name": "opt", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b"]}},
            {"name": "odd", "parameterType": "quaternion", "feasibleSpace": {"distribution": "unknown"}},
        ],
        "nasConfig": {
            "graphConfig": {"numLayers": 2, "inputSizes": [32, 32, 3]},
            "operations": [{"operationType": "conv", "parameters": [{"name": "k", "parameterType": "int"}]}],
        },
    },
}


def test_an_experiment_becomes_a_message() -> None:
    message = to_experiment_message(Experiment.from_dict(EXPERIMENT), [AlgorithmSetting(name="b", value="2")])
    assert (message.name, message.namespace) == ("exp", "ns")
    spec = message.spec
    assert (spec.parallel_trial_count, spec.max_trial_count) == (2, 0)
    assert spec.objective.type == api_pb2.MINIMIZE
    assert list(spec.objective.additional_metric_names) == ["accuracy"]
    assert [(entry.name, entry.value) for entry in spec.objective.metric_strategies] == [("loss", "min")]
    assert [(entry.name, entry.value) for entry in spec.algorithm.algorithm_settings] == [("a", "1"), ("b", "2")]
    assert spec.early_stopping.algorithm_settings[0].name == "start_step"
    first, second, third = spec.parameter_specs.parameters
    assert (first.parameter_type, first.feasible_space.distribution) == (api_pb2.DOUBLE, api_pb2.LOG_UNIFORM)
    assert (first.feasible_space.min, first.feasible_space.step) == ("0.1", "0.1")
    assert list(second.feasible_space.list) == ["a", "b"]
    assert third.parameter_type == api_pb2.UNKNOWN_TYPE
    assert third.feasible_space.distribution == api_pb2.DISTRIBUTION_UNSPECIFIED
    assert list(spec.nas_config.graph_config.input_sizes) == [32, 32, 3]
    assert spec.nas_config.operations.operation[0].parameter_specs.parameters[0].parameter_type == api_pb2.INT


@pytest.mark.parametrize(("goal", "sent"), [(None, (0.0, False)), (0.0, (0.0, True)), (0.5, (0.5, True))])
def test_a_goal_of_zero_is_not_no_goal(goal: float | None, sent: tuple[float, bool]) -> None:
    """GRPC-6."""
    objective = {"type": "maximize", **({} if goal is None else {"goal": goal})}
    message = to_experiment_message(Experiment.from_dict({"spec": {"objective": objective}}))
    assert (message.spec.objective.goal, message.spec.objective.goal_set) == sent


def test_parameters_are_always_there_and_other_parts_only_if_given() -> None:
    message = to_experiment_message(Experiment.from_dict({"spec": {}}))
    assert message.spec.HasField("parameter_specs")
    assert not message.spec.HasField("nas_config") and not message.spec.HasField("early_stopping")


def test_written_back_settings_replace_in_place_or_come_last() -> None:
    settings = [AlgorithmSetting(name=name, value="old") for name in ("a", "b")]
    overlay = [AlgorithmSetting(name="c", value="new"), AlgorithmSetting(name="a", value="new")]
    assert [(entry.name, entry.value) for entry in merge_settings(settings, overlay)] == [
        ("a", "new"),
        ("b", "old"),
        ("c", "new"),
    ]


def a_trial(*types: str, latest: str | None = "0.5") -> Trial:
    metrics = [
        {"name": "loss", "min": "0.1", "max": "0.9", "latest": latest},
        {"name": "other", "min": "1", "max": "1", "latest": "1"},
    ]
    return Trial.from_dict(
        {
            "metadata": {"name": "t", "namespace": "ns"},
            "spec": {
                "objective": EXPERIMENT["spec"]["objective"],
                "parameterAssignments": [{"name": "lr", "value": "0.5"}],
                "labels": {"generation": "3"},
            },
            "status": {
                "startTime": "2026-01-01T13:00:00+02:00",
                "conditions": [{"type": type_, "status": "True"} for type_ in types],
                **({} if latest is None else {"observation": {"metrics": metrics}}),
            },
        }
    )


def test_a_trial_becomes_a_message() -> None:
    """C-02: labels go along. GRPC-8: a metric without a strategy does not. GRPC-9: times are in UTC."""
    message = to_trial_message(a_trial("Created", "Succeeded"))
    assert (message.name, message.namespace) == ("t", "ns")
    assert dict(message.spec.labels) == {"generation": "3"}
    assert message.spec.parameter_assignments.assignments[0].value == "0.5"
    assert (message.status.start_time, message.status.completion_time) == ("2026-01-01T11:00:00Z", "")
    assert [(metric.name, metric.value) for metric in message.status.observation.metrics] == [("loss", "0.1")]


@pytest.mark.parametrize(
    ("types", "condition"),
    [
        ((), "CREATED"),
        (("Created",), "CREATED"),
        (("Created", "Running"), "RUNNING"),
        (("Running", "Succeeded"), "SUCCEEDED"),
        (("Failed",), "FAILED"),
        (("Killed",), "KILLED"),
        (("Succeeded", "EarlyStopped"), "EARLYSTOPPED"),
        (("MetricsUnavailable",), "UNKNOWN"),
        (("Odd",), "UNKNOWN"),
    ],
)
def test_the_condition_is_the_type_of_the_last_entry(types: tuple[str, ...], condition: str) -> None:
    message = to_trial_message(a_trial(*types))
    assert api_pb2.TrialStatus.TrialConditionType.Name(message.status.condition) == condition


@pytest.mark.parametrize(
    ("types", "latest", "reduced"),
    [
        (("Running",), None, True),
        (("Failed",), None, True),
        (("MetricsUnavailable",), None, False),
        (("EarlyStopped",), None, False),
        (("EarlyStopped",), "unavailable", False),
        (("EarlyStopped",), "0.5", True),
    ],
)
def test_who_is_told_of_a_trial(types: tuple[str, ...], latest: str | None, reduced: bool) -> None:
    """§8, C-03: the full history has every Trial, with its true condition."""
    trial = a_trial(*types, latest=latest)
    assert is_sent(trial, full=False) is reduced
    assert is_sent(trial, full=True)
    if types == ("MetricsUnavailable",):
        assert to_trial_message(trial, full=True).status.condition == api_pb2.TrialStatus.METRICSUNAVAILABLE


def test_an_assignment_without_a_trial_is_shown_as_a_created_one() -> None:
    """C-03."""
    assignment = TrialAssignment.from_dict(
        {"name": "t", "parameterAssignments": [{"name": "lr", "value": "1"}], "labels": {"a": "b"}}
    )
    message = to_pending_message(assignment, Experiment.from_dict(EXPERIMENT))
    assert (message.name, message.namespace, dict(message.spec.labels)) == ("t", "ns", {"a": "b"})
    assert message.status.condition == api_pb2.TrialStatus.CREATED
    assert message.spec.objective.objective_metric_name == "loss"


@given(st.lists(st.text(max_size=300), max_size=4), st.integers(0, 99))
def test_a_request_of_framed_trials_is_the_request_of_those_trials(names: list[str], current: int) -> None:
    trials = [api_pb2.Trial(name=name) for name in names]
    experiment = to_experiment_message(Experiment.from_dict(EXPERIMENT))
    framed = suggestions_request(experiment, (framed_trial(trial) for trial in trials), current=current, total=100)
    plain = api_pb2.GetSuggestionsRequest(
        experiment=experiment, trials=trials, current_request_number=current, total_request_number=100
    )
    assert api_pb2.GetSuggestionsRequest.FromString(framed) == plain


def test_replies_become_assignments() -> None:
    reply = api_pb2.GetSuggestionsReply.ParameterAssignments(
        assignments=[api_pb2.ParameterAssignment(name="lr", value="1")], labels={"b": "2", "a": "1"}
    )
    rules = from_rules_reply(
        [
            api_pb2.EarlyStoppingRule(name="loss", value="0.5", comparison=api_pb2.GREATER, start_step=4),
            api_pb2.EarlyStoppingRule(name="x", value="1"),
        ]
    )
    assert from_assignment(reply, "t", rules).to_dict() == {
        "name": "t",
        "parameterAssignments": [{"name": "lr", "value": "1"}],
        "labels": {"a": "1", "b": "2"},
        "earlyStoppingRules": [
            {"name": "loss", "value": "0.5", "comparison": "greater", "startStep": 4},
            {"name": "x", "value": "1", "comparison": "equal"},
        ],
    }
    settings = from_algorithm(api_pb2.AlgorithmSpec(algorithm_settings=[api_pb2.AlgorithmSetting(name="s", value="v")]))
    assert [setting.to_dict() for setting in settings] == [{"name": "s", "value": "v"}]
