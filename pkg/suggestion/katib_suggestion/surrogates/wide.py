"""A Gaussian process for spaces of very many coordinates: Matérn 5/2 of all columns together, one length scale each.

Nothing here is made once for each column, only products of matrices of rows and coordinates: time and memory grow with
their number, not with it times the square of the rows, as they do in `regression`. What is left out is the kernel's part of
few columns at a time, which is what so costs. References: Rasmussen and Williams 2006; Hvarfner, Hellsten, Nardi, ICML
2024 (with length scales that grow with the dimension, such a process is not lost in hundreds of them).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky
from scipy.optimize import minimize

from katib_suggestion.surrogates.kernel import Matrix, Shape, Vector, matern, matern_and_slope, squared_distances

LENGTH, LENGTH_DEVIATION = 0.25, 1.0
VARIANCE, VARIANCE_DEVIATION = 1.0, 1.0
NOISE, NOISE_DEVIATION = 1e-3, 3.0
LEAST_NOISE, MOST_NOISE = 1e-7, 1.0
LENGTH_BOUNDS, VARIANCE_BOUNDS = (-12.0, 8.0), (-8.0, 4.0)
STEPS = 25
"""Of the fit: each costs as much as hundreds of predictions, and the last ones change little."""
REFUSED = 1e12


@dataclass(frozen=True)
class Coordinates:
    """Rows as numbers only: entries of lists without an order are corners of a simplex, as in `Shape.expand`."""

    shape: Shape

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """Where the coordinates of each column begin."""
        return np.cumsum([0, *(size or 1 for size in self.shape.sizes)])[:-1]

    @cached_property
    def owners(self) -> NDArray[np.intp]:
        """Which column each coordinate belongs to."""
        return np.repeat(np.arange(self.shape.columns), [size or 1 for size in self.shape.sizes])

    def of(self, rows: Matrix) -> Matrix:
        numbers = list(self.shape.numbers)
        if len(numbers) == self.shape.columns:
            return rows
        spread = rows[:, self.owners]
        entries = np.arange(self.shape.width) - self.starts[self.owners]
        found: Matrix = (spread == entries) * math.sqrt(0.5)
        found[:, self.starts[numbers]] = rows[:, numbers]
        return found

    def by_column(self, entries: Vector) -> Vector:
        """Sums over the coordinates of each column."""
        found: Vector = np.add.reduceat(entries, self.starts)
        return found


@dataclass(frozen=True)
class WideSlopes:
    """Derivatives of covariances by the left rows' columns of numbers, as sums over the right rows."""

    shape: Shape
    weights: Vector
    left: Matrix
    right: Matrix
    by_square: Matrix
    """Derivatives of covariances by squared scaled distances."""

    def of_means(self, alpha: Vector) -> Matrix:
        return self.of_rows(np.broadcast_to(alpha, self.by_square.shape))

    def of_rows(self, factors: Matrix) -> Matrix:
        """Sums of the derivatives of a left row, each times a factor of its own; zero for lists without an order."""
        numbers, pull = list(self.shape.numbers), self.by_square * factors
        own, others = self.left[:, numbers], self.right[:, numbers]
        found = np.zeros_like(self.left)
        found[:, numbers] = 2.0 * self.weights[numbers] * (own * pull.sum(axis=1)[:, None] - pull @ others)
        return found


@dataclass(frozen=True)
class WideKernel:
    """Matérn 5/2 with its hyperparameters: inverse squares of length scales, and the variance."""

    shape: Shape
    inverse_squares: tuple[float, ...]
    variance: float

    @cached_property
    def weights(self) -> Vector:
        return np.array(self.inverse_squares)

    @cached_property
    def _coordinates(self) -> Coordinates:
        return Coordinates(self.shape)

    def __call__(self, left: Matrix, right: Matrix) -> Matrix:
        """Covariances between all rows of two matrices."""
        result: Matrix = self.variance * matern(self._squares(left, right))
        return result

    def slopes(self, left: Matrix, right: Matrix) -> tuple[Matrix, WideSlopes]:
        """Covariances, and their derivatives by the columns of the left rows."""
        value, slope = matern_and_slope(self._squares(left, right))
        return self.variance * value, WideSlopes(self.shape, self.weights, left, right, self.variance * slope)

    def _squares(self, left: Matrix, right: Matrix) -> Matrix:
        roots = np.sqrt(self.weights[self._coordinates.owners])
        return squared_distances(self._coordinates.of(left) * roots, self._coordinates.of(right) * roots)


@dataclass(frozen=True)
class WideEvidence:
    """How probable logarithms of hyperparameters are, given data: their negative logarithmic posterior density.

    They are the inverse squares of the length scales, the variance of the kernel, and that of the noise.
    """

    coordinates: Coordinates
    rows: Matrix
    """Of coordinates."""
    values: Vector

    @property
    def start(self) -> Vector:
        """The most probable hyperparameters before any data."""
        columns = self.coordinates.shape.columns
        inverse = -2.0 * (math.log(LENGTH) + 0.5 * math.log(columns))
        return np.array([*[inverse] * columns, math.log(VARIANCE), math.log(NOISE)])

    @property
    def deviations(self) -> Vector:
        lengths = [2.0 * LENGTH_DEVIATION] * self.coordinates.shape.columns
        return np.array([*lengths, VARIANCE_DEVIATION, NOISE_DEVIATION])

    @property
    def bounds(self) -> list[tuple[float, float]]:
        noise = (math.log(LEAST_NOISE), math.log(MOST_NOISE))
        return [*[LENGTH_BOUNDS] * self.coordinates.shape.columns, VARIANCE_BOUNDS, noise]

    def __call__(self, logarithms: Vector) -> tuple[float, Vector]:
        """The value and its gradient."""
        weights, (variance, noise) = np.exp(logarithms[:-2]), np.exp(logarithms[-2:])
        places, count = self.rows * np.sqrt(weights[self.coordinates.owners]), len(self.values)
        value, slope = matern_and_slope(squared_distances(places, places))
        try:
            lower = cholesky(variance * value + noise * np.eye(count), lower=True, check_finite=False)
        except np.linalg.LinAlgError:  # so near to singular that rounding decides: never a place to stay
            return REFUSED, np.zeros_like(logarithms)
        inverse = cho_solve((lower, True), np.eye(count), check_finite=False)
        alpha = inverse @ self.values
        by_entry = 0.5 * (inverse - np.outer(alpha, alpha))
        pull = by_entry * (variance * slope)
        by_coordinate = 2.0 * (pull.sum(axis=1) @ (places * places) - (places * (pull @ places)).sum(axis=0))
        by_variances = [variance * (by_entry * value).sum(), noise * np.trace(by_entry)]
        gradient = np.array([*self.coordinates.by_column(by_coordinate), *by_variances])
        off = (logarithms - self.start) / self.deviations
        told = 0.5 * self.values @ alpha + np.log(np.diag(lower)).sum() + 0.5 * off @ off
        return float(told), gradient + off / self.deviations


def fit_wide(shape: Shape, rows: Matrix, values: Vector) -> tuple[WideKernel, float]:
    """The most probable kernel and variance of the noise, for values with mean zero and variance one."""
    coordinates = Coordinates(shape)
    evidence = WideEvidence(coordinates, coordinates.of(rows), values)
    options = {"maxiter": STEPS}
    result = minimize(evidence, evidence.start, jac=True, method="L-BFGS-B", bounds=evidence.bounds, options=options)
    *weights, variance, noise = np.exp(result.x).tolist()
    return WideKernel(shape, tuple(weights), variance), noise
