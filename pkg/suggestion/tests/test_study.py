"""Ask and tell in this process; over gRPC it is tests/contracts/algorithms/test_studies.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

from katib_suggestion.study import (
    RefusedError,
    SearchEndedError,
    Study,
    categorical,
    discrete,
    double,
    integer,
)

SPACE = {
    "rate": double(1e-4, 1e-1, distribution="logUniform"),
    "dropout": double(0.1, 0.5, step=0.2),
    "layers": integer(1, 5),
    "batch": discrete(16, 32, 64),
    "optimizer": categorical("sgd", None, True),
}


def test_parameters_come_as_the_python_values_that_were_given() -> None:
    found = Study(SPACE, algorithm="random", seed=1).ask().parameters
    assert list(found) == list(SPACE)
    assert isinstance(found["rate"], float) and 1e-4 <= found["rate"] <= 1e-1
    assert found["dropout"] in (0.1, 0.3, 0.5) and isinstance(found["layers"], int)
    assert found["batch"] in (16, 32, 64) and found["optimizer"] in ("sgd", None, True)


@pytest.mark.parametrize(("direction", "sign"), [("minimize", 1), ("maximize", -1)])
def test_a_study_that_is_told_the_same_repeats_and_comes_closer(direction: str, sign: int) -> None:
    """U-03, U-10; the loss is the distance to a rate of 0.01."""

    def run() -> Study:
        study = Study({"rate": SPACE["rate"]}, direction=direction, seed=3)  # type: ignore[arg-type]
        for _ in range(40):
            trial = study.ask()
            study.tell(trial, sign * abs(math.log10(trial.parameters["rate"]) + 2))
        return study

    one, other = run(), run()
    assert one.trials == other.trials
    assert abs(math.log10(one.best.parameters["rate"]) + 2) < 0.1


def test_a_batch_is_told_in_any_order_and_a_failure_is_no_value() -> None:
    study = Study(SPACE, seed=1)
    first, second, third = study.ask_many(3)
    study.tell(third, 1.0)
    study.tell(first, None)
    study.tell(second, 0.5, stopped=True)
    assert study.best.number == second.number and study.trials[0].value is None
    study.tell(third, 0.1)
    assert study.best.number == third.number
    study.tell(first, float("nan"))
    study.tell(second, float("-inf"))
    assert study.best.number == third.number and [entry.number for entry in study.best_trials] == [third.number]


def test_numbers_of_numpy_are_numbers() -> None:
    study = Study({"x": double(np.float64(0.1), np.float64(0.2)), "n": integer(np.int64(1), np.int64(3))}, seed=1)
    assert 0.1 <= study.ask().parameters["x"] <= 0.2


def test_a_search_ends_when_all_points_were_handed_out() -> None:
    """U-06."""
    study = Study({"layers": integer(1, 3)}, algorithm="grid")
    assert len(study.ask_many(5)) == 3
    with pytest.raises(SearchEndedError, match="all 3 points"):
        study.ask()
    with pytest.raises(LookupError, match="tell one first"):
        _ = study.best


def test_given_values_are_tried_first() -> None:
    given = [{"rate": 0.01, "layers": 2}, {"rate": 0.02, "layers": 3}]
    space = {"rate": SPACE["rate"], "layers": SPACE["layers"]}
    study = Study(space, seed=1, given=given)
    assert [dict(trial.parameters) for trial in study.ask_many(3)][:2] == given
    with pytest.raises(RefusedError, match=r"given_assignments\[0\]: rate='7' is no point of the space"):
        Study(space, given=[{"rate": 7}]).ask()


def test_a_study_learns_from_another_one() -> None:
    """Its first trials are better than the median of a random search, on another scale of losses."""
    space = {"x": double(-5, 5), "y": double(-5, 5)}

    def loss(trial: object) -> float:
        return (trial.parameters["x"] - 1) ** 2 + (trial.parameters["y"] + 2) ** 2  # type: ignore[attr-defined]

    earlier = Study(space, algorithm="random", seed=1)
    for trial in earlier.ask_many(100):
        earlier.tell(trial, 10 * loss(trial) + 3)
    median = sorted(map(loss, earlier.trials))[50]
    study = Study(space, seed=2, learn_from=earlier)
    assert sum(loss(trial) < median for trial in study.ask_many(8)) >= 7


def test_what_cannot_be_served_is_refused_when_the_study_is_made() -> None:
    with pytest.raises(RefusedError, match="setting 'pace': no such setting"):
        Study(SPACE, settings={"pace": 1})
    with pytest.raises(RefusedError, match="'min' is not minimize or maximize"):
        Study(SPACE, direction="min")  # type: ignore[arg-type]
    with pytest.raises(RefusedError, match="distribution"):
        Study({"x": double(0, 1, distribution="flat")})
