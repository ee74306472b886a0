"""Gaussian process regression with the most probable hyperparameters, gradients by hand.

References: Rasmussen and Williams 2006; for the prior of length scales, which grows with the dimension, Hvarfner,
Hellsten, Nardi, ICML 2024.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from katib_suggestion.surrogates.kernel import Kernel, Matrix, Shape, Vector, write_matern
from katib_suggestion.surrogates.wide import WideKernel

LENGTH, LENGTH_DEVIATION = 0.25, 1.0
"""The length scale before any data, times the root of the number of columns; how far its logarithm may well be off."""
VARIANCES, VARIANCE_DEVIATION = (0.5, 0.5), 1.0
"""Of all columns together, and of few at a time."""
NOISE, NOISE_DEVIATION = 1e-4, 3.0
NOISES = (1e-5, 1e-2)
"""Where fits start: what looks like noise from one place looks like a rough function from the other."""
LEAST_NOISE, MOST_NOISE = 1e-7, 1.0
LEAST_VARIANCE = 1e-14
LENGTH_BOUNDS, VARIANCE_BOUNDS = (-10.0, 12.0), (-8.0, 4.0)
STEPS = 60
BLOCK = 2048
"""So many rows are looked at together: what is in memory meanwhile is some times as large as they and all that is known."""
REFUSED = 1e12


@dataclass(frozen=True)
class Evidence:
    """How probable logarithms of hyperparameters are, given data: their negative logarithmic posterior density.

    They are the inverse squares of the length scales, the variances of the kernel's two parts, and that of the noise.
    """

    distances: Matrix
    """Squared distances along each column between all rows: columns x rows x rows."""
    values: Vector
    share: float

    @property
    def start(self) -> Vector:
        """The most probable hyperparameters before any data."""
        columns = len(self.distances)
        inverse = -2.0 * (math.log(LENGTH) + 0.5 * math.log(columns))
        return np.array([*[inverse] * columns, *np.log(VARIANCES), math.log(NOISE)])

    @property
    def deviations(self) -> Vector:
        lengths = [2.0 * LENGTH_DEVIATION] * len(self.distances)
        return np.array([*lengths, VARIANCE_DEVIATION, VARIANCE_DEVIATION, NOISE_DEVIATION])

    @property
    def bounds(self) -> list[tuple[float, float]]:
        noise = (math.log(LEAST_NOISE), math.log(MOST_NOISE))
        return [*[LENGTH_BOUNDS] * len(self.distances), VARIANCE_BOUNDS, VARIANCE_BOUNDS, noise]

    def __call__(self, logarithms: Vector) -> tuple[float, Vector]:
        """The value and its gradient."""
        weights, (together, apart, noise) = np.exp(logarithms[:-3]), np.exp(logarithms[-3:])
        all_value, all_slope, product = self._parts(weights)
        count = len(self.values)
        try:
            covariance = together * all_value + apart * product + noise * np.eye(count)
            lower = cholesky(covariance, lower=True, check_finite=False)
        except np.linalg.LinAlgError:  # so near to singular that rounding decides: never a place to stay
            return REFUSED, np.zeros_like(logarithms)
        inverse = cho_solve((lower, True), np.eye(count), check_finite=False)
        alpha = inverse @ self.values
        by_entry = 0.5 * (inverse - np.outer(alpha, alpha))
        by_lengths = self._by_lengths(weights, by_entry, together * all_slope, apart * self.share * product)
        by_parts = [together * (by_entry * all_value).sum(), apart * (by_entry * product).sum()]
        gradient = np.array([*by_lengths, *by_parts, noise * np.trace(by_entry)])
        value = 0.5 * self.values @ alpha + np.log(np.diag(lower)).sum()
        off = (logarithms - self.start) / self.deviations
        return float(value + 0.5 * off @ off), gradient + off / self.deviations

    @cached_property
    def _room(self) -> Room:
        return Room(len(self.distances), len(self.values))

    def _parts(self, weights: Vector) -> tuple[Matrix, Matrix, Matrix]:
        """The kernel of all columns together with its slope, and the product of the columns' factors."""
        room = self._room
        room.total.fill(0.0)
        room.product.fill(1.0)
        for weight, distances, factor, slope in zip(weights, self.distances, room.factors, room.slopes, strict=True):
            squares = np.multiply(distances, weight, out=room.squares)
            room.total += squares
            write_matern(squares, factor, slope, room.spare)
            factor *= self.share
            factor += 1.0 - self.share
            room.product *= factor
        write_matern(room.total, room.value, room.slope, room.spare)
        return room.value, room.slope, room.product

    def _by_lengths(self, weights: Vector, by_entry: Matrix, together: Matrix, apart: Matrix) -> list[float]:
        """The derivatives by the length scales, behind `_parts` of them; its slopes are used up."""
        room, found = self._room, []
        for weight, distances, factor, slope in zip(weights, self.distances, room.factors, room.slopes, strict=True):
            squares = np.multiply(distances, weight, out=room.squares)
            slope *= apart
            slope /= factor
            slope += together
            found.append(float(np.einsum("ij,ij,ij->", by_entry, slope, squares)))
        return found


class Room:
    """What evidence is worked out in. A fit asks for it a hundred times, and to come by memory takes longer than to fill it."""

    def __init__(self, columns: int, rows: int) -> None:
        self.factors, self.slopes = np.empty((2, columns, rows, rows))
        """Of each column: its factor of the product, and the slope of its kernel."""
        self.total, self.product, self.value, self.slope, self.squares, self.spare = np.empty((6, rows, rows))


def evidence_of(shape: Shape, rows: Matrix, values: Vector) -> Evidence:
    return Evidence(np.stack([shape.square(place, rows, rows) for place in range(shape.columns)]), values, shape.share)


def fit(shape: Shape, rows: Matrix, values: Vector) -> tuple[Kernel, float]:
    """The most probable kernel and variance of the noise, for values with mean zero and variance one."""
    evidence = evidence_of(shape, rows, values)
    options = {"maxiter": STEPS}
    results = []
    for noise in NOISES:
        start = np.array([*evidence.start[:-1], math.log(noise)])
        results.append(minimize(evidence, start, jac=True, method="L-BFGS-B", bounds=evidence.bounds, options=options))
    found = np.exp(min(results, key=lambda result: float(result.fun)).x).tolist()
    return Kernel(shape, tuple(found[:-3]), found[-3], found[-2]), found[-1]


@dataclass(frozen=True)
class Posterior:
    """What is believed about every row, given some rows and their values."""

    kernel: Kernel | WideKernel
    noise: float
    rows: Matrix
    values: Vector
    inverse: Matrix
    """The inverse of the covariance's lower triangular root."""
    alpha: Vector

    def predict(self, rows: Matrix) -> tuple[Vector, Vector]:
        """Means and standard deviations of the function, noise left out."""
        blocks = [self._predict(rows[start : start + BLOCK]) for start in range(0, max(1, len(rows)), BLOCK)]
        means, deviations = zip(*blocks, strict=True)
        return np.concatenate(means), np.concatenate(deviations)

    def _predict(self, rows: Matrix) -> tuple[Vector, Vector]:
        covariances = self.kernel(rows, self.rows)
        return covariances @ self.alpha, self._deviation(covariances @ self.inverse.T)

    def slopes(self, rows: Matrix) -> tuple[Vector, Vector, Matrix, Matrix]:
        """Means and deviations with their gradients by the columns; those of nominal columns are zero."""
        covariances, slopes = self.kernel.slopes(rows, self.rows)
        reach = covariances @ self.inverse.T
        deviation = self._deviation(reach)
        by_deviation = -(reach @ self.inverse) / deviation[:, None]
        return covariances @ self.alpha, deviation, slopes.of_means(self.alpha), slopes.of_rows(by_deviation)

    def believing(self, rows: Matrix) -> Posterior:
        """The posterior when these rows, too, turn out as it expects: there is nothing left to learn at them."""
        values = np.concatenate([self.values, self.predict(rows)[0]])
        return condition(self.kernel, self.noise, np.concatenate([self.rows, rows]), values)

    def _deviation(self, reach: Matrix) -> Vector:
        variance: Vector = self.kernel.variance - (reach * reach).sum(axis=1)
        return np.sqrt(np.maximum(variance, LEAST_VARIANCE))


def condition(kernel: Kernel | WideKernel, noise: float, rows: Matrix, values: Vector) -> Posterior:
    """The posterior of rows and their values."""
    covariance = kernel(rows, rows)
    np.fill_diagonal(covariance, kernel.variance + noise)
    lower = cholesky(covariance, lower=True, check_finite=False)
    inverse = solve_triangular(lower, np.eye(len(rows)), lower=True, check_finite=False)
    return Posterior(kernel, noise, rows, values, inverse, inverse.T @ (inverse @ values))
