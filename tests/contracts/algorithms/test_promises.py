"""What every algorithm promises (algorithms.md §2 and §3), asked over gRPC of a real process."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from statistics import median

import grpc
import pytest
from contracts.algorithms.questions import (
    ALGORITHMS,
    FINITE,
    MIXED,
    REGISTRY,
    Service,
    a_parameter,
    a_question,
    a_trial,
    an_experiment,
    names_points,
    seed_of,
    serving,
)
from contracts.algorithms.running import values_of

from katib_apis.v1beta1 import api_pb2
from katib_domain.naming import trial_name

Status = api_pb2.TrialStatus
FINITE_SIZE = 15
ODD_ASSIGNMENTS = (
    {"rate": "much", "momentum": "0.1", "layers": "1", "batch": "16", "optimizer": "sgd"},
    {"rate": "5", "momentum": "0.15", "layers": "50.0", "batch": "17", "optimizer": "lion"},
    {"rate": "0.5"},
    {"rate": "0.5", "momentum": "0.1", "layers": "2", "batch": "16", "optimizer": "sgd", "more": "1"},
    {},
)


def key(point: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(point.items()))


def is_inside(point: dict[str, str]) -> bool:
    """Whether a point of the mixed space satisfies its bounds, steps and lists to the letter."""
    return (
        0.001 <= float(point["rate"]) <= 1
        and point["momentum"] in ("0.1", "0.3", "0.5", "0.7", "0.9")
        and point["layers"] in ("1", "2", "3", "4", "5")
        and point["batch"] in ("16", "32", "64")
        and point["optimizer"] in ("sgd", "adam", "ftrl")
    )


def searched(service: Service, experiment: api_pb2.Experiment, rounds: int, batch: int) -> list[api_pb2.Trial]:
    """A history that the algorithm itself has asked for; the loss is the learning rate."""
    trials: list[api_pb2.Trial] = []
    for _ in range(rounds):
        for point in service.points(a_question(experiment, trials, batch)):
            trials.append(a_trial(len(trials), point, point.get("rate", str(len(trials) % 7))))
    return trials


def test_a_second_process_gives_the_same_answer(service: Service, other_service: Service, any_algorithm: str) -> None:
    """U-01, U-03, GRPC-4, D-15: nothing is remembered between calls, and a seeded answer can be had again."""
    experiment = an_experiment(any_algorithm, settings=seed_of(any_algorithm, 7))
    trials = searched(service, experiment, rounds=5, batch=3)
    question = a_question(experiment, trials, wanted=4)
    first = service.points(question)
    assert first == service.points(question) == other_service.points(question)
    assert len(first) == 4


def test_the_order_of_the_trials_in_a_request_does_not_matter(service: Service, any_algorithm: str) -> None:
    """U-03: a list from an API server has no order that lasts; when each trial started does not change."""
    experiment = an_experiment(any_algorithm, settings=seed_of(any_algorithm, 7))
    trials = searched(service, experiment, rounds=6, batch=5)
    for number, trial in enumerate(trials):
        trial.status.start_time = f"2026-01-31T12:{number // 3:02}:00Z"
    expected = service.points(a_question(experiment, trials, wanted=4))
    assert service.points(a_question(experiment, trials[::-1], wanted=4)) == expected
    assert service.points(a_question(experiment, trials[7:] + trials[:7], wanted=4)) == expected


def test_how_many_trials_start_in_a_second_does_not_matter(service: Service, any_algorithm: str) -> None:
    """U-03: starts are whole seconds; the names that our controller gives tell who was suggested first."""
    experiment = an_experiment(any_algorithm, settings=seed_of(any_algorithm, 7))
    trials = searched(service, experiment, rounds=18, batch=1)
    answers = []
    for each in (1, 3, 4):
        for number, trial in enumerate(trials):
            trial.name = trial_name("searching", number, "2z"[number % 2] * 5)
            trial.status.start_time = f"2026-01-31T12:00:{number // each:02}Z"
        answers.append(service.points(a_question(experiment, trials[::-1], wanted=2)))
    assert answers[0] == answers[1] == answers[2]


def test_a_batch_is_what_single_questions_would_have_given(service: Service) -> None:
    """U-03: a stream is chosen by how many points were issued, not by the size of the call."""
    for name in ("random", "grid"):
        experiment = an_experiment(name, settings=seed_of(name, 7))
        one_by_one = searched(service, experiment, rounds=6, batch=1)
        at_once = service.points(a_question(experiment, [], wanted=6))
        assert [
            {entry.name: entry.value for entry in trial.spec.parameter_assignments.assignments} for trial in one_by_one
        ] == at_once


def test_different_seeds_give_different_points(service: Service, algorithm: str) -> None:
    if not REGISTRY.get_algorithm(algorithm).seed_names:
        return
    settings = [seed_of(algorithm, 1), seed_of(algorithm, 2), seed_of(algorithm, 2**64 - 1)]
    replies = [service.points(a_question(an_experiment(algorithm, settings=given))) for given in settings]
    assert len({tuple(map(key, reply)) for reply in replies}) == 3


PLAIN = {"sobol"}
"""What is the same for every Experiment unless its sequence is scrambled with a seed, as Katib's is (algorithms.md §10)."""
BY_NAME = {"grid"}
"""What follows from the Experiment's name without a seed: its order has to be the same in every call, each point once."""


def test_without_a_seed_no_two_searches_are_the_same(service: Service, algorithm: str) -> None:
    """U-10: neither two Experiments nor two runs of one; many begin in the middle of the space."""
    if algorithm in PLAIN:
        return
    runs = []
    for name in ("searching", "searching", "again"):
        experiment = an_experiment(algorithm)
        experiment.name = name
        trials: list[api_pb2.Trial] = []
        for _ in range(4):
            points = service.points(a_question(experiment, trials))
            trials += [a_trial(len(trials) + place, point, point["rate"]) for place, point in enumerate(points)]
            for trial in trials[-len(points) :]:
                trial.name = f"{len(runs)}-{trial.name}"  # of a Trial's name, chance gives a part
        runs.append([key(values_of(trial)) for trial in trials][1:])
    alike = [sum(one == two for one, two in zip(*pair, strict=True)) for pair in combinations(runs, 2)]
    assert max(alike[1:]) <= 2 and (algorithm in BY_NAME or alike[0] <= 2)


@pytest.mark.parametrize("condition", [Status.CREATED, Status.RUNNING, Status.SUCCEEDED, Status.FAILED])
def test_points_are_inside_new_and_pairwise_different(service: Service, algorithm: str, condition: int) -> None:
    """U-04, U-05, D-14: also in a later call, and beside trials that are pending or have failed."""
    experiment = an_experiment(algorithm, settings=seed_of(algorithm, 7))
    trials = [
        a_trial(number, point, "0.5" if condition == Status.SUCCEEDED else None, condition)
        for number, point in enumerate(service.points(a_question(experiment, wanted=20)))
    ]
    points = service.points(a_question(experiment, trials, wanted=20))
    held = {
        key({entry.name: entry.value for entry in trial.spec.parameter_assignments.assignments}) for trial in trials
    }
    assert len(points) == 20
    assert all(map(is_inside, points))
    assert len({key(point) for point in points} | held) == 40


def test_a_finite_space_is_searched_whole_and_then_ends(service: Service, algorithm: str) -> None:
    """U-06, CTL-5, D-05, D-10, D-12, D-13: fewer points than asked for when fewer are left, none at the end, and no error."""
    experiment = an_experiment(algorithm, FINITE)
    trials: list[api_pb2.Trial] = []
    conditions = [Status.SUCCEEDED, Status.FAILED, Status.RUNNING, Status.METRICSUNAVAILABLE, Status.KILLED]
    while points := service.points(a_question(experiment, trials, wanted=4)):
        for point in points:
            number = len(trials)
            trials.append(a_trial(number, point, f"{number}.5", conditions[number % len(conditions)]))
    assert len(trials) == FINITE_SIZE
    found = {tuple(entry.value for entry in trial.spec.parameter_assignments.assignments) for trial in trials}
    assert len(found) == FINITE_SIZE


def test_strict_count_fills_up_with_the_best_points(tmp_path: Path, algorithm: str) -> None:
    """U-06: for a controller that wants exactly as many as it has asked for."""
    with serving(tmp_path, "--strict-count") as service:
        experiment = an_experiment(algorithm, FINITE)
        trials = [
            a_trial(number, point, str(number))
            for number, point in enumerate(service.points(a_question(experiment, wanted=FINITE_SIZE)))
        ]
        best = {entry.name: entry.value for entry in trials[0].spec.parameter_assignments.assignments}
        points = service.points(a_question(experiment, trials, wanted=2))
    assert len(points) == 2 and points[0] == best


@pytest.mark.parametrize("value", [None, "", "nan", "inf", "-inf", "unavailable", "good", "1e400"])
@pytest.mark.parametrize("condition", range(8))
def test_no_trial_is_ever_an_error(service: Service, any_algorithm: str, value: str | None, condition: int) -> None:
    """U-02: odd values, odd assignments, every condition; 2.5: never an error because of a trial (D-16, D-18)."""
    experiment = an_experiment(any_algorithm, settings=seed_of(any_algorithm, 7))
    trials = [a_trial(number, odd, value, condition) for number, odd in enumerate(ODD_ASSIGNMENTS)]
    trials += [a_trial(10 + number, odd, "1.5", condition) for number, odd in enumerate(ODD_ASSIGNMENTS)]
    points = service.points(a_question(experiment, trials, wanted=3))
    assert len(points) == 3
    assert not names_points(any_algorithm) or all(map(is_inside, points))


def test_thousands_of_trials_are_no_burden(service: Service, any_algorithm: str) -> None:
    """U-07: 2,000 trials of history, answered within the deadline of a call (60 s)."""
    experiment = an_experiment(any_algorithm, settings=seed_of(any_algorithm, 7), most=3000)
    trials = []
    for number in range(2000):
        point = {
            "rate": f"{0.001 + number / 2100:.6f}",
            "momentum": "0.1",
            "layers": str(1 + number % 5),
            "batch": "16",
            "optimizer": "sgd",
        }
        trials.append(a_trial(number, point, str(number % 97)))
    assert len(service.points(a_question(experiment, trials, wanted=10))) == 10


def test_no_number_of_candidates_keeps_others_waiting(service: Service) -> None:
    """U-07, U-09: every number that Katib accepts is accepted, and the answer comes within the deadline of a call."""
    experiment = an_experiment("tpe", settings={"random_state": "7", "n_EI_candidates": "1000000000000"})
    trials = searched(service, experiment, rounds=3, batch=5)
    assert len(service.points(a_question(experiment, trials, wanted=2))) == 2


def test_many_experiments_are_served_at_once(service: Service, any_algorithm: str) -> None:
    """U-01: one process for any number of Experiments; a long answer holds nobody up."""
    experiments = [an_experiment(any_algorithm, settings=seed_of(any_algorithm, number)) for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda experiment: service.points(a_question(experiment)), experiments))
    assert together == [service.points(a_question(experiment)) for experiment in experiments]


def wrong_settings(algorithm: str) -> dict[str, tuple[dict[str, str], list[str]]]:
    """Settings that an algorithm must refuse, and words of the refusal (U-08, U-09, U-10)."""
    kind = REGISTRY.get_algorithm(algorithm)
    found: dict[str, tuple[dict[str, str], list[str]]] = {}
    if not kind.lenient:
        found["a setting that does not exist"] = ({"pace of it": "1"}, ["pace of it", "no such setting"])
    for seed in kind.seed_names:
        found[f"a negative {seed}"] = ({seed: "-1"}, [seed, "-1", "at least 0"])
        found[f"a {seed} that is no whole number"] = ({seed: "5.0"}, [seed, "5.0", "whole number"])
        found[f"a {seed} that is too large"] = ({seed: str(2**64)}, [seed, str(2**64)])
    if len(kind.seed_names) > 1:
        found["two seeds"] = (dict.fromkeys(kind.seed_names, "1"), list(kind.seed_names))
    return found


WRONG_SETTINGS = [(name, case) for name in ALGORITHMS for case in wrong_settings(name)]


@pytest.mark.parametrize(("name", "case"), WRONG_SETTINGS)
def test_a_wrong_setting_is_refused_by_name_value_and_rule(service: Service, name: str, case: str) -> None:
    """U-08, U-09, U-10, D-02: by validation and by GetSuggestions alike."""
    settings, words = wrong_settings(name)[case]
    _refused(service, an_experiment(name, settings=settings), words)


WRONG_TPE_SETTINGS = {
    "gamma 0": ({"gamma": "0"}, ["gamma", "greater than 0"]),
    "gamma 1": ({"gamma": "1"}, ["gamma", "less than 1"]),
    "gamma nan": ({"gamma": "nan"}, ["gamma", "nan"]),
    "prior_weight 0": ({"prior_weight": "0"}, ["prior_weight", "greater than 0"]),
    "no candidates": ({"n_EI_candidates": "0"}, ["n_EI_candidates", "at least 1"]),
    "candidates twice": ({"n_EI_candidates": "5", "n_ei_candidates": "5"}, ["n_EI_candidates", "n_ei_candidates"]),
    "startup -1": ({"n_startup_trials": "-1"}, ["n_startup_trials", "at least 0"]),
}


@pytest.mark.parametrize("case", WRONG_TPE_SETTINGS)
def test_a_wrong_setting_of_tpe_is_refused(service: Service, case: str) -> None:
    """algorithms.md §6."""
    settings, words = WRONG_TPE_SETTINGS[case]
    _refused(service, an_experiment("tpe", settings=settings), words)


def test_every_good_setting_of_tpe_is_accepted(service: Service) -> None:
    settings = {
        "gamma": "0.3",
        "prior_weight": "2",
        "n_EI_candidates": "10",
        "n_startup_trials": "0",
        "random_state": "1",
    }
    experiment = an_experiment("tpe", settings=settings)
    service.validate(experiment)
    assert len(service.points(a_question(experiment))) == 3


WRONG_SPACES = {
    "min above max (V4)": (a_parameter("x", api_pb2.DOUBLE, bounds=("2", "1")), ["x", "2", "1"]),
    "no number (V3)": (a_parameter("x", api_pb2.DOUBLE, bounds=("low", "1")), ["x", "low"]),
    "a step of zero (V5)": (a_parameter("x", api_pb2.INT, bounds=("1", "3"), step="0"), ["x", "0"]),
    "half an int (V6)": (a_parameter("x", api_pb2.INT, bounds=("1.5", "3")), ["x", "1.5"]),
    "a logarithm of zero (V8)": (
        a_parameter("x", api_pb2.DOUBLE, bounds=("0", "1"), distribution=api_pb2.LOG_UNIFORM),
        ["x", "0"],
    ),
    "an empty list (V9)": (a_parameter("x", api_pb2.CATEGORICAL), ["x"]),
    "an entry twice (V9)": (a_parameter("x", api_pb2.CATEGORICAL, list=["a", "a"]), ["x", "a"]),
    "no type (V2)": (a_parameter("x", api_pb2.UNKNOWN_TYPE, bounds=("1", "2")), ["x"]),
}


@pytest.mark.parametrize("case", WRONG_SPACES)
def test_a_wrong_space_is_refused_by_parameter_and_value(service: Service, algorithm: str, case: str) -> None:
    """U-08: search-spaces.md §2."""
    parameter, words = WRONG_SPACES[case]
    _refused(service, an_experiment(algorithm, [parameter]), words)


def test_an_experiment_without_parameters_is_refused(service: Service, algorithm: str) -> None:
    _refused(service, an_experiment(algorithm, []), ["parameters"])


def test_an_unknown_algorithm_is_refused_with_the_known_ones(service: Service) -> None:
    """algorithms.md §2.5."""
    _refused(service, an_experiment("randm"), ["randm", ", ".join(ALGORITHMS)])


def _refused(service: Service, experiment: api_pb2.Experiment, words: list[str]) -> None:
    with pytest.raises(grpc.RpcError) as validated:
        service.validate(experiment)
    with pytest.raises(grpc.RpcError) as asked:
        service.points(a_question(experiment))
    for caught in (validated.value, asked.value):
        assert isinstance(caught, grpc.Call)
        assert caught.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert all(word in str(caught.details()) for word in words), caught.details()


DISTRIBUTIONS = [api_pb2.UNIFORM, api_pb2.LOG_UNIFORM, api_pb2.NORMAL, api_pb2.LOG_NORMAL, 0]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_distributions_and_steps_are_honoured(service: Service, algorithm: str, distribution: int) -> None:
    """U-11, D-06, D-08, D-09, D-19: steps start at min, decimals stay exact, nothing leaves the range."""
    parameters = [
        a_parameter("free", api_pb2.DOUBLE, bounds=("0.5", "2"), distribution=distribution),
        a_parameter("stepped", api_pb2.DOUBLE, bounds=("0.1", "0.7"), step="0.2", distribution=distribution),
        a_parameter("whole", api_pb2.INT, bounds=("1", "50"), step="10", distribution=distribution),
        a_parameter("fixed", api_pb2.DOUBLE, bounds=("3", "3"), distribution=distribution),
    ]
    experiment = an_experiment(algorithm, parameters, seed_of(algorithm, 7))
    points = service.points(a_question(experiment, wanted=60))
    assert all(0.5 <= float(point["free"]) <= 2 for point in points)
    assert {point["stepped"] for point in points} <= {"0.1", "0.3", "0.5", "0.7"}
    assert {point["whole"] for point in points} <= {"1", "11", "21", "31", "41"}
    assert {Decimal(point["fixed"]) for point in points} == {Decimal(3)}
    assert len(points) == 60


def test_both_ends_of_an_int_are_as_likely_as_what_is_between(service: Service) -> None:
    """D-07: 1,000 seeded draws of four values; the ends used to have half their share."""
    parameters = [a_parameter("whole", api_pb2.INT, bounds=("1", "4")), MIXED[0]]
    points = service.points(
        a_question(an_experiment("random", parameters, seed_of("random", 7), most=1000), wanted=1000)
    )
    drawn = Counter(point["whole"] for point in points)
    assert sorted(drawn) == ["1", "2", "3", "4"]
    assert all(200 <= count <= 300 for count in drawn.values()), drawn


def test_health_knows_one_service(service: Service) -> None:
    """grpc.md §4."""
    assert service.is_serving()
    with pytest.raises(grpc.RpcError) as caught:
        service.is_serving("manager.v1beta1.Nothing")
    assert isinstance(caught.value, grpc.Call) and caught.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("wanted", [0, -1, -(2**31)])
def test_who_wants_nothing_gets_nothing(service: Service, any_algorithm: str, wanted: int) -> None:
    """U-07: a count that no controller sends is no error either."""
    question = a_question(an_experiment(any_algorithm, settings=seed_of(any_algorithm, 7)))
    question.current_request_number = wanted
    assert not service.ask(question).parameter_assignments


def test_the_total_number_says_how_many_were_issued(service: Service) -> None:
    """U-03: a grid goes on behind what was issued, also when the trials of it are not sent."""
    experiment = an_experiment("grid", FINITE, seed_of("grid", 7))
    whole = service.points(a_question(experiment, wanted=FINITE_SIZE))
    question = a_question(experiment, wanted=5)
    question.total_request_number = 10
    assert service.points(question) == whole[5:10]


def test_a_grid_visits_every_point_once_in_a_shuffled_order(service: Service) -> None:
    """D-11, algorithms.md §5: exact decimals, each point once."""
    parameters = [a_parameter("x", api_pb2.DOUBLE, bounds=("0.1", "0.3"), step="0.1"), MIXED[3]]
    experiment = an_experiment("grid", parameters, seed_of("grid", 7))
    points = service.points(a_question(experiment, wanted=50))
    values = [(point["x"], point["batch"]) for point in points]
    assert sorted(values) == sorted((x, y) for x in ("0.1", "0.2", "0.3") for y in ("16", "32", "64"))
    assert values != sorted(values)


PLANE = [a_parameter(name, api_pb2.DOUBLE, bounds=("-5", "5")) for name in ("x", "y")]


@pytest.mark.parametrize("name", ["tpe", "multivariate-tpe", "cmaes"])
def test_an_algorithm_that_learns_comes_closer_than_chance(service: Service, name: str) -> None:
    """algorithms.md §6, §7, §9: the last of 60 trials are better than the first ones, and one is close to (1, -2)."""
    experiment = an_experiment(name, PLANE, seed_of(name, 7), goal=api_pb2.MAXIMIZE)
    trials: list[api_pb2.Trial] = []
    losses: list[float] = []
    for number in range(60):
        (point,) = service.points(a_question(experiment, trials, wanted=1))
        losses.append((float(point["x"]) - 1) ** 2 + (float(point["y"]) + 2) ** 2)
        trials.append(a_trial(number, point, str(-losses[-1])))
    assert median(losses[40:]) < median(losses[:10])
    assert min(losses) < 1
