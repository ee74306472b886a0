"""auto: what it chooses, and that it then does what the chosen one would."""

from __future__ import annotations

import logging

import pytest

from katib_domain.search_space import ParameterText, SearchSpace, parse_space
from katib_suggestion.algorithms.auto import MODELLED, Auto, choose, get_strategy
from katib_suggestion.memory import Memory
from katib_suggestion.problem import Budget
from katib_suggestion.study import RefusedError, Study, double

PLANE = {"x": double(0, 1), "y": double(0, 1)}


def a_space(count: int, kind: str = "double") -> SearchSpace:
    texts = (ParameterText(f"x{axis}", kind, min="0", max="1") for axis in range(count))
    return parse_space(list(texts))


CHOICES = {
    "a model of few trials": (3, Budget(100, 3), 0, "bayesianoptimization", "finds most"),
    "no budget at all": (3, Budget(), 0, "bayesianoptimization", "finds most"),
    "one trial": (3, Budget(1, 1), 0, "bayesianoptimization", "finds most"),
    "all trials at once": (3, Budget(12, 12), 0, "sobol", "all 12 trials run at once"),
    "many trials at once": (3, Budget(500, 26), 0, "multivariate-tpe", "26 trials run at once"),
    "a wide space": (61, Budget(100, 3), 0, "multivariate-tpe", "61 coordinates"),
    "many results": (3, Budget(5000, 3), MODELLED, "multivariate-tpe", "there are 1000 results"),
}


@pytest.mark.parametrize("case", CHOICES)
def test_the_choice_follows_from_space_budget_and_parallelism(case: str) -> None:
    count, budget, results, name, words = CHOICES[case]
    found = choose(a_space(count), budget, results)
    assert found.name == name and words in found.reason


def test_it_begins_in_the_middle_and_goes_on_as_the_chosen_one() -> None:
    """Also with what the chosen one remembers: another's model is never taken for its own."""
    studies = [
        Study(PLANE, algorithm=name, seed=3, max_trial_count=40, given=[{"x": 0.5, "y": 0.5}])
        for name in ("auto", "bayesianoptimization")
    ]
    found = []
    for study in studies:
        for _ in range(14):
            trial = study.ask()
            study.tell(trial, (trial.parameters["x"] - 0.3) ** 2 + trial.parameters["y"])
        found.append(study.best.value or 0.0)
    assert dict(studies[0].trials[0].parameters) == {"x": 0.5, "y": 0.5} and max(found) < 0.1
    assert dict(Study(PLANE, algorithm="auto", seed=1).ask().parameters) == {"x": 0.5, "y": 0.5}


def test_what_is_chosen_and_why_is_in_the_log_once_for_each_choice(caplog: pytest.LogCaptureFixture) -> None:
    """Not as a warning: whoever chose auto wants to know, not to be alarmed."""
    with caplog.at_level(logging.INFO):
        study = Study(PLANE, algorithm="auto", seed=1, max_trial_count=12, parallel_trial_count=12)
        study.ask_many(6), study.ask_many(6)
        study = Study(PLANE, algorithm="auto", seed=2, parallel_trial_count=26)
        study.ask(), study.ask()
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert told == [
        ("INFO", "experiment study: auto takes sobol: all 12 trials run at once, so none can learn from another"),
        (
            "INFO",
            "experiment study: auto takes multivariate-tpe: 26 trials run at once, more than the 25 a model is for",
        ),
    ]


def test_with_all_trials_at_once_seeds_differ() -> None:
    points = [
        Study(PLANE, algorithm="auto", seed=seed, max_trial_count=8, parallel_trial_count=8).ask_many(8)[5].parameters
        for seed in (1, 2)
    ]
    assert points[0] != points[1]


def test_what_is_remembered_by_one_is_not_seen_by_another() -> None:
    from katib_suggestion.memory import Recall

    recall = Recall(Memory(), lambda: b"content")
    assert [recall.within(name)("model", lambda name=name: name) for name in "aba"] == ["a", "b", "a"]  # type: ignore[misc]


def test_it_has_no_settings_but_the_seed() -> None:
    with pytest.raises(
        RefusedError, match=r"setting 'gamma': no such setting .given '0.1'.; known are random_state, seed"
    ):
        Study(PLANE, algorithm="auto", settings={"gamma": 0.1})


def test_every_choice_is_an_algorithm() -> None:
    assert {get_strategy(name, 1).__class__.__name__ for _, _, _, name, _ in CHOICES.values()} == {
        "BayesianOptimization",
        "MultivariateTPE",
        "Sobol",
    }
    assert Auto() == Auto()
