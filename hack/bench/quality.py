"""How good searches are: seeded runs over the six problems of `problems.py`, kept as JSON lines, and a table of regrets.

A run that the file already holds is not repeated, so a bench that was interrupted goes on where it stopped. The first
line of what a file gets says which command wrote it. `--against` takes a file of measurements of other services (a JSON
object with `rows`) and adds, for each, the median and the one-sided Mann-Whitney test of ours being worse.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

# Seeded runs repeat with one thread; must be said before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from problems import PROBLEMS, Problem

from katib_apis.v1beta1 import api_pb2
from katib_suggestion.answers import answer_suggestions
from katib_suggestion.registry import Registry

METRIC = "loss"
CHECKPOINTS = (20, 50, 100)
WORSE = 0.01
Row = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One seeded search; its fields but `trials` are what a line of the file is found by."""

    algorithm: str
    problem: str
    parallel: int
    seed: int
    trials: int
    settings: Mapping[str, str] = field(default_factory=dict)
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or " ".join([self.algorithm, *(f"{key}={value}" for key, value in self.settings.items())])

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.name, self.problem, self.parallel, self.seed


def an_experiment(run: Run, problem: Problem) -> api_pb2.Experiment:
    settings = {"random_state": str(run.seed), **run.settings}
    goal = api_pb2.MAXIMIZE if problem.maximize else api_pb2.MINIMIZE
    spec = api_pb2.ExperimentSpec(
        parameter_specs=api_pb2.ExperimentSpec.ParameterSpecs(
            parameters=[entry.declared() for entry in problem.parameters]
        ),
        objective=api_pb2.ObjectiveSpec(type=goal, objective_metric_name=METRIC),
        algorithm=api_pb2.AlgorithmSpec(
            algorithm_name=run.algorithm,
            algorithm_settings=[api_pb2.AlgorithmSetting(name=key, value=value) for key, value in settings.items()],
        ),
        parallel_trial_count=run.parallel,
        max_trial_count=run.trials,
    )
    return api_pb2.Experiment(name=f"{run.problem}-{run.seed}", spec=spec)


def a_trial(number: int, assignments: api_pb2.GetSuggestionsReply.ParameterAssignments, value: float) -> api_pb2.Trial:
    trial = api_pb2.Trial(name=f"trial-{number:04}")
    trial.spec.parameter_assignments.assignments.extend(assignments.assignments)
    trial.status.condition = api_pb2.TrialStatus.SUCCEEDED
    trial.status.start_time = f"2026-01-31T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    trial.status.observation.metrics.add(name=METRIC, value=repr(value))
    return trial


def search(run: Run) -> Row:
    """The losses of a whole search, in the order of its trials; each batch waits for the one before it."""
    problem, registry = PROBLEMS[run.problem], Registry()
    experiment, started = an_experiment(run, problem), time.perf_counter()
    trials: list[api_pb2.Trial] = []
    losses: list[float] = []
    while len(trials) < run.trials:
        wanted = min(run.parallel, run.trials - len(trials))
        request = api_pb2.GetSuggestionsRequest(
            experiment=experiment,
            trials=trials,
            current_request_number=wanted,
            total_request_number=len(trials) + wanted,
        )
        for point in answer_suggestions(request, registry).parameter_assignments:
            texts = {entry.name: entry.value for entry in point.assignments}
            losses.append(problem.loss({entry.name: entry.parse(texts[entry.name]) for entry in problem.parameters}))
            trials.append(a_trial(len(trials), point, -losses[-1] if problem.maximize else losses[-1]))
    name, place, parallel, seed = run.key
    seconds = round(time.perf_counter() - started, 3)
    return {
        "algorithm": name,
        "problem": place,
        "parallel": parallel,
        "seed": seed,
        "losses": losses,
        "seconds": seconds,
    }


def read_rows(path: Path) -> list[Row]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [row for row in map(json.loads, lines) if "losses" in row]


def missing(runs: Iterable[Run], rows: Sequence[Row]) -> list[Run]:
    """Runs that the file lacks, or has with fewer trials."""
    done = {(row["algorithm"], row["problem"], row["parallel"], row["seed"]): len(row["losses"]) for row in rows}
    return [run for run in runs if done.get(run.key, 0) < run.trials]


def measure(runs: Sequence[Run], path: Path, processes: int) -> None:
    """Make the runs that are missing, each kept as soon as it is done."""
    wanted = missing(runs, read_rows(path))
    if not wanted:
        return
    with path.open("a") as file, ProcessPoolExecutor(processes) as pool:
        print(json.dumps({"command": shlex.join(sys.argv)}), file=file, flush=True)
        for count, future in enumerate(as_completed([pool.submit(search, run) for run in wanted]), 1):
            print(json.dumps(future.result()), file=file, flush=True)
            print(f"\r{count} of {len(wanted)} runs", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


Cell = tuple[str, int, int]
"""A problem, how many trials run at once, and after how many trials one looks."""


def regrets(rows: Iterable[Row]) -> dict[str, dict[Cell, list[float]]]:
    """By algorithm and cell, the regret of the best point so far in each run."""
    latest = {(row["algorithm"], row["problem"], row["parallel"], row["seed"]): row for row in rows}
    found: dict[str, dict[Cell, list[float]]] = {}
    for row in latest.values():
        for trials in CHECKPOINTS:
            if len(row["losses"]) >= trials:
                regret = PROBLEMS[row["problem"]].regret(min(row["losses"][:trials]))
                cells = found.setdefault(row["algorithm"], {})
                cells.setdefault((row["problem"], row["parallel"], trials), []).append(regret)
    return found


def other_regrets(path: Path, labels: Sequence[str]) -> dict[str, dict[Cell, list[float]]]:
    """The same of other services, as far as they ran in batches; a variant of a problem counts as the problem."""
    found: dict[str, dict[Cell, list[float]]] = {}
    for row in json.loads(path.read_text())["rows"]:
        if row["kind"] != "quality" or row["label"] not in labels or row["schedule"] != "batch":
            continue
        name = row["problem"].partition("+")[0]
        for run in row["runs"]:
            for trials in CHECKPOINTS:
                best = run["best"].get(str(trials))
                if best is not None:
                    regret = max(0.0, PROBLEMS[name].regret(best))
                    cells = found.setdefault(row["label"], {})
                    cells.setdefault((name, row["parallel"], trials), []).append(regret)
    return found


def chance_of_worse(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The p-value of "ours is not worse": below 0.01, ours is worse."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(ours, theirs, alternative="greater").pvalue)


def ranks(cell: Cell, everything: Mapping[str, Mapping[Cell, Sequence[float]]]) -> dict[str, float]:
    """The place of each by its median, from 1; equal ones share theirs."""
    medians = {name: statistics.median(cells[cell]) for name, cells in everything.items() if cell in cells}
    return {
        name: (sum(other < own for other in medians.values()) + sum(other <= own for other in medians.values()) + 1) / 2
        for name, own in medians.items()
    }


def table(everything: Mapping[str, Mapping[Cell, Sequence[float]]], ours: Sequence[str]) -> Iterator[str]:
    """Lines of a table: medians with the number of runs, what is worse where, and the median rank of each."""
    yield "  ".join(f"{name:>18}" for name in ("", *everything))
    cells = sorted({cell for name in ours for cell in everything[name]})
    for cell in cells:
        found = [everything[name].get(cell) for name in everything]
        medians = ["-" if values is None else f"{statistics.median(values):.3g} ({len(values)})" for values in found]
        texts = [f"{cell[0]:13} P={cell[1]} {cell[2]:3}", *medians]
        yield "  ".join([f"{text:>18}" for text in texts] + list(_worse(cell, everything, ours)))
    for name in everything:
        places = [ranks(cell, everything)[name] for cell in cells if cell in everything[name]]
        if places:
            yield f"median rank of {name}: {statistics.median(places)} (mean {statistics.mean(places):.2f})"


def _worse(cell: Cell, everything: Mapping[str, Mapping[Cell, Sequence[float]]], ours: Sequence[str]) -> Iterator[str]:
    """Where one of ours is worse than one of the others, and how sure that is."""
    for name, other in product(ours, sorted(set(everything) - set(ours))):
        if cell in everything[name] and cell in everything[other]:
            chance = chance_of_worse(everything[name][cell], everything[other][cell])
            if chance < WORSE:
                yield f"{name} is worse than {other}: p={chance:.2g}"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="file of JSON lines that results are added to")
    parser.add_argument("--algorithm", action="append", help="may be repeated; default: only print the table")
    parser.add_argument("--problem", action="append", choices=list(PROBLEMS), help="may be repeated; default: all")
    parser.add_argument("--seeds", type=int, default=15)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--parallel", type=int, action="append", help="may be repeated; default: 1")
    parser.add_argument("--setting", action="append", default=[], help="NAME=VALUE for the algorithm")
    parser.add_argument("--label", default="", help="what to call the runs; default: algorithm and settings")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--against", type=Path, help="a file of measurements of other services")
    parser.add_argument("--other", action="append", default=[], help="a label of that file; may be repeated")
    return parser


def main() -> None:
    options = build_parser().parse_args()
    settings = dict(entry.split("=", 1) for entry in options.setting)
    runs = [
        Run(algorithm, problem, parallel, seed, options.trials, settings, options.label)
        for seed in range(1, options.seeds + 1)
        for algorithm in options.algorithm or []
        for problem in options.problem or PROBLEMS
        for parallel in options.parallel or [1]
    ]
    measure(runs, options.output, options.processes)
    found = regrets(read_rows(options.output))
    others = other_regrets(options.against, options.other) if options.against else {}
    print(*table({**found, **others}, list(found)), sep="\n")


if __name__ == "__main__":
    main()
