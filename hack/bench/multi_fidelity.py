"""`hyperband` and `pbt` beside `random` at equal cost: simulated curves and real training, by seed.

hyperband: as many epochs in all as random spends on trials with all of the resource; every trial begins anew. pbt: as many
steps in all as random spends on one long trial for each member of the population. Three trials at a time. The value is the
best loss of any trial; p is that of a one-sided Mann-Whitney test that the algorithm's values are smaller.
The same seed gives the same numbers.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import os
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests")]

# Seeded training repeats with one thread; must be said before numpy is loaded.
os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

from contracts.algorithms.questions import a_parameter  # noqa: E402
from contracts.algorithms.running import Running, end, values_of  # noqa: E402
from early_stopping import EPOCHS, START, height  # noqa: E402
from networks import Network  # noqa: E402

from katib_apis.v1beta1 import api_pb2, names  # noqa: E402
from katib_suggestion.memory import Memory  # noqa: E402

PARALLEL = 3
Values = Mapping[str, str]


def a_double(name: str, low: float, high: float, *, log: bool = False) -> api_pb2.ParameterSpec:
    distribution = api_pb2.LOG_UNIFORM if log else api_pb2.UNIFORM
    return a_parameter(name, api_pb2.DOUBLE, bounds=(repr(low), repr(high)), distribution=distribution)


CUBE = [a_double(f"x{axis}", 0.0, 1.0) for axis in range(6)]
NETWORK = [
    a_parameter("width", api_pb2.INT, bounds=("4", "64")),
    a_double("rate", 1e-4, 3.0, log=True),
    a_double("momentum", 0.0, 0.95),
    a_double("alpha", 1e-6, 1.0, log=True),
]


def power_law(values: Values, epochs: int, seed: int, *, crossing: bool = False) -> float:
    """quality.md §7: the loss after so many epochs; crossing curves fall as fast as their first parameter says."""
    point = [float(values[f"x{axis}"]) for axis in range(6)]
    floor = min(1.0, height(point))
    speed = 0.2 + 0.6 * point[0] if crossing else 0.5
    return float(floor + (START - floor) * epochs**-speed)


def trained(values: Values, epochs: int, seed: int) -> float:
    """What a network comes to that begins anew."""
    learner = Learner(values, seed)
    return learner.train(values, epochs, random.Random(seed))


class Learner:
    """A network whose rate, momentum and decay change while it learns; a copy of it is its checkpoint."""

    parameters = tuple(NETWORK[1:])

    def __init__(self, values: Values, seed: int) -> None:
        self.network = Network(int(values.get("width", "32")), seed)

    def train(self, values: Values, steps: int, dice: random.Random) -> float:
        for _ in range(steps):
            self.network.learn(float(values["rate"]), float(values["momentum"]), float(values["alpha"]))
        return self.network.loss()


@dataclass(frozen=True)
class Race:
    """A problem with a resource: what random may spend, and what a trial gives."""

    parameters: Sequence[api_pb2.ParameterSpec]
    most: int
    trials: int
    train: Callable[[Values, int, int], float]

    def random(self, seed: int) -> float:
        running = Running("random", self.parameters, {"random_state": str(seed)}, memory=Memory())
        running.run(self.trials, PARALLEL, lambda trial: self.train(values_of(trial), self.most, seed))
        return best(running)

    def hyperband(self, seed: int) -> float:
        settings = {"r_l": str(self.most), "resource_name": "epochs", "random_state": str(seed)}
        running = Running("hyperband", [*self.parameters, EPOCH], settings, memory=Memory())
        spent, active, budget = 0, [], self.most * self.trials
        while True:
            for trial in running.ask(PARALLEL - len(active)):
                active.append(trial)
                spent += int(values_of(trial)["epochs"])
            if spent > budget:
                return best(running)
            first = active.pop(0)
            end(first, self.train(values_of(first), int(values_of(first)["epochs"]), seed))


EPOCH = a_parameter("epochs", api_pb2.INT, bounds=("1", "1"))


def best(running: Running) -> float:
    """The least loss of the trials that have ended."""
    found = [float(metric.value) for trial in running.trials for metric in trial.status.observation.metrics]
    return min(found)


RACES = {
    "power law": Race(CUBE, EPOCHS, 60, power_law),
    "crossing": Race(CUBE, EPOCHS, 60, lambda values, epochs, seed: power_law(values, epochs, seed, crossing=True)),
    "network": Race(NETWORK, 27, 12, trained),
}


class Quadratic:
    """quality.md §6: two weights, of which one alone learns, as the hyperparameter says: both do only by turns."""

    parameters = (a_parameter("learns", api_pb2.CATEGORICAL, list=["first", "second"]),)

    def __init__(self, values: Values, seed: int) -> None:
        self.weights = [0.9, 0.9]

    def train(self, values: Values, steps: int, dice: random.Random) -> float:
        learns = ("first", "second").index(values["learns"])
        for _ in range(steps):
            self.weights[learns] -= 0.02 * self.weights[learns]
        return float(sum(w * w for w in self.weights)) - 1.2


class Triangle:
    """quality.md §6: the best rate rises, then falls, while accuracy grows."""

    parameters = (a_double("rate", 0.0001, 0.02),)

    def __init__(self, values: Values, seed: int) -> None:
        self.accuracy = 0.0

    def train(self, values: Values, steps: int, dice: random.Random) -> float:
        rate = float(values["rate"])
        for _ in range(steps):
            a = self.accuracy
            good = 0.01 * a / 50 if a < 50 else 0.01 - 0.01 * (a - 50) / 50
            good = min(0.01, max(0.001, good))
            ratio = max(rate, good) / min(rate, good)
            if ratio < 3:
                a += dice.random() / ratio
            elif rate > good:
                a -= (ratio - 3) * dice.random()
            self.accuracy = min(100.0, max(0.0, a + 2 * dice.gauss(0, 1)))
        return -self.accuracy / 100


@dataclass(frozen=True)
class Nursery:
    """A problem for a population: so many members and generations, of so many steps each."""

    kind: type
    members: int
    generations: int
    steps: int

    def random(self, seed: int) -> float:
        def train(trial: api_pb2.Trial) -> float:
            values, dice = values_of(trial), random.Random(f"{seed}/{trial.name}")
            found: object = self.kind(values, seed)
            losses = [found.train(values, self.steps, dice) for _ in range(self.generations)]  # type: ignore[attr-defined]
            return min(losses)

        running = Running("random", self.kind.parameters, {"random_state": str(seed)}, memory=Memory())
        running.run(self.members, PARALLEL, train)
        return best(running)

    def pbt(self, seed: int) -> float:
        states: dict[str, object] = {}

        def train(trial: api_pb2.Trial) -> float:
            values, parent = values_of(trial), trial.spec.labels.get(names.LABEL_PBT_PARENT, "")
            state = copy.deepcopy(states[parent]) if parent else self.kind(values, seed)
            states[trial.name] = state
            return float(state.train(values, self.steps, random.Random(f"{seed}/{trial.name}")))

        settings = {
            "suggestion_trial_dir": "/checkpoints",
            "n_population": str(self.members),
            "truncation_threshold": "0.5",
            "random_state": str(seed),
        }
        running = Running("pbt", self.kind.parameters, settings, memory=Memory())
        running.run(self.members * self.generations, PARALLEL, train)
        return best(running)


NURSERIES = {
    "quadratic": Nursery(Quadratic, 10, 20, 4),
    "triangle wave": Nursery(Triangle, 20, 20, 20),
    "network": Nursery(Learner, 10, 10, 2),
}
TRAINED = "network"


@dataclass(frozen=True)
class Row:
    """All seeds of one algorithm on one problem."""

    algorithm: str
    problem: str
    random: list[float]
    found: list[float]

    @property
    def p(self) -> float:
        from scipy.stats import mannwhitneyu

        return float(mannwhitneyu(self.found, self.random, alternative="less").pvalue)

    def __str__(self) -> str:
        medians = f"{statistics.median(self.found):8.4f} beside {statistics.median(self.random):8.4f}"
        return f"{self.algorithm:10} {self.problem:14} {medians}   p = {self.p:.2g}   {len(self.found)} seeds"


def measured(seeds: Sequence[int], problems: Sequence[str]) -> Iterator[Row]:
    for name, race in RACES.items():
        if name in problems:
            yield Row("hyperband", name, [*map(race.random, seeds)], [*map(race.hyperband, seeds)])
    for name, nursery in NURSERIES.items():
        if name in problems:
            yield Row("pbt", name, [*map(nursery.random, seeds)], [*map(nursery.pbt, seeds)])


def main() -> None:
    known = sorted({*RACES, *NURSERIES})
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=15, help="how many (default: 15)")
    parser.add_argument(
        "--first", type=int, default=101, help="the first seed (default: 101; 0 to 14 chose the settings)"
    )
    parser.add_argument("--real", action="store_true", help="train networks, too; takes two minutes of a core")
    parser.add_argument("--only", choices=known, help="one problem")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each row, with every seed's numbers")
    options = parser.parse_args()
    logging.disable()  # a population of simulated trials has no directory
    problems = [options.only] if options.only else [name for name in known if options.real or name != TRAINED]
    for row in measured(range(options.first, options.first + options.seeds), problems):
        print(json.dumps(asdict(row)) if options.json else row, flush=True)


if __name__ == "__main__":
    main()
