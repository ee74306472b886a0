"""What one answer of an algorithm costs: decoding a history, cold and warm, and the answer itself; CPU milliseconds.

python hack/bench/suggestion.py [--trials 1000] [--algorithms random,tpe] [--experiments 50]

With --experiments it prints instead how much memory one process takes that serves so many, each with so many trials.

Processor time and not wall time, the best of several: other work on the machine then matters least. The last column is
the algorithm's share: the answer on a history that is decoded already, less the decoding.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from contracts.algorithms.questions import a_question, a_trial, an_experiment, points_of, seed_of

from katib_apis.v1beta1 import api_pb2
from katib_suggestion.answers import answer_suggestions, read_task
from katib_suggestion.history import Reading
from katib_suggestion.memory import Memory
from katib_suggestion.registry import Registry

ROUNDS = 9


def cost(work: Callable[[], object]) -> float:
    """CPU milliseconds, the best of several rounds."""
    found = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return 1000 * min(found)


def a_history(registry: Registry, count: int) -> list[api_pb2.Trial]:
    """Random trials of a mixed space, an hour long in all, most of them with a value."""
    dice = random.Random(1)
    experiment = an_experiment("random", settings={"random_state": "1"}, most=count)
    trials: list[api_pb2.Trial] = []
    while len(trials) < count:
        for point in points_of(answer_suggestions(a_question(experiment, trials, count - len(trials)), registry)):
            trial = a_trial(len(trials), point, str(dice.random()))
            number = len(trials) * 3600 // count
            trial.status.start_time = f"2026-01-01T00:{number // 60:02d}:{number % 60:02d}Z"
            trial.status.completion_time = f"2026-01-01T01:{number // 60:02d}:{number % 60:02d}Z"
            trials.append(trial)
    return trials


def measure(name: str, trials: list[api_pb2.Trial], registry: Registry) -> str:
    question = a_question(an_experiment(name, settings=seed_of(name, 1), most=10**6), trials, 1)
    task, objectives = read_task(question.experiment, registry)
    reading, memory = Reading(task.space, objectives, task.strategy.resource, "/searching"), Memory()
    cold = cost(lambda: reading.read_all(question.trials))
    warm = cost(lambda: reading.read_all(question.trials, memory))

    def answer() -> object:
        fresh = Memory()  # what was fitted is forgotten, what was decoded is not
        fresh.renew(reading.key, lambda _: memory.renew(reading.key, lambda kept: kept, lambda _: 0), lambda _: 0)
        return answer_suggestions(question, registry, memory=fresh)

    whole = cost(answer)
    return f"{name:22} {cold:9.1f} {warm:9.1f} {whole:9.1f} {whole - warm:9.1f}"


def memory_of(experiments: int, trials: list[api_pb2.Trial], names: list[str], registry: Registry) -> str:
    """Peak of this process in MiB after every experiment was asked twice; they take the algorithms in turns."""
    memory = Memory()
    for number in [*range(experiments)] * 2:
        name = names[number % len(names)]
        question = a_question(an_experiment(name, settings=seed_of(name, number), most=10**6), trials, 1)
        question.experiment.name = f"experiment-{number}"
        answer_suggestions(question, registry, memory=memory)
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return (
        f"{experiments} experiments: {int(peak[1]) / 1024:.0f} MiB, {memory.size / 2**20:.0f} of them kept"
        if peak
        else ""
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--algorithms", default="")
    parser.add_argument("--experiments", type=int, default=0)
    chosen = parser.parse_args()
    registry = Registry()
    trials = a_history(registry, chosen.trials)
    names = [*filter(None, chosen.algorithms.split(","))] or registry.names
    if chosen.experiments:
        print(memory_of(chosen.experiments, trials, names, registry))
        return
    print(f"{chosen.trials} trials, CPU ms       decode   decoded    answer algorithm")
    for name in names:
        print(measure(name, trials, registry))


if __name__ == "__main__":
    main()
