"""Which search spaces can be served: rules V1 to V11 of search-spaces.md §2, each error with its field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from katib_domain.search_space.texts import (
    CATEGORICAL,
    DISCRETE,
    DISTRIBUTIONS,
    DOUBLE,
    INT,
    LISTS,
    LOGARITHMIC,
    NUMERIC,
    ParameterText,
    parameter_texts,
    parse_decimal,
)

if TYPE_CHECKING:
    from katib_apis.v1beta1.models import ParameterSpec

LONGEST_SHOWN = 80


@dataclass(frozen=True)
class SpaceError:
    """One error: its field, the offending value, what is wrong and how to mend it; `missing` for an absent value."""

    path: str
    value: str
    detail: str
    missing: bool = False
    parameter: str = ""

    def __str__(self) -> str:
        """All of it in one line, the parameter by name, for those who do not see the Experiment's text."""
        short = self.value if len(self.value) <= LONGEST_SHOWN else f"{self.value[:LONGEST_SHOWN]}…"
        value = "" if self.missing else f" {short!r}"
        name = f" of parameter {self.parameter!r}" if self.parameter else ""
        return f"{self.path}{name}:{value} {self.detail}"


def space_errors(
    parameters: Sequence[ParameterSpec | ParameterText], *, path: str = "spec.parameters"
) -> list[SpaceError]:
    """Every error of a list of parameters, in their order."""
    errors: list[SpaceError] = []
    seen: set[str] = set()
    for index, parameter in enumerate(parameter_texts(parameters)):
        place = f"{path}[{index}]"
        if not parameter.name:
            errors.append(SpaceError(f"{place}.name", "", "name the parameter", missing=True))
        elif parameter.name in seen:
            detail = "stands here twice: rename or remove one of them"
            errors.append(SpaceError(f"{place}.name", parameter.name, detail, parameter=parameter.name))
        seen.add(parameter.name)
        errors += _parameter_errors(parameter, place)
    return errors


def _parameter_errors(parameter: ParameterText, place: str) -> Iterator[SpaceError]:
    if parameter.type in NUMERIC:
        yield from _range_errors(parameter, f"{place}.feasibleSpace")
    elif parameter.type in LISTS:
        yield from _list_errors(parameter, f"{place}.feasibleSpace.list")
    else:
        detail = "must be int, double, discrete or categorical"
        yield SpaceError(f"{place}.parameterType", str(parameter.type), detail, parameter=parameter.name)


def _range_errors(parameter: ParameterText, place: str) -> Iterator[SpaceError]:
    numbers: dict[str, Decimal] = {}
    for field, text in (("min", parameter.min), ("max", parameter.max), ("step", parameter.step)):
        if not text.strip():
            if field != "step":
                detail = f"a parameter of type {parameter.type} needs both min and max"
                yield SpaceError(f"{place}.{field}", text, detail, missing=True, parameter=parameter.name)
            continue
        number = parse_decimal(text)
        problem = _number_problem(parameter, field, number)
        if problem:
            yield SpaceError(f"{place}.{field}", text, problem, parameter=parameter.name)
        elif number is not None:
            numbers[field] = number
    if parameter.distribution not in DISTRIBUTIONS:
        detail = f"must be one of {', '.join(DISTRIBUTIONS)}"
        yield SpaceError(f"{place}.distribution", parameter.distribution, detail, parameter=parameter.name)
    yield from _order_errors(parameter, place, numbers)


def _number_problem(parameter: ParameterText, field: str, number: Decimal | None) -> str:
    if number is None:
        return "must be a finite number, such as 0.1 or 1e-3"
    if field == "step":
        return "" if number > 0 else "must be greater than 0; leave it out for no step"
    if parameter.type == INT and number != number.to_integral_value():
        return "must be a whole number, since the parameter's type is int; use double for fractions"
    if field == "min" and parameter.distribution in LOGARITHMIC and float(number) <= 0:
        return f"must be greater than 0 for the distribution {parameter.distribution}: raise it, or use uniform"
    return ""


def _order_errors(parameter: ParameterText, place: str, numbers: Mapping[str, Decimal]) -> Iterator[SpaceError]:
    low, high = numbers.get("min"), numbers.get("max")
    if low is not None and high is not None and low > high:
        detail = f"is greater than max, which is {parameter.max}: swap them"
        yield SpaceError(f"{place}.min", parameter.min, detail, parameter=parameter.name)


def _list_errors(parameter: ParameterText, place: str) -> Iterator[SpaceError]:
    if not parameter.list:
        detail = f"a parameter of type {parameter.type} needs a list of values"
        yield SpaceError(place, "", detail, missing=True, parameter=parameter.name)
    seen: set[str] = set()
    for index, entry in enumerate(parameter.list):
        if entry in seen:
            detail = "stands here twice: remove one of them"
            yield SpaceError(f"{place}[{index}]", entry, detail, parameter=parameter.name)
        seen.add(entry)


def algorithm_space_errors(
    algorithm: str,
    settings: Mapping[str, str],
    parameters: Sequence[ParameterSpec | ParameterText],
    max_trial_count: int | None,
    parallel_trial_count: int | None,
) -> list[SpaceError]:
    """What one algorithm asks of a space, beyond what every one does (V10, V11)."""
    texts = parameter_texts(parameters)
    match algorithm:
        case "grid":
            return list(_grid_errors(texts, max_trial_count))
        case "cmaes":
            return list(_cmaes_errors(texts))
        case "hyperband":
            return list(_hyperband_errors(texts, settings.get("resource_name", "")))
    return []


def _grid_errors(texts: Sequence[ParameterText], max_trial_count: int | None) -> Iterator[SpaceError]:
    if max_trial_count and max_trial_count > 0:
        return
    for index, entry in enumerate(texts):
        if entry.type == DOUBLE and not entry.step.strip() and parse_decimal(entry.min) != parse_decimal(entry.max):
            path = f"spec.parameters[{index}].feasibleSpace.step"
            detail = "grid needs a step for a double, or maxTrialCount, by which it chooses one"
            yield SpaceError(path, entry.step, detail, missing=True, parameter=entry.name)


def _cmaes_errors(texts: Sequence[ParameterText]) -> Iterator[SpaceError]:
    numeric = [entry.name for entry in texts if entry.type in NUMERIC]
    if len(numeric) < 2:
        detail = "cmaes needs two parameters of type int or double at least: add one, or choose another algorithm"
        yield SpaceError("spec.parameters", ", ".join(numeric), detail)


def _hyperband_errors(texts: Sequence[ParameterText], resource: str) -> Iterator[SpaceError]:
    for index, entry in enumerate(texts):
        if entry.name == resource and entry.type == CATEGORICAL:
            detail = "cannot be the resource of hyperband, which is a number: use the type int"
            yield SpaceError(f"spec.parameters[{index}].parameterType", entry.type, detail, parameter=entry.name)
        for place, value in enumerate(entry.list if entry.type == DISCRETE else ()):
            if parse_decimal(value) is None:
                path = f"spec.parameters[{index}].feasibleSpace.list[{place}]"
                detail = "must be a number for hyperband; use the type categorical for texts"
                yield SpaceError(path, value, detail, parameter=entry.name)
