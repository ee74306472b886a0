"""nsgaii and motpe: compromises among several objectives, and what a study says of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from contracts.algorithms.questions import COST, LOSS, an_experiment
from hypothesis import given
from hypothesis import strategies as st

from katib_apis.v1beta1 import api_pb2
from katib_domain.algorithm_needs import ADDITIONAL_METRICS
from katib_suggestion.answers import answer_validation
from katib_suggestion.pareto import best_rows, fronts, room
from katib_suggestion.problem import RefusedError
from katib_suggestion.registry import build_registry
from katib_suggestion.study import Asked, Study, categorical, double, integer

SMALL = st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=12)


def beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


@given(SMALL)
def test_a_front_is_beaten_by_those_before_it_alone(losses: list[tuple[int, int, int]]) -> None:
    found = fronts(losses)
    for row, front in zip(losses, found, strict=True):
        beating = [other for loss, other in zip(losses, found, strict=True) if beats(loss, row)]
        assert front == max(beating, default=-1) + 1


def test_of_a_front_that_is_too_long_those_with_most_room_are_taken() -> None:
    """The ends are always among them; what lies close together is thinned."""
    line = [0.0, 0.5, 0.51, 0.52, 1.0]
    losses = np.array([[x, 1 - x] for x in line] + [[2.0, 2.0]])
    assert set(best_rows(losses, 3).tolist()) in ({0, 1, 4}, {0, 2, 4}, {0, 3, 4})
    assert set(best_rows(losses, 2).tolist()) == {0, 4}
    assert best_rows(losses, 6)[-1] == 5
    assert room(losses[:5]).tolist()[0] == math.inf and room(np.ones((4, 2))).tolist() == [0.0] * 4


def test_a_front_of_thousands_and_the_largest_numbers_are_no_burden() -> None:
    """U-02, U-07."""
    line = 1.7e308 * np.linspace(-1, 1, 5001)
    chosen = best_rows(np.stack([line, -line], axis=1), 11)
    assert {0, 5000} <= set(chosen.tolist()) and np.diff(np.sort(chosen)).max() < 1000


def near(x: float, y: float, **others: float) -> dict[str, float]:
    """Two squares: all compromises lie on the line between their middles, (0.2, 0.2) and (0.8, 0.6)."""
    rest = sum((value - 0.7) ** 2 for value in others.values())
    return {"left": (x - 0.2) ** 2 + (y - 0.2) ** 2 + rest, "right": (x - 0.8) ** 2 + (y - 0.6) ** 2 + rest}


def a_study(algorithm: str, seed: int, names: str = "xy", **settings: object) -> Study:
    space = {name: double(0, 1) for name in names}
    return Study(space, algorithm=algorithm, seed=seed, metrics=["left", "right"], settings=settings)


def run(study: Study, count: int, train: Callable[..., dict[str, float]] = near) -> Study:
    for _ in range(count):
        trial = study.ask()
        study.tell(trial, train(**trial.parameters))
    return study


def volume(trials: Sequence[Asked]) -> float:
    """What the compromises cover of the unit square of losses."""
    covered, height = 0.0, 1.0
    for left, right in sorted((entry.metrics["left"], entry.metrics["right"]) for entry in trials):
        covered += max(0.0, 1 - left) * max(0.0, height - right)
        height = min(height, right)
    return covered


@pytest.mark.parametrize("algorithm", ["nsgaii", "motpe"])
def test_compromises_cover_more_than_those_of_a_random_search(algorithm: str) -> None:
    """Over five seeds, in five dimensions."""

    def covered(name: str) -> float:
        return sum(volume(run(a_study(name, seed, "xyabc"), 80).best_trials) for seed in range(5))

    assert covered(algorithm) > covered("random") + 0.2


@pytest.mark.parametrize("algorithm", ["nsgaii", "motpe"])
def test_each_metric_goes_its_own_way(algorithm: str) -> None:
    """The settings minimize and maximize overrule the direction of the objective, also for the best trials."""
    space = {"x": double(0, 1), "kind": categorical("a", "b"), "layers": integer(1, 3)}
    study = Study(
        space,
        algorithm=algorithm,
        seed=1,
        direction="maximize",
        metrics=["accuracy", "seconds"],
        settings={"minimize": "seconds"},
    )

    def train(x: float, kind: str, layers: int) -> dict[str, float]:
        return {"accuracy": x - (kind == "b"), "seconds": x * x + layers}

    found = run(study, 60, train).best_trials
    assert {(entry.parameters["kind"], entry.parameters["layers"]) for entry in found} == {("a", 1)}
    assert len(found) > 10


def test_a_trial_without_one_of_the_metrics_is_no_compromise() -> None:
    study = a_study("nsgaii", 1)
    first, second, third, fourth = study.ask_many(4)
    study.tell(first, {"left": 0.0, "right": None})
    study.tell(second, {"left": 0.5, "right": 0.5})
    study.tell(third, {"left": 0.5, "right": 0.6})
    study.tell(fourth, None)
    assert [entry.number for entry in study.best_trials] == [second.number]
    assert study.trials[second.number].metrics == {"left": 0.5, "right": 0.5}


def test_with_one_objective_the_best_trials_are_those_with_the_best_value() -> None:
    study = Study({"x": double(0, 1)}, algorithm="random", seed=1)
    for trial, value in zip(study.ask_many(3), (2.0, 1.0, 1.0), strict=True):
        study.tell(trial, value)
    assert [entry.number for entry in study.best_trials] == [1, 2]
    assert Study({"x": double(0, 1)}).best_trials == ()


def test_a_population_begins_in_the_middle_and_at_random() -> None:
    study = a_study("nsgaii", 1, population_size=4)
    assert dict(study.ask().parameters) == {"x": 0.5, "y": 0.5}
    assert len({trial.parameters["x"] for trial in study.ask_many(9)}) == 9


def test_children_of_equal_parents_that_never_change_are_replaced() -> None:
    """U-05: when crossover and mutation are switched off there is nothing new, and yet every point is."""
    study = a_study("nsgaii", 1, population_size=2, crossover_prob=0, mutation_prob=0)
    assert len({tuple(trial.parameters.values()) for trial in run(study, 20).trials}) == 20


def test_compromises_of_another_study_are_parents() -> None:
    """Its losses are brought to the scale of this one, objective by objective."""

    def scaled(x: float, y: float) -> dict[str, float]:
        return {"left": 10 * near(x, y)["left"] + 3, "right": near(x, y)["right"] / 5 - 1}

    earlier = run(a_study("random", 1), 150, scaled)
    space = {"x": double(0, 1), "y": double(0, 1)}
    for algorithm in ("nsgaii", "motpe"):
        study = Study(space, algorithm=algorithm, seed=2, metrics=["left", "right"], learn_from=earlier)
        first = run(study, 15).trials
        off = [abs(entry.parameters["y"] - 0.2 - (entry.parameters["x"] - 0.2) * 2 / 3) for entry in first]
        assert sorted(off)[7] < 0.15


WRONG = [
    ("nsgaii", "population_size", "1", "whole number at least 2"),
    ("nsgaii", "crossover_prob", "1.1", "at least 0.0 and at most 1.0"),
    ("nsgaii", "mutation_prob", "-0.1", "at least 0.0 and at most 1.0"),
    ("nsgaii", "gamma", "0.1", "no such setting"),
    ("motpe", "n_ei_candidates", "0", "whole number at least 1"),
    ("motpe", "n_startup_trials", "-1", "whole number at least 0"),
    ("motpe", "maximize", "speed", "'speed' is no additional metric; there are right"),
]


@pytest.mark.parametrize(("algorithm", "name", "text", "cure"), WRONG)
def test_a_wrong_setting_is_refused_with_what_is_allowed(algorithm: str, name: str, text: str, cure: str) -> None:
    """U-08, U-09."""
    with pytest.raises(RefusedError, match=rf"^spec\.algorithm\.algorithmSettings: setting '?{name}'?: .*{cure}"):
        a_study(algorithm, 1, **{name: text})


def test_several_objectives_need_a_second_metric() -> None:
    for algorithm in ("nsgaii", "motpe"):
        with pytest.raises(RefusedError, match=r"^spec\.objective\.additionalMetricNames: name at least one metric"):
            Study({"x": double(0, 1)}, algorithm=algorithm)


REPEATED = {
    "twice": ((COST, COST), f"'{COST}' is there twice: remove one"),
    "the objective": ((LOSS, COST), f"'{LOSS}' is the objective: remove it here"),
    "nothing else": (
        (LOSS,),
        f"'{LOSS}' is the objective: remove it here; {ADDITIONAL_METRICS}: name at least one metric",
    ),
}


@pytest.mark.parametrize("algorithm", ["nsgaii", "motpe"])
@pytest.mark.parametrize("case", REPEATED)
def test_a_metric_that_is_there_twice_is_refused(case: str, algorithm: str) -> None:
    """Admission lets a name stand twice among the additional metrics (webhooks.md, row 13): others do not care."""
    names, told = REPEATED[case]
    experiment = an_experiment(algorithm)
    experiment.spec.objective.additional_metric_names[:] = names
    registry = build_registry()
    with pytest.raises(RefusedError) as caught:
        answer_validation(api_pb2.ValidateAlgorithmSettingsRequest(experiment=experiment), registry)
    assert str(caught.value).startswith(f"{ADDITIONAL_METRICS}: {told}")
    experiment.spec.algorithm.algorithm_name = "random"
    answer_validation(api_pb2.ValidateAlgorithmSettingsRequest(experiment=experiment), registry)
