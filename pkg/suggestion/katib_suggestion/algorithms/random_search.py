"""random: points drawn from the distributions that the user gave (algorithms.md §4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from katib_suggestion.search import Algorithm, Point, Search


@dataclass(frozen=True)
class RandomSearch(Algorithm):
    """Draws until a draw is new; it learns nothing."""

    def propose(self, search: Search) -> Iterator[Point]:
        while True:
            yield search.space.sample(search.dice)
