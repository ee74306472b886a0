"""The normal distribution between bounds: draws by a share of what lies there, and many probabilities at once."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
STANDARD = NormalDist()
TINY = 1e-300
REACH, PARTS = 9.0, 18_000


def between(mean: float, deviation: float, low: float, high: float, u: float) -> float:
    """A normal number between two bounds, by its share u of what lies between them."""
    sign = -1.0 if low > mean else 1.0  # far above the mean probabilities cannot be told from one
    below, above = sorted(sign * (end - mean) / deviation for end in (low, high))
    start, end = STANDARD.cdf(below), STANDARD.cdf(above)
    part = start + u * (end - start)
    if part <= TINY:  # so far away that the nearer end is all there is
        return low if sign < 0 else high
    return min(high, max(low, mean + sign * deviation * STANDARD.inv_cdf(min(part, 1 - 1e-16))))


def probabilities(places: Vector) -> Vector:
    """The standard normal distribution function of each, to seven digits."""
    return np.asarray(np.interp(places, *_table()), dtype=np.float64)


@lru_cache(maxsize=1)
def _table() -> tuple[Vector, Vector]:
    places = np.linspace(-REACH, REACH, PARTS + 1)
    return places, np.array([math.erfc(-place / math.sqrt(2)) / 2 for place in places.tolist()])
