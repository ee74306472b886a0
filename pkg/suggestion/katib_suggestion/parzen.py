"""Parzen estimators: how densely some trials lie, as a mixture of kernels around them and of the user's distribution.

A kernel has one factor for each parameter; a mixture is asked either for one parameter at a time or for all of them
together. References: Bergstra, Bardenet, Bengio, Kégl, NeurIPS 2011; Falkner, Klein, Hutter, ICML 2018; Watanabe,
arXiv:2304.11127.
"""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from katib_domain.search_space import Continuous, Domain, Finite, Grid, Nominal, Ordinal, SearchSpace, Value
from katib_suggestion.bounded import TINY, Vector, between, probabilities
from katib_suggestion.search import Point
from katib_suggestion.surrogates.axes import Axis

LATEST = 25
FINEST = 100
"""No gap counts as smaller than this part of a range."""
LONGEST_GRID = 256
"""Longer grids are treated as if they had no steps."""


@dataclass(frozen=True)
class Breadth:
    """How far kernels reach."""

    width: float
    """A part of a range."""
    reach: float | None = None
    """Of numbers without steps instead: this part of the way to the trials beside them."""
    choices: int = 1
    """Over how many parameters without an order a draw from one kernel is to change one value."""


def ages(count: int) -> Vector:
    """Weights of trials from old to new: the latest count fully, older ones the less the older they are."""
    ramp = np.linspace(1.0 / count, 1.0, count - LATEST) if count > LATEST else np.ones(0)
    return np.concatenate([ramp, np.ones(min(count, LATEST))])


def gaps(places: Vector) -> Vector:
    """How far each place is from the farther one of its neighbours; from the only one when it is the first or the last.

    A lone place has the ends of the range beside it. No gap counts as smaller than even ones would be: places that
    coincide say little about how exactly the best value is known.
    """
    order = np.argsort(places, kind="stable")
    line = np.concatenate([[0.0], places[order], [1.0]])
    spaces = np.diff(line)
    if len(places) > 1:
        spaces[[0, -1]] = 0.0
    found = np.empty(len(places))
    found[order] = np.maximum(spaces[:-1], spaces[1:])
    return np.maximum(found, 1 / min(FINEST, len(places) + 1))


@dataclass(frozen=True)
class Line:
    """A factor for numbers without steps: a normal density on the model coordinate, cut at the ends of the range."""

    domain: Continuous | Grid

    def places(self, values: Sequence[Value]) -> Vector:
        return Axis(self.domain).encode_all(values)

    def widths(self, places: Vector, breadth: Breadth) -> Vector:
        """The same for each kernel, or a part of the way to its neighbours."""
        return np.full(len(places), breadth.width) if breadth.reach is None else breadth.reach * gaps(places)

    def draw(self, place: float, width: float, dice: random.Random) -> Value:
        return self.domain.decode([between(place, width, 0.0, 1.0, dice.random())])

    def heights(self, values: Sequence[Value], places: Vector, widths: Vector) -> Vector:
        """The density of each value (a row) under the kernel at each place (a column)."""
        coordinates = self.places(values)
        shifts = (coordinates[:, None] - places) / widths
        inside = probabilities((1.0 - places) / widths) - probabilities(-places / widths)
        return np.asarray(np.exp(-0.5 * shifts * shifts) / (inside * widths * math.sqrt(2 * math.pi)))

    def prior(self, values: Sequence[Value]) -> Vector:
        return np.array([self.domain.distribution.density(place) for place in self.places(values).tolist()])


@dataclass(frozen=True)
class Steps:
    """A factor for few numbers in their order: the probability of the cell around each, as of a line."""

    domain: Grid | Ordinal

    @cached_property
    def _places(self) -> Vector:
        return np.array([self.domain.encode(index)[0] for index in range(self.domain.size)])

    @cached_property
    def _edges(self) -> Vector:
        """Where cells begin, and where the last one ends."""
        inner = (self._places[1:] + self._places[:-1]) / 2
        first, last = self._places[[0, -1]]
        return np.concatenate([[2 * first - inner[0]], inner, [2 * last - inner[-1]]])

    @cached_property
    def _priors(self) -> Vector:
        return np.array([self.domain.weight(index) for index in range(self.domain.size)])

    def places(self, values: Sequence[Value]) -> Vector:
        return np.asarray(self._places[np.array(values, dtype=np.int64)])

    def widths(self, places: Vector, breadth: Breadth) -> Vector:
        """A kernel reaches the next values, however many trials there are."""
        return np.full(len(places), max(breadth.width, 1 / (self.domain.size - 1)))

    def draw(self, place: float, width: float, dice: random.Random) -> Value:
        return self.domain.decode([between(place, width, float(self._edges[0]), float(self._edges[-1]), dice.random())])

    def heights(self, values: Sequence[Value], places: Vector, widths: Vector) -> Vector:
        """The probability of each value (a row) under the kernel at each place (a column)."""
        indexes = np.array(values, dtype=np.int64)
        below = probabilities((self._edges[indexes][:, None] - places) / widths)
        above = probabilities((self._edges[indexes + 1][:, None] - places) / widths)
        inside = probabilities((self._edges[-1] - places) / widths) - probabilities((self._edges[0] - places) / widths)
        return np.asarray((above - below + 1e-12) / inside)

    def prior(self, values: Sequence[Value]) -> Vector:
        return np.asarray(self._priors[np.array(values, dtype=np.int64)])


@dataclass(frozen=True)
class Choices:
    """A factor for values without an order: all alike but the one that was seen; its width is what the others share."""

    domain: Finite

    def places(self, values: Sequence[Value]) -> Vector:
        return np.array(values, dtype=np.float64)

    def widths(self, places: Vector, breadth: Breadth) -> Vector:
        """The fewer trials there are, the less they say about values that were not seen."""
        return np.full(len(places), self.domain.size / (self.domain.size + len(places)) / breadth.choices)

    def draw(self, place: float, width: float, dice: random.Random) -> Value:
        return self.domain.from_unit(dice.random()) if dice.random() < width else int(place)

    def heights(self, values: Sequence[Value], places: Vector, widths: Vector) -> Vector:
        """The probability of each value (a row) under the kernel at each place (a column)."""
        others = widths / self.domain.size
        return np.where(np.array(values)[:, None] == places, 1 - widths + others, others)

    def prior(self, values: Sequence[Value]) -> Vector:
        return np.full(len(values), 1 / self.domain.size)


Factor = Line | Steps | Choices


def factor_of(domain: Domain) -> Factor:
    """How a parameter enters a kernel; the only value of a constant is a choice among one."""
    if isinstance(domain, Continuous) or (isinstance(domain, Grid) and domain.size > LONGEST_GRID):
        return Line(domain)
    return Choices(domain) if isinstance(domain, Nominal) or domain.size == 1 else Steps(domain)


class Factors:
    """The factors of a space, and the places of points on them."""

    def __init__(self, space: SearchSpace) -> None:
        self.all = [factor_of(domain) for domain in space.domains]

    def places(self, points: Sequence[Point]) -> Vector:
        """A row for each point."""
        if not points:
            return np.empty((0, len(self.all)))
        columns = zip(self.all, zip(*points, strict=True), strict=True)
        return np.stack([factor.places(values) for factor, values in columns], axis=1)


class Mixture:
    """The density of some points, from old to new; the prior is the last component.

    Kernels of lines are all of one width, or each reaches that part of the way to the points beside it.
    """

    def __init__(self, factors: Factors, places: Vector, breadth: Breadth, prior_weight: float) -> None:
        self.factors = factors.all
        self.places = places
        columns = zip(self.factors, places.T, strict=True)
        self.widths = [factor.widths(column, breadth) for factor, column in columns]
        weights = np.append(ages(len(places)), prior_weight)
        self.weights = weights / weights.sum()
        self._sums: list[float] = np.cumsum(self.weights).tolist()

    def draw(self, axis: int, component: int, dice: random.Random) -> Value:
        """A value of one parameter, under one component."""
        factor = self.factors[axis]
        if component == len(self.places):
            return factor.domain.from_unit(dice.random())
        return factor.draw(float(self.places[component, axis]), float(self.widths[axis][component]), dice)

    def pick(self, dice: random.Random) -> int:
        """A component, each as often as its weight says."""
        return min(bisect.bisect_right(self._sums, dice.random() * self._sums[-1]), len(self.places))

    def log_density(self, axes: Sequence[int], columns: Sequence[Sequence[Value]]) -> Vector:
        """The logarithm of the density over some parameters together; a column of values for each."""
        prior = np.full(len(columns[0]), self.weights[-1])
        heights = np.broadcast_to(self.weights[:-1], (len(prior), len(self.places)))
        for axis, values in zip(axes, columns, strict=True):
            factor = self.factors[axis]
            heights = heights * factor.heights(values, self.places[:, axis], self.widths[axis])
            prior = prior * factor.prior(values)
        return np.asarray(np.log(heights.sum(axis=1) + prior + TINY))
