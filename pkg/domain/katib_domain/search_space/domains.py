"""What values one parameter may take: all reals between bounds, a grid, a list with an order or without (§3, §5, §6). Pure.

Every domain answers the same questions: `size`, `from_unit` and `to_unit`, `log_density`, `encode` and `decode` (model coordinates, `width` of them),
`read`, `format`. Values of finite domains are indexes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import cached_property
from typing import ClassVar, Protocol

from katib_domain.search_space.distributions import Distribution
from katib_domain.search_space.texts import DISCRETE, INT, LISTS, UNIFORM, ParameterText, parse_decimal

Value = int | float
PRECISE = Context(prec=40)
FINEST = 2
PLAIN = 15
"""Digits of a whole number that is read without decimals: those of any int and, exactly, of any double."""


class Dice(Protocol):
    """A source of randomness, such as random.Random."""

    def random(self) -> float:
        """A float in [0, 1)."""
        ...


@dataclass(frozen=True)
class Continuous:
    """All reals between two bounds. A value is a float."""

    distribution: Distribution
    size: None = None
    width: ClassVar[int] = 1

    def from_unit(self, u: float) -> float:
        return self.distribution.quantile(u)

    def to_unit(self, value: float) -> float:
        return self.distribution.unit(self.distribution.coordinate(value))

    def log_density(self, value: float) -> float:
        """The logarithm of the density, over model coordinates."""
        return math.log(self.distribution.density(self.distribution.coordinate(value)))

    def encode(self, value: float) -> tuple[float, ...]:
        return (self.distribution.coordinate(value),)

    def decode(self, coordinates: Sequence[float]) -> float:
        return self.distribution.value(coordinates[0])

    def read(self, text: str) -> tuple[float | None, bool]:
        """The number, moved to the nearer bound when it is outside, and whether it was not."""
        try:
            number = float(text)
        except ValueError:
            return None, False
        low, high = self.bounds
        if low <= number <= high and "_" not in text:
            return number, True
        if not math.isfinite(number) or "_" in text:
            return None, False
        return min(max(number, low), high), False

    @cached_property
    def bounds(self) -> tuple[float, float]:
        return self.distribution.low, self.distribution.high

    def format(self, value: float) -> str:
        return format_float(value)

    def spread(self, index: int, count: int) -> float:
        """The value at an index of `count` values that lie evenly on the distribution's line, both bounds included."""
        low, high = Decimal(repr(self.distribution.low)), Decimal(repr(self.distribution.high))
        if index in (0, count - 1):
            return float(low if index == 0 else high)
        if self.distribution.logarithmic:
            low, high = PRECISE.ln(low), PRECISE.ln(high)
        part = PRECISE.divide(Decimal(index), Decimal(count - 1))
        place = PRECISE.add(low, PRECISE.multiply(PRECISE.subtract(high, low), part))
        return float(PRECISE.exp(place) if self.distribution.logarithmic else place)


@dataclass(frozen=True)
class Grid:
    """Finitely many numbers, (start + index * stride) / scale, in whole numbers and so without any rounding (§5.1).

    Those of an int with a step that is no whole number are rounded half to even. A value is the index of a number.
    """

    whole: bool
    start: int
    stride: int
    scale: int
    size: int
    distribution: Distribution
    width: ClassVar[int] = 1

    def number(self, index: int) -> int | float:
        """The number at an index: an int for an int parameter, otherwise the double that is nearest to it."""
        numerator = self.start + index * self.stride
        if not self.whole:
            return numerator / self.scale
        return numerator if self.scale == 1 else round(Fraction(numerator, self.scale))

    def from_unit(self, u: float) -> int:
        """The first index whose cumulative weight exceeds u."""
        if self.distribution.name == UNIFORM:
            return index_from_unit(u, self.size)
        below, above = 0, self.size - 1
        total = self._mass_below(self.size)
        while below < above:
            middle = (below + above) // 2
            if self._mass_below(middle + 1) > u * total:
                above = middle
            else:
                below = middle + 1
        return below

    def to_unit(self, index: int) -> float:
        """The middle of the unit numbers that give this index."""
        if self.distribution.name == UNIFORM:
            return (index + 0.5) / self.size
        return (self._mass_below(index) + self._mass_below(index + 1)) / 2 / self._mass_below(self.size)

    def log_density(self, index: int) -> float:
        """The logarithm of the weight."""
        return _logarithm(self.weight(index))

    def weight(self, index: int) -> float:
        """The probability of an index: the mass between the midpoints to its neighbours (§5.2)."""
        if self.distribution.name == UNIFORM or self.size == 1:
            return 1 / self.size
        return (self._mass_below(index + 1) - self._mass_below(index)) / self._mass_below(self.size)

    def _mass_below(self, index: int) -> float:
        """The mass of all numbers before an index, up to a constant factor."""
        return self.distribution.cumulative(self._edge(index)) - self._mass_origin

    @cached_property
    def _mass_origin(self) -> float:
        return self.distribution.cumulative(self._edge(0))

    def _edge(self, index: int) -> float:
        """The lower edge of the cell around a number; at `size`, the upper edge of the last one."""
        last = self.size - 1
        if index == 0:
            edge = self.number(0) - (self.number(1) - self.number(0)) / 2
            return float(self.number(0)) if edge <= 0 and self.distribution.logarithmic else edge
        if index > last:
            return self.number(last) + (self.number(last) - self.number(last - 1)) / 2
        return self.number(index - 1) / 2 + self.number(index) / 2

    def encode(self, value: int) -> tuple[float, ...]:
        return (self._span.coordinate(self.number(value)) if self.size > 1 else 0.5,)

    def decode(self, coordinates: Sequence[float]) -> int:
        return self.nearest(self._span.value(coordinates[0])) if self.size > 1 else 0

    @cached_property
    def _span(self) -> Distribution:
        """The line from the first to the last number, which may lie before the upper bound."""
        return Distribution(self.distribution.name, float(self.number(0)), float(self.number(self.size - 1)))

    def nearest(self, number: float | Fraction) -> int:
        """The index of the nearest number; the lower one of two."""
        index = (Fraction(number) * self.scale - self.start) // self.stride
        near = [min(self.size - 1, max(0, int(index) + offset)) for offset in (0, 1)]
        return min(near, key=lambda entry: abs(Fraction(self.number(entry)) - Fraction(number)))

    def format(self, value: int) -> str:
        number = self.number(int(value))
        return str(number) if isinstance(number, int) else format_float(number)

    def read(self, text: str) -> tuple[int | None, bool]:
        """The index of the nearest number, and whether it is exactly that one; those off the grid are kept for the model."""
        if self.scale == 1 and text.isdecimal() and len(text) <= PLAIN:
            place, rest = divmod(int(text) - self.start, self.stride)
            if rest == 0 and 0 <= place < self.size:
                return place, True
        return self._look_up(parse_decimal(text))

    def _look_up(self, number: Decimal | None) -> tuple[int | None, bool]:
        if number is None or (self.whole and number != number.to_integral_value()):
            return None, False
        numerator, denominator = number.as_integer_ratio()
        place, rest = divmod(numerator * self.scale - self.start * denominator, self.stride * denominator)
        if rest == 0 and 0 <= place < self.size:  # nearly always; the rest of this is for strangers
            return place, True
        index = self.nearest(Fraction(number))
        return index, self.number(index) == (int(number) if self.whole else float(number))

    def neighbour(self, value: int, *, up: bool) -> int | None:
        """The next index in a direction; None at the end."""
        return _step(self.size, value, up)


@dataclass(frozen=True)
class Ordinal:
    """A list of numbers in their order, each written as the user wrote it. A value is an index of that order."""

    entries: tuple[str, ...]
    width: ClassVar[int] = 1

    @property
    def size(self) -> int:
        return len(self.entries)

    @cached_property
    def _indexes(self) -> dict[object, int]:
        found: dict[object, int] = {}
        for index, entry in enumerate(self.entries):
            found.setdefault(parse_decimal(entry), index)
        return {**found, **{entry: index for index, entry in enumerate(self.entries)}}

    def from_unit(self, u: float) -> int:
        return index_from_unit(u, self.size)

    def to_unit(self, index: int) -> float:
        return (index + 0.5) / self.size

    def log_density(self, index: int) -> float:
        return -math.log(self.size)

    def weight(self, index: int) -> float:
        return 1 / self.size

    def encode(self, value: int) -> tuple[float, ...]:
        return (value / (self.size - 1) if self.size > 1 else 0.5,)

    def decode(self, coordinates: Sequence[float]) -> int:
        return round(min(1.0, max(0.0, coordinates[0])) * (self.size - 1))

    def read(self, text: str) -> tuple[int | None, bool]:
        index = self._indexes.get(text)
        if index is None:
            index = self._indexes.get(parse_decimal(text))
        return index, index is not None

    def format(self, value: int) -> str:
        return self.entries[value]

    def neighbour(self, value: int, *, up: bool) -> int | None:
        return _step(self.size, value, up)


@dataclass(frozen=True)
class Nominal:
    """A list of texts without an order. A value is an index of the list; a model sees one coordinate for each entry."""

    entries: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def width(self) -> int:
        return len(self.entries)

    @cached_property
    def _indexes(self) -> dict[str, int]:
        return {entry: index for index, entry in enumerate(self.entries)}

    def from_unit(self, u: float) -> int:
        return index_from_unit(u, self.size)

    def to_unit(self, index: int) -> float:
        return (index + 0.5) / self.size

    def log_density(self, index: int) -> float:
        return -math.log(self.size)

    def weight(self, index: int) -> float:
        return 1 / self.size

    def encode(self, value: int) -> tuple[float, ...]:
        return tuple(1.0 if index == value else 0.0 for index in range(self.size))

    def decode(self, coordinates: Sequence[float]) -> int:
        return max(range(self.size), key=lambda index: coordinates[index])

    def read(self, text: str) -> tuple[int | None, bool]:
        index = self._indexes.get(text)
        return index, index is not None

    def format(self, value: int) -> str:
        return self.entries[value]

    def neighbour(self, value: int, *, up: bool) -> int | None:
        return _step(self.size, value, up)


Finite = Grid | Ordinal | Nominal
Domain = Continuous | Finite


def _logarithm(weight: float) -> float:
    """The logarithm of a weight, also of one that is too small to be told from zero."""
    return math.log(max(weight, 5e-324))


def _step(size: int, value: int, up: bool) -> int | None:
    place = value + 1 if up else value - 1
    return place if 0 <= place < size else None


def index_from_unit(u: float, size: int) -> int:
    """The index of the equal share of [0, 1] that u lies in; exact for any size."""
    numerator, denominator = min(1.0, max(0.0, u)).as_integer_ratio()
    return min(size - 1, numerator * size // denominator)


def format_float(value: float) -> str:
    """The shortest text that reads back as the same number; never -0.0."""
    return repr(float(value)) if value else "0.0"  # float: of numpy's numbers, repr says their type too


def parse_domain(parameter: ParameterText) -> Domain:
    """The domain of a parameter that keeps the rules of `rules`."""
    if parameter.type in LISTS:
        return _listed(parameter)
    low, high = _number(parameter.min), _number(parameter.max)
    distribution = Distribution(parameter.distribution, float(low), float(high))
    if parameter.type == INT:
        return _grid(low, high, _number(parameter.step.strip() or "1"), distribution, whole=True)
    step = _number(parameter.step) if parameter.step.strip() else None
    if distribution.low == distribution.high:
        return _grid(low, low, Fraction(1), distribution, whole=False)
    if step is None or step < FINEST * Fraction(math.ulp(max(-distribution.low, distribution.high))):
        return Continuous(distribution)  # without a step, or with one that doubles cannot show
    return _grid(low, high, step, distribution, whole=False)


def _number(text: str) -> Fraction:
    number = parse_decimal(text)
    if number is None:
        raise ValueError(f"{text!r} is no number")
    return Fraction(number)


def _grid(low: Fraction, high: Fraction, step: Fraction, distribution: Distribution, *, whole: bool) -> Grid:
    if whole and step < 1:
        # Every whole number is met, up to the last one that a step reaches.
        high = Fraction(round(low + (high - low) // step * step))
        step = Fraction(1)
    size = int((high - low) // step) + 1
    scale = math.lcm(low.denominator, step.denominator)
    start, stride = int(low * scale), int(step * scale)
    return Grid(whole, start, stride, scale, size, distribution if size > 1 else _certain(low))


def _certain(low: Fraction) -> Distribution:
    return Distribution(UNIFORM, float(low), float(low))


def _listed(parameter: ParameterText) -> Ordinal | Nominal:
    numbers = [parse_decimal(entry) for entry in parameter.list]
    if parameter.type != DISCRETE or None in numbers:
        return Nominal(parameter.list)
    order = sorted(range(len(numbers)), key=lambda index: numbers[index] or Decimal(0))
    return Ordinal(tuple(parameter.list[index] for index in order))
