"""bayesianoptimization as a whole: what its settings mean, and what it makes of failures, times and pending trials."""

from __future__ import annotations

import logging
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from katib_domain.search_space import ParameterText, Point, SearchSpace, parse_space
from katib_suggestion.algorithms.bayesian_optimization import (
    ACQUISITIONS,
    MODELLED,
    BayesianOptimization,
    drawn,
    find_costs,
    hedged,
    learn_history,
)
from katib_suggestion.history import History
from katib_suggestion.memory import Memory
from katib_suggestion.proposals import Task, suggest, to_search
from katib_suggestion.randomness import Randomness
from katib_suggestion.search import Observation, Search, State, Trial
from katib_suggestion.settings import parse_settings
from katib_suggestion.surrogates import WIDEST
from katib_suggestion.surrogates.acquisition import expected_improvement
from katib_suggestion.surrogates.axes import Axes
from katib_suggestion.surrogates.learning import MOST

X = ParameterText("x", "double", min="0", max="1")
Y = ParameterText("y", "double", min="-5", max="10")
KIND = ParameterText("kind", "categorical", list=("a", "b", "c"))
FIXED = ParameterText("fixed", "int", min="3", max="3")
SPACE = parse_space([X, Y, KIND, FIXED])
PLANE = parse_space([X, Y])
Loss = Callable[[Point], float]


def task(algorithm: BayesianOptimization | None = None, space: SearchSpace = SPACE, seed: int | None = 7) -> Task:
    algorithm = algorithm or BayesianOptimization()
    return Task(algorithm, space, Randomness("bayesianoptimization", "searching", seed))


def bowl(point: Point) -> float:
    """Smallest at 0.3, 2 and the second kind."""
    loss = 10 * (float(point[0]) - 0.3) ** 2 + ((float(point[1]) - 2) / 5) ** 2
    return loss + (0.0 if len(point) < 3 or point[2] == 1 else 0.5)


def a_history(space: SearchSpace, count: int, loss: Loss = bowl) -> History:
    dice = Randomness("test", "history", count).dice(0)
    points = [space.sample(dice) for _ in range(count)]
    return History(observations=[Observation(point, loss(point)) for point in points], seen=set(points))


def asked(given: Task, history: History, wanted: int = 1, memory: Memory | None = None) -> list[Point]:
    answer = suggest(given, history, len(history.seen), wanted, memory)
    return [entry.point for entry in answer.suggestions]


def searched(given: Task, trials: int, loss: Loss = bowl) -> list[float]:
    """Losses of a whole search, one trial after the other."""
    history = History()
    for _ in range(trials):
        (point,) = asked(given, history)
        history.observations.append(Observation(point, loss(point)))
        history.seen.add(point)
    return [entry.loss for entry in history.observations]


def state_of(given: Task, history: History) -> Search:
    return to_search(given, history, len(history.seen), 1, Memory())


GOOD = [{}, {"n_initial_points": "0"}, {"random_state": str(2**64 - 1)}]
GOOD += [{"base_estimator": value} for value in ("GP", "RF", "ET", "GBRT")]
GOOD += [{"acq_func": value} for value in ("gp_hedge", "LCB", "EI", "PI", "EIps", "PIps")]
GOOD += [{"acq_optimizer": value} for value in ("auto", "sampling", "lbfgs")]
WRONG = {
    ("base_estimator", "gp"): "setting base_estimator: 'gp' is not one of GP, RF, ET, GBRT",
    ("n_initial_points", "-1"): "setting n_initial_points: '-1' is not a whole number at least 0",
    ("n_initial_points", "5.0"): "setting n_initial_points: '5.0' is not a whole number at least 0",
    ("acq_func", "UCB"): "setting acq_func: 'UCB' is not one of gp_hedge, EI, LCB, PI, EIps, PIps",
    ("acq_optimizer", "adam"): "setting acq_optimizer: 'adam' is not one of auto, sampling, lbfgs",
}


@pytest.mark.parametrize("given", GOOD, ids=str)
def test_every_value_of_the_contract_is_accepted(given: dict[str, str]) -> None:
    """algorithms.md §8, U-09, with the defaults GP, 10, gp_hedge and auto."""
    assert BayesianOptimization() == BayesianOptimization("GP", 10, "gp_hedge", "auto")
    algorithm, _, errors = parse_settings(BayesianOptimization, list(given.items()))
    assert algorithm is not None and not errors


@pytest.mark.parametrize("entry", WRONG, ids=" ".join)
def test_every_other_value_is_refused_with_what_is_allowed(entry: tuple[str, str]) -> None:
    """algorithms.md §8, U-08; of seeds there is one name (U-10)."""
    assert parse_settings(BayesianOptimization, [entry])[2] == [WRONG[entry]]
    assert "no such setting" in parse_settings(BayesianOptimization, [("seed", "1")])[2][0]


def test_it_finds_a_minimum_that_random_points_miss_by_far() -> None:
    losses = searched(task(space=PLANE), 17)
    assert min(losses) < 1e-3 < 0.05 < min(losses[:10])


@pytest.mark.parametrize(("scale", "offset"), [(1e-9, 0.0), (1e12, -3e12)])
def test_the_scale_and_the_offset_of_the_losses_do_not_matter(scale: float, offset: float) -> None:
    """algorithms.md §2.6: what is promising depends on how losses compare."""
    plain = a_history(PLANE, 20)
    moved = a_history(PLANE, 20, lambda point: scale * bowl(point) + offset)
    expected, found = (asked(task(space=PLANE), history)[0] for history in (plain, moved))
    assert found == pytest.approx(expected, abs=0.02)


CHOICES = [("GP", name, "auto") for name in ("gp_hedge", "LCB", "EI", "PI", "EIps", "PIps")]
CHOICES += [("GP", "gp_hedge", "sampling"), ("GP", "EI", "lbfgs"), ("RF", "gp_hedge", "auto"), ("ET", "LCB", "auto")]
CHOICES += [("GBRT", "gp_hedge", "sampling"), ("GBRT", "EIps", "auto")]


@pytest.mark.parametrize(("model", "name", "optimizer"), CHOICES)
def test_every_choice_of_settings_looks_where_losses_are_low(model: str, name: str, optimizer: str) -> None:
    """D-23: also those per second, without a time for any trial."""
    algorithm = BayesianOptimization(model, acq_func=name, acq_optimizer=optimizer)
    history = a_history(PLANE, 30)
    points = asked(task(algorithm, PLANE), history, wanted=2)
    assert max(map(bowl, points)) < np.median([entry.loss for entry in history.observations])


def test_first_points_fill_the_space_and_then_the_model_is_asked() -> None:
    """algorithms.md §8: n_initial_points results, each first point in a tenth of its own."""
    history = a_history(PLANE, 0)
    first = asked(task(space=PLANE), history, wanted=10)
    assert sorted(int(float(point[0]) * 10) for point in first) == list(range(10))
    observed = a_history(PLANE, 9)
    assert _is_modelled(BayesianOptimization(), observed) is False
    assert _is_modelled(BayesianOptimization(), a_history(PLANE, 10)) is True
    assert _is_modelled(BayesianOptimization(n_initial_points=12), a_history(PLANE, 11)) is False


def _is_modelled(algorithm: BayesianOptimization, history: History) -> bool:
    """Whether other losses at the same points would change what is proposed."""
    other = replace(history, observations=[Observation(entry.point, -entry.loss) for entry in history.observations])
    given = task(algorithm, PLANE)
    return asked(given, history) != asked(given, other)


def test_no_initial_points_are_one() -> None:
    """D-23: the first point cannot come from a model of nothing; the second one does."""
    algorithm = BayesianOptimization(n_initial_points=0)
    assert len(asked(task(algorithm), History())) == 1
    assert asked(task(algorithm, PLANE), a_history(PLANE, 1))[0] not in a_history(PLANE, 1).seen
    many = BayesianOptimization(n_initial_points=10**12)
    assert len(asked(task(many), a_history(SPACE, 5), wanted=3)) == 3


def test_lbfgs_with_trees_samples_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """D-23."""
    with caplog.at_level(logging.WARNING):
        algorithm = BayesianOptimization(base_estimator="ET", acq_optimizer="lbfgs")
        assert len(asked(task(algorithm), a_history(SPACE, 12), wanted=2)) == 2
    assert [record.getMessage() for record in caplog.records] == [
        "acq_optimizer lbfgs needs base_estimator GP: sampling is used with ET"
    ]


def timed(history: History, seconds: Callable[[Point], float | None]) -> History:
    observations = [
        Observation(entry.point, entry.loss, seconds=seconds(entry.point)) for entry in history.observations
    ]
    return replace(history, observations=observations)


@pytest.mark.parametrize("name", ["EIps", "PIps"])
def test_where_trials_are_short_an_improvement_is_worth_more(name: str) -> None:
    """D-23: the loss is even in x around a half, and trials on the right run a thousand times as long."""
    space = parse_space([X])
    even = a_history(space, 12, lambda point: abs(float(point[0]) - 0.5) * -1.0)
    slow = timed(even, lambda point: 10.0 ** (6 * float(point[0])))
    given = task(BayesianOptimization(acq_func=name), space)
    assert [float(point[0]) < 0.5 for point in asked(given, slow, wanted=3)] == [True] * 3
    assert find_costs(state_of(given, even), Axes(space)) is None
    assert asked(given, even) == asked(task(BayesianOptimization(acq_func=name[:2]), space), even)


def test_what_failed_is_kept_away_from() -> None:
    """U-02: trials in the half that looks best all failed."""
    history = a_history(PLANE, 15, lambda point: float(point[0]))
    kept = [entry for entry in history.observations if float(entry.point[0]) > 0.5]
    failed = [entry.point for entry in history.observations if float(entry.point[0]) <= 0.5]
    dice = Randomness("test", "more", 1).dice(0)
    failed += [(0.5 * dice.random(), PLANE.sample(dice)[1]) for _ in range(20)]
    algorithm = BayesianOptimization(n_initial_points=3, acq_func="EI")
    history = replace(history, observations=kept, failed=failed)
    assert all(float(point[0]) > 0.4 for point in asked(task(algorithm, PLANE), history, wanted=4))


def test_without_a_seed_first_points_fill_the_space_too_and_others_each_time() -> None:
    """U-10: one in each tenth of every side, over replies of three, three and four; which ones, chance says."""

    def first_ten() -> list[Point]:
        history = History()
        for wanted in (3, 3, 4):
            for point in asked(task(space=PLANE, seed=None), history, wanted):
                history.add(Trial(str(len(history.trials)), State.PENDING, point), exact=True)
        return [trial.point for trial in history.trials if trial.point is not None]

    runs = [first_ten(), first_ten()]
    for run in runs:
        for low, width, values in zip((0, -5), (1, 15), zip(*run, strict=True), strict=True):
            assert sorted(int((value - low) / width * 10) for value in values) == list(range(10))
    assert not set(runs[0]) & set(runs[1])


def test_nothing_but_failures_is_answered_with_more_first_points() -> None:
    history = a_history(SPACE, 30)
    failed = [entry.point for entry in history.observations]
    assert len(asked(task(), History(failed=failed, seen=set(failed)), wanted=5)) == 5


def rough(point: Point) -> float:
    return float(np.sin(17 * float(point[0])) + np.sin(2.3 * float(point[1])))


@pytest.mark.parametrize("kind", ["GP", "ET"])
def test_points_of_a_batch_are_not_close_to_each_other(kind: str) -> None:
    """U-05, D-22: provisional observations, so that the second point is not beside the first."""
    given = task(BayesianOptimization(base_estimator=kind, n_initial_points=5), PLANE)
    points = asked(given, a_history(PLANE, 12, rough), wanted=4)
    places = np.array([PLANE.encode(point) for point in points])
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(4, 1)]
    assert len(set(points)) == 4 and np.median(gaps) > 0.05


def test_a_question_without_a_new_result_is_answered_with_other_points() -> None:
    """D-22."""
    history = a_history(PLANE, 20)
    first = asked(task(space=PLANE), history, wanted=3)
    later = replace(history, pending=first, seen={*history.seen, *first})
    second = asked(task(space=PLANE), later, wanted=3)
    assert len({*first, *second}) == 6


def test_a_seeded_answer_repeats_with_and_without_what_is_remembered() -> None:
    """U-01, U-03."""
    history, memory = a_history(SPACE, 30), Memory()
    answers = [asked(task(), history, 4, kept) for kept in (None, memory, memory)]
    assert answers[0] == answers[1] == answers[2]
    assert asked(task(seed=8), history, 4) != answers[0]


def test_doubles_are_not_searched_on_a_logarithmic_scale_unless_asked_to() -> None:
    """D-21: a uniform parameter is uniform, negative bounds and equal ones are fine."""
    uniform = ParameterText("u", "double", min="0.001", max="0.9")
    space = parse_space([uniform, Y, FIXED])
    first = asked(task(BayesianOptimization(n_initial_points=32), space), History(), wanted=32)
    assert np.median([float(point[0]) for point in first]) == pytest.approx(0.45, abs=0.03)
    learned = asked(task(space=space), a_history(space, 12, lambda point: float(point[0])), wanted=5)
    assert all(0.001 <= float(point[0]) <= 0.9 and -5 <= float(point[1]) <= 10 for point in learned)


ROWS = [
    ParameterText("p", "int", min="1", max="4"),
    ParameterText("p", "int", min="1", max="50", step="10"),
    ParameterText("p", "int", min="5", max="10", step="0.01", distribution="logUniform"),
    ParameterText("p", "int", min="32", max="64", distribution="logNormal"),
    ParameterText("p", "double", min="0.1", max="0.9", step="0.2"),
    ParameterText("p", "double", min="0", max="1", step="0.35"),
    ParameterText("p", "double", min="0.001", max="1", step="0.1", distribution="logUniform"),
    ParameterText("p", "double", min="0", max="1", distribution="normal"),
    ParameterText("p", "double", min="0.001", max="1", distribution="logNormal"),
    ParameterText("p", "discrete", list=("3", "2", "6")),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.type} {row.min} {row.max} {row.step} {row.distribution}")
def test_what_a_model_proposes_is_on_the_grid(row: ParameterText) -> None:
    """search-spaces.md §8, U-04, U-11, with a history."""
    space = parse_space([row, X])
    points = asked(task(space=space), a_history(space, 12, lambda point: float(point[1])), wanted=4)
    for point in points:
        texts = space.format(point)
        assert space.parse(texts) == point and space.holds(texts, point)


def test_a_space_without_anything_to_vary_ends() -> None:
    """U-06."""
    space = parse_space([FIXED])
    assert asked(task(space=space), History(), wanted=3) == [(0,)]
    moved = History(observations=[Observation((0,), 1.0)] * 12)
    assert asked(task(space=space), moved, wanted=3) == [(0,)]


def test_a_model_holds_a_bounded_number_of_results() -> None:
    """U-07, algorithms.md §8: the training set is capped."""
    history = a_history(SPACE, 3 * MOST)
    history.failed = [entry.point for entry in a_history(SPACE, 2 * MOST).observations]
    learned = learn_history(state_of(task(), history), Axes(SPACE), "ET")
    assert len(learned.rows) == MOST
    best = min(history.observations, key=lambda entry: entry.loss)
    assert (learned.best_rows(1) == Axes(SPACE).encode([best.point])).all()


def test_a_large_batch_does_not_ask_the_model_for_ever() -> None:
    """U-07: from some place on points only fill the space; whatever the losses were, they are the same."""
    history = a_history(PLANE, 12)
    other = replace(history, observations=[Observation(entry.point, -entry.loss) for entry in history.observations])

    def proposed(place: int) -> list[Point]:
        states = (replace(state_of(task(space=PLANE), entry), place=place) for entry in (history, other))
        return [next(BayesianOptimization().propose(state)) for state in states]

    assert proposed(MODELLED - 1)[0] != proposed(MODELLED - 1)[1]
    assert proposed(MODELLED)[0] == proposed(MODELLED)[1]


def test_gp_hedge_prefers_what_improves_more_the_longer_it_goes_on() -> None:
    """algorithms.md §8: chances are proportional to exp of the gain."""
    space = parse_space([X])
    history = a_history(space, 12, lambda point: abs(float(point[0]) - 0.3))
    learned = learn_history(state_of(task(space=space), history), Axes(space), "GP")
    rows, best = np.linspace(0, 1, 200)[:, None], learned.best()

    def chosen(rounds: int) -> Sequence[object]:
        return [hedged(belief, best, rounds, np.random.default_rng(seed)) for seed in range(60)]

    belief = learned.model.predict(rows)
    assert len(set(chosen(1))) > 1
    improvement = expected_improvement(*belief, best)[0]
    favourites = {score: improvement[score(*belief, best)[0].argmax()] for score in ACQUISITIONS.values()}
    assert all(favourites[score] > improvement.max() - 0.01 for score in chosen(1000))  # type: ignore[index]


def test_what_another_experiment_learned_counts_as_results() -> None:
    """The search goes on where the other one was, without first points of its own."""
    history = a_history(PLANE, 25)
    given = replace(task(space=PLANE), elsewhere=tuple(history.observations))
    (point,) = asked(given, History())
    assert bowl(point) < 0.2


def a_wide_space(width: int) -> SearchSpace:
    """Doubles, ints and lists by turns."""
    kinds = (
        lambda name: ParameterText(name, "double", min="0", max="1"),
        lambda name: ParameterText(name, "int", min="0", max="9"),
        lambda name: ParameterText(name, "categorical", list=("a", "b", "c")),
    )
    return parse_space([kinds[index % 3](f"x{index}") for index in range(width)])


@pytest.mark.parametrize("optimizer", ["auto", "sampling"])
def test_hundreds_of_parameters_are_answered_within_little_memory(optimizer: str) -> None:
    """A matrix of all pairs of results for each parameter would take 25 megabytes, and a fit made several at once."""
    space = a_wide_space(200)
    history = a_history(space, 125, lambda point: sum((float(value) - 0.3) ** 2 for value in point[:24:3]))
    algorithm = BayesianOptimization(acq_optimizer=optimizer)
    asked(task(algorithm, space), a_history(space, 12), 1)
    tracemalloc.start()
    try:
        points = asked(task(algorithm, space), history, 2)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(set(points)) == 2 and all(space.read(space.format(point)) == (point, True) for point in points)
    assert most < 50 * 2**20


def test_in_a_wide_space_it_goes_where_losses_are_low() -> None:
    """Ten of a hundred numbers matter; what is proposed is better than nine in ten of what is known."""
    space = parse_space([ParameterText(f"x{index}", "double", min="0", max="1") for index in range(100)])

    def loss(point: Point) -> float:
        return sum((float(value) - 0.3) ** 2 for value in point[:10])

    history = a_history(space, 150, loss)
    losses = sorted(entry.loss for entry in history.observations)
    found = asked(task(space=space), history, 3)
    assert max(map(loss, found)) < losses[15]


@pytest.mark.parametrize("most", [1_000, 10_000])
def test_the_wider_a_space_the_fewer_candidates_are_drawn(most: int) -> None:
    assert drawn(most, WIDEST) == most
    assert [drawn(most, width) * width <= most * WIDEST for width in (61, 100, 500)] == [True] * 3
    assert drawn(most, 10**9) == 1
