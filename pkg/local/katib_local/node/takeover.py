"""Pods that an earlier node had begun: how far they had come, and what is told of those that do not go on. Pure.

A pod's status says how its containers were when they were last looked at, and their logs which attempts there were.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from katib_local.node.restarts import is_sidecar, policy_of
from katib_local.node.states import ContainerState, text
from katib_local.node.status import DISRUPTION, ENDS, Finding, render_condition

Json = dict[str, Any]
Pod = Mapping[str, Any]
Attempts = Mapping[str, int]
"""The last attempt of each container that has a log; 0 is the first."""
INTERRUPTED = "NodeRestarted"
"""Why containers and pods have failed whose processes had ended with their node."""
UNKNOWN = {
    "exitCode": 137,
    "reason": "ContainerStatusUnknown",
    "message": "The container could not be located when the pod was terminated",
    "startedAt": None,
    "finishedAt": None,
}
"""How a container has ended that its pod's end finds waiting, as a kubelet tells it."""


def has_begun(pod: Pod, attempts: Attempts) -> bool:
    """Whether any container of a pod was ever started."""
    return bool(attempts) or any(map(_has_begun, _entries(pod)))


def is_finished(pod: Pod) -> bool:
    """Whether all main containers have done their work; what else ran with them is of no consequence then."""
    held = {entry["name"]: entry for entry in _entries(pod)}
    return all(_has_done_its_work(pod, entry, held.get(entry["name"]) or {}) for entry in pod["spec"]["containers"])


def taken_up(pod: Pod, attempts: Attempts, at: datetime) -> dict[str, ContainerState]:
    """The containers of a pod that begins again here, by their names: what has run before, and what has done its work."""
    held = {entry["name"]: entry for entry in _entries(pod)}
    inits, mains = pod["spec"].get("initContainers") or [], pod["spec"]["containers"]
    done = {entry["name"] for entry in mains if _has_done_its_work(pod, entry, held.get(entry["name"]) or {})}
    if is_finished(pod):
        done |= held.keys()
    return {
        entry["name"]: _taken_up(entry, held.get(entry["name"]) or {}, attempts.get(entry["name"]), at, done)
        for entry in [*inits, *mains]
    }


def _has_done_its_work(pod: Pod, container: Pod, held: Pod) -> bool:
    ended, policy = (held.get("state") or {}).get("terminated") or {}, policy_of(pod, container)
    return bool(ended) and (policy == "Never" or (policy == "OnFailure" and ended.get("exitCode") == 0))


def _taken_up(container: Pod, held: Pod, attempt: int | None, at: datetime, done: Container[str]) -> ContainerState:
    state, before = held.get("state") or {}, (held.get("lastState") or {}).get("terminated") or {}
    restarts = max(int(held.get("restartCount") or 0), attempt or 0)
    fresh = ContainerState(container["name"], str(container.get("image") or ""), restarts=restarts)
    ended = state.get("terminated")
    if ended and fresh.name in done:
        return _as_ended(replace(fresh, last=before), ended)
    return replace(fresh, last=ended or (_killed(held, at) if _ran(held, attempt) else before))


def _as_ended(fresh: ContainerState, ended: Pod) -> ContainerState:
    """A container that does not start again, as its status says that it has ended."""
    started_at, finished_at = (_time(ended.get(name)) for name in ("startedAt", "finishedAt"))
    identity, reason, message = (str(ended.get(name) or "") for name in ("containerID", "reason", "message"))
    known = replace(fresh, started_at=started_at, finished_at=finished_at, identity=identity)
    code, signal = (int(ended.get(name) or 0) for name in ("exitCode", "signal"))
    return replace(known, exit_code=code, signal=signal, reason=reason, message=message)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def render_interrupted(pod: Pod, attempts: Attempts, message: str, now: datetime) -> Json:
    """The status of a pod that does not go on after its node, with which its processes had ended: not the pod's fault."""
    held = pod["status"]
    target = {"type": DISRUPTION, "status": "True", "reason": "TerminationByKubelet", "message": message}
    over = {kind: Finding(False, ENDS["Failed"]) for kind in ("Ready", "ContainersReady")}
    over["PodReadyToStartContainers"] = Finding(False)
    replaced = (DISRUPTION, *over)
    others = [entry for entry in held.get("conditions") or [] if entry.get("type") not in replaced]
    conditions = [*others, *(render_condition(held, kind, found, now) for kind, found in over.items())]
    killed = {
        kind: [_end_with_node(entry, attempts, now) for entry in held[kind]]
        for kind in ("containerStatuses", "initContainerStatuses")
        if held.get(kind)
    }
    status = {**held, **killed, "phase": "Failed", "reason": INTERRUPTED, "message": message}
    return render_concluded(pod, {**status, "conditions": [*conditions, {**target, "lastTransitionTime": text(now)}]})


def render_concluded(pod: Pod, status: Pod) -> Json:
    """The status of a pod of which nothing runs any more: every container that it had reached has ended.

    Main containers are reached when initialization was done, also by the status before; of the others those up to the
    last one that has begun, and the first one always.
    """
    concluded: Json = {**status, "phase": status["phase"] if status["phase"] in ENDS else "Failed"}
    mains, inits = (list(status.get(kind) or []) for kind in ("containerStatuses", "initContainerStatuses"))
    if _has_initialized(pod, pod.get("status") or {}) or _has_initialized(pod, status):
        concluded["containerStatuses"] = [_conclude(entry) for entry in mains]
    if inits:
        reached = max((number for number, entry in enumerate(inits) if _has_begun(entry)), default=0)
        concluded["initContainerStatuses"] = [*map(_conclude, inits[: reached + 1]), *inits[reached + 1 :]]
    return concluded


def _has_initialized(pod: Pod, status: Pod) -> bool:
    """Whether main containers could begin; one that has begun says so."""
    spec, inits = pod["spec"], status.get("initContainerStatuses")
    if not spec.get("initContainers") or any(map(_has_begun, status.get("containerStatuses") or [])):
        return True
    if not inits:
        return False
    last = inits[-1]
    if is_sidecar(pod, spec["initContainers"][-1]):
        return bool(last.get("started")) and "running" in last["state"]
    ends = [(last.get(which) or {}).get("terminated") for which in ("state", "lastState")]
    return any(end is not None and end.get("exitCode") == 0 for end in ends)


def _entries(pod: Pod) -> list[Pod]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _has_begun(entry: Pod) -> bool:
    return "waiting" not in (entry.get("state") or {"waiting": {}}) or bool(entry.get("lastState"))


def _ran(entry: Pod, attempt: int | None) -> bool:
    """Whether a container ran when its node ended, also one whose start was not told any more."""
    state = entry.get("state") or {}
    if "running" in state or "terminated" in state:
        return "running" in state
    first_untold = int(entry.get("restartCount") or 0) + 1 if entry.get("lastState") else 0
    return attempt is not None and attempt >= first_untold


def _killed(entry: Pod, at: datetime) -> Json:
    """How a container has ended that ran when its node did."""
    running = (entry.get("state") or {}).get("running") or {}
    times = {"startedAt": running.get("startedAt"), "finishedAt": text(at)}
    return {"exitCode": 137, "signal": 9, "reason": INTERRUPTED, **times, "containerID": entry.get("containerID", "")}


def _end_with_node(entry: Pod, attempts: Attempts, now: datetime) -> Json:
    return _end(entry, _killed(entry, now)) if _ran(entry, attempts.get(entry["name"])) else dict(entry)


def _conclude(entry: Pod) -> Json:
    return dict(entry) if "terminated" in (entry.get("state") or {}) else _end(entry, UNKNOWN)


def _end(entry: Pod, how: Json) -> Json:
    return {**entry, "ready": False, "started": False, "state": {"terminated": dict(how)}}
