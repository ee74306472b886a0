"""tpe: tree-structured Parzen estimator, each parameter on its own (algorithms.md §6).

References: Bergstra, Bardenet, Bengio, Kégl, NeurIPS 2011; Bergstra, Yamins, Cox, ICML 2013; for pending trials Ginsbourger,
Le Riche, Carraro 2010 (constant liar).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from katib_domain.search_space import Continuous, Domain, Grid, Value
from katib_suggestion.parzen import LineDensity, ListDensity, ages, line_density, list_density
from katib_suggestion.search import Algorithm, Point, Search
from katib_suggestion.settings import setting

LONGEST_LIST = 256
MOST_GOOD = 25
# So many draws find what there is to find; more would only take time that others wait for (U-07).
MOST_CANDIDATES = 1000
SHARE = 0.1


@dataclass(frozen=True)
class TPE(Algorithm):
    """Values that are frequent among the best trials and rare among the others."""

    gamma: float | None = setting(None, above=0.0, below=1.0)
    """How many trials are the best: gamma times the root of their number; unset, a tenth of them. 25 at most."""
    prior_weight: float = setting(1.0, above=0.0)
    """How much the user's distribution counts beside one trial."""
    n_ei_candidates: int = setting(24, at_least=1, aliases=("n_EI_candidates",))
    """How many values are drawn, of which the most promising is taken. More than a thousand count as a thousand."""
    n_startup_trials: int = setting(10, at_least=0)
    """How many trials are drawn at random before anything is concluded from them."""

    def propose(self, search: Search) -> Iterator[Point]:
        if not search.known or len(search.known) + len(search.pending) < self.n_startup_trials:
            while True:
                yield search.space.sample(search.dice)
        good, bad = self._split(search)
        models = [
            _model(domain, [point[axis] for point in good], [point[axis] for point in bad], self.prior_weight)
            for axis, domain in enumerate(search.space.domains)
        ]
        candidates = min(self.n_ei_candidates, MOST_CANDIDATES)
        while True:
            yield tuple(model.choose(search.dice, candidates) for model in models)

    def _split(self, search: Search) -> tuple[list[Point], list[Point]]:
        """The best points, and the others; failed ones and those still running count as bad."""
        known = search.known
        count = len(known)
        share = SHARE * count if self.gamma is None else self.gamma * math.sqrt(count)
        best = min(math.ceil(share), MOST_GOOD)
        order = sorted(range(count), key=lambda index: known[index].loss)
        chosen = set(order[:best])
        good = [entry.point for index, entry in enumerate(known) if index in chosen]
        bad = [entry.point for index, entry in enumerate(known) if index not in chosen]
        return good, [*search.failed, *bad, *search.pending]


@dataclass(frozen=True)
class _Line:
    domain: Domain
    good: LineDensity
    bad: LineDensity

    def choose(self, dice: random.Random, candidates: int) -> Value:
        drawn = np.array([self.good.draw(dice) for _ in range(candidates)])
        gain = self.good.log_density(drawn) - self.bad.log_density(drawn)
        return self.domain.decode([float(drawn[int(gain.argmax())])])


@dataclass(frozen=True)
class _List:
    good: ListDensity
    bad: ListDensity

    def choose(self, dice: random.Random, candidates: int) -> Value:
        drawn = [self.good.draw(dice) for _ in range(candidates)]
        gain = self.good.logarithms - self.bad.logarithms
        return max(drawn, key=lambda index: float(gain[index]))


def _model(domain: Domain, good: Sequence[Value], bad: Sequence[Value], prior_weight: float) -> _Line | _List:
    weights = [ages(len(values)) for values in (good, bad)]
    if isinstance(domain, Continuous) or (isinstance(domain, Grid) and domain.size > LONGEST_LIST):
        places = [np.array([_place(domain, value) for value in values]) for values in (good, bad)]
        lines = [line_density(domain, *pair, prior_weight) for pair in zip(places, weights, strict=True)]
        return _Line(domain, *lines)
    lists = [
        list_density(domain, np.array(values, dtype=np.int64), weight, prior_weight)
        for values, weight in zip((good, bad), weights, strict=True)
    ]
    return _List(*lists)


def _place(domain: Continuous | Grid, value: Value) -> float:
    return domain.encode(value)[0] if isinstance(domain, Continuous) else domain.encode(int(value))[0]
