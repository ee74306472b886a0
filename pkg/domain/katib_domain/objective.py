"""The objective: which value a strategy picks, what a Trial has reached, whether a goal is met.

Knows observations and rows of the observation log. Must not know where rows come from.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from katib_apis.v1beta1 import api_pb2, names
from katib_apis.v1beta1.enums import MetricStrategyType, ObjectiveType
from katib_apis.v1beta1.models import Metric, ObjectiveSpec, Observation, Trial
from katib_domain.numbers import is_not_finite, parse_number
from katib_domain.timestamps import parse_rfc3339

UNAVAILABLE: Final = names.VALUE_UNAVAILABLE

# Text is kept because some algorithms report results that are no numbers, an architecture for instance.
ObjectiveValue: TypeAlias = float | str | None


def metric_names(objective: ObjectiveSpec) -> list[str]:
    """Names of the metrics to read: the objective first, then the additional ones in order."""
    return [objective.objective_metric_name or "", *(objective.additional_metric_names or ())]


def strategies(objective: ObjectiveSpec | None) -> dict[str, str]:
    """Return the strategy of each metric that has one, in order."""
    given = (objective.metric_strategies if objective is not None else None) or ()
    return {strategy.name or "": str(strategy.value or "") for strategy in given}


def observe_rows(rows: Iterable[api_pb2.MetricLog], objective: ObjectiveSpec) -> Observation | None:
    """Sum rows up to one entry per metric with a strategy, in the order of the strategies (CTL-13).

    Without any row there is no observation. Raises ValueError when a row's time cannot be read.
    """
    by_name: dict[str, list[api_pb2.MetricLog]] = {}
    for row in rows:
        by_name.setdefault(row.metric.name, []).append(row)
    if not by_name:
        return None
    wanted = strategies(objective)
    return Observation(metrics=[_observe_metric(name, by_name.get(name, [])) for name in wanted])


def _observe_metric(name: str, rows: list[api_pb2.MetricLog]) -> Metric:
    numeric = [(number, row.metric.value) for row in rows if (number := parse_number(row.metric.value)) is not None]
    # Python's min and max keep the first of equal ones; a stable sort by time with the last row taken keeps the later.
    smallest = min(numeric, key=lambda entry: entry[0])[1] if numeric else UNAVAILABLE
    largest = max(numeric, key=lambda entry: entry[0])[1] if numeric else UNAVAILABLE
    in_time = sorted(rows, key=lambda row: parse_rfc3339(row.time_stamp))
    latest = in_time[-1].metric.value if in_time else UNAVAILABLE
    return Metric(name=name, min=smallest, max=largest, latest=latest)


def picked_value(metric: Metric, strategy: str) -> str | None:
    """Return the text that a strategy picks from an entry; None without a known strategy."""
    match strategy:
        case MetricStrategyType.MIN:
            return _or_latest(metric.min, metric)
        case MetricStrategyType.MAX:
            return _or_latest(metric.max, metric)
        case MetricStrategyType.LATEST:
            return metric.latest or ""
        case _:
            return None


def _or_latest(text: str | None, metric: Metric) -> str:
    return (metric.latest or "") if text == UNAVAILABLE else (text or "")


def objective_value(trial: Trial) -> ObjectiveValue:
    """Return what a Trial has reached by its own strategy: a number, a text, or None when it is unavailable."""
    objective = trial.spec.objective if trial.spec is not None else None
    entry = _objective_entry(trial)
    if objective is None or entry is None:
        return None
    text = picked_value(entry, strategies(objective).get(objective.objective_metric_name or "", ""))
    if not text or text == UNAVAILABLE or is_not_finite(text):
        return None
    number = parse_number(text)
    return text if number is None else number


def _objective_entry(trial: Trial) -> Metric | None:
    if trial.spec is None or trial.spec.objective is None or trial.status is None or trial.status.observation is None:
        return None
    wanted = trial.spec.objective.objective_metric_name
    return next((metric for metric in trial.status.observation.metrics or () if metric.name == wanted), None)


def is_observation_available(trial: Trial) -> bool:
    """Whether the observation has a usable latest value of the objective metric."""
    entry = _objective_entry(trial)
    return entry is not None and entry.latest != UNAVAILABLE


def is_available_in(observation: Observation | None, objective: ObjectiveSpec) -> bool:
    """Say the same of an observation that is not stored yet."""
    wanted = objective.objective_metric_name
    entries: Mapping[str, Metric] = {
        metric.name or "": metric for metric in (observation.metrics if observation is not None else None) or ()
    }
    entry = entries.get(wanted or "")
    return entry is not None and entry.latest != UNAVAILABLE


def score(value: float, type_: str | None) -> float:
    """Turn a value so that more is better."""
    return -value if type_ == ObjectiveType.MINIMIZE else value


def goal_reached(objective: ObjectiveSpec | None, best: float | None) -> bool:
    """Whether the best number is as good as the goal; without a goal it never is."""
    if objective is None or objective.goal is None or best is None:
        return False
    if objective.type == ObjectiveType.MINIMIZE:
        return best <= objective.goal
    return best >= objective.goal
