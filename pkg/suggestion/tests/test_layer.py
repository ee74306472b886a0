"""The layer under all algorithms: what it hands to each kind, what it takes from it, and what it remembers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from katib_apis.v1beta1 import api_pb2
from katib_domain.search_space import ParameterText, SearchSpace, parse_space
from katib_suggestion.answers import answer_suggestions, read_task, to_reading
from katib_suggestion.experiments import to_parameter_spec
from katib_suggestion.history import History, Reading
from katib_suggestion.memory import Memory, digest, weigh
from katib_suggestion.objectives import directed
from katib_suggestion.problem import Objective, Problem, RefusedError
from katib_suggestion.proposals import Task, propose_points, suggest
from katib_suggestion.randomness import Randomness
from katib_suggestion.registry import Registry
from katib_suggestion.scales import rescaled
from katib_suggestion.search import (
    Algorithm,
    Answer,
    Observation,
    Point,
    Scheduler,
    Search,
    State,
    Suggestion,
    Trial,
)
from katib_suggestion.settings import parse_settings, required, setting, unknown_settings

LINE = ParameterText("x", "double", min="0", max="1")
STEPS = ParameterText("epochs", "int", min="1", max="3")
HERE = "test_layer"


@dataclass(frozen=True)
class Dice(Algorithm):
    """Random points, and a model that counts how often it is fitted."""

    fits: ClassVar[list[int]] = []

    def propose(self, search: Search) -> Iterator[Point]:
        search.remembered("model", lambda: self.fits.append(len(search.known)) or len(search.known))
        while True:
            yield search.space.sample(search.dice)


@dataclass(frozen=True)
class Halving(Scheduler):
    """New points with little resource; what gave something is named after and gets more."""

    r_l: float = required(above=0.0)
    resource_name: str = setting("epochs")
    note_names: ClassVar[tuple[str, ...]] = ("rung",)
    lenient: ClassVar[bool] = True

    @property
    def resource(self) -> str:
        return self.resource_name

    def schedule(self, search: Search) -> Answer:
        again = [entry for entry in search.trials if entry.state is State.OBSERVED and entry.point is not None]
        suggestions = [
            Suggestion(entry.point, 9, name=f"{search.experiment}-of-{entry.name}", labels={"parent": entry.name})
            for entry in again
            if entry.point is not None
        ]
        fresh = [Suggestion(point, 0.5) for point in propose_points(Dice(), search)]
        chosen = [*suggestions, *fresh][: search.wanted]
        return Answer(tuple(chosen), {"rung": str(int(search.notes.get("rung", "0")) + 1)})


@dataclass(frozen=True)
class Same(Algorithm):
    """The same point, whatever is known."""

    repeats: ClassVar[bool] = True

    def propose(self, search: Search) -> Iterator[Point]:
        yield (0.5,)


@dataclass(frozen=True)
class Fussy(Algorithm):
    """Wants two parameters, and says so."""

    def objections(self, problem: Problem) -> Iterator[str]:
        if len(problem.parameters) < 2:
            yield "spec.parameters: fussy needs two: add one"

    def propose(self, search: Search) -> Iterator[Point]:
        yield search.space.sample(search.dice)


def a_task(algorithm: Algorithm | Scheduler, space: SearchSpace | None = None, **more: tuple[object, ...]) -> Task:
    return Task(algorithm, space or parse_space([LINE]), Randomness("dice", "e", 1), **more)  # type: ignore[arg-type]


def points_of(answer: Answer) -> list[Point]:
    return [entry.point for entry in answer.suggestions]


def a_request(algorithm: str, wanted: int, **settings: str) -> api_pb2.GetSuggestionsRequest:
    request = api_pb2.GetSuggestionsRequest(current_request_number=wanted)
    request.experiment.name = "digits"
    spec = request.experiment.spec
    spec.algorithm.algorithm_name = algorithm
    spec.objective.objective_metric_name = "loss"
    for name, value in settings.items():
        spec.algorithm.algorithm_settings.add(name=name, value=value)
    for entry in (LINE, STEPS):
        kind = api_pb2.DOUBLE if entry.type == "double" else api_pb2.INT
        space = api_pb2.FeasibleSpace(min=entry.min, max=entry.max)
        spec.parameter_specs.parameters.add(name=entry.name, parameter_type=kind, feasible_space=space)
    return request


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The algorithms of this file, by name."""
    monkeypatch.setitem(sys.modules, HERE, sys.modules[__name__])
    return Registry({kind.__name__.lower(): f"{HERE}:{kind.__name__}" for kind in (Dice, Halving, Same, Fussy)})


def test_a_scheduler_names_trials_repeats_points_sets_the_resource_and_writes_settings_back(registry: Registry) -> None:
    """algorithms.md §11, §12: what hyperband and pbt need; the resource keeps its own rules (U-04)."""
    request = a_request("halving", 3, r_l="9", rung="4", whatever="1")
    trial = request.trials.add(name="first")
    for name, value in (("x", "0.25"), ("epochs", "1")):
        trial.spec.parameter_assignments.assignments.add(name=name, value=value)
    trial.status.condition = api_pb2.TrialStatus.SUCCEEDED
    trial.status.observation.metrics.add(name="loss", value="0.5")
    reply = answer_suggestions(request, registry)
    again, *fresh = reply.parameter_assignments
    assert (again.trial_name, dict(again.labels)) == ("digits-of-first", {"parent": "first"})
    assert {entry.name: entry.value for entry in again.assignments} == {"x": "0.25", "epochs": "9"}
    assert [entry.value for found in fresh for entry in found.assignments if entry.name == "epochs"] == ["0.5", "0.5"]
    assert [(entry.name, entry.value) for entry in reply.algorithm.algorithm_settings] == [("rung", "5")]


def test_a_required_setting_and_a_resource_that_is_no_parameter_are_refused(registry: Registry) -> None:
    with pytest.raises(RefusedError, match="setting r_l: is missing: give a number greater than 0"):
        answer_suggestions(a_request("halving", 1), registry)
    with pytest.raises(RefusedError, match="'steps' is no parameter; name one of x, epochs"):
        answer_suggestions(a_request("halving", 1, r_l="9", resource_name="steps"), registry)


def test_a_lenient_algorithm_ignores_settings_that_it_does_not_know() -> None:
    """U-09: the caller is told which ones, to warn of them; what was written back is none of them."""
    given = [("r_l", "1"), ("pace", "1"), ("rung", "2")]
    assert parse_settings(Halving, given) == (Halving(1.0), None, [])
    assert unknown_settings(Halving, given) == ["pace"]


def test_what_an_algorithm_cannot_work_with_is_refused_beforehand(registry: Registry) -> None:
    """U-08."""
    request = a_request("fussy", 1)
    answer_suggestions(request, registry)
    del request.experiment.spec.parameter_specs.parameters[1]
    with pytest.raises(RefusedError, match="fussy needs two: add one"):
        answer_suggestions(request, registry)


def test_an_algorithm_may_repeat_a_point_by_design() -> None:
    """U-06: darts."""
    assert points_of(suggest(a_task(Same()), History(), 0, 3)) == [(0.5,)] * 3


def test_given_points_are_tried_first_and_once() -> None:
    history = History()
    history.add(Trial("a", State.PENDING, (0.25,)), exact=True)
    first, second, third = points_of(suggest(a_task(Dice(), given=((0.25,), (0.75,))), history, 1, 3))
    assert first == (0.75,) and len({first, second, third, (0.25,)}) == 4


def test_three_points_at_once_are_the_same_three_as_one_after_the_other() -> None:
    """U-03."""
    history, found = History(), []
    together = points_of(suggest(a_task(Dice()), history, 0, 3))
    for issued in range(3):
        found += points_of(suggest(a_task(Dice()), history, issued, 1))
        history.add(Trial("", State.PENDING, found[-1]), exact=True)
    assert together == found


def test_a_model_is_fitted_once_for_a_history_and_anew_for_another_one() -> None:
    Dice.fits.clear()
    memory, history = Memory(), History()
    history.add(Trial("a", State.OBSERVED, (0.5,), Observation((0.5,), 1.0)), exact=True)
    replies = [suggest(a_task(Dice()), history, 1, 5, memory) for _ in range(2)]
    assert Dice.fits == [1] and replies[0] == replies[1]
    history.add(Trial("b", State.OBSERVED, (0.6,), Observation((0.6,), 1.0)), exact=True)
    suggest(a_task(Dice()), history, 2, 1, memory)
    assert Dice.fits == [1, 2]
    suggest(a_task(Dice(), elsewhere=(Observation((0.1,), 2.0),)), History(), 0, 1, memory)
    assert Dice.fits == [1, 2, 1]


def test_a_memory_forgets_what_was_not_used_for_longest_and_never_holds_too_much() -> None:
    memory, made = Memory(limit=100_000), []

    def get(number: int) -> bytes:
        return memory.get(digest("n", number), lambda: made.append(number) or bytes(30_000))

    for number in (1, 2, 3, 1, 4, 1, 2):
        get(number)
    assert made == [1, 2, 3, 4, 2] and memory.size <= 100_000
    memory.get(b"much", lambda: bytes(200_000))
    assert memory.size <= 100_000


def test_arrays_are_weighed_by_what_they_hold() -> None:
    assert 80_000 <= weigh({"model": [np.zeros(10_000)]}) < 90_000


def test_a_digest_depends_on_content_alone() -> None:
    assert digest("a", (1.5, None)) == digest("".join(["a"]), (3 / 2, None)) != digest("a", (1, None))


@pytest.mark.parametrize("unit", [1.0, 100.0])
def test_another_experiments_losses_are_brought_to_this_ones_scale(unit: float) -> None:
    space = parse_space([LINE])
    elsewhere = [Observation((place / 20,), unit * (place / 20) + 7.0) for place in range(21)]
    own = [Observation((place / 5,), place / 5) for place in range(6)]
    moved = rescaled(space, elsewhere, own)
    assert [entry.point for entry in moved] == [entry.point for entry in elsewhere]
    assert all(abs(entry.loss - entry.point[0]) < 0.06 for entry in moved)


def test_another_experiment_that_says_the_contrary_is_not_listened_to() -> None:
    space = parse_space([LINE])
    elsewhere = [Observation((place / 20,), -place / 20) for place in range(21)]
    own = [Observation((place / 5,), place / 5) for place in range(6)]
    assert rescaled(space, elsewhere, own) == ()
    huge = [Observation((place / 5,), sign * 1.7e308) for place, sign in enumerate((1, -1, 1, -1, 1))]
    assert rescaled(space, huge, own) == ()


def test_every_objective_has_a_loss_and_a_trial_without_one_of_them_failed() -> None:
    trials = []
    for values in ({"acc": "0.5", "size": "3"}, {"acc": "0.5"}):
        trial = api_pb2.Trial()
        trial.spec.parameter_assignments.assignments.add(name="x", value="0.5")
        trial.status.condition = api_pb2.TrialStatus.SUCCEEDED
        for name, value in values.items():
            trial.status.observation.metrics.add(name=name, value=value)
        trials.append(trial)
    history = Reading(parse_space([LINE]), [Objective("acc", True), Objective("size")]).read_all(trials)
    assert [entry.losses for entry in history.observations] == [(-0.5, 3.0)] and history.failed == [(0.5,)]


def test_settings_say_which_way_an_additional_metric_is_better() -> None:
    objectives = [Objective("acc", True), Objective("size", True), Objective("f1", True)]
    found, errors = directed("size", "", objectives)
    assert [entry.maximize for entry in found] == [True, False, True] and not errors
    _, errors = directed("size, sice", "size", objectives)
    assert [error.partition(": ")[2] for error in errors] == [
        "setting minimize: 'sice' is no additional metric; there are size, f1",
        "setting maximize: 'size' stands in minimize too: remove it from one of them",
    ]
    assert "name at least one metric" in directed("", "", objectives[:1])[1][0]


def test_only_new_and_changed_trials_are_read_again() -> None:
    """U-01: what is kept never changes what is read."""
    reading, memory = Reading(parse_space([LINE]), [Objective("loss")]), Memory()
    trials = [api_pb2.Trial(name=str(number)) for number in range(3)]
    for trial in trials:
        trial.spec.parameter_assignments.assignments.add(name="x", value="0.5")
    first = reading.read_all(trials, memory)
    trials[1].status.condition = api_pb2.TrialStatus.FAILED
    second = reading.read_all(trials, memory)
    assert second == reading.read_all(trials) != first
    assert [one is other for one, other in zip(first.trials, second.trials, strict=True)] == [True, False, True]
    Reading(reading.space, reading.objectives, owner="another").read_all(trials[:1], memory)
    kept = reading.read_all(trials, memory)
    assert [one is other for one, other in zip(second.trials, kept.trials, strict=True)] == [True] * 3
    assert 0 < memory.size < 10_000


def test_a_search_is_scrambled_by_its_seed_or_else_by_what_chance_has_given_to_it() -> None:
    """One number for all points of a reply, and from the first trial on for all replies."""

    def scramblings(seed: int | None, *names: str) -> set[int]:
        history, found = History(), set[int]()
        for name in names:
            history.add(Trial(name, State.PENDING, (0.5,)), exact=True)

        @dataclass(frozen=True)
        class Told(Algorithm):
            def propose(self, search: Search) -> Iterator[Point]:
                found.add(search.scrambling)
                yield search.space.sample(search.dice)

        suggest(Task(Told(), parse_space([LINE]), Randomness("told", "e", seed)), history, len(names), 3)
        return found

    assert scramblings(7) == scramblings(7, "a") == {Randomness("told", "e", 7).key}
    assert scramblings(None, "a") == scramblings(None, "a", "b") != scramblings(None, "b")
    assert len(scramblings(None)) == 1 and scramblings(None) != scramblings(None)


@pytest.mark.parametrize(
    ("name", "settings", "seconds", "labels"),
    [
        ("tpe", {}, None, {}),
        ("bayesianoptimization", {}, None, {}),
        ("bayesianoptimization", {"acq_func": "EIps"}, 90.0, {}),
        ("hyperband", {"r_l": "3", "resource_name": "epochs"}, None, {"bracket": "0"}),
    ],
)
def test_no_more_of_a_trial_is_read_than_its_strategy_looks_at(
    name: str, settings: dict[str, str], seconds: float | None, labels: dict[str, str]
) -> None:
    """Names, labels and times take a tenth of the time in which a history is read."""
    experiment = api_pb2.Experiment(name="e", namespace="n")
    experiment.spec.algorithm.algorithm_name = name
    for key, value in settings.items():
        experiment.spec.algorithm.algorithm_settings.add(name=key, value=value)
    trial = api_pb2.Trial(name="t")
    trial.spec.labels["bracket"] = "0"
    for parameter in (LINE, STEPS):
        experiment.spec.parameter_specs.parameters.append(to_parameter_spec(parameter.name, parameter))
        trial.spec.parameter_assignments.assignments.add(name=parameter.name, value="1")
    trial.status.condition = api_pb2.TrialStatus.SUCCEEDED
    trial.status.start_time, trial.status.completion_time = "2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z"
    trial.status.observation.metrics.add(name="loss", value="0.5")
    experiment.spec.objective.objective_metric_name = "loss"
    history = to_reading(*read_task(experiment, Registry()), experiment).read_all([trial])
    assert [entry.seconds for entry in history.observations] == [seconds]
    assert [(entry.name, dict(entry.labels)) for entry in history.trials] == [("t" if labels else "", labels)]


def test_the_last_metric_of_a_name_counts_and_a_trial_may_name_its_own() -> None:
    """Also where there is one objective only, which is read in a shorter way."""
    trial = api_pb2.Trial()
    trial.spec.parameter_assignments.assignments.add(name="x", value="0.5")
    trial.status.condition = api_pb2.TrialStatus.SUCCEEDED
    for name, value in (("acc", "0.1"), ("f1", "0.3"), ("acc", "0.2")):
        trial.status.observation.metrics.add(name=name, value=value)
    reading = Reading(parse_space([LINE]), [Objective("acc", True)])
    assert [entry.loss for entry in reading.read_all([trial]).observations] == [-0.2]
    trial.spec.objective.objective_metric_name = "f1"
    assert [entry.loss for entry in reading.read_all([trial]).observations] == [-0.3]
    trial.spec.objective.objective_metric_name = "auc"
    assert reading.read_all([trial]).failed == [(0.5,)]


def test_what_an_algorithm_needs_is_loaded_when_it_is_first_asked() -> None:
    """A service that serves random holds no library of the others."""
    code = """
import sys
from katib_suggestion.service import SuggestionService
from katib_suggestion.registry import build_registry
build_registry().get_algorithm("random")
print(sorted({"numpy", "scipy", "sklearn", "optuna", "cmaes", "torch", "tensorflow"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
