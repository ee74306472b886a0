"""Points as rows of numbers, one column for each parameter that can vary, and the moves between them.

A column holds a model coordinate in [0, 1], or the index of an entry where the list has no order. Every row made here
is a legal point: numbers of a grid are rounded before any model sees them (Garrido-Merchán and Hernández-Lobato 2020).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from katib_domain.search_space import Continuous, Domain, Nominal, Point, SearchSpace, Value

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
MOST_LEVELS = 4096
"""A grid with more numbers than this is as good as continuous until a point is made of it."""


@dataclass(frozen=True)
class Axis:
    """One parameter as a column."""

    domain: Domain

    @property
    def nominal(self) -> bool:
        return isinstance(self.domain, Nominal)

    @property
    def continuous(self) -> bool:
        return not self.nominal and self.levels is None

    @cached_property
    def levels(self) -> Vector | None:
        """The column's values from low to high; None when there are too many to write down."""
        size = self.domain.size
        if size is None or size > MOST_LEVELS:
            return None
        return np.arange(size, dtype=float) if self.nominal else np.array([self.encode(i) for i in range(size)])

    def encode(self, value: Value) -> float:
        return float(value) if self.nominal else self.domain.encode(value)[0]  # type: ignore[arg-type]

    def encode_all(self, values: Sequence[Value]) -> Vector:
        """The same for many values, to the bit."""
        if self.nominal:
            return np.array(values, dtype=float)
        if isinstance(self.domain, Continuous):
            distribution = self.domain.distribution
            left, right = distribution.ends
            if math.isfinite(right - left):
                # Logarithms one by one: numpy's may differ from them in the last digit.
                line = list(map(math.log, values)) if distribution.logarithmic else values
                found: Vector = np.clip((np.array(line, dtype=float) - left) / (right - left), 0.0, 1.0)
                return found
        places = {value: self.encode(value) for value in dict.fromkeys(values)}
        return np.array([places[value] for value in values])

    def decode(self, place: float) -> Value:
        return int(place) if self.nominal else self.domain.decode([place])

    def snap(self, column: Vector) -> Vector:
        """The nearest legal values of a column; a nominal one is legal as it is."""
        if self.nominal:
            return column
        inside: Vector = np.clip(column, 0.0, 1.0)
        return inside if self.levels is None else self.levels[self.place(inside)]

    def place(self, column: Vector) -> NDArray[np.intp]:
        """The indexes of the levels that are nearest to a column's values."""
        levels = self.levels
        assert levels is not None
        right = np.clip(np.searchsorted(levels, column), 1, max(1, len(levels) - 1))
        if len(levels) == 1:
            return np.zeros(len(column), dtype=np.intp)
        nearer: NDArray[np.intp] = right - (column - levels[right - 1] <= levels[right] - column)
        return nearer


@dataclass(frozen=True)
class Axes:
    """The parameters of a space that can vary."""

    space: SearchSpace

    @cached_property
    def places(self) -> tuple[int, ...]:
        """Which parameters of the space the columns are."""
        return tuple(place for place, domain in enumerate(self.space.domains) if domain.size != 1)

    @cached_property
    def all(self) -> tuple[Axis, ...]:
        return tuple(Axis(self.space.domains[place]) for place in self.places)

    @cached_property
    def continuous(self) -> NDArray[np.bool_]:
        """Which columns can be moved as little as one likes."""
        return np.array([axis.continuous for axis in self.all], dtype=bool)

    def encode(self, points: Iterable[Point]) -> Matrix:
        """Rows of points."""
        columns = list(zip(*points, strict=True))
        if not columns:
            return np.empty((0, len(self.all)))
        rows = [axis.encode_all(columns[place]) for place, axis in zip(self.places, self.all, strict=True)]
        return np.ascontiguousarray(np.array(rows).reshape(len(rows), len(columns[0])).T)

    def decode(self, row: Vector) -> Point:
        """The point of a row."""
        values: list[Value] = [0 if domain.size else domain.from_unit(0.5) for domain in self.space.domains]
        for place, axis, entry in zip(self.places, self.all, row.tolist(), strict=True):
            values[place] = axis.decode(entry)
        return tuple(values)

    def spread(self, cube: Matrix) -> Matrix:
        """Legal rows of places in the unit cube; each level of a column gets an equal share of its side."""
        columns = []
        for axis, column in zip(self.all, cube.T, strict=True):
            levels = axis.levels
            columns.append(
                column if levels is None else levels[np.minimum((column * len(levels)).astype(int), len(levels) - 1)]
            )
        return np.stack(columns, axis=1)

    def shifted(self, rows: Matrix, width: float, share: float, dice: np.random.Generator) -> Matrix:
        """Legal rows near others: each column is moved with probability `share`, one at least in every row.

        Numbers move by a normal step of that width, along a grid by one level at least; entries of a list without an
        order are replaced by another.
        """
        count, columns = rows.shape
        moved = dice.random(rows.shape) < share
        moved[np.arange(count), dice.integers(columns, size=count)] = True
        steps = dice.normal(scale=width, size=rows.shape)
        others = dice.random(rows.shape)
        result = rows.copy()
        for place, axis in enumerate(self.all):
            which = moved[:, place]
            result[which, place] = _moved(axis, rows[which, place], steps[which, place], others[which, place])
        return result


def _moved(axis: Axis, column: Vector, steps: Vector, others: Vector) -> Vector:
    levels = axis.levels
    if axis.nominal:
        size = axis.domain.size or 1
        turned: Vector = (column + 1 + np.floor(others * (size - 1))) % size
        return turned
    if levels is None:
        return axis.snap(_reflected(column + steps))
    old, new = axis.place(column), axis.place(np.clip(column + steps, 0.0, 1.0))
    new = np.where(new == old, old + np.where(steps < 0, -1, 1), new)
    return levels[np.abs(np.where(new >= len(levels), len(levels) - 2, new))]


def _reflected(column: Vector) -> Vector:
    """Values outside of [0, 1] folded back into it, so that the ends draw no crowd."""
    return np.abs((column + 1.0) % 2.0 - 1.0) if len(column) else column


def latin_square(count: int, columns: int, dice: np.random.Generator, tries: int = 50) -> Matrix:
    """Places in the unit cube, one in each of `count` slices of every side; the most spread out of some draws."""
    best, widest = np.zeros((count, columns)), -1.0
    for _ in range(tries if count > 1 else 1):
        order = np.argsort(dice.random((count, columns)), axis=0)
        square: Matrix = (order + dice.random((count, columns))) / max(count, 1)
        gap = _narrowest(square)
        if gap > widest:
            best, widest = square, gap
    return best


def _narrowest(square: Matrix) -> float:
    gaps = ((square[:, None, :] - square[None, :, :]) ** 2).sum(axis=2)
    return float(gaps[np.triu_indices(len(square), 1)].min(initial=np.inf))
