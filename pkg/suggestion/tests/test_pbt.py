"""pbt: generations that go on from one another's checkpoints (algorithms.md §12)."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest
from contracts.algorithms.questions import a_parameter
from contracts.algorithms.running import Running, Status, end, values_of

from katib_apis.v1beta1 import api_pb2, names
from katib_domain.search_space import ParameterText, parse_domain
from katib_suggestion.algorithms.pbt import quantile
from katib_suggestion.algorithms.perturbation import move
from katib_suggestion.answers import answer_validation
from katib_suggestion.problem import RefusedError
from katib_suggestion.registry import Registry

RATE = a_parameter("rate", api_pb2.DOUBLE, bounds=("0", "1"))
SETTINGS = {
    "suggestion_trial_dir": "/checkpoints",
    "n_population": "5",
    "truncation_threshold": "0.2",
    "random_state": "7",
}
NAME = re.compile(r"searching-g(\d+)-[0-9a-f]{8}")


def searching(parameters: list[api_pb2.ParameterSpec] | None = None, **settings: str) -> Running:
    return Running("pbt", parameters or [RATE], {**SETTINGS, **settings})


def rate_of(trial: api_pb2.Trial) -> float:
    return float(values_of(trial)["rate"])


def generation_of(trial: api_pb2.Trial) -> int:
    return int(trial.spec.labels[names.LABEL_PBT_GENERATION])


def parent_of(trial: api_pb2.Trial) -> str:
    return trial.spec.labels[names.LABEL_PBT_PARENT]


def first_generation(running: Running, size: int = 5) -> list[api_pb2.Trial]:
    """A generation that has ended; the loss is the place."""
    trials = running.ask(size)
    for place, trial in enumerate(trials):
        end(trial, float(place))
    return trials


def test_the_first_generation_is_random_and_has_no_parents() -> None:
    trials = searching().ask(5)
    assert len({rate_of(trial) for trial in trials}) == 5
    for trial in trials:
        assert NAME.fullmatch(trial.name) and dict(trial.spec.labels) == {names.LABEL_PBT_GENERATION: "0"}


def test_the_good_go_on_and_the_bad_take_over_from_the_best() -> None:
    """D-39: a bad member gets checkpoint and hyperparameters of a better one, and all of them then explore."""
    running = searching()
    first = first_generation(running)
    second = running.ask(5)
    assert [parent_of(trial) for trial in second] == [*(trial.name for trial in first[:4]), first[0].name]
    assert {generation_of(trial) for trial in second} == {1}
    for child in second:
        parent = next(trial for trial in first if trial.name == parent_of(child))
        assert rate_of(child) in [min(1.0, rate_of(parent) * factor) for factor in (0.8, 1.2)]


def test_a_generation_is_complete_with_as_many_values_as_it_has_members() -> None:
    """D-42: not one more; and whoever asks for more meanwhile gets it (D-37)."""
    running = searching()
    first = running.ask(5)
    for trial in first[:4]:
        end(trial, rate_of(trial))
    assert [generation_of(trial) for trial in running.ask(3)] == [0, 0, 0]
    end(first[4], 0.5)
    assert [generation_of(trial) for trial in running.ask(3)] == [1, 1, 1]


@pytest.mark.parametrize("condition", [Status.FAILED, Status.KILLED, Status.METRICSUNAVAILABLE, Status.SUCCEEDED])
def test_a_failed_member_is_tried_again_as_it_was_three_times(condition: int) -> None:
    """D-42, D-37: the same values, generation and parent, under another name; without a metric it has failed too."""
    running = searching()
    first_generation(running)
    child = running.ask(5)[4]
    seen = {child.name}
    for _ in range(3):
        child.status.condition = condition
        (again,) = running.ask(1)
        assert (values_of(again), again.spec.labels) == (values_of(child), child.spec.labels)
        child = again
        seen.add(child.name)
    assert len(seen) == 4
    child.status.condition = condition
    (other,) = running.ask(1)
    assert values_of(other) != values_of(child) and generation_of(other) == 1


def test_without_labels_generation_and_parent_are_known_by_name() -> None:
    """D-37, D-04."""
    running = searching()
    running.forgets_labels = True
    first = first_generation(running)
    second = running.ask(5)
    assert all(trial.name.startswith("searching-g1-") for trial in second)
    second[4].status.condition = Status.FAILED
    (again,) = running.reply(1).parameter_assignments
    assert again.labels[names.LABEL_PBT_PARENT] == first[0].name
    assert [(entry.name, entry.value) for entry in again.assignments] == [*values_of(second[4]).items()]


def test_names_fit_and_belong_to_the_experiment() -> None:
    """D-41: 63 characters, also of a generation with many digits and the longest name."""
    running = searching()
    running.experiment.name = "e" * 40
    first = first_generation(running)
    assert all(len(trial.name) <= 63 and trial.name.startswith("e" * 40 + "-g0-") for trial in first)
    longer = searching()
    longer.experiment.name = "y" * 70
    assert all(len(trial.name) == 63 for trial in longer.ask(3))


def test_a_lost_reply_and_an_unseeded_repeat_have_the_same_names() -> None:
    """U-03: so that a repeated request leaves no directory behind."""
    running = searching()
    del running.experiment.spec.algorithm.algorithm_settings[3]
    first_generation(running)
    assert running.reply(3) == running.reply(3)


@pytest.mark.parametrize("at_once", [1, 3, 5, 12])
def test_a_population_becomes_better_generation_by_generation(at_once: int) -> None:
    running = searching([a_parameter("rate", api_pb2.DOUBLE, bounds=("0.001", "1"))])
    running.run(60, at_once, lambda trial: abs(rate_of(trial) - 0.3))
    last = max(map(generation_of, running.trials))
    assert last >= 4 if at_once < 12 else last >= 2
    found = {number: [] for number in (0, last - 1)}
    for trial in running.trials:
        if generation_of(trial) in found:
            found[generation_of(trial)].append(abs(rate_of(trial) - 0.3))
    assert min(found[last - 1]) <= min(found[0])


def test_trials_of_others_are_members_of_the_first_generation() -> None:
    """U-02, D-37: unknown names, odd labels; never an error, always as many as asked for."""
    running = searching()
    trials = running.ask(6)
    for number, trial in enumerate(trials):
        trial.name = f"other-{number}"
        trial.spec.labels[names.LABEL_PBT_GENERATION] = ["x", "-1", "999999999", "", "1e3", "٣"][number]
        end(trial, float(number))
    assert [generation_of(trial) for trial in running.ask(4)] == [1] * 4


def test_a_deleted_trial_takes_no_generation_back() -> None:
    running = searching()
    first_generation(running)
    running.ask(2)
    del running.trials[0]
    assert [generation_of(trial) for trial in running.ask(2)] == [1, 1]


def test_a_space_with_fewer_points_than_members_repeats_them() -> None:
    """U-06."""
    running = searching([a_parameter("rate", api_pb2.CATEGORICAL, list=["1", "2"])])
    assert Counter(values_of(trial)["rate"] for trial in running.ask(5)).keys() == {"1", "2"}


def test_with_a_probability_values_are_drawn_anew_or_kept() -> None:
    """D-36."""
    for probability in ("0", "1", "0.5"):
        running = searching(resample_probability=probability)
        first = first_generation(running)
        second = running.ask(5)
        kept = [rate_of(child) == rate_of(parent) for child, parent in zip(second, [*first[:4], first[0]], strict=True)]
        assert all(kept) if probability == "0" else probability == "0.5" or not any(kept)


@pytest.mark.parametrize("threshold", ["0", "0.5", "0.7", "1"])
def test_any_threshold_has_parents(threshold: str) -> None:
    """§12: 0 ≤ x ≤ 1."""
    running = searching(truncation_threshold=threshold)
    first = first_generation(running)
    parents = [parent_of(trial) for trial in running.ask(5)]
    assert set(parents) <= {trial.name for trial in first} and parents[0] == first[0].name
    assert len(set(parents)) == (5 if threshold == "0" else len(set(parents)))


def test_members_that_are_equal_all_go_on() -> None:
    running = searching()
    for trial in running.ask(5):
        end(trial, 0.1)
    assert len({parent_of(trial) for trial in running.ask(5)}) == 5


def test_quantiles_are_interpolated_and_never_below_the_least() -> None:
    assert [quantile([0.0, 1.0, 2.0, 3.0, 4.0], part) for part in (0, 0.2, 0.5, 1)] == [0.0, 0.8, 2.0, 4.0]
    assert quantile([0.1] * 7, 0.3) == 0.1 and quantile([5.0], 0.5) == 5.0


MOVES = {
    "an int moves by a fifth": (("int", "1", "100", ""), "50", "40", "60"),
    "a small int moves by one (D-27)": (("int", "1", "50", ""), "2", "1", "3"),
    "an int stops at its bounds, as a whole number (D-27)": (("int", "1", "50", ""), "50", "40", "50"),
    "a negative int goes away from zero and back": (("int", "-50", "50", ""), "-10", "-8", "-12"),
    "zero moves too": (("int", "-5", "5", ""), "0", "-1", "1"),
    "steps are kept (D-40)": (("double", "0", "1", "0.35"), "0.35", "0.0", "0.7"),
    "decimals stay exact (D-40)": (("double", "0.1", "0.9", "0.2"), "0.5", "0.3", "0.7"),
    "a double moves by a fifth": (("double", "0", "10", ""), "5", "4.0", "6.0"),
    "a double stops at its bounds": (("double", "0", "5", ""), "5", "4.0", "5.0"),
    "a double leaves zero": (("double", "0", "10", ""), "0", "0.0", "0.5"),
    "a constant stays": (("double", "3", "3", ""), "3", "3.0", "3.0"),
}


@pytest.mark.parametrize("case", MOVES)
def test_values_move_by_a_fifth_and_stay_in_the_space(case: str) -> None:
    (kind, low, high, step), start, down, up = MOVES[case]
    domain = parse_domain(ParameterText("x", kind, min=low, max=high, step=step))
    value, exact = domain.read(start)
    assert exact and value is not None
    moved = [domain.format(move(domain, value, up=direction)) for direction in (False, True)]  # type: ignore[arg-type]
    assert moved == [down, up]


@pytest.mark.parametrize("kind", ["categorical", "discrete"])
def test_lists_go_round(kind: str) -> None:
    domain = parse_domain(ParameterText("x", kind, list=("1", "2", "3")))
    assert [move(domain, 2, up=True), move(domain, 0, up=False), move(domain, 1, up=True)] == [0, 2, 2]


def test_no_move_ever_leaves_the_space() -> None:
    """U-04: a long walk through one parameter of each kind."""
    dice = random.Random(1)
    texts = [
        ParameterText("i", "int", min="-3", max="7"),
        ParameterText("s", "double", min="-1", max="2", step="0.3"),
        ParameterText("d", "double", min="-1e-3", max="1e3"),
        ParameterText("l", "double", min="1e-6", max="1", distribution="logUniform"),
    ]
    for text in texts:
        domain = parse_domain(text)
        value = domain.from_unit(0.5)
        for _ in range(300):
            value = move(domain, value, up=dice.random() < 0.5)
            assert domain.read(domain.format(value)) == (value, True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "setting, value, words",
    [
        ("suggestion_trial_dir", "", "absolute path"),
        ("suggestion_trial_dir", "checkpoints", "absolute path"),
        ("n_population", "4", "at least 5"),
        ("n_population", "5.0", "whole number"),
        ("truncation_threshold", "1.1", "at most 1"),
        ("truncation_threshold", "nan", "a number"),
        ("resample_probability", "-0.1", "at least 0"),
        ("resample_probability", "often", "a number"),
    ],
)
def test_a_wrong_setting_is_refused(setting: str, value: str, words: str) -> None:
    """§12: settings, D-02, D-36."""
    with pytest.raises(RefusedError, match=f"setting {setting}: .*{words}"):
        validate(searching(**{setting: value}))


@pytest.mark.parametrize("setting", ["suggestion_trial_dir", "n_population", "truncation_threshold"])
def test_a_setting_that_is_needed_is_missed(setting: str) -> None:
    given = {name: value for name, value in SETTINGS.items() if name != setting}
    with pytest.raises(RefusedError, match=f"setting {setting}: is missing"):
        validate(Running("pbt", [RATE], given))


def test_good_settings_and_unknown_ones_are_accepted() -> None:
    """U-09; D-40: a double needs no step."""
    validate(searching(resample_probability="0.25", pace="1"))


def validate(running: Running) -> None:
    answer_validation(api_pb2.ValidateAlgorithmSettingsRequest(experiment=running.experiment), Registry())
