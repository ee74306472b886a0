"""How alike two mixed rows are: Matérn 5/2 of all columns together, and Matérn 5/2 of few columns at a time.

The first part learns how all columns act together. The second is a product over columns of a constant and a kernel of that
column alone, so a sum over all groups of columns in which small groups weigh most: what a column, or a pair of them, does
whatever the others are is learned from far fewer rows. Every column has one length scale. Entries of a list without an
order are equally far apart, like corners of a simplex, so the kernel is one over a larger space of numbers and positive
definite for the same reason. References: Rasmussen and Williams 2006; Duvenaud, Nickisch, Rasmussen, NeurIPS 2011.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
TILE = 2**14
"""So many covariances are made together: what is made on the way to them then stays in the processor's cache."""


@dataclass(frozen=True)
class Shape:
    """How many entries each nominal column has; None for a column of numbers."""

    sizes: tuple[int | None, ...]

    @property
    def columns(self) -> int:
        return len(self.sizes)

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The columns of numbers."""
        return tuple(place for place, size in enumerate(self.sizes) if size is None)

    @property
    def width(self) -> int:
        """How many numbers a row is made of: one for each number, as many as entries for a list without an order."""
        return sum(size or 1 for size in self.sizes)

    @property
    def share(self) -> float:
        """How much of a factor is the column's own kernel, the rest being constant: groups of two weigh most."""
        return 2.0 / (2.0 + self.columns)

    def expand(self, rows: Matrix, weights: Vector) -> Matrix:
        """Rows as numbers only, the squares of columns times weights: nominal ones become corners of a simplex."""
        parts = [
            rows[:, [place]] * root if size is None else (rows[:, [place]] == np.arange(size)) * root * math.sqrt(0.5)
            for place, (size, root) in enumerate(zip(self.sizes, np.sqrt(weights), strict=True))
        ]
        return np.concatenate(parts, axis=1)

    def square(self, place: int, left: Matrix, right: Matrix) -> Matrix:
        """Squared distances along one column between all rows of two matrices."""
        one, other = left[:, place, None], right[None, :, place]
        return (one - other) ** 2 if self.sizes[place] is None else (one != other).astype(float)


def matern(squares: Matrix) -> Matrix:
    """Matérn 5/2 at squared scaled distances."""
    scaled = np.sqrt(5.0 * squares)
    fading = np.exp(-scaled)
    result: Matrix = (1.0 + scaled) * fading + scaled * scaled * fading / 3.0
    return result


def matern_and_slope(squares: Matrix) -> tuple[Matrix, Matrix]:
    """Matérn 5/2 at squared scaled distances, and its derivative by them."""
    value, slope = np.empty_like(squares), np.empty_like(squares)
    write_matern(squares, value, slope, np.empty_like(squares))
    return value, slope


def write_matern(squares: Matrix, value: Matrix, slope: Matrix, room: Matrix) -> None:
    """The same, into `value` and `slope` by way of `room`: all are as large as `squares`, and no memory is asked for."""
    scaled = np.sqrt(np.multiply(squares, 5.0, out=room), out=room)
    fading = np.exp(np.negative(scaled, out=slope), out=slope)
    np.add(scaled, 1.0, out=value)
    value *= fading
    scaled *= scaled
    scaled *= fading
    scaled /= 3.0
    np.multiply(value, -5.0 / 6.0, out=slope)
    value += scaled


def mixed_in(values: Matrix, share: float) -> Matrix:
    """A column's factor: its kernel and a constant."""
    result: Matrix = (1.0 - share) + share * values
    return result


def squared_distances(left: Matrix, right: Matrix) -> Matrix:
    """Squared distances between all rows of two matrices, never below zero."""
    result: Matrix = (left * left).sum(axis=1)[:, None] + (right * right).sum(axis=1) - 2.0 * (left @ right.T)
    np.maximum(result, 0.0, out=result)
    return result


@dataclass(frozen=True)
class Slopes:
    """Derivatives of covariances by the left rows' columns of numbers, as sums over the right rows."""

    shape: Shape
    rows: int
    """How many left ones there are."""
    by_number: list[Matrix]
    """A matrix of left and right rows for each column of numbers."""

    def of_means(self, alpha: Vector) -> Matrix:
        """Sums of the derivatives of each left row, each times a factor; zero for lists without an order."""
        return self._placed([slope @ alpha for slope in self.by_number])

    def of_rows(self, factors: Matrix) -> Matrix:
        """The same with other factors for each left row."""
        return self._placed([(factors * slope).sum(axis=1) for slope in self.by_number])

    def _placed(self, sums: list[Vector]) -> Matrix:
        found = np.zeros((self.rows, self.shape.columns))
        for place, column in zip(self.shape.numbers, sums, strict=True):
            found[:, place] = column
        return found


@dataclass(frozen=True)
class Kernel:
    """The kernel with its hyperparameters: inverse squares of length scales, and the variance of each of its parts."""

    shape: Shape
    inverse_squares: tuple[float, ...]
    together: float
    apart: float

    @property
    def variance(self) -> float:
        return self.together + self.apart

    @cached_property
    def weights(self) -> Vector:
        return np.array(self.inverse_squares)

    def __call__(self, left: Matrix, right: Matrix) -> Matrix:
        """Covariances between all rows of two matrices."""
        result, step = self._squares(left, right), max(1, TILE // max(1, len(right)))
        for start in range(0, len(left), step):
            tile = slice(start, start + step)
            result[tile] = self.together * matern(result[tile]) + self._apart(left[tile], right)
        return result

    def _apart(self, left: Matrix, right: Matrix) -> Matrix:
        """The part of few columns at a time."""
        result = np.full((len(left), len(right)), self.apart)
        for place, weight in enumerate(self.inverse_squares):
            result *= mixed_in(matern(weight * self.shape.square(place, left, right)), self.shape.share)
        return result

    def slopes(self, left: Matrix, right: Matrix) -> tuple[Matrix, Slopes]:
        """Covariances, and their derivatives by the columns of the left rows."""
        value, slope = matern_and_slope(self._squares(left, right))
        share, apart, steep = self.shape.share, np.full(value.shape, self.apart), []
        for place, weight in enumerate(self.inverse_squares):
            one, one_slope = matern_and_slope(weight * self.shape.square(place, left, right))
            factor = mixed_in(one, share)
            apart *= factor
            steep.append(share * one_slope / factor)
        by_column = [
            2.0
            * self.inverse_squares[place]
            * (left[:, place, None] - right[None, :, place])
            * (self.together * slope + apart * steep[place])
            for place in self.shape.numbers
        ]
        return self.together * value + apart, Slopes(self.shape, len(left), by_column)

    def _squares(self, left: Matrix, right: Matrix) -> Matrix:
        return squared_distances(self.shape.expand(left, self.weights), self.shape.expand(right, self.weights))
