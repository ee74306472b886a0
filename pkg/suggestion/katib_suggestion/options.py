"""What a study may be given and told: every mistake is found before anything is asked, as one line with its cure.

Knows Python values; knows no algorithm, whose settings and spaces are judged by who answers the study.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from katib_suggestion.problem import RefusedError
from katib_suggestion.settings import nearest, shown

if TYPE_CHECKING:
    from katib_suggestion.study import Study

OBJECTIVE = "objective"
COUNTS = ("max_trial_count", "parallel_trial_count")


class Options(TypedDict, total=False):
    """What a study may have besides."""

    settings: Mapping[str, object]
    """Settings of the algorithm."""
    metrics: Sequence[str]
    """The objective's name, then those of additional metrics."""
    max_trial_count: int
    parallel_trial_count: int
    given: Sequence[Mapping[str, Any]]
    """Values to try before any others."""
    learn_from: Study
    """Another study of the same parameters, from whose trials to learn."""


def validate_options(options: Mapping[str, Any], parameters: Iterable[str]) -> None:
    """Raises RefusedError with everything that is wrong with a study's options."""
    names = list(parameters)
    errors = [f"{name}: no such option{_instead(name, list(Options.__annotations__))}" for name in _strange(options)]
    if not isinstance(options.get("settings", {}), Mapping):
        errors.append(f"settings: {_said(options['settings'])} is no mapping: write {{name: value}}")
    errors += _metric_errors(options.get("metrics", (OBJECTIVE,)))
    for name in COUNTS:
        count = options.get(name, 1)
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count < 2**31:
            errors.append(f"{name}: {_said(count)} is no whole number at least 1: leave it out for no limit")
    for index, values in enumerate(options.get("given", ())):
        errors += _given_errors(f"given[{index}]", values, names)
    if errors:
        raise RefusedError(*errors)


def _strange(options: Mapping[str, Any]) -> list[str]:
    return [name for name in options if name not in Options.__annotations__]


def _metric_errors(metrics: Any) -> list[str]:
    if isinstance(metrics, str) or not isinstance(metrics, Sequence):
        return [f"metrics: {_said(metrics)} is no list: write a list of names, the objective's first"]
    if not metrics:
        return ["metrics: the list is empty: name the objective, then additional metrics; or leave it out"]
    wrong = [name for name in metrics if not isinstance(name, str) or not name]
    twice = [name for name in dict.fromkeys(map(str, metrics)) if list(metrics).count(name) > 1]
    errors = [f"metrics: {_said(name)} is no name: write a text that is not empty" for name in wrong]
    return errors + [f"metrics: {_said(name)} is there twice: remove one" for name in twice]


def _given_errors(place: str, values: Any, names: Sequence[str]) -> list[str]:
    if not isinstance(values, Mapping):
        return [f"{place}: {_said(values)} is no mapping: write {{name: value}} with each of {', '.join(names)}"]
    return [f"{place}[{_said(name)}]: no such parameter{_instead(name, names)}" for name in values if name not in names]


def validate_lesson(learn_from: Mapping[str, object], parameters: Mapping[str, object]) -> None:
    """Raises RefusedError for another study's parameters that are none of this one's."""
    other = [name for name in {**learn_from, **parameters} if name not in learn_from or name not in parameters]
    if other:
        raise RefusedError(
            f"learn_from: only one of the two studies has {', '.join(map(repr, other))}: give a study of the same parameters"
        )


def read_values(value: Any, metrics: Sequence[str]) -> dict[str, float | None]:
    """Values by the metrics' names, None where there is none; raises RefusedError for what is no value.

    The first of the metrics is the objective. A number that is not finite stays what it is.
    """
    if not isinstance(value, Mapping):
        return {metrics[0]: _number("value", value)}
    errors = [f"value[{_said(name)}]: no such metric{_instead(name, metrics)}" for name in value if name not in metrics]
    if not errors and metrics[0] not in value:
        cure = f"give {metrics[0]!r}, or None instead of all metrics when the trial failed"
        errors.append(f"value: {_said(dict(value))} lacks the objective: {cure}")
    if errors:
        raise RefusedError(*errors)
    return {name: _number(f"value[{name!r}]", entry) for name, entry in value.items()}


def _number(place: str, value: Any) -> float | None:
    if value is None:
        return None
    wrong = RefusedError(f"{place}: {_said(value)} is no number: tell a number, or None when the trial failed")
    if isinstance(value, str | bytes):
        raise wrong
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None


def _instead(word: object, known: Sequence[str]) -> str:
    """How to go on from a word that is not known."""
    return f"; known are {', '.join(known)}{nearest(str(word), known) or ': take one of them or remove it'}"


def _said(value: object) -> str:
    return shown(value) if isinstance(value, str) else shown(repr(value))[1:-1]
