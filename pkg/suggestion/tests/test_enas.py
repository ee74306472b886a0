"""enas learns from history alone: better architectures than chance finds, and none better when it must not learn."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import wilcoxon

from katib_domain.search_space import ParameterText, Point
from katib_suggestion.algorithms.enas import ENAS, Controller
from katib_suggestion.architectures import ArchitectureSpace, read_architectures
from katib_suggestion.history import History
from katib_suggestion.memory import Memory
from katib_suggestion.policy import above_baseline, alikeness, gain, standardised
from katib_suggestion.problem import NasText, OperationText, Problem
from katib_suggestion.proposals import Task, suggest, to_search
from katib_suggestion.randomness import Randomness
from katib_suggestion.search import Observation, State, Trial

LAYERS, SEEDS, TRIALS, BATCH = 5, 15, 36, 3
NETWORK = NasText(
    LAYERS,
    (32, 32, 3),
    (10,),
    (
        OperationText(
            "convolution",
            (
                ParameterText("filter_size", "categorical", list=("3", "5", "7")),
                ParameterText("num_filter", "categorical", list=("32", "64")),
            ),
        ),
        OperationText("separable_convolution", (ParameterText("filter_size", "categorical", list=("3", "5")),)),
        OperationText("reduction", (ParameterText("pool_size", "int", min="2", max="3"),)),
    ),
)
SPACE = read_architectures(Problem("enas", nas=NETWORK))
Score = Callable[[Point], float]


def a_score(seed: int) -> Score:
    """What architectures are worth: operations and connections count, some pairs of neighbours get on badly."""
    dice = np.random.default_rng(seed)
    count = len(SPACE.operations)
    by_layer = 0.5 * dice.normal(size=(LAYERS, count)) + 0.7 * dice.normal(size=count)
    by_flag = 0.4 * dice.normal(size=len(SPACE.domains))
    pairs = 0.5 * dice.normal(size=(count, count))

    def score(point: Point) -> float:
        rows = SPACE.rows(point)
        chosen = [row[0] for row in rows]
        flags = sum(by_flag[place] for place, value in enumerate(point) if value and place not in SPACE.starts)
        return float(
            sum(by_layer[layer, number] for layer, number in enumerate(chosen))
            + sum(pairs[one, other] for one, other in pairwise(chosen))
            + flags
        )

    return score


def best(algorithm: ENAS, seed: int) -> float:
    """The best of some trials, asked for in batches."""
    history, score = History(), a_score(seed)
    task = Task(algorithm, SPACE, Randomness("enas", "e", seed))
    while len(history.trials) < TRIALS:
        for entry in suggest(task, history, len(history.trials), BATCH).suggestions:
            found = Observation(entry.point, -score(entry.point))
            history.add(Trial(str(len(history.trials)), State.OBSERVED, entry.point, found), exact=True)
    return -min(entry.loss for entry in history.observations)


def best_of_chance(seed: int) -> float:
    dice = random.Random(1000 + seed)
    return max(map(a_score(seed), [SPACE.sample(dice) for _ in range(TRIALS)]))


def luck(algorithm: ENAS) -> float:
    """How likely it is that what it finds is no better than what as many random draws find, over all seeds."""
    differences = [best(algorithm, seed) - best_of_chance(seed) for seed in range(SEEDS)]
    return float(wilcoxon(differences, alternative="greater").pvalue)


def test_enas_beats_random_architectures() -> None:
    """With default settings: 36 trials in batches of three, 15 seeds, paired by what is searched for."""
    assert luck(ENAS()) < 0.001


def test_enas_does_not_beat_random_architectures_when_its_learning_is_switched_off() -> None:
    assert luck(ENAS(controller_learning_rate=1e-12)) > 0.05


def test_the_controller_is_a_function_of_the_trials_and_of_no_earlier_call() -> None:
    """D-44, U-01: learned from the whole history at once, or step by step with what a process remembers."""
    score, memory, history = a_score(3), Memory(), History()
    task = Task(ENAS(), SPACE, Randomness("enas", "e", 3))
    for number in range(9):
        (entry,) = suggest(task, history, number, 1, memory).suggestions
        assert suggest(task, history, number, 1).suggestions == (entry,)
        found = Observation(entry.point, -score(entry.point))
        history.add(Trial(str(number), State.OBSERVED, entry.point, found), exact=True)


def controller(
    observations: Mapping[Point, float], failed: tuple[Point, ...] = (), algorithm: ENAS | None = None
) -> Controller:
    """The controller that has learned from losses."""
    history = History()
    for point, loss in observations.items():
        history.add(Trial("", State.OBSERVED, point, Observation(point, loss)), exact=True)
    for point in failed:
        history.add(Trial("", State.FAILED, point), exact=True)
    chosen = algorithm or ENAS()
    search = to_search(Task(chosen, SPACE, Randomness("enas", "e", 1)), history, 0, 1, Memory())
    return chosen._train(search)


POINTS = tuple(SPACE.sample(random.Random(seed)) for seed in range(20))


def chance(found: Controller, layer: int, operation: int) -> float:
    """How likely an operation is in a layer."""
    likely = (0.0, *found.layers[layer])
    return (likely[operation + 1] - likely[operation]) / likely[-1]


def test_before_anything_is_known_all_architectures_are_equally_likely() -> None:
    found = controller({})
    assert {round(chance(found, layer, one), 9) for layer in range(LAYERS) for one in range(10)} == {0.1}
    assert set(found.flags) == {0.5}


def test_trials_that_say_nothing_move_the_flags_towards_the_target_alone() -> None:
    """controller_skip_target, controller_skip_weight."""
    same = dict.fromkeys(POINTS, 1.0)
    assert 0.4 < controller(same).flags[0] < 0.5
    assert controller(same, algorithm=ENAS(controller_skip_weight=None)).flags[0] == 0.5
    strong = ENAS(controller_skip_weight=100.0, controller_skip_target=0.2)
    assert controller(same, algorithm=strong).flags[0] == pytest.approx(0.2)
    assert controller(same, algorithm=ENAS(controller_skip_target=1.0)).flags[0] > 0.8
    assert round(chance(controller(same), 2, 3), 9) == 0.1


def first_is(operation: int) -> dict[Point, float]:
    """Losses that are small where the first layer is an operation."""
    return {point: float(point[0] != operation) for point in POINTS}


def test_what_good_architectures_have_in_common_becomes_likely() -> None:
    """D-43: each is praised for its own value; an operation that is alike gains, and one in another layer."""
    kind = int(POINTS[0][0])
    found = controller(first_is(kind))
    assert chance(found, 0, kind) > 0.3 > chance(found, 3, kind) > 0.1


@pytest.mark.parametrize(
    "bolder",
    [
        ENAS(controller_temperature=1.0),
        ENAS(controller_temperature=None),
        ENAS(controller_tanh_const=5.0),
        ENAS(controller_tanh_const=None),
        ENAS(controller_learning_rate=1e-3),
        ENAS(controller_train_steps=500),
    ],
)
def test_settings_make_the_controller_bolder(bolder: ENAS) -> None:
    """§13: what the default settings hold back."""
    losses, other = first_is(int(POINTS[0][0])), int(POINTS[1][0])
    assert chance(controller(losses, algorithm=bolder), 0, other) < chance(controller(losses), 0, other) < 0.1


def test_entropy_keeps_the_controller_from_deciding() -> None:
    """controller_entropy_weight."""
    kind = int(POINTS[0][0])
    varied = controller(first_is(kind), algorithm=ENAS(controller_entropy_weight=50.0))
    assert 0.1 < chance(varied, 0, kind) < chance(controller(first_is(kind)), 0, kind)


def test_a_failed_architecture_counts_as_the_worst() -> None:
    """U-02."""
    losses = {point: float(number) for number, point in enumerate(POINTS[:10])}
    failed = tuple(point for point in POINTS[10:] if point[0] == POINTS[10][0])
    assert chance(controller(losses, failed), 0, int(POINTS[10][0])) < 0.1


def test_a_baseline_follows_the_values_as_fast_as_it_decays() -> None:
    """§13: baseline - (1 - decay)(baseline - value), from 0 on."""
    assert above_baseline(np.array([1.0, 1.0]), 0.5).tolist() == [0.5, 0.25]
    assert above_baseline(np.array([1.0, 3.0]), 1.0).tolist() == [1.0, 3.0]


def test_one_outlier_does_not_hide_the_others() -> None:
    assert standardised([1, 2, 3]).tolist() == standardised([1, 2, 1e9]).tolist()
    assert standardised([5, 5]).tolist() == [0.0, 0.0]
    assert standardised([1, 2, 2, 3])[1] == standardised([1, 2, 2, 3])[2] == 0


def test_things_are_alike_by_the_traits_they_share() -> None:
    found = alikeness([["a", "b"], ["a", "c"], ["d", "e"]])
    assert np.allclose(found, [[1, 0.25, 0], [0.25, 1, 0], [0, 0, 1]])


def test_a_pull_back_ends_what_a_drive_gains() -> None:
    assert gain(0.0, 3.0) == 3.0
    assert gain(2.0, 1e9) == 0.5
    assert gain(1e-12, 3.0) == pytest.approx(3.0)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[",
        "[" * 100_000,
        "{}",
        "[[0]]",
        "[[0], [0, true]]",
        "[[0], [0, 2]]",
        "[[99], [0, 0]]",
        "[[0], 1]",
        "[[0], [0.0, 0]]",
    ],
)
def test_a_text_that_is_no_architecture_of_the_space_has_no_place_in_it(text: str | None) -> None:
    """U-02."""
    space = read_architectures(Problem("enas", nas=NasText(2, (1,), (1,), NETWORK.operations)))
    assert isinstance(space, ArchitectureSpace)
    assert space.read({} if text is None else {"architecture": text}) == (None, False)
    assert space.read({"architecture": "[[0],[9,1]]"}) == ((0, 9, 1), True)
