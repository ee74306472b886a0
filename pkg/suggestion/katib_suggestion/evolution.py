"""An evolution strategy as a fold: a state, and the state after one more generation, in the unit cube and beside it.

Numbers adapt a mean, a step and a covariance matrix; categories adapt their probabilities. Nothing is drawn here.
References: Hansen, arXiv:1604.00772 (CMA-ES); Hansen, INRIA RR-7748 (points that others proposed); Hamano, Saito, Nomura,
Shirakawa, GECCO 2022 (margin for integers) and GECCO 2024 (categories).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
CATEGORY_RATE = 0.5
"""How far the probabilities of categories move towards the best of one generation."""
RECENT = 10
SMALLEST_STEP, LARGEST_STEP = 1e-12, 1e4
WORST_CONDITION = 1e14


@dataclass(frozen=True)
class Pace:
    """Weights and learning rates for a population of some size in some dimensions."""

    dimensions: int
    population: int

    @cached_property
    def _halves(self) -> tuple[Vector, Vector]:
        """Weights of the better half and of the others, not yet scaled."""
        raw = math.log((self.population + 1) / 2) - np.log(np.arange(1, self.population + 1))
        return np.maximum(raw, 0.0), np.minimum(raw, 0.0)

    @cached_property
    def good(self) -> Vector:
        """Weights from the best to the worst; they sum to one, and the worse half has none."""
        good = self._halves[0]
        return np.asarray(good / good.sum())

    @cached_property
    def weights(self) -> Vector:
        """As `good`, but what the worse half has is negative: as much as keeps the covariance matrix positive."""
        bad = self._halves[1]
        most = min(
            1 + self.rank_one / self.rank_many,
            1 + 2 * float(bad.sum() ** 2 / (bad @ bad)) / (self.mass + 2),
            (1 - self.rank_one - self.rank_many) / (self.dimensions * self.rank_many),
        )
        return np.asarray(self.good - most * bad / bad.sum())

    @cached_property
    def mass(self) -> float:
        """How many points the better half is worth."""
        return float(1 / (self.good @ self.good))

    @cached_property
    def rank_one(self) -> float:
        return 2 / ((self.dimensions + 1.3) ** 2 + self.mass)

    @cached_property
    def rank_many(self) -> float:
        return min(1 - self.rank_one, 2 * (self.mass - 1.75 + 1 / self.mass) / ((self.dimensions + 2) ** 2 + self.mass))

    @cached_property
    def step_rate(self) -> float:
        return (self.mass + 2) / (self.dimensions + self.mass + 5)

    @cached_property
    def damping(self) -> float:
        return 1 + 2 * max(0.0, math.sqrt((self.mass - 1) / (self.dimensions + 1)) - 1) + self.step_rate

    @cached_property
    def path_rate(self) -> float:
        share = self.mass / self.dimensions
        return (4 + share) / (self.dimensions + 4 + 2 * share)

    @cached_property
    def usual_length(self) -> float:
        """The expected length of a standard normal vector."""
        n = self.dimensions
        return math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))

    @cached_property
    def longest(self) -> float:
        """How long a step is taken to be at most, in standard deviations: others may have proposed it."""
        return math.sqrt(self.dimensions) + 2 * self.dimensions / (self.dimensions + 2)


@lru_cache(maxsize=256)
def pace_of(dimensions: int, population: int) -> Pace:
    return Pace(dimensions, population)


@dataclass(frozen=True)
class Evolution:
    """What one run has come to."""

    population: int
    mean: Vector
    step: float
    covariance: Vector
    factor: Vector
    """The lower triangular root of the covariance matrix."""
    step_path: Vector
    shape_path: Vector
    chances: tuple[Vector, ...]
    """For each categorical parameter the probabilities of its categories."""
    age: int = 0
    """How many generations there were."""
    recent: tuple[float, ...] = ()
    """The best losses of the last generations."""

    @property
    def pace(self) -> Pace:
        return pace_of(max(1, len(self.mean)), self.population)

    @property
    def deviations(self) -> Vector:
        """The standard deviation in each dimension."""
        return np.asarray(self.step * np.sqrt(np.diagonal(self.covariance)))

    def ended(self) -> bool:
        """Whether nothing more is to be expected of it: it is too narrow, too wide, too long, or everything is equal."""
        lengths = np.diagonal(self.factor)
        if len(lengths) and (
            max(self.deviations) < SMALLEST_STEP
            or max(self.deviations) > LARGEST_STEP
            or max(lengths) ** 2 > WORST_CONDITION * min(lengths) ** 2
        ):
            return True
        return len(self.recent) >= horizon(self.pace) and max(self.recent) - min(self.recent) < 1e-12


def horizon(pace: Pace) -> int:
    """After how many generations without any change a run is over."""
    return RECENT + math.ceil(30 * pace.dimensions / pace.population)


def begun(mean: Vector, step: float, population: int, sizes: Sequence[int]) -> Evolution:
    """A run before its first generation; every category of as many parameters as there are sizes is equally likely."""
    dimensions = len(mean)
    unit, zero = np.eye(dimensions), np.zeros(dimensions)
    chances = tuple(np.full(size, 1 / size) for size in sizes)
    return Evolution(population, mean, step, unit, unit, zero, zero, chances)


def advanced(
    state: Evolution, places: Vector, categories: Sequence[Sequence[int]], losses: Sequence[float]
) -> Evolution:
    """The run after a generation: a row of coordinates, the chosen categories and a loss for each of its points."""
    order = sorted(range(len(losses)), key=losses.__getitem__)
    recent = (*state.recent, losses[order[0]])[-horizon(state.pace) :]
    found = replace(
        state,
        age=state.age + 1,
        recent=recent,
        chances=_learned(state, [[categories[index][axis] for index in order] for axis in range(len(state.chances))]),
    )
    return _moved(found, places[order]) if len(state.mean) else found


def _moved(state: Evolution, places: Vector) -> Evolution:
    """The run after the numbers of a generation, the best first."""
    pace = state.pace
    steps, whitened = _steps(state, places)
    ahead, ahead_whitened = pace.good @ steps, whitened @ pace.good
    rate = pace.step_rate
    step_path = (1 - rate) * state.step_path + math.sqrt(rate * (2 - rate) * pace.mass) * ahead_whitened
    length = float(np.sqrt(step_path @ step_path))
    calm = length / math.sqrt(1 - (1 - rate) ** (2 * state.age)) < (1.4 + 2 / (pace.dimensions + 1)) * pace.usual_length
    turn = pace.path_rate
    shape_path = (1 - turn) * state.shape_path
    if calm:
        shape_path = shape_path + math.sqrt(turn * (2 - turn) * pace.mass) * ahead
    covariance = _reshaped(state, steps, whitened, shape_path, calm=calm)
    growth = math.exp(min(1.0, rate / pace.damping * (length / pace.usual_length - 1)))
    return replace(
        state,
        mean=np.clip(state.mean + state.step * ahead, 0.0, 1.0),
        step=min(max(state.step * growth, SMALLEST_STEP / 10), 10 * LARGEST_STEP),
        covariance=covariance,
        factor=_root(covariance),
        step_path=step_path,
        shape_path=shape_path,
    )


def _steps(state: Evolution, places: Vector) -> tuple[Vector, Vector]:
    """The steps from the mean as rows, and as columns with their correlation taken out; long ones are shortened."""
    steps = (places - state.mean) / state.step
    whitened = np.linalg.solve(state.factor, steps.T)
    lengths = np.sqrt((whitened * whitened).sum(axis=0))
    scale = np.minimum(1.0, state.pace.longest / np.maximum(lengths, 1e-300))
    return steps * scale[:, None], whitened * scale


def _reshaped(state: Evolution, steps: Vector, whitened: Vector, shape_path: Vector, *, calm: bool) -> Vector:
    pace = state.pace
    weights = pace.weights.copy()
    bad = weights < 0  # a long step away from the mean must not take more than there is
    weights[bad] *= pace.dimensions / np.maximum((whitened[:, bad] ** 2).sum(axis=0), 1e-300)
    weights[bad] = np.maximum(weights[bad], -1e3)
    stalled = 0.0 if calm else pace.rank_one * pace.path_rate * (2 - pace.path_rate)
    keep = 1 + stalled - pace.rank_one - pace.rank_many * pace.weights.sum()
    found = keep * state.covariance
    found += pace.rank_one * np.outer(shape_path, shape_path)
    found += pace.rank_many * (steps.T * weights) @ steps
    return np.asarray(found)


def _root(covariance: Vector) -> Vector:
    try:
        return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    except np.linalg.LinAlgError:  # rounding has made it flat: forget the correlations
        return np.asarray(np.diag(np.sqrt(np.clip(np.diagonal(covariance), 1e-20, None))), dtype=np.float64)


def _learned(state: Evolution, ranked: Sequence[Sequence[int]]) -> tuple[Vector, ...]:
    """The probabilities of categories after a generation: towards the best, but every category keeps a chance."""
    good = state.pace.good
    found = []
    for chances, chosen in zip(state.chances, ranked, strict=True):
        seen = np.bincount(np.asarray(chosen, dtype=np.int64), good, len(chances))
        moved = chances + CATEGORY_RATE * (seen - chances)
        least = 1 / (state.population * len(chances))
        moved = np.maximum(moved, least)
        found.append(moved / moved.sum())
    return tuple(found)
