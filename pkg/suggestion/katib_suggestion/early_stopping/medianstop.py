"""medianstop: the median stopping rule (early-stopping.md §3, §7, §8).

Reference: Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from statistics import fmean, median_high, median_low

from katib_suggestion.early_stopping.stopping import LARGEST_STEP, Curve, Limit, Phase, Stopper
from katib_suggestion.settings import setting

# Further on, a trial is judged as at this step: averages change little any more, and every log would be read whole.
LAST_STEP = 1000


@dataclass(frozen=True)
class MedianStop(Stopper):
    """Stops what is, at its best, worse than the median of what completed trials were on average up to that step.

    A trial that is yet to begin has the limit of the first step at which it is judged, as in Katib; one that runs and has
    passed that step has the limit of its next one (ES-05).
    """

    phases = frozenset({Phase.SUCCEEDED, Phase.RUNNING})
    min_trials_required: int = setting(3, at_least=1)
    """How many trials must have succeeded before any is stopped."""
    start_step: int = setting(4, at_least=1, at_most=LARGEST_STEP)
    """The report at which a trial is first judged."""

    @property
    def longest(self) -> int:
        return max(self.start_step, LAST_STEP)

    def find_limit(self, curves: Sequence[Curve], trial: Curve | None = None) -> Limit | None:
        following = 1 if trial is None else len(trial.losses) + 1
        step = min(max(self.start_step, following), self.longest)
        averages = [_mean(curve.losses[:step]) for curve in curves if curve.phase is Phase.SUCCEEDED and curve.losses]
        if len(averages) < self.min_trials_required:
            return None
        return Limit(_mean((median_low(averages), median_high(averages))), step)


def _mean(values: Sequence[float]) -> float:
    """Finite whatever the values are."""
    try:
        return fmean(values)
    except OverflowError:
        return fsum(value / len(values) for value in values)
