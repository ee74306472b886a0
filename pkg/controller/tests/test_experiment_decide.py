"""What next for an Experiment: controllers.md §2, and a property test of every limit."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.models import Experiment, Trial
from katib_controller.experiment.decide import World, decide
from katib_domain.trial_summary import TrialTally
from katib_machinery.plan import Create, Delete, Emit, Plan, SetFinalizers, Update, UpdateStatus


def picked(plan: Plan, kind: type) -> list[Any]:
    return [action for action in plan.actions if isinstance(action, kind)]


def status_of(plan: Plan) -> Any:
    return picked(plan, UpdateStatus)[-1].obj.status


def shown(plan: Plan) -> list[str]:
    return [f"{condition.type}={condition.status}" for condition in status_of(plan).conditions]


def created(plan: Plan) -> list[str]:
    return [action.obj.name for action in picked(plan, Create)]


def requests_of(plan: Plan) -> int | None:
    updates = picked(plan, Update)
    return updates[-1].obj.spec.requests if updates else None


@pytest.fixture
def world(build: SimpleNamespace) -> Any:
    """Builds worlds from Trials and the names of assignments."""

    def building(trials: list[Trial] | None = None, assignments: list[str] | None = None, **fields: Any) -> World:
        experiment = fields.pop("experiment", None) or build.an_experiment(**fields.pop("spec", {}))
        suggestion = build.a_suggestion(assignments) if assignments is not None else None
        summary = TrialTally(trials or []).summary()
        return World(
            **{
                "experiment": experiment,
                "suggestion": suggestion,
                "summary": summary,
                "template": build.job,
                **fields,
            }
        )

    return building


def test_the_finalizer_comes_first(world: Any, build: Any) -> None:
    """E1."""
    bare = build.an_experiment({"metadata": {"finalizers": []}, "status": None})
    assert decide(world(experiment=bare), build.now).actions == (
        SetFinalizers(
            picked(decide(world(experiment=bare), build.now), SetFinalizers)[0].resource,
            bare,
            (names.FINALIZER_EXPERIMENT,),
        ),
    )


def test_a_deleted_experiment_only_gives_its_finalizer_up(world: Any, build: Any) -> None:
    """E2, CTL-26: no child is created any more."""
    leaving = build.an_experiment({"metadata": {"deletionTimestamp": "2026-01-01T12:00:00Z"}})
    plan = decide(world(experiment=leaving, assignments=["exp-a"]), build.now)
    assert [type(action) for action in plan.actions] == [SetFinalizers]
    assert plan.actions[0].finalizers == ()
    gone = build.an_experiment({"metadata": {"deletionTimestamp": "2026-01-01T12:00:00Z", "finalizers": ["x"]}})
    assert decide(world(experiment=gone), build.now) == Plan()


def test_a_new_experiment_is_created_and_asks_for_assignments(world: Any, build: Any) -> None:
    """E6, §2.4; RES-5."""
    fresh = build.an_experiment(
        {"status": None, "metadata": {"annotations": {names.ANNOTATION_LAST_APPLIED: "{}", "a": "b"}}}
    )
    plan = decide(world(experiment=fresh), build.now)
    suggestion = picked(plan, Create)[0].obj
    assert (suggestion.name, suggestion.namespace, suggestion.spec.requests) == ("exp", "ns", 3)
    assert dict(suggestion.annotations) == {"a": "b"}
    assert suggestion.controller_owner.uid == "exp-uid"
    written = status_of(plan).to_dict()
    assert written["startTime"] == "2026-01-01T12:00:00Z" and written["completionTime"] is None
    assert shown(plan) == ["Created=True"]


def test_assignments_become_trials_with_finalizer_labels_and_job(world: Any, build: Any) -> None:
    """§5 of resources.md, CTL-17."""
    view = world(assignments=["exp-a"])
    view.suggestion.status.suggestions[0].labels = {"generation": "x" * 70}
    trial = picked(decide(view, build.now), Create)[0].obj
    assert trial.name == "exp-a" and trial.finalizers == [names.FINALIZER_TRIAL]
    assert trial.labels[names.LABEL_EXPERIMENT] == "exp" and len(trial.labels["generation"]) <= 63
    assert trial.spec.labels == {"generation": "x" * 70}
    assert trial.spec.run_spec["metadata"] == {"name": "exp-a", "namespace": "ns"}
    container = trial.spec.run_spec["spec"]["template"]["spec"]["containers"][0]
    assert container["command"] == ["train", "0.5"]
    assert trial.spec.early_stopping_rules is None
    assert trial.controller_owner.uid == "exp-uid"


def test_the_contracts_worked_example(world: Any, build: Any) -> None:
    """§2.4: P=3, M=12."""
    three = ["exp-a", "exp-b", "exp-c"]
    running = [build.a_trial(name) for name in three]
    assert created(decide(world([], three), build.now)) == three
    assert requests_of(decide(world(running, three), build.now)) is None
    one_done = [build.a_trial("exp-a", "Succeeded", "0.5"), *running[1:]]
    assert requests_of(decide(world(one_done, three), build.now)) == 4
    four = [*three, "exp-d"]
    stopped = [*one_done[:1], build.a_trial("exp-b", "EarlyStopped"), running[2], build.a_trial("exp-d")]
    assert requests_of(decide(world(stopped, four), build.now)) == 4
    observed = [*stopped[:1], build.a_trial("exp-b", "EarlyStopped", "0.4"), *stopped[2:]]
    assert requests_of(decide(world(observed, four), build.now)) == 5


@pytest.mark.parametrize(
    ("states", "condition", "counted", "requests"),
    [
        ([], "Created", (None, None, None), 3),
        (["Running", "Succeeded"], "Running", (2, 1, 1), 4),
        (["Succeeded"] * 12, "Succeeded", (12, None, 12), None),
    ],
    ids=["no trial yet", "some are wanted", "enough"],
)
def test_a_pass_counts_then_completes_and_only_else_asks_for_more(
    world: Any, build: Any, states: list[str], condition: str, counted: tuple[int | None, ...], requests: int | None
) -> None:
    """E7: §2.1, §2.2 and §2.3 in this order."""
    trials = [build.a_trial(f"exp-{number}", state) for number, state in enumerate(states)]
    plan = decide(world(trials, [trial.name for trial in trials]), build.now)
    status = status_of(plan)
    assert (status.trials, status.trials_running, status.trials_succeeded) == counted
    assert status.conditions[-1].type == condition
    assert requests_of(plan) == requests


def test_no_more_trials_are_created_than_are_wanted(world: Any, build: Any) -> None:
    trials = [build.a_trial("exp-a"), build.a_trial("exp-b")]
    plan = decide(world(trials, ["exp-a", "exp-b", "exp-c", "exp-d"]), build.now)
    assert created(plan) == ["exp-c"]


def test_running_appears_with_the_first_trial(world: Any, build: Any) -> None:
    assert shown(decide(world([], []), build.now)) == ["Created=True"]
    assert shown(decide(world([build.a_trial()], ["exp-a"]), build.now)) == ["Created=True", "Running=True"]


@pytest.mark.parametrize(
    ("spec", "states", "reason"),
    [
        ({"maxTrialCount": 2}, ["Succeeded", "MetricsUnavailable"], "ExperimentMaxTrialsReached"),
        ({"maxFailedTrialCount": 1}, ["Failed"], "ExperimentFailed"),
    ],
)
def test_an_end_is_written_at_once_and_nothing_is_asked_any_more(
    world: Any, build: Any, spec: dict[str, Any], states: list[str], reason: str
) -> None:
    trials = [build.a_trial(f"exp-{number}", state) for number, state in enumerate(states)]
    plan = decide(world(trials, [], spec=spec), build.now)
    assert [type(action) for action in plan.actions] == [UpdateStatus]
    assert plan.actions[0].urgent
    assert status_of(plan).conditions[-1].reason == reason
    assert status_of(plan).completion_time == build.now


def test_a_failed_experiment_names_the_last_failed_trial_and_its_words(world: Any, build: Any) -> None:
    failed = build.a_trial("exp-a", "Failed")
    failed.status.conditions[-1].message = "Trial has failed. Job message: no such file"
    plan = decide(world([failed], [], spec={"maxFailedTrialCount": 0}), build.now)
    assert status_of(plan).conditions[-1].message == (
        "Experiment has failed because max failed count has reached. "
        "Trial exp-a: Trial has failed. Job message: no such file"
    )


def an_ended(build: Any, reason: str, trials: int, **spec: Any) -> Experiment:
    conditions = [
        build.condition("Created", reason="ExperimentCreated"),
        build.condition("Running", "False", "ExperimentRunning"),
        build.condition("Succeeded", reason=reason),
    ]
    status = {"conditions": conditions, "trials": trials, "completionTime": "2026-01-01T11:59:00Z"}
    return build.an_experiment({"status": status}, **spec)


def test_an_ended_experiment_asks_for_nothing_but_keeps_its_summary(world: Any, build: Any) -> None:
    """CTL-21: also when all Trials are gone."""
    over = an_ended(build, "ExperimentGoalReached", 2)
    plan = decide(world([build.a_trial("exp-a", "Killed")], ["exp-a", "exp-b"], experiment=over), build.now)
    assert [type(action) for action in plan.actions] == [UpdateStatus]
    assert (status_of(plan).trials, status_of(plan).trials_killed) == (1, 1)
    assert status_of(decide(world([], [], experiment=over), build.now)).trials is None


def test_an_ended_experiment_without_active_trials_comes_to_rest(world: Any, build: Any) -> None:
    """E5: nothing is left to do; E8: and nothing to write."""
    trials = [build.a_trial("exp-a", "Succeeded", "0.5")]
    first = decide(world(trials, ["exp-a"], experiment=an_ended(build, "ExperimentGoalReached", 1)), build.now)
    settled = picked(first, UpdateStatus)[0].obj
    plan = decide(world(trials, ["exp-a"], experiment=settled), build.now + timedelta(hours=1))
    assert [type(action) for action in plan.actions] == [UpdateStatus] and plan.requeue is None
    assert status_of(plan) == settled.status


@pytest.mark.parametrize("most", [13, None])
def test_a_raised_budget_restarts(world: Any, build: Any, most: int | None) -> None:
    """E4, CTL-23."""
    over = an_ended(build, "ExperimentMaxTrialsReached", 1, resumePolicy="LongRunning", maxTrialCount=most)
    trials = [build.a_trial("exp-a", "Succeeded", "0.5")]
    plan = decide(world(trials, ["exp-a"], experiment=over), build.now)
    assert shown(plan) == ["Created=True", "Running=False", "Restarting=True"]
    assert status_of(plan).to_dict()["completionTime"] is None
    restarted = picked(plan, UpdateStatus)[0].obj
    following = decide(world(trials, ["exp-a"], experiment=restarted), build.now)
    assert shown(following) == ["Created=True", "Restarting=False", "Running=True"]
    assert requests_of(following) == 4


def test_without_a_limit_an_ended_experiment_stays_ended(world: Any, build: Any) -> None:
    """CTL-14."""
    over = an_ended(build, "ExperimentGoalReached", 1, resumePolicy="FromVolume", maxTrialCount=None)
    plan = decide(world([build.a_trial("exp-a", "Succeeded", "0.5")], ["exp-a"], experiment=over), build.now)
    assert status_of(plan).conditions == over.status.conditions
    assert status_of(plan).completion_time == over.status.completion_time


def test_fewer_parallel_trials_lower_the_requests_before_trials_go(world: Any, build: Any) -> None:
    """CTL-1."""
    active = [build.a_trial(name) for name in ("exp-a", "exp-b", "exp-c")]
    plan = decide(world(active, ["exp-a", "exp-b", "exp-c"], spec={"parallelTrialCount": 1}), build.now)
    assert [type(action) for action in plan.actions] == [Update, Delete, Delete, UpdateStatus]
    assert requests_of(plan) == 1
    assert [action.obj.name for action in picked(plan, Delete)] == ["exp-a", "exp-b"]


def test_trials_on_their_way_out_are_not_deleted_again(world: Any, build: Any) -> None:
    leaving = {"metadata": {"deletionTimestamp": "2026-01-01T12:00:00Z"}}
    active = [build.a_trial("exp-a", **leaving), build.a_trial("exp-b", **leaving), build.a_trial("exp-c")]
    plan = decide(world(active, ["exp-a", "exp-b", "exp-c"], spec={"parallelTrialCount": 1}), build.now)
    assert not picked(plan, Delete) and requests_of(plan) == 1


def test_a_failed_suggestion_fails_the_experiment_with_its_words(world: Any, build: Any) -> None:
    """CTL-18."""
    view = world([], [])
    failed = {"type": "Failed", "status": "True", "message": "Validation failed: no"}
    view.suggestion.status = type(view.suggestion.status).from_dict({"conditions": [failed]})
    plan = decide(view, build.now)
    assert status_of(plan).conditions[-1].message == "Suggestion has failed: Validation failed: no"
    assert status_of(plan).completion_time == build.now
    enough = [build.a_trial(f"exp-{number}") for number in range(3)]
    busy = World(view.experiment, view.suggestion, TrialTally(enough).summary())
    assert shown(decide(busy, build.now))[-1] == "Running=True"


def test_a_foreign_suggestion_is_a_stall(world: Any, build: Any) -> None:
    view = world([], [])
    view.suggestion.metadata.owner_references[0].uid = "another"
    plan = decide(view, build.now)
    assert "belongs to another owner" in picked(plan, Emit)[0].message
    assert shown(plan) == ["Stalled=True", "Created=True"]


def test_a_template_that_cannot_be_rendered_is_a_stall_and_makes_no_trial(world: Any, build: Any) -> None:
    """RES-10."""
    source = {"configMapName": "templates", "configMapNamespace": "ns", "templatePath": "job.yaml"}
    spec = build.experiment_dict()["spec"]["trialTemplate"] | {"trialSpec": None, "configMap": source}
    plan = decide(world([], ["exp-a"], spec={"trialTemplate": spec}, template="kind: [Job"), build.now)
    assert not created(plan)
    assert shown(plan) == ["Stalled=True", "Created=True"]
    assert "the trial template cannot be rendered" in status_of(plan).conditions[0].message
    assert plan.requeue is not None


@pytest.mark.parametrize("reference", ["y", "${trialSpec.Labels[team]}"])
def test_a_template_that_can_never_be_rendered_fails_the_experiment_with_the_reason(
    world: Any, build: Any, reference: str
) -> None:
    """Nothing but the budget of an Experiment can be changed: it would wait for ever."""
    entries = [{"name": "rate", "reference": reference}]
    spec = build.experiment_dict()["spec"]["trialTemplate"] | {"trialParameters": entries}
    plan = decide(world([], ["exp-a"], spec={"trialTemplate": spec}), build.now)
    assert not created(plan) and plan.requeue is None
    assert "Failed=True" in shown(plan) and "Stalled=True" not in shown(plan)
    failed = next(entry for entry in status_of(plan).conditions if entry.type == "Failed")
    assert failed.message.startswith("the trial template cannot be rendered: ")
    assert status_of(plan).completion_time == build.now


def test_a_trouble_is_told_once_and_before_the_next_try(world: Any, build: Any) -> None:
    """RES-10, CTL-20."""
    plan = decide(world([], ["exp-a"], trouble="exceeded quota"), build.now)
    assert [type(action) for action in plan.actions] == [UpdateStatus, Emit, Create, Update]
    told = picked(plan, UpdateStatus)[0].obj
    again = decide(world([], ["exp-a"], experiment=told, trouble="exceeded quota"), build.now + timedelta(1))
    assert [type(action) for action in again.actions] == [UpdateStatus, Create, Update]
    assert status_of(again) == told.status


def test_when_no_trial_gets_on_the_experiment_says_so(world: Any, build: Any) -> None:
    """RES-10."""
    stuck = build.a_trial("exp-a")
    stuck.status.conditions.insert(
        0, type(stuck.status.conditions[0]).from_dict(build.condition("Stalled", message="no node"))
    )
    plan = decide(world([stuck], ["exp-a"]), build.now)
    assert picked(plan, Emit)[0].message == "Trial exp-a: no node"
    fine = decide(world([stuck, build.a_trial("exp-b")], ["exp-a", "exp-b"]), build.now)
    assert not picked(fine, Emit)


def test_the_end_of_the_search_ends_the_experiment(world: Any, build: Any) -> None:
    """CTL-5: not while a Trial is active or an assignment waits."""
    done = [build.a_trial("exp-a", "Succeeded", "0.5")]
    stalled = build.condition("Stalled", reason=names.REASON_SUGGESTION_END_REACHED, message="nothing left")
    for trials, assignments, ended in (
        (done, ["exp-a"], True),
        ([*done, build.a_trial("exp-b")], ["exp-a", "exp-b"], False),
        (done, ["exp-a", "exp-b"], False),
    ):
        view = world(trials, assignments)
        view.suggestion.status.conditions.insert(0, type(view.suggestion.status.conditions[0]).from_dict(stalled))
        plan = decide(view, build.now)
        reached = status_of(plan).conditions[-1].reason == "ExperimentSuggestionEndReached"
        assert reached is ended
        assert not any(condition.type == "Stalled" for condition in status_of(plan).conditions)


STATES = ["Pending", "Running", "Succeeded", "Failed", "Killed", "EarlyStopped", "MetricsUnavailable"]
MOVES = st.lists(st.tuples(st.integers(0, 30), st.sampled_from([*STATES[1:], "deleted"])), max_size=40)


@settings(max_examples=60, deadline=None)
@given(moves=MOVES, parallel=st.integers(1, 4), most=st.one_of(st.none(), st.integers(1, 9)))
def test_no_history_breaks_a_limit(
    build: SimpleNamespace, moves: list[tuple[int, str]], parallel: int, most: int | None
) -> None:
    """Issue §8, CTL-12: limits hold, the end is final, a still world comes to rest, the same world has the same plan."""
    experiment = build.an_experiment(parallelTrialCount=parallel, maxTrialCount=most, maxFailedTrialCount=7)
    trials: dict[str, Trial] = {}
    assignments: list[str] = []
    now = build.now
    for number, move in [(0, ""), *moves, (0, "")]:
        known = sorted(trials)
        if move and known:
            name = known[number % len(known)]
            if move == "deleted":
                del trials[name]
            elif not any(trials[name].status.conditions[-1].type == end for end in STATES[2:]):
                trials[name] = build.a_trial(name, move, "0.5" if move == "Succeeded" else None)
        for _ in range(4):
            view = World(experiment, build.a_suggestion(assignments), TrialTally(trials.values()).summary(), build.job)
            plan = decide(view, now)
            assert plan == decide(view, now)
            was_over = experiment.status.completion_time is not None
            experiment = picked(plan, UpdateStatus)[-1].obj
            new = created(plan)
            assert not (was_over and (new or requests_of(plan) is not None))
            for name in new:
                assert name not in trials
                trials[name] = build.a_trial(name, "Pending")
            active = [t for t in trials.values() if t.status.conditions[-1].type in ("Created", "Running")]
            assert len(active) <= parallel
            assert most is None or len(trials) <= most
            while requests_of(plan) is not None and len(assignments) < requests_of(plan):
                assignments.append(f"exp-{len(assignments):03d}")
        still = World(experiment, build.a_suggestion(assignments), TrialTally(trials.values()).summary(), build.job)
        rest = decide(still, now + timedelta(hours=1))
        assert status_of(rest) == experiment.status and not created(rest)
