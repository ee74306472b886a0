"""What a study may search: its parameters, made of Python values, and their values, read from texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from katib_domain.search_space import ParameterText
from katib_suggestion.experiments import NUMBERS
from katib_suggestion.options import said
from katib_suggestion.problem import RefusedError

MAKERS = "make it with double, integer, discrete or categorical"


@dataclass(frozen=True)
class Parameter:
    """What values a parameter may take, and how its texts become Python values."""

    text: ParameterText
    values: Mapping[str, Any] | None = None
    """Values by their texts, for lists."""

    def read(self, text: str) -> Any:
        """A value in Python; a scheduler's resource may have one that its list has not."""
        if self.values is not None and text in self.values:
            return self.values[text]
        if self.text.type == "categorical":
            return text
        whole = self.text.type == "int" or (self.text.type == "discrete" and text.isdecimal())
        return int(text) if whole else float(text)


def double(low: float, high: float, *, step: float | None = None, distribution: str = "uniform") -> Parameter:
    """A float from low to high, every `step` from `low` on when there is one."""
    return Parameter(ParameterText("", "double", str(low), str(high), _step(step), (), distribution))


def integer(low: int, high: int, *, step: int | None = None, distribution: str = "uniform") -> Parameter:
    """An int from low to high, every `step` from `low` on when there is one."""
    return Parameter(ParameterText("", "int", str(low), str(high), _step(step), (), distribution))


def _step(step: float | None) -> str:
    return "" if step is None else str(step)


def discrete(*values: float) -> Parameter:
    """One of some numbers, which have an order; raises RefusedError for what is no number."""
    wrong = [value for value in values if not _is_number(value)]
    if wrong:
        raise RefusedError(
            f"discrete: {said(wrong[0])} is no finite number: write discrete(16, 32), or take categorical for other values"
        )
    return _listed("discrete", values)


def categorical(*values: Any) -> Parameter:
    """One of some values, which have no order; raises RefusedError for a list alone, whose entries are meant."""
    if len(values) == 1 and isinstance(values[0], list | tuple | set | frozenset | Mapping):
        raise RefusedError(f"categorical: {said(values[0])} is one value: write its entries, categorical('a', 'b')")
    return _listed("categorical", values)


def _is_number(value: Any) -> bool:
    try:
        return isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _listed(kind: str, values: Sequence[Any]) -> Parameter:
    return Parameter(ParameterText("", kind, list=tuple(map(str, values))), {str(value): value for value in values})


def read_parameters(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """The parameters of a study; raises RefusedError for what are none."""
    if not isinstance(parameters, Mapping):
        raise RefusedError(f"parameters: {said(parameters)} is no mapping of names to parameters: {MAKERS}")
    if not parameters:
        raise RefusedError(f"parameters: there are none: name at least one, and {MAKERS}")
    errors = [text for name, entry in parameters.items() if (text := _mistake(name, entry))]
    if errors:
        raise RefusedError(*errors)
    return dict(parameters)


def _mistake(name: Any, entry: Any) -> str:
    place = f"parameters[{name!r}]"
    if not isinstance(name, str) or not name:
        return f"{place}: {said(name)} is no name: write a text that is not empty"
    if not isinstance(entry, Parameter):
        return f"{place}: {said(entry)} is no parameter: {MAKERS}"
    if entry.text.distribution not in list(NUMBERS):
        return f"{place}: distribution {said(entry.text.distribution)} is unknown: take one of {', '.join(NUMBERS)}"
    return ""
