"""Ask and tell in this process; over gRPC it is tests/contracts/algorithms/test_studies.py."""

from __future__ import annotations

import math
import re

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
    study.tell(third, 0.1, again=True)
    assert study.best.number == third.number
    study.tell(first, float("nan"), again=True)
    study.tell(second, float("-inf"), again=True)
    assert study.best.number == third.number and [entry.number for entry in study.best_trials] == [third.number]


def test_a_value_that_is_not_finite_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    study = Study(SPACE, seed=1)
    study.tell(study.ask(), math.nan)
    (record,) = caplog.records
    assert record.getMessage() == (
        "trial 0: objective: nan is no finite number, so it counts as no value; tell None when a trial failed"
    )


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
    with pytest.raises(RefusedError, match=r"^given\[0\]: rate='7' is no point of the space"):
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


PLANE = {"x": double(0, 1), "y": double(0, 1)}
WRONG_OPTIONS: dict[str, tuple[dict[str, object], str]] = {
    "an unknown one": ({"max_trials": 3}, "max_trials: no such option; known are settings, metrics, max_trial_count, "),
    "one that is like another": ({"metric": ["a"]}, "learn_from; did you mean metrics?"),
    "settings in a list": ({"settings": ["gamma"]}, "settings: ['gamma'] is no mapping: write {name: value}"),
    "no metrics": ({"metrics": []}, "metrics: the list is empty: name the objective, then additional metrics; "),
    "metrics in a text": (
        {"metrics": "loss"},
        "metrics: 'loss' is no list: write a list of names, the objective's first",
    ),
    "a metric twice": ({"metrics": ["a", "a"]}, "metrics: 'a' is there twice: remove one"),
    "a metric without a name": ({"metrics": ["a", ""]}, "metrics: '' is no name: write a text that is not empty"),
    "no trials": (
        {"max_trial_count": 0},
        "max_trial_count: 0 is no whole number from 1 to 2147483647: leave it out for no limit",
    ),
    "too many trials": (
        {"max_trial_count": 2**31},
        "max_trial_count: 2147483648 is no whole number from 1 to 2147483647: leave it out for no limit",
    ),
    "half a trial": (
        {"parallel_trial_count": 1.5},
        "parallel_trial_count: 1.5 is no whole number from 1 to 2147483647: ",
    ),
    "given for nothing": ({"given": [{"x": 1, "z": 0}]}, "given[0]['z']: no such parameter; known are x, y: take one"),
    "given in a list": ({"given": [[1, 0]]}, "given[0]: [1, 0] is no mapping: write {name: value} with each of x, y"),
    "a lesson of none": ({"learn_from": 3}, "learn_from: 3 is no study: give a Study of the same parameters"),
    "two seeds": ({"seed": 1, "settings": {"random_state": 2}}, "seed: 1 is not settings['random_state'], 2: give one"),
    "an unknown setting": (
        {"settings": {"gama": 0.5}},
        "algorithmSettings: setting 'gama': no such setting (given '0.5'); known are gamma, n_EI_candidates, ",
    ),
}


@pytest.mark.parametrize("case", WRONG_OPTIONS)
def test_a_wrong_option_is_named_with_its_cure(case: str) -> None:
    options, words = WRONG_OPTIONS[case]
    with pytest.raises(RefusedError) as caught:
        Study(PLANE, **options)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_parameters_that_are_none_are_named_with_their_cure() -> None:
    with pytest.raises(RefusedError, match=r"^parameters\['x'\]: \(0, 1\) is no parameter: make it with double"):
        Study({"x": (0, 1)})
    with pytest.raises(RefusedError, match=r"^parameters: \['x'\] is no mapping of names to parameters"):
        Study(["x"])  # type: ignore[arg-type]
    with pytest.raises(
        RefusedError, match=r"^learn_from: only one of the two studies has 'z', 'y': give a study of the"
    ):
        Study(PLANE, learn_from=Study({"x": double(0, 1), "z": double(0, 1)}))
    with pytest.raises(RefusedError, match=r"^count: 0 is no whole number from 1 to 1000"):
        Study(PLANE).ask_many(0)


WRONG_VALUES: dict[str, tuple[object, str]] = {
    "no metric": (
        {},
        "value: {} lacks the objective: give 'loss', or None instead of all metrics when the trial failed",
    ),
    "not the objective": ({"seconds": 1.0}, "value: {'seconds': 1.0} lacks the objective: give 'loss', or None "),
    "an unknown metric": (
        {"loss": 1, "secnds": 2},
        "value['secnds']: no such metric; known are loss, seconds; did you mean",
    ),
    "a text": ("0.5", "value: '0.5' is no number: tell a number, or None when the trial failed"),
    "a text of a metric": ({"loss": "low"}, "value['loss']: 'low' is no number: tell a number, or None when "),
    "a list": ([1.0], "value: [1.0] is no number: tell a number, or None when the trial failed"),
}


@pytest.mark.parametrize("case", WRONG_VALUES)
def test_what_is_no_value_is_refused_and_nothing_is_told(case: str) -> None:
    study = Study(PLANE, metrics=["loss", "seconds"], seed=1)
    trial = study.ask()
    value, words = WRONG_VALUES[case]
    with pytest.raises(RefusedError) as caught:
        study.tell(trial, value)  # type: ignore[arg-type]
    assert words in str(caught.value)
    study.tell(trial, {"loss": 1, "seconds": None})
    assert study.best.metrics == {"loss": 1.0}


def test_a_trial_is_told_once_and_to_the_study_that_was_asked() -> None:
    study, other = (Study(PLANE, seed=1) for _ in range(2))
    trial, stranger = study.ask(), other.ask()
    assert trial == stranger
    with pytest.raises(
        RefusedError, match=r"^trial: number 0 is of another study: tell it to the one that was asked for it"
    ):
        study.tell(stranger, 1.0)
    with pytest.raises(RefusedError, match=r"^trial: 0 is no trial: tell what ask or ask_many returned"):
        study.tell(0, 1.0)  # type: ignore[arg-type]
    study.tell(trial, None)
    with pytest.raises(RefusedError, match=r"^trial: number 0 was told already: say again=True to correct it"):
        study.tell(trial, 1.0)
    study.tell(trial, 1.0, again=True)
    assert study.best.value == 1.0


def test_a_resource_may_have_values_that_its_list_has_not() -> None:
    space = {"rate": SPACE["rate"], "epochs": discrete(1, 3, 9)}
    study = Study(space, algorithm="hyperband", seed=1, settings={"r_l": 10, "resource_name": "epochs"})
    for number in range(20):
        trial = study.ask()
        study.tell(trial, float(number))
    assert {trial.parameters["epochs"] for trial in study.trials} >= {1, 10}


@pytest.mark.parametrize("value", [1.0, {"loss": 1.0}, {"loss": 1.0, "size": 2.0}])
def test_a_value_that_lacks_a_metric_is_refused_and_none_says_that_there_is_none(value: object) -> None:
    """A trial without one of several objectives has failed, which nobody has said."""
    study = Study(PLANE, algorithm="nsgaii", metrics=["loss", "size", "seconds"])
    trial = study.ask()
    lacking = "'seconds'" if isinstance(value, dict) and len(value) == 2 else "'size', 'seconds'"
    with pytest.raises(
        RefusedError, match=f"^value: {re.escape(repr(value))} lacks {lacking}: tell all metrics by name"
    ):
        study.tell(trial, value)  # type: ignore[arg-type]
    study.tell(trial, {"loss": 1.0, "size": 2.0, "seconds": None})
    assert study.trials[0].metrics == {"loss": 1.0, "size": 2.0}
    study.tell(study.ask(), None)


def test_a_trial_of_pbt_says_whose_weights_it_goes_on_from() -> None:
    """D-39: a better rate without the weights that earned it is worth little."""
    settings = {"n_population": 5, "truncation_threshold": 0.4, "suggestion_trial_dir": "/unused"}
    study = Study(PLANE, algorithm="pbt", settings=settings, seed=1)
    first = study.ask_many(5)
    assert [trial.parent for trial in first] == [""] * 5
    for number, trial in enumerate(first):
        study.tell(trial, number)
    found = study.ask_many(5)
    assert {trial.parent for trial in found} <= {trial.name for trial in first[:4]}
    assert [trial.labels["pbt.suggestion.katib.kubeflow.org/generation"] for trial in found] == ["1"] * 5
    assert len({trial.name for trial in study.trials}) == 10
