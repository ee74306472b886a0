"""A pod's status from what is known of its containers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from katib_machinery.scalars import format_time

Json = dict[str, Any]
LOOPBACK = "127.0.0.1"
ENDS = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}
"""Phases in which a pod has ended, each with the reason that its conditions give then."""
INTERRUPTED = "NodeRestarted"
"""Why a pod has failed whose processes had ended with its node."""


@dataclass(frozen=True)
class Finding:
    """What a condition is to say: whether it holds, and if not, why."""

    holds: bool
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class ContainerState:
    """One container: waiting, running since, or ended; and how it had ended before."""

    name: str
    image: str = ""
    waiting: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    signal: int = 0
    reason: str = ""
    restarts: int = 0
    ready: bool = False
    started: bool = False
    identity: str = ""
    last: Mapping[str, Any] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        return self.started_at is not None and self.exit_code is None

    @property
    def ended(self) -> bool:
        return self.exit_code is not None

    @property
    def succeeded(self) -> bool:
        return self.exit_code == 0

    def may_write(self, attempt: int) -> bool:
        """Whether the log of this attempt (0 is the first) may still grow: a process writes before its start is known."""
        return self.restarts == attempt and not self.ended

    def start(self, at: datetime, identity: str, *, started: bool, ready: bool) -> ContainerState:
        return replace(
            self,
            waiting="",
            message="",
            started_at=at,
            finished_at=None,
            exit_code=None,
            started=started,
            ready=ready,
            identity=identity,
        )

    def end(self, at: datetime, code: int, signal: int, reason: str = "", message: str = "") -> ContainerState:
        reason = reason or ("Completed" if code == 0 else "Error")
        started = self.started_at or at
        return replace(
            self,
            waiting="",
            started_at=started,
            finished_at=at,
            exit_code=code,
            signal=signal,
            reason=reason,
            message=message,
            started=False,
            ready=False,
        )

    def wait(self, reason: str, message: str) -> ContainerState:
        """Wait for another start; how the container has ended before stays visible."""
        last = terminated(self) if self.ended else dict(self.last)
        return replace(self, waiting=reason, message=message, started_at=None, exit_code=None, ready=False, last=last)


def terminated(state: ContainerState) -> Json:
    ended: Json = {"exitCode": state.exit_code, "reason": state.reason}
    ended |= {"signal": state.signal} if state.signal else {}
    ended |= {"message": state.message} if state.message else {}
    return {
        **ended,
        "startedAt": text(state.started_at),
        "finishedAt": text(state.finished_at),
        "containerID": state.identity,
    }


def text(time: datetime | None) -> str | None:
    return format_time(time) if time else None


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


def phase_of(policy: str, inits: Sequence[ContainerState], states: Sequence[ContainerState]) -> str:
    """Pending, Running, Succeeded or Failed."""
    if any(state.ended and state.exit_code != 0 for state in inits) and policy == "Never":
        return "Failed"
    if not all(state.ended or state.running for state in inits) or not any(
        state.running or state.ended or state.last for state in states
    ):
        return "Pending"
    if all(state.ended for state in states):
        failed = any(state.exit_code != 0 for state in states)
        if policy == "Never" or (policy == "OnFailure" and not failed):
            return "Failed" if failed else "Succeeded"
    return "Running"


def render_status(
    pod: Mapping[str, Any], inits: Sequence[ContainerState], states: Sequence[ContainerState], now: datetime
) -> Json:
    """The whole status of a pod; times of conditions that have not changed stay."""
    held = pod.get("status") or {}
    policy = (pod.get("spec") or {}).get("restartPolicy") or "Always"
    sidecars = _sidecars(pod)
    phase = phase_of(policy, [state for state in inits if state.name not in sidecars], states)
    ready = _readiness(phase, [*(state for state in inits if state.name in sidecars), *states])
    wanted = {
        "PodReadyToStartContainers": Finding(phase not in ENDS),
        "Initialized": _initialization(phase, inits, states, sidecars),
        "Ready": ready,
        "ContainersReady": ready,
        "PodScheduled": Finding(True),
    }
    conditions = [_condition(held, kind, found, now) for kind, found in wanted.items()]
    others = [entry for entry in held.get("conditions") or [] if entry.get("type") not in wanted]
    waiting = "PodInitializing" if inits else "ContainerCreating"
    status: Json = {
        "phase": phase,
        "conditions": [*others, *conditions],
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
    return status


def render_interrupted(held: Mapping[str, Any], message: str, now: datetime) -> Json:
    """The status of a pod whose processes have all ended with its node; an init container that never began still waits."""
    at = text(now)
    target = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "TerminationByKubelet",
        "message": message,
        "lastTransitionTime": at,
    }
    replaced = ("DisruptionTarget", "Ready", "ContainersReady")
    others = [entry for entry in held.get("conditions") or [] if entry.get("type") not in replaced]
    status: Json = {
        **held,
        **{"phase": "Failed", "reason": INTERRUPTED, "message": message, "conditions": [*others, target]},
        "containerStatuses": [_killed(entry, at) for entry in held.get("containerStatuses") or []],
    }
    if inits := held.get("initContainerStatuses"):
        status["initContainerStatuses"] = [_killed(entry, at) if _has_begun(entry) else entry for entry in inits]
    return status


def _has_begun(status: Mapping[str, Any]) -> bool:
    return "waiting" not in (status.get("state") or {}) or bool(status.get("lastState"))


def _killed(status: Mapping[str, Any], at: str | None) -> Json:
    ended = {"exitCode": 137, "signal": 9, "reason": INTERRUPTED, "finishedAt": at}
    if "terminated" in (status.get("state") or {}):
        return dict(status)
    return {**status, "ready": False, "started": False, "state": {"terminated": ended}}


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


def _condition(held: Mapping[str, Any], kind: str, found: Finding, now: datetime) -> Json:
    status = "True" if found.holds else "False"
    conditions: Sequence[Json] = held.get("conditions") or ()
    before = next((entry for entry in conditions if entry.get("type") == kind), {})
    at = before.get("lastTransitionTime") if before.get("status") == status else text(now)
    why = {"reason": found.reason, "message": found.message}
    times = {"lastProbeTime": None, "lastTransitionTime": at}
    return {"type": kind, "status": status, **times, **{name: words for name, words in why.items() if words}}
