"""cmaes: a state that follows from the trials alone, in any space (algorithms.md §9)."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from katib_domain.search_space import ParameterText, Point, SearchSpace, parse_space
from katib_suggestion.algorithms import cmaes
from katib_suggestion.algorithms.cmaes import CMAES
from katib_suggestion.axes import Axes
from katib_suggestion.bounded import between
from katib_suggestion.evolution import Evolution, Pace, advanced, begun
from katib_suggestion.history import History
from katib_suggestion.memory import Memory
from katib_suggestion.proposals import Task, suggest, to_search
from katib_suggestion.randomness import Randomness
from katib_suggestion.search import Observation, State, Trial
from katib_suggestion.settings import parse_settings

X = ParameterText("x", "double", min="-5", max="5")
Y = ParameterText("y", "double", min="-5", max="5")
STEPPED = ParameterText("s", "double", min="0", max="1", step="0.4")
WHOLE = ParameterText("n", "int", min="1", max="50", step="10")
FIXED = ParameterText("f", "double", min="3", max="3")
LIST = ParameterText("c", "categorical", list=("a", "b", "c"))
ORDERED = ParameterText("d", "discrete", list=("1", "2", "4"))
Loss = Callable[[Point], float]


def a_task(space: SearchSpace, algorithm: CMAES | None = None, seed: int | None = 1) -> Task:
    return Task(algorithm or CMAES(), space, Randomness("cmaes", "e", seed))


def searched(task: Task, loss: Loss, trials: int, batch: int = 1) -> History:
    """A history that the algorithm itself has asked for; a loss that is no number has failed."""
    history = History()
    while len(history.trials) < trials:
        for entry in suggest(task, history, len(history.trials), batch).suggestions:
            value = loss(entry.point)
            seen = Observation(entry.point, value) if math.isfinite(value) else None
            state = State.OBSERVED if seen else State.FAILED
            history.add(Trial(str(len(history.trials)), state, entry.point, seen), exact=True)
    return history


def standing(task: Task, history: History) -> cmaes.Course:
    """Where the search stands after a history."""
    search = to_search(task, history, len(history.trials), 1, Memory())
    assert isinstance(task.strategy, CMAES)
    return task.strategy._replayed(search, Axes(task.space))


def valley(point: Point) -> float:
    """Rosenbrock's, whose valley is curved."""
    x, y = float(point[0]), float(point[1])
    return 100 * (y - x * x) ** 2 + (1 - x) ** 2


def test_it_follows_a_curved_valley() -> None:
    history = searched(a_task(parse_space([X, Y])), valley, 300)
    losses = [entry.loss for entry in history.observations]
    assert min(losses) < 1e-3
    assert np.median(losses[-50:]) < np.median(losses[:50]) / 100


def test_it_finds_categories_ordered_lists_and_steps_beside_numbers() -> None:
    """U-11: everything that has an order is a number, everything else learns its probabilities."""
    space = parse_space([X, STEPPED, WHOLE, ORDERED, LIST])

    def loss(point: Point) -> float:
        x, s, n, d, c = (float(value) for value in point)
        return (x - 2) ** 2 + abs(s - 2) + abs(n - 4) + d + 3 * (c != 1)

    losses = [entry.loss for entry in searched(a_task(space), loss, 120).observations]
    assert np.median(losses[-30:]) < np.median(losses[:30]) / 3 and min(losses) < 1.5


def test_points_depend_on_the_order_of_losses_alone() -> None:
    space = parse_space([X, Y])
    plain = searched(a_task(space), valley, 60, batch=3)
    bent = searched(a_task(space), lambda point: math.log(valley(point) + 1e-9), 60, batch=3)
    assert [entry.point for entry in plain.trials] == [entry.point for entry in bent.trials]


def test_what_is_remembered_changes_nothing() -> None:
    """U-01, D-24: a process without any memory gives the same points; what is kept lies in the memory that all share."""
    task = a_task(parse_space([X, Y, LIST]))
    history = searched(task, valley, 40, batch=3)
    memory, unused = Memory(), Memory()
    cold = suggest(task, history, 40, 3, memory)
    assert suggest(task, history, 40, 3, memory) == suggest(task, history, 40, 3, Memory(0)) == cold
    suggest(task, searched(task, valley, 3), 3, 1, unused)
    assert memory.size > unused.size + 4 * 500


def test_a_generation_ends_when_as_many_trials_have_ended_and_failed_ones_are_its_worst() -> None:
    """D-24: what is pending holds nothing up, and what has failed counts."""
    task = a_task(parse_space([X, Y]))
    history = searched(task, lambda point: math.nan if point[0] > 0 else valley(point), 30)
    assert history.failed and standing(task, history).state.age == 5
    for number in range(5):
        history.add(Trial(f"p{number}", State.PENDING, (0.0, number / 10)), exact=True)
    assert standing(task, history).state.age == 5
    assert standing(task, history).state.mean[0] < 0.5


def test_trials_of_others_are_taken_in() -> None:
    """D-24, U-02: points that it has never proposed move the mean too, but not out of the space."""
    task = a_task(parse_space([X, Y]))
    history = History()
    for number in range(12):
        point = (4.9 - number / 1000, 4.9)
        history.add(Trial(str(number), State.OBSERVED, point, Observation(point, number)), exact=False)
    mean = standing(task, history).state.mean
    assert all((mean > 0.5) & (mean <= 1))


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.booleans())
def test_every_value_is_inside_and_on_its_grid(seed: int, upwards: bool) -> None:
    """D-25, U-04: 51 for 1..50 step 10, and 1.2 for 0..1 step 0.4, do not come up."""
    space = parse_space([STEPPED, WHOLE, X])
    task = a_task(space, seed=seed)
    history = searched(task, lambda point: (-1 if upwards else 1) * sum(map(float, point)), 20)
    for entry in history.trials:
        assert entry.point is not None
        texts = space.format(entry.point)
        assert texts["s"] in ("0.0", "0.4", "0.8") and texts["n"] in ("1", "11", "21", "31", "41")
        assert -5 <= float(texts["x"]) <= 5


def test_values_of_a_grid_are_cells_of_equal_width() -> None:
    """D-25: the ends are not halved."""
    axes = Axes(parse_space([WHOLE, STEPPED]))
    assert [axes.cell(0, value) for value in range(5)] == [
        pytest.approx((value / 5, (value + 1) / 5)) for value in range(5)
    ]


def test_constants_are_left_out() -> None:
    """D-26: also when nothing but constants or categories is left."""
    history = searched(a_task(parse_space([X, FIXED, Y])), valley, 20)
    assert len({entry.point for entry in history.trials}) == 20
    bare = parse_space([FIXED, ParameterText("g", "int", min="1", max="1"), LIST])
    assert len({entry.point for entry in searched(a_task(bare), lambda _: 1.0, 3).trials}) == 3


def test_the_first_step_is_a_sixth_of_each_range() -> None:
    """D-26a: lr from 0.01 to 0.05 and momentum from 0.5 to 0.9 move alike."""
    ranges = [("lr", "0.01", "0.05"), ("momentum", "0.5", "0.9"), ("decay", "0", "1000")]
    space = parse_space([ParameterText(name, "double", min=low, max=high) for name, low, high in ranges])
    points = [entry.point for entry in suggest(a_task(space), History(), 0, 200).suggestions]
    spreads = [np.std([space.to_unit(point)[axis] for point in points]) for axis in range(3)]
    assert spreads == pytest.approx([1 / 6] * 3, rel=0.1)
    narrow = [entry.point for entry in suggest(a_task(space, CMAES(sigma=0.01)), History(), 0, 50).suggestions]
    assert np.std([space.to_unit(point)[0] for point in narrow]) == pytest.approx(0.01, rel=0.3)


GOOD_SETTINGS = [
    ("sigma", "0.3", CMAES(sigma=0.3)),
    ("sigma", "0", CMAES()),
    *(("restart_strategy", text, CMAES(restart_strategy=text)) for text in ("none", "None", "ipop", "bipop")),
]


@pytest.mark.parametrize(("name", "text", "expected"), GOOD_SETTINGS)
def test_settings_of_every_family_are_taken(name: str, text: str, expected: CMAES) -> None:
    """U-09."""
    assert parse_settings(CMAES, [(name, text)]) == (expected, None, [])


@pytest.mark.parametrize(
    ("name", "text"),
    [("sigma", "-1"), ("sigma", "wide"), ("sigma", "nan"), ("sigma", "inf"), ("restart_strategy", "IPOP")],
)
def test_a_wrong_setting_is_refused(name: str, text: str) -> None:
    """D-02, U-08."""
    (error,) = parse_settings(CMAES, [(name, text)])[2]
    assert name in error and text in error


def populations(strategy: str, trials: int) -> list[int]:
    """The populations of the runs of a search in which nothing is better than anything else."""
    task = a_task(parse_space([X, Y]), CMAES(restart_strategy=strategy))
    dice = random.Random(1)
    history = History()
    found = []
    for number in range(trials):
        point = (dice.uniform(-5, 5), dice.uniform(-5, 5))
        history.add(Trial(str(number), State.OBSERVED, point, Observation(point, 1.0)), exact=True)
    ended = list(history.trials)
    for count in range(0, trials, 6):
        part = History(trials=ended[:count])
        course = standing(task, part)
        if course.runs == len(found):
            found.append(course.state.population)
    return found


def test_ipop_doubles_the_population_at_each_restart_and_none_goes_on() -> None:
    assert populations("ipop", 1000)[:3] == [6, 12, 24]
    assert populations("none", 600) == populations("None", 600) == [6]


def test_bipop_takes_large_and_small_runs_in_turn() -> None:
    found = populations("bipop", 2000)
    assert found[:2] == [6, 12] and found[2] <= 12 and 24 in found


def test_a_search_with_restarts_leaves_a_place_in_which_nothing_moves() -> None:
    space = parse_space([X, Y])
    history = searched(a_task(space, CMAES(restart_strategy="ipop")), lambda _: 1.0, 200)
    assert len({entry.point for entry in history.trials}) == 200


def test_it_begins_where_another_experiment_was_best() -> None:
    task = a_task(parse_space([X, Y]))
    told = Task(task.strategy, task.space, task.randomness, elsewhere=(Observation((4.0, -4.0), 0.0),))
    (first,) = suggest(told, History(), 0, 1).suggestions
    assert first.point == pytest.approx((4.0, -4.0))


def test_without_a_seed_two_searches_differ() -> None:
    """U-10: they share no more than the middle of the space, in which both begin."""
    task = a_task(parse_space([X, Y]), seed=None)
    runs = []
    for name in "ab":
        history = History()
        history.add(Trial(name, State.OBSERVED, (0.0, 0.0), Observation((0.0, 0.0), 1.0)), exact=True)
        runs.append(suggest(task, history, 1, 3).suggestions)
    assert runs[0] != runs[1]


@given(st.integers(1, 30), st.integers(4, 60))
def test_weights_rank_the_better_half_and_leave_the_covariance_positive(dimensions: int, population: int) -> None:
    pace = Pace(dimensions, population)
    assert math.isclose(pace.good.sum(), 1) and all(np.diff(pace.weights) <= 0)
    assert 1 - pace.rank_one - pace.rank_many * pace.good.sum() >= -1e-12
    assert 1 <= pace.mass <= population / 2 + 1 and 0 < pace.step_rate < 1


@settings(max_examples=50)
@given(st.integers(0, 2**31), st.integers(1, 8))
def test_a_state_stays_sound_whatever_it_is_told(seed: int, dimensions: int) -> None:
    dice = np.random.RandomState(seed)
    state = begun(np.full(dimensions, 0.5), 1 / 6, 6, [3])
    for _ in range(30):
        places: Sequence[Sequence[float]] = dice.rand(6, dimensions).tolist()
        losses = dice.choice([0.0, 1.0, math.inf], 6).tolist()
        state = advanced(state, np.array(places), [[int(k)] for k in dice.randint(0, 3, 6)], losses)
        assert_sound(state)


def assert_sound(state: Evolution) -> None:
    assert np.isfinite(state.covariance).all() and state.step > 0
    assert np.allclose(state.factor @ state.factor.T, state.covariance, rtol=1e-6)
    assert all((state.mean >= 0) & (state.mean <= 1))
    assert math.isclose(state.chances[0].sum(), 1) and all(state.chances[0] > 0.01)


@given(st.floats(-3, 4), st.floats(1e-6, 3), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1, exclude_max=True))
def test_a_draw_between_bounds_stays_between_them(
    mean: float, deviation: float, one: float, other: float, u: float
) -> None:
    low, high = sorted((one, other))
    assert low <= between(mean, deviation, low, high, u) <= high
