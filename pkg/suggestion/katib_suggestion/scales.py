"""What another experiment has learned, brought to the scale of this one.

Two experiments may measure the same thing in other units, on other data, after other training times: what carries over
is how losses compare, not what they are. So the losses that the other one leads to expect at this one's points are
compared with those that were found there, and a straight line between the two brings the others over.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
    """The other experiment's observations on this one's scale; none when the two do not go together."""
    elsewhere = tuple(sorted(elsewhere, key=lambda entry: entry.loss)[:MOST])
    if not elsewhere or not observations:
        return elsewhere
    losses = np.array([entry.loss for entry in elsewhere])
    found = np.array([entry.loss for entry in observations])
    expected = _expected(space, elsewhere, losses, observations)
    slope = _slope(expected, found) if len(found) >= ENOUGH else 1.0
    if slope <= 0.0:
        return ()
    moved = slope * (losses - expected.mean()) + found.mean()
    return tuple(
        Observation(entry.point, loss, (), entry.stopped, entry.seconds)
        for entry, loss in zip(elsewhere, moved.tolist(), strict=True)
    )


def _expected(
    space: SearchSpace, elsewhere: Sequence[Observation], losses: Vector, observations: Sequence[Observation]
) -> Vector:
    """What the nearest points of the other experiment gave, for each observation."""
    places = encode_points(space, [entry.point for entry in elsewhere])
    own = encode_points(space, [entry.point for entry in observations])
    count = min(NEIGHBOURS, len(places))
    expected = np.empty(len(own))
    for index, place in enumerate(own):
        distances = ((places - place) ** 2).sum(axis=1)
        expected[index] = losses[np.argsort(distances, kind="stable")[:count]].mean()
    return expected


def _slope(expected: Vector, found: Vector) -> float:
    """By how much losses differ here for each unit there."""
    spread = float(expected.var())
    return float(((expected - expected.mean()) * (found - found.mean())).mean()) / spread if spread > 0.0 else 0.0
