"""Epochs that early stopping saves, and what it costs: simulated learning curves and real training, by seed.

Each experiment has 60 trials of 50 epochs, three at a time, at random points. Saved is 1 - epochs run / epochs without
stopping, of all seeds together, then of the seed in the middle, the worst and the best; the final value is the best of the trials that were not stopped, beside the best of all. Rules of running trials
are renewed after every report; "at creation" leaves each trial with the rule that it began with. "after one" stops trials
as soon as one has succeeded.
The same seed gives the same numbers.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice

# Seeded training repeats with one thread; must be said before numpy is loaded.
os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

from networks import Network
from problems import PROBLEMS

from katib_suggestion.early_stopping.asha import Asha
from katib_suggestion.early_stopping.medianstop import MedianStop
from katib_suggestion.early_stopping.patience import Patience
from katib_suggestion.early_stopping.stopping import Curve, Limit, Phase, Stopper

TRIALS, EPOCHS, PARALLEL = 60, 50, 3
START = 1.1
HARTMANN6 = PROBLEMS["hartmann6"]
Losses = list[float]


@dataclass(frozen=True)
class MeanStop(MedianStop):
    """What Katib's medianstop does: the mean of the trials' means, for the trials to come (ES-02, ES-05)."""

    phases = frozenset({Phase.SUCCEEDED})

    def find_limit(self, curves: Sequence[Curve], trial: Curve | None = None) -> Limit | None:
        means = [statistics.fmean(curve.losses[: self.start_step]) for curve in curves]
        return Limit(statistics.fmean(means), self.start_step) if len(means) >= self.min_trials_required else None


WAYS: tuple[tuple[str, Stopper, bool], ...] = (
    ("medianstop", MedianStop(), True),
    ("medianstop after one", MedianStop(min_trials_required=1), True),
    ("medianstop at creation", MedianStop(), False),
    ("mean, as Katib", MeanStop(), False),
    ("asha", Asha(eta=3, min_resource=1, max_resource=EPOCHS), True),
    ("asha at creation", Asha(eta=3, min_resource=1, max_resource=EPOCHS), False),
    ("patience", Patience(min_delta=0.002, n=5), True),
)


@dataclass
class Run:
    """One trial while it runs: what it would report, how much of that it has reported, and the limit it knows."""

    name: str
    losses: Losses
    limit: Limit | None
    reported: int = 0
    phase: Phase = Phase.RUNNING

    @property
    def curve(self) -> Curve:
        return Curve(self.name, tuple(self.losses[: self.reported]), self.phase)

    def report(self) -> None:
        """One more epoch, and what a collector makes of it."""
        self.reported += 1
        limit = self.limit
        if limit is not None and self.reported >= limit.step and self.curve.best(self.reported) > limit.loss:
            self.phase = Phase.ENDED
        elif self.reported == len(self.losses):
            self.phase = Phase.SUCCEEDED


@dataclass(frozen=True)
class Outcome:
    """What one seed gave. A final value of None: every trial was stopped."""

    saved: float
    final: float | None
    best: float

    @property
    def worse(self) -> float:
        """By how much the final value is worse than without stopping."""
        return math.inf if self.final is None else self.final - self.best


@dataclass
class Experiment:
    """Trials that wait, run and have run."""

    stopper: Stopper
    refreshed: bool
    runs: list[Run] = field(default_factory=list)

    def seen(self) -> list[Curve]:
        return [run.curve for run in self.runs if run.phase in self.stopper.phases]

    def run(self, trials: Sequence[Losses]) -> Outcome:
        waiting = iter(enumerate(trials))
        running = list(self._start(waiting, PARALLEL))
        while running:
            for run in running:
                if self.refreshed:
                    run.limit = self.stopper.find_limit(self.seen(), run.curve)
                run.report()
            running = [run for run in running if run.phase is Phase.RUNNING]
            running += self._start(waiting, PARALLEL - len(running))
        finals = [min(run.losses) for run in self.runs if run.phase is Phase.SUCCEEDED]
        epochs = sum(run.reported for run in self.runs)
        whole = sum(len(losses) for losses in trials)
        return Outcome(1 - epochs / whole, min(finals, default=None), min(map(min, trials)))

    def _start(self, waiting: Iterator[tuple[int, Losses]], free: int) -> Iterator[Run]:
        for number, losses in islice(waiting, free):
            run = Run(f"trial-{number}", losses, self.stopper.find_limit(self.seen()))
            self.runs.append(run)
            yield run


def height(point: Sequence[float]) -> float:
    """How far the loss of a point of hartmann6 is above the optimum; 1 at a typical random point."""
    return max(0.0, HARTMANN6.regret(HARTMANN6.loss({f"x{axis}": at for axis, at in enumerate(point, 1)})))


def a_point(dice: random.Random) -> list[float]:
    return [dice.random() for _ in range(6)]


def power_law(dice: random.Random, *, crossing: bool = False, ties: bool = True) -> Iterator[Losses]:
    """Curves that fall from 1.1 to the loss of their point, all equally fast, or each as its first parameter says.

    With ties, losses above 1 count as 1. By the scale's making those are half of the points, whose curves are then one
    and the same where all are equally fast: nothing strict tells them apart.
    """
    for _ in range(TRIALS):
        point = a_point(dice)
        floor = min(1.0, height(point)) if ties else height(point)
        speed = 0.2 + 0.6 * point[0] if crossing else 0.5
        yield [floor + (START - floor) * epoch**-speed for epoch in range(1, EPOCHS + 1)]


def trained(dice: random.Random, *, hidden: bool) -> Iterator[Losses]:
    """Validation errors of linear models or networks that learn handwritten digits, after each epoch."""
    for _ in range(TRIALS):
        network = Network(dice.randint(4, 64) if hidden else 0, dice.getrandbits(31))
        rate, momentum, decay = 10 ** dice.uniform(-4, 0.5), dice.uniform(0.0, 0.95), 10 ** dice.uniform(-6, 0)
        losses = []
        for _ in range(EPOCHS):
            network.learn(rate, momentum, decay)
            losses.append(network.mistakes())
        yield losses


CURVES: dict[str, Callable[[random.Random], Iterator[Losses]]] = {
    "power law": power_law,
    "crossing": lambda dice: power_law(dice, crossing=True),
    "power law, no ties": lambda dice: power_law(dice, ties=False),
    "crossing, no ties": lambda dice: power_law(dice, crossing=True, ties=False),
    "linear model": lambda dice: trained(dice, hidden=False),
    "network": lambda dice: trained(dice, hidden=True),
}
TRAINED = ("linear model", "network")


@dataclass(frozen=True)
class Row:
    """All seeds of one kind of curve and one way to stop."""

    curves: str
    way: str
    saved: list[float]
    worse: list[float]

    def __str__(self) -> str:
        equal = sum(value <= 0 for value in self.worse)
        return (
            f"{self.curves:18} {self.way:24} {statistics.fmean(self.saved):6.1%}"
            f" ({statistics.median(self.saved):.1%}, {min(self.saved):.1%} to {max(self.saved):.1%})"
            f"   final value worse by {statistics.median(self.worse):.4f}, equal in {equal} of {len(self.worse)}"
        )


def measured(curves: str, seeds: Sequence[int]) -> Iterator[Row]:
    outcomes: dict[str, list[Outcome]] = {way: [] for way, _, _ in WAYS}
    for seed in seeds:
        trials = list(CURVES[curves](random.Random(seed)))
        for way, stopper, refreshed in WAYS:
            outcomes[way].append(Experiment(stopper, refreshed).run(trials))
    for way, found in outcomes.items():
        yield Row(curves, way, [outcome.saved for outcome in found], [outcome.worse for outcome in found])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=15, help="seeds 0 to N-1 (default: 15)")
    parser.add_argument(
        "--real", action="store_true", help="train classifiers, too; takes two or three minutes of a core"
    )
    parser.add_argument("--only", choices=CURVES, help="one kind of curves")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each row, with every seed's numbers")
    options = parser.parse_args()
    chosen = [name for name in CURVES if options.real or name not in TRAINED]
    for curves in [options.only] if options.only else chosen:
        for row in measured(curves, range(options.seeds)):
            print(json.dumps(asdict(row)) if options.json else row, flush=True)


if __name__ == "__main__":
    main()
