"""Each pod of a Job is counted once, wherever its controller is killed and whatever becomes of the pod."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from katib_local.workloads import job, tracking
from katib_local.workloads.tracking import TRACKING, Ends
from katib_machinery.objects import Unstructured

LONG = timedelta(hours=1)
INTERRUPTED = {"phase": "Failed", "conditions": [{"type": "DisruptionTarget", "status": "True"}]}


def held_by(world: Any, name: str) -> tuple[str, ...]:
    return tuple(world.pods[name].finalizers)


def numbers(world: Any) -> tuple[int, int]:
    """How many pods have succeeded and failed, as the Job says; nothing is left to be counted."""
    status = world.job.raw["status"]
    assert status["uncountedTerminatedPods"] == {}
    return status.get("succeeded", 0), status.get("failed", 0)


def interrupt(world: Any, name: str) -> None:
    """What a node that has started anew says of a pod that an earlier one had run."""
    world.pods[name] = Unstructured({**world.pods[name].raw, "status": INTERRUPTED})


def stop(world: Any, name: str) -> None:
    """What a node does with a pod that was deleted, when its processes have ended; or somebody without patience."""
    world.delete(name)


def test_a_pod_is_held_until_its_end_is_counted(build: SimpleNamespace) -> None:
    world = build.world(build.job())
    world.step()
    (name,) = world.running()
    assert held_by(world, name) == (TRACKING,)
    world.end(name, "Succeeded")
    world.carry_out(job.decide_status(world.world(), world.now))
    assert world.job.raw["status"]["uncountedTerminatedPods"] == {"succeeded": ["uid-1"]}
    assert held_by(world, name) == (TRACKING,) and "Complete" not in world.conditions()
    world.step()
    assert held_by(world, name) == () and numbers(world) == (1, 0) and "Complete" in world.conditions()


def test_a_pod_that_its_node_interrupted_is_let_go_and_not_counted(build: SimpleNamespace) -> None:
    world = build.world(build.job(backoffLimit=0))
    world.step()
    (name,) = world.running()
    interrupt(world, name)
    world.step()
    assert held_by(world, name) == () and numbers(world) == (0, 0) and len(world.running()) == 1
    world.delete(name)
    world.step()
    assert numbers(world) == (0, 0) and name not in world.pods


def test_pods_of_an_earlier_laptop_are_counted_beside_those_that_are_held(build: SimpleNamespace) -> None:
    """One has failed and is counted; one fails and one succeeds from now on; a third begins and fails."""
    owner = build.job({"failed": 1, "startTime": "2026-01-01T12:00:00Z"}, completions=3, parallelism=3, backoffLimit=9)
    world = build.world(owner)
    early = ("a", "Failed"), ("b", "Running"), ("c", "Running")
    world.pods = {name: build.pod(name, phase, code=1) for name, phase in early}
    world.wait(LONG)
    world.step()
    (third,) = set(world.running()) - {"b", "c"}
    world.end("b", "Failed")
    world.end("c", "Succeeded")
    world.end(third, "Failed")
    world.step()
    assert numbers(world) == (1, 3)
    world.delete(third)
    world.step()
    assert numbers(world) == (1, 3)


def test_pods_of_an_earlier_laptop_fail_with_their_job(build: SimpleNamespace) -> None:
    world = build.world(build.job(completions=3, parallelism=3, backoffLimit=0))
    world.pods = {"a": build.pod("a"), "b": build.pod("b", "Failed", code=1)}
    world.step()
    assert numbers(world) == (0, 2) and sorted(world.pods) == ["b"]
    assert world.conditions() == {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}


@pytest.mark.parametrize("field", ["deletionTimestamp", "ended"])
def test_a_job_that_goes_or_has_ended_holds_nothing(build: SimpleNamespace, field: str) -> None:
    ended = {"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T12:00:00Z"}]}
    owner = build.job(ended if field == "ended" else None)
    if field == "deletionTimestamp":
        owner.raw["metadata"][field] = "2026-01-01T12:00:00Z"
    world = build.world(owner)
    others = {"finalizers": ["example.com/mine", TRACKING]}
    world.pods = {name: build.pod(name, phase, metadata=others) for name, phase in (("a", "Running"), ("b", "Failed"))}
    world.step()
    assert held_by(world, "a") == held_by(world, "b") == ("example.com/mine",)


def test_a_name_is_not_given_to_a_second_pod(build: SimpleNamespace) -> None:
    """Nor is that of a pod which its node interrupted, and which does not count."""
    world = build.world(build.job(parallelism=2, completions=2, backoffLimit=9))
    names: set[str] = set()
    for ends in (interrupt, interrupt, stop, stop, stop):
        world.step()
        assert len(world.running()) == 2
        names |= set(world.running())
        ends(world, world.running()[-1])
    assert len(names) == world.created == 6


def test_no_more_uids_are_told_than_a_status_has_room_for(build: SimpleNamespace) -> None:
    ended = [build.pod(f"p{number}", "Failed") for number in range(tracking.MOST)]
    before = {"succeeded": ["a", "b"], "failed": []}
    uncounted, counted = tracking.tell(before, Ends([], ended), {"a"})
    assert uncounted["succeeded"] == ["a"] and len(uncounted["failed"]) == tracking.MOST - 1
    assert counted == {"succeeded": 1, "failed": 0}


class History:
    """A Job and what becomes of its pods, told by a controller that may be killed between any two of its writes."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.ends: dict[str, str] = {}

    def reconcile(self, writes: int) -> None:
        """Part of one look: so many actions of each decision, then the controller is killed."""
        for decide in (job.decide_pods, job.decide_status):
            for action in decide(self.world.world(), self.world.now).actions[:writes]:
                self.world.do(action)

    def happen(self, place: int, what: str) -> None:
        """Something happens to a pod; what counts is how it was when it ended, or was deleted."""
        found = sorted(self.world.pods.values(), key=lambda pod: pod.name)
        if not found:
            return
        pod = found[place % len(found)]
        runs = pod.raw["status"]["phase"] == "Running"
        free = pod.deletion_timestamp is None
        if what == "stop" and not free:
            stop(self.world, pod.name)
        elif what == "delete" and free:
            self._note(pod, "Failed" if runs else "")
            self.world.delete(pod.name, grace=30 * runs)
        elif what == "force":
            self._note(pod, "Failed" if runs and free else "")
            self.world.delete(pod.name)
        elif what == "interrupt" and runs and free:
            self._note(pod, "nothing")
            interrupt(self.world, pod.name)
        elif what in ("Succeeded", "Failed") and runs:
            self._note(pod, what)
            self.world.end(pod.name, what)

    def _note(self, pod: Unstructured, end: str) -> None:
        """One that succeeds in its grace counts for either: it depends on who comes first."""
        if end and TRACKING in pod.finalizers:
            before = self.ends.setdefault(pod.uid, end)
            self.ends[pod.uid] = end if before == end else "either"

    def count(self, *ends: str) -> int:
        return sum(held in ends for held in self.ends.values())

    def explains(self, succeeded: int, failed: int) -> bool:
        """Whether these numbers count each pod once."""
        surely = self.count("Succeeded") <= succeeded and self.count("Failed") <= failed
        return surely and succeeded + failed == self.count("Succeeded", "Failed", "either")


STEPS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(["Succeeded", "Failed", "delete", "force", "stop", "interrupt", "nothing"]),
        st.integers(0, 3),
        st.sampled_from([0, 5, 3600]),
    ),
    max_size=30,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parallelism=st.integers(1, 4), steps=STEPS)
def test_no_history_loses_or_doubles_a_pod(build: SimpleNamespace, parallelism: int, steps: list[Any]) -> None:
    world = build.world(build.job(parallelism=parallelism, completions=100, backoffLimit=100))
    history = History(world)
    for place, what, writes, seconds in steps:
        history.reconcile(writes)
        history.happen(place, what)
        world.wait(timedelta(seconds=seconds))
    world.step()
    for name in [name for name, pod in world.pods.items() if pod.deletion_timestamp is not None]:
        stop(world, name)
    world.step()
    assert history.explains(*numbers(world))
    assert not [pod for pod in world.pods.values() if pod.deletion_timestamp is not None]
    assert all((TRACKING in pod.finalizers) == (name in world.running()) for name, pod in world.pods.items())


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(0, 2),
    policy=st.sampled_from(["TerminatingOrFailed", "Failed"]),
    suspend=st.booleans(),
    steps=STEPS,
)
def test_nothing_hangs_on_a_job_that_ends(
    build: SimpleNamespace, limit: int, policy: str, suspend: bool, steps: list[Any]
) -> None:
    """Whether it fails, succeeds or is suspended: pods that are deleted go, and an end is told at last."""
    owner = build.job(parallelism=2, completions=2, backoffLimit=limit, podReplacementPolicy=policy, suspend=False)
    world = build.world(owner)
    history = History(world)
    for place, what, writes, seconds in steps:
        history.reconcile(writes)
        history.happen(place, what)
        world.wait(timedelta(seconds=seconds))
    world.job = Unstructured({**world.job.raw, "spec": {**world.job.raw["spec"], "suspend": suspend}})
    world.step()
    for name in [name for name, pod in world.pods.items() if pod.deletion_timestamp is not None]:
        stop(world, name)
    world.step()
    assert not [pod for pod in world.pods.values() if pod.deletion_timestamp is not None]
    assert all((TRACKING in pod.finalizers) == (name in world.running()) for name, pod in world.pods.items())
    told = set(world.conditions())
    assert ("FailureTarget" in told) == ("Failed" in told) and ("SuccessCriteriaMet" in told) == ("Complete" in told)
