"""auto: one of the other algorithms, chosen by the space, the budget and how many trials run at once.

The rule is in `choose`; docs/decisions/0008-several-objectives-and-auto.md says what it was measured by.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from katib_domain.search_space import SearchSpace
from katib_suggestion.memory import digest
from katib_suggestion.problem import Budget
from katib_suggestion.search import Algorithm, Point, Search
from katib_suggestion.surrogates import WIDEST

log = logging.getLogger(__name__)
MODELLED = 1000
"""With so many results a model of all of them costs more than it tells."""
MOST_AT_ONCE = 25
"""For so many trials at once a model is too slow, and guesses too much."""


@dataclass(frozen=True)
class Choice:
    """An algorithm by its name, and why it is taken."""

    name: str
    reason: str


def choose(space: SearchSpace, budget: Budget, results: int) -> Choice:
    """The algorithm that goes on behind so many results."""
    at_once, most = budget.parallel_trial_count or 1, budget.max_trial_count
    if most is not None and at_once >= most and at_once > 1:
        return Choice("sobol", f"all {most} trials run at once, so none can learn from another")
    if results >= MODELLED:
        return Choice("multivariate-tpe", f"there are {results} results, from {MODELLED} on a model costs too much")
    if at_once > MOST_AT_ONCE:
        return Choice("multivariate-tpe", f"{at_once} trials run at once, more than the {MOST_AT_ONCE} a model is for")
    if space.width > WIDEST:
        return Choice("multivariate-tpe", f"the space has {space.width} coordinates, a model is for {WIDEST} at most")
    return Choice("bayesianoptimization", "a model of all results finds most with few trials")


def get_strategy(name: str, key: int) -> Algorithm:
    """One of the algorithms that are chosen among, loaded when it is; `key` scrambles what has no randomness of its own."""
    match name:
        case "sobol":
            from katib_suggestion.algorithms.sobol import Sobol

            return Sobol(key)
        case "multivariate-tpe":
            from katib_suggestion.algorithms.multivariate_tpe import MultivariateTPE

            return MultivariateTPE()
        case _:
            from katib_suggestion.algorithms.bayesian_optimization import BayesianOptimization

            return BayesianOptimization()


@dataclass(frozen=True)
class Auto(Algorithm):
    """Begins in the middle of the space, and goes on with what is chosen anew for each point.

    It has no settings but the seed, so what it does with an Experiment follows from the Experiment alone.
    """

    def propose(self, search: Search) -> Iterator[Point]:
        budget = Budget(search.max_trial_count, search.parallel_trial_count)
        choice = choose(search.space, budget, len(search.known))
        _tell(search, choice)
        if not search.issued and not search.elsewhere:
            yield search.space.from_unit([0.5] * len(search.space.domains))
        recall = None if search.recall is None else search.recall.within(choice.name)
        lot = search.dice.getrandbits(64) if search.lot is None else search.lot
        yield from get_strategy(choice.name, lot).propose(replace(search, recall=recall))


def _tell(search: Search, choice: Choice) -> None:
    """Say in the log what was chosen, once for each choice of an Experiment as long as its memory lasts."""

    def say() -> str:
        log.info("experiment %s: auto takes %s: %s", search.experiment, choice.name, choice.reason)
        return choice.name

    search.remembered_by(digest("auto", search.experiment, str(search.key), choice.name), say)
