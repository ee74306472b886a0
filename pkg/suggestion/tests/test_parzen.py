"""tpe and multivariate-tpe: densities, what they make of a history, and their settings (algorithms.md §6, §7)."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from katib_domain.search_space import ParameterText, SearchSpace, Value, parse_space
from katib_suggestion.algorithms.multivariate_tpe import MultivariateTPE
from katib_suggestion.algorithms.tpe import MOST_GOOD, TPE, ParzenSearch, best_combinations
from katib_suggestion.bounded import probabilities
from katib_suggestion.history import History
from katib_suggestion.memory import Memory
from katib_suggestion.parzen import Breadth, Choices, Factors, Line, Mixture, Steps, ages, gaps
from katib_suggestion.proposals import Task, suggest, to_search
from katib_suggestion.randomness import Randomness
from katib_suggestion.search import Observation, State, Trial
from katib_suggestion.settings import parse_settings

RATE = ParameterText("rate", "double", min="0.01", max="10", distribution="logUniform")
BELL = ParameterText("bell", "double", min="0", max="1", distribution="normal")
LAYERS = ParameterText("layers", "int", min="1", max="6")
STEEP = ParameterText("steep", "int", min="1", max="20", distribution="logNormal")
LONG = ParameterText("long", "int", min="1", max="5000")
BATCH = ParameterText("batch", "discrete", list=("16", "64", "32"))
LIST = ParameterText("c", "categorical", list=("a", "b", "c"))
FIXED = ParameterText("f", "double", min="1", max="1")
EVERYTHING = parse_space([RATE, BELL, LAYERS, STEEP, LONG, BATCH, LIST, FIXED])
ALGORITHMS: list[ParzenSearch] = [TPE(), MultivariateTPE()]
SEEDS = st.integers(0, 2**32)


def a_mixture(
    space: SearchSpace,
    seed: int,
    count: int,
    width: float = 0.1,
    *,
    prior_weight: float = 1.0,
    reach: float | None = None,
) -> Mixture:
    dice = random.Random(seed)
    factors = Factors(space)
    places = factors.places([space.sample(dice) for _ in range(count)])
    return Mixture(factors, places, Breadth(width, reach), prior_weight)


def a_history(space: SearchSpace, losses: list[float], seed: int = 1) -> History:
    dice = random.Random(seed)
    history = History()
    for number, loss in enumerate(losses):
        point = space.sample(dice)
        history.add(Trial(str(number), State.OBSERVED, point, Observation(point, loss)), exact=True)
    return history


def a_task(algorithm: ParzenSearch, space: SearchSpace, seed: int | None = 1) -> Task:
    return Task(algorithm, space, Randomness("tpe", "e", seed))


def test_old_trials_weigh_less() -> None:
    assert list(ages(3)) == [1, 1, 1]
    found = ages(40)
    assert len(found) == 40 and found[0] == 1 / 40 and list(found[-25:]) == [1] * 25 and list(found) == sorted(found)


def test_kernels_of_tpe_reach_part_of_the_way_to_the_trials_beside_them() -> None:
    """The farther one of two; the first and the last have one, a lone one has the ends of the range."""
    places = np.array([0.9, 0.1, 0.4])
    assert gaps(places) == pytest.approx([0.5, 0.3, 0.5])
    assert gaps(np.array([0.3])) == pytest.approx([0.7]) and len(gaps(np.zeros(0))) == 0
    assert gaps(np.full(300, 0.5)) == pytest.approx([0.01] * 300)
    factors = Factors(parse_space([RATE, LAYERS]))
    mixture = TPE()._mixture(factors, np.array([[0.9, 0.2], [0.1, 0.2], [0.4, 0.2]]))
    assert mixture.widths[0] == pytest.approx([0.15, 0.09, 0.15]) and mixture.widths[1] == pytest.approx([0.2] * 3)


def test_long_grids_are_lines_and_constants_choices() -> None:
    kinds = [type(factor) for factor in Factors(EVERYTHING).all]
    assert kinds == [Line, Line, Steps, Steps, Line, Steps, Choices, Choices]


def test_places_of_many_points_are_the_coordinates_of_each_to_the_bit() -> None:
    """So that a seed gives the same trials however many there are."""
    texts = [
        ParameterText("rate", "double", min="0.0001", max="3", distribution="logUniform"),
        ParameterText("share", "double", min="-1", max="2", distribution="normal"),
        ParameterText("units", "int", min="1", max="100000"),
        ParameterText("layers", "int", min="1", max="7"),
        ParameterText("batch", "discrete", list=("16", "64", "32")),
    ]
    space, dice = parse_space(texts), random.Random(3)
    points = [space.sample(dice) for _ in range(200)]
    assert Factors(space).places(points).tolist() == [list(space.encode(point)) for point in points]
    assert Factors(space).places([]).shape == (0, len(texts))


@given(st.floats(-12, 12))
def test_probabilities_are_those_of_the_normal_distribution(place: float) -> None:
    expected = math.erfc(-place / math.sqrt(2)) / 2
    assert float(probabilities(np.array([place]))[0]) == pytest.approx(expected, abs=1e-7)


@settings(max_examples=20)
@given(SEEDS, st.integers(0, 12), st.floats(0.02, 1), st.floats(0.1, 5))
def test_probabilities_of_finite_parameters_sum_to_one(seed: int, count: int, width: float, weight: float) -> None:
    """Also of several together."""
    mixture = a_mixture(parse_space([LAYERS, STEEP, BATCH, LIST]), seed, count, width, prior_weight=weight)
    columns: list[list[Value]] = [[], [], [], []]
    for index in range(6 * 20 * 3 * 3):
        for axis, size in enumerate((6, 20, 3, 3)):
            index, value = divmod(index, size)
            columns[axis].append(value)
    assert float(np.exp(mixture.log_density(range(4), columns)).sum()) == pytest.approx(1, rel=1e-4)


@settings(max_examples=20)
@given(SEEDS, st.integers(0, 12), st.floats(0.02, 1), st.sampled_from([RATE, BELL]), st.sampled_from([None, 0.5]))
def test_densities_of_lines_integrate_to_one(
    seed: int, count: int, width: float, parameter: ParameterText, reach: float | None
) -> None:
    space = parse_space([parameter])
    mixture = a_mixture(space, seed, count, width, reach=reach)
    values = [space.decode([(index + 0.5) / 4000])[0] for index in range(4000)]
    assert float(np.exp(mixture.log_density([0], [values])).mean()) == pytest.approx(1, rel=1e-2)


@settings(max_examples=20)
@given(SEEDS, st.integers(0, 6))
def test_draws_are_values_of_their_parameters(seed: int, count: int) -> None:
    """U-04."""
    mixture = a_mixture(EVERYTHING, seed, count)
    dice = random.Random(seed)
    for component in range(count + 1):
        point = tuple(mixture.draw(axis, component, dice) for axis in range(8))
        assert EVERYTHING.read(EVERYTHING.format(point)) == (point, True)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_it_begins_in_the_middle_and_goes_on_at_random(algorithm: ParzenSearch) -> None:
    """algorithms.md §6: n_startup_trials are counted over observations and pending trials."""
    points = [entry.point for entry in suggest(a_task(algorithm, EVERYTHING), History(), 0, 9).suggestions]
    assert points[0] == EVERYTHING.from_unit([0.5] * 8)
    dice = [Randomness("tpe", "e", 1).dice(number) for number in range(1, 9)]
    assert points[1:] == [EVERYTHING.sample(entry) for entry in dice]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pending_and_failed_trials_count_as_bad(algorithm: ParzenSearch) -> None:
    """D-14, U-05, algorithms.md §7: a batch spreads out, and what has failed is kept away from."""
    space = parse_space([LAYERS, BATCH])
    task = a_task(algorithm, space)
    history = a_history(space, [float(number) for number in range(20)])
    history.failed.append((1, 1))
    history.pending.append((2, 2))
    search = to_search(task, history, 22, 1, Memory())
    pair = algorithm._fitted(search)
    assert (len(pair.good.places), len(pair.bad.places)) == (2, 20)
    points = [entry.point for entry in suggest(task, history, 22, 4).suggestions]
    assert len(set(points)) == len(points)


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), min_size=1, max_size=4))
def test_combinations_come_by_their_sums(numbers: list[list[int]]) -> None:
    gains = [sorted(map(float, column), reverse=True) for column in numbers]
    found = list(best_combinations(gains))
    sums = [sum(column[place] for column, place in zip(gains, places, strict=True)) for places in found]
    assert sums == sorted(sums, reverse=True)
    assert sorted(found) == list(itertools.product(*(range(len(column)) for column in gains)))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_where_the_most_promising_point_is_known_the_next_one_is_proposed(algorithm: ParzenSearch) -> None:
    """U-06: what was drawn is not thrown away because its best is known."""
    space = parse_space([LAYERS, BATCH, LIST])
    search = to_search(a_task(algorithm, space), a_history(space, [float(n) for n in range(40)]), 40, 1, Memory())
    pair = algorithm._fitted(search)
    found = list(itertools.islice(algorithm._choices(pair, search.dice), 8))
    columns = list(zip(*found, strict=True))
    together = [[0], [1], [2]] if isinstance(algorithm, TPE) else [[0, 1, 2]]
    gains = np.zeros(len(found))
    for axes in together:
        asked = [columns[axis] for axis in axes]
        gains += pair.good.log_density(axes, asked) - pair.bad.log_density(axes, asked)
    assert len(set(found)) > 3 and list(gains) == pytest.approx(sorted(gains, reverse=True))


@pytest.mark.parametrize(
    ("algorithm", "count", "best"),
    [(TPE(), 100, 10), (TPE(), 1000, MOST_GOOD), (MultivariateTPE(), 95, 10), (MultivariateTPE(), 1000, MOST_GOOD)],
)
def test_a_tenth_of_the_trials_are_the_best_and_25_at_most(algorithm: ParzenSearch, count: int, best: int) -> None:
    assert algorithm._good_count(count) == best


@pytest.mark.parametrize(("algorithm", "shared"), [(TPE(), 1), (MultivariateTPE(), 3)])
def test_a_joint_draw_changes_one_choice_as_often_as_a_lone_one(algorithm: ParzenSearch, shared: int) -> None:
    space = parse_space([LAYERS, *(replace(LIST, name=name) for name in "xyz")])
    search = to_search(a_task(algorithm, space), a_history(space, [float(n) for n in range(20)]), 20, 1, Memory())
    assert algorithm._fitted(search).good.widths[1] == pytest.approx([3 / (3 + 2) / shared] * 2)


def test_gamma_counts_by_the_root_of_the_number_of_trials() -> None:
    """algorithms.md §6."""
    assert [TPE(gamma=0.25)._good_count(count) for count in (1, 16, 100, 20_000)] == [1, 1, 3, 25]
    assert [TPE(gamma=0.9)._good_count(count) for count in (16, 100)] == [4, 9]


def test_the_prior_counts_as_much_as_its_weight_says() -> None:
    space = parse_space([LAYERS])
    history = a_history(space, [float(number) for number in range(10)])
    weak, strong = (
        TPE(prior_weight=weight)._fitted(to_search(a_task(TPE(), space), history, 10, 1, Memory()))
        for weight in (0.1, 10.0)
    )
    assert weak.good.weights[-1] < 0.1 < 0.9 < strong.good.weights[-1]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_two_thousand_trials_show_is_kept(algorithm: ParzenSearch) -> None:
    """U-07: the best ones are never forgotten, however old they are."""
    space = parse_space([RATE, LIST])
    history = a_history(space, [0.0] * 25 + [1.0] * 1975)
    for entry in history.observations[:25]:
        assert entry.loss == 0
    pair = algorithm._fitted(to_search(a_task(algorithm, space), history, 2000, 1, Memory()))
    expected = Factors(space).places([entry.point for entry in history.observations[:25]])
    assert (pair.good.places == expected).all()


def test_densities_of_all_parameters_together_see_which_values_belong_together() -> None:
    """algorithms.md §7: of two good corners each parameter alone would mix the values."""
    space = parse_space([ParameterText(name, "double", min="0", max="1") for name in "xy"])
    history = a_history(space, [1.0] * 44)
    for corner, loss in [((0.9, 0.1), 1.0)] * 10 + [((0.1, 0.1), 0.0), ((0.9, 0.9), 0.0)] * 3:
        history.add(Trial("corner", State.OBSERVED, corner, Observation(corner, loss)), exact=True)
    mixed = {}
    for algorithm in ALGORITHMS:
        points = [suggest(a_task(algorithm, space, seed), history, 60, 1).suggestions[0].point for seed in range(40)]
        mixed[type(algorithm)] = sum(abs(float(x) - float(y)) > 0.5 for x, y in points)
    assert mixed[MultivariateTPE] <= 4 and mixed[TPE] >= 20


WRONG = [("n_startup_trials", "-1"), ("n_ei_candidates", "0"), ("n_ei_candidates", "2.0"), ("gamma", "0.2"), ("x", "1")]


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_a_wrong_setting_of_multivariate_tpe_is_refused(name: str, text: str) -> None:
    """algorithms.md §7: it has fewer settings than tpe."""
    (error,) = parse_settings(MultivariateTPE, [(name, text)])[2]
    assert name in error


def test_every_good_setting_of_multivariate_tpe_is_accepted() -> None:
    """D-17, U-10: seed is another name of random_state."""
    given_settings = [("n_startup_trials", "0"), ("n_ei_candidates", "5"), ("seed", "3")]
    expected = MultivariateTPE(n_startup_trials=0, n_ei_candidates=5)
    assert parse_settings(MultivariateTPE, given_settings) == (expected, 3, [])
