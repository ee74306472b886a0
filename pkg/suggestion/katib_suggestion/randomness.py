"""Where randomness comes from: one stream for each point of an Experiment, so that replies repeat (U-03).

A stream depends on the seed and on how many points were handed out before, not on how they were asked for: three at
once are the same three as one after the other, and a restart does not replay earlier ones.
"""

from __future__ import annotations

import hashlib
import random
import secrets
from dataclasses import dataclass


@dataclass(frozen=True)
class Randomness:
    """The randomness of one Experiment; without a seed it is fresh each time."""

    algorithm: str
    experiment: str
    seed: int | None

    @property
    def key(self) -> int:
        """The same number for all calls of one Experiment, also when there is no seed."""
        return _digest("key", self.algorithm, self.experiment if self.seed is None else self.seed)

    def dice(self, issued: int) -> random.Random:
        """The stream of the point that follows `issued` earlier ones."""
        state = secrets.randbits(256) if self.seed is None else _digest("point", self.algorithm, self.seed, issued)
        return random.Random(state)  # noqa: S311 - searching, not guarding


def steady_dice(key: int, *purpose: str | float) -> random.Random:
    """A stream that is the same whenever it is asked for: for what must not change from call to call."""
    return random.Random(_digest("steady", key, *purpose))  # noqa: S311 - searching, not guarding


def _digest(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest())
