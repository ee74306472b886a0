"""From regrets by seed to a verdict for each algorithm: no worse in any cell, and a median rank at least as good.

A cell is a problem, how many trials run at once, and after how many trials one looks. "Worse" is a one-sided Mann-Whitney
test at p < 0.01, twice: between equals one comparison of a hundred looks worse, so what looks so is searched again by both
with other seeds, and is worse if it looks so again. Values measured elsewhere are known to five digits; ours are rounded alike beside them.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from searches import EVERYWHERE, OPTUNA

WORSE = 0.01
CHECKPOINTS = (20, 50, 100)
DIGITS = 5


class Cell(NamedTuple):
    problem: str
    parallel: int
    trials: int

    def __str__(self) -> str:
        return f"{self.problem} P={self.parallel} at {self.trials}"


Cells = Mapping[Cell, Sequence[float]]
Everything = Mapping[str, Cells]
"""By who searched: the regrets of all seeds in each cell."""

RIVALS: Mapping[str, tuple[str, ...]] = {
    "random": ("katib hyperopt-random", "katib optuna-random", f"{OPTUNA}random"),
    "grid": ("katib optuna-grid",),
    "tpe": ("katib hyperopt-tpe", "katib optuna-tpe", f"{OPTUNA}tpe"),
    "multivariate-tpe": ("katib optuna-mtpe", f"{OPTUNA}multivariate-tpe"),
    "bayesianoptimization": ("katib skopt-bo", "katib skopt-bo-100", f"measured {OPTUNA}gp", f"{OPTUNA}gp"),
    "cmaes": ("katib goptuna-cmaes", "katib optuna-cmaes", f"{OPTUNA}cmaes"),
    "sobol": ("katib goptuna-sobol", f"{OPTUNA}sobol"),
    "halton": (f"{OPTUNA}halton",),
}
"""What each is held against: Katib's services of its name, and Optuna's sampler of its kind."""
FIXED = ("random", "tpe", "multivariate-tpe", "cmaes", "sobol", "halton", "bayesianoptimization")
CHOOSER = "auto"
"""It is held against the second best of the fixed choices in each cell."""
UNRANKED = ("random", "grid", CHOOSER)
"""Dice have no rank of their own, as little as a grid in a shuffled order, and the second best is the goal of the other."""


def chance_of_worse(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The p-value of "ours is not worse": below 0.01, ours is worse.

    Where it might be, it is found by permutations: the usual approximation is far off for few values and for equal ones.
    """
    from scipy.stats import PermutationMethod, mannwhitneyu

    chance = float(mannwhitneyu(ours, theirs, alternative="greater").pvalue)
    if chance > 5 * WORSE:
        return chance
    permuted = PermutationMethod(n_resamples=9999, rng=1)
    return float(mannwhitneyu(ours, theirs, alternative="greater", method=permuted).pvalue)


@cache
def rounded(problem: str, regret: float) -> float:
    """A regret whose loss is known to five digits."""
    found = EVERYWHERE[problem]
    loss = found.optimum + regret * (found.reference - found.optimum)
    return float(f"{max(0.0, found.regret(float(f'{loss:.{DIGITS}g}'))):.{DIGITS - 2}g}")


def is_measured(name: str) -> bool:
    """Is this somebody whose values were measured elsewhere?"""
    return name.startswith(("katib ", "measured "))


@dataclass(frozen=True)
class Duel:
    """One algorithm beside one rival in one cell."""

    cell: Cell
    rival: str
    ours: Sequence[float]
    theirs: Sequence[float]

    @property
    def chance(self) -> float:
        ours, theirs = self.ours, self.theirs
        if is_measured(self.rival):
            ours, theirs = ([rounded(self.cell.problem, value) for value in values] for values in (ours, theirs))
        return chance_of_worse(ours, theirs)

    def __str__(self) -> str:
        medians = f"{statistics.median(self.ours):.3g} beside {statistics.median(self.theirs):.3g}"
        return f"{self.cell}: {medians} of {self.rival}, p = {self.chance:.2g}"


def duels(algorithm: str, everything: Everything) -> Iterator[Duel]:
    for cell, ours in sorted(everything[algorithm].items()):
        for rival in rivals_in(algorithm, cell, everything):
            yield Duel(cell, rival, ours, everything[rival][cell])


def rivals_in(algorithm: str, cell: Cell, everything: Everything) -> Sequence[str]:
    if algorithm != CHOOSER:
        return [rival for rival in RIVALS.get(algorithm, ()) if cell in everything.get(rival, {})]
    fixed = [name for name in FIXED if cell in everything.get(name, {})]
    return sorted(fixed, key=lambda name: statistics.median(everything[name][cell]))[1:2]


def ranks(cell: Cell, names: Iterable[str], everything: Everything) -> dict[str, float]:
    """The place of each by its median, from 1; equal ones share theirs."""
    names = list(names)
    medians = {name: statistics.median(everything[name][cell]) for name in names}
    if any(map(is_measured, names)):
        medians = {name: rounded(cell.problem, median) for name, median in medians.items()}
    return {
        name: (sum(other < own for other in medians.values()) + sum(other <= own for other in medians.values()) + 1) / 2
        for name, own in medians.items()
    }


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one algorithm: in which duels it is worse, and the median rank of each of its field."""

    algorithm: str
    fought: int
    worse: Sequence[Duel]
    cleared: Sequence[Duel]
    """Those that looked worse, as they ended the second time: not worse."""
    ranks: Mapping[str, float]
    mean_ranks: Mapping[str, float]

    @property
    def well_placed(self) -> bool:
        others = [rank for name, rank in self.ranks.items() if name != self.algorithm]
        return not others or self.algorithm in UNRANKED or self.ranks[self.algorithm] <= min(others)

    @property
    def good(self) -> bool:
        return not self.worse and self.well_placed

    def lines(self) -> Iterator[str]:
        if not self.fought:
            yield f"{self.algorithm}: nobody to compare with"
            return
        word = "holds" if self.good else "DOES NOT HOLD"
        yield f"{self.algorithm}: {word}; worse in {len(self.worse)} of {self.fought} comparisons"
        yield "    median rank (mean)"
        for name in sorted(self.ranks, key=self.ranks.__getitem__):
            yield f"    {self.ranks[name]:4.1f} ({self.mean_ranks[name]:.2f})  {name}"
        yield from (f"    worse: {duel}" for duel in self.worse)
        yield from (f"    not worse with {len(duel.ours)} other seeds: {duel}" for duel in self.cleared)


def judge(algorithm: str, everything: Everything, again: Everything | None = None) -> Verdict:
    """The verdict on one; `again` has the regrets of other seeds, where something looked worse."""
    fought = list(duels(algorithm, everything))
    doubted = [repeated(duel, algorithm, again or {}) for duel in fought if duel.chance < WORSE]
    places: dict[str, list[float]] = {}
    for cell in sorted({duel.cell for duel in fought}):
        field = [algorithm, *rivals_in(algorithm, cell, everything)]
        for name, place in ranks(cell, field, everything).items():
            places.setdefault(name, []).append(place)
    return Verdict(
        algorithm,
        len(fought),
        [duel for duel in doubted if duel.chance < WORSE],
        [duel for duel in doubted if duel.chance >= WORSE],
        {name: statistics.median(found) for name, found in places.items()},
        {name: statistics.mean(found) for name, found in places.items()},
    )


def repeated(duel: Duel, algorithm: str, again: Everything) -> Duel:
    """The same duel with other seeds; itself where both have not searched again."""
    ours, theirs = (again.get(name, {}).get(duel.cell) for name in (algorithm, duel.rival))
    return duel if ours is None or theirs is None else Duel(duel.cell, duel.rival, ours, theirs)


def table(everything: Everything, names: Sequence[str]) -> Iterator[str]:
    """The median of each in each cell, with the number of its seeds."""
    yield "  ".join([f"{'':26}", *(f"{name:>22}" for name in names)])
    for cell in sorted({cell for name in names for cell in everything[name]}):
        found = [everything[name].get(cell) for name in names]
        texts = ["-" if values is None else f"{statistics.median(values):.3g} ({len(values)})" for values in found]
        yield "  ".join([f"{cell!s:26}", *(f"{text:>22}" for text in texts)])
