"""What evaluated architectures say about each decision that made them: a regression, and steps along it.

Knows numbers alone: rows of choices, and what each row was worth.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Choices = npt.NDArray[np.int64]
NOISE = 0.5
"""How much of an architecture's worth its decisions leave unexplained, beside what they explain, one by one."""
LEAST_SIGNAL = 1e-9


@dataclass(frozen=True)
class Decisions:
    """Which columns of a row choose an operation and which are flags, and how alike operations are (ones on the diagonal)."""

    operations: Choices
    flags: Choices
    likeness: Array


@dataclass(frozen=True)
class Advantages:
    """How much better than the average each choice is, in standard deviations: of operations by layer, and of flags."""

    operations: Array
    flags: Array


def regress(decisions: Decisions, rows: Choices, worth: Array) -> Advantages:
    """The advantages that explain what rows are worth, shrunk towards none as far as rows are few.

    An operation has an advantage in its layer, one that is the same in all layers, and shares with those that are alike;
    a flag has its own, and shares with all flags.
    """
    chosen, flags = rows[:, decisions.operations], 2.0 * rows[:, decisions.flags] - 1.0
    counts = np.zeros((len(rows), len(decisions.likeness)))
    np.add.at(counts, (np.arange(len(rows))[:, None], chosen), 1.0)
    layers, joints = chosen.shape[1], max(1, flags.shape[1])
    shared = counts @ decisions.likeness / layers
    totals = flags.sum(axis=1) / joints
    kernel = shared @ counts.T + flags @ flags.T / 4 + np.outer(totals, totals) * joints / 4
    for column in chosen.T:
        kernel += decisions.likeness.take(column, 0).take(column, 1)
    kernel -= kernel.mean(axis=0)
    kernel -= kernel.mean(axis=1)[:, None]
    signal = max(float(np.trace(kernel)) / len(rows), LEAST_SIGNAL)
    weights = np.linalg.solve(kernel + NOISE * signal * np.eye(len(rows)), worth)
    weights -= weights.mean()
    own = np.stack([decisions.likeness[:, column] @ weights for column in chosen.T])
    return Advantages(own + weights @ shared, (weights @ flags) / 4 + (weights @ totals) / 4)


def alikeness(kinds: Sequence[Sequence[Hashable]]) -> Array:
    """How alike things are that are described by traits: half for being the same one, half for the traits they share."""
    places: dict[Hashable, int] = {}
    for traits in kinds:
        for trait in traits:
            places.setdefault(trait, len(places))
    table = np.zeros((len(kinds), len(places)))
    for index, traits in enumerate(kinds):
        table[index, [places[trait] for trait in traits]] = 1 / math.sqrt(len(traits))
    likeness: Array = (table @ table.T + np.eye(len(kinds))) / 2
    return likeness


def standardised(values: Sequence[float]) -> Array:
    """Ranks with mean 0 and deviation 1, all zero when values are equal: one outlier does not hide the others."""
    _, places, counts = np.unique(np.asarray(values, dtype=float), return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts + 1) / 2
    found: Array = ranks[places] - ranks[places].mean()
    spread = float(found.std())
    return found / spread if spread > 0 else found


def above_baseline(worth: Array, decay: float) -> Array:
    """How far each value is above a moving average of those up to it, which starts at 0."""
    baseline, found = 0.0, []
    for value in worth.tolist():
        baseline -= (1 - decay) * (baseline - value)
        found.append(value - baseline)
    return np.array(found)


def gain(pull: float, steps: float) -> float:
    """How far a drive of 1 gets in some steps (of infinitesimal length) against a pull back to 0."""
    return -math.expm1(-pull * steps) / pull if pull * steps > 0 else steps
