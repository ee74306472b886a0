"""What `kubectl get pods` says of a pod: how many containers are ready, what it is doing, how often it began again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from katib_local.apiserver.cells import Json, age, find

ALWAYS, GATED = "Always", "SchedulingGated"


def pod_ready(document: Json, now: datetime) -> str:
    """Ready containers of all that run side by side, sidecars among them."""
    found = _beside(document) if _is_initialized(document) else _begun_sidecars(document)
    ready = sum(bool(entry.get("ready")) and _runs(entry) for entry in found)
    beside = sum(entry.get("restartPolicy") == ALWAYS for entry in _entries(document, ".spec.initContainers"))
    return f"{ready}/{len(_entries(document, '.spec.containers')) + beside}"


def pod_status(document: Json, now: datetime) -> str:
    """What holds a pod up, or how it has ended, in one word."""
    status = document.get("status") or {}
    phase = str(status.get("phase") or "")
    if document["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            return "Unknown"
        if phase not in ("Succeeded", "Failed"):
            return "Terminating"
    reason = GATED if _condition(document, "PodScheduled").get("reason") == GATED else status.get("reason") or phase
    initializing = _initializing(document)
    if initializing and not _holds(document, "Initialized"):
        return initializing
    return _running(document, initializing or str(reason))


def restarts(document: Json, now: datetime) -> str:
    """How often containers were started again, and when the last one of them had ended."""
    counted = _beside(document) if _is_initialized(document) else _entries(document, ".status.initContainerStatuses")
    count = sum(int(entry.get("restartCount") or 0) for entry in counted)
    ends = [str(end) for entry in counted if (end := find(entry, ".lastState.terminated.finishedAt"))]
    return f"{count} ({age(max(ends), now)} ago)" if count and ends else str(count)


def readiness_gates(document: Json, now: datetime) -> str:
    """How many of the conditions hold that a pod is to be ready by."""
    gates = _entries(document, ".spec.readinessGates")
    met = sum(_holds(document, gate.get("conditionType")) for gate in gates)
    return f"{met}/{len(gates)}" if gates else "<none>"


def _entries(document: Json, path: str) -> Sequence[Json]:
    found = find(document, path)
    return found if isinstance(found, list) else []


def _state(entry: Json, which: str) -> Json | None:
    found: Json | None = find(entry, f".state.{which}")
    return found


def _runs(entry: Json) -> bool:
    return _state(entry, "running") is not None


def _condition(document: Json, kind: str | None) -> Json:
    """The condition of a type; empty when there is none."""
    return next((entry for entry in _entries(document, ".status.conditions") if entry.get("type") == kind), {})


def _holds(document: Json, kind: str | None) -> bool:
    return _condition(document, kind).get("status") == "True"


def _sidecars(document: Json) -> set[str]:
    inits = _entries(document, ".spec.initContainers")
    return {str(entry.get("name")) for entry in inits if entry.get("restartPolicy") == ALWAYS}


def _beside(document: Json) -> list[Json]:
    """The statuses of all containers that run side by side."""
    sidecars = _sidecars(document)
    inits = _entries(document, ".status.initContainerStatuses")
    mains = _entries(document, ".status.containerStatuses")
    return [*(entry for entry in inits if entry.get("name") in sidecars), *mains]


def _begun_sidecars(document: Json) -> list[Json]:
    """The statuses of those that run already while others are still to come."""
    sidecars, inits = _sidecars(document), _entries(document, ".status.initContainerStatuses")
    return [entry for entry in inits if entry.get("name") in sidecars and entry.get("started")]


def _is_initialized(document: Json) -> bool:
    return _holds(document, "Initialized") or not _initializing(document)


def _initializing(document: Json) -> str:
    """The first init container that is not done, as it is; empty when all are."""
    sidecars = _sidecars(document)
    for number, entry in enumerate(_entries(document, ".status.initContainerStatuses")):
        ended, waiting = _state(entry, "terminated"), str((_state(entry, "waiting") or {}).get("reason") or "")
        if ended is not None and not ended.get("exitCode"):
            continue
        if entry.get("name") in sidecars and entry.get("started"):
            continue
        if ended is not None:
            return f"Init:{_ending(ended)}"
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{number}/{len(_entries(document, '.spec.initContainers'))}"
    return ""


def _ending(ended: Json) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _running(document: Json, reason: str) -> str:
    """What the main containers are doing: the first one's trouble, and `Completed` only when no other has any."""
    mains = _entries(document, ".status.containerStatuses")
    running = any(entry.get("ready") and _runs(entry) for entry in mains)
    said = [word for word in map(_word, mains) if word]
    reason = said[0] if said else reason
    if reason != "Completed":
        return reason
    if running and _holds(document, "Ready"):
        return "Running"
    bad = [_word(entry) for entry in mains if (_state(entry, "terminated") or {}).get("exitCode")]
    return bad[0] if bad else "NotReady" if running else reason


def _word(entry: Json) -> str:
    """Why a container waits, or how it has ended; empty for one that runs."""
    waiting, ended = _state(entry, "waiting") or {}, _state(entry, "terminated")
    if waiting.get("reason"):
        return str(waiting["reason"])
    return _ending(ended) if ended is not None else ""
