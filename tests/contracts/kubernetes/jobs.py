"""Jobs of a server where no pod ever runs: how cases begin one, say what becomes of its pods, and see what that comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from contracts.kubernetes.servers import MERGE, SPACE, Answer, Json, Server, until

JOBS = "/apis/batch/v1/namespaces/default/jobs"
PODS = f"{SPACE}/pods"
INDEX = "batch.kubernetes.io/job-completion-index"
REACHED, MET = ("CompletionsReached", "Reached expected number of succeeded pods"), "SuccessCriteriaMet"
LIMIT = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
NOTHING = {"ready": 0, "terminating": 0, "uncountedTerminatedPods": {}}
Fresh = Callable[[], str]


def start(server: Server, name: str, **spec: Any) -> Answer:
    """A Job of this spec; its pods have a container `a`, and what `pod` adds to their spec."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i:1"}], **spec.pop("pod", {})}
    return server.good("POST", JOBS, {"metadata": {"name": name}, "spec": {**spec, "template": {"spec": pod}}})


def pods_of(server: Server, name: str, label: str = "job-name") -> list[Json]:
    found: list[Json] = server.good("GET", PODS, labelSelector=f"{label}={name}").body["items"]
    return found


def active(server: Server, name: str, count: int) -> list[Json]:
    """That many pods of a Job that have not ended, when there are so many."""

    def look() -> list[Json]:
        found = [pod for pod in pods_of(server, name) if pod["status"]["phase"] in ("Pending", "Running")]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    found: list[Json] = until(lambda: len(look()) == count and look())
    return found


def tell(
    server: Server,
    pod: Json,
    phase: str,
    *,
    ready: str = "False",
    codes: Mapping[str, int] | None = None,
    more: str = "",
) -> None:
    """What a node would say of a pod: of one that has ended also with which code each container has; `more` is a condition."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = [("Ready", ready), *([(more, "True")] if more else [])]
    status: Json = {"phase": phase}
    status["conditions"] = [{"type": kind, "status": value, "lastTransitionTime": now} for kind, value in conditions]
    if phase in ("Succeeded", "Failed"):
        ends = {"a": int(phase == "Failed")} if codes is None else codes
        inits = {entry["name"] for entry in pod["spec"].get("initContainers") or ()}
        ended = {name: _ended(name, code, now, phase) for name, code in ends.items()}
        status["containerStatuses"] = [entry for name, entry in ended.items() if name not in inits]
        status["initContainerStatuses"] = [entry for name, entry in ended.items() if name in inits]
    server.good("PATCH", f"{PODS}/{pod['metadata']['name']}/status", {"status": status}, MERGE)


def _ended(name: str, code: int, at: str, reason: str) -> Json:
    state = {"exitCode": code, "startedAt": at, "finishedAt": at, "reason": reason}
    container = {"name": name, "image": "i:1", "imageID": "", "ready": False, "restartCount": 0}
    return {**container, "state": {"terminated": state}}


def status_of(server: Server, path: str, condition: str, value: str = "True") -> Json:
    """An object's status once a condition holds: without times, with its conditions in their order."""

    def look() -> Json | None:
        status: Json = server.good("GET", path).body.get("status") or {}
        held = {entry["type"]: entry["status"] for entry in status.get("conditions") or ()}
        return status if held.get(condition) == value else None

    return shown(until(look))


def shown(status: Json) -> Json:
    entries = status.get("conditions") or ()
    conditions = [(entry["type"], entry["status"], entry["reason"], entry["message"]) for entry in entries]
    times = {name: "" for name in ("startTime", "completionTime") if status.get(name)}
    return {**status, **times, "conditions": conditions}


def completed(succeeded: int, **more: Any) -> Json:
    conditions = [(MET, "True", *REACHED), ("Complete", "True", *REACHED)]
    return {**NOTHING, "succeeded": succeeded, "startTime": "", "completionTime": "", "conditions": conditions, **more}


def failed(count: int, why: tuple[str, str], **more: Any) -> Json:
    conditions = [("FailureTarget", "True", *why), ("Failed", "True", *why)]
    return {**NOTHING, "failed": count, "startTime": "", "conditions": conditions, **more}


def by_index(found: list[Json]) -> dict[int, Json]:
    """Pods of an indexed Job by the part that each works for."""
    return {int(pod["metadata"]["annotations"][INDEX]): pod for pod in found}


def told_of(server: Server, name: str, **fields: Any) -> Json | None:
    """A Job's status once it has these fields."""
    status = shown(server.good("GET", f"{JOBS}/{name}").body.get("status") or {})
    return status if all(status.get(field) == value for field, value in fields.items()) else None


def place(server: Server, pod: Json) -> str:
    """Give a pod to a node that never answers: when it is deleted it waits there for its end. Its path."""
    path = f"{PODS}/{pod['metadata']['name']}"
    target = {"apiVersion": "v1", "kind": "Node", "name": "nowhere"}
    server.good("POST", f"{path}/binding", {"metadata": {"name": pod["metadata"]["name"]}, "target": target})
    return path


def release(server: Server, path: str) -> None:
    server.good("DELETE", path, {"gracePeriodSeconds": 0})
