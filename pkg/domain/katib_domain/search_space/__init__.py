"""The search space: one layer under all algorithms, exact where users wrote decimals (search-spaces.md). Pure.

A point is a tuple of values in the order of the parameters: an index for what is finite, a float for what is not. So
points compare and hash by meaning, however they were spelled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from katib_domain.search_space.domains import Continuous, Dice, Domain, Grid, Listed, Value, parse_domain
from katib_domain.search_space.rules import SpaceError, algorithm_space_errors, space_errors
from katib_domain.search_space.texts import ParameterText, parameter_texts

if TYPE_CHECKING:
    from katib_apis.v1beta1.models import ParameterSpec

__all__ = [
    "Continuous",
    "Dice",
    "Domain",
    "Grid",
    "Listed",
    "ParameterText",
    "Point",
    "SearchSpace",
    "SpaceError",
    "algorithm_space_errors",
    "parse_space",
    "space_errors",
]

Point = tuple[Value, ...]


@dataclass(frozen=True)
class SearchSpace:
    """The domains of all parameters, by name, in the order of the Experiment."""

    names: tuple[str, ...]
    domains: tuple[Domain, ...]

    @property
    def size(self) -> int | None:
        """How many points there are; None when they cannot be counted."""
        sizes = [domain.size for domain in self.domains]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)

    def sample(self, dice: Dice) -> Point:
        """A point drawn from the distributions."""
        return self.from_unit([dice.random() for _ in self.domains])

    def from_unit(self, cube: Sequence[float]) -> Point:
        """The point at a place in the unit cube, by the inverse distribution functions."""
        return tuple(domain.from_unit(u) for domain, u in zip(self.domains, cube, strict=True))

    def parse(self, assignments: Mapping[str, str]) -> Point | None:
        """The point of a trial's assignments, or None when they do not fit into this space. Never raises."""
        values = [
            domain.parse(assignments[name]) if name in assignments else None
            for name, domain in zip(self.names, self.domains, strict=True)
        ]
        return None if None in values else tuple(value for value in values if value is not None)

    def format(self, point: Point) -> dict[str, str]:
        """Assignments as texts."""
        return {
            name: domain.format(value)  # type: ignore[arg-type]
            for name, domain, value in zip(self.names, self.domains, point, strict=True)
        }

    def at(self, index: int) -> Point:
        """The point of a finite space at an index; the last parameter varies fastest."""
        values: list[Value] = []
        for domain in reversed(self.domains):
            index, value = divmod(index, domain.size or 1)
            values.append(value)
        return tuple(reversed(values))


def parse_space(parameters: Sequence[ParameterSpec | ParameterText]) -> SearchSpace:
    """The space of parameters that keep the rules; raises ValueError naming the first that does not."""
    errors = space_errors(parameters)
    if errors:
        raise ValueError(str(errors[0]))
    texts = parameter_texts(parameters)
    return SearchSpace(tuple(entry.name for entry in texts), tuple(parse_domain(entry) for entry in texts))
