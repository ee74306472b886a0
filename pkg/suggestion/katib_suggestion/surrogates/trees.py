"""Ensembles of trees instead of a Gaussian process: their members' disagreement is the uncertainty.

References: Breiman 2001; Geurts, Ernst, Wehenkel 2006; for deviations Hutter, Hoos, Leyton-Brown 2011. scikit-learn is loaded
when the first of them is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from katib_suggestion.surrogates.kernel import Matrix, Shape, Vector

TREES, BOOSTED_TREES, LEAF = 100, 30, 3
QUANTILES = (0.16, 0.5, 0.84)
"""Those of a normal distribution at one deviation below its mean, at the mean and above."""
LEAST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Forest:
    """Trees, each grown from other draws."""

    shape: Shape
    trees: tuple[Any, ...]

    def predict(self, rows: Matrix) -> tuple[Vector, Vector]:
        """Means and standard deviations of the trees' opinions."""
        places = numbers(self.shape, rows).astype(np.float32)
        opinions = np.stack([tree.tree_.predict(places)[:, 0] for tree in self.trees])
        return opinions.mean(axis=0), np.maximum(opinions.std(axis=0), LEAST_DEVIATION)


@dataclass(frozen=True)
class Boosted:
    """Three boosted ensembles, one for each quantile."""

    shape: Shape
    quantiles: tuple[Any, ...]

    def predict(self, rows: Matrix) -> tuple[Vector, Vector]:
        """The median, and half of the way between the outer quantiles."""
        low, middle, high = (ensemble.predict(numbers(self.shape, rows)) for ensemble in self.quantiles)
        return middle, np.maximum((high - low) / 2.0, LEAST_DEVIATION)


def numbers(shape: Shape, rows: Matrix) -> Matrix:
    """Rows with a column for each entry of a list without an order."""
    return shape.expand(rows, np.ones(shape.columns))


def grow(kind: str, shape: Shape, rows: Matrix, values: Vector, seed: int) -> Forest | Boosted:
    """The ensemble that is called RF, ET or GBRT, of rows and their values."""
    from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor, RandomForestRegressor

    places = numbers(shape, rows)
    if kind == "GBRT":
        boosted = (
            GradientBoostingRegressor(loss="quantile", alpha=alpha, n_estimators=BOOSTED_TREES, random_state=seed)
            for alpha in QUANTILES
        )
        return Boosted(shape, tuple(ensemble.fit(places, values) for ensemble in boosted))
    make = RandomForestRegressor if kind == "RF" else ExtraTreesRegressor
    forest = make(n_estimators=TREES, min_samples_leaf=LEAF, random_state=seed, n_jobs=1).fit(places, values)
    return Forest(shape, tuple(forest.estimators_))
