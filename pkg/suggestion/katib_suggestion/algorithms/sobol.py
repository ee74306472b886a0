"""sobol: points that fill the space more evenly than chance does (algorithms.md §10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from katib_suggestion.algorithms.halton import new_points
from katib_suggestion.search import Algorithm, Point, Search
from katib_suggestion.sequences import sobol_point
from katib_suggestion.settings import LARGEST_SEED, setting


@dataclass(frozen=True)
class Sobol(Algorithm):
    """The Sobol' sequence through the inverse distribution functions, its position counted by what was handed out.

    It begins in the middle of the space, the place of point 1; point 0 of the plain sequence is a corner. Scrambled, it is as
    good as any, and goes first behind the middle: without it no power of two of points would be even. References: Sobol'
    1967; Joe & Kuo, SIAM J. Sci. Comput. 30 (2008) 2635-2654; Matoušek 1998 (scrambling); Owen, arXiv:2008.08051.
    """

    seed_names: ClassVar[tuple[str, ...]] = ()
    lenient: ClassVar[bool] = True

    random_state: int | None = setting(None, at_least=0, at_most=LARGEST_SEED)
    """Scrambles all points but the first; unset, every search of a space is the same."""

    def propose(self, search: Search) -> Iterator[Point]:
        return new_points(search, self.point, self.random_state or 0)

    def point(self, search: Search, index: int) -> Point:
        width = len(search.space.domains)
        if self.random_state is None or not index:
            return search.space.from_unit(sobol_point(index + 1, width))
        return search.space.from_unit(sobol_point(index - 1, width, self.random_state))
