"""patience: a trial that has not got better for a while is stopped, whatever the others do (early-stopping.md §9)."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from katib_suggestion.early_stopping.stopping import Curve, Limit, Phase, Stopper
from katib_suggestion.settings import setting

MOST_REPORTS = 10**9


@dataclass(frozen=True)
class Patience(Stopper):
    """Stops a trial after `n` reports of which none was better than its best by more than `min_delta`.

    A limit holds until the next such report, so limits of running trials must be refreshed; a limit that is out of date
    stops nothing that is still getting better. A new trial has none.
    """

    phases = frozenset({Phase.RUNNING})
    min_delta: float = setting(0.0, at_least=0.0)
    """How much better a report must be to count."""
    n: int = setting(10, at_least=1, at_most=MOST_REPORTS)
    """How many reports may pass without one that counts."""

    def find_limit(self, curves: Sequence[Curve], trial: Curve | None = None) -> Limit | None:
        if trial is None or not trial.losses:
            return None
        best, since = math.inf, 0
        for step, loss in enumerate(trial.losses, start=1):
            if loss < best - self.min_delta:
                best, since = loss, step
        # Better by exactly min_delta does not count, and a limit lets pass what equals it.
        below = math.nextafter(best - self.min_delta, -math.inf)
        return Limit(max(below, -sys.float_info.max), since + self.n)
