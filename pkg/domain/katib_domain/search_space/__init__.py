"""The search space: one layer under all algorithms, exact where users wrote decimals (search-spaces.md). Pure.

A point is a tuple of values in the order of the parameters: an index for what is finite, a float for what is not. So
points compare and hash by meaning, however they were spelled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from katib_domain.search_space.distributions import Distribution
from katib_domain.search_space.domains import (
    Continuous,
    Dice,
    Domain,
    Finite,
    Grid,
    Nominal,
    Ordinal,
    Value,
    index_from_unit,
    parse_domain,
)
from katib_domain.search_space.rules import SpaceError, algorithm_space_errors, space_errors
from katib_domain.search_space.texts import ParameterText, parameter_texts

if TYPE_CHECKING:
    from katib_apis.v1beta1.models import ParameterSpec

__all__ = [
    "Assignment",
    "Continuous",
    "Dice",
    "Distribution",
    "Domain",
    "Finite",
    "Grid",
    "Nominal",
    "Ordinal",
    "ParameterText",
    "Point",
    "SearchSpace",
    "SpaceError",
    "Value",
    "algorithm_space_errors",
    "index_from_unit",
    "parse_domain",
    "parse_space",
    "space_errors",
]

Point = tuple[Value, ...]


class Assignment(Protocol):
    """The text that a trial has for a parameter, as messages and models have it."""

    @property
    def name(self) -> str: ...

    @property
    def value(self) -> str: ...


class Known(dict[str, Value | None]):
    """The values of a finite domain by texts that are exactly those, each read once; None for any other text."""

    def __init__(self, domain: Domain) -> None:
        super().__init__()
        self._domain = domain

    def __missing__(self, text: str) -> Value | None:
        value, exact = self._domain.read(text)
        self[text] = found = value if exact else None
        return found


@dataclass(frozen=True)
class SearchSpace:
    """The domains of all parameters, by name, in the order of the Experiment."""

    names: tuple[str, ...]
    domains: tuple[Domain, ...]

    @cached_property
    def size(self) -> int | None:
        """How many points there are; None when they cannot be counted."""
        sizes = [domain.size for domain in self.domains]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)

    def sample(self, dice: Dice) -> Point:
        """A point drawn from the distributions."""
        return tuple(domain.from_unit(dice.random()) for domain in self.domains)

    def from_unit(self, cube: Sequence[float]) -> Point:
        """The point at a place in the unit cube, by the inverse distribution functions."""
        return tuple(domain.from_unit(u) for domain, u in zip(self.domains, cube, strict=True))

    def to_unit(self, point: Point) -> tuple[float, ...]:
        """A place in the unit cube that gives a point: of those that do, the one in the middle."""
        return tuple(
            domain.to_unit(value) for domain, value in zip(self.domains, point, strict=True)  # type: ignore[arg-type]
        )

    def log_density(self, point: Point) -> float:
        """How likely a point is before anything is known: weights where values are finitely many, densities elsewhere."""
        total = 0.0
        for domain, value in zip(self.domains, point, strict=True):
            total += domain.log_density(value)  # type: ignore[arg-type]
        return total

    @property
    def width(self) -> int:
        """How many model coordinates a point has."""
        return sum(domain.width for domain in self.domains)

    def encode(self, point: Point) -> tuple[float, ...]:
        """The model coordinates of a point, all of them in [0, 1]."""
        coordinates: list[float] = []
        for domain, value in zip(self.domains, point, strict=True):
            coordinates += domain.encode(value)  # type: ignore[arg-type]
        return tuple(coordinates)

    def decode(self, coordinates: Sequence[float]) -> Point:
        """The point that is nearest to model coordinates; always inside the space."""
        values: list[Value] = []
        start = 0
        for domain in self.domains:
            values.append(domain.decode(coordinates[start : start + domain.width]))
            start += domain.width
        return tuple(values)

    def read(self, assignments: Mapping[str, str]) -> tuple[Point | None, bool]:
        """The point of a trial's assignments, moved into the space, and whether they are exactly that point.

        None when they have no place. Never raises.
        """
        values: list[Value] = []
        exact = True
        for domain, (name, known, _, _) in zip(self.domains, self._readers, strict=True):
            text = assignments.get(name)
            if text is None:
                return None, False
            value = None if known is None else known[text]
            if value is None:
                value, same = domain.read(text)
                exact = exact and same
            if value is None:
                return None, False
            values.append(value)
        return tuple(values), exact

    def read_entries(self, entries: Sequence[Assignment]) -> tuple[Point | None, bool]:
        """The same for a list of assignments, of which the last counts where two have one name.

        A history is read trial by trial, and nearly all lists are exactly a point, in the order of the parameters. They
        are read in one go, without a mapping, and numbers without steps without a call: a fifth less time for all.
        """
        values: list[Value] = []
        for entry, (name, known, low, high) in zip(entries, self._readers):  # noqa: B905 - told by the values' number
            if entry.name != name:
                break
            text = entry.value
            if known is not None:
                value = known[text]
                if value is None:
                    break
            else:
                try:
                    value = float(text)
                except ValueError:
                    break
                if not low <= value <= high or "_" in text:
                    break
            values.append(value)
        if len(values) == len(self.names) == len(entries):
            return tuple(values), True
        return self.read({entry.name: entry.value for entry in entries})

    @cached_property
    def _readers(self) -> list[tuple[str, Known | None, float, float]]:
        """Each parameter by name: what is known of a finite one's texts, which repeat, and the bounds of the others."""
        return [
            (name, None, *domain.bounds) if isinstance(domain, Continuous) else (name, Known(domain), 0.0, 0.0)
            for name, domain in zip(self.names, self.domains, strict=True)
        ]

    def parse(self, assignments: Mapping[str, str]) -> Point | None:
        """The point of a trial's assignments, moved into the space; None when they have no place. Never raises."""
        return self.read(assignments)[0]

    def holds(self, assignments: Mapping[str, str], point: Point) -> bool:
        """Whether assignments are exactly this point."""
        return self.read(assignments) == (point, True)

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
