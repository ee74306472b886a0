"""How much of the space of losses the compromises of nsgaii and motpe cover, beside a random search and Optuna's samplers.

Seeded searches over problems with two and three objectives; what they cover after every five trials is kept as JSON lines,
and runs that the file holds are not repeated.
Optuna's samplers (`--algorithm optuna-nsgaii`, `optuna-tpe`) need `optuna` in the environment. What is covered is told as a
part of the box between the least losses of 400 random points and their upper quartiles; it may be more than 1.

Problems: Zitzler, Deb, Thiele 2000 (zdt1 to zdt3); Kursawe 1991; Fonseca and Fleming 1995; Viennet 1996; Deb et al. 2002
(dtlz2); `network` is made for this bench: integers, categories and a logarithmic range.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

from kept import Row, keep, read_kept
from verdicts import WORSE, chance_of_worse

from katib_suggestion.pareto import fronts
from katib_suggestion.study import Parameter, Study, categorical, double, integer

Losses = tuple[float, ...]
CHECKPOINTS = (50, 100)
STEP = 5
RESULTS = Path(__file__).parent / "results/compromises.jsonl"
RANDOM_DRAWS = 400


@dataclass(frozen=True)
class Problem:
    """A space, and what its points lose, each objective to be made small."""

    space: Mapping[str, Parameter]
    loss: Callable[[Sequence[Any]], Losses]
    objectives: int = 2


def cube(width: int, low: float = 0.0, high: float = 1.0) -> dict[str, Parameter]:
    return {f"x{axis}": double(low, high) for axis in range(width)}


def zdt(shape: Callable[[float, float], float]) -> Problem:
    def loss(x: Sequence[float]) -> Losses:
        distance = 1 + 9 * sum(x[1:]) / (len(x) - 1)
        return x[0], distance * shape(x[0], x[0] / distance)

    return Problem(cube(6), loss)


def kursawe(x: Sequence[float]) -> Losses:
    pairs = sum(-10 * math.exp(-0.2 * math.hypot(one, other)) for one, other in pairwise(x))
    return pairs, sum(abs(value) ** 0.8 + 5 * math.sin(value**3) for value in x)


def fonseca(x: Sequence[float]) -> Losses:
    middle = 1 / math.sqrt(len(x))
    squares = [sum((value - sign * middle) ** 2 for value in x) for sign in (1, -1)]
    return 1 - math.exp(-squares[0]), 1 - math.exp(-squares[1])


def viennet(point: Sequence[float]) -> Losses:
    x, y = point
    r = x * x + y * y
    slope = (3 * x - 2 * y + 4) ** 2 / 8 + (x - y + 1) ** 2 / 27 + 15
    return 0.5 * r + math.sin(r), slope, 1 / (r + 1) - 1.1 * math.exp(-r)


def dtlz2(x: Sequence[float]) -> Losses:
    radius = 1 + sum((value - 0.5) ** 2 for value in x[2:])
    a, b = x[0] * math.pi / 2, x[1] * math.pi / 2
    return radius * math.cos(a) * math.cos(b), radius * math.cos(a) * math.sin(b), radius * math.sin(a)


def network(values: Sequence[Any]) -> Losses:
    rate, units, layers, optimizer, activation = values
    best, floor = {"sgd": (-1.2, 0.2), "adam": (-3.0, 0.0), "ftrl": (-2.0, 0.35)}[optimizer]
    loss = floor + {"relu": 0.0, "tanh": 0.25}[activation] + 0.5 * (math.log10(rate) - best) ** 2
    return loss + 6 / math.sqrt(units) + 0.8 / layers, math.log10(units * units * layers) + 0.1 * (optimizer == "adam")


NETWORK = {
    "rate": double(1e-5, 1.0, distribution="logUniform"),
    "units": integer(16, 512),
    "layers": integer(1, 8),
    "optimizer": categorical("sgd", "adam", "ftrl"),
    "activation": categorical("relu", "tanh"),
}
PROBLEMS = {
    "zdt1": zdt(lambda first, part: 1 - math.sqrt(part)),
    "zdt2": zdt(lambda first, part: 1 - part * part),
    "zdt3": zdt(lambda first, part: 1 - math.sqrt(part) - part * math.sin(10 * math.pi * first)),
    "kursawe": Problem(cube(3, -5, 5), kursawe),
    "fonseca": Problem(cube(3, -4, 4), fonseca),
    "viennet": Problem(cube(2, -3, 3), viennet, 3),
    "dtlz2": Problem(cube(6), dtlz2, 3),
    "network": Problem(NETWORK, network),
}


def volume(losses: Sequence[Losses], corner: Losses) -> float:
    """What losses cover of the space below a corner: slice by slice along the last objective."""
    below = sorted({row for row in losses if all(map(float.__lt__, row, corner))}, key=lambda row: row[-1])
    if not below:
        return 0.0
    if len(corner) == 1:
        return corner[0] - below[0][0]
    ends = [row[-1] for row in below] + [corner[-1]]
    slices = ((index + 1, end - start) for index, (start, end) in enumerate(pairwise(ends)) if end > start)
    return sum(depth * volume([row[:-1] for row in below[:count]], corner[:-1]) for count, depth in slices)


@lru_cache
def box(name: str) -> tuple[Losses, Losses]:
    """The least losses of random points, and the corner below which they are counted."""
    problem = PROBLEMS[name]
    points = Study(problem.space, algorithm="random", seed=1).ask_many(RANDOM_DRAWS)
    columns = list(zip(*(problem.loss(list(point.parameters.values())) for point in points), strict=True))
    return tuple(map(min, columns)), tuple(sorted(column)[RANDOM_DRAWS * 3 // 4] for column in columns)


def covered(name: str, losses: Sequence[Losses]) -> float:
    """What the losses of a search cover, as a part of the problem's box."""
    least, corner = box(name)
    best = [row for row, front in zip(losses, fronts(losses), strict=True) if front == 0]
    return volume(best, corner) / math.prod(high - low for low, high in zip(least, corner, strict=True))


def search(algorithm: str, name: str, seed: int, trials: int) -> list[Losses]:
    """All losses of one search by an algorithm of ours; a random one has no need of the other losses."""
    problem = PROBLEMS[name]
    metrics = [f"loss{number}" for number in range(problem.objectives)]
    study = Study(problem.space, algorithm=algorithm, seed=seed, metrics=metrics, max_trial_count=trials)
    losses = []
    for _ in range(trials):
        trial = study.ask()
        losses.append(problem.loss(list(trial.parameters.values())))
        study.tell(trial, dict(zip(metrics, losses[-1], strict=True)))
    return losses


def search_by_optuna(sampler: str, name: str, seed: int, trials: int) -> list[Losses]:
    """The same by one of Optuna's samplers, with its defaults."""
    optuna = import_module("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    kinds = {"optuna-nsgaii": optuna.samplers.NSGAIISampler, "optuna-tpe": optuna.samplers.TPESampler}
    problem = PROBLEMS[name]
    study = optuna.create_study(directions=["minimize"] * problem.objectives, sampler=kinds[sampler](seed=seed))

    def train(trial: Any) -> Losses:
        return problem.loss([_suggested(trial, key, entry) for key, entry in problem.space.items()])

    study.optimize(train, n_trials=trials)
    return [tuple(trial.values) for trial in study.trials]


def _suggested(trial: Any, name: str, parameter: Parameter) -> Any:
    text = parameter.text
    if parameter.values is not None:
        return trial.suggest_categorical(name, list(parameter.values.values()))
    if text.type == "int":
        return trial.suggest_int(name, int(text.min), int(text.max))
    return trial.suggest_float(name, float(text.min), float(text.max), log=text.distribution == "logUniform")


def campaign(options: argparse.Namespace) -> Iterator[Row]:
    """The runs that the file lacks, each with what is covered after every few trials."""
    done = {(row["algorithm"], row["problem"], row["seed"]) for row in read_kept(options.output)}
    for seed in range(options.first, options.first + options.seeds):
        for name in options.problem or PROBLEMS:
            for algorithm in options.algorithm:
                if (algorithm, name, seed) not in done:
                    run = search_by_optuna if algorithm.startswith("optuna-") else search
                    losses = run(algorithm, name, seed, CHECKPOINTS[-1])
                    steps = range(STEP, len(losses) + 1, STEP)
                    values = [round(covered(name, losses[:count]), 4) for count in steps]
                    yield {"algorithm": algorithm, "problem": name, "seed": seed, "values": values}


def table(rows: Sequence[Row]) -> Iterator[str]:
    """A line for each problem and number of trials: medians, and what of ours is worse than which of the others."""
    names = sorted({row["algorithm"] for row in rows})
    yield "  ".join(f"{name:>14}" for name in ("", *names))
    for problem in sorted({row["problem"] for row in rows}):
        for trials in CHECKPOINTS:
            found: dict[str, list[float]] = {}
            for row in rows:
                if row["problem"] == problem:
                    found.setdefault(row["algorithm"], []).append(row["values"][trials // STEP - 1])
            medians = [f"{statistics.median(found[name]):.3f} ({len(found[name])})" for name in names if name in found]
            yield "  ".join(f"{text:>14}" for text in (f"{problem} {trials}", *medians, *_worse(found)))


def _worse(found: Mapping[str, Sequence[float]]) -> Iterator[str]:
    for one, other in (("nsgaii", "optuna-nsgaii"), ("motpe", "optuna-tpe")):
        if one in found and other in found:
            chance = chance_of_worse([-value for value in found[one]], [-value for value in found[other]])
            if chance < WORSE:
                yield f"{one} is worse than {other}: p={chance:.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "output",
        type=Path,
        nargs="?",
        default=RESULTS,
        help="file of JSON lines that results are added to (%(default)s)",
    )
    parser.add_argument(
        "--algorithm", action="append", default=[], help="may be repeated; default: only print the table"
    )
    parser.add_argument("--problem", action="append", choices=list(PROBLEMS), help="may be repeated; default: all")
    parser.add_argument("--seeds", type=int, default=15, help="how many (default: %(default)s)")
    parser.add_argument("--first", type=int, default=101, help="the first seed (default: %(default)s)")
    options = parser.parse_args()
    keep(options.output, campaign(options))
    print(*table(read_kept(options.output)), sep="\n")


if __name__ == "__main__":
    main()
