"""halton: as sobol, in the bases of the primes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from katib_suggestion.permutation import Permutation
from katib_suggestion.search import Algorithm, Point, Search
from katib_suggestion.sequences import halton_point

PATIENCE = 64
"""How many known points of a sequence are passed by for each parameter before a new one is looked for otherwise."""


@dataclass(frozen=True)
class Halton(Algorithm):
    """The randomized Halton sequence through the inverse distribution functions; nothing has to be known in advance.

    Behind the middle of the space it is scrambled: the plain sequence is of no use beyond a few parameters. Without a seed
    the second point is drawn, and the sequence scrambled by it. References: Halton 1960; Owen, arXiv:1706.02808.
    """

    def propose(self, search: Search) -> Iterator[Point]:
        return new_points(search, self.point, search.key)

    def point(self, search: Search, index: int) -> Point:
        width = len(search.space.domains)
        if not index:
            return search.space.from_unit([0.5] * width)
        lot = search.lot
        if lot is None:
            return search.space.sample(search.dice)
        return search.space.from_unit(halton_point(index - 1, width, lot))


def new_points(search: Search, place: Callable[[Search, int], Point], key: int) -> Iterator[Point]:
    """Points of a sequence from where it stands; then those of a finite space that it is slow to reach, in some order."""
    limit = PATIENCE * len(search.space.domains)
    for index in range(search.issued, search.issued + limit):
        found = place(search, index)
        if found not in search.seen:
            yield found
    size = search.space.size
    if size is not None:
        order = Permutation(size, key)
        yield from (point for place in range(size) if (point := search.space.at(order[place])) not in search.seen)
