"""What enas and darts come to, with the training programs of their examples: kept as JSON lines, what is there is not repeated.

python hack/bench/architectures.py [hack/bench/results/architectures.jsonl]

table: all 512 architectures of three layers with four operations each, trained for one epoch; searches look their accuracies
up, so that many seeds cost little. enas: the best accuracy so far after each trial, one at a time, with default settings, with
learning switched off, and of architectures drawn at random; no way tries one twice. darts: the accuracy of its mixture of
operations after each epoch, as its program prints it: on the half of the digits that the architecture learns from; with the
settings of its example but for the epochs, and with an architecture that stays as it is. Training is seeded, so the same
command gives the same numbers; it takes about six minutes of a core.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

# Seeded training repeats with one thread; must be said before numpy is loaded.
os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

from katib_nas_digits import darts, enas
from kept import Row, keep, read_kept

from katib_domain.search_space import ParameterText, Point
from katib_suggestion.algorithms.enas import ENAS
from katib_suggestion.architectures import ARCHITECTURE, CONFIGURATION, read_architectures
from katib_suggestion.history import History
from katib_suggestion.memory import Memory
from katib_suggestion.problem import NasText, OperationText, Problem
from katib_suggestion.proposals import Task, suggest
from katib_suggestion.randomness import Randomness
from katib_suggestion.search import Observation, State, Trial

RESULTS = Path(__file__).parent / "results/architectures.jsonl"
SEEDS, TRIALS, EPOCHS = range(101, 131), 60, 8
WEIGHTS = range(2)
"""Seeds of the weights that darts begins with."""
OPERATIONS = (
    ("convolution", {"filter_size": "3 5", "num_filter": "8"}),
    ("separable_convolution", {"filter_size": "3", "num_filter": "8"}),
    ("reduction", {"reduction_type": "max_pooling", "pool_size": "2"}),
)
SPACE = read_architectures(
    Problem(
        "enas",
        nas=NasText(
            3,
            (8, 8, 1),
            (10,),
            tuple(
                OperationText(
                    kind,
                    tuple(
                        ParameterText(name, "categorical", list=tuple(texts.split())) for name, texts in given.items()
                    ),
                )
                for kind, given in OPERATIONS
            ),
        ),
    )
)
WAYS: Mapping[str, ENAS | None] = {
    "enas": ENAS(),
    "enas without learning": ENAS(controller_learning_rate=1e-12),
    "random": None,
}
CELLS = {"darts": 0.01, "an architecture that stays": 0.0}
"""Learning rates of the architecture."""
PRIMITIVES = ("separable_convolution_3x3", "max_pooling_3x3", "skip_connection")


def points() -> list[Point]:
    """Every architecture."""
    assert SPACE.size is not None
    return [SPACE.at(place) for place in range(SPACE.size)]


def accuracy_of(point: Point) -> float:
    """What the network of an architecture comes to in one epoch, on digits that it has not learned from."""
    texts = {name: json.loads(text.replace("'", '"')) for name, text in SPACE.format(point).items()}
    (found,) = enas.train(texts[ARCHITECTURE], texts[CONFIGURATION], epochs=1, seed=0)
    return found["Validation-Accuracy"]


def best_so_far(way: ENAS | None, seed: int, accuracies: Mapping[Point, float]) -> list[float]:
    """The best accuracy after each trial."""
    if way is None:
        chosen = random.Random(seed).sample(list(accuracies), TRIALS)
        return list(accumulate(map(accuracies.__getitem__, chosen), max))
    history, memory, found = History(), Memory(), []
    task = Task(way, SPACE, Randomness("enas", "bench", seed))
    for number in range(TRIALS):
        (entry,) = suggest(task, history, number, 1, memory).suggestions
        found.append(accuracies[entry.point])
        seen = Observation(entry.point, -found[-1])
        history.add(Trial(str(number), State.OBSERVED, entry.point, seen), exact=True)
    return list(accumulate(found, max))


def accuracies_by_epoch(rate: float, seed: int) -> list[float]:
    """Of the mixture, on the half of the digits that the architecture is judged by."""
    settings = darts.Settings(
        num_epochs=EPOCHS, num_nodes=2, init_channels=4, stem_multiplier=1, batch_size=64, w_lr=0.2, alpha_lr=rate
    )
    return [accuracy for accuracy, _ in darts.search(settings, PRIMITIVES, layers=2, seed=seed)]


def campaign(done: Sequence[Row]) -> Iterator[Row]:
    """The rows that are not there yet, each as soon as it is known."""
    kept = {(row["algorithm"], row["way"], row["seed"]): row for row in done}
    key = ("enas", "table", 0)
    if key not in kept:
        kept[key] = row_of(*key, [accuracy_of(point) for point in points()])
        yield kept[key]
    accuracies = dict(zip(points(), kept[key]["values"], strict=True))
    for name, way in WAYS.items():
        for seed in SEEDS:
            if ("enas", name, seed) not in kept:
                yield row_of("enas", name, seed, best_so_far(way, seed, accuracies))
    for name, rate in CELLS.items():
        for seed in WEIGHTS:
            if ("darts", name, seed) not in kept:
                yield row_of("darts", name, seed, accuracies_by_epoch(rate, seed))


def row_of(algorithm: str, way: str, seed: int, values: Sequence[float]) -> Row:
    return {"algorithm": algorithm, "way": way, "seed": seed, "values": [round(float(value), 4) for value in values]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "output", type=Path, nargs="?", default=RESULTS, help="file of JSON lines (default: %(default)s)"
    )
    options = parser.parse_args()
    keep(options.output, campaign(read_kept(options.output)))


if __name__ == "__main__":
    main()
