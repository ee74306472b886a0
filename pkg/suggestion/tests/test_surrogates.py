"""Models of losses: the mathematics against closed forms and finite differences, and what holds for any mixed space."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from katib_domain.search_space import ParameterText, SearchSpace, parse_space
from katib_suggestion.randomness import Randomness
from katib_suggestion.surrogates.acquisition import (
    KAPPA,
    XI,
    Acquisition,
    expected_improvement,
    log_gain,
    lower_bound,
    probability_of_improvement,
)
from katib_suggestion.surrogates.axes import Axes, Matrix, latin_square
from katib_suggestion.surrogates.kernel import TILE, Kernel, Shape, matern, mixed_in, squared_distances
from katib_suggestion.surrogates.learning import learn, learn_costs, shape_of, telling
from katib_suggestion.surrogates.maximise import Promise, candidates, ranked, refined
from katib_suggestion.surrogates.outcomes import normal_like, powered
from katib_suggestion.surrogates.regression import BLOCK, Evidence, Posterior, condition, evidence_of, fit
from katib_suggestion.surrogates.wide import Coordinates, WideEvidence, WideKernel, fit_wide

RATE = ParameterText("rate", "double", min="0.001", max="1", distribution="logUniform")
STEPPED = ParameterText("momentum", "double", min="0.1", max="0.9", step="0.2")
WHOLE = ParameterText("units", "int", min="1", max="500")
HUGE = ParameterText("huge", "int", min="0", max="1000000000")
BATCH = ParameterText("batch", "discrete", list=("64", "16", "32"))
OPTIMIZER = ParameterText("optimizer", "categorical", list=("sgd", "adam", "ftrl"))
FIXED = ParameterText("fixed", "double", min="3", max="3")
MIXED_TEXTS = [RATE, STEPPED, WHOLE, HUGE, BATCH, FIXED, OPTIMIZER]
MIXED = parse_space(MIXED_TEXTS)
SHAPE = Shape((None, 3, None))
KERNEL, NOISE = Kernel(SHAPE, (4.0, 1.0, 9.0), 1.2, 0.3), 0.01
WIDE = WideKernel(SHAPE, (4.0, 1.0, 9.0), 1.2)
SEED = 7


def rows_of(count: int, seed: int = SEED) -> Matrix:
    """Rows of two numbers with a list of three entries between them."""
    dice = np.random.default_rng(seed)
    rows: Matrix = dice.random((count, 3))
    rows[:, 1] = dice.integers(3, size=count)
    return rows


def draws(space: SearchSpace, count: int, seed: int = SEED) -> Matrix:
    return Axes(space).spread(np.random.default_rng(seed).random((count, len(Axes(space).all))))


def wide_space(numbers: int, entries: int) -> SearchSpace:
    """So many numbers, and a list of so many entries."""
    texts = [ParameterText(f"x{index}", "double", min="0", max="1") for index in range(numbers)]
    return parse_space([*texts, ParameterText("kind", "categorical", list=tuple("abcdefgh"[:entries]))])


def test_the_kernel_of_two_rows_is_that_of_the_book() -> None:
    """Matérn 5/2 at distance 1, Rasmussen and Williams 4.17; entries of a list are one apart."""
    root = math.sqrt(5.0)
    one = (1 + root + 5 / 3) * math.exp(-root)
    assert matern(np.array([[1.0]]))[0, 0] == pytest.approx(one)
    rows = np.array([[0.5, 0.0, 0.5], [0.5, 2.0, 0.5], [0.5, 1.0, 0.5]])
    places = SHAPE.expand(rows, KERNEL.weights)
    assert squared_distances(places, places) == pytest.approx(np.ones((3, 3)) - np.eye(3))
    # They differ by one column of three, of which two fifths of a factor are its kernel.
    assert KERNEL(rows[:1], rows[1:])[0] == pytest.approx([1.2 * one + 0.3 * (0.6 + 0.4 * one)] * 2)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.one_of(st.none(), st.integers(2, 5)), min_size=1, max_size=6),
    st.lists(st.floats(-8.0, 8.0), min_size=6, max_size=6),
    st.tuples(st.floats(0.0, 2.0), st.floats(0.0, 2.0)),
    st.integers(0, 2**32 - 1),
)
def test_the_kernel_of_any_mixed_rows_is_positive_semidefinite(
    sizes: list[int | None], logarithms: list[float], parts: tuple[float, float], seed: int
) -> None:
    dice = np.random.default_rng(seed)
    rows = np.stack([dice.random(20) if size is None else dice.integers(size, size=20) for size in sizes], axis=1)
    kernel = Kernel(Shape(tuple(sizes)), tuple(np.exp(logarithms[: len(sizes)]).tolist()), *parts)
    covariance = kernel(rows.astype(float), rows.astype(float))
    assert np.diag(covariance) == pytest.approx(np.full(20, kernel.variance), abs=1e-4)
    assert np.linalg.eigvalsh((covariance + covariance.T) / 2).min() > -1e-4


def test_a_posterior_of_one_row_is_the_closed_form() -> None:
    known, asked = np.array([[0.3, 1.0, 0.6]]), np.array([[0.4, 1.0, 0.6], [0.3, 2.0, 0.6]])
    mean, deviation = condition(KERNEL, NOISE, known, np.array([2.0])).predict(asked)
    one = matern(np.array([4.0 * 0.1**2, 1.0]))
    covariances = 1.2 * one + 0.3 * (0.6 + 0.4 * one)
    assert mean == pytest.approx(covariances / 1.51 * 2.0)
    assert deviation**2 == pytest.approx(1.5 - covariances**2 / 1.51)


def test_rows_are_looked_at_in_blocks() -> None:
    posterior, rows = condition(KERNEL, NOISE, rows_of(12), np.arange(12.0)), rows_of(2 * BLOCK + 1)
    whole, parts = posterior.predict(rows), [posterior.predict(part) for part in np.array_split(rows, 5)]
    for found, pieces in zip(whole, zip(*parts, strict=True), strict=True):
        assert len(found) == len(rows) and found == pytest.approx(np.concatenate(pieces))


def test_covariances_are_the_same_to_the_bit_as_if_they_were_made_in_one_go() -> None:
    left, right = rows_of(3 * TILE // 64 + 1), rows_of(64, seed=2)
    apart = np.full((len(left), len(right)), KERNEL.apart)
    for place, weight in enumerate(KERNEL.inverse_squares):
        apart *= mixed_in(matern(weight * SHAPE.square(place, left, right)), SHAPE.share)
    expanded = [SHAPE.expand(rows, KERNEL.weights) for rows in (left, right)]
    assert np.array_equal(KERNEL(left, right), KERNEL.together * matern(squared_distances(*expanded)) + apart)


@pytest.mark.parametrize("count", [0, 1])
def test_covariances_of_no_or_one_row(count: int) -> None:
    assert KERNEL(rows_of(count), rows_of(2)).shape == KERNEL(rows_of(2), rows_of(count)).T.shape == (count, 2)


def test_a_posterior_passes_through_what_is_known_without_noise() -> None:
    rows, values = rows_of(12), np.sin(np.arange(12.0))
    mean, deviation = condition(KERNEL, 1e-10, rows, values).predict(rows)
    assert mean == pytest.approx(values, abs=1e-5)
    assert deviation.max() < 1e-3


def test_the_kernel_of_wide_spaces_is_the_part_of_all_columns_together() -> None:
    left, right = rows_of(9), rows_of(7, seed=2)
    expected = Kernel(SHAPE, WIDE.inverse_squares, WIDE.variance, 0.0)(left, right)
    assert WIDE(left, right) == pytest.approx(expected)
    assert WideKernel(Shape((None, None)), (4.0, 9.0), 1.2)(left[:, ::2], right[:, ::2]) == pytest.approx(
        Kernel(Shape((None, None)), (4.0, 9.0), 1.2, 0.0)(left[:, ::2], right[:, ::2])
    )


@pytest.mark.parametrize("wide", [False, True])
def test_the_gradient_of_the_evidence_is_that_of_finite_differences(wide: bool) -> None:
    rows = rows_of(15)
    values = np.sin(5.0 * rows[:, 0]) + rows[:, 1]
    coordinates = Coordinates(SHAPE)
    evidence: Evidence | WideEvidence = evidence_of(SHAPE, rows, values)
    if wide:
        evidence = WideEvidence(coordinates, coordinates.of(rows), values)
    at = evidence.start + np.linspace(-0.5, 0.5, len(evidence.start))
    steps = 1e-5 * np.eye(len(at))
    expected = [(evidence(at + step)[0] - evidence(at - step)[0]) / 2e-5 for step in steps]
    assert evidence(at)[1] == pytest.approx(np.array(expected), rel=1e-5)


@pytest.mark.parametrize("kernel", [KERNEL, WIDE])
def test_the_gradients_of_a_posterior_are_those_of_finite_differences(kernel: Kernel | WideKernel) -> None:
    posterior = condition(kernel, NOISE, rows_of(10), np.cos(np.arange(10.0)))
    asked = rows_of(4, seed=1)
    _, _, by_mean, by_deviation = posterior.slopes(asked)
    for column in (0, 2):
        step = 1e-6 * (np.arange(3) == column)
        after, before = posterior.predict(asked + step), posterior.predict(asked - step)
        assert by_mean[:, column] == pytest.approx((after[0] - before[0]) / 2e-6, rel=1e-4)
        assert by_deviation[:, column] == pytest.approx((after[1] - before[1]) / 2e-6, rel=1e-4)
    assert not by_mean[:, 1].any() and not by_deviation[:, 1].any()


def test_a_wide_fit_finds_which_columns_matter_and_how_much_noise_there_is() -> None:
    dice = np.random.default_rng(SEED)
    rows = rows_of(60)
    values = np.sin(6.0 * rows[:, 0]) + rows[:, 1]
    kernel, quiet = fit_wide(SHAPE, rows, normal_like(values))
    _, loud = fit_wide(SHAPE, rows, normal_like(values + dice.normal(scale=0.3, size=60)))
    assert min(kernel.inverse_squares[:2]) > 10 * kernel.inverse_squares[2]
    assert quiet < 1e-3 < 1e-2 < loud


@pytest.mark.parametrize(("numbers", "kind"), [(56, Kernel), (57, WideKernel)])
def test_from_61_coordinates_on_the_kernel_is_that_of_wide_spaces(numbers: int, kind: type) -> None:
    """A list without an order has as many as entries."""
    shape = Shape((None,) * numbers + (4,))
    rows = np.random.default_rng(SEED).random((5, numbers + 1)).round()
    learned = learn("GP", Axes(wide_space(numbers, 4)), rows, rows[:, 0], SEED)
    assert isinstance(learned.model, Posterior) and isinstance(learned.model.kernel, kind)
    assert shape_of(Axes(wide_space(numbers, 4))) == shape and shape.width == numbers + 4


def test_a_fit_finds_which_columns_matter_and_how_much_noise_there_is() -> None:
    dice = np.random.default_rng(SEED)
    rows = rows_of(60)
    values = np.sin(6.0 * rows[:, 0]) + rows[:, 1]
    kernel, quiet = fit(SHAPE, rows, normal_like(values))
    _, loud = fit(SHAPE, rows, normal_like(values + dice.normal(scale=0.3, size=60)))
    assert min(kernel.inverse_squares[:2]) > 10 * kernel.inverse_squares[2]
    assert quiet < 1e-3 < 1e-2 < loud


def test_what_columns_do_by_themselves_is_learned_from_few_rows() -> None:
    """A sum over six columns of twelve levels each, from 60 rows: unseen rows are told within a fifth of a deviation."""
    dice = np.random.default_rng(SEED)
    rows = dice.integers(12, size=(160, 6)) / 11.0
    values = normal_like(np.abs(rows - 0.4).sum(axis=1))
    shape = Shape((None,) * 6)
    kernel, noise = fit(shape, rows[:60], values[:60])
    mean, _ = condition(kernel, noise, rows[:60], values[:60]).predict(rows[60:])
    assert kernel.apart > kernel.together
    assert np.sqrt(((mean - values[60:]) ** 2).mean()) < 0.2


def test_pending_rows_leave_nothing_to_learn_where_they_are() -> None:
    """U-05: the mean stays what it was, the uncertainty around them goes."""
    posterior = condition(KERNEL, NOISE, rows_of(8), np.arange(8.0))
    waiting = rows_of(2, seed=2)
    after = posterior.believing(waiting)
    assert after.predict(waiting)[0] == pytest.approx(posterior.predict(waiting)[0], rel=0.05)
    assert (after.predict(waiting)[1] < 0.3 * posterior.predict(waiting)[1]).all()


@pytest.mark.parametrize("z", [-3e4, -1e3, -40.0, -8.0, -1.001, -0.999, 0.0, 2.0, 30.0])
def test_the_logarithm_of_an_improvement_is_exact_however_small_it_is(z: float) -> None:
    """Against the continued fraction of Mills' ratio for what is far below, and the plain formula for the rest."""
    density = -0.5 * z * z - 0.5 * math.log(2 * math.pi)
    if z < -5.0:
        expected = density - 2 * math.log(-z) + math.log(1 - 3 / z**2 + 15 / z**4 - 105 / z**6 + 945 / z**8)
    else:
        expected = math.log(math.exp(density) + z * 0.5 * math.erfc(-z / math.sqrt(2)))
    value, slope = log_gain(np.array([z, z - 1e-4, z + 1e-4]))
    assert value[0] == pytest.approx(expected, rel=1e-6)
    assert slope[0] == pytest.approx((value[2] - value[1]) / 2e-4, rel=1e-3)


SCORES = {"EI": expected_improvement, "PI": probability_of_improvement, "LCB": lower_bound}


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("mean", [-1.0, 0.1, 3.0])
@pytest.mark.parametrize("deviation", [1e-3, 0.5])
def test_slopes_of_scores_are_those_of_finite_differences(name: str, mean: float, deviation: float) -> None:
    score: Acquisition = SCORES[name]
    step = 1e-7
    means = np.array([mean, mean + step, mean - step, mean, mean])
    deviations = np.array([deviation, deviation, deviation, deviation + step, deviation - step])
    value, by_mean, by_deviation = score(means, deviations, 0.05)
    assert by_mean[0] == pytest.approx((value[1] - value[2]) / (2 * step), rel=1e-3)
    assert by_deviation[0] == pytest.approx((value[3] - value[4]) / (2 * step), rel=1e-3, abs=1e-4)


def test_scores_are_those_of_the_contract() -> None:
    """algorithms.md §8: kappa 1.96, xi 0.01 of a deviation."""
    assert lower_bound(np.array([1.0]), np.array([2.0]), 0.0)[0][0] == pytest.approx(2 * 1.96 - 1.0) and KAPPA == 1.96
    value = probability_of_improvement(np.array([-XI]), np.array([1.0]), 0.0)[0][0]
    assert XI == 0.01 and math.exp(value) == pytest.approx(0.5)


@settings(deadline=None)
@example([0.0, 1e-199, 2e-199, 3e-199, -1e100, 1e100])
@example([-1e300, 1e300])
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_losses_of_any_size_keep_their_order_and_become_ordinary_numbers(losses: list[float]) -> None:
    values = normal_like(np.array(losses))
    assert np.isfinite(values).all() and abs(values).max() <= len(losses)
    order = np.argsort(losses, kind="stable")
    assert (np.diff(values[order]) >= 0.0).all()


def test_a_long_tail_is_drawn_in() -> None:
    losses = np.exp(np.random.default_rng(SEED).normal(size=200))
    skewness = [float((((entry - entry.mean()) / entry.std()) ** 3).mean()) for entry in (losses, normal_like(losses))]
    assert skewness[0] > 2.0 and abs(skewness[1]) < 0.3
    assert powered(losses, 1.0) == pytest.approx(losses)


@given(st.integers(1, 500), st.integers(4, 100))
def test_the_best_and_the_latest_results_are_always_learned_from(count: int, most: int) -> None:
    losses = np.random.default_rng(count).random(count)
    chosen = telling(losses, most)
    assert len(set(chosen.tolist())) == len(chosen) == min(count, most)
    assert losses.argmin() in chosen and count - 1 in chosen


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0.001, 0.5))
def test_every_row_that_is_made_is_a_legal_point(seed: int, width: float) -> None:
    """U-04, and rounding before the model looks: a row is what its point is encoded as."""
    axes, dice = Axes(MIXED), np.random.default_rng(seed)
    rows = axes.spread(dice.random((20, len(axes.all))))
    moved = axes.shifted(rows, width, 0.3, dice)
    assert (moved != rows).any(axis=1).all()
    for made in (rows, moved):
        points = [axes.decode(row) for row in made]
        assert axes.encode(points) == pytest.approx(made, abs=1e-9)
        assert all(MIXED.parse(MIXED.format(point)) is not None for point in points)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_columns_are_encoded_as_their_values_are_to_the_bit(seed: int) -> None:
    """Also where numpy's logarithms would differ in the last digit."""
    dice = Randomness("test", "columns", seed).dice(0)
    space = parse_space([*MIXED_TEXTS, ParameterText("far", "double", min="-1.7e308", max="1.7e308")])
    axes, points = Axes(space), [space.sample(dice) for _ in range(20)]
    expected = [
        [axis.encode(point[place]) for place, axis in zip(axes.places, axes.all, strict=True)] for point in points
    ]
    assert axes.encode(points).tolist() == expected
    assert axes.encode([]).shape == (0, len(axes.all))


def test_a_latin_square_has_one_row_in_every_slice() -> None:
    square = latin_square(8, 3, np.random.default_rng(SEED))
    assert [sorted((column * 8).astype(int)) for column in square.T] == [list(range(8))] * 3


def a_promise(space: SearchSpace, best: float = -1.0) -> Promise:
    axes = Axes(space)
    rows = draws(space, 25)
    learned = learn("GP", axes, rows, ((rows - 0.6) ** 2).sum(axis=1), SEED)
    return Promise(learned.model, expected_improvement, best)


def test_what_is_refined_is_more_promising_than_what_it_began_with() -> None:
    axes, dice = Axes(MIXED), np.random.default_rng(SEED)
    promise = a_promise(MIXED)
    start = candidates(axes, draws(MIXED, 5), 200, dice)
    rows = refined(promise, axes, ranked(start, promise(start)), dice)
    heights = promise(rows)
    assert heights[0] > promise(start).max()
    assert (np.diff(heights) <= 1e-12).all()


def test_what_is_believed_already_need_not_be_asked_again() -> None:
    promise, rows = a_promise(MIXED), draws(MIXED, 30)
    assert np.array_equal(promise.given(promise.model.predict(rows), rows), promise(rows))


def test_a_climb_along_a_line_ends_at_the_top() -> None:
    space = parse_space([ParameterText("x", "double", min="0", max="1")])
    promise, axes, dice = a_promise(space), Axes(space), np.random.default_rng(SEED)
    top = promise(np.linspace(0.0, 1.0, 20_001)[:, None]).max()
    start = candidates(axes, draws(space, 5), 50, dice)
    rows = refined(promise, axes, ranked(start, promise(start)), dice)
    assert promise(rows[:1])[0] >= top - 1e-9


@pytest.mark.parametrize("kind", ["RF", "ET", "GBRT"])
def test_trees_learn_what_is_good_and_repeat_themselves(kind: str) -> None:
    axes, rows = Axes(MIXED), draws(MIXED, 60)
    losses = rows[:, 0] + 0.5 * (rows[:, -1] == 1.0)
    one, other = (learn(kind, axes, rows, losses, SEED).model.predict(rows) for _ in range(2))
    assert (one[0] == other[0]).all() and (one[1] == other[1]).all()
    assert np.corrcoef(one[0], losses)[0, 1] > 0.8 and (one[1] > 0.0).all()


def test_costs_are_those_of_seconds_up_to_a_constant() -> None:
    axes, rows = Axes(MIXED), draws(MIXED, 30)
    costs = learn_costs(axes, rows, np.exp(3.0 * rows[:, 0]))
    assert isinstance(costs.posterior, Posterior) and costs.posterior.kernel.shape == shape_of(axes)
    found = costs.scale * costs.posterior.predict(rows)[0]
    assert found - found.mean() == pytest.approx(3.0 * (rows[:, 0] - rows[:, 0].mean()), abs=0.05)
