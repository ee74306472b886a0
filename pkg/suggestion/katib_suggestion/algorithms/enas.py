"""enas: architectures drawn from a controller that policy gradients have trained (algorithms.md §13).

References: Pham, Guan, Zoph, Le, Dean, arXiv:1802.03268 and Zoph, Le, arXiv:1611.01578 for the search; Kakade, NeurIPS 2001
(natural policy gradient) and Sutton, McAllester, Singh, Mansour, NeurIPS 1999 (compatible features) for the learning. The
controller is a table of logits instead of a recurrent network, and learns from each evaluated architecture's own value
(D-43). The natural gradient of such a policy is a regression of values on decisions, and where many steps along it lead is a
formula: so all is learned anew from history in every call, in milliseconds, and nothing has to be kept (D-44).
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

import numpy as np

from katib_suggestion.architectures import ArchitectureSpace, read_architectures
from katib_suggestion.policy import (
    Array,
    Decisions,
    above_baseline,
    alikeness,
    gain,
    regress,
    standardised,
)
from katib_suggestion.search import Algorithm, Point, Problem, Search
from katib_suggestion.settings import setting

LONGEST_HISTORY = 2000
"""So many trials are learned from, the latest: more would only take time (U-07)."""
PACE = 400.0
"""Makes the defaults, 50 steps at a rate of 5e-5, one whole step along the natural gradient."""
WORTH = 40.0
"""What a standard deviation of the objective counts for, beside entropy and the skip penalty."""


@dataclass(frozen=True)
class Controller:
    """The probabilities of all decisions: by layer, how likely operations up to each one are; and how likely flags are."""

    layers: tuple[tuple[float, ...], ...]
    flags: tuple[float, ...]

    def draw(self, dice: random.Random) -> Point:
        """One architecture."""
        flags = iter(self.flags)
        point: list[int] = []
        for number, likely in enumerate(self.layers):
            point.append(min(bisect(likely, dice.random() * likely[-1]), len(likely) - 1))
            point += [int(dice.random() < next(flags)) for _ in range(number)]
        return tuple(point)


@dataclass(frozen=True)
class ENAS(Algorithm):
    """Draws architectures, the more often from what good ones have in common the more is known."""

    seed_names: ClassVar[tuple[str, ...]] = ("random_state",)

    controller_hidden_size: int = setting(64, at_least=1)
    """Without effect: there is no hidden layer."""
    controller_temperature: float | None = setting(5.0, above=0.0, none="None")
    """Logits are divided by it: the higher, the more evidence is needed to prefer one operation."""
    controller_tanh_const: float | None = setting(2.25, above=0.0, none="None")
    """The largest logit: the lower, the more is tried beside what is preferred."""
    controller_entropy_weight: float | None = setting(1e-5, above=0.0, none="None")
    """What variety counts for beside the objective."""
    controller_baseline_decay: float = setting(0.999, above=0.0, at_most=1.0)
    """How slowly the average follows with which an architecture is compared."""
    controller_learning_rate: float = setting(5e-5, above=0.0, at_most=1.0)
    """How long one step of learning is."""
    controller_skip_target: float = setting(0.4, above=0.0, at_most=1.0)
    """The share of skip connections that is preferred as long as nothing else is known."""
    controller_skip_weight: float | None = setting(0.8, above=0.0, none="None")
    """How much that share counts."""
    controller_train_steps: int = setting(50, at_least=1)
    """Steps of learning in each call."""
    controller_log_every_steps: int = setting(10, at_least=1)
    """Without effect: nothing is logged."""

    def read_space(self, problem: Problem) -> ArchitectureSpace:
        return read_architectures(problem)

    def propose(self, search: Search) -> Iterator[Point]:
        controller = search.remembered("controller", lambda: self._train(search))
        while True:
            yield controller.draw(search.dice)

    def _train(self, search: Search) -> Controller:
        space = search.space
        assert isinstance(space, ArchitectureSpace)
        operations, flags = self._logits(search, space)
        chances = np.exp(operations - operations.max(axis=1, keepdims=True))
        odds = np.exp(np.clip(-2 * flags, -700, 700))  # a flag has two logits, z and -z
        return Controller(tuple(tuple(accumulate(row)) for row in chances.tolist()), tuple((1 / (1 + odds)).tolist()))

    def _logits(self, search: Search, space: ArchitectureSpace) -> tuple[Array, Array]:
        """The logits of all operations in each layer, and of all flags."""
        decisions = decisions_of(space)
        steps = PACE * self.controller_learning_rate * self.controller_train_steps
        rows, worth = evaluated(search)
        if not rows:
            return np.zeros((space.layers, len(space.operations))), np.zeros(len(decisions.flags))
        found = regress(decisions, np.array(rows), above_baseline(worth, self.controller_baseline_decay))
        entropy, skip = self.controller_entropy_weight or 0.0, self.controller_skip_weight or 0.0
        preferred = _half_log_odds(self.controller_skip_target) * -math.expm1(-skip * steps)
        flags = self._bounded(found.flags * WORTH * gain(entropy + skip, steps)) + preferred
        return self._bounded(found.operations * WORTH * gain(entropy, steps)), flags

    def _bounded(self, logits: Array) -> Array:
        """The logits after temperature and tanh."""
        if self.controller_temperature is not None:
            logits = logits / self.controller_temperature
        limit = self.controller_tanh_const
        return logits if limit is None else limit * np.tanh(logits)


def evaluated(search: Search) -> tuple[list[Point], Array]:
    """Architectures that are over, and what each is worth; those that gave nothing are worth what the worst is."""
    known = search.known[-LONGEST_HISTORY:]
    if not known:
        return [], np.zeros(0)
    failed = search.failed[: LONGEST_HISTORY - len(known)]
    losses = [entry.loss for entry in known]
    return [*(entry.point for entry in known), *failed], standardised(
        [-loss for loss in (*losses, *[max(losses)] * len(failed))]
    )


def decisions_of(space: ArchitectureSpace) -> Decisions:
    """Which value of a point decides what; operations are alike when their types and parameters are."""
    starts = set(space.starts)
    flags = [place for place in range(len(space.domains)) if place not in starts]
    traits = [[entry.type, *((entry.type, *parameter) for parameter in entry.parameters)] for entry in space.operations]
    return Decisions(np.array(space.starts), np.array(flags, dtype=np.int64), alikeness(traits))


def _half_log_odds(share: float) -> float:
    """The logit of a flag that is set in this share of cases; a share of 1 is taken as nearly all."""
    bounded = min(share, 0.99)
    return math.log(bounded / (1 - bounded)) / 2
