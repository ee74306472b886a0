"""The conformance tests of algorithms.md §16 that span several calls, for every algorithm, asked over gRPC.

1 restart · 5 finite · 6 batch · 7 pending · 8 direction · 9 formatting · 11 time and memory are here; 2 repeat, 3 odd history
and 10 validation are in test_promises.py, 4 bounds in test_acceptance.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from contracts.algorithms.questions import (
    ALGORITHMS,
    MIXED,
    Service,
    a_parameter,
    a_question,
    a_trial,
    an_experiment,
    names_points,
    seed_of,
    serving,
)

from katib_apis.v1beta1 import api_pb2

Status = api_pb2.TrialStatus
SQUARE = [a_parameter(name, api_pb2.DOUBLE, bounds=("-3.5", "6.9")) for name in ("x", "y")]
CELLS = [
    a_parameter("x", api_pb2.INT, bounds=("1", "3")),
    a_parameter("y", api_pb2.INT, bounds=("1", "4")),
]
LIMIT = 512 * 2**20


def trials_of(
    experiment: api_pb2.Experiment, reply: api_pb2.GetSuggestionsReply, trials: list[api_pb2.Trial], **status: object
) -> list[api_pb2.Trial]:
    """Trials of a reply, as a controller makes them: with its names and labels, and with what it wrote back."""
    made = []
    for entry in reply.parameter_assignments:
        trial = a_trial(len(trials) + len(made), {found.name: found.value for found in entry.assignments}, **status)  # type: ignore[arg-type]
        trial.name = entry.trial_name or trial.name
        trial.spec.labels.update(entry.labels)
        made.append(trial)
    settings = experiment.spec.algorithm.algorithm_settings
    kept = {entry.name: entry.value for entry in (*settings, *reply.algorithm.algorithm_settings)}
    del settings[:]
    for name, value in kept.items():
        settings.add(name=name, value=value)
    return made


def point_of(trial: api_pb2.Trial) -> dict[str, str]:
    return {entry.name: entry.value for entry in trial.spec.parameter_assignments.assignments}


def keys_of(points: list[dict[str, str]]) -> set[tuple[tuple[str, str], ...]]:
    return {tuple(sorted(point.items())) for point in points}


def test_a_new_process_for_every_call_changes_nothing(tmp_path: Path) -> None:
    """§16.1: 30 trials in batches of three; no error, exact counts, and for those that name points, distinct ones."""
    experiments = {name: an_experiment(name, settings=seed_of(name, 7)) for name in ALGORITHMS}
    histories: dict[str, list[api_pb2.Trial]] = {name: [] for name in ALGORITHMS}
    for number in range(10):
        folder = tmp_path / str(number)
        folder.mkdir()
        with serving(folder) as service:
            for name, trials in histories.items():
                reply = service.ask(a_question(experiments[name], trials, wanted=3))
                assert len(reply.parameter_assignments) == 3, name
                trials += trials_of(experiments[name], reply, trials, value=str(number % 4))
    for name in filter(names_points, ALGORITHMS):
        assert len(keys_of([*map(point_of, histories[name])])) == 30, name


def test_a_finite_space_of_twelve_points_gives_twelve_and_then_none(service: Service, algorithm: str) -> None:
    """§16.5."""
    experiment = an_experiment(algorithm, CELLS, seed_of(algorithm, 7))
    trials: list[api_pb2.Trial] = []
    counts = []
    while reply := service.ask(a_question(experiment, trials, wanted=5)).parameter_assignments:
        counts.append(len(reply))
        for entry in reply:
            trials.append(a_trial(len(trials), {found.name: found.value for found in entry.assignments}, "0.5"))
    assert counts == [5, 5, 2] and len(keys_of([*map(point_of, trials)])) == 12


def test_a_batch_of_eight_is_eight_points(service: Service, algorithm: str) -> None:
    """§16.6: beside 20 observations, in a continuous space."""
    experiment = an_experiment(algorithm, SQUARE, seed_of(algorithm, 7))
    first = service.points(a_question(experiment, wanted=20))
    trials = [a_trial(number, point, point["x"]) for number, point in enumerate(first)]
    points = service.points(a_question(experiment, trials, wanted=8))
    assert len(keys_of([*first, *points])) == 28


def test_pending_points_are_not_proposed_again(service: Service, algorithm: str) -> None:
    """§16.7, D-22: asked again without any news."""
    experiment = an_experiment(algorithm, SQUARE, seed_of(algorithm, 7))
    first = service.points(a_question(experiment, wanted=3))
    trials = [a_trial(number, point, condition=Status.RUNNING) for number, point in enumerate(first)]
    assert len(keys_of([*first, *service.points(a_question(experiment, trials, wanted=3))])) == 6


def test_maximizing_the_negative_is_minimizing(service: Service, any_algorithm: str) -> None:
    """§16.8, D-20."""

    def run(goal: int, sign: int) -> list[dict[str, str]]:
        experiment = an_experiment(any_algorithm, MIXED, seed_of(any_algorithm, 7), goal=goal)
        trials: list[api_pb2.Trial] = []
        while len(trials) < 30:
            reply = service.ask(a_question(experiment, trials, wanted=3))
            for trial in trials_of(experiment, reply, trials, value="0"):
                loss = float(point_of(trial).get("rate", len(trials) % 5))
                for metric in trial.status.observation.metrics:
                    metric.value = repr(sign * loss)
                trials.append(trial)
        return [*map(point_of, trials)]

    if seed_of(any_algorithm, 7):
        assert run(api_pb2.MINIMIZE, 1) == run(api_pb2.MAXIMIZE, -1)


def test_numbers_are_written_as_the_contract_says(service: Service, algorithm: str) -> None:
    """§16.9, D-06: whole numbers in digits, doubles in the shortest text that reads back, list values verbatim."""
    parameters = [
        a_parameter("whole", api_pb2.INT, bounds=("-10", "10")),
        a_parameter("free", api_pb2.DOUBLE, bounds=("-1e-3", "1e-3")),
        a_parameter("tiny", api_pb2.DOUBLE, bounds=("1e-9", "1"), distribution=api_pb2.LOG_UNIFORM),
        a_parameter("listed", api_pb2.DISCRETE, list=["0.10", "1e1", "2"]),
    ]
    for point in service.points(a_question(an_experiment(algorithm, parameters, seed_of(algorithm, 7)), wanted=60)):
        assert re.fullmatch(r"-?\d+", point["whole"]) and point["whole"] != "-0"
        for name in ("free", "tiny"):
            assert point[name] == repr(float(point[name])) != "-0.0"
        assert point["listed"] in ("0.10", "1e1", "2")


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_long_history_takes_no_more_memory_than_a_container_has(tmp_path: Path, name: str) -> None:
    """§16.11, U-07: 2,000 trials of ten parameters, answered within the deadline of a call and 512 MiB."""
    parameters = [a_parameter(f"x{axis}", api_pb2.DOUBLE, bounds=("0", "1")) for axis in range(10)]
    experiment = an_experiment(name, parameters, seed_of(name, 7), most=3000)
    experiment.spec.max_trial_count = 3000
    trials = []
    for number in range(2000):
        point = {f"x{axis}": repr(number * (axis + 1) * 0.6180339887 % 1) for axis in range(10)}
        trials.append(a_trial(number, point, point["x3"]))
    with serving(tmp_path) as service:
        assert len(service.points(a_question(experiment, trials, wanted=3))) == 3
        status = Path(f"/proc/{service.process}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak is not None and int(peak[1]) * 1024 < LIMIT, f"{name}: {peak and peak[0]}"
