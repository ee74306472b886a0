"""bayesianoptimization: the point that a model of all trials promises most of (algorithms.md §8).

References: Snoek, Larochelle, Adams, NeurIPS 2012; Hoffman, Brochu, de Freitas, UAI 2011 (gp_hedge); Ginsbourger, Le Riche,
Carraro 2010 (pending trials).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from katib_suggestion.randomness import steady_dice
from katib_suggestion.search import Algorithm, Point, Search
from katib_suggestion.settings import setting
from katib_suggestion.surrogates import WIDEST
from katib_suggestion.surrogates.acquisition import (
    Acquisition,
    expected_improvement,
    lower_bound,
    probability_of_improvement,
)
from katib_suggestion.surrogates.axes import Axes, Matrix, latin_square
from katib_suggestion.surrogates.learning import GAUSSIAN, MOST, MOST_FITTED, Learned, learn, learn_costs, telling
from katib_suggestion.surrogates.maximise import Belief, Costs, Promise, candidates, ranked, refined

log = logging.getLogger(__name__)
Vector = npt.NDArray[np.float64]
ACQUISITIONS: Mapping[str, Acquisition] = {
    "EI": expected_improvement,
    "LCB": lower_bound,
    "PI": probability_of_improvement,
}
PER_SECOND = {"EIps": "EI", "PIps": "PI"}
FEW, MANY = 1_000, 10_000
"""How many candidates are drawn when the best of them are refined, and when they are not."""
GOOD = 10
SQUARE = 32
"""How many first points are spread out together."""
MODELLED = 16
"""From this place in a reply on, points only fill the space: whoever asks for so many at once must not wait for ever."""


@dataclass(frozen=True)
class BayesianOptimization(Algorithm):
    """Models the losses, and weighs a low expectation against what is not known yet."""

    seed_names: ClassVar[tuple[str, ...]] = ("random_state",)

    base_estimator: str = setting("GP", choices=("GP", "RF", "ET", "GBRT"))
    """The model: a Gaussian process, a random forest, extremely random trees, or boosted quantiles."""
    n_initial_points: int = setting(10, at_least=0)
    """How many results there must be before the model is asked; 0 counts as 1."""
    acq_func: str = setting("gp_hedge", choices=("gp_hedge", *ACQUISITIONS, *PER_SECOND))
    """What makes a point promising; gp_hedge lets EI, LCB and PI compete."""
    acq_optimizer: str = setting("auto", choices=("auto", "sampling", "lbfgs"))
    """Whether the best of 10,000 draws is taken, or the best of fewer is refined."""

    @property
    def timed(self) -> bool:
        return self.acq_func in PER_SECOND

    def propose(self, search: Search) -> Iterator[Point]:
        axes, first = Axes(search.space), max(1, self.n_initial_points)
        if len(search.known) < first or search.place >= MODELLED or not axes.all:
            yield from first_points(search, first)
            return
        dice = np.random.default_rng(search.dice.getrandbits(64))
        for row in self._promising(search, axes, dice):
            point = axes.decode(row)
            if point not in search.seen:
                yield point

    def _promising(self, search: Search, axes: Axes, dice: np.random.Generator) -> Matrix:
        """Rows of points, the most promising first."""
        learned = search.remembered("model", lambda: learn_history(search, axes, self.base_estimator))
        learned = learned.believing(axes.encode(search.pending))
        refines = self._refines(search)
        count = drawn(FEW if refines else MANY, search.space.width)
        start = candidates(axes, learned.best_rows(GOOD), count, dice)
        best, belief = learned.best(), learned.model.predict(start)
        acquisition = ACQUISITIONS.get(PER_SECOND.get(self.acq_func, self.acq_func))
        if acquisition is None:
            rounds = len(search.known) + 1 - self.n_initial_points
            acquisition = hedged(belief, best, rounds, dice)
        costs = search.remembered("costs", lambda: find_costs(search, axes)) if self.acq_func in PER_SECOND else None
        promise = Promise(learned.model, acquisition, best, costs)
        first = ranked(start, promise.given(belief, start))
        return refined(promise, axes, first, dice) if refines else first[0]

    def _refines(self, search: Search) -> bool:
        """Whether candidates are refined: a Gaussian process has slopes to climb, trees have none (D-23)."""
        if self.base_estimator != GAUSSIAN and self.acq_optimizer == "lbfgs" and search.place == 0:
            log.warning("acq_optimizer lbfgs needs base_estimator GP: sampling is used with %s", self.base_estimator)
        return self.base_estimator == GAUSSIAN and self.acq_optimizer != "sampling"


def drawn(most: int, width: int) -> int:
    """How many candidates are drawn in a space of that many coordinates: so many numbers as there are at WIDEST, not more."""
    return most if width <= WIDEST else max(1, most * WIDEST // width)


def first_points(search: Search, count: int) -> Iterator[Point]:
    """Points that fill the space evenly, drawn from the distributions; then any.

    They are rows of one square, also over several replies. Without a seed the first of them is drawn, and the square laid
    around it.
    """
    lot = search.lot
    if lot is not None:
        yield _square_point(search, min(count, SQUARE), lot)
    while True:
        yield search.space.sample(search.dice)


def _square_point(search: Search, size: int, lot: int) -> Point:
    turn, place = divmod(search.issued, size)

    def spread() -> Matrix:
        dice = np.random.default_rng(steady_dice(lot, "square", turn).getrandbits(64))
        square = latin_square(size, len(search.space.domains), dice)
        if lot == search.key or search.mark is None or turn:
            return square
        return _laid_around(square, np.array(search.space.to_unit(search.mark)))

    square = search.remembered(f"square {turn} of {size} with {lot}", spread)
    return search.space.from_unit(square[place].tolist())


def _laid_around(square: Matrix, place: Vector) -> Matrix:
    """A Latin square whose first row is in the slices that a place of the unit cube is in."""
    slices, wanted = np.floor(square * len(square)), np.minimum(np.floor(place * len(square)), len(square) - 1)
    rows, columns = np.argmax(slices == wanted, axis=0), np.arange(len(place))
    laid = square.copy()
    laid[rows, columns], laid[0] = square[0], square[rows, columns]
    return laid


def learn_history(search: Search, axes: Axes, kind: str) -> Learned:
    """A model of what ended with a loss; what failed counts as the worst of them."""
    losses = np.array([entry.loss for entry in search.known])
    losses = np.concatenate([np.full(len(search.failed), losses.max()), losses])
    points = [*search.failed, *(entry.point for entry in search.known)]
    chosen = telling(losses, MOST)
    seed = search.steady_dice("trees").getrandbits(32)
    return learn(kind, axes, axes.encode(points[index] for index in chosen), losses[chosen], seed)


def find_costs(search: Search, axes: Axes) -> Costs | None:
    """What is known about how long trials run; None when that is not known of two at least (D-23)."""
    timed = [(entry.point, entry.seconds) for entry in search.known if entry.seconds is not None][-MOST_FITTED:]
    if len(timed) < 2:
        return None
    return learn_costs(axes, axes.encode(point for point, _ in timed), np.array([seconds for _, seconds in timed]))


def hedged(belief: Belief, best: float, rounds: int, dice: np.random.Generator) -> Acquisition:
    """EI, LCB or PI, each with a probability that grows with its gain as exp does.

    Each names its favourite among the rows that a belief is about, and gains in every round of the model so far what that is expected to improve,
    as a logarithm: what earlier rounds had in mind is not in a history, and a constant would weigh less and less.
    """
    improvement = expected_improvement(*belief, best)[0]
    gains = np.array([improvement[score(*belief, best)[0].argmax()] for score in ACQUISITIONS.values()])
    chances = np.exp(rounds * (gains - gains.max()))
    return list(ACQUISITIONS.values())[int(dice.choice(len(chances), p=chances / chances.sum()))]
