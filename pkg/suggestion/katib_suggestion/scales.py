"""What another experiment has learned, brought to the scale of this one.

Two experiments may measure the same thing in other units, on other data, after other training times: what carries over
is how losses compare, not what they are. So the losses that the other one leads to expect at this one's points are
compared with those that were found there, and a straight line between the two brings the others over.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from katib_domain.search_space import SearchSpace
from katib_suggestion.arrays import Vector, encode_points
from katib_suggestion.search import Observation

ENOUGH = 4
"""Observations from which a line is drawn; below, one experiment's losses are only moved to the other's."""
NEIGHBOURS = 3
MOST = 1000


def rescaled(
    space: SearchSpace, elsewhere: Sequence[Observation], observations: Sequence[Observation]
) -> tuple[Observation, ...]:
    """The other experiment's observations on this one's scale; none when the two do not go together in an objective."""
    elsewhere = tuple(sorted(elsewhere, key=lambda entry: entry.loss)[:MOST])
    if not elsewhere or not observations:
        return elsewhere
    nearest = _nearest(space, elsewhere, observations)
    theirs, found = (zip(*(entry.all_losses for entry in some), strict=True) for some in (elsewhere, observations))
    moved = [_moved(np.array(column), nearest, np.array(own)) for column, own in zip(theirs, found, strict=True)]
    columns = [column.tolist() for column in moved if column is not None]
    if len(columns) < len(moved):
        return ()
    return tuple(
        Observation(entry.point, losses[0], losses if len(losses) > 1 else (), entry.stopped, entry.seconds)
        for entry, losses in zip(elsewhere, zip(*columns, strict=True), strict=True)
    )


def _nearest(
    space: SearchSpace, elsewhere: Sequence[Observation], observations: Sequence[Observation]
) -> NDArray[np.int64]:
    """Which points of the other experiment are nearest, a row for each observation."""
    places = encode_points(space, [entry.point for entry in elsewhere])
    own = encode_points(space, [entry.point for entry in observations])
    distances = (((places - place) ** 2).sum(axis=1) for place in own)
    return np.array([np.argsort(row, kind="stable")[:NEIGHBOURS] for row in distances])


def _moved(losses: Vector, nearest: NDArray[np.int64], found: Vector) -> Vector | None:
    """The losses of one objective on the scale of those that were found; None when the two contradict each other.

    Also when a number on the way is no double any more: such losses compare with none.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        expected = losses[nearest].mean(axis=1)
        slope = _slope(expected, found) if len(found) >= ENOUGH else 1.0
        moved: Vector = slope * (losses - expected.mean()) + found.mean()
    return moved if slope > 0.0 and np.isfinite(moved).all() else None


def _slope(expected: Vector, found: Vector) -> float:
    """By how much losses differ here for each unit there."""
    spread = float(expected.var())
    return float(((expected - expected.mean()) * (found - found.mean())).mean()) / spread if spread > 0.0 else 0.0
