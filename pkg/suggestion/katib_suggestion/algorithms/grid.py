"""grid: every point of the grid once, in a shuffled order (algorithms.md §5)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from katib_suggestion.permutation import Permutation
from katib_suggestion.search import Algorithm, Point, Search, SearchSpace


@dataclass(frozen=True)
class GridSearch(Algorithm):
    """The order is a permutation of the whole grid that stays the same from call to call; it is walked by counting."""

    complete: ClassVar[bool] = True

    def propose(self, search: Search) -> Iterator[Point]:
        sizes = grid_sizes(search.space, max(0, search.max_trial_count or 0))
        order = Permutation(math.prod(sizes), search.key)
        for place in range(search.issued, order.size):
            yield grid_point(search.space, sizes, order[place])
        if len(search.seen) >= search.issued:
            # Nothing is hidden from us, so whatever the order has passed and nobody has seen was lost on the way.
            for place in range(min(search.issued, order.size)):
                yield grid_point(search.space, sizes, order[place])


def grid_sizes(space: SearchSpace, max_trial_count: int) -> list[int]:
    """How many values each parameter has; doubles without a step share what the budget leaves, two at least (V11)."""
    counted = [domain.size for domain in space.domains if domain.size is not None]
    free = len(space.domains) - len(counted)
    share = _root(max_trial_count // math.prod(counted), free) if free else 0
    return [max(2, share) if domain.size is None else domain.size for domain in space.domains]


def _root(number: int, degree: int) -> int:
    """The largest whole number whose power is not above `number`."""
    root = int(number ** (1 / degree))
    return next(entry for entry in (root + 1, root, root - 1) if entry**degree <= number)


def grid_point(space: SearchSpace, sizes: Sequence[int], index: int) -> Point:
    """The point of the grid at an index; the last parameter varies fastest."""
    values: list[int | float] = []
    for domain, size in zip(reversed(space.domains), reversed(sizes), strict=True):
        index, place = divmod(index, size)
        values.append(domain.spread(place, size) if domain.size is None else place)
    return tuple(reversed(values))
