"""From results to a model of losses: which results count, on what scale, and what to make of pending ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from katib_suggestion.surrogates import WIDEST
from katib_suggestion.surrogates.axes import Axes, Matrix, Vector
from katib_suggestion.surrogates.kernel import Kernel, Shape
from katib_suggestion.surrogates.maximise import Costs
from katib_suggestion.surrogates.outcomes import normal_like, standardised
from katib_suggestion.surrogates.regression import Posterior, condition, fit
from katib_suggestion.surrogates.trees import Boosted, Forest, grow
from katib_suggestion.surrogates.wide import WideKernel, fit_wide

MOST, MOST_FITTED = 400, 120
"""How many results a model holds, and how many its hyperparameters are fitted to: time grows with the cube of both."""
MOST_PENDING = 200
GAUSSIAN = "GP"


@dataclass(frozen=True)
class Learned:
    """A model and what it was learned from."""

    kind: str
    seed: int
    rows: Matrix
    values: Vector
    model: Posterior | Forest | Boosted

    def best_rows(self, count: int) -> Matrix:
        """The rows of the best results, the best first."""
        return self.rows[np.argsort(self.values, kind="stable")[:count]]

    def believing(self, rows: Matrix) -> Learned:
        """What would be known if pending rows turned out as expected; trees take them for mediocre.

        Either way the next row is looked for elsewhere: constant liars, and for the first kind one that does not lie.
        """
        if not len(rows):
            return self
        rows = rows[-MOST_PENDING:]
        everything = np.concatenate([self.rows, rows])
        if isinstance(self.model, Posterior):
            model = self.model.believing(rows)
            return Learned(self.kind, self.seed, everything, model.values, model)
        values = np.concatenate([self.values, np.full(len(rows), np.median(self.values))])
        refit = _model(self.kind, self.model.shape, everything, values, self.seed)
        return Learned(self.kind, self.seed, everything, values, refit)

    def best(self) -> float:
        """The lowest loss that the model believes in, at the rows that it knows."""
        return float(self.model.predict(self.rows)[0].min())


def telling(losses: Vector, most: int) -> NDArray[np.intp]:
    """Which of many results to learn from: half of them the best, a quarter the latest, the rest evenly from the others."""
    count = len(losses)
    if count <= most:
        return np.arange(count)
    taken = np.union1d(np.argsort(losses, kind="stable")[: most // 2], np.arange(count - most // 4, count))
    others = np.setdiff1d(np.arange(count), taken)
    even = np.linspace(0, len(others) - 1, most - len(taken)).round().astype(int)
    return np.union1d(taken, others[even])


def shape_of(axes: Axes) -> Shape:
    return Shape(tuple(axis.domain.size if axis.nominal else None for axis in axes.all))


def learn(kind: str, axes: Axes, rows: Matrix, losses: Vector, seed: int) -> Learned:
    """A model of losses: "GP", or a kind of trees."""
    values = normal_like(losses)
    return Learned(kind, seed, rows, values, _model(kind, shape_of(axes), rows, values, seed))


def _model(kind: str, shape: Shape, rows: Matrix, values: Vector, seed: int) -> Posterior | Forest | Boosted:
    if kind != GAUSSIAN:
        return grow(kind, shape, rows, values, seed)
    few = telling(values, MOST_FITTED)
    return condition(*_fitted(shape, rows[few], values[few]), rows, values)


def _fitted(shape: Shape, rows: Matrix, values: Vector) -> tuple[Kernel | WideKernel, float]:
    """The kernel for a space of that width, and the variance of the noise."""
    return fit(shape, rows, values) if shape.width <= WIDEST else fit_wide(shape, rows, values)


def learn_costs(axes: Axes, rows: Matrix, seconds: Vector) -> Costs:
    """A model of how long trials run."""
    logarithms = np.log(seconds)
    shape, values = shape_of(axes), standardised(logarithms)
    return Costs(condition(*_fitted(shape, rows, values), rows, values), float(np.std(logarithms)))
