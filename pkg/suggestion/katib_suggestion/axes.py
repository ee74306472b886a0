"""A search space as an evolution strategy sees it: numbers in the unit cube, and categories beside it.

The values of a grid or an ordered list are cells of the cube, as wide as they are likely; so the ends are not halved.
Reference: Hamano, Saito, Nomura, Shirakawa, GECCO 2022 (a margin keeps neighbouring cells within reach).
"""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from katib_domain.search_space import Continuous, Nominal, SearchSpace, Value
from katib_suggestion.bounded import STANDARD, between
from katib_suggestion.evolution import Evolution
from katib_suggestion.search import Point

SMALLEST = 1e-9
TRIES = 100
"""How often a place outside the cube is drawn again before it is moved to its border."""
FINENESS = 2.0**40
"""Places are rounded to this part: where linear algebra rounds differently, the last digits do, and no others."""


@dataclass(frozen=True)
class Axes:
    """Which parameters are numbers and which are categories; constants are neither."""

    space: SearchSpace

    @cached_property
    def numbers(self) -> list[int]:
        return [
            i for i, domain in enumerate(self.space.domains) if domain.size != 1 and not isinstance(domain, Nominal)
        ]

    @cached_property
    def nominal(self) -> list[int]:
        return [i for i, domain in enumerate(self.space.domains) if domain.size != 1 and isinstance(domain, Nominal)]

    @cached_property
    def sizes(self) -> list[int]:
        """How many categories each categorical parameter has."""
        return [self.space.domains[axis].size or 1 for axis in self.nominal]

    @cached_property
    def usual_population(self) -> int:
        return 4 + int(3 * math.log(max(1, len(self.numbers))))

    def categories(self, point: Point) -> list[int]:
        return [int(point[axis]) for axis in self.nominal]

    def centers(self, point: Point) -> list[float]:
        """The place of a point, in the middle of its cells."""
        return [self.space.domains[axis].to_unit(point[axis]) for axis in self.numbers]  # type: ignore[arg-type]

    def cell(self, axis: int, value: Value) -> tuple[float, float]:
        """Where the places of a value begin and end; the same for a number that has no neighbours."""
        domain = self.space.domains[axis]
        center = domain.to_unit(value)  # type: ignore[arg-type]
        half = 0.0 if isinstance(domain, Continuous) else domain.weight(int(value)) / 2
        return center - half, center + half

    def stretches(self, state: Evolution) -> list[float]:
        """By how much draws are widened in each dimension, so that it is not given up before the others are.

        A cell is left with a probability of one in so many draws as there are in a generation, times the dimensions.
        """
        reach = STANDARD.inv_cdf(1 - 1 / max(4, state.population * len(self.numbers)))
        found = []
        for place, axis, deviation in zip(state.mean.tolist(), self.numbers, state.deviations.tolist(), strict=True):
            domain = self.space.domains[axis]
            if isinstance(domain, Continuous):
                found.append(1.0)
                continue
            low, high = self.cell(axis, domain.from_unit(place))
            ends = [abs(place - end) for end in (low, high) if 1e-9 < end < 1 - 1e-9]
            found.append(max(1.0, min(ends, default=0.0) / (reach * max(deviation, 1e-300))))
        return found

    def place(self, state: Evolution, stretches: Sequence[float], point: Point, dice: random.Random) -> list[float]:
        """A place that a point may have been drawn at: in its cells, as likely as the state says."""
        found = []
        for number, axis in enumerate(self.numbers):
            low, high = self.cell(axis, point[axis])
            place = low
            if low < high:
                mean, deviation = float(state.mean[number]), float(state.deviations[number]) * stretches[number]
                place = between(mean, deviation, low, high, dice.random())
                place = mean + (place - mean) / stretches[number]
            found.append(place)
        return found

    def middle(self, state: Evolution) -> Point:
        """The point at the mean of a run, with the category in the middle of each list."""
        return self._point(state.mean.tolist(), [size // 2 for size in self.sizes])

    def drawn(
        self, state: Evolution, stretches: Sequence[float], cube: Sequence[float], dice: random.Random
    ) -> Iterator[Point]:
        """Points of the next generation: the first from a place in the unit cube, later ones at random."""
        spread = (state.step * np.array(stretches))[:, None] * state.factor
        normal = [STANDARD.inv_cdf(min(max(u, SMALLEST), 1 - SMALLEST)) for u in cube]
        while True:
            for _ in range(TRIES):
                place = state.mean + spread @ np.array(normal)
                normal = [dice.gauss() for _ in self.numbers]
                if ((place >= 0) & (place <= 1)).all():
                    break
            chosen = [_pick(chances.tolist(), dice) for chances in state.chances]
            yield self._point(np.clip(place, 0.0, 1.0).tolist(), chosen)

    def _point(self, place: Sequence[float], categories: Sequence[int]) -> Point:
        values: list[Value] = [0] * len(self.space.domains)
        for axis, x in zip(self.numbers, place, strict=True):
            values[axis] = self.space.domains[axis].from_unit(round(x * FINENESS) / FINENESS)
        for axis, category in zip(self.nominal, categories, strict=True):
            values[axis] = category
        return tuple(values)


def _pick(shares: Sequence[float], dice: random.Random) -> int:
    sums = list(accumulate(shares))
    return min(bisect.bisect_right(sums, dice.random() * sums[-1]), len(sums) - 1)
