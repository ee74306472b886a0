"""What next for a Trial: controllers.md §5 and §6 with CTL-3, 8 to 11, 15, 16, 26 to 28, 30; issue §7."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from katib_apis.v1beta1 import names
from katib_controller.trial.decide import Rows, Unreachable, World, decide
from katib_controller.trial.question import DeleteRows, Done, ReportUnavailable
from katib_machinery.model import freeze
from katib_machinery.objects import JOBS, Unstructured
from katib_machinery.plan import Ask, Create, Delete, Emit, Plan, SetFinalizers, UpdateStatus

LEAVING = {"metadata": {"deletionTimestamp": "2026-01-01T12:00:00Z"}}


def picked(plan: Plan, kind: type) -> list[Any]:
    return [action for action in plan.actions if isinstance(action, kind)]


def status_of(plan: Plan) -> Any:
    return picked(plan, UpdateStatus)[-1].obj.status


def shown(plan: Plan) -> list[str]:
    return [f"{condition.type}={condition.status}" for condition in status_of(plan).conditions]


def last(plan: Plan) -> Any:
    return status_of(plan).conditions[-1]


def events(plan: Plan) -> list[tuple[str, str]]:
    return [(event.reason, event.message) for event in picked(plan, Emit)]


@pytest.fixture
def world(build: SimpleNamespace) -> Any:
    """Builds worlds of a Trial whose job is a Job."""

    def building(trial: Any = None, **fields: Any) -> World:
        given = {"trial": trial or build.a_trial(), "experiment": build.an_experiment(), "resource": JOBS}
        return World(**{**given, **fields})

    return building


@pytest.fixture
def succeeded(build: SimpleNamespace, world: Any) -> Any:
    """Builds worlds of a Trial whose job has succeeded."""

    def building(*values: str, trial: Any = None, ago: float = 0, **fields: Any) -> World:
        trial = trial or build.a_trial()
        done = build.condition(
            "Complete", reason="CompletionsReached", message="done", at=build.now - timedelta(seconds=ago)
        )
        return world(trial, job=build.a_job(trial, done), **{"rows": Rows(build.rows(*values)), **fields})

    return building


def test_a_new_trial_creates_its_job_and_is_running_in_one_write(world: Any, build: Any) -> None:
    """T3 and the job part; control-plane-speed.md rule 4."""
    plan = decide(world(build.a_trial(status=None)), build.now)
    assert [type(action) for action in plan.actions] == [Create, UpdateStatus, Emit, Emit]
    job = picked(plan, Create)[0].obj
    assert (job.name, job.namespace, job.controller_owner.uid) == ("exp-a", "ns", "exp-a-uid")
    assert job.raw["spec"]["template"]["metadata"]["labels"] == {names.LABEL_TRIAL: "exp-a"}
    assert shown(plan) == ["Created=True", "Running=True"]
    assert status_of(plan).to_dict()["completionTime"] is None
    assert events(plan) == [
        ("JobCreated", "Job exp-a has been created"),
        ("JobRunning", "Job exp-a is running"),
    ]


def test_the_template_is_not_touched_by_building_the_job(world: Any, build: Any) -> None:
    trial = freeze(build.a_trial(status=None))
    before = trial.to_dict()
    decide(world(trial), build.now)
    assert trial.to_dict() == before


def test_a_missing_finalizer_is_added_first(world: Any, build: Any) -> None:
    """T1."""
    plan = decide(world(build.a_trial(metadata={"finalizers": []})), build.now)
    assert [type(action) for action in plan.actions] == [SetFinalizers]


def test_no_job_is_created_while_the_experiment_is_being_deleted(world: Any, build: Any) -> None:
    """CTL-26."""
    view = world(build.a_trial("exp-a", "Pending"), experiment=build.an_experiment(LEAVING))
    assert not picked(decide(view, build.now), Create)


@pytest.mark.parametrize(
    ("elapsed", "rows_left", "expected"),
    [(0, False, Ask), (30, True, Ask), (100, False, Ask), (61, True, SetFinalizers)],
)
def test_a_deleted_trial_waits_for_its_rows_at_most_a_minute(
    world: Any, build: Any, elapsed: int, rows_left: bool, expected: type
) -> None:
    """T2, CTL-4, CTL-9."""
    view = world(build.a_trial(**LEAVING), rows_left=rows_left)
    plan = decide(view, build.now + timedelta(seconds=elapsed))
    assert type(plan.actions[-1]) is expected
    if expected is Ask:
        ask = plan.actions[-1]
        assert ask.question == DeleteRows("ns", "exp-a")
        assert ask.record(view.trial, Done(), build.now).actions[0].finalizers == ()
    else:
        assert events(plan)[0][0] == names.EVENT_STALLED
    assert decide(replace(view, asking=True), build.now) == Plan()


def test_a_job_that_has_succeeded_gives_the_trial_its_value(succeeded: Any, build: Any) -> None:
    plan = decide(succeeded("0.1", "0.9", "0.5"), build.now)
    assert [type(action) for action in plan.actions] == [UpdateStatus, Emit, Delete, Emit]
    assert shown(plan) == ["Created=True", "Running=False", "Succeeded=True"]
    assert last(plan).reason == "TrialSucceeded. Job reason: CompletionsReached"
    assert last(plan).message == "Trial has succeeded. Job message: done"
    metric = status_of(plan).observation.metrics[0]
    assert (metric.min, metric.max, metric.latest) == ("0.1", "0.9", "0.5")
    assert status_of(plan).completion_time == build.now
    assert picked(plan, Delete)[0].propagation == "Foreground"
    assert [reason for reason, _ in events(plan)] == ["JobSucceeded", "JobDeleted"]


def test_a_job_that_is_done_at_once_is_told_in_one_write(succeeded: Any, build: Any) -> None:
    plan = decide(succeeded("0.1", trial=build.a_trial("exp-a", "Pending")), build.now)
    assert shown(plan) == ["Created=True", "Succeeded=True"]


def test_a_retained_job_stays(succeeded: Any, build: Any) -> None:
    plan = decide(succeeded("0.1", trial=build.a_trial(spec={"retainRun": True})), build.now)
    assert not picked(plan, Delete)


def test_a_job_is_deleted_once(world: Any, build: Any) -> None:
    trial = build.a_trial("exp-a", "Succeeded", "0.5")
    live = build.a_job(trial)
    assert len(picked(decide(world(trial, job=live), build.now), Delete)) == 1
    going = Unstructured(build.merged(live.raw, LEAVING))
    assert not picked(decide(world(trial, job=going), build.now), Delete)
    assert not picked(decide(world(trial), build.now), Create)


def test_a_value_that_is_unavailable_is_told_with_its_cause(succeeded: Any, build: Any) -> None:
    """CTL-3; issue §7: a trial that prints no metric."""
    plan = decide(succeeded("unavailable"), build.now)
    assert shown(plan)[-1] == "MetricsUnavailable=True"
    assert last(plan).message == (
        "Metrics are not available. Job message: done. Cause: no value of the metric accuracy was reported: print lines that "
        "hold accuracy=0.9, or give metricsCollectorSpec.source.filter.metricsFormat for other ones"
    )
    assert last(plan).reason == "MetricsUnavailable. Job reason: CompletionsReached"
    assert events(plan)[0] == ("MetricsUnavailable", "Metrics are not available for Job exp-a")
    assert status_of(plan).observation.metrics[0].latest == "unavailable"


@pytest.mark.parametrize(("ago", "delay"), [(0, 1), (1, 1), (10, 5), (200, 30), (290, 10)])
def test_the_wait_for_rows_grows_and_ends_at_the_limit(succeeded: Any, build: Any, ago: int, delay: float) -> None:
    """CTL-3."""
    plan = decide(succeeded(ago=ago), build.now)
    assert "MetricsUnavailable=True" not in shown(plan)
    assert plan.requeue is not None and plan.requeue.after == timedelta(seconds=delay)
    assert ("Stalled=True" in shown(plan)) is (ago >= 5)


def test_the_limit_ends_the_wait(succeeded: Any, build: Any) -> None:
    """CTL-3."""
    assert shown(decide(succeeded(ago=300), build.now))[-1] == "MetricsUnavailable=True"
    short = succeeded(ago=20, metrics_limit=timedelta(seconds=20))
    assert "the metrics collector reported nothing" in last(decide(short, build.now)).message


@pytest.mark.parametrize(
    ("collector", "cure"),
    [
        (
            {"source": {"filter": {"metricsFormat": ["(a):(b)"]}}},
            "print lines that metricsCollectorSpec.source.filter.metricsFormat",
        ),
        (
            {"collector": {"kind": "File"}, "source": {"fileSystemPath": {"path": "/m.log", "format": "TEXT"}}},
            "write into /m.log lines that hold accuracy=0.9",
        ),
        (
            {"collector": {"kind": "File"}, "source": {"fileSystemPath": {"path": "/m.log", "format": "JSON"}}},
            'write into /m.log lines such as {"accuracy": 0.9}',
        ),
        ({"collector": {"kind": "PrometheusMetric"}}, "reported"),
    ],
)
def test_a_metric_that_is_missing_comes_with_what_to_write(
    succeeded: Any, build: Any, collector: dict[str, Any], cure: str
) -> None:
    """CTL-3; issue §7: a trial that prints no metric."""
    trial = build.a_trial(spec={"metricsCollector": collector})
    message = last(decide(succeeded("unavailable", trial=trial), build.now)).message
    assert cure in message.partition("Cause: ")[2]


def test_a_pod_without_its_collector_is_told_at_once(succeeded: Any, build: Any) -> None:
    """CTL-3, WH-1, WH-17: the usual cause is a namespace that has lost its label."""
    pod = build.a_pod(build.a_trial(), ["main"])
    plan = decide(succeeded(pods=(pod,)), build.now)
    assert shown(plan)[-1] == "MetricsUnavailable=True"
    assert "was not injected into pod exp-a-pod" in last(plan).message
    label = f"{names.LABEL_METRICS_COLLECTOR_INJECTION}={names.LABEL_VALUE_INJECTION_ENABLED}"
    assert last(plan).message.endswith(f"see whether its namespace has the label {label}")


def test_a_collector_that_has_failed_is_named(succeeded: Any, build: Any) -> None:
    """CTL-3."""
    sidecar = names.CONTAINER_LOG_COLLECTOR
    state = {"name": sidecar, "state": {"terminated": {"exitCode": 255}}}
    pod = build.a_pod(build.a_trial(), ["main", sidecar], phase="Succeeded", containerStatuses=[state])
    assert "has exited with code 255" in last(decide(succeeded(pods=(pod,), ago=300), build.now)).message


def test_while_the_log_is_away_nobody_gives_up(succeeded: Any, build: Any) -> None:
    """CTL-3: DB unreachable extends the wait, with an event."""
    away = Unreachable("the DB manager at db:6789 has failed: gone (UNAVAILABLE)")
    plan = decide(succeeded(ago=10_000, rows=away), build.now)
    assert shown(plan) == ["Created=True", "Stalled=True", "Running=True"]
    assert events(plan)[0][0] == names.EVENT_STALLED and plan.requeue is not None
    stalled = picked(plan, UpdateStatus)[0].obj
    back = decide(succeeded(trial=stalled, ago=10_000), build.now)
    assert "MetricsUnavailable=True" not in shown(back) and "Stalled=True" in shown(back)
    waiting = picked(back, UpdateStatus)[0].obj
    soon = decide(succeeded(trial=waiting, ago=10_000), build.now + timedelta(seconds=200))
    assert "MetricsUnavailable=True" not in shown(soon)
    late = decide(succeeded(trial=waiting, ago=10_000), build.now + timedelta(seconds=301))
    assert shown(late) == ["Created=True", "Running=False", "MetricsUnavailable=True"]


def test_push_reports_that_there_is_no_value_before_saying_so(succeeded: Any, build: Any) -> None:
    """§5, CTL-30."""
    trial = build.a_trial(spec={"metricsCollector": {"collector": {"kind": "Push"}}})
    view = succeeded(trial=trial)
    plan = decide(view, build.now)
    ask = picked(plan, Ask)[0]
    assert ask.question == ReportUnavailable("ns", "exp-a", "accuracy")
    assert status_of(plan) == trial.status
    told = ask.record(trial, Done(), build.now)
    assert shown(told)[-1] == "MetricsUnavailable=True" and picked(told, Delete)
    assert not picked(decide(replace(view, asking=True), build.now), Ask)
    assert plan == decide(view, build.now)


def a_failed(build: Any, **words: Any) -> Any:
    return build.a_job(build.a_trial(), build.condition("Failed", reason="BackoffLimitExceeded", message="tired"))


def test_a_failed_job_fails_the_trial_with_its_pods_words(world: Any, build: Any) -> None:
    """Issue §7: a command that does not exist, a trial that crashes at once."""
    state = {
        "name": "main",
        "state": {"terminated": {"exitCode": 127, "reason": "StartError", "message": "exec: trane: not found"}},
    }
    pod = build.a_pod(build.a_trial(), ["main"], phase="Failed", containerStatuses=[state])
    plan = decide(world(job=a_failed(build), pods=(pod,)), build.now)
    assert shown(plan) == ["Created=True", "Running=False", "Failed=True"]
    assert last(plan).reason == "TrialFailed. Job reason: BackoffLimitExceeded"
    assert last(plan).message == (
        "Trial has failed. Job message: tired. pod exp-a-pod: container main exited with code 127 (StartError): "
        "exec: trane: not found"
    )
    assert events(plan)[0][1].startswith("Job exp-a has failed. tired")
    assert status_of(plan).observation is None


def test_a_failed_job_without_words_has_the_fixed_ones(world: Any, build: Any) -> None:
    trial = build.a_trial()
    job = build.a_job(trial, {"type": "Failed", "status": "True"})
    plan = decide(world(trial, job=job), build.now)
    assert (last(plan).reason, last(plan).message) == ("TrialFailed", "Trial has failed")
    assert events(plan)[0] == ("JobFailed", "Job exp-a has failed")


def test_where_training_fails_its_collector_is_not_blamed_too(world: Any, build: Any) -> None:
    """Issue §7: the collector exits with an error because training has failed."""
    trial = build.a_trial()
    sidecar = names.CONTAINER_LOG_COLLECTOR
    ends = [{"name": name, "state": {"terminated": {"exitCode": code}}} for name, code in ((sidecar, 255), ("main", 3))]
    failed = build.a_job(trial, build.condition("Failed"))
    pod = build.a_pod(trial, ["main", sidecar], phase="Failed", containerStatuses=ends)
    message = last(decide(world(trial, job=failed, pods=(pod,)), build.now)).message
    assert message.endswith("container main exited with code 3")
    alone = build.a_pod(trial, ["main", sidecar], phase="Failed", containerStatuses=ends[:1])
    message = last(decide(world(trial, job=failed, pods=(alone,)), build.now)).message
    assert message.endswith(f"container {sidecar} exited with code 255")


def test_a_condition_that_cannot_be_read_fails_the_trial(world: Any, build: Any) -> None:
    """CTL-28."""
    trial = build.a_trial(spec={"successCondition": "status.#("})
    plan = decide(world(trial, job=build.a_job(trial)), build.now)
    assert shown(plan)[-1] == "Failed=True" and "status.#(" in last(plan).message


def test_a_wrong_primary_container_fails_the_trial_by_name(world: Any, succeeded: Any, build: Any) -> None:
    """CTL-10: before the job where the pod template is known, else after it."""
    trial = build.a_trial("exp-a", "Pending", spec={"primaryContainerName": "trainer"})
    plan = decide(world(trial), build.now)
    assert not picked(plan, Create)
    assert shown(plan)[-1] == "Failed=True" and "no container named trainer" in last(plan).message
    pod = build.a_pod(trial, ["main", names.CONTAINER_LOG_COLLECTOR])
    assert "no container named trainer" in last(decide(succeeded(trial=trial, pods=(pod,)), build.now)).message


def test_a_job_that_the_server_will_never_take_fails_the_trial(world: Any, build: Any) -> None:
    view = world(build.a_trial("exp-a", "Pending"), refused="Job is invalid: spec.x (422 Invalid)")
    plan = decide(view, build.now)
    assert "spec.x" in last(plan).message and shown(plan)[-1] == "Failed=True"


def test_a_job_that_cannot_be_created_now_is_a_stall_and_tried_again(world: Any, build: Any) -> None:
    """RES-10, CTL-20."""
    plan = decide(world(build.a_trial("exp-a", "Pending"), trouble="exceeded quota"), build.now)
    assert [type(action) for action in plan.actions] == [UpdateStatus, Emit, Create]
    assert shown(plan) == ["Stalled=True", "Created=True"]


def test_a_kind_that_cannot_be_found_is_a_stall(world: Any, build: Any) -> None:
    """CTL-24."""
    view = world(build.a_trial("exp-a", "Pending"), resource=None, job_problem="no kind X", watched=False)
    plan = decide(view, build.now)
    assert status_of(plan).conditions[0].message == "no kind X"
    assert plan.requeue is not None and plan.requeue.after == timedelta(seconds=10)


def test_a_namesake_job_is_not_ours(succeeded: Any, build: Any) -> None:
    """CTL-20."""
    view = succeeded("0.1")
    foreign = Unstructured(build.merged(view.job.raw, {"metadata": {"ownerReferences": []}}))
    plan = decide(replace(view, job=foreign), build.now)
    assert "does not belong to this Trial" in status_of(plan).conditions[1].message
    assert not picked(plan, Delete)


def test_a_trial_whose_job_runs_on_stays_as_it_is(world: Any, build: Any) -> None:
    """T4: its job is looked at, and there is nothing to write."""
    trial = build.a_trial()
    plan = decide(world(trial, job=build.a_job(trial, active=1, ready=1)), build.now)
    assert [type(action) for action in plan.actions] == [UpdateStatus]
    assert status_of(plan) == trial.status


def test_retries_are_told_while_the_job_runs(world: Any, build: Any) -> None:
    """CTL-11."""
    trial = build.a_trial()
    plan = decide(world(trial, job=build.a_job(trial, failed=2, active=1)), build.now)
    assert last(plan).message == "Trial is running. Job message: 2 of its pods failed and were tried again"
    assert [reason for reason, _ in events(plan)] == [names.EVENT_JOB_RETRIED]
    told = picked(plan, UpdateStatus)[0].obj
    assert not events(decide(world(told, job=build.a_job(trial, failed=2, active=1)), build.now))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"creation_errors": ("exceeded quota: pods",)}, "exceeded quota"),
        (
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "no GPU"}]},
            "cannot be scheduled: no GPU",
        ),
        (
            {
                "phase": "Pending",
                "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            },
            "container main waits (ImagePullBackOff)",
        ),
        (
            {
                "phase": "Pending",
                "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "ContainerCreating"}}}],
            },
            "",
        ),
    ],
)
def test_what_keeps_a_pod_from_running_is_told(world: Any, build: Any, fields: Any, words: str) -> None:
    """RES-10, CTL-10."""
    trial = build.a_trial()
    errors = fields.pop("creation_errors", ())
    pods = (build.a_pod(trial, ["main"], **fields),) if fields else ()
    plan = decide(world(trial, job=build.a_job(trial, active=1), pods=pods, creation_errors=errors), build.now)
    stalls = [condition for condition in status_of(plan).conditions if condition.type == "Stalled"]
    assert [words in stall.message for stall in stalls] == ([True] if words else [])
    assert last(plan).type == "Running"


@pytest.mark.parametrize("state", ["Pending", "Running"])
def test_an_active_trial_of_an_ended_experiment_is_killed(world: Any, build: Any, state: str) -> None:
    """CTL-8: its job is deleted even if jobs are kept."""
    trial = build.a_trial("exp-a", state, spec={"retainRun": True})
    over = {"status": {"conditions": [build.condition("Succeeded")]}}
    view = world(trial, experiment=build.an_experiment(over), job=build.a_job(trial))
    plan = decide(view, build.now)
    assert last(plan).reason == "TrialKilled"
    assert last(plan).message == "Trial is killed because Experiment is completed"
    assert status_of(plan).completion_time == build.now and picked(plan, Delete)
    waits = replace(view, experiment=build.an_experiment(over, onCompletion="wait"))
    assert shown(decide(waits, build.now))[-1] == "Running=True"
    done = replace(view, trial=build.a_trial("exp-a", "Succeeded", "0.5"))
    assert status_of(decide(done, build.now)) == done.trial.status


def an_early_stopped(build: Any, value: str | None = None, **changes: Any) -> Any:
    raw = build.a_trial("exp-a", "Running", value, **changes).to_dict()
    raw["status"]["conditions"].append(build.condition("EarlyStopped", reason="TrialEarlyStopped"))
    return type(build.a_trial()).from_dict(raw)


def test_an_early_stopped_trial_is_tidied_up_and_observed_before_its_job_goes(world: Any, build: Any) -> None:
    """CTL-15, CTL-27."""
    trial = an_early_stopped(build)
    view = world(trial, job=build.a_job(trial), rows=Rows())
    waiting = decide(view, build.now)
    assert shown(waiting) == ["Created=True", "Running=False", "EarlyStopped=True"]
    assert status_of(waiting).completion_time == build.now
    assert not picked(waiting, Delete) and waiting.requeue is not None
    observed = decide(replace(view, rows=Rows(build.rows("0.4"))), build.now)
    assert status_of(observed).observation.metrics[0].latest == "0.4"
    assert picked(observed, Delete) and shown(observed)[-1] == "EarlyStopped=True"


def test_an_early_stopped_trial_whose_value_never_comes_is_given_up(world: Any, build: Any) -> None:
    """CTL-16."""
    trial = an_early_stopped(build)
    view = world(trial, job=build.a_job(trial), rows=Rows())
    plan = decide(view, build.now + timedelta(seconds=300))
    assert shown(plan) == ["Created=True", "Running=False", "EarlyStopped=True", "MetricsUnavailable=True"]
    assert picked(plan, Delete)
    after = replace(view, trial=picked(plan, UpdateStatus)[0].obj, rows=None, job=None)
    assert status_of(decide(after, build.now + timedelta(seconds=301))) == status_of(plan)


def test_an_early_stopped_trial_never_succeeds_or_fails(world: Any, build: Any) -> None:
    trial = an_early_stopped(build, "0.5")
    for type_ in ("Complete", "Failed"):
        plan = decide(world(trial, job=build.a_job(trial, build.condition(type_))), build.now)
        assert shown(plan)[-1] == "EarlyStopped=True"


STATES = ["Pending", "Running", "Succeeded", "Failed", "Killed", "EarlyStopped", "MetricsUnavailable"]


@settings(max_examples=150, deadline=None)
@given(
    state=st.sampled_from(STATES),
    value=st.sampled_from([None, "0.5", "unavailable"]),
    job=st.sampled_from([None, "", "Complete", "Failed"]),
    rows=st.sampled_from([None, (), ("0.5",), ("unavailable",), "away"]),
    over=st.booleans(),
    retain=st.booleans(),
    later=st.integers(0, 600),
)
def test_ends_are_final_a_still_world_comes_to_rest_and_plans_are_repeatable(
    build: SimpleNamespace,
    state: str,
    value: str | None,
    job: str | None,
    rows: Any,
    over: bool,
    retain: bool,
    later: int,
) -> None:
    """Issue §8."""
    trial = build.a_trial("exp-a", state, value, spec={"retainRun": retain})
    live = None if job is None else build.a_job(trial, *([build.condition(job)] if job else []))
    changes = {"status": {"conditions": [build.condition("Succeeded")]}} if over else {}
    reading = Unreachable("away") if rows == "away" else None if rows is None else Rows(build.rows(*rows))
    view = World(trial, build.an_experiment(changes), JOBS, live, reading)
    now = build.now + timedelta(seconds=later)
    plan = decide(view, now)
    assert plan == decide(view, now)
    if state in STATES[2:]:
        assert not picked(plan, Create)
        assert any(condition.type == state and condition.status == "True" for condition in status_of(plan).conditions)
    ends = [c.type for c in status_of(plan).conditions if c.type in STATES[2:] and c.status == "True"]
    assert len(ends) <= (2 if "EarlyStopped" in ends else 1)
    for _ in range(3):
        written = picked(plan, UpdateStatus)[0].obj
        live = picked(plan, Create)[0].obj if picked(plan, Create) else None if picked(plan, Delete) else view.job
        if live is not None and not live.uid:
            live = build.a_job(trial)
        view = replace(view, trial=written, job=live)
        plan = decide(view, now)
    assert status_of(plan) == view.trial.status and not picked(plan, Create)
