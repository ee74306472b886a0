"""hyperband and pbt are worth their trouble: better than random at equal cost; hack/bench/multi_fidelity.py measures more."""

from __future__ import annotations

from contracts.algorithms.questions import a_parameter
from contracts.algorithms.running import Running, end, values_of

from katib_apis.v1beta1 import api_pb2, names

SEEDS = range(5)
AXES = [a_parameter(name, api_pb2.DOUBLE, bounds=("0", "1")) for name in "abcd"]
EPOCHS = a_parameter("epochs", api_pb2.INT, bounds=("1", "1"))


def best(running: Running) -> float:
    return min(float(metric.value) for trial in running.trials for metric in trial.status.observation.metrics)


def curve(trial: api_pb2.Trial, epochs: int) -> float:
    """quality.md §7: the power law, towards the distance from a point."""
    values = values_of(trial)
    floor = sum((float(values[axis]) - 0.3) ** 2 for axis in "abcd")
    return float(floor + (2.5 - floor) * epochs**-0.5)


def test_hyperband_finds_better_than_random_in_as_many_epochs() -> None:
    """Two rounds of brackets for 9 and 3 are 156 epochs: 17 trials of nine."""
    found, random = [], []
    for seed in SEEDS:
        settings = {"r_l": "9", "resource_name": "epochs", "random_state": str(seed)}
        running = Running("hyperband", [*AXES, EPOCHS], settings)
        for count in (9, 3, 1, 5, 1, 3) * 2:
            for trial in running.ask(count):
                end(trial, curve(trial, int(values_of(trial)["epochs"])))
        found.append(best(running))
        other = Running("random", AXES, {"random_state": str(seed)})
        other.run(17, 3, lambda trial: curve(trial, 9))
        random.append(best(other))
    assert sum(found) < sum(random) and sum(one < two for one, two in zip(found, random, strict=True)) >= 3


def step(state: float, trial: api_pb2.Trial) -> float:
    """Learning whose best rate falls while it learns: quality.md §6, without its noise."""
    wrong = abs(float(values_of(trial)["a"]) - (0.9 - 0.8 * state))
    return min(1.0, state + 0.1 * max(0.0, 1 - 4 * wrong))


def test_a_population_learns_more_than_random_in_as_many_steps() -> None:
    """Ten members and twenty turns beside ten trials of twenty steps."""
    found, random = [], []
    for seed in SEEDS:
        states: dict[str, float] = {}

        def turn(trial: api_pb2.Trial, states: dict[str, float] = states) -> float:
            states[trial.name] = step(states.get(trial.spec.labels[names.LABEL_PBT_PARENT], 0.0), trial)
            return -states[trial.name]

        settings = {"suggestion_trial_dir": "/c", "n_population": "10", "truncation_threshold": "0.2"}
        running = Running("pbt", AXES[:1], {**settings, "random_state": str(seed)})
        running.run(200, 3, turn)
        found.append(best(running))

        def train(trial: api_pb2.Trial) -> float:
            state = 0.0
            for _ in range(20):
                state = step(state, trial)
            return -state

        other = Running("random", AXES[:1], {"random_state": str(seed)})
        other.run(10, 3, train)
        random.append(best(other))
    assert all(one < two for one, two in zip(found, random, strict=True))
