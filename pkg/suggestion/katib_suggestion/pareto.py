"""Compromises among several objectives: which points are beaten, and which of the others stand for all of them.

One point beats another when none of its losses is larger and one is smaller. References: Deb, Pratap, Agarwal, Meyarivan,
IEEE Transactions on Evolutionary Computation 6 (2002) 182-197.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from katib_suggestion.search import Observation

Matrix = NDArray[np.float64]
Ranks = NDArray[np.int64]


def losses_of(observations: Sequence[Observation]) -> Matrix:
    """A row for each observation, a column for each objective."""
    return np.array([entry.all_losses for entry in observations])


def fronts(losses: Matrix | Sequence[Sequence[float]]) -> Ranks:
    """The front of each row: 0 when no other row beats it, 1 when only those of front 0 do, and so on."""
    if not len(losses):
        return np.zeros(0, dtype=np.int64)
    rows, places = np.unique(losses, axis=0, return_inverse=True)  # sorted: no row is beaten by a later one
    found = np.zeros(len(rows), dtype=np.int64)
    for index in range(1, len(rows)):
        beating = (rows[:index] <= rows[index]).all(axis=1)
        found[index] = found[:index][beating].max(initial=-1) + 1
    return found[places.reshape(-1)]


def room(losses: Matrix) -> NDArray[np.float64]:
    """How far the neighbours of each row of one front are apart, all objectives together; endless at the ends."""
    found = np.zeros(len(losses))
    for column in losses.T / 2:  # halves, since the span of the widest ranges is no double
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        gaps = np.full(len(column), np.inf)
        if span > 0:
            gaps[1:-1] = (column[order[2:]] - column[order[:-2]]) / span
            found[order] += gaps
    return found


def best_rows(losses: Matrix, count: int) -> NDArray[np.int64]:
    """Rows that stand for the best compromises, best first: front by front, and of the last those with most room."""
    ranks = fronts(losses)
    chosen: list[int] = []
    for rank in range(int(ranks.max(initial=-1)) + 1):
        front = np.flatnonzero(ranks == rank)
        chosen += thinned(losses, front, count - len(chosen))
        if len(chosen) >= count:
            break
    return np.array(chosen, dtype=np.int64)


def thinned(losses: Matrix, front: NDArray[np.int64], count: int) -> list[int]:
    """Of a front so many rows, those with most room first: while there are too many, those with least room go.

    Of many too many some at once, as room is then about the same without them; the last ones go one by one.
    """
    left = front
    while len(left) > count:
        crowded = np.argsort(room(losses[left]), kind="stable")
        left = np.delete(left, crowded[: max(1, (len(left) - count) // 4)])
    spread = room(losses[left])
    found: list[int] = left[np.argsort(-spread, kind="stable")].tolist()
    return found
