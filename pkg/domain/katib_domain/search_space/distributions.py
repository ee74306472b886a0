"""The four distributions of a parameter, truncated to its bounds (search-spaces.md §4). Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

from katib_domain.search_space.texts import BELL, LOGARITHMIC

STANDARD = NormalDist()
TAIL = STANDARD.cdf(-3.0)
MASS = STANDARD.cdf(3.0) - TAIL


@dataclass(frozen=True)
class Distribution:
    """A distribution over [low, high]; the bounds are at three standard deviations for the bell-shaped ones.

    Its line is the scale on which it is uniform or normal: the values, or their logarithms. A model coordinate is a
    place on that line, 0 at `low` and 1 at `high`.
    """

    name: str
    low: float
    high: float

    @property
    def logarithmic(self) -> bool:
        return self.name in LOGARITHMIC

    @property
    def bell(self) -> bool:
        return self.name in BELL

    def line(self, value: float) -> float:
        """A value's place on the line."""
        return math.log(value) if self.logarithmic else value

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The bounds' places on the line."""
        return self.line(self.low), self.line(self.high)

    @property
    def mean(self) -> float:
        left, right = self.ends
        return left / 2 + right / 2

    @property
    def deviation(self) -> float:
        left, right = self.ends
        return right / 6 - left / 6

    def coordinate(self, value: float) -> float:
        """The model coordinate of a value, in [0, 1]."""
        left, right = self.ends
        span = right - left
        place = (
            (self.line(value) - left) / span if math.isfinite(span) else (value / 2 - left / 2) / (right / 2 - left / 2)
        )
        return min(1.0, max(0.0, place))

    def value(self, coordinate: float) -> float:
        """The value at a model coordinate, inside the bounds."""
        left, right = self.ends
        span = right - left
        x = min(1.0, max(0.0, coordinate))
        place = left + x * span if math.isfinite(span) else left * (1 - x) + right * x
        value = math.exp(place) if self.logarithmic else place
        return min(max(value, self.low), self.high)

    def quantile(self, u: float) -> float:
        """The inverse distribution function at u in [0, 1], inside the bounds."""
        return self.value(bell_quantile(u) if self.bell else u)

    def unit(self, coordinate: float) -> float:
        """The distribution function at a model coordinate in [0, 1]: the inverse of `quantile`."""
        if not self.bell or coordinate in (0.0, 1.0):
            return coordinate
        return (STANDARD.cdf(6 * coordinate - 3) - TAIL) / MASS

    def density(self, coordinate: float) -> float:
        """The density at a model coordinate in [0, 1]."""
        return 6 * STANDARD.pdf(6 * coordinate - 3) / MASS if self.bell else 1.0

    def cumulative(self, value: float) -> float:
        """The distribution function, not truncated and up to a constant: differences of it are proportions."""
        place = self.line(value)
        return STANDARD.cdf((place - self.mean) / self.deviation) if self.bell else place


def bell_quantile(u: float) -> float:
    """The inverse distribution function of the normal distribution around 0.5 with 0 and 1 at three deviations."""
    if u <= 0.0 or u >= 1.0:
        return 0.0 if u <= 0.0 else 1.0
    return min(1.0, max(0.0, 0.5 + STANDARD.inv_cdf(TAIL + u * MASS) / 6))
