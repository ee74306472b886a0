"""The four distributions of a parameter, truncated to its bounds (search-spaces.md §4, §5.2). Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from katib_domain.search_space.texts import BELL, LOGARITHMIC

STANDARD = NormalDist()
TAIL = STANDARD.cdf(-3.0)
MASS = STANDARD.cdf(3.0) - TAIL


@dataclass(frozen=True)
class Distribution:
    """A distribution over [low, high]; the bounds are at three standard deviations for the bell-shaped ones."""

    name: str
    low: float
    high: float

    @property
    def logarithmic(self) -> bool:
        return self.name in LOGARITHMIC

    def coordinate(self, value: float) -> float:
        """A value on the line on which the distribution is uniform or normal."""
        return math.log(value) if self.logarithmic else value

    @property
    def mean(self) -> float:
        return (self.coordinate(self.low) + self.coordinate(self.high)) / 2

    @property
    def deviation(self) -> float:
        return (self.coordinate(self.high) - self.coordinate(self.low)) / 6

    def quantile(self, u: float) -> float:
        """The inverse distribution function at u in [0, 1], inside the bounds."""
        if self.name in BELL:
            at = self.mean + self.deviation * _bell_quantile(u)
        else:
            low, high = self.coordinate(self.low), self.coordinate(self.high)
            at = low + u * (high - low)
        value = math.exp(at) if self.logarithmic else at
        return min(max(value, self.low), self.high)

    def cumulative(self, value: float) -> float:
        """The distribution function, not truncated and up to a constant: differences of it are proportions."""
        at = self.coordinate(value)
        return STANDARD.cdf((at - self.mean) / self.deviation) if self.name in BELL else at

    def weights(self, grid: Sequence[float]) -> list[float]:
        """Probabilities of grid points: the mass between the midpoints to their neighbours (§5.2)."""
        if len(grid) == 1:
            return [1.0]
        edges = [grid[0] - (grid[1] - grid[0]) / 2]
        edges += [(left + right) / 2 for left, right in itertools.pairwise(grid)]
        edges.append(grid[-1] + (grid[-1] - grid[-2]) / 2)
        if self.logarithmic and edges[0] <= 0:
            edges[0] = grid[0]
        masses = [self.cumulative(right) - self.cumulative(left) for left, right in itertools.pairwise(edges)]
        total = math.fsum(masses)
        return [mass / total for mass in masses]


def _bell_quantile(u: float) -> float:
    """The truncated standard normal's inverse distribution function; -3 at 0, 3 at 1."""
    if u <= 0.0:
        return -3.0
    if u >= 1.0:
        return 3.0
    return min(3.0, max(-3.0, STANDARD.inv_cdf(TAIL + u * MASS)))
