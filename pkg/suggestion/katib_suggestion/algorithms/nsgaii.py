"""nsgaii: a population of the best compromises so far, and children of it.

References: Deb, Pratap, Agarwal, Meyarivan, IEEE Transactions on Evolutionary Computation 6 (2002) 182-197; Deb & Agrawal,
Complex Systems 9 (1995) 115-148 (crossover of numbers); Durillo, Nebro, Luna, Alba, EMO 2009 (one child at a time).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from katib_domain.search_space import Domain, Nominal, Value
from katib_suggestion.objectives import SeveralObjectives
from katib_suggestion.pareto import best_rows, losses_of
from katib_suggestion.search import Point, Search
from katib_suggestion.settings import setting

FEWEST, MOST = 10, 50
COPIED = 0.2
"""How often a number of a child is just that of a parent."""
ALIKE, NEAR = 2.0, 8.0
"""How much children are like their parents, and how small mutations are: the indexes of Deb's distributions."""


@dataclass(frozen=True)
class NSGAII(SeveralObjectives):
    """Crosses and mutates points of the best fronts.

    The population is computed anew from all trials whenever a point is wanted, so a child competes as soon as its trial
    has ended, and nothing waits for a generation to be complete.
    """

    population_size: int | None = setting(None, at_least=2)
    """How many compromises have children; unset, a tenth of the trials, 10 at least and 50 at most.

    So many first points are drawn at random: 10 when unset.
    """
    crossover_prob: float = setting(0.9, at_least=0.0, at_most=1.0)
    """How often a child has two parents; otherwise it is a mutation of one."""
    mutation_prob: float | None = setting(None, at_least=0.0, at_most=1.0)
    """How often each value of a child is moved; unset, once in a child on average."""

    def propose(self, search: Search) -> Iterator[Point]:
        if not search.known or len(search.known) + len(search.pending) < (self.population_size or FEWEST):
            if not search.issued:
                yield search.space.from_unit([0.5] * len(search.space.domains))
            while True:
                yield search.space.sample(search.dice)
        population = search.remembered("population", lambda: self._population(search))
        while True:
            yield self._child(search, population)

    def _population(self, search: Search) -> list[Point]:
        """The best compromises, best first."""
        size = self.population_size or min(MOST, max(FEWEST, len(search.known) // 10))
        chosen = best_rows(losses_of(search.known), size)
        return [search.known[index].point for index in chosen]

    def _child(self, search: Search, population: Sequence[Point]) -> Point:
        dice, domains = search.dice, search.space.domains
        child = parent = _winner(population, dice)
        if dice.random() < self.crossover_prob:
            other = _winner(population, dice)
            child = tuple(_crossed(*trio, dice) for trio in zip(domains, parent, other, strict=True))
        share = 1 / len(domains) if self.mutation_prob is None else self.mutation_prob
        return tuple(
            _mutated(domain, value, dice) if dice.random() < share else value
            for domain, value in zip(domains, child, strict=True)
        )


def _winner(population: Sequence[Point], dice: random.Random) -> Point:
    """The better one of two."""
    return population[min(dice.randrange(len(population)), dice.randrange(len(population)))]


def _crossed(domain: Domain, one: Value, other: Value, dice: random.Random) -> Value:
    """A value of a child: one of its parents', or of numbers one that lies about as near to one of them."""
    if isinstance(domain, Nominal) or dice.random() < COPIED or one == other:
        return one if dice.random() < 0.5 else other
    u = dice.random()
    stretch = (2 * u if u < 0.5 else 0.5 / (1 - u)) ** (1 / (ALIKE + 1))
    first, second = domain.to_unit(one), domain.to_unit(other)  # type: ignore[arg-type]
    if dice.random() < 0.5:
        first, second = second, first
    return domain.from_unit(_inside(((1 + stretch) * first + (1 - stretch) * second) / 2))


def _mutated(domain: Domain, value: Value, dice: random.Random) -> Value:
    """A value near to another one; of entries without an order any."""
    if isinstance(domain, Nominal):
        return domain.from_unit(dice.random())
    place, u = domain.to_unit(value), dice.random()  # type: ignore[arg-type]
    power = 1 / (NEAR + 1)
    if u < 0.5:
        return domain.from_unit(_inside(place - (1 - (2 * u) ** power) * place))
    return domain.from_unit(_inside(place + (1 - (2 - 2 * u) ** power) * (1 - place)))


def _inside(place: float) -> float:
    return min(1.0, max(0.0, place))
