"""A pod's status from what is known of its containers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from katib_local.node.phase import phase_of
from katib_local.node.states import ContainerState, terminated, text

Json = dict[str, Any]
LOOPBACK = "127.0.0.1"
ENDS = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}
"""Phases in which a pod has ended, each with the reason that its conditions give then."""


DISRUPTION = "DisruptionTarget"
"""What a node writes of a pod once, when it ends the pod for no fault of its own."""
OWN_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
"""Conditions that a node writes; others write theirs beside them."""


@dataclass(frozen=True)
class Finding:
    """What a condition is to say: whether it holds, and if not, why."""

    holds: bool
    reason: str = ""
    message: str = ""


def render_container(state: ContainerState, waiting: str = "ContainerCreating", *, init: bool = False) -> Json:
    """A ContainerStatus; `waiting` is why one waits that nothing else holds up, `init` one that has to end before others."""
    if state.ended:
        now: Json = {"terminated": terminated(state)}
    elif state.running:
        now = {"running": {"startedAt": text(state.started_at)}}
    else:
        why = {"reason": state.waiting or waiting}
        now = {"waiting": {**why, **({"message": state.message} if state.message else {})}}
    return {
        "name": state.name,
        "image": state.image,
        "imageID": state.image,
        "containerID": state.identity,
        "ready": state.succeeded if init else state.ready and state.running,
        "started": state.started and state.running,
        "restartCount": state.restarts,
        "state": now,
        "lastState": {"terminated": dict(state.last)} if state.last else {},
    }


def render_status(
    pod: Mapping[str, Any],
    known: Mapping[str, ContainerState],
    now: datetime,
    *,
    ending: bool = False,
    end: Mapping[str, str] | None = None,
) -> Json:
    """The whole status of a pod; times of conditions that have not changed stay.

    `ending` if nothing of it starts again; `end` when it is over, with whatever is then to be said of it otherwise.
    """
    held, spec = pod.get("status") or {}, pod["spec"]
    inits = [known[entry["name"]] for entry in spec.get("initContainers") or []]
    states = [known[entry["name"]] for entry in spec["containers"]]
    sidecars = _sidecars(pod)
    phase = (end or {}).get("phase") or phase_of(pod, known, ending=ending)
    if end is not None and phase not in ENDS:
        phase = "Failed"
    containers_ready = _readiness(phase, [*(state for state in inits if state.name in sidecars), *states])
    wanted = {
        "PodReadyToStartContainers": Finding(phase not in ENDS),
        "Initialized": _initialization(phase, inits, states, sidecars),
        "Ready": gates_met(pod) if containers_ready.holds else containers_ready,
        "ContainersReady": containers_ready,
        "PodScheduled": Finding(True),
    }
    conditions = [render_condition(held, kind, found, now) for kind, found in wanted.items()]
    waiting = "PodInitializing" if inits else "ContainerCreating"
    status: Json = {
        "phase": phase,
        "conditions": [*others_conditions(held), *conditions],
        "hostIP": LOOPBACK,
        "podIP": LOOPBACK,
        "podIPs": [{"ip": LOOPBACK}],
        "startTime": held.get("startTime") or text(now),
        "qosClass": held.get("qosClass", "BestEffort"),
        "containerStatuses": [render_container(state, waiting) for state in states],
    }
    if inits:
        status["initContainerStatuses"] = [
            render_container(state, waiting, init=state.name not in sidecars) for state in inits
        ]
    return {**status, **(end or {})}


def status_patch(status: Mapping[str, Any]) -> Json:
    """A strategic merge patch that writes a status and leaves conditions alone that are not the node's."""
    unsaid = {"reason": None, "message": None}
    own = [entry for entry in status["conditions"] if entry["type"] in (*OWN_CONDITIONS, DISRUPTION)]
    return {**unsaid, "initContainerStatuses": None, **status, "conditions": [{**unsaid, **entry} for entry in own]}


def others_conditions(status: Mapping[str, Any]) -> list[Json]:
    """The conditions in a status that are not the node's."""
    return [entry for entry in status.get("conditions") or [] if entry.get("type") not in OWN_CONDITIONS]


def gates_met(pod: Mapping[str, Any]) -> Finding:
    """Whether all conditions hold that a pod is to be ready by (`readinessGates`), which others write."""
    held = {entry.get("type"): entry.get("status") for entry in (pod.get("status") or {}).get("conditions") or []}
    problems = []
    for kind in (gate.get("conditionType") for gate in pod["spec"].get("readinessGates") or []):
        if kind not in held:
            problems.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif held[kind] != "True":
            problems.append(f'the status of pod readiness gate "{kind}" is not "True", but {held[kind]}')
    return Finding(False, "ReadinessGatesNotReady", ", ".join(problems)) if problems else Finding(True)


def _readiness(phase: str, states: Sequence[ContainerState]) -> Finding:
    """Whether all containers that run side by side are ready."""
    if phase in ENDS:
        return Finding(False, ENDS[phase])
    unready = [state.name for state in states if not (state.ready and state.running)]
    return _without(unready, "ContainersNotReady", "unready") if unready else Finding(phase == "Running")


def _initialization(
    phase: str, inits: Sequence[ContainerState], states: Sequence[ContainerState], sidecars: set[str]
) -> Finding:
    """Whether everything that comes before the main containers is done; once one of these runs, it was."""
    if phase == "Succeeded":
        return Finding(True, ENDS[phase])
    begun = any(state.running or state.ended for state in states)
    done = {
        state.name: state.started and state.running if state.name in sidecars else state.succeeded for state in inits
    }
    incomplete = [name for name, is_done in done.items() if not is_done and not begun]
    return _without(incomplete, "ContainersNotInitialized", "incomplete") if incomplete else Finding(True)


def _without(names: Sequence[str], reason: str, what: str) -> Finding:
    return Finding(False, reason, f"containers with {what} status: [{' '.join(names)}]")


def _sidecars(pod: Mapping[str, Any]) -> set[str]:
    """Init containers that go on beside the others; how they end is of no consequence."""
    inits = (pod.get("spec") or {}).get("initContainers") or []
    return {entry["name"] for entry in inits if entry.get("restartPolicy") == "Always"}


def render_condition(held: Mapping[str, Any], kind: str, found: Finding, now: datetime) -> Json:
    """A condition; `held` is the status before, whose time stays if nothing has changed."""
    status = "True" if found.holds else "False"
    conditions: Sequence[Json] = held.get("conditions") or ()
    before = next((entry for entry in conditions if entry.get("type") == kind), {})
    at = before.get("lastTransitionTime") if before.get("status") == status else text(now)
    why = {"reason": found.reason, "message": found.message}
    times = {"lastProbeTime": None, "lastTransitionTime": at}
    return {"type": kind, "status": status, **times, **{name: words for name, words in why.items() if words}}
