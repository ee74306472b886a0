"""Parzen estimators: the density of one parameter's values among some trials, as a mixture around what was seen.

Works on model coordinates in [0, 1]. One component of every mixture is the prior: the distribution that the user gave.
References: Bergstra, Bardenet, Bengio, Kégl, NeurIPS 2011; Bergstra, Yamins, Cox, ICML 2013.
"""

from __future__ import annotations

import bisect
import math
import random
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from katib_domain.search_space import Continuous, Finite, Grid, Nominal

Vector = NDArray[np.float64]
STANDARD = NormalDist()
ROOT_TWO = math.sqrt(2.0)
ROOT_TWO_PI = math.sqrt(2.0 * math.pi)
LATEST = 25
NARROWEST = 100


def ages(count: int) -> Vector:
    """Weights of trials from old to new: the latest count fully, older ones the less the older they are."""
    ramp = np.linspace(1.0 / count, 1.0, count - LATEST) if count > LATEST else np.ones(0)
    return np.concatenate([ramp, np.ones(min(count, LATEST))])


def widths(places: Vector) -> Vector:
    """How wide the kernel at each place is: as far as the farther one of its neighbours, within limits."""
    if not len(places):
        return np.ones(0)
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    gaps = np.diff(np.concatenate([[0.0], ordered, [1.0]]))
    reach = np.maximum(gaps[:-1], gaps[1:])
    if len(places) > 1:  # an end of the range is no neighbour
        reach[0], reach[-1] = gaps[1], gaps[-2]
    found = np.empty(len(places))
    found[order] = np.clip(reach, 1.0 / min(NARROWEST, 1 + len(places)), 1.0)
    return found


def _pick(cumulative: list[float], dice: random.Random) -> int:
    """A place, each as often as its share of the cumulative weights."""
    return bisect.bisect_right(cumulative, dice.random() * cumulative[-1])


@dataclass(frozen=True)
class LineDensity:
    """A density over [0, 1]: normal kernels, cut at the ends, and the prior. Weights sum to one, the prior's is last."""

    domain: Continuous | Grid
    places: Vector
    reach: Vector
    weights: Vector

    @cached_property
    def _cumulative(self) -> list[float]:
        return list(np.cumsum(self.weights).tolist())

    def draw(self, dice: random.Random) -> float:
        component = _pick(self._cumulative, dice)
        u = dice.random()
        if component >= len(self.places):
            return self.domain.encode(self.domain.from_unit(u))[0]  # type: ignore[arg-type]
        center, width = float(self.places[component]), float(self.reach[component])
        low, high = STANDARD.cdf(-center / width), STANDARD.cdf((1.0 - center) / width)
        part = min(max(low + u * (high - low), 1e-300), 1.0 - 1e-16)
        return min(1.0, max(0.0, center + width * STANDARD.inv_cdf(part)))

    @cached_property
    def _heights(self) -> Vector:
        """The weight of each kernel over its mass inside [0, 1]."""
        pairs = zip(self.places.tolist(), self.reach.tolist(), strict=True)
        scale = [
            ROOT_TWO_PI
            * width
            * 0.5
            * (math.erf((1.0 - center) / width / ROOT_TWO) + math.erf(center / width / ROOT_TWO))
            for center, width in pairs
        ]
        heights: Vector = self.weights[:-1] / np.array(scale)
        return heights

    def log_density(self, coordinates: Vector) -> Vector:
        shifts = (coordinates[:, None] - self.places) / self.reach
        kernels = np.exp(-0.5 * shifts * shifts) @ self._heights
        prior = np.array([self.domain.distribution.density(x) for x in coordinates.tolist()])
        found: Vector = np.log(kernels + self.weights[-1] * prior)
        return found


@dataclass(frozen=True)
class ListDensity:
    """Probabilities of finitely many values."""

    shares: Vector

    @cached_property
    def _cumulative(self) -> list[float]:
        return list(np.cumsum(self.shares).tolist())

    def draw(self, dice: random.Random) -> int:
        return min(_pick(self._cumulative, dice), len(self.shares) - 1)

    @cached_property
    def logarithms(self) -> Vector:
        found: Vector = np.log(np.maximum(self.shares, 1e-300))
        return found


def line_density(domain: Continuous | Grid, places: Vector, weights: Vector, prior_weight: float) -> LineDensity:
    """The density around places; each counts as much as its weight, the prior as `prior_weight`."""
    all_weights = np.append(weights, prior_weight)
    return LineDensity(domain, places, widths(places), all_weights / all_weights.sum())


def list_density(domain: Finite, indexes: NDArray[np.int64], weights: Vector, prior_weight: float) -> ListDensity:
    """Probabilities of a finite domain's values: what was seen, smeared along the order if there is one, and the prior."""
    size = domain.size
    prior = np.array([domain.weight(index) for index in range(size)])
    seen: Vector = np.bincount(indexes, weights, size).astype(np.float64)
    if not isinstance(domain, Nominal):
        seen = _smear(np.array([domain.encode(index)[0] for index in range(size)]), seen)
    shares = seen + prior_weight * prior
    return ListDensity(shares / shares.sum())


def _smear(places: Vector, seen: Vector) -> Vector:
    """Weights spread over their neighbourhood, each keeping its sum."""
    centers = np.flatnonzero(seen)
    reach = widths(places[centers])
    cells = np.gradient(places) if len(places) > 1 else np.ones(1)
    shifts = (places[:, None] - places[centers]) / reach
    kernels = np.exp(-0.5 * shifts * shifts) * cells[:, None]
    spread: Vector = kernels / kernels.sum(axis=0) @ seen[centers]
    return spread
