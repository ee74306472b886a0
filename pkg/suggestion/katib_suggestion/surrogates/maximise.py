"""The most promising rows: many candidates, then better neighbours of the best, then a climb along what is continuous."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from katib_suggestion.surrogates.acquisition import Acquisition
from katib_suggestion.surrogates.axes import Axes, Matrix, Vector
from katib_suggestion.surrogates.regression import Posterior

NEAR = 300
NEAR_WIDTHS, NEAR_SHARE, NEAR_MOVED = (0.2, 0.05, 0.01), 0.3, 18
"""How far from good rows others are looked for, and in what share of the columns, or how many where there are many."""
WIDTHS = (0.2, 0.1, 0.05, 0.02, 0.01, 0.003)
"""How far neighbours are looked for, one after the other."""
FRONT, NEIGHBOURS = 8, 24
CLIMBERS, CLIMB_STEPS = 4, 50
Belief = tuple[Vector, Vector]
"""Means and standard deviations of the losses of some rows."""


class Model(Protocol):
    """What is believed about losses."""

    def predict(self, rows: Matrix) -> Belief:
        """Means and standard deviations."""
        ...


@dataclass(frozen=True)
class Costs:
    """What is believed about how long trials run: logarithms of seconds, up to a constant."""

    posterior: Posterior
    scale: float


@dataclass(frozen=True)
class Promise:
    """How promising rows are: an acquisition under a model, perhaps per second that a trial runs."""

    model: Model
    acquisition: Acquisition
    best: float
    costs: Costs | None = None

    def __call__(self, rows: Matrix) -> Vector:
        return self.given(self.model.predict(rows), rows)

    def given(self, belief: Belief, rows: Matrix) -> Vector:
        """The same for rows of which it is known what the model believes."""
        value = self.acquisition(*belief, self.best)[0]
        return value if self.costs is None else value - self.costs.scale * self.costs.posterior.predict(rows)[0]

    def slopes(self, rows: Matrix) -> tuple[Vector, Matrix]:
        """How promising rows are, with the gradients; the model is a Gaussian process."""
        assert isinstance(self.model, Posterior)
        mean, deviation, by_mean, by_deviation = self.model.slopes(rows)
        value, mean_slope, deviation_slope = self.acquisition(mean, deviation, self.best)
        gradient = mean_slope[:, None] * by_mean + deviation_slope[:, None] * by_deviation
        if self.costs is not None:
            cost, _, by_cost, _ = self.costs.posterior.slopes(rows)
            value, gradient = value - self.costs.scale * cost, gradient - self.costs.scale * by_cost
        return value, gradient


def candidates(axes: Axes, good: Matrix, count: int, dice: np.random.Generator) -> Matrix:
    """Rows from the whole space, rows that are known to be good, and some near those."""
    anywhere = axes.spread(dice.random((count, len(axes.all))))
    around = np.array_split(good[dice.integers(len(good), size=NEAR)], len(NEAR_WIDTHS))
    share = min(NEAR_SHARE, NEAR_MOVED / len(axes.all))
    near = [axes.shifted(rows, width, share, dice) for rows, width in zip(around, NEAR_WIDTHS, strict=True)]
    return np.concatenate([anywhere, good, *near])


def ranked(rows: Matrix, values: Vector) -> tuple[Matrix, Vector]:
    """Rows with their values, the greatest first."""
    order = np.argsort(-values, kind="stable")
    return rows[order], values[order]


def refined(promise: Promise, axes: Axes, start: tuple[Matrix, Vector], dice: np.random.Generator) -> Matrix:
    """Rows, the most promising first: those of `start`, which are ranked, and better ones found from the best of them."""
    rows, values = start
    front, heights = rows[:FRONT], values[:FRONT]
    for width in WIDTHS:
        front, heights = _step(promise, axes, (front, heights), width, dice)
    front, heights = ranked(front, heights)
    free = axes.continuous
    if free.any():
        best = _climb(promise, free, front[:CLIMBERS], heights[:CLIMBERS])
        front, heights = (np.concatenate(pair) for pair in zip(best, (front, heights), strict=True))
    return ranked(np.concatenate([front, rows]), np.concatenate([heights, values]))[0]


def _step(
    promise: Promise, axes: Axes, front: tuple[Matrix, Vector], width: float, dice: np.random.Generator
) -> tuple[Matrix, Vector]:
    """Each row of the front, or the best of its neighbours where that is better."""
    rows, heights = front
    tried = axes.shifted(np.repeat(rows, NEIGHBOURS, axis=0), width, 2.0 / max(2, rows.shape[1]), dice)
    found = promise(tried).reshape(len(rows), -1)
    chosen = found.argmax(axis=1) + np.arange(len(rows)) * NEIGHBOURS
    better = found.max(axis=1) > heights
    return np.where(better[:, None], tried[chosen], rows), np.where(better, found.max(axis=1), heights)


def _climb(promise: Promise, free: NDArray[np.bool_], rows: Matrix, heights: Vector) -> tuple[Matrix, Vector]:
    """Each row moved uphill along its free columns, all of them at once; none ends lower than it began."""
    start = rows[:, free]

    def moved(flat: Vector) -> Matrix:
        result = rows.copy()
        result[:, free] = flat.reshape(start.shape)
        return result

    def negated(flat: Vector) -> tuple[float, Vector]:
        value, slope = promise.slopes(moved(flat))
        return -float(value.sum()), -slope[:, free].ravel()

    bounds, options = [(0.0, 1.0)] * start.size, {"maxiter": CLIMB_STEPS}
    result = minimize(negated, start.ravel(), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    climbed = moved(result.x)
    found = promise(climbed)
    better = found > heights
    return np.where(better[:, None], climbed, rows), np.where(better, found, heights)
