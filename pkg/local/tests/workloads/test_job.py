"""Jobs end as batch/v1 says: completions, retries, deadlines, suspension, indexes, and their own removal."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from katib_local.node import takeover
from katib_local.workloads import job, job_world, verdict
from katib_machinery.objects import JOBS, PODS, Unstructured
from katib_machinery.plan import Create, Delete, UpdateStatus

MINUTE = timedelta(minutes=1)


def test_a_job_makes_its_pod_and_completes_with_it(build: SimpleNamespace) -> None:
    world = build.world(build.job())
    world.step()
    (name,) = world.running()
    metadata = world.pods[name].raw["metadata"]
    assert metadata["labels"] == {
        "app": "train",
        "batch.kubernetes.io/job-name": "train",
        "job-name": "train",
        "batch.kubernetes.io/controller-uid": "u1",
        "controller-uid": "u1",
    }
    assert metadata["ownerReferences"][0]["kind"] == "Job" and metadata["ownerReferences"][0]["controller"] is True
    assert world.job.raw["status"]["active"] == 1 and world.job.raw["status"]["startTime"]
    world.end(name, "Succeeded")
    world.step()
    assert world.conditions() == {"SuccessCriteriaMet": "CompletionsReached", "Complete": "CompletionsReached"}
    assert world.job.raw["status"]["succeeded"] == 1 and world.job.raw["status"]["completionTime"]
    assert "active" not in world.job.raw["status"]


def test_a_pod_that_is_ended_with_its_failing_job_is_a_failure(build: SimpleNamespace) -> None:
    world = build.world(build.job(completions=3, parallelism=3, backoffLimit=0))
    world.step()
    world.end(world.running()[0], "Failed")
    for _ in range(3):
        world.step()
    assert world.job.raw["status"]["failed"] == 3 and not world.running()
    assert world.conditions() == {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}


def test_a_pod_that_fails_is_tried_again_after_a_growing_pause(build: SimpleNamespace) -> None:
    world = build.world(build.job(backoffLimit=2))
    world.step()
    pauses = []
    for _ in range(2):
        world.end(world.running()[0], "Failed")
        plan = job.decide_pods(world.world(), world.now)
        assert not plan.actions and plan.requeue is not None
        pauses.append(plan.requeue.after)
        world.wait(plan.requeue.after)
        world.step()
        assert len(world.running()) == 1
    assert pauses == [timedelta(seconds=10), timedelta(seconds=20)]


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_set_by_an_hour_lets_no_attempt_wait_for_it(build: SimpleNamespace, hours: int) -> None:
    world = build.world(build.job(backoffLimit=2))
    world.step()
    world.end(world.running()[0], "Failed")
    world.now += timedelta(hours=hours)
    world.step()
    assert len(world.running()) == 1


@pytest.mark.parametrize("hours", [1, -1])
def test_a_job_is_deleted_also_when_the_clock_is_set_by_an_hour_after_its_end(
    build: SimpleNamespace, hours: int
) -> None:
    """As in a cluster: at the time of day that its end promised."""
    world = build.world(build.job(ttlSecondsAfterFinished=60))
    world.step()
    world.end(world.running()[0], "Succeeded")
    world.step()
    world.now += timedelta(hours=hours)
    plan = job.decide_pods(world.world(), world.now)
    if plan.requeue is not None:
        assert plan.requeue.after == timedelta(minutes=61)
        world.wait(plan.requeue.after)
    world.step()
    assert world.job is None


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_more_failures_than_the_limit_fail_the_job(build: SimpleNamespace, limit: int) -> None:
    world = build.world(build.job(backoffLimit=limit))
    for _ in range(limit + 1):
        world.step()
        world.end(world.running()[0], "Failed")
        world.step()
        world.wait(timedelta(minutes=10))
    assert world.conditions() == {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}
    assert world.job.raw["status"]["failed"] == limit + 1 == world.created


def test_restarts_inside_a_pod_count_towards_the_limit(build: SimpleNamespace) -> None:
    template = {"spec": {"restartPolicy": "OnFailure", "containers": [{"name": "main"}]}}
    held = build.pod("a", status={"containerStatuses": [{"name": "main", "restartCount": 2}]})
    for limit, fate in ((2, verdict.Fate.FAILING), (3, verdict.Fate.GOING_ON)):
        world = job_world.World(build.job(backoffLimit=limit, template=template), (held,))
        assert verdict.judge(world, build.now).fate is fate


@pytest.mark.parametrize(("reason", "failing"), [(takeover.INTERRUPTED, False), ("Error", True)])
def test_a_restart_of_a_container_for_that_of_its_node_does_not_count(
    build: SimpleNamespace, reason: str, failing: bool
) -> None:
    template = {"spec": {"restartPolicy": "OnFailure", "containers": [{"name": "main"}]}}
    entry = {"name": "main", "restartCount": 1, "lastState": {"terminated": {"exitCode": 137, "reason": reason}}}
    world = job_world.World(
        build.job(backoffLimit=0, template=template), (build.pod("a", status={"containerStatuses": [entry]}),)
    )
    assert (verdict.judge(world, build.now).fate is verdict.Fate.FAILING) == failing


@pytest.mark.parametrize("limit", [0, 1])
def test_a_job_fails_by_the_restarts_inside_its_pod_and_makes_no_other(build: SimpleNamespace, limit: int) -> None:
    template = {"spec": {"restartPolicy": "OnFailure", "containers": [{"name": "main"}]}}
    world = build.world(build.job(backoffLimit=limit, template=template))
    world.step()
    (name,) = world.running()
    restarted = {"phase": "Running", "containerStatuses": [{"name": "main", "restartCount": 1}]}
    world.pods[name] = Unstructured({**world.pods[name].raw, "status": restarted})
    for _ in range(3):
        world.step()
    assert not world.pods and world.created == 1
    assert world.conditions() == {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}
    assert world.job.raw["status"]["failed"] == 1 and "active" not in world.job.raw["status"]


def test_a_pod_that_its_node_interrupted_does_not_count(build: SimpleNamespace) -> None:
    conditions = [{"type": "DisruptionTarget", "status": "True"}]
    held = build.pod("a", "Failed", code=137, status={"conditions": conditions})
    world = job_world.World(build.job(backoffLimit=0), (held,))
    plan = job.decide_pods(world, build.now)
    assert [action.resource for action in plan.actions if isinstance(action, Create)] == [PODS]
    assert verdict.judge(world, build.now).fate is verdict.Fate.GOING_ON


def test_a_job_that_is_active_for_too_long_fails_and_its_pods_go(build: SimpleNamespace) -> None:
    world = build.world(build.job(activeDeadlineSeconds=60))
    world.step()
    plan = job.decide_status(world.world(), world.now)
    assert plan.requeue is not None and plan.requeue.after == MINUTE
    world.wait(MINUTE)
    world.step()
    assert not world.pods
    assert world.conditions() == {"FailureTarget": "DeadlineExceeded", "Failed": "DeadlineExceeded"}


def test_an_ended_job_stays_until_its_time_to_live_is_over(build: SimpleNamespace) -> None:
    world = build.world(build.job(ttlSecondsAfterFinished=60))
    world.step()
    world.end(world.running()[0], "Succeeded")
    world.step()
    plan = job.decide_pods(world.world(), world.now)
    assert not plan.actions and plan.requeue is not None and plan.requeue.after == MINUTE
    world.wait(MINUTE)
    assert [type(action) for action in job.decide_pods(world.world(), world.now).actions] == [Delete]
    world.step()
    assert world.job is None


def test_a_suspended_job_has_no_pods_and_says_so_until_it_resumes(build: SimpleNamespace) -> None:
    world = build.world(build.job(suspend=True))
    world.step()
    assert not world.pods and world.conditions() == {"Suspended": "JobSuspended"}
    assert "startTime" not in world.job.raw["status"]
    resumed = {**world.job.raw, "spec": {**world.job.raw["spec"], "suspend": False}}
    world.job = type(world.job)(resumed)
    world.step()
    assert len(world.running()) == 1 and world.conditions() == {"Suspended": "JobResumed"}


def test_an_indexed_job_gives_each_pod_its_number(build: SimpleNamespace) -> None:
    world = build.world(build.job(completionMode="Indexed", completions=3, parallelism=2))
    world.step()
    key = "batch.kubernetes.io/job-completion-index"
    assert sorted(pod.raw["metadata"]["annotations"][key] for pod in world.pods.values()) == ["0", "1"]
    environment = next(iter(world.pods.values())).raw["spec"]["containers"][0]["env"]
    assert environment[-1]["name"] == "JOB_COMPLETION_INDEX"
    while world.running():
        world.end(world.running()[0], "Succeeded")
        world.step()
    assert world.job.raw["status"]["completedIndexes"] == "0-2"
    assert "Complete" in world.conditions()


def test_a_work_queue_is_complete_when_one_pod_succeeded_and_none_is_left(build: SimpleNamespace) -> None:
    world = build.world(build.job(completions=None, parallelism=3))
    world.step()
    first, *others = world.running()
    assert len(others) == 2
    world.end(first, "Succeeded")
    world.step()
    assert "Complete" not in world.conditions() and len(world.running()) == 2
    for name in others:
        world.end(name, "Failed")
    world.step()
    assert "Complete" in world.conditions()


def test_a_job_of_another_manager_is_left_alone(build: SimpleNamespace) -> None:
    world = job_world.World(build.job(managedBy="somebody.example/else"), ())
    assert not job.decide_pods(world, build.now).actions and not job.decide_status(world, build.now).actions


def test_a_job_that_is_being_deleted_makes_nothing(build: SimpleNamespace) -> None:
    deleted = build.job()
    deleted.raw["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    world = job_world.World(deleted, ())
    assert not job.decide_pods(world, build.now).actions and not job.decide_status(world, build.now).actions


def test_events_tell_of_pods_and_of_the_end(build: SimpleNamespace) -> None:
    world = build.world(build.job())
    world.step()
    assert world.told == ["SuccessfulCreate"]
    world.end(world.running()[0], "Succeeded")
    world.step()
    assert world.told == ["SuccessfulCreate", "Completed"]


ENDS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["Succeeded", "Failed"])), max_size=3)
STEPS = st.lists(st.tuples(ENDS, st.integers(0, 700)), max_size=25)
SPECS = st.fixed_dictionaries(
    {
        "completions": st.one_of(st.none(), st.integers(1, 5)),
        "parallelism": st.integers(0, 4),
        "backoffLimit": st.integers(0, 4),
        "completionMode": st.sampled_from(["NonIndexed", "Indexed"]),
    }
).filter(lambda spec: spec["completions"] is not None or spec["completionMode"] == "NonIndexed")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=SPECS, steps=STEPS)
def test_no_history_breaks_a_limit(build: SimpleNamespace, spec: dict[str, Any], steps: list[Any]) -> None:
    """Never more pods at once than parallelism, never more successes than completions, and an end is an end.

    Failures pass the limit only by those that come between two looks, and each one is counted; so is each pod that is
    ended because its Job fails.
    """
    world = build.world(build.job(**spec))
    failures, most_at_once = 0, 0
    for ends, seconds in steps:
        world.step()
        assert len(world.running()) <= spec["parallelism"]
        before = failures
        for place, phase in ends:
            running = world.running()
            if running:
                world.end(running[place % len(running)], phase)
                failures += phase == "Failed"
        most_at_once = max(most_at_once, failures - before)
        world.wait(timedelta(seconds=seconds))
        assert job.decide_pods(world.world(), world.now) == job.decide_pods(world.world(), world.now)
    for _ in range(3):
        world.step()
    status = world.job.raw["status"]
    if spec["completions"] is not None:
        assert status.get("succeeded", 0) <= spec["completions"]
    assert failures <= spec["backoffLimit"] + most_at_once
    ended = spec["parallelism"] if "Failed" in world.conditions() else 0
    assert failures <= status.get("failed", 0) <= failures + ended
    if {"Complete", "Failed"} & set(world.conditions()):
        assert not world.running()
        assert not any(isinstance(action, Create) for action in job.decide_pods(world.world(), world.now).actions)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=SPECS)
def test_a_still_world_comes_to_rest(build: SimpleNamespace, spec: dict[str, Any]) -> None:
    world = build.world(build.job(**spec))
    for _ in range(3):
        world.step()
    held = world.job
    for plan in (job.decide_pods(world.world(), world.now), job.decide_status(world.world(), world.now)):
        assert all(isinstance(action, UpdateStatus) and action.obj == held for action in plan.actions)
        assert all(action.resource == JOBS for action in plan.actions if isinstance(action, UpdateStatus))
