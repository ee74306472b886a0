"""What an early-stopping algorithm is, and all that it may look at: losses that trials have reported, never a text.

Everything around it is done elsewhere and for every algorithm alike: settings, reading of logs, directions, messages.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

# Steps travel as int32.
LARGEST_STEP = 2**31 - 1


class Phase(Enum):
    """Where a trial is, as far as stopping is concerned."""

    RUNNING = "running"
    """It has not ended: it runs, or is about to."""
    SUCCEEDED = "succeeded"
    """It has run to its own end."""
    ENDED = "ended"
    """It has ended otherwise: stopped early, failed, killed or without metrics."""


@dataclass(frozen=True)
class Curve:
    """What one trial has reported of the objective, in order. A loss is finite, and smaller is better, whatever the
    Experiment asks for; reports that are no finite numbers are not among them (ES-03)."""

    name: str
    losses: tuple[float, ...]
    phase: Phase

    def best(self, step: int) -> float:
        """The best of the first `step` losses, of which there is at least one."""
        return min(self.losses[:step])


@dataclass(frozen=True)
class Limit:
    """A trial is to stop when, at its report number `step` or later, its best loss so far is greater than `loss`."""

    loss: float
    step: int


@dataclass(frozen=True)
class Stopper(ABC):
    """One way to stop. Its settings are its fields (see `settings.setting`); it keeps nothing between calls."""

    seed_names: ClassVar[tuple[str, ...]] = ()
    note_names: ClassVar[tuple[str, ...]] = ()
    lenient: ClassVar[bool] = False
    phases: ClassVar[frozenset[Phase]] = frozenset(Phase)
    """The trials whose reports it needs; of the others it sees none."""

    @property
    def longest(self) -> int | None:
        """How many reports of a trial it looks at, from the first; None for all."""
        return None

    def problems(self) -> list[str]:
        """What is wrong with the settings together, each of which is right by itself."""
        return []

    @abstractmethod
    def find_limit(self, curves: Sequence[Curve], trial: Curve | None = None) -> Limit | None:
        """The limit for one of the trials that run, or for one that is yet to begin; None while nothing can be said.

        It must depend on the arguments alone, so that a restart changes nothing (ES-04).
        """
