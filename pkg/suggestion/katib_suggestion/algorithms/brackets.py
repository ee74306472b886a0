"""Hyperband's plan: brackets, and their rungs with a number of places and a resource each; exact for any R (D-33, D-34)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property


@dataclass(frozen=True)
class Rung:
    """How many configurations get how much of the resource."""

    places: int
    resource: int


@dataclass(frozen=True)
class Plan:
    """All brackets for a most of the resource and a base; from the widest to the narrowest, and then again."""

    most: Fraction
    base: int

    @cached_property
    def widest(self) -> int:
        """s_max: the largest s with base^s <= most."""
        found = 0
        while self.base ** (found + 1) <= self.most:
            found += 1
        return found

    def depth(self, bracket: int) -> int:
        """The s of a bracket, which are counted from 0 without an end."""
        return self.widest - bracket % (self.widest + 1)

    def first_with(self, depth: int) -> int:
        """The first bracket of a depth; the next one is `widest + 1` further."""
        return self.widest - depth

    def start(self, depth: int) -> Fraction:
        """The resource with which configurations of a depth begin, unrounded."""
        return self.most / Fraction(self.base) ** depth

    def rung(self, depth: int, place: int) -> Rung:
        """A rung; the first one is at place 0, the last one, with all of the resource, at `depth`."""
        first = -(-(self.widest + 1) * self.base**depth // (depth + 1))
        resource = int(self.start(depth) * self.base**place)
        return Rung(first // self.base**place, max(1, resource))

    @cached_property
    def depths(self) -> dict[float, int]:
        """Which depth begins with a resource; no two begin with the same one."""
        return {self.rung(depth, 0).resource: depth for depth in range(self.widest + 1)}
