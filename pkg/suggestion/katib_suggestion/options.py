"""What a study may be given and told: every mistake is found before anything is asked, as one line with its cure.

Knows Python values; knows no algorithm, whose settings and spaces are judged by who answers the study.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, cast

from katib_domain.algorithm_needs import ARCHITECTURES
from katib_suggestion.problem import RefusedError
from katib_suggestion.settings import LARGEST_SEED, nearest, shown

if TYPE_CHECKING:
    from katib_suggestion.study import Study

OBJECTIVE = "objective"
DIRECTIONS = ("minimize", "maximize")
COUNTS = ("max_trial_count", "parallel_trial_count")
LARGEST_COUNT = 2**31 - 1
"""What an int32 of the gRPC contract holds."""


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


def read_options(options: Mapping[str, Any], parameters: Iterable[str]) -> Options:
    """A study's options, complete in type; raises RefusedError with everything that is wrong with them."""
    names = list(parameters)
    errors = [f"{name}: no such option{_instead(name, list(Options.__annotations__))}" for name in _strange(options)]
    errors += _setting_errors(options.get("settings", {}))
    errors += _metric_errors(options.get("metrics", (OBJECTIVE,)))
    counts = {name: find_count(options[name], LARGEST_COUNT) for name in COUNTS if name in options}
    for name in (name for name, count in counts.items() if count is None):
        errors.append(f"{name}: {said(options[name])} is no {counting(LARGEST_COUNT)}: leave it out for no limit")
    given = options.get("given", ())
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        errors.append(f"given: {said(given)} is no list: write a list, of {{name: value}} for each trial")
        given = ()
    given = list(given)
    for index, values in enumerate(given):
        errors += _given_errors(f"given[{index}]", values, names)
    if errors:
        raise RefusedError(*errors)
    found: Any = {**options, **counts, "given": given}
    return cast(Options, found)


def validate_search(algorithm: Any, direction: Any, seed: Any, service: Any) -> None:
    """Raises RefusedError with everything that is wrong with how a study searches."""
    errors = []
    if not isinstance(algorithm, str):
        errors.append(f"algorithm: {said(algorithm)} is no name: give an algorithmName, such as 'tpe'")
    if algorithm in ARCHITECTURES:
        errors.append(f"algorithm: {algorithm!r} searches architectures, not parameters: run an Experiment with it")
    if direction not in DIRECTIONS:
        errors.append(f"direction: {said(direction)} is not minimize or maximize: take one of them")
    if seed is not None and not 0 <= _index(seed, -1) <= LARGEST_SEED:
        errors.append(f"seed: {said(seed)} is no whole number from 0 to {LARGEST_SEED}: leave it out for no seed")
    asks = [callable(getattr(service, name, None)) for name in ("validate", "suggest")]
    if service is not None and (isinstance(service, type) or not all(asks)):
        errors.append(f"service: {said(service)} is no service: give Local([...]) or Remote('host:port')")
    if errors:
        raise RefusedError(*errors)


def validate_flags(**flags: Any) -> None:
    """Raises RefusedError for a flag that is a text, which would always be true, or nothing."""
    wrong = [name for name, flag in flags.items() if flag is None or isinstance(flag, str | bytes)]
    if wrong:
        raise RefusedError(*(f"{name}: {said(flags[name])} is not True or False: give one of them" for name in wrong))


def read_algorithms(algorithms: Any) -> list[str]:
    """Algorithms as `module:Class`; raises RefusedError for what is no list of such texts."""
    if isinstance(algorithms, str | bytes) or not isinstance(algorithms, Iterable):
        raise RefusedError(f"algorithms: {said(algorithms)} is no list: write ['my_search:HillClimbing']")
    found = list(algorithms)
    for index, entry in enumerate(found):
        if not isinstance(entry, str):
            named = isinstance(entry, type)
            place = f"{entry.__module__}:{entry.__qualname__}" if named else "my_search:HillClimbing"
            raise RefusedError(f"algorithms[{index}]: {said(entry)} is no text: write {place!r}")
    return found


def find_count(value: Any, most: int) -> int | None:
    """How many, of any type that counts; None for what is no count from 1 to the most."""
    number = _index(value, 0)
    return number if 1 <= number <= most else None


def counting(most: int) -> str:
    """What a count is."""
    return f"whole number from 1 to {most}"


def _index(value: Any, otherwise: int) -> int:
    """A whole number, numpy's too; True is none."""
    try:
        return otherwise if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return otherwise


def _setting_errors(settings: Any) -> list[str]:
    if not isinstance(settings, Mapping):
        return [f"settings: {said(settings)} is no mapping: write {{name: value}}"]
    wrong = [name for name in settings if not isinstance(name, str)]
    return [f"settings[{name!r}]: {said(name)} is no name of a setting: write a text" for name in wrong]


def _strange(options: Mapping[str, Any]) -> list[str]:
    return [name for name in options if name not in Options.__annotations__]


def _metric_errors(metrics: Any) -> list[str]:
    if isinstance(metrics, str) or not isinstance(metrics, Sequence):
        return [f"metrics: {said(metrics)} is no list: write a list of names, the objective's first"]
    if not metrics:
        return ["metrics: the list is empty: name the objective, then additional metrics; or leave it out"]
    wrong = [name for name in metrics if not isinstance(name, str) or not name]
    twice = [name for name in dict.fromkeys(map(str, metrics)) if list(metrics).count(name) > 1]
    errors = [f"metrics: {said(name)} is no name: write a text that is not empty" for name in wrong]
    return errors + [f"metrics: {said(name)} is there twice: remove one" for name in twice]


def _given_errors(place: str, values: Any, names: Sequence[str]) -> list[str]:
    if not isinstance(values, Mapping):
        return [f"{place}: {said(values)} is no mapping: write {{name: value}} with each of {', '.join(names)}"]
    return [f"{place}[{said(name)}]: no such parameter{_instead(name, names)}" for name in values if name not in names]


def validate_lesson(learn_from: Mapping[str, str], parameters: Mapping[str, str]) -> None:
    """Raises RefusedError for another study's parameters that are none of this one's; each has its type."""
    other = [name for name in {**learn_from, **parameters} if name not in learn_from or name not in parameters]
    if other:
        raise RefusedError(
            f"learn_from: only one of the two studies has {', '.join(map(repr, other))}: give a study of the same parameters"
        )
    changed = [name for name, kind in parameters.items() if learn_from[name] != kind]
    if changed:
        name = changed[0]
        raise RefusedError(
            f"learn_from: {name!r} is {learn_from[name]} there and {parameters[name]} here: give a study of the same parameters"
        )


def read_values(value: Any, metrics: Sequence[str]) -> dict[str, float | None]:
    """Values by the metrics' names, None where there is none; raises RefusedError for what is no value, or lacks a metric.

    The first of the metrics is the objective. A number that is not finite stays what it is.
    """
    if not isinstance(value, Mapping):
        number = _number("value", value)
        _validate_told(value, metrics[:1], metrics)
        return {metrics[0]: number}
    errors = [f"value[{said(name)}]: no such metric{_instead(name, metrics)}" for name in value if name not in metrics]
    if not errors and metrics[0] not in value:
        cure = f"give {metrics[0]!r}, or None instead of all metrics when the trial failed"
        errors.append(f"value: {said(dict(value))} lacks the objective: {cure}")
    if errors:
        raise RefusedError(*errors)
    numbers = {name: _number(f"value[{name!r}]", entry) for name, entry in value.items()}
    _validate_told(dict(value), numbers, metrics)
    return numbers


def _validate_told(value: Any, told: Collection[str], metrics: Sequence[str]) -> None:
    """Raises RefusedError when a metric is lacking: a trial without one of several objectives would count as failed."""
    if lacking := [repr(name) for name in metrics if name not in told]:
        cure = "tell all metrics by name, with None for one that has no value, or None alone when the trial failed"
        raise RefusedError(f"value: {said(value)} lacks {', '.join(lacking)}: {cure}")


def _number(place: str, value: Any) -> float | None:
    if value is None:
        return None
    wrong = RefusedError(f"{place}: {said(value)} is no number: tell a number, or None when the trial failed")
    if isinstance(value, str | bytes | bool) or str(getattr(value, "dtype", "")) == "bool":  # numpy has its own
        raise wrong
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None


def _instead(word: object, known: Sequence[str]) -> str:
    """How to go on from a word that is not known."""
    return f"; known are {', '.join(known)}{nearest(str(word), known) or ': take one of them or remove it'}"


def said(value: object) -> str:
    """A value for a message: as it is written, and not longer than a reader wants."""
    return shown(value) if isinstance(value, str) else shown(repr(value))[1:-1]
