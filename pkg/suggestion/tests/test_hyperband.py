"""hyperband: brackets as the paper has them, filled without waiting (algorithms.md §11)."""

from __future__ import annotations

import logging
from collections import Counter
from fractions import Fraction

import pytest
from contracts.algorithms.questions import a_parameter, a_question, points_of
from contracts.algorithms.running import Running, Status, end, values_of

from katib_apis.v1beta1 import api_pb2, names
from katib_suggestion.algorithms.brackets import Plan
from katib_suggestion.answers import answer_suggestions, answer_validation
from katib_suggestion.problem import RefusedError
from katib_suggestion.registry import Registry

LINE = a_parameter("x", api_pb2.DOUBLE, bounds=("0", "1"))
OTHER = a_parameter("y", api_pb2.DOUBLE, bounds=("0", "1"))
EPOCHS = a_parameter("epochs", api_pb2.INT, bounds=("1", "1"))
SETTINGS = {"r_l": "9", "eta": "3", "resource_name": "epochs", "random_state": "7"}
UNSEEDED = {name: value for name, value in SETTINGS.items() if name != "random_state"}
STATE = ["eta", "s_max", "r_l", "b_l", "r", "n", "current_s", "current_i", "resource_name", "evaluating_trials"]


def searching(parameters: list[api_pb2.ParameterSpec] | None = None, **settings: str) -> Running:
    return Running("hyperband", parameters or [LINE, EPOCHS], {**SETTINGS, **settings})


def loss_of(trial: api_pb2.Trial) -> float:
    return float(values_of(trial)["x"])


def place_of(trial: api_pb2.Trial) -> tuple[float, float]:
    return float(values_of(trial)["x"]), float(values_of(trial)["y"])


def epochs_of(trials: list[api_pb2.Trial]) -> list[int]:
    return [int(values_of(trial)["epochs"]) for trial in trials]


def table(text: str) -> list[list[tuple[int, int]]]:
    """Brackets such as `9@1, 3@3 · 5@3`."""
    return [[tuple(map(int, rung.split("@"))) for rung in part.split(", ")] for part in text.split(" · ")]  # type: ignore[misc]


TABLES = {
    (9, 3): "9@1, 3@3, 1@9 · 5@3, 1@9 · 3@9",
    (27, 3): "27@1, 9@3, 3@9, 1@27 · 12@3, 4@9, 1@27 · 6@9, 2@27 · 4@27",
    (81, 3): "81@1, 27@3, 9@9, 3@27, 1@81 · 34@3, 11@9, 3@27, 1@81 · 15@9, 5@27, 1@81 · 8@27, 2@81 · 5@81",
    (8, 2): "8@1, 4@2, 2@4, 1@8 · 6@2, 3@4, 1@8 · 4@4, 2@8 · 4@8",
}


@pytest.mark.parametrize("most, base", TABLES)
def test_the_plan_is_that_of_the_contracts_tables(most: int, base: int) -> None:
    """D-30: n_i places at each resource."""
    plan = Plan(Fraction(most), base)
    found = []
    for bracket in range(plan.widest + 1):
        depth = plan.depth(bracket)
        rungs = [plan.rung(depth, place) for place in range(depth + 1)]
        found.append([(rung.places, rung.resource) for rung in rungs])
    assert found == table(TABLES[most, base])


@pytest.mark.parametrize("most, base", TABLES)
def test_a_run_in_rounds_fills_every_place_of_the_plan(most: int, base: int) -> None:
    """D-30: the tables again, now by what the service answers; the next bracket of the widest kind follows."""
    running = searching(r_l=str(most), eta=str(base))
    for rung in [rung for bracket in table(TABLES[most, base]) for rung in bracket]:
        trials = running.ask(rung[0])
        assert epochs_of(trials) == [rung[1]] * rung[0]
        for trial in trials:
            end(trial, loss_of(trial))
    assert epochs_of(running.ask(2)) == [1, 1]


@pytest.mark.parametrize("wanted", [1, 3, 4])
def test_new_configurations_are_spread_over_the_space_whatever_rungs_come_between(wanted: int) -> None:
    """Any eight of the sequence that begin at a multiple of eight lie in eight different eighths of each parameter."""
    running = searching([LINE, OTHER, EPOCHS])
    while len(points := list(dict.fromkeys(map(place_of, running.trials)))) < 32:
        for trial in running.ask(wanted):
            end(trial, loss_of(trial))
    assert len(running.trials) > len(points)
    for start in range(0, 32, 8):
        for column in zip(*points[start : start + 8], strict=True):
            assert sorted(int(8 * x) for x in column) == list(range(8))


@pytest.mark.parametrize("there", [0, 5])
@pytest.mark.parametrize("settings", [SETTINGS, UNSEEDED], ids=["seeded", "unseeded"])
def test_no_configuration_is_given_again_when_a_caller_leaves_trials_out(settings: dict[str, str], there: int) -> None:
    """U-03, §2.3: those that are not there yet, and those that ended without a value."""
    running = Running("hyperband", [LINE, OTHER, EPOCHS], settings)
    for _ in range(there):
        end(running.ask(1)[0], 0.5)
    points = list(map(place_of, running.trials))
    for issued in range(there, there + 12, 2):
        question = a_question(running.experiment, running.trials, 2)
        question.total_request_number = issued + 2
        found = points_of(answer_suggestions(question, Registry()))
        points += [(float(point["x"]), float(point["y"])) for point in found]
    assert len(set(points)) == len(points) == there + 12


def test_without_a_seed_every_search_is_another_one() -> None:
    """U-10."""
    first, second = (Running("hyperband", [LINE, OTHER, EPOCHS], UNSEEDED).ask(4) for _ in range(2))
    assert not set(map(place_of, first)) & set(map(place_of, second))


def test_the_seed_says_where_configurations_are() -> None:
    found = [
        tuple(map(place_of, searching([LINE, OTHER, EPOCHS], random_state=seed).ask(4))) for seed in ("7", "7", "8")
    ]
    assert found[0] == found[1] and not set(found[0]) & set(found[2])


@pytest.mark.parametrize("most, base, widest", [(243, 3, 5), (1000, 10, 3), (1, 2, 0), ("0.5", 3, 0), (8, 3, 1)])
def test_the_number_of_brackets_is_exact(most: int | str, base: int, widest: int) -> None:
    """D-33: by whole numbers, not by logarithms."""
    assert Plan(Fraction(most), base).widest == widest


def test_no_resource_is_lost_to_rounding() -> None:
    """D-34: 1, 3, 10 for R=10, and never less than 1."""
    assert [Plan(Fraction(10), 3).rung(2, place).resource for place in range(3)] == [1, 3, 10]
    assert Plan(Fraction("0.5"), 3).rung(0, 0).resource == 1


def test_the_best_third_goes_on_with_the_same_values() -> None:
    running = searching()
    first = running.ask(9)
    for trial in first:
        end(trial, loss_of(trial))
    best = sorted(first, key=loss_of)[:3]
    assert [values_of(trial)["x"] for trial in running.ask(3)] == [values_of(trial)["x"] for trial in best]


def test_the_best_are_those_with_the_largest_value_when_that_is_wanted() -> None:
    running = Running("hyperband", [LINE, EPOCHS], SETTINGS, goal=api_pb2.MAXIMIZE)
    first = running.ask(9)
    for trial in first:
        end(trial, loss_of(trial))
    assert values_of(running.ask(1)[0])["x"] == max((values_of(trial)["x"] for trial in first), key=float)


def test_nobody_waits_for_a_rung() -> None:
    """D-30: as many as asked for, from the next bracket while the rung runs, and from the rung as soon as it is over."""
    running = searching()
    first = running.ask(9)
    assert epochs_of(running.ask(4)) == [3, 3, 3, 3]
    for trial in first[:8]:
        end(trial, loss_of(trial))
    assert epochs_of(running.ask(2)) == [3, 9], "the last place of the second bracket, the first of the third one"
    end(first[8], loss_of(first[8]))
    promoted = running.ask(4)
    assert epochs_of(promoted) == [3, 3, 3, 9]
    assert {values_of(trial)["x"] for trial in promoted[:3]} == {
        values_of(trial)["x"] for trial in sorted(first, key=loss_of)[:3]
    }


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("at_once", [1, 4, 9, 50])
def test_any_number_at_once_does_the_same_work(at_once: int, forgets: bool) -> None:
    """D-30, D-32, D-04: two whole rounds of brackets, whether or not labels come back."""
    running = searching()
    running.forgets_labels = forgets
    running.run(44, at_once, loss_of)
    found = Counter(epochs_of(running.trials))
    if at_once == 1:
        assert found == {1: 18, 3: 16, 9: 10}
    assert len(running.trials) == 44 and set(found) <= {1, 3, 9}
    assert len({(values_of(trial)["x"], values_of(trial)["epochs"]) for trial in running.trials}) == 44


@pytest.mark.parametrize("condition", [Status.FAILED, Status.KILLED, Status.METRICSUNAVAILABLE, Status.SUCCEEDED])
def test_trials_without_a_value_rank_last_and_never_go_on(condition: int) -> None:
    """D-31."""
    running = searching()
    first = running.ask(9)
    for trial in first[:7]:
        trial.status.condition = condition
    for trial in first[7:]:
        end(trial, loss_of(trial))
    following = running.ask(3)
    assert epochs_of(following) == [3, 3, 3]
    held = {values_of(trial)["x"] for trial in first}
    assert [values_of(trial)["x"] in held for trial in following] == [
        True,
        True,
        False,
    ], "two go on, a third begins anew"


def test_a_rung_in_which_all_failed_ends_its_bracket() -> None:
    """D-31."""
    running = searching()
    for trial in running.ask(9):
        end(trial, None)
    assert epochs_of(running.ask(5)) == [3] * 5
    assert running.settings["current_s"] == "1"


def test_trials_that_were_stopped_early_rank_by_what_they_had() -> None:
    """D-31."""
    running = searching()
    first = running.ask(9)
    for trial in first:
        end(trial, loss_of(trial), Status.EARLYSTOPPED)
    best = min(first, key=loss_of)
    assert values_of(running.ask(1)[0])["x"] == values_of(best)["x"]


def test_a_lost_reply_leaves_its_places_free() -> None:
    """U-03: the same request has the same answer, and nothing was counted."""
    running = searching()
    for trial in running.ask(9):
        end(trial, loss_of(trial))
    lost = running.reply(3)
    assert lost == running.reply(3)
    assert epochs_of(running.ask(3)) == [3, 3, 3]
    assert epochs_of(running.ask(1)) == [3], "of the next bracket"


def test_a_deleted_trial_does_not_hold_up_those_that_went_on() -> None:
    running = searching()
    for trial in running.ask(9):
        end(trial, loss_of(trial))
    for trial in running.ask(3):
        end(trial, loss_of(trial))
    del running.trials[0]
    (last,) = running.ask(1)
    assert epochs_of([last]) == [9]


def test_ten_settings_are_written_back() -> None:
    """§11: names and order as other tools read them; the values of the bracket that was opened last."""
    running = searching()
    reply = running.reply(9)
    written = {entry.name: entry.value for entry in reply.algorithm.algorithm_settings}
    assert list(written) == STATE
    assert [*written.values()] == ["3.0", "2", "9.0", "27.0", "1.0", "9", "2", "0", "epochs", "9"]
    for wanted, state in ((9, "1.0 9 2 0 9"), (3, "1.0 9 2 1 3"), (1, "1.0 9 2 2 0"), (5, "3.0 5 1 0 5")):
        for trial in running.ask(wanted):
            end(trial, loss_of(trial))
        found = [running.settings[name] for name in ("r", "n", "current_s", "current_i", "evaluating_trials")]
        assert found == state.split()


def test_a_default_is_written_back_as_katib_writes_it() -> None:
    del (running := searching()).experiment.spec.algorithm.algorithm_settings[1]
    written = {entry.name: entry.value for entry in running.reply(1).algorithm.algorithm_settings}
    assert (written["eta"], written["n"]) == ("3", "9")


def test_what_is_written_back_is_not_believed() -> None:
    """U-01, U-02: the trials say what has happened."""
    running = searching(current_s="-1", n="many", r="", evaluating_trials="99", current_i="7", s_max="0", b_l="x")
    assert epochs_of(running.ask(9)) == [1] * 9


def test_labels_say_bracket_and_rung() -> None:
    running = searching()
    for trial in running.ask(9):
        end(trial, loss_of(trial))
    trial, *_ = running.ask(1)
    assert dict(trial.spec.labels) == {names.LABEL_HYPERBAND_BRACKET: "0", names.LABEL_HYPERBAND_RUNG: "1"}


@pytest.mark.parametrize("label", ["999999999", "-1", "", "one", "٣"])
def test_labels_of_others_do_no_harm(label: str) -> None:
    """U-02."""
    running = searching()
    for trial in running.ask(9):
        trial.spec.labels[names.LABEL_HYPERBAND_BRACKET] = label
        end(trial, loss_of(trial))
    assert epochs_of(running.ask(4)) == [3, 3, 3, 3]


def test_trials_of_no_place_in_the_plan_are_left_out() -> None:
    """U-02: another resource, no resource, values that fit nowhere."""
    running = searching()
    for epochs in ("2", "", "many", "1e400", "3.5"):
        for trial in running.ask(1):
            trial.spec.parameter_assignments.assignments[-1].value = epochs
            end(trial, 0.0)
    assert epochs_of(running.ask(9)) == [1] * 9


def test_a_small_space_is_searched_whole_and_its_best_go_on_to_the_end() -> None:
    """U-06: six points for nine places; then the search is over, and no error."""
    cells = [a_parameter("x", api_pb2.INT, bounds=("1", "6")), EPOCHS]
    running = searching(cells)
    rounds = []
    while trials := running.ask(9):
        rounds.append(sorted((int(values_of(trial)["epochs"]), int(values_of(trial)["x"])) for trial in trials))
        for trial in trials:
            end(trial, loss_of(trial))
    assert rounds == [[(1, x) for x in range(1, 7)], [(3, 1), (3, 2), (3, 3)], [(9, 1)]]


def test_lists_of_any_numbers_are_sampled_and_written_as_they_stand() -> None:
    """D-35, U-04, U-11."""
    listed = [a_parameter("x", api_pb2.DISCRETE, list=["0.10", "1e1", "2.5"]), LINE, EPOCHS]
    listed[1] = a_parameter("y", api_pb2.DOUBLE, bounds=("0", "1"))
    running = searching(listed)
    assert {values_of(trial)["x"] for trial in running.ask(40)} == {"0.10", "1e1", "2.5"}


def validate(running: Running) -> None:
    answer_validation(api_pb2.ValidateAlgorithmSettingsRequest(experiment=running.experiment), Registry())


@pytest.mark.parametrize(
    "setting, value, words",
    [
        ("r_l", "0", "greater than 0"),
        ("r_l", "-1", "greater than 0"),
        ("r_l", "nan", "a number"),
        ("r_l", "much", "a number"),
        ("eta", "1", "whole number at least 2"),
        ("eta", "2.9", "whole number at least 2"),
        ("eta", "three", "a number"),
        ("resource_name", "steps", "no parameter"),
        ("random_state", "-1", "at least 0"),
    ],
)
def test_a_wrong_setting_is_refused(setting: str, value: str, words: str) -> None:
    """§11: settings, D-02."""
    with pytest.raises(RefusedError, match=words) as caught:
        validate(searching(**{setting: value}))
    assert setting in str(caught.value) or value in str(caught.value)


@pytest.mark.parametrize("setting", ["r_l", "resource_name"])
def test_a_setting_that_is_needed_is_missed(setting: str) -> None:
    given = {name: value for name, value in SETTINGS.items() if name != setting}
    with pytest.raises(RefusedError, match=f"setting {setting}: is missing"):
        validate(Running("hyperband", [LINE, EPOCHS], given))


@pytest.mark.parametrize("eta", ["0", "-2", "3.0"])
def test_a_base_that_is_not_positive_is_three(eta: str) -> None:
    """§11: Katib's own reading."""
    assert len(searching(eta=eta).ask(9)) == 9
    running = searching(eta=eta)
    running.ask(1)
    assert (running.settings["eta"], running.settings["s_max"]) == ("3.0", "2")


def test_less_at_once_than_the_first_rung_is_only_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """D-32; U-09: as is a setting that is not known."""
    with caplog.at_level(logging.WARNING):
        validate(searching(pace="1"))
    assert "spec.parallelTrialCount: 3 is less than the 9 places" in caplog.text
    assert "'pace' is not known here; is it spelled right?" in caplog.text


@pytest.mark.parametrize("most", ["1e308", "1e22", "1e18", "0.001", "1"])
@pytest.mark.parametrize("eta", ["2", "1e9"])
@pytest.mark.parametrize("forgets", [False, True])
def test_no_size_of_the_resource_is_too_much(most: str, eta: str, forgets: bool) -> None:
    """U-07, D-04."""
    running = searching(r_l=most, eta=eta)
    running.forgets_labels = forgets
    running.run(30, 3, loss_of)
    assert len(running.trials) == 30 and all(epochs >= 1 for epochs in epochs_of(running.trials))


def test_the_order_in_which_trials_are_sent_changes_nothing() -> None:
    running = searching()
    running.run(30, 4, loss_of)
    before = running.reply(5)
    running.trials.reverse()
    assert running.reply(5) == before
