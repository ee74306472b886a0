"""Rules of early stopping as functions of a request and of what trials have reported (early-stopping.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_apis.v1beta1 import api_pb2
from katib_suggestion.early_stopping.answers import (
    answer_rules,
    read_stopper,
    read_task,
    wanted_logs,
)
from katib_suggestion.early_stopping.asha import Asha
from katib_suggestion.early_stopping.medianstop import MedianStop
from katib_suggestion.early_stopping.patience import Patience
from katib_suggestion.early_stopping.registry import STOPPERS
from katib_suggestion.early_stopping.stopping import Curve, Limit, Phase, Stopper
from katib_suggestion.problem import RefusedError

Status = api_pb2.TrialStatus
Rule = tuple[str, str, int, int]
EXAMPLE = {"A": [0.5, 0.6, 0.9], "B": [0.4, 0.4], "C": [0.8, 0.9, 0.95]}
WORKED = {"start_step": "2", "min_trials_required": "3"}


def a_spec(algorithm: str = "medianstop", settings: Mapping[str, str] | None = None) -> api_pb2.EarlyStoppingSpec:
    spec = api_pb2.EarlyStoppingSpec(algorithm_name=algorithm)
    for name, value in (settings or {}).items():
        spec.algorithm_settings.add(name=name, value=value)
    return spec


def a_request(
    conditions: Mapping[str, int],
    spec: api_pb2.EarlyStoppingSpec | None = None,
    direction: int = api_pb2.MAXIMIZE,
) -> api_pb2.GetEarlyStoppingRulesRequest:
    request = api_pb2.GetEarlyStoppingRulesRequest(db_manager_address="db:6789")
    request.experiment.spec.objective.type = direction
    request.experiment.spec.objective.objective_metric_name = "accuracy"
    request.experiment.spec.early_stopping.CopyFrom(spec or a_spec(settings=WORKED))
    for name, condition in conditions.items():
        request.trials.add(name=name).status.condition = condition
    return request


def answered(
    request: api_pb2.GetEarlyStoppingRulesRequest, reports: Mapping[str, Sequence[float]]
) -> api_pb2.GetEarlyStoppingRulesReply:
    task = read_task(request)
    asked = {log.trial for log in wanted_logs(task, request)}
    return answer_rules(task, request.trials, {name: values for name, values in reports.items() if name in asked})


def plain(rules: Sequence[api_pb2.EarlyStoppingRule]) -> list[Rule]:
    return [(rule.name, rule.value, rule.comparison, rule.start_step) for rule in rules]


def succeeded(names: Sequence[str]) -> dict[str, int]:
    return dict.fromkeys(names, Status.SUCCEEDED)


def curves(*reports: Sequence[float], phase: Phase = Phase.SUCCEEDED) -> list[Curve]:
    return [Curve(f"t{number}", tuple(values), phase) for number, values in enumerate(reports)]


def test_the_worked_example_of_the_contract_holds_in_both_directions() -> None:
    """ES-02: a median, 0.55, where Katib's mean of means is 0.6; failed trials do not count (§8)."""
    conditions = {**succeeded("ABC"), "D": Status.FAILED}
    reports = {**EXAMPLE, "D": [0.1]}
    reply = answered(a_request(conditions), reports)
    assert plain(reply.early_stopping_rules) == [("accuracy", "0.55", api_pb2.LESS, 2)]
    reply = answered(a_request(conditions, direction=api_pb2.MINIMIZE), reports)
    assert plain(reply.early_stopping_rules) == [("accuracy", "0.55", api_pb2.GREATER, 2)]


def test_of_an_even_number_of_trials_the_two_middle_ones_count() -> None:
    """ES-02."""
    assert MedianStop(3, 1).find_limit(curves([1.0], [9.0], [2.0], [4.0])) == Limit(3.0, 1)
    assert MedianStop(3, 1).find_limit(curves([2.0], [2.0], [2.0], [5.0])) == Limit(2.0, 1)


def test_the_first_rule_comes_with_exactly_as_many_trials_as_are_required() -> None:
    request = a_request(succeeded("AB"))
    assert not answered(request, EXAMPLE).early_stopping_rules
    assert answered(a_request(succeeded("ABC")), EXAMPLE).early_stopping_rules


@pytest.mark.parametrize("condition", sorted({*Status.TrialConditionType.values()} - {Status.SUCCEEDED}))
def test_only_succeeded_trials_define_the_median(condition: int) -> None:
    reply = answered(a_request({**succeeded("AB"), "C": condition}), EXAMPLE)
    assert not reply.early_stopping_rules


def test_a_trial_without_a_number_does_not_count() -> None:
    """ES-03: neither an error nor a trial; the others go on to count."""
    reply = answered(a_request(succeeded("ABCD")), {**EXAMPLE, "D": []})
    assert plain(reply.early_stopping_rules)[0][1] == "0.55"
    assert not answered(a_request(succeeded("ABD")), {**EXAMPLE, "D": []}).early_stopping_rules


def test_a_trial_shorter_than_the_step_counts_with_what_it_has() -> None:
    assert MedianStop(1, 5).find_limit(curves([4.0, 2.0])) == Limit(3.0, 5)


def test_rules_follow_the_trials_and_settings_of_the_request_alone() -> None:
    """ES-04: a trial that is gone is gone from the median, and settings are those of this call."""
    full = {**EXAMPLE, "E": [0.75, 0.75]}
    assert plain(answered(a_request(succeeded("ABCE")), full).early_stopping_rules)[0][1] == "0.65"
    assert plain(answered(a_request(succeeded("ABC")), full).early_stopping_rules)[0][1] == "0.55"
    other = a_spec(settings={"start_step": "1", "min_trials_required": "1"})
    assert plain(answered(a_request(succeeded("ABC"), other), full).early_stopping_rules)[0][1:] == (
        "0.5",
        api_pb2.LESS,
        1,
    )


def test_trials_that_run_get_the_rules_of_now() -> None:
    """ES-05, GRPC-13: also those that began before any rule could be made; those that have ended get none."""
    conditions = {**succeeded("AB"), "D": Status.RUNNING, "E": Status.CREATED, "F": Status.FAILED}
    before = answered(a_request(conditions), EXAMPLE)
    assert [(entry.trial_name, plain(entry.early_stopping_rules)) for entry in before.running_trials] == [
        ("D", []),
        ("E", []),
    ]
    after = answered(a_request({**conditions, "C": Status.SUCCEEDED}), EXAMPLE)
    now = [("accuracy", "0.55", api_pb2.LESS, 2)]
    assert [(entry.trial_name, plain(entry.early_stopping_rules)) for entry in after.running_trials] == [
        ("D", now),
        ("E", now),
    ]


def test_a_trial_past_the_first_step_is_judged_at_its_next_one() -> None:
    """ES-02, ES-05: the definition holds for every step. Falling from 22 by 1 a step, the average is 21.5 at 2, 19.5 at 6."""
    stopper = MedianStop(min_trials_required=3, start_step=2)
    falling = curves(*([float(2 * start - step) for step in range(9)] for start in (10, 11, 12)))
    limits = [stopper.find_limit(falling, Curve("r", (9.0,) * reported, Phase.RUNNING)) for reported in (0, 1, 5)]
    assert limits == [Limit(21.5, 2), Limit(21.5, 2), Limit(19.5, 6)]
    assert stopper.find_limit(falling) == Limit(21.5, 2)


def test_far_on_a_trial_is_judged_as_at_a_step_that_bounds_what_is_read() -> None:
    """ES-14: a log may have a million reports."""
    completed = curves(*[[1.0] * 1000] * 3)
    assert MedianStop().find_limit(completed, Curve("r", (2.0,) * 1000, Phase.RUNNING)) == Limit(1.0, 1000)
    assert MedianStop(start_step=5000).find_limit(completed) == Limit(1.0, 5000)


def test_an_unset_direction_minimises() -> None:
    """ES-13."""
    reply = answered(a_request(succeeded("ABC"), direction=api_pb2.UNKNOWN), EXAMPLE)
    assert plain(reply.early_stopping_rules) == [("accuracy", "0.55", api_pb2.GREATER, 2)]


def test_one_rule_per_metric_is_sent() -> None:
    """§4.1, ES-06: rules of one metric would share a key, and all must be met; so there is never more than one."""
    conditions = {**succeeded("ABC"), "D": Status.RUNNING}
    for name in STOPPERS:
        spec = a_spec(name, {"max_resource": "9"} if name == "asha" else {})
        reply = answered(a_request(conditions, spec), {**EXAMPLE, "D": [0.7]})
        lists = [reply.early_stopping_rules, *(entry.early_stopping_rules for entry in reply.running_trials)]
        assert all(len(rules) <= 1 for rules in lists)


def test_zero_has_no_sign() -> None:
    settings = {"start_step": "1", "min_trials_required": "1"}
    reply = answered(a_request(succeeded("A"), a_spec(settings=settings)), {"A": [0.0]})
    assert reply.early_stopping_rules[0].value == "0.0"


WRONG_SETTINGS = [
    ("medianstop", {"min_trials_required": "0"}, "setting min_trials_required: '0' is not a whole number at least 1"),
    (
        "medianstop",
        {"start_step": "0"},
        "setting start_step: '0' is not a whole number at least 1 and at most 2147483647",
    ),
    ("medianstop", {"start_step": "4.5"}, "'4.5' is not a whole number"),
    ("medianstop", {"start_step": ""}, "'' is not a whole number"),
    (
        "medianstop",
        {"eta": "3"},
        "setting 'eta': no such setting (given '3'); known are min_trials_required, start_step",
    ),
    ("medianstop", {"random_state": "3"}, "no such setting"),
    ("asha", {}, "setting max_resource: is missing: give a whole number at least 1"),
    ("asha", {"eta": "1", "max_resource": "9"}, "setting eta: '1' is not a whole number at least 2"),
    ("asha", {"max_resource": "3", "min_resource": "4"}, "setting max_resource: '3' is less than min_resource 4"),
    (
        "asha",
        {"max_resource": "9", "brackets": "4"},
        "setting brackets: '4' is too many: the last one would begin at 27",
    ),
    ("asha", {"max_resource": "9", "brackets": "1000000000"}, "at most 31"),
    ("patience", {"n": "0"}, "setting n: '0' is not a whole number at least 1"),
    ("patience", {"min_delta": "-1"}, "setting min_delta: '-1' is not a number at least 0.0"),
    ("patience", {"min_delta": "nan"}, "'nan' is not a number"),
    ("never", {}, "spec.earlyStopping.algorithmName: 'never' is not known here; known are asha, medianstop, patience"),
    ("", {}, "spec.earlyStopping.algorithmName: '' is not known here"),
]


@pytest.mark.parametrize(("algorithm", "settings", "message"), WRONG_SETTINGS)
def test_a_wrong_setting_is_refused_with_its_name_value_and_range(
    algorithm: str, settings: dict[str, str], message: str
) -> None:
    """§2, §9."""
    with pytest.raises(RefusedError) as refused:
        read_stopper(a_spec(algorithm, settings))
    assert message in str(refused.value) and str(refused.value).startswith("spec.earlyStopping.algorithm")


GOOD_SETTINGS: list[tuple[str, dict[str, str], Stopper]] = [
    ("medianstop", {}, MedianStop(min_trials_required=3, start_step=4)),
    ("medianstop", {"min_trials_required": "1", "start_step": "1"}, MedianStop(1, 1)),
    ("asha", {"max_resource": "50"}, Asha(eta=3, min_resource=1, max_resource=50, brackets=1)),
    ("asha", {"max_resource": "9", "brackets": "3"}, Asha(9, 3, 1, 3)),
    ("patience", {}, Patience(min_delta=0.0, n=10)),
]


@pytest.mark.parametrize(("algorithm", "settings", "stopper"), GOOD_SETTINGS)
def test_settings_have_the_defaults_of_the_contract(algorithm: str, settings: dict[str, str], stopper: Stopper) -> None:
    assert read_stopper(a_spec(algorithm, settings)) == stopper


@pytest.mark.parametrize("field", ["objective", "address"])
def test_a_request_that_lacks_what_is_needed_is_refused(field: str) -> None:
    request = a_request({})
    if field == "objective":
        request.experiment.spec.objective.ClearField("objective_metric_name")
    else:
        request.ClearField("db_manager_address")
    with pytest.raises(RefusedError, match=r"objectiveMetricName|db_manager_address"):
        read_task(request)


def test_only_the_logs_that_are_needed_are_asked_for() -> None:
    """ES-14: each costs a call."""
    conditions = {"A": Status.SUCCEEDED, "B": Status.RUNNING, "C": Status.FAILED}
    needed = {}
    for name in STOPPERS:
        request = a_request(conditions, a_spec(name, {"max_resource": "30"} if name == "asha" else {}))
        logs = wanted_logs(read_task(request), request)
        needed[name] = ("".join(log.trial for log in logs), logs[0].longest)
    assert needed == {"medianstop": ("AB", 1000), "asha": ("ABC", 27), "patience": ("B", None)}


def test_a_rung_lets_the_best_share_of_all_that_came_so_far_go_on() -> None:
    """§9: any state counts, and there is no rule while not even one would go on."""
    asha = Asha(eta=3, min_resource=2, max_resource=20)
    three = [*curves([5.0, 3.0], [4.0, 6.0]), Curve("r", (9.0, 1.0, 9.0), Phase.RUNNING)]
    assert asha.find_limit(three) == Limit(1.0, 2)
    assert asha.find_limit(three[:2]) is None
    six = [*three, *curves([7.0, 8.0], [2.0, 9.0], [6.0, 9.0], phase=Phase.ENDED)]
    assert asha.find_limit(six) == Limit(2.0, 2)


def test_a_trial_has_the_limit_of_the_next_rung_that_it_has_not_passed() -> None:
    """§9: 1, 3, 9 with at most 10; after the last rung nothing stops it."""
    asha = Asha(eta=3, min_resource=1, max_resource=10)
    others = curves(*([float(number)] * 10 for number in range(9)))
    steps = []
    for passed in range(10):
        limit = asha.find_limit(others, Curve("r", (0.5,) * passed, Phase.RUNNING))
        steps.append(limit.step if limit else None)
    assert steps == [1, 3, 3, 9, 9, 9, 9, 9, 9, None]


def test_brackets_begin_at_different_rungs_and_look_at_their_own_trials() -> None:
    """§9: a trial's bracket is a matter of its name; a new one, which has none yet, is treated as the last bracket's."""
    asha = Asha(eta=2, min_resource=1, max_resource=64, brackets=3)
    names = [f"search-{number}" for number in range(60)]
    everyone = [Curve(name, tuple([float(number)] * 64), Phase.SUCCEEDED) for number, name in enumerate(names)]
    first = {}
    for name in names:
        limit = asha.find_limit(everyone, Curve(name, (), Phase.RUNNING))
        assert limit is not None
        first.setdefault(limit.step, set()).add(limit.loss)
    assert sorted(first) == [1, 2, 4] and all(len(losses) == 1 for losses in first.values())
    new = asha.find_limit(everyone)
    assert new is not None and new.step == 4


def stops(limit: Limit | None, losses: Sequence[float], known: int) -> bool:
    """Whether a collector that gets a limit after `known` reports stops the trial at one of the later ones."""
    return limit is not None and any(
        step >= limit.step and min(losses[:step]) > limit.loss for step in range(known + 1, len(losses) + 1)
    )


def stopped_at(patience: Patience, losses: Sequence[float]) -> int | None:
    """The report at which a trial is stopped whose limit is refreshed after each report."""
    for step in range(1, len(losses) + 1):
        before = Curve("r", tuple(losses[: step - 1]), Phase.RUNNING)
        if stops(patience.find_limit([], before), losses[:step], step - 1):
            return step
    return None


@pytest.mark.parametrize(
    ("losses", "step"),
    [
        ([3.0, 2.0, 1.0, 0.5, 0.2], None),
        ([3.0, 3.0, 3.0, 3.0], 3),
        ([3.0, 2.9, 2.8, 2.7, 2.6], 3),
        ([3.0, 2.5, 2.5, 2.5], 3),
        ([3.0, 2.4, 2.4, 1.5, 9.0, 9.0, 9.0], 6),
        ([1.0], None),
    ],
)
def test_patience_ends_after_n_reports_without_a_better_one(losses: list[float], step: int | None) -> None:
    """n 2, min_delta 0.5: better by exactly min_delta does not count."""
    assert stopped_at(Patience(min_delta=0.5, n=2), losses) == step


@given(st.lists(st.integers(0, 6).map(float), min_size=1, max_size=12), st.integers(1, 4), st.integers(0, 2))
def test_patience_is_what_its_definition_says(losses: list[float], n: int, delta: int) -> None:
    best, since, expected = losses[0], 1, None
    for step, loss in enumerate(losses[1:], start=2):
        if loss < best - delta:
            best, since = loss, step
        elif step - since >= n:
            expected = step
            break
    assert stopped_at(Patience(min_delta=float(delta), n=n), losses) == expected


def test_a_limit_of_patience_that_is_out_of_date_stops_nothing_that_still_gets_better() -> None:
    """ES-05: a collector may hear late."""
    losses = [5.0, 4.0, 3.0, 2.0, 1.0]
    limit = Patience(n=2).find_limit([], Curve("r", tuple(losses[:1]), Phase.RUNNING))
    assert limit is not None and not stops(limit, losses, known=1)


FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANY_CURVES = st.lists(
    st.builds(Curve, st.text(max_size=3), st.lists(FINITE, max_size=9).map(tuple), st.sampled_from(Phase)), max_size=9
)
ANY_STOPPER = st.sampled_from(
    [MedianStop(1, 2), MedianStop(), Asha(9, 2), Asha(27, 3, 1, 2), Patience(), Patience(1.5e308, 1)]
)


@given(ANY_STOPPER, ANY_CURVES)
def test_a_limit_is_a_finite_number_at_a_step_that_can_be_sent(stopper: Stopper, seen: list[Curve]) -> None:
    """ES-03: whatever trials have reported."""
    for trial in (None, *seen):
        limit = stopper.find_limit(seen, trial)
        assert limit is None or (math.isfinite(limit.loss) and 1 <= limit.step < 2**31)


@given(st.sampled_from(sorted(STOPPERS)), st.dictionaries(st.sampled_from(["eta", "n", "start_step", "x"]), st.text()))
def test_settings_of_any_text_are_read_or_refused(algorithm: str, settings: dict[str, str]) -> None:
    try:
        assert isinstance(read_stopper(a_spec(algorithm, settings)), STOPPERS[algorithm])
    except RefusedError as error:
        assert str(error).startswith("spec.earlyStopping.algorithmSettings: setting ")


@given(ANY_CURVES)
def test_the_order_of_the_trials_does_not_matter(seen: list[Curve]) -> None:
    for stopper in (MedianStop(1, 2), Asha(9, 2)):
        assert stopper.find_limit(seen) == stopper.find_limit(seen[::-1])
