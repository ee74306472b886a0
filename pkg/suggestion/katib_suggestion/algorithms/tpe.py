"""tpe: tree-structured Parzen estimator, each parameter on its own (algorithms.md §6).

References: Bergstra, Bardenet, Bengio, Kégl, NeurIPS 2011; Bergstra, Yamins, Cox, ICML 2013; for pending trials Ginsbourger,
Le Riche, Carraro 2010 (constant liar).
"""

from __future__ import annotations

import heapq
import math
import random
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from katib_suggestion.bounded import Vector
from katib_suggestion.parzen import Breadth, Choices, Factor, Factors, Mixture
from katib_suggestion.search import Algorithm, Point, Search
from katib_suggestion.settings import setting

MOST_GOOD = 25
# So many draws find what there is to find; more would only take time that others wait for (U-07).
MOST_CANDIDATES = 1000
SHARE = 0.1


@dataclass(frozen=True)
class Pair:
    """The densities of the best trials and of the others."""

    good: Mixture
    bad: Mixture

    def ranked(self, axes: Sequence[int], candidates: Sequence[Point]) -> dict[Point, float]:
        """How much more frequent each candidate is among the best than among the others, as a logarithm; the most first."""
        columns = list(zip(*candidates, strict=True))
        gains = self.good.log_density(axes, columns) - self.bad.log_density(axes, columns)
        return {candidates[place]: float(gains[place]) for place in np.argsort(-gains, kind="stable")}


@dataclass(frozen=True)
class ParzenSearch(Algorithm):
    """What tpe and multivariate-tpe share: values that are frequent among the best trials and rare among the others.

    The search begins in the middle of the space and goes on at random until there is something to conclude from. Failed
    trials and those still running count as bad ones, so that a batch spreads out.
    """

    breadth: ClassVar[float]
    """How wide kernels are: this part of a range for one trial, and less for more of them."""
    reach: ClassVar[float | None] = None
    """How wide kernels of numbers without steps are instead: this part of the way to the trials beside them."""

    n_ei_candidates: int = setting(24, at_least=1)
    """How many candidates are drawn, of which the most promising is taken. More than a thousand count as a thousand."""
    n_startup_trials: int = setting(10, at_least=0)
    """How many trials are drawn at random before anything is concluded from them."""

    def propose(self, search: Search) -> Iterator[Point]:
        if not search.known or len(search.known) + len(search.pending) < self.n_startup_trials:
            if not search.issued:
                yield search.space.from_unit([0.5] * len(search.space.domains))
            while True:
                yield search.space.sample(search.dice)
        pair = self._fitted(search)
        while True:
            yield from self._choices(pair, search.dice)

    def _fitted(self, search: Search) -> Pair:
        factors, places = search.remembered("places", lambda: _places(search))
        best = search.remembered("best", lambda: self._best(search))
        failed, known = places[: len(search.failed)], places[len(search.failed) :]
        bad = np.concatenate([failed, known[~best], factors.places(search.pending)])
        return Pair(self._mixture(factors, known[best]), self._mixture(factors, bad))

    def _best(self, search: Search) -> NDArray[np.bool_]:
        """Which of the known trials are the best."""
        losses = np.array([entry.loss for entry in search.known])
        found = np.zeros(len(losses), dtype=bool)
        found[np.argsort(losses, kind="stable")[: self._good_count(len(losses))]] = True
        return found

    def _good_count(self, count: int) -> int:
        """How many of so many trials are the best."""
        return min(math.ceil(SHARE * count), MOST_GOOD)

    def _mixture(self, factors: Factors, places: Vector) -> Mixture:
        together = self._together(factors.all)
        width = self.breadth * max(1, len(places)) ** (-1 / (len(together) + 4))
        choices = sum(isinstance(factor, Choices) for factor in together)
        return Mixture(factors, places, Breadth(width, self.reach, max(1, choices)), self._prior_weight)

    @property
    def _prior_weight(self) -> float:
        return 1.0

    @abstractmethod
    def _together(self, factors: Sequence[Factor]) -> Sequence[Factor]:
        """The parameters over which a density is."""

    @abstractmethod
    def _choices(self, pair: Pair, dice: random.Random) -> Iterator[Point]:
        """Points that the densities speak for, the most promising first."""

    @property
    def _draws(self) -> range:
        return range(min(self.n_ei_candidates, MOST_CANDIDATES))


def _places(search: Search) -> tuple[Factors, Vector]:
    factors = Factors(search.space)
    return factors, factors.places([*search.failed, *(entry.point for entry in search.known)])


@dataclass(frozen=True)
class TPE(ParzenSearch):
    """Chooses the value of each parameter without a look at the others."""

    breadth: ClassVar[float] = 0.15
    reach: ClassVar[float | None] = 0.3

    n_ei_candidates: int = setting(24, at_least=1, aliases=("n_EI_candidates",))
    """How many values are drawn, of which the most promising is taken. More than a thousand count as a thousand."""
    gamma: float | None = setting(None, above=0.0, below=1.0)
    """How many trials are the best: gamma times the root of their number; unset, a tenth of them. 25 at most."""
    prior_weight: float = setting(1.0, above=0.0)
    """How much the user's distribution counts beside one trial."""

    def _good_count(self, count: int) -> int:
        if self.gamma is None:
            return super()._good_count(count)
        return min(math.ceil(self.gamma * math.sqrt(count)), MOST_GOOD)

    @property
    def _prior_weight(self) -> float:
        return self.prior_weight

    def _together(self, factors: Sequence[Factor]) -> Sequence[Factor]:
        return factors[:1]  # each is alone, and any stands for all

    def _choices(self, pair: Pair, dice: random.Random) -> Iterator[Point]:
        good = pair.good
        columns = [
            pair.ranked([axis], [(good.draw(axis, good.pick(dice), dice),) for _ in self._draws])
            for axis in range(len(good.factors))
        ]
        values = [[value for (value,) in column] for column in columns]
        for places in best_combinations([[*column.values()] for column in columns]):
            yield tuple(entries[place] for entries, place in zip(values, places, strict=True))


def best_combinations(gains: Sequence[Sequence[float]]) -> Iterator[tuple[int, ...]]:
    """Places in some descending lists, one in each, those of the largest sum first; in the end all of them."""
    first = (0,) * len(gains)
    waiting, met = [(0.0, first)], {first}
    while waiting:
        lost, places = heapq.heappop(waiting)
        yield places
        for axis, place in enumerate(places):
            following = (*places[:axis], place + 1, *places[axis + 1 :])
            if place + 1 < len(gains[axis]) and following not in met:
                met.add(following)
                heapq.heappush(waiting, (lost + gains[axis][place] - gains[axis][place + 1], following))
