"""Small moves in a search space, as a population explores: a fifth more or less, or the next entry of a list."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import assert_never

from katib_domain.search_space import Continuous, Domain, Grid, Nominal, Ordinal, Point, SearchSpace, Value

UP, DOWN = Fraction(6, 5), Fraction(4, 5)
FROM_ZERO = 0.05
"""Zero has no fifth: the part of the range that it moves by."""


def perturbed(space: SearchSpace, point: Point, dice: random.Random) -> Point:
    """A point beside another one: every value has moved, as far as the space goes (D-27, D-40)."""
    return tuple(
        move(domain, value, up=dice.random() < 0.5) for domain, value in zip(space.domains, point, strict=True)
    )


def resampled(space: SearchSpace, point: Point, probability: float, dice: random.Random) -> Point:
    """A point of which each value is drawn anew with a probability, and otherwise kept (D-36)."""
    return tuple(
        domain.from_unit(dice.random()) if dice.random() < probability else value
        for domain, value in zip(space.domains, point, strict=True)
    )


def move(domain: Domain, value: Value, *, up: bool) -> Value:
    """A value a fifth larger or smaller, at least one step of a grid, inside the domain; of a list the entry beside, round."""
    match domain:
        case Continuous():
            return _move_real(domain, float(value), up)
        case Grid():
            return _move_on_grid(domain, int(value), up)
        case Ordinal() | Nominal():
            return (int(value) + (1 if up else -1)) % domain.size
        case _:
            assert_never(domain)


def _move_real(domain: Continuous, value: float, up: bool) -> float:
    low, high = domain.distribution.low, domain.distribution.high
    moved = value * float(UP if up else DOWN)
    if moved == value:
        moved = domain.decode((domain.encode(value)[0] + (FROM_ZERO if up else -FROM_ZERO),))
    return min(max(moved, low), high)


def _move_on_grid(domain: Grid, index: int, up: bool) -> int:
    number = Fraction(domain.number(index))
    moved = number * (UP if up else DOWN)
    grows = moved > number or (number == 0 and up)
    found = domain.nearest(Fraction(int(moved)) if domain.whole else moved)
    if found == index or (found > index) != grows:
        found = index + (1 if grows else -1)
    return min(max(found, 0), domain.size - 1)
