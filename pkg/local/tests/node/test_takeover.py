"""What becomes of a pod that an earlier node had begun, by its status and the logs that are there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from katib_local.apiserver.pod_cells import pod_ready, pod_status
from katib_local.node.log_lines import last_attempts
from katib_local.node.states import ContainerState
from katib_local.node.status import render_status
from katib_local.node.takeover import has_begun, is_finished, render_concluded, render_interrupted, taken_up

Json = dict[str, Any]
States = tuple[ContainerState, ...]
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
INIT, SIDE, MAIN, OTHER = (ContainerState(name) for name in ("init", "side", "main", "other"))
AT, SINCE = "2026-01-01T12:05:00Z", "2026-01-01T12:00:00Z"
KILLED = {
    "exitCode": 137,
    "signal": 9,
    "reason": "NodeRestarted",
    "startedAt": SINCE,
    "finishedAt": AT,
    "containerID": "process://1",
}
UNKNOWN = "ContainerStatusUnknown"


def running(state: ContainerState, *, up: bool = True) -> ContainerState:
    return state.begin().start(NOW, "process://1", started=up, ready=up)


def ended(state: ContainerState, code: int = 0) -> ContainerState:
    return running(state).end(NOW, code, 0)


def trying(state: ContainerState) -> ContainerState:
    """It has failed, and waits before it starts again."""
    return ended(state, 1).wait("CrashLoopBackOff", "back-off 10s")


def a_pod(*states: ContainerState, policy: str = "Never") -> Json:
    """A pod whose status tells of these containers, as a node has told it; init and side are not main containers."""
    entries = [{"name": state.name} | ({"restartPolicy": "Always"} if state.name == "side" else {}) for state in states]
    inits = [entry for entry in entries if entry["name"] in ("init", "side")]
    mains = [entry for entry in entries if entry not in inits]
    pod: Json = {"metadata": {}, "spec": {"restartPolicy": policy, "initContainers": inits, "containers": mains}}
    return {**pod, "status": render_status(pod, {state.name: state for state in states}, NOW)}


def told(status: Json) -> list[str]:
    """How each container is told to be: why it has ended or waits."""
    listed = [*status.get("initContainerStatuses", ()), *status["containerStatuses"]]
    return [next(iter(entry["state"].values())).get("reason", "running") for entry in listed]


INTERRUPTIONS: dict[str, tuple[States, dict[str, int], list[str], str]] = {
    "while its init container ran": (
        (running(INIT), SIDE, MAIN),
        *({"init": 0}, ["NodeRestarted", "PodInitializing", "PodInitializing"], "Init:NodeRestarted"),
    ),
    "while its sidecar waited to begin again": (
        (ended(INIT), trying(SIDE), MAIN),
        *({"init": 0, "side": 0}, ["Completed", UNKNOWN, "PodInitializing"], f"Init:{UNKNOWN}"),
    ),
    "while its sidecar began": (
        (ended(INIT), running(SIDE, up=False), MAIN),
        *({"init": 0, "side": 0}, ["Completed", "NodeRestarted", "PodInitializing"], "Init:NodeRestarted"),
    ),
    "before its main container": (
        (ended(INIT), running(SIDE), MAIN),
        *({"init": 0, "side": 0}, ["Completed", "NodeRestarted", UNKNOWN], UNKNOWN),
    ),
    "while all ran": (
        (ended(INIT), running(SIDE), running(MAIN)),
        *({}, ["Completed", "NodeRestarted", "NodeRestarted"], "NodeRestarted"),
    ),
    "before its init containers were told of": (
        (INIT, SIDE, MAIN),
        *({"init": 0}, ["NodeRestarted", "PodInitializing", "PodInitializing"], "Init:NodeRestarted"),
    ),
    "before its second container began": (
        (running(MAIN), OTHER),
        {"main": 0},
        ["NodeRestarted", UNKNOWN],
        "NodeRestarted",
    ),
    "before anything was told": ((MAIN, OTHER), {"other": 0}, [UNKNOWN, "NodeRestarted"], UNKNOWN),
    "after its first container was done": (
        (ended(MAIN), running(OTHER)),
        *({}, ["Completed", "NodeRestarted"], "NodeRestarted"),
    ),
}


@pytest.mark.parametrize("case", INTERRUPTIONS)
def test_a_pod_that_its_node_has_interrupted_says_what_became_of_each_container(case: str) -> None:
    states, attempts, reasons, column = INTERRUPTIONS[case]
    pod = a_pod(*states)
    assert has_begun(pod, attempts)
    status = render_interrupted(pod, attempts, "The node has restarted.", LATER)
    assert (told(status), status["phase"], status["reason"]) == (reasons, "Failed", "NodeRestarted")
    pod = {**pod, "status": status}
    beside = len(pod["spec"]["containers"]) + sum("restartPolicy" in entry for entry in pod["spec"]["initContainers"])
    assert (pod_ready(pod, LATER), pod_status(pod, LATER)) == (f"0/{beside}", column)
    conditions = {entry["type"]: entry for entry in status["conditions"]}
    assert conditions["DisruptionTarget"]["message"] == "The node has restarted."
    assert [conditions[kind]["reason"] for kind in ("Ready", "ContainersReady")] == ["PodFailed"] * 2


def test_how_a_container_has_ended_with_its_node_is_told_whole() -> None:
    pod = a_pod(running(MAIN), OTHER)
    ran, waited = render_interrupted(pod, {}, "The node has restarted.", LATER)["containerStatuses"]
    assert ran["state"] == {"terminated": KILLED} and not ran["ready"] and not ran["started"]
    message = "The container could not be located when the pod was terminated"
    expected = {"exitCode": 137, "reason": UNKNOWN, "message": message, "startedAt": None, "finishedAt": None}
    assert waited["state"] == {"terminated": expected}
    assert "initContainerStatuses" not in render_interrupted(pod, {}, "The node has restarted.", LATER)


def test_a_pod_of_which_nothing_has_begun_is_not_interrupted() -> None:
    assert not has_begun(a_pod(INIT, SIDE, MAIN), {}) and not has_begun({"spec": {}}, {})
    assert has_begun(a_pod(trying(MAIN), policy="OnFailure"), {})


CONCLUSIONS: dict[str, tuple[States, list[str]]] = {
    "nothing has begun": ((MAIN,), [UNKNOWN]),
    "the first init container always counts": ((INIT, SIDE, MAIN), [UNKNOWN, "PodInitializing", "PodInitializing"]),
    "the last init container is done": ((ended(INIT), MAIN), ["Completed", UNKNOWN]),
    "the last init container has failed": ((ended(INIT, 1), MAIN), ["Error", "PodInitializing"]),
    "one waits to begin again": ((ended(INIT), trying(MAIN)), ["Completed", UNKNOWN]),
}


@pytest.mark.parametrize("case", CONCLUSIONS)
def test_of_a_pod_that_is_over_everything_that_was_reached_has_ended(case: str) -> None:
    states, reasons = CONCLUSIONS[case]
    pod = a_pod(*states, policy="OnFailure")
    status = render_concluded(pod, pod["status"])
    assert (told(status), status["phase"]) == (reasons, "Failed")


def test_a_pod_that_has_succeeded_stays_so() -> None:
    pod = a_pod(ended(INIT), ended(SIDE), ended(MAIN))
    assert render_concluded(pod, pod["status"]) == pod["status"]


def test_a_container_that_begins_again_goes_on_from_its_status() -> None:
    """It counts on, and says how it had ended, which was with its node if it ran then."""
    before = trying(ContainerState("main", restarts=3))
    states = taken_up(a_pod(running(INIT), ended(SIDE), before, OTHER, policy="Always"), {}, LATER)
    assert [state.restarts for state in states.values()] == [0, 0, 3, 0]
    assert [state.begin().restarts for state in states.values()] == [1, 1, 4, 0]
    assert states["init"].last == KILLED and not states["other"].last
    assert [states[name].last["reason"] for name in ("side", "main")] == ["Completed", "Error"]
    assert not any(state.running or state.ended for state in states.values())


def test_attempts_that_the_status_does_not_tell_of_are_counted_by_their_logs() -> None:
    states = taken_up(a_pod(trying(MAIN), OTHER, policy="Always"), {"main": 1, "other": 0}, LATER)
    assert [state.begin().restarts for state in states.values()] == [2, 1]
    assert all(state.last["reason"] == "NodeRestarted" for state in states.values())
    told_of = taken_up(a_pod(trying(MAIN), policy="Always"), {"main": 0}, LATER)
    assert told_of["main"].last["reason"] == "Error" and told_of["main"].begin().restarts == 1


def test_a_pod_whose_sidecar_alone_ran_has_ended_as_its_main_container_has() -> None:
    for code, phase in ((0, "Succeeded"), (1, "Failed")):
        pod = a_pod(ended(INIT), running(SIDE), ended(MAIN, code))
        assert is_finished(pod) and not is_finished(a_pod(ended(MAIN, code), running(OTHER)))
        states = taken_up(pod, {"side": 0}, LATER)
        assert render_status(pod, states, LATER, ending=True, end={})["phase"] == phase
        assert not states["side"].running and states["side"].last == KILLED


@pytest.mark.parametrize(
    ("policy", "code", "stays"), [("OnFailure", 0, True), ("OnFailure", 1, False), ("Always", 0, False)]
)
def test_a_container_that_has_done_its_work_does_not_begin_again(policy: str, code: int, stays: bool) -> None:
    pod = a_pod(ended(INIT), ended(MAIN, code), running(OTHER), policy=policy)
    states = taken_up(pod, {}, LATER)
    assert states["main"].ended is stays and not states["init"].ended
    if stays:
        again = render_status(pod, states, LATER)["containerStatuses"][0]
        assert again == pod["status"]["containerStatuses"][0]


def test_a_pod_whose_work_is_done_is_told_of_as_before() -> None:
    pod = a_pod(ended(INIT), ended(SIDE, 143), ended(MAIN), ended(OTHER), policy="OnFailure")
    assert render_status(pod, taken_up(pod, {}, LATER), LATER) == pod["status"]


def test_the_last_attempt_of_each_container_is_found_by_its_log(tmp_path: Path) -> None:
    for name in ("main-0", "main-10", "main-9", "a-b-2"):
        (tmp_path / f"{name}.log").touch()
    assert last_attempts(tmp_path) == {"main": 10, "a-b": 2} and last_attempts(tmp_path / "none") == {}
