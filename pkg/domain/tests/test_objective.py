"""Numbers, observations and goals: controllers.md §2.1 and §6, CTL-13, CTL-22."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_apis.v1beta1 import api_pb2
from katib_apis.v1beta1.models import Metric, ObjectiveSpec, Trial
from katib_domain.numbers import parse_number
from katib_domain.objective import goal_reached, objective_value, observe_rows, picked_value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1.0),
        ("-0.5", -0.5),
        ("+.5e-3", 0.0005),
        ("5.", 5.0),
        ("1_000.5", 1000.5),
        ("0x1.8p1", 3.0),
        ("0X_1p-2", 0.25),
        ("1e400", None),
        ("inf", None),
        ("-Infinity", None),
        ("NaN", None),
        ("", None),
        (" 1", None),
        ("1 ", None),
        ("1__0", None),
        ("_1", None),
        ("0x1", None),
        ("٣", None),
        ("1,5", None),
        ("unavailable", None),
    ],
)
def test_only_finite_numbers_in_that_syntax_are_numbers(text: str, number: float | None) -> None:
    assert parse_number(text) == number


@given(st.text(alphabet="0123456789+-.eExXpP_ nai", max_size=12))
def test_whatever_is_taken_for_a_number_is_finite(text: str) -> None:
    number = parse_number(text)
    assert number is None or math.isfinite(number)


def row(value: str, time: str, name: str = "m") -> api_pb2.MetricLog:
    return api_pb2.MetricLog(time_stamp=time, metric=api_pb2.Metric(name=name, value=value))


def objective(type_: str = "maximize", **metrics: str) -> ObjectiveSpec:
    strategies = [{"name": name, "value": value} for name, value in metrics.items()]
    return ObjectiveSpec.from_dict(
        {"type": type_, "objectiveMetricName": next(iter(metrics), "m"), "metricStrategies": strategies}
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            [("0.03", 38), ("0.02", 39), ("0.01", 40), ("0.05", 41), ("0.06", 41), ("0.07", 41)],
            ("0.01", "0.1", "0.07"),
        ),
        ([("0.99", 8), ("0.11", 50)], ("0.11", "0.99", "0.11")),
        ([("unavailable", 1)], ("unavailable", "unavailable", "unavailable")),
        ([("0.50", 1), ("0.5", 2), ("5e-1", 3)], ("0.50", "0.50", "5e-1")),
        ([("text", 3), ("1", 2)], ("1", "1", "text")),
    ],
)
def test_the_contracts_examples_of_observations(rows: list[tuple[str, int]], expected: tuple[str, str, str]) -> None:
    logs = [row(value, f"2026-01-02T14:47:{second:02d}Z") for value, second in rows]
    if expected[1] == "0.1":
        logs.append(row("0.1", "2026-01-01T14:47:42Z"))
    observation = observe_rows(logs, objective(m="max"))
    assert observation is not None and observation.metrics is not None
    metric = observation.metrics[0]
    assert (metric.min, metric.max, metric.latest) == expected


def test_metrics_come_in_the_order_of_strategies_and_others_are_dropped() -> None:
    """CTL-13."""
    logs = [row("1", "2026-01-01T00:00:00Z", name) for name in ("c", "a", "b")]
    observation = observe_rows(logs, objective(b="max", a="min", z="latest"))
    assert observation is not None
    assert [(metric.name, metric.latest) for metric in observation.metrics or ()] == [
        ("b", "1"),
        ("a", "1"),
        ("z", "unavailable"),
    ]


def test_no_row_is_no_observation_and_a_bad_time_is_an_error() -> None:
    assert observe_rows([], objective(m="max")) is None
    with pytest.raises(ValueError, match="yesterday"):
        observe_rows([row("1", "yesterday")], objective(m="max"))


@pytest.mark.parametrize(
    ("strategy", "metric", "expected"),
    [
        ("min", ("1", "2", "3"), "1"),
        ("max", ("1", "2", "3"), "2"),
        ("latest", ("1", "2", "3"), "3"),
        ("min", ("unavailable", "2", "3"), "3"),
        ("max", ("1", "unavailable", "3"), "3"),
        ("", ("1", "2", "3"), None),
        ("mean", ("1", "2", "3"), None),
    ],
)
def test_what_a_strategy_picks(strategy: str, metric: tuple[str, str, str], expected: str | None) -> None:
    entry = Metric(name="m", min=metric[0], max=metric[1], latest=metric[2])
    assert picked_value(entry, strategy) == expected


@pytest.mark.parametrize(
    ("latest", "expected"),
    [("0.5", 0.5), ("genotype", "genotype"), ("unavailable", None), ("nan", None), ("inf", None), ("", None)],
)
def test_a_trials_value_is_a_number_a_text_or_nothing(latest: str, expected: object) -> None:
    """CTL-22: what is not finite, and what is empty, is unavailable."""
    trial = Trial.from_dict(
        {
            "spec": {"objective": objective(m="latest").to_dict()},
            "status": {"observation": {"metrics": [{"name": "m", "latest": latest}]}},
        }
    )
    assert objective_value(trial) == expected


@pytest.mark.parametrize(
    ("type_", "goal", "best", "reached"),
    [
        ("maximize", 0.9, 0.9, True),
        ("maximize", 0.9, 0.89, False),
        ("minimize", 0.1, 0.1, True),
        ("minimize", 0.1, 0.2, False),
        ("minimize", 0, 0.0, True),
        ("maximize", None, 1.0, False),
        ("maximize", 0.9, None, False),
    ],
)
def test_when_a_goal_is_reached(type_: str, goal: float | None, best: float | None, reached: bool) -> None:
    spec = ObjectiveSpec.from_dict({"type": type_, **({} if goal is None else {"goal": goal})})
    assert goal_reached(spec, best) is reached
