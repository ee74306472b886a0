"""What a node tells of a pod whose containers begin one after the other, and of one that is not ready."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from katib_local.node.states import ContainerState
from katib_local.node.status import OWN_CONDITIONS, render_status, status_patch

Json = dict[str, Any]
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEW = ContainerState("main")
INIT, SIDE = ContainerState("init"), ContainerState("side")
UP = {"started": True, "ready": True}


def running(state: ContainerState, **more: bool) -> ContainerState:
    return state.start(NOW, "process://1", **{**UP, **more})


def ended(state: ContainerState, code: int = 0) -> ContainerState:
    return running(state).end(NOW, code, 0)


def told(*states: ContainerState, policy: str = "Never", ending: bool = False) -> Json:
    """The status of a pod with an init container, a sidecar and main containers."""
    inits = [{"name": "init"}, {"name": "side", "restartPolicy": "Always"}]
    mains = [{"name": state.name} for state in states[2:]]
    pod = {"spec": {"restartPolicy": policy, "initContainers": inits, "containers": mains}}
    return render_status(pod, {state.name: state for state in states}, NOW, ending=ending)


def alone(main: ContainerState) -> Json:
    """The status of a pod with nothing but a main container."""
    return render_status({"spec": {"containers": [{"name": "main"}]}}, {"main": main}, NOW)


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
    "the sidecar goes on after the training": (
        (ended(INIT), running(SIDE), ended(NEW, 1)),
        *("Running", ("True",), unready("main")),
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


def gated(*conditions: Json, main: ContainerState) -> Json:
    """The status of a pod that is to be ready by two conditions of others, of which these are written."""
    gates = [{"conditionType": f"example.com/{name}"} for name in ("a", "b")]
    spec = {"containers": [{"name": "main"}], "readinessGates": gates}
    return render_status({"spec": spec, "status": {"conditions": list(conditions)}}, {"main": main}, NOW)


def test_a_pod_is_ready_when_conditions_of_others_hold_too() -> None:
    a = {"type": "example.com/a", "status": "False"}
    status = gated(a, main=running(NEW))
    message = (
        'the status of pod readiness gate "example.com/a" is not "True", but False, '
        'corresponding condition of pod readiness gate "example.com/b" does not exist.'
    )
    assert condition(status, "Ready") == ("False", "ReadinessGatesNotReady", message)
    assert condition(status, "ContainersReady") == ("True",) and status["conditions"][0] == a
    both = [{"type": f"example.com/{name}", "status": "True"} for name in ("a", "b")]
    assert condition(gated(*both, main=running(NEW)), "Ready") == ("True",)
    assert condition(gated(*both, main=NEW), "Ready") == unready("main")


def test_what_is_written_of_a_status_leaves_conditions_of_others_alone() -> None:
    status = gated({"type": "example.com/a", "status": "True"}, main=running(NEW))
    patch = status_patch(status)
    assert [entry["type"] for entry in patch["conditions"]] == list(OWN_CONDITIONS)
    assert patch["conditions"][0]["reason"] is None and patch["initContainerStatuses"] is None
    assert patch["containerStatuses"] == status["containerStatuses"] and patch["message"] is None


LATER = ContainerState("later")
TRIED = ended(NEW, 1).wait("CrashLoopBackOff", "soon")
PHASES = {
    "another container is still to begin": ((running(NEW), LATER), "Never", "Pending"),
    "one runs and the other is done": ((running(NEW), ended(LATER)), "Never", "Running"),
    "all are done": ((ended(NEW), ended(LATER)), "OnFailure", "Succeeded"),
    "all are done and start again": ((ended(NEW), ended(LATER)), "Always", "Running"),
    "one has failed for good": ((ended(NEW), ended(LATER, 1)), "Never", "Failed"),
    "one has failed and starts again": ((ended(LATER), ended(NEW, 1)), "OnFailure", "Running"),
    "one waits to start again": ((ended(LATER), TRIED), "OnFailure", "Running"),
}


@pytest.mark.parametrize("case", PHASES)
def test_a_phase_tells_whether_all_have_begun_and_whether_any_starts_again(case: str) -> None:
    mains, policy, phase = PHASES[case]
    assert told(ended(INIT), ended(SIDE), *mains, policy=policy)["phase"] == phase


def test_a_pod_that_ends_starts_nothing_again() -> None:
    for main, phase in ((ended(NEW), "Succeeded"), (ended(NEW, 143), "Failed"), (TRIED, "Failed")):
        assert told(ended(INIT), ended(SIDE), main, policy="Always", ending=True)["phase"] == phase
    assert told(ended(INIT), running(SIDE), ended(NEW), policy="Always", ending=True)["phase"] == "Running"


def test_a_pod_that_begins_again_is_pending_until_its_sidecar_has_started_up() -> None:
    beginning = running(SIDE, started=False, ready=False)
    before = ContainerState("main", last={"exitCode": 137})
    assert told(ended(INIT), beginning, before, policy="Always")["phase"] == "Pending"
    assert told(ended(INIT), beginning, running(NEW), policy="Always")["phase"] == "Running"


def test_an_init_container_that_is_tried_again_holds_its_pod_up() -> None:
    status = told(ended(INIT, 1).wait("CrashLoopBackOff", "soon"), SIDE, NEW, policy="OnFailure")
    assert status["phase"] == "Pending" and condition(status, "Initialized") == incomplete("init", "side")


def test_containers_wait_for_those_before_them() -> None:
    status = told(running(INIT), SIDE, NEW)
    waiting = [*status["initContainerStatuses"][1:], *status["containerStatuses"]]
    assert [entry["state"] for entry in waiting] == [{"waiting": {"reason": "PodInitializing"}}] * 2
    assert alone(NEW)["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}


def test_an_init_container_is_ready_when_it_has_succeeded() -> None:
    for state, ready in ((running(INIT), False), (ended(INIT, 1), False), (ended(INIT), True)):
        assert told(state, SIDE, NEW)["initContainerStatuses"][0]["ready"] is ready
