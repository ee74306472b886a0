"""The parts under every algorithm: permutations, randomness, settings, history, densities."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_apis.v1beta1 import api_pb2
from katib_domain.search_space import ParameterText, parse_space
from katib_suggestion.algorithms.grid import GridSearch, grid_sizes
from katib_suggestion.algorithms.tpe import TPE
from katib_suggestion.history import History, Reading
from katib_suggestion.permutation import Permutation
from katib_suggestion.problem import Budget, Objective
from katib_suggestion.proposals import Task, suggest
from katib_suggestion.randomness import Randomness
from katib_suggestion.search import Algorithm
from katib_suggestion.settings import parse_settings, setting

LINE = ParameterText(name="x", type="double", min="0.01", max="10", step="", list=(), distribution="logUniform")
LIST = ParameterText(name="c", type="categorical", min="", max="", step="", list=("a", "b", "c"), distribution="")


@given(st.integers(1, 3000), st.integers(0, 2**64))
def test_a_permutation_visits_every_place_once(size: int, key: int) -> None:
    order = Permutation(size, key)
    assert sorted(order[place] for place in range(size)) == list(range(size))


def test_a_permutation_needs_no_list() -> None:
    order = Permutation(10**30, 7)
    assert len({order[place] for place in range(1000)}) == 1000
    with pytest.raises(IndexError):
        order[10**30]


def test_streams_depend_on_seed_and_place_alone() -> None:
    one, same, other = (Randomness("random", name, seed) for name, seed in (("a", 1), ("b", 1), ("a", 2)))
    assert one.dice(5).random() == same.dice(5).random() != one.dice(6).random()
    assert one.dice(5).random() != other.dice(5).random()
    fresh = Randomness("random", "a", None)
    assert fresh.dice(0).random() != fresh.dice(0).random() and fresh.key == Randomness("random", "a", None).key


@dataclass(frozen=True)
class Climb(GridSearch):
    """An algorithm with a setting of each type."""

    pace: float = setting(0.1, above=0.0, at_most=1.0)
    rounds: int | None = setting(None, at_least=1, aliases=("n_rounds",))
    mode: str = setting("up", choices=("up", "down"))


def test_settings_are_read_by_their_types_and_the_last_one_counts() -> None:
    given_settings = [("pace", "0.5"), ("n_rounds", "3"), ("mode", "down"), ("pace", "1"), ("seed", "9")]
    algorithm, seed, errors = parse_settings(Climb, given_settings)
    assert (algorithm, seed, errors) == (Climb(1.0, 3, "down"), 9, [])


WRONG = [
    (("pace", "0"), "setting pace: '0' is not a number greater than 0.0 and at most 1.0"),
    (("pace", "nan"), "setting pace: 'nan' is not a number greater than 0.0 and at most 1.0"),
    (("rounds", "1.0"), "setting rounds: '1.0' is not a whole number at least 1"),
    (("mode", "left"), "setting mode: 'left' is not one of up, down"),
    (
        ("paces", "1"),
        "setting 'paces': no such setting (given '1'); known are mode, n_rounds, pace, random_state, rounds, seed; "
        "did you mean pace?",
    ),
    (
        ("zzz", ""),
        "setting 'zzz': no such setting (given ''); known are mode, n_rounds, pace, random_state, rounds, seed: "
        "take one of them or remove it",
    ),
]


@pytest.mark.parametrize(("entry", "message"), WRONG)
def test_a_wrong_setting_says_what_is_allowed(entry: tuple[str, str], message: str) -> None:
    assert parse_settings(Climb, [entry])[2] == [message]


def test_two_names_of_one_setting_are_refused() -> None:
    assert "mean the same" in parse_settings(Climb, [("rounds", "1"), ("n_rounds", "1")])[2][0]


def test_every_default_of_an_algorithm_is_allowed() -> None:
    algorithm: type[Algorithm]
    for algorithm in (TPE, Climb):
        assert parse_settings(algorithm, []) == (algorithm(), None, [])


def a_trial(value: str, condition: int, x: str = "1", c: str = "a") -> api_pb2.Trial:
    trial = api_pb2.Trial()
    for name, text in (("x", x), ("c", c)):
        trial.spec.parameter_assignments.assignments.add(name=name, value=text)
    trial.status.condition = condition
    trial.status.observation.metrics.add(name="acc", value=value)
    return trial


def test_trials_are_sorted_into_observations_failures_and_pending_ones() -> None:
    """U-02."""
    status = api_pb2.TrialStatus
    trials = [
        a_trial("0.5", status.SUCCEEDED),
        a_trial("0.7", status.EARLYSTOPPED, x="2"),
        a_trial("nan", status.SUCCEEDED, x="3"),
        a_trial("0.9", status.FAILED, x="4"),
        a_trial("0.9", status.RUNNING, x="5"),
        a_trial("0.9", status.UNKNOWN, x="6"),
        a_trial("0.9", status.SUCCEEDED, c="nothing"),
    ]
    history = Reading(parse_space([LINE, LIST]), [Objective("acc", maximize=True)]).read_all(trials)
    assert [(entry.point[0], entry.loss) for entry in history.observations] == [(1.0, -0.5), (2.0, -0.7)]
    assert [point[0] for point in history.failed] == [3.0, 4.0]
    assert [point[0] for point in history.pending] == [5.0, 6.0]
    assert len(history.trials) == 7 and len(history.seen) == 6


def test_an_even_grid_shares_the_budget() -> None:
    """V11."""
    space = parse_space([LINE, LIST])
    assert grid_sizes(space, 30) == [10, 3]
    assert grid_sizes(space, 1) == [2, 3]


def test_a_grid_takes_a_negative_budget_for_none() -> None:
    space = parse_space([LINE, replace(LINE, name="other")])
    task = Task(GridSearch(), space, Randomness("grid", "e", 1), Budget(-5))
    assert len(suggest(task, History(), 0, 9).suggestions) == 4
