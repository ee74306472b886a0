"""multivariate-tpe: as tpe, but with densities over all parameters together (algorithms.md §7).

References: Falkner, Klein, Hutter (BOHB), ICML 2018, section 3.2; Watanabe, arXiv:2304.11127.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from katib_suggestion.algorithms.tpe import Pair, ParzenSearch
from katib_suggestion.parzen import Factor
from katib_suggestion.search import Point


@dataclass(frozen=True)
class MultivariateTPE(ParzenSearch):
    """Chooses among whole points, so it sees which values are good together; each is drawn near one good trial."""

    breadth: ClassVar[float] = 0.05

    def _together(self, factors: Sequence[Factor]) -> Sequence[Factor]:
        return factors

    def _choices(self, pair: Pair, dice: random.Random) -> Iterator[Point]:
        good = pair.good
        axes = range(len(good.factors))
        candidates = []
        for _ in self._draws:
            component = good.pick(dice)
            candidates.append(tuple(good.draw(axis, component, dice) for axis in axes))
        yield from pair.ranked(axes, candidates)
