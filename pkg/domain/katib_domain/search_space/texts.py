"""A parameter as it is written: everything text, as users and the wire have it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from katib_apis.v1beta1.enums import Distribution, ParameterType

if TYPE_CHECKING:
    from katib_apis.v1beta1.models import ParameterSpec

INT, DOUBLE = ParameterType.INT, ParameterType.DOUBLE
DISCRETE, CATEGORICAL = ParameterType.DISCRETE, ParameterType.CATEGORICAL
NUMERIC = (INT, DOUBLE)
LISTS = (DISCRETE, CATEGORICAL)
UNIFORM, LOG_UNIFORM = Distribution.UNIFORM, Distribution.LOG_UNIFORM
NORMAL, LOG_NORMAL = Distribution.NORMAL, Distribution.LOG_NORMAL
DISTRIBUTIONS = (UNIFORM, LOG_UNIFORM, NORMAL, LOG_NORMAL)
LOGARITHMIC = (LOG_UNIFORM, LOG_NORMAL)
BELL = (NORMAL, LOG_NORMAL)
LONGEST_NUMBER = 400


@dataclass(frozen=True)
class ParameterText:
    """One parameter: bounds, step and list entries as texts; an absent one is empty."""

    name: str
    type: str
    min: str = ""
    max: str = ""
    step: str = ""
    list: tuple[str, ...] = ()
    distribution: str = UNIFORM


def parameter_texts(parameters: Sequence[ParameterSpec | ParameterText]) -> list[ParameterText]:
    """Parameters of either kind as texts."""
    return [entry if isinstance(entry, ParameterText) else _from_model(entry) for entry in parameters]


def _from_model(parameter: ParameterSpec) -> ParameterText:
    space = parameter.feasible_space
    distribution = (space.distribution if space else None) or UNIFORM
    return ParameterText(
        name=parameter.name or "",
        type=str(parameter.parameter_type or ""),
        min=(space.min if space else None) or "",
        max=(space.max if space else None) or "",
        step=(space.step if space else None) or "",
        list=tuple((space.list_ if space else None) or ()),
        distribution=UNIFORM if distribution == Distribution.UNKNOWN else str(distribution),
    )


def parse_decimal(text: str) -> Decimal | None:
    """A decimal number that a double can hold, or None; blanks around it and an exponent are fine (V3)."""
    if len(text) > LONGEST_NUMBER or "_" in text:
        return None
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    fits = number.is_finite() and (not number or abs(number.adjusted()) < LONGEST_NUMBER)
    return number if fits and math.isfinite(float(number)) else None
