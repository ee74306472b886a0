"""What values one parameter may take: constant, continuous, grid, ordered list, plain list (search-spaces.md §3, §5, §6). Pure."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from typing import Protocol

from katib_domain.search_space.distributions import Distribution
from katib_domain.search_space.texts import INT, UNIFORM, ParameterText, parse_decimal

Value = int | float
MOST_POINTS = 2**62
WEIGHED_POINTS = 1_000_000


class Dice(Protocol):
    """A source of randomness, such as random.Random."""

    def random(self) -> float:
        """A float in [0, 1)."""
        ...


@dataclass(frozen=True)
class Continuous:
    """All reals between two bounds. A value is a float."""

    distribution: Distribution
    size: int | None = None

    def from_unit(self, u: float) -> float:
        return self.distribution.quantile(u)

    def encode(self, value: float) -> float:
        """The model coordinate in [0, 1]."""
        low, high = (self.distribution.coordinate(bound) for bound in (self.distribution.low, self.distribution.high))
        return min(1.0, max(0.0, (self.distribution.coordinate(value) - low) / (high - low)))

    def decode(self, x: float) -> float:
        low, high = (self.distribution.coordinate(bound) for bound in (self.distribution.low, self.distribution.high))
        at = low + min(1.0, max(0.0, x)) * (high - low)
        value = math.exp(at) if self.distribution.logarithmic else at
        return min(max(value, self.distribution.low), self.distribution.high)

    def parse(self, text: str) -> float | None:
        number = parse_decimal(text)
        return None if number is None else min(max(float(number), self.distribution.low), self.distribution.high)

    def format(self, value: float) -> str:
        return format_float(value)


@dataclass(frozen=True)
class Grid:
    """Finitely many numbers in order, anchored at the lower bound. A value is the index of a point."""

    kind: str
    low: Decimal
    step: Decimal
    size: int
    distribution: Distribution

    def point(self, index: int) -> Decimal:
        exact = self.low + index * self.step
        return exact.to_integral_value(ROUND_HALF_EVEN) if self.kind == INT else exact

    @cached_property
    def _cumulative(self) -> list[float]:
        weights = self.distribution.weights([float(self.point(index)) for index in range(self.size)])
        return list(itertools.accumulate(weights))

    def weights(self) -> list[float]:
        """The probability of each point."""
        return self.distribution.weights([float(self.point(index)) for index in range(self.size)])

    def from_unit(self, u: float) -> int:
        if self.distribution.name == UNIFORM:
            return min(self.size - 1, int(u * self.size))
        if self.size > WEIGHED_POINTS:
            return self.nearest(self.distribution.quantile(u))
        return min(self.size - 1, bisect.bisect_right(self._cumulative, u * self._cumulative[-1]))

    def nearest(self, number: float) -> int:
        """The index of the point that is nearest to a number."""
        index = round((number - float(self.low)) / float(self.step))
        return min(self.size - 1, max(0, index))

    def encode(self, value: int) -> float:
        if self.size == 1:
            return 0.5
        coordinate = self.distribution.coordinate
        low, high = coordinate(float(self.low)), coordinate(float(self.point(self.size - 1)))
        return (coordinate(float(self.point(value))) - low) / (high - low)

    def decode(self, x: float) -> int:
        coordinate = self.distribution.coordinate
        low, high = coordinate(float(self.low)), coordinate(float(self.point(self.size - 1)))
        at = low + min(1.0, max(0.0, x)) * (high - low)
        return self.nearest(math.exp(at) if self.distribution.logarithmic else at)

    def parse(self, text: str) -> int | None:
        """The nearest point; numbers outside or off the grid are kept for the model."""
        number = parse_decimal(text)
        if number is None or (self.kind == INT and number != number.to_integral_value()):
            return None
        return self.nearest(float(min(max(number, self.low), self.point(self.size - 1))))

    def format(self, value: int) -> str:
        point = self.point(value)
        return str(int(point)) if self.kind == INT else format_float(float(point))


@dataclass(frozen=True)
class Listed:
    """Entries of a list. A value is an index; `ordered` lists stand in the order of their numbers."""

    entries: tuple[str, ...]
    ordered: bool

    @property
    def size(self) -> int:
        return len(self.entries)

    @cached_property
    def _by_key(self) -> dict[object, int]:
        return {self._key(entry): index for index, entry in enumerate(self.entries)}

    def _key(self, text: str) -> object:
        return parse_decimal(text) if self.ordered else text

    def from_unit(self, u: float) -> int:
        return min(self.size - 1, int(u * self.size))

    def encode(self, value: int) -> float:
        return value / (self.size - 1) if self.size > 1 else 0.5

    def decode(self, x: float) -> int:
        return round(min(1.0, max(0.0, x)) * (self.size - 1))

    def parse(self, text: str) -> int | None:
        return self._by_key.get(self._key(text))

    def format(self, value: int) -> str:
        return self.entries[value]


Domain = Continuous | Grid | Listed


def format_float(value: float) -> str:
    """The shortest text that reads back as the same number; never -0.0."""
    return repr(value + 0.0) if value else "0.0"


def parse_domain(parameter: ParameterText) -> Domain:
    """The domain of a parameter that keeps the rules of `rules`."""
    if parameter.list:
        return _listed(parameter)
    low, high = _bound(parameter.min), _bound(parameter.max)
    step = parse_decimal(parameter.step) if parameter.step.strip() else None
    distribution = Distribution(parameter.distribution, float(low), float(high))
    if parameter.type == INT:
        return _int_grid(low, high, step or Decimal(1), distribution)
    if low == high or (step is not None and step > high - low):
        return Grid(parameter.type, low, Decimal(1), 1, Distribution(UNIFORM, float(low), float(low)))
    if step is None:
        return Continuous(distribution)
    return Grid(parameter.type, low, step, min(MOST_POINTS, int((high - low) / step) + 1), distribution)


def _bound(text: str) -> Decimal:
    number = parse_decimal(text)
    if number is None:
        raise ValueError(f"{text!r} is no number")
    return number


def _int_grid(low: Decimal, high: Decimal, step: Decimal, distribution: Distribution) -> Grid:
    """Whole numbers; a step that is no whole number is rounded half to even, each number once (§5.1)."""
    if low == high:
        return Grid(INT, low, Decimal(1), 1, Distribution(UNIFORM, float(low), float(low)))
    if step < 1:
        high = (low + int((high - low) / step) * step).to_integral_value(ROUND_HALF_EVEN)
        step = Decimal(1)
    count = int((high - low) / step) + 1
    return Grid(INT, low, step, min(MOST_POINTS, count), distribution)


def _listed(parameter: ParameterText) -> Listed:
    numbers = [parse_decimal(entry) for entry in parameter.list]
    if (
        parameter.type == "discrete"
        and all(number is not None for number in numbers)
        and len(set(numbers)) == len(numbers)
    ):
        order: Sequence[int] = sorted(range(len(numbers)), key=lambda index: numbers[index] or Decimal(0))
        return Listed(tuple(parameter.list[index] for index in order), ordered=True)
    return Listed(parameter.list, ordered=False)
