"""asha: asynchronous successive halving, as limits (early-stopping.md §9).

Reference: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, arXiv:1810.05934.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from katib_suggestion.early_stopping.stopping import LARGEST_STEP, Curve, Limit, Stopper
from katib_suggestion.settings import required, setting

# At the smallest eta, so many brackets reach the largest step.
MOST_BRACKETS = 31


@dataclass(frozen=True)
class Asha(Stopper):
    """At each rung only those go on that are among the best 1/eta of the trials that have come as far."""

    max_resource: int = required(at_least=1, at_most=LARGEST_STEP)
    """Reports of a trial that runs to its end."""
    eta: int = setting(3, at_least=2, at_most=LARGEST_STEP)
    """One in so many goes on at each rung, and each rung is so many times as far as the one before."""
    min_resource: int = setting(1, at_least=1, at_most=LARGEST_STEP)
    """Reports up to the first rung."""
    brackets: int = setting(1, at_least=1, at_most=MOST_BRACKETS)
    """How many groups the trials are spread over; each group's first rung is one further than the last one's."""

    @property
    def longest(self) -> int:
        return max(self._rungs(0), default=1)

    def problems(self) -> list[str]:
        if self.max_resource < self.min_resource:
            return [f"setting max_resource: '{self.max_resource}' is less than min_resource {self.min_resource}"]
        last = self.min_resource * self.eta ** (self.brackets - 1)
        if last > self.max_resource:
            return [
                f"setting brackets: '{self.brackets}' is too many: the last one would begin at {last}, after max_resource"
            ]
        return []

    def find_limit(self, curves: Sequence[Curve], trial: Curve | None = None) -> Limit | None:
        """Of the next rung that the trial has not passed, since a trial has one limit at a time.

        Which bracket a new trial falls into is not known before it has its name: it gets the limit of the last one,
        whose first rung is the furthest, so that it is not stopped too early.
        """
        bracket = self.brackets - 1 if trial is None else self._bracket(trial.name)
        passed = 0 if trial is None else len(trial.losses)
        rung = next((step for step in self._rungs(bracket) if step > passed), None)
        if rung is None:
            return None
        others = (curve for curve in curves if self._bracket(curve.name) == bracket)
        ranked = sorted(curve.best(rung) for curve in others if len(curve.losses) >= rung)
        promoted = len(ranked) // self.eta
        return Limit(ranked[promoted - 1], rung) if promoted else None

    def _rungs(self, bracket: int) -> Iterator[int]:
        step = self.min_resource * self.eta**bracket
        while step < self.max_resource:
            yield step
            step *= self.eta

    def _bracket(self, name: str) -> int:
        """By the trial's name alone, so that it is the same at every call."""
        return int.from_bytes(hashlib.sha256(name.encode()).digest()) % self.brackets
