"""cmaes: an evolution strategy that learns the shape of the valley (algorithms.md §9).

References: Hansen, arXiv:1604.00772; Auger & Hansen, CEC 2005 (ipop); Hansen, GECCO 2009 (bipop); Hamano et al., GECCO 2022
(integers) and GECCO 2024 (categories).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np

from katib_suggestion.axes import Axes
from katib_suggestion.evolution import Evolution, Vector, advanced, begun
from katib_suggestion.memory import digest
from katib_suggestion.randomness import steady_dice
from katib_suggestion.search import Algorithm, Point, Search, State
from katib_suggestion.sequences import sobol_point
from katib_suggestion.settings import setting

DEFAULT_STEP = 1 / 6
MOST_AT_ONCE = 2**16
"""The largest population that restarts grow to."""
Ended = tuple[Point, float]


@dataclass(frozen=True)
class Course:
    """The runs of one search: the one that goes on, and what those before it have used up."""

    state: Evolution
    large: int = 0
    """How often the population was doubled."""
    small: bool = False
    """Whether the run is one of the small ones of bipop."""
    used: int = 0
    """How many trials the run has had."""
    spent: tuple[int, int] = (0, 0)
    """How many trials the large and the small runs before it have had."""
    runs: int = 0

    def advanced(self, axes: Axes, generation: Sequence[Ended], key: int) -> Course:
        """The course after a generation; what is left of its state is nothing but a function of the trials."""
        dice = steady_dice(key, "places", self.runs, self.used)
        stretches = axes.stretches(self.state)
        places = np.array([axes.place(self.state, stretches, point, dice) for point, _ in generation])
        categories = [axes.categories(point) for point, _ in generation]
        state = advanced(self.state, places, categories, [loss for _, loss in generation])
        return replace(self, state=state, used=self.used + len(generation))


@dataclass(frozen=True)
class CMAES(Algorithm):
    """Draws around a mean that moves towards the better half of each generation of trials.

    Steps come from a sequence that fills the cube more evenly than chance does, so that a small generation looks in all
    directions (Teytaud & Gelly, GECCO 2007). Ints, doubles and discrete lists are numbers; constants are left out; categorical parameters learn the probabilities of
    their categories. The state is computed anew from the trials, in the order of their start: each `population` of them
    that have ended are a generation, failed ones as its worst. So whatever was lost, killed or added by others, it goes on.
    """

    lenient: ClassVar[bool] = True
    replays: ClassVar[bool] = True

    sigma: float = setting(0.0, at_least=0.0)
    """The first standard deviation, as a part of each range; 0 means 1/6."""
    restart_strategy: str = setting("none", choices=("none", "None", "ipop", "bipop"))
    """What follows a run that has come to its end: nothing, larger and larger runs, or large and small ones in turn."""

    def propose(self, search: Search) -> Iterator[Point]:
        axes = search.remembered("axes", lambda: Axes(search.space))
        state = self._replayed(search, axes).state
        if not search.issued:
            yield axes.middle(state)
        cube = sobol_point(search.issued + 1, len(axes.numbers), search.scrambling)
        yield from axes.drawn(state, axes.stretches(state), cube, search.dice)

    def _replayed(self, search: Search, axes: Axes) -> Course:
        """Where the search stands after every whole generation of the trials that have ended.

        It is remembered by what it followed from: a longer history costs its last generation, and not all of them.
        """
        ended = [
            (entry.point, math.inf if entry.observation is None else entry.observation.loss)
            for entry in search.trials
            if entry.point is not None and entry.state is not State.PENDING
        ]
        best = min(search.elsewhere, key=lambda entry: entry.loss, default=None)
        course = self._first(axes, None if best is None else best.point)
        content = digest("cmaes", repr(self), repr(search.space), search.key, None if best is None else best.point)
        start = 0
        while start + course.state.population <= len(ended):
            generation = tuple(ended[start : start + course.state.population])
            start += len(generation)
            content = digest(content, generation)
            following = partial(self._next, course, axes, generation, search.key)
            course = search.remembered_by(content, following)
        return course

    def _first(self, axes: Axes, best: Point | None) -> Course:
        """Begins in the middle, or where another experiment was best."""
        mean = np.full(len(axes.numbers), 0.5) if best is None else np.array(axes.centers(best))
        return Course(self._begun(axes, mean, axes.usual_population, 1.0))

    def _begun(self, axes: Axes, mean: Vector, population: int, scale: float) -> Evolution:
        return begun(mean, (self.sigma or DEFAULT_STEP) * scale, population, axes.sizes)

    def _next(self, course: Course, axes: Axes, generation: Sequence[Ended], key: int) -> Course:
        course = course.advanced(axes, generation, key)
        if self.restart_strategy.lower() == "none" or not course.state.ended():
            return course
        dice = steady_dice(key, "restart", course.runs)
        mean = np.array([dice.random() for _ in axes.numbers])
        large, small = course.spent
        spent = (large, small + course.used) if course.small else (large + course.used, small)
        following = replace(course, used=0, spent=spent, runs=course.runs + 1)
        if self.restart_strategy == "bipop" and spent[1] < spent[0] and course.runs:
            ratio, u = 2**course.large / 2, dice.random()
            population = max(axes.usual_population, int(axes.usual_population * ratio ** (u * u)))
            return replace(following, small=True, state=self._begun(axes, mean, population, 10 ** (-2 * dice.random())))
        population = min(MOST_AT_ONCE, axes.usual_population * 2 ** (course.large + 1))
        return replace(following, small=False, large=course.large + 1, state=self._begun(axes, mean, population, 1.0))
