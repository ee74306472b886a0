"""The layer under all algorithms: asks one for points until enough are new, and ends a finite search (U-05, U-06)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice

from katib_suggestion.history import History
from katib_suggestion.permutation import Permutation
from katib_suggestion.randomness import Randomness
from katib_suggestion.search import Algorithm, Point, Search, SearchSpace

PATIENCE = 100
"""How many known points an algorithm may propose in a row before a new one is chosen for it."""
MOST_AT_ONCE = 1000
"""How many points one reply holds; whoever asked for more asks again."""


@dataclass(frozen=True)
class Budget:
    """How many trials the Experiment may make; None where it does not say."""

    max_trial_count: int | None
    parallel_trial_count: int | None


@dataclass(frozen=True)
class Task:
    """One search, as an Experiment describes it."""

    algorithm: Algorithm
    space: SearchSpace
    randomness: Randomness
    budget: Budget


def propose_points(task: Task, history: History, issued: int, wanted: int) -> list[Point]:
    """Up to `wanted` points, pairwise different and all of them new; fewer when there are no more."""
    seen = set(history.seen)
    search = Search(
        space=task.space,
        observations=tuple(history.observations),
        failed=tuple(history.failed),
        pending=tuple(history.pending),
        seen=seen,
        issued=issued,
        key=task.randomness.key,
        dice=task.randomness.dice(issued),
        max_trial_count=task.budget.max_trial_count,
        parallel_trial_count=task.budget.parallel_trial_count,
    )
    points: list[Point] = []
    while len(points) < min(wanted, MOST_AT_ONCE):
        point = find_new_point(task.algorithm, search)
        if point is None:
            break
        points.append(point)
        seen.add(point)
        count = issued + len(points)
        search = replace(search, pending=(*search.pending, point), issued=count, dice=task.randomness.dice(count))
    return points


def find_new_point(algorithm: Algorithm, search: Search) -> Point | None:
    """The first proposal that is new; None when every point is known, or the algorithm says that it is done."""
    size = search.space.size
    if size is not None and len(search.seen) >= size:
        return None
    proposals = algorithm.propose(search)
    if algorithm.complete:
        return next((point for point in proposals if point not in search.seen), None)
    for point in islice(proposals, PATIENCE):
        if point not in search.seen:
            return point
    return next((point for point in _leftovers(search) if point not in search.seen), None)


def _leftovers(search: Search) -> Iterator[Point]:
    """Points in some order: of a finite space all of them, otherwise a few draws."""
    size = search.space.size
    if size is None:
        return (search.space.sample(search.dice) for _ in range(PATIENCE))
    order = Permutation(size, search.dice.getrandbits(64))
    return (search.space.at(order[place]) for place in range(size))


def fill_up(points: Sequence[Point], history: History, wanted: int) -> list[Point]:
    """Strict count (U-06): known points until there are `wanted`, the best first, pending ones only when alone."""
    ranked = [entry.point for entry in sorted(history.observations, key=lambda entry: entry.loss)]
    known = ranked or history.failed or history.pending or list(points)
    missing = max(0, wanted - len(points))
    return [*points, *islice(cycle(dict.fromkeys(known)), missing)]
