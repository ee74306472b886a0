"""What an algorithm is, and all that it may look at: typed points and losses, never a text, a trial or a message.

Everything around it is done elsewhere and for every algorithm alike: validation, history, seeds, distinct points,
finite spaces, formatting.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import ClassVar

from katib_domain.search_space import Point, SearchSpace

__all__ = ["Algorithm", "Observation", "Point", "Search", "SearchSpace"]


@dataclass(frozen=True)
class Observation:
    """A point and what it gave. A loss is finite, and smaller is better, whatever the Experiment asks for."""

    point: Point
    loss: float


@dataclass(frozen=True)
class Search:
    """The state of a search at the moment in which one more point is wanted.

    Points are in the order in which they were asked for, as far as the caller keeps that order.
    """

    space: SearchSpace
    observations: tuple[Observation, ...]
    """Trials that ended with a value."""
    failed: tuple[Point, ...]
    """Trials that ended without one."""
    pending: tuple[Point, ...]
    """Trials whose value is still to come, earlier points of the same reply included."""
    seen: AbstractSet[Point]
    """Every point that was ever handed out; a point that is in here will not be taken again."""
    issued: int
    """How many points were handed out before this one."""
    key: int
    """A number that is the same for all calls of one Experiment: for orders and sequences that outlive a call."""
    dice: random.Random
    """The randomness of this one point."""
    max_trial_count: int | None
    parallel_trial_count: int | None


@dataclass(frozen=True)
class Algorithm(ABC):
    """One way to search. Its settings are its fields (see `settings.setting`); it keeps nothing between calls."""

    seed_names: ClassVar[tuple[str, ...]] = ("random_state", "seed")
    """Settings that may hold the seed (U-10)."""
    complete: ClassVar[bool] = False
    """Whether its proposals are the whole search: when they end, so does the search, although there are more points."""

    @abstractmethod
    def propose(self, search: Search) -> Iterator[Point]:
        """Points worth trying next, best first: the first that is new is taken, the others are forgotten.

        The iterator may be endless, and may repeat points. Called anew for every single point; earlier points of
        the same reply are then pending. It must depend on `search` alone, so that a repeated call repeats its answer.
        """
