"""What an algorithm is, and all that it may look at: typed points and losses, never a text or a message.

There are two kinds. An `Algorithm` names points, and inherits all the rest: validation, history, seeds, distinct points,
finite spaces, formatting. A `Scheduler` decides about trials: it may name and label them, repeat points, give a
resource to each, and write settings back.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import ClassVar, NamedTuple, TypeVar

from katib_domain.search_space import Point, SearchSpace
from katib_suggestion.memory import Recall
from katib_suggestion.problem import Problem, RefusedError
from katib_suggestion.randomness import Randomness, steady_dice

__all__ = [
    "Algorithm",
    "Answer",
    "Observation",
    "Point",
    "Problem",
    "RefusedError",
    "Scheduler",
    "Search",
    "SearchSpace",
    "State",
    "Strategy",
    "Suggestion",
    "Trial",
]

T = TypeVar("T")


class Observation(NamedTuple):  # and no frozen dataclass, which takes twice as long to make
    """A point and what it gave. A loss is finite, and smaller is better, whatever the Experiment asks for."""

    point: Point
    loss: float
    losses: tuple[float, ...] = ()
    """The losses of all objectives, this one first; for algorithms with several objectives, otherwise empty."""
    stopped: bool = False
    """Whether the trial was stopped early: the loss is what it had come to by then."""
    seconds: float | None = None
    """How long the trial ran; None when that is not known, or the strategy is not `timed`."""

    @property
    def all_losses(self) -> tuple[float, ...]:
        """The loss of each objective, also when there is only one."""
        return self.losses or (self.loss,)


class State(Enum):
    """What has become of a trial."""

    PENDING = "pending"
    """Its value is still to come."""
    OBSERVED = "observed"
    """It ended with a value, by itself or stopped early."""
    FAILED = "failed"
    """It ended without one."""


class Trial(NamedTuple):
    """A trial as a scheduler sees it."""

    name: str
    state: State
    point: Point | None
    """None when its values have no place in the space."""
    observation: Observation | None = None
    """What it gave; None unless it is OBSERVED, or when there is no point."""
    resource: float | None = None
    """The value of the scheduler's resource parameter, if it has one."""
    labels: Mapping[str, str] = MappingProxyType({})
    """Its labels; empty behind Katib's own controller (D-04), so nothing may depend on them alone."""


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
    """A number that is the same for all calls of one Experiment: for orders that outlive a call. See `lot`."""
    scrambling: int
    """What a sequence is scrambled by, so that two searches differ. With a seed it is the key; without one, it follows from the
    name that chance has given to the first trial, for those who replay, and before that from a throw for this reply."""
    dice: random.Random
    """The randomness of this one point."""
    max_trial_count: int | None
    parallel_trial_count: int | None
    wanted: int = 1
    """How many points this reply still takes, this one included."""
    place: int = 0
    """How many points of this reply there are before this one; they are the last ones of `pending`."""
    given: tuple[Point, ...] = ()
    """Points that the user wants tried first; `proposals.propose_points` sees to that."""
    elsewhere: tuple[Observation, ...] = ()
    """What another experiment has learned about this space, with losses brought to the scale of this one."""
    trials: tuple[Trial, ...] = ()
    """Every trial, for schedulers and others that replay; in the order of their start, those that have not started last."""
    experiment: str = ""
    """The Experiment's name, for those who name trials."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """Settings of `Strategy.note_names` that came with the request: what was written back, unless the user gave it."""
    randomness: Randomness | None = None
    recall: Recall | None = None
    mark: Point | None = None
    """The first point that chance has placed: no given one, nor the middle of the space, in which many begin."""

    @property
    def lot(self) -> int | None:
        """A number that is the same for all calls of one search, and another one for another search (U-10).

        It follows from the seed; without one, from the first point that chance has placed. None before there is such a point:
        it has to be drawn from `dice`.
        """
        if self.randomness is None or self.randomness.seed is not None:
            return self.key
        return None if self.mark is None else self.steady_dice("lot", *map(float, self.mark)).getrandbits(64)

    @property
    def known(self) -> tuple[Observation, ...]:
        """All that there is to learn from: the other experiment's observations, then this one's."""
        return (*self.elsewhere, *self.observations)

    def dice_at(self, issued: int) -> random.Random:
        """The randomness of the point that follows `issued` earlier ones; without a seed it is fresh each time."""
        return steady_dice(self.key, "point", issued) if self.randomness is None else self.randomness.dice(issued)

    def steady_dice(self, *purpose: str | float) -> random.Random:
        """Randomness that is the same in every call of one Experiment, also when there is no seed."""
        return steady_dice(self.key, *purpose)

    def remembered(self, name: str, make: Callable[[], T]) -> T:
        """What `make` returns, made once for the same history: a fitted model for all points of a reply, say.

        `make` may look at the algorithm's settings, `space`, `observations`, `failed`, `elsewhere`, `key` and
        `steady_dice`, and at nothing else: not at `dice`, `seen`, `pending`, `issued`. What it returns is not changed.
        """
        return make() if self.recall is None else self.recall(name, make)

    def remembered_by(self, content: bytes, make: Callable[[], T]) -> T:
        """What `make` returns, made once for the same content: a hash (`memory.digest`) of all that it follows from.

        For what a longer history goes on from, such as the state after each generation.
        """
        return make() if self.recall is None else self.recall.by_content(content, make)


@dataclass(frozen=True)
class Strategy:
    """One way to search. Its settings are its fields (see `settings.setting`); it keeps nothing between calls."""

    name: ClassVar[str] = ""
    """The algorithmName under which it is served when it is given as `module:Class`."""
    seed_names: ClassVar[tuple[str, ...]] = ("random_state", "seed")
    """Settings that may hold the seed (U-10)."""
    note_names: ClassVar[tuple[str, ...]] = ()
    """Settings that it writes back; they are no fields, and whatever they hold is no error."""
    lenient: ClassVar[bool] = False
    """Whether unknown settings are ignored with a warning; otherwise they are refused (U-09)."""
    several: ClassVar[bool] = False
    """Whether it looks at additional metrics too; a trial without one of them has failed (see `objectives`)."""
    replays: ClassVar[bool] = False
    """Whether it looks at `Search.trials`, for whom it matters in which order trials ended well and badly."""

    @property
    def timed(self) -> bool:
        """Whether it looks at `Observation.seconds`."""
        return False

    @property
    def resource(self) -> str | None:
        """The parameter that it sets itself, as hyperband does; it is no part of the space."""
        return None

    def read_space(self, problem: Problem) -> SearchSpace:
        """The space that it searches; raises RefusedError with all that is wrong with it."""
        return problem.read_parameters(without=self.resource)

    def objections(self, problem: Problem) -> Iterable[str]:
        """What else it cannot work with, each as `spec.field: value: what is wrong: cure`; asked once all else is right."""
        return ()

    def advice(self, problem: Problem) -> Iterable[str]:
        """What it can work with, although it need not go well: told in the service's log when an Experiment is validated."""
        return ()


@dataclass(frozen=True)
class Algorithm(Strategy, ABC):
    """Names points, one at a time."""

    complete: ClassVar[bool] = False
    """Whether its proposals are the whole search: when they end, so does the search, although there are more points."""
    repeats: ClassVar[bool] = False
    """Whether its first proposal is taken even when it is known (darts, by design; see U-06)."""

    @abstractmethod
    def propose(self, search: Search) -> Iterator[Point]:
        """Points worth trying next, best first: the first that is new is taken, the others are forgotten.

        The iterator may be endless, and may repeat points. Called anew for every single point; earlier points of
        the same reply are then pending. It must depend on `search` alone, so that a repeated call repeats its answer.
        What all points of a reply have in common is made once with `search.remembered`.
        """


@dataclass(frozen=True)
class Suggestion:
    """A trial to be."""

    point: Point
    resource: int | float | None = None
    """The value of the resource parameter; needed if the scheduler has one."""
    name: str = ""
    """The Trial's name, 63 characters at most; without one the controller chooses."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the Trial; values of 63 characters at most."""
    checkpoint: bool = False
    """Whether the trial gets a directory for its checkpoints; for that it needs a name."""
    parent: str = ""
    """The trial whose checkpoints it starts with."""


@dataclass(frozen=True)
class Answer:
    """A whole reply."""

    suggestions: tuple[Suggestion, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings to write back, in this order; they come with the next request."""


@dataclass(frozen=True)
class Scheduler(Strategy, ABC):
    """Decides about trials: which point to try again and with which resource, whose checkpoints to go on from."""

    replays: ClassVar[bool] = True
    checkpoints: ClassVar[bool] = False
    """Whether its trials have checkpoints: names that cannot be those of directories are then refused beforehand."""

    @abstractmethod
    def schedule(self, search: Search) -> Answer:
        """Up to `search.wanted` suggestions. Points may repeat; new ones are had from `proposals.propose_points`.

        It must depend on `search` alone, so that a repeated call repeats its answer.
        """
