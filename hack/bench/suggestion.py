"""What one answer of an algorithm costs, beside Optuna's own ask and Katib's services; CPU milliseconds.

python hack/bench/suggestion.py [--trials 1000] [--algorithms random,tpe] [--experiments 50]

decode: reading the history, cold and (kept) when all but one trial were read before. own: the algorithm's share of an answer
on a history that is decoded, with nothing else kept; next: the same behind the answer to the history before its last trial, as
a search asks, trial by trial. optuna: `study.ask` of the sampler of that kind on as many trials, in this process; it, too, goes
on from a state that its storage keeps. call: all of an answer, from the request's bytes to the reply's, in a warm process, and
(fresh) the first one of a process that has validated the Experiment, as the controller has it do before it asks; load: that
validation, with the algorithm's libraries. katib: the same of Katib's service, whose process loads its libraries before it
listens, as `results/katib.json` has it (wall time over gRPC, another day, a machine of this kind); in brackets how many times
as long that is. With --experiments it prints instead how much memory one process takes that serves so many, each with so many
trials.

Processor time and not wall time, the best of several: other work on the machine then matters least. One BLAS thread.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Must be said before numpy is loaded.
os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

from problems import PROBLEMS
from searches import METRIC, OPTUNA, Run, a_distribution, a_sampler, a_trial, an_experiment
from verdicts import RIVALS

from katib_apis.v1beta1 import api_pb2
from katib_suggestion.answers import answer_suggestions, answer_validation, read_task, to_reading
from katib_suggestion.history import Reading
from katib_suggestion.memory import Memory
from katib_suggestion.registry import Registry

ROUNDS = 9
PROBLEM = PROBLEMS["mixed"]
LATENCY = Path(__file__).parent / "results/katib.json"
ASKED = {name: rivals[-1].removeprefix(OPTUNA) for name, rivals in RIVALS.items() if rivals[-1].startswith(OPTUNA)}
"""The sampler of Optuna's that is of an algorithm's kind."""


def cost(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """CPU milliseconds, the best of several rounds; of one where one takes seconds."""
    found: list[float] = []
    while len(found) < rounds and sum(found) < 5:
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return 1000 * min(found)


def a_question(name: str, count: int) -> api_pb2.GetSuggestionsRequest:
    """The next point after so many random ones, each with its loss."""
    dice = random.Random(1)
    question = api_pb2.GetSuggestionsRequest(experiment=an_experiment(Run(name, "mixed", 1, 1, 10**6), PROBLEM))
    for number in range(count):
        point = api_pb2.GetSuggestionsReply.ParameterAssignments()
        values = {entry.name: entry.draw(dice) for entry in PROBLEM.parameters}
        for key, value in values.items():
            point.assignments.add(name=key, value=str(value))
        trial = a_trial(number, point)
        trial.status.completion_time = trial.status.start_time.replace("T0", "T1")
        trial.status.condition = api_pb2.TrialStatus.SUCCEEDED
        trial.status.observation.metrics.add(name=METRIC, value=repr(PROBLEM.loss(values)))
        question.trials.append(trial)
    question.current_request_number, question.total_request_number = 1, count + 1
    return question


def ask_of_optuna(name: str, count: int) -> float | None:
    """CPU milliseconds of one ask after so many trials; None without such a sampler."""
    needed = "torch" if ASKED.get(name) == "gp" else "optuna"
    if name not in ASKED or find_spec(needed) is None:
        return None
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    dice, study = random.Random(1), optuna.create_study(sampler=a_sampler(ASKED[name], 1))
    space = {entry.name: a_distribution(entry) for entry in PROBLEM.parameters}
    for _ in range(count):
        values = {entry.name: entry.draw(dice) for entry in PROBLEM.parameters}
        study.add_trial(optuna.create_trial(params=values, distributions=space, value=PROBLEM.loss(values)))
    return cost(lambda: study.ask(space))


def katib_of(name: str, count: int) -> tuple[float | None, float | None]:
    """Milliseconds of the fastest of Katib's services of that name, warm and fresh."""
    rows = [row for row in json.loads(LATENCY.read_text())["latency"] if row[0] in RIVALS.get(name, ())]
    found = [row for row in rows if row[1] == count]
    warm, fresh = [row[3] for row in found], [row[2] for row in found if row[2] is not None]
    return min(warm, default=None), min(fresh, default=None)


def fresh_call(name: str, count: int) -> tuple[float, float]:
    """CPU milliseconds of the validation and of the first call of a process that has just started."""
    command = [sys.executable, __file__, f"--algorithms={name}", f"--trials={count}", "--first-call"]
    found = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(3)]
    loads, calls = zip(*found, strict=True)
    return min(map(float, loads)), min(map(float, calls))


def first_call(name: str, count: int) -> tuple[float, float]:
    question, registry = a_question(name, count), Registry()
    wire, given = question.SerializeToString(), api_pb2.ValidateAlgorithmSettingsRequest(experiment=question.experiment)
    load = cost(lambda: answer_validation(given, registry), rounds=1)
    return load, cost(lambda: answered(wire, registry, Memory()), rounds=1)


def next_call(question: api_pb2.GetSuggestionsRequest, registry: Registry) -> float:
    """CPU milliseconds of a call in a process that has answered for the history before its last trial."""
    earlier, wire, found = api_pb2.GetSuggestionsRequest(), question.SerializeToString(), []
    earlier.CopyFrom(question)
    del earlier.trials[-1]
    earlier.total_request_number -= 1
    while len(found) < ROUNDS and sum(found) < 5000:
        memory = Memory()
        answered(earlier.SerializeToString(), registry, memory)
        found.append(cost(lambda memory=memory: answered(wire, registry, memory), rounds=1))  # type: ignore[misc]
    return min(found)


def answered(wire: bytes, registry: Registry, memory: Memory) -> bytes:
    question = api_pb2.GetSuggestionsRequest.FromString(wire)
    return answer_suggestions(question, registry, memory=memory).SerializeToString()


def measure(name: str, count: int, registry: Registry) -> dict[str, float | None]:
    question = a_question(name, count)
    task, objectives = read_task(question.experiment, registry)
    reading, memory = to_reading(task, objectives, question.experiment), Memory()
    cold = cost(lambda: reading.read_all(question.trials), 30)
    reading.read_all(question.trials[:-1], memory)
    warm = cost(lambda: reading.read_all(question.trials, kept(reading, memory)))
    wire = question.SerializeToString()
    call = cost(lambda: answered(wire, registry, kept(reading, memory)))
    parse = cost(lambda: api_pb2.GetSuggestionsRequest.FromString(wire))
    katib_warm, katib_fresh = katib_of(name, count)
    load, fresh = fresh_call(name, count)
    return {
        "decode": cold,
        "kept": warm,
        "own": call - warm - parse,
        "next": next_call(question, registry) - warm - parse,
        "optuna": ask_of_optuna(name, count),
        "call": call,
        "katib": katib_warm,
        "load": load,
        "fresh": fresh,
        "katib fresh": katib_fresh,
    }


def kept(reading: Reading, memory: Memory) -> Memory:
    """What is decoded and nothing that was fitted."""
    fresh = Memory()
    fresh.renew(reading.key, lambda _: memory.renew(reading.key, lambda found: found, lambda _: 0), lambda _: 0)
    return fresh


def verdicts(name: str, count: int, found: Mapping[str, Any]) -> list[str]:
    """What is slower than it should be; nothing is said of what nobody measured."""
    limits = {
        "decode": 10 * count / 1000,
        "next": max(5.0, 1.2 * found["optuna"]) if found["optuna"] is not None else None,
        "call": found["katib"] / 5 if (found["katib"] or 0) > 50 else None,
        "fresh": found["katib fresh"] / 2 if (found["katib fresh"] or 0) > 50 else None,
    }
    if name == "bayesianoptimization":
        limits["call"] = 1000.0 if count <= 1000 else 2000.0
    return [f"{key} > {limit:.1f}" for key, limit in limits.items() if limit is not None and found[key] > limit]


def memory_of(experiments: int, count: int, names: list[str], registry: Registry) -> str:
    """Peak of this process in MiB after every experiment was asked twice; they take the algorithms in turns."""
    memory = Memory()
    for number in [*range(experiments)] * 2:
        question = a_question(names[number % len(names)], count)
        question.experiment.name = f"experiment-{number}"
        answer_suggestions(question, registry, memory=memory)
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    most = int(peak[1]) / 1024 if peak else float("nan")
    return f"{experiments} experiments: {most:.0f} MiB, {memory.size / 2**20:.0f} of them kept"


BESIDE = {"optuna": "next", "katib": "call", "katib fresh": "fresh"}
"""What is compared with what."""


def shown(found: Mapping[str, float | None], key: str) -> str:
    """A number, and of somebody else's how many times as long it is as ours."""
    value, ours = found[key], found.get(BESIDE.get(key, ""))
    if value is None:
        return f"{'-':>16}"
    times = f" ({value / ours:.1f}x)" if ours else ""
    return f"{f'{value:.1f}{times}':>16}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--algorithms", default=",".join(name for name in RIVALS if name in Registry().names))
    parser.add_argument("--experiments", type=int, default=0)
    parser.add_argument("--first-call", action="store_true", help="only the first call of this process")
    chosen = parser.parse_args()
    registry, names = Registry(), chosen.algorithms.split(",")
    if chosen.first_call:
        print(*first_call(names[0], chosen.trials))
    elif chosen.experiments:
        print(memory_of(chosen.experiments, chosen.trials, names, registry))
    else:
        head = ("decode", "kept", "own", "next", "optuna", "call", "katib", "load", "fresh", "katib fresh")
        print(f"{f'{chosen.trials} trials, CPU ms':22}", *(f"{text:>16}" for text in head), sep="")
        for name in names:
            found = measure(name, chosen.trials, registry)
            slow = verdicts(name, chosen.trials, found)
            print(
                f"{name:22}", *(shown(found, key) for key in head), "  ", "; ".join(slow) or "holds", sep="", flush=True
            )


if __name__ == "__main__":
    main()
