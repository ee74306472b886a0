"""What a node tells of a pod whose containers begin one after the other, and of one that is not ready."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from katib_local.apiserver.pod_cells import pod_ready, pod_status
from katib_local.node.status import ContainerState, render_interrupted, render_status

Json = dict[str, Any]
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEW = ContainerState("main")
INIT, SIDE = ContainerState("init"), ContainerState("side")
UP = {"started": True, "ready": True}


def running(state: ContainerState, **more: bool) -> ContainerState:
    return state.start(NOW, "process://1", **{**UP, **more})


def ended(state: ContainerState, code: int = 0) -> ContainerState:
    return running(state).end(NOW, code, 0)


def told(init: ContainerState, side: ContainerState, main: ContainerState, policy: str = "Never") -> Json:
    """The status of a pod with an init container, a sidecar and a main container."""
    inits = [{"name": "init"}, {"name": "side", "restartPolicy": "Always"}]
    pod = {"spec": {"restartPolicy": policy, "initContainers": inits, "containers": [{"name": "main"}]}}
    return render_status(pod, [init, side], [main], NOW)


def condition(status: Json, kind: str) -> tuple[str, ...]:
    (found,) = (entry for entry in status["conditions"] if entry["type"] == kind)
    return tuple(found[name] for name in ("status", "reason", "message") if name in found)


def unready(*names: str) -> tuple[str, ...]:
    return "False", "ContainersNotReady", f"containers with unready status: [{' '.join(names)}]"


def incomplete(*names: str) -> tuple[str, ...]:
    return "False", "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(names)}]"


CASES = {
    "nothing runs": ((INIT, SIDE, NEW), "Pending", incomplete("init", "side"), unready("side", "main")),
    "the init container runs": (
        (running(INIT), SIDE, NEW),
        "Pending",
        incomplete("init", "side"),
        unready("side", "main"),
    ),
    "the init container is done": ((ended(INIT), SIDE, NEW), "Pending", incomplete("side"), unready("side", "main")),
    "the sidecar is starting up": (
        (ended(INIT), running(SIDE, started=False, ready=False), NEW),
        *("Pending", incomplete("side"), unready("side", "main")),
    ),
    "all is prepared": ((ended(INIT), running(SIDE), NEW), "Pending", ("True",), unready("main")),
    "all runs": ((ended(INIT), running(SIDE), running(NEW)), "Running", ("True",), ("True",)),
    "the sidecar begins again": (
        (ended(INIT), ended(SIDE, 1).wait("CrashLoopBackOff", "soon"), running(NEW)),
        *("Running", ("True",), unready("side")),
    ),
    "the init container has failed": (
        (ended(INIT, 3), SIDE, NEW),
        *("Failed", incomplete("init", "side"), ("False", "PodFailed")),
    ),
    "all is done": (
        (ended(INIT), ended(SIDE, 143), ended(NEW)),
        *("Succeeded", ("True", "PodCompleted"), ("False", "PodCompleted")),
    ),
    "the training has failed": (
        (ended(INIT), ended(SIDE, 143), ended(NEW, 1)),
        *("Failed", ("True",), ("False", "PodFailed")),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_conditions_say_which_containers_hold_a_pod_up(case: str) -> None:
    states, phase, initialized, ready = CASES[case]
    status = told(*states)
    assert status["phase"] == phase and condition(status, "Initialized") == initialized
    assert condition(status, "Ready") == condition(status, "ContainersReady") == ready


def test_an_init_container_that_is_tried_again_holds_its_pod_up() -> None:
    status = told(ended(INIT, 1).wait("CrashLoopBackOff", "soon"), SIDE, NEW, policy="OnFailure")
    assert status["phase"] == "Pending" and condition(status, "Initialized") == incomplete("init", "side")


def test_containers_wait_for_those_before_them() -> None:
    status = told(running(INIT), SIDE, NEW)
    waiting = [*status["initContainerStatuses"][1:], *status["containerStatuses"]]
    assert [entry["state"] for entry in waiting] == [{"waiting": {"reason": "PodInitializing"}}] * 2
    alone = render_status({"spec": {"containers": [{"name": "main"}]}}, [], [NEW], NOW)
    assert alone["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}


def test_an_init_container_is_ready_when_it_has_succeeded() -> None:
    for state, ready in ((running(INIT), False), (ended(INIT, 1), False), (ended(INIT), True)):
        assert told(state, SIDE, NEW)["initContainerStatuses"][0]["ready"] is ready


INTERRUPTIONS = {
    "while its init container ran": ((running(INIT), SIDE, NEW), ["terminated", "waiting"], "Init:NodeRestarted"),
    "between two tries": (
        (ended(INIT, 1).wait("CrashLoopBackOff", "soon"), SIDE, NEW),
        *(["terminated", "waiting"], "Init:NodeRestarted"),
    ),
    "while its sidecar began": (
        (ended(INIT), running(SIDE, started=False, ready=False), NEW),
        *(["terminated", "terminated"], "Init:NodeRestarted"),
    ),
    "while all ran": ((ended(INIT), running(SIDE), running(NEW)), ["terminated", "terminated"], "NodeRestarted"),
}


@pytest.mark.parametrize("case", INTERRUPTIONS)
def test_nothing_of_a_pod_runs_or_is_ready_after_its_node(case: str) -> None:
    states, inits, column = INTERRUPTIONS[case]
    status = render_interrupted(told(*states), "The node has restarted.", NOW)
    listed = [*status["initContainerStatuses"], *status["containerStatuses"]]
    assert [next(iter(entry["state"])) for entry in listed] == [*inits, "terminated"]
    done = states[0].succeeded
    assert [entry["ready"] for entry in listed] == [done, False, False]
    assert not any(entry["started"] for entry in listed)
    pod = {"metadata": {}, "status": status}
    pod["spec"] = {"initContainers": [{"name": "init"}, {"name": "side", "restartPolicy": "Always"}]}
    pod["spec"]["containers"] = [{"name": "main"}]
    assert (pod_ready(pod, NOW), pod_status(pod, NOW)) == ("0/2", column)
    killed = {"exitCode": 137, "signal": 9, "reason": "NodeRestarted", "finishedAt": "2026-01-01T12:00:00Z"}
    assert status["initContainerStatuses"][int(done)]["state"] == {"terminated": killed}
    assert condition(status, "DisruptionTarget") == ("True", "TerminationByKubelet", "The node has restarted.")


def test_a_pod_without_init_containers_is_told_of_none_after_its_node() -> None:
    alone = render_status({"spec": {"containers": [{"name": "main"}]}}, [], [running(NEW)], NOW)
    assert "initContainerStatuses" not in render_interrupted(alone, "The node has restarted.", NOW)
