"""`pbt`: a population trains in short turns; the bad take over from the good, and all try something beside (algorithms.md §12).

Each member of a generation goes on from a checkpoint: its own, or that of a better one. Names, draws and descent follow
from the Experiment and the place in the population, so that nothing need be kept between calls.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import ClassVar

from katib_apis.v1beta1 import names
from katib_suggestion.algorithms.perturbation import perturbed, resampled
from katib_suggestion.algorithms.population import LATE, Generation, Member, Naming, Population, read_population
from katib_suggestion.algorithms.random_search import RandomSearch
from katib_suggestion.problem import Problem
from katib_suggestion.proposals import propose_points
from katib_suggestion.search import Answer, Observation, Point, Scheduler, Search, Suggestion
from katib_suggestion.settings import required, setting, shown

Valued = tuple[Member, Observation]


@dataclass(frozen=True)
class PopulationBasedTraining(Scheduler):
    """Exploits and explores generation by generation."""

    suggestion_trial_dir: str = required()
    n_population: int = required(at_least=5)
    truncation_threshold: float = required(at_least=0.0, at_most=1.0)
    resample_probability: float | None = setting(None, at_least=0.0, at_most=1.0)
    lenient: ClassVar[bool] = True
    checkpoints: ClassVar[bool] = True

    def objections(self, problem: Problem) -> Iterator[str]:
        if not self.suggestion_trial_dir.startswith("/"):
            yield (
                f"spec.algorithm.algorithmSettings: setting suggestion_trial_dir: {shown(self.suggestion_trial_dir)} "
                "is no absolute path: give the directory in which trials find their checkpoints, such as /checkpoints"
            )

    def schedule(self, search: Search) -> Answer:
        naming = Naming(search.experiment, search.steady_dice("names").getrandbits(64), search.issued)
        population = read_population(naming, search, self.n_population)
        turn = _Turn(self, search, naming, population)
        return Answer(tuple(islice(turn.suggest(), max(0, search.wanted))))

    def explore(self, search: Search, point: Point, dice: random.Random) -> Point:
        """Hyperparameters beside those of a member."""
        if self.resample_probability is None:
            return perturbed(search.space, point, dice)
        return resampled(search.space, point, self.resample_probability, dice)


class _Turn:
    """New members of the current generation: first those that failed, again, then new places without an end."""

    def __init__(self, pbt: PopulationBasedTraining, search: Search, naming: Naming, population: Population) -> None:
        self._pbt, self._search, self._naming = pbt, search, naming
        self._generation, self._complete = population.current, population.complete
        self._descent = Descent(population.pool(self._generation.number), pbt.truncation_threshold)
        self._taken = {trial.name for trial in search.trials}

    def suggest(self) -> Iterator[Suggestion]:
        if self._complete:  # otherwise they may have been tried again already
            yield from self._again()
        yield from self._first() if not self._descent.pool.members else self._next()

    def _again(self) -> Iterator[Suggestion]:
        """Failed members with the same hyperparameters, generation and parent (D-42)."""
        for member in self._generation.failed:
            place, point = member.place, member.trial.point
            assert place is not None and point is not None
            parent = member.parent
            if not parent and self._descent.pool.members:
                parent = self._descent.parent(place, self._dice(place)).trial.name
            yield self._member(point, self._naming.name(self._generation.number, place, member.attempt + 1), parent)

    def _first(self) -> Iterator[Suggestion]:
        """Members without a parent: new points, and when there are no more, known ones."""
        new = propose_points(RandomSearch(), self._search)
        for place, name in self._free_names():
            point = new.pop(0) if new else self._search.space.sample(self._dice(place))
            yield self._member(point, name)

    def _next(self) -> Iterator[Suggestion]:
        """Members that descend from the generation before."""
        for place, name in self._free_names():
            dice = self._dice(place)
            parent = self._descent.parent(place, dice)
            assert parent.trial.point is not None
            yield self._member(self._pbt.explore(self._search, parent.trial.point, dice), name, parent.trial.name)

    def _free_names(self) -> Iterator[tuple[int, str]]:
        for place in count(0 if self._complete else LATE + self._search.issued):
            name = self._naming.name(self._generation.number, place)
            if place not in self._generation.places and name not in self._taken:
                self._taken.add(name)
                yield place, name

    def _dice(self, place: int) -> random.Random:
        return self._search.steady_dice("member", self._generation.number, place)

    def _member(self, point: Point, name: str, parent: str = "") -> Suggestion:
        labels = {names.LABEL_PBT_GENERATION: str(self._generation.number)}
        if parent:
            labels[names.LABEL_PBT_PARENT] = parent
        return Suggestion(point, name=name, labels=labels, checkpoint=True, parent=parent)


class Descent:
    """Who goes on from whom: a place goes on from its own member, or from one of the best if that one was bad (D-39)."""

    def __init__(self, pool: Generation, threshold: float) -> None:
        self.pool = pool
        losses = [observation.loss for _, observation in pool.valued]
        worst = quantile(losses, 1 - threshold) if losses else 0.0
        best = quantile(losses, threshold) if losses else 0.0
        self._kept = {
            pool.turn(member.place): member
            for member, seen in reversed(pool.valued)
            if member.place is not None and seen.loss <= worst
        }
        self._donors = [member for member, seen in pool.valued if seen.loss <= min(best, worst)]

    def parent(self, place: int, dice: random.Random) -> Member:
        """The member from which the one at a place of the next generation goes on."""
        return self._kept.get(self.pool.turn(place)) or self._donors[int(dice.random() * len(self._donors))]


def quantile(ascending: list[float], part: float) -> float:
    """A quantile of sorted numbers, by linear interpolation."""
    place = part * (len(ascending) - 1)
    below = int(place)
    if below == place:
        return ascending[below]
    # Never less than the number below, however it is rounded: somebody is always among the best.
    return ascending[below] + (place - below) * (ascending[below + 1] - ascending[below])
