"""`hyperband`: many configurations with little of a resource, few with much of it (algorithms.md §11).

Nothing waits: a place is given out as soon as it is ready, and while none is, the next bracket begins (D-30). What became
of the brackets is read from the trials: from the labels that they were given and, where those were lost, from their
resource, since each depth begins with another one. So a lost reply, a restart and a deleted trial leave a free place.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import ClassVar

from katib_apis.v1beta1 import names
from katib_suggestion.algorithms.brackets import Plan
from katib_suggestion.algorithms.halton import new_points
from katib_suggestion.problem import Problem
from katib_suggestion.proposals import propose_points
from katib_suggestion.search import Algorithm, Answer, Point, Scheduler, Search, State, Suggestion, Trial
from katib_suggestion.sequences import sobol_point
from katib_suggestion.settings import required, setting

BASE = 3
NUMBER = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class Spread(Algorithm):
    """New configurations: a scrambled Sobol' sequence, which counts them alone.

    So all brackets together cover the space more evenly than chance does, and none looks where another has looked.
    """

    def propose(self, search: Search) -> Iterator[Point]:
        return new_points(search, self.point, search.key)

    def point(self, search: Search, index: int) -> Point:
        return search.space.from_unit(sobol_point(index, len(search.space.domains), search.scrambling))


def _position(search: Search) -> int:
    """Where the sequence stands: how many configurations there were.

    A caller may leave trials out of its request, and then nobody knows. The number of suggestions is beyond all places that
    were ever given.
    """
    return len(search.seen) if len(search.trials) >= search.issued else search.issued


@dataclass
class Bracket:
    """What became of a bracket: its trials by rung and configuration."""

    number: int
    depth: int
    rungs: list[dict[Point, Trial]] = field(default_factory=list)

    def put(self, rung: int, trial: Trial) -> None:
        """Count a trial; of two with one configuration in one rung, the one that has a value."""
        assert trial.point is not None
        known = self._rung(rung).get(trial.point)
        if known is None or (known.state is not State.OBSERVED and trial.state is State.OBSERVED):
            self._rung(rung)[trial.point] = trial

    def _rung(self, place: int) -> dict[Point, Trial]:
        while len(self.rungs) <= place:
            self.rungs.append({})
        return self.rungs[place]

    def held(self, rung: int) -> dict[Point, Trial]:
        """The trials of a rung."""
        return self.rungs[rung] if rung < len(self.rungs) else {}

    def is_over(self, rung: int, places: int) -> bool:
        """Whether all of a rung have ended. One that has been promoted from is over, whatever is missing there now."""
        if self.held(rung + 1):
            return True
        trials = self.held(rung).values()
        return len(trials) >= places and all(trial.state is not State.PENDING for trial in trials)

    def best(self, rung: int, count: int) -> list[Point]:
        """The configurations with the best values; fewer when fewer have one (D-31)."""
        seen = [trial.observation for trial in self.held(rung).values() if trial.observation is not None]
        return [entry.point for entry in sorted(seen, key=lambda entry: (entry.loss, entry.point))[:count]]


@dataclass(frozen=True)
class Hyperband(Scheduler):
    """Successive halving with several trade-offs between how many and how long."""

    r_l: float = required(above=0.0)
    resource_name: str = required()
    eta: float | None = setting(None)
    note_names: ClassVar[tuple[str, ...]] = ("s_max", "b_l", "r", "n", "current_s", "current_i", "evaluating_trials")
    lenient: ClassVar[bool] = True

    @property
    def resource(self) -> str:
        return self.resource_name

    @property
    def plan(self) -> Plan:
        return Plan(Fraction(str(self.r_l)), int(self.eta) if self.eta is not None and self.eta > 0 else BASE)

    def objections(self, problem: Problem) -> Iterator[str]:
        if self.eta is not None and self.eta > 0 and not (self.eta >= 2 and self.eta.is_integer()):
            yield f"spec.algorithm.algorithmSettings: setting eta: '{self.eta}' is not a whole number at least 2"

    def advice(self, problem: Problem) -> Iterator[str]:
        parallel, first = problem.budget.parallel_trial_count, self.plan.rung(self.plan.widest, 0).places
        if parallel is not None and parallel < first:
            yield (
                f"spec.parallelTrialCount: {parallel} is less than the {first} places of the first rung, "
                "which therefore takes several rounds"
            )

    def schedule(self, search: Search) -> Answer:
        plan = self.plan
        filling = _Filling(plan, read_brackets(plan, search), search)
        suggestions = tuple(filling.take())
        return Answer(suggestions, self._state(plan, filling.last, filling.rung) if suggestions else {})

    def _state(self, plan: Plan, bracket: int, rung: int) -> Mapping[str, str]:
        """The ten settings that are written back, of the bracket that was opened last."""
        depth = plan.depth(bracket)
        eta = str(BASE) if self.eta is None else str(float(plan.base))
        return {
            "eta": eta,
            "s_max": str(plan.widest),
            "r_l": str(self.r_l),
            "b_l": _text((plan.widest + 1) * plan.most),
            "r": _text(plan.start(depth)),
            "n": str(plan.rung(depth, 0).places),
            "current_s": str(depth),
            "current_i": str(rung),
            "resource_name": self.resource_name,
            "evaluating_trials": str(plan.rung(depth, rung).places if rung < depth else 0),
        }


def _text(number: Fraction) -> str:
    """A number as a setting; one that no double holds as a whole one."""
    return str(float(number)) if number <= Fraction(sys.float_info.max) else str(math.floor(number))


def read_brackets(plan: Plan, search: Search) -> dict[int, Bracket]:
    """The brackets that the trials belong to; trials of no place in the plan are left out (U-02)."""
    brackets: dict[int, Bracket] = {}
    homes = _homes(plan, search)
    rungs: dict[int, Mapping[float, int]] = {}
    for trial in search.trials:
        number = homes.get(trial.point) if trial.point is not None else None
        if number is None:
            continue
        depth = plan.depth(number)
        if depth not in rungs:
            rungs[depth] = {plan.rung(depth, place).resource: place for place in range(depth + 1)}
        rung = rungs[depth].get(trial.resource or 0.0)
        if rung is not None:
            brackets.setdefault(number, Bracket(number, depth)).put(rung, trial)
    return brackets


def _homes(plan: Plan, search: Search) -> dict[Point, int]:
    """The bracket of each configuration: by its label, else by the least resource that it ever had, in order."""
    homes: dict[Point, int] = {}
    least: dict[Point, float] = {}
    for trial in search.trials:
        if trial.point is None or trial.resource is None:
            continue
        label = trial.labels.get(names.LABEL_HYPERBAND_BRACKET, "")
        # No bracket is opened before the ones that precede it are full: a number beyond is not from here.
        if NUMBER.fullmatch(label) and int(label) <= len(search.trials):
            homes.setdefault(trial.point, int(label))
        least[trial.point] = min(trial.resource, least.get(trial.point, trial.resource))
    taken = Counter(homes.values())
    free: dict[int, Iterator[int]] = {}
    for point, resource in least.items():
        depth = plan.depths.get(resource)
        if point not in homes and depth is not None:
            homes[point] = next(free.setdefault(depth, _free_places(plan, depth, taken)))
    return homes


def _free_places(plan: Plan, depth: int, taken: Mapping[int, int]) -> Iterator[int]:
    """The brackets of a depth, each as often as it has places that no label names."""
    bracket, places = plan.first_with(depth), plan.rung(depth, 0).places
    while True:
        for _ in range(places - taken[bracket]):
            yield bracket
        bracket += plan.widest + 1


class _Filling:
    """Gives out free places, in the order of the plan, until there are as many as are wanted."""

    def __init__(self, plan: Plan, brackets: Mapping[int, Bracket], search: Search) -> None:
        self.last = max(brackets, default=0)
        self.rung = len(brackets[self.last].rungs) - 1 if brackets else 0
        self._plan, self._brackets, self._search = plan, brackets, search
        self._wanted = max(0, search.wanted)
        self._fresh: list[Point] | None = None
        self._exhausted = False

    def take(self) -> Iterator[Suggestion]:
        number = 0
        while self._wanted and (number <= self.last or not self._exhausted):
            yield from self._fill(self._brackets.get(number) or Bracket(number, self._plan.depth(number)))
            number += 1

    def _fill(self, bracket: Bracket) -> Iterator[Suggestion]:
        for place in range(bracket.depth + 1):
            rung = self._plan.rung(bracket.depth, place)
            points, places = (
                self._begin(bracket, rung.places) if place == 0 else self._go_on(bracket, place, rung.places)
            )
            for point in points:
                self.last, self.rung = max((self.last, self.rung), (bracket.number, place))
                labels = {names.LABEL_HYPERBAND_BRACKET: str(bracket.number), names.LABEL_HYPERBAND_RUNG: str(place)}
                yield Suggestion(point, rung.resource, labels=labels)
            if points or not bracket.is_over(place, places):
                return

    def _begin(self, bracket: Bracket, places: int) -> tuple[list[Point], int]:
        """New configurations for the free places of the first rung, and how many it has in all: fewer in a small space."""
        held = len(bracket.held(0))
        if bracket.held(1):
            return [], held
        points = self._new(min(self._wanted, max(0, places - held)))
        return points, held + len(points) if self._exhausted else places

    def _go_on(self, bracket: Bracket, place: int, places: int) -> tuple[list[Point], int]:
        """The best of the rung before for the free places of a rung, and how many it has: fewer after failures (D-31)."""
        held = bracket.held(place)
        best = bracket.best(place - 1, places)
        points = [point for point in best if point not in held][: min(self._wanted, max(0, places - len(held)))]
        self._wanted -= len(points)
        return points, min(places, max(len(best), len(held)))

    def _new(self, count: int) -> list[Point]:
        """Configurations that were never tried; fewer when there are no more (U-06)."""
        if self._fresh is None and count:
            search = replace(self._search, wanted=self._wanted, issued=_position(self._search))
            self._fresh = propose_points(Spread(), search)
        fresh = self._fresh or []
        points, self._fresh = fresh[:count], fresh[count:] if count else self._fresh
        self._exhausted = self._exhausted or len(points) < count
        self._wanted -= len(points)
        return points
