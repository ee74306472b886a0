"""What a status of Kubernetes' own kinds may not say. Pure.

Every function yields pairs of field and text, as kube-apiserver words them; forms are known to be right. Of a Job only what
is another than before is looked at: who changes its spec leaves it to the controller to put its status right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from katib_local.apiserver.errors import shown
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.pod_rules import is_whole
from katib_machinery.scalars import parse_quantity

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
JOB_COUNTS = ("active", "succeeded", "failed", "ready", "terminating")
REPLICA_COUNTS = {
    "Deployment": (
        *("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"),
        *("terminatingReplicas", "observedGeneration", "collisionCount"),
    ),
    "ReplicaSet": (
        *("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "terminatingReplicas"),
        "observedGeneration",
    ),
}
AMONG_REPLICAS = {
    "Deployment": ("updatedReplicas", "readyReplicas", "availableReplicas"),
    "ReplicaSet": ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"),
}
LASTING = ("Failed", "Complete", "FailureTarget")
EXCLUSIVE = (("Complete", "Failed"), ("Complete", "FailureTarget"))
EXCLUSIVE_TOO = (("SuccessCriteriaMet", "Failed"), ("SuccessCriteriaMet", "FailureTarget"))
SINGLE = ("pods",)
"""Resources of a node that are counted in whole numbers, beside those of other domains."""


def status_problems(kind: Kind, document: Json, old: Json | None, subresource: str) -> Problems:
    """What is wrong with the status of an object; of a Node however it is written, of others where it alone is."""
    if kind.kind == "Node":
        yield from _node(document.get("status") or {})
    elif subresource == "status" and old is not None:
        match kind.kind:
            case "Job":
                yield from _job(document, old)
            case "Deployment" | "ReplicaSet":
                yield from _replicas(kind.kind, document.get("status") or {})
            case "Pod":
                yield from _pod(document, old)


def _counts(status: Json, names: Iterable[str]) -> Problems:
    for name in names:
        if (status.get(name) or 0) < 0:
            yield f"status.{name}", f"Invalid value: {status[name]}: must be greater than or equal to 0"


def _replicas(kind: str, status: Json) -> Problems:
    yield from _counts(status, REPLICA_COUNTS[kind])
    total, ready, available = (status.get(name) or 0 for name in ("replicas", "readyReplicas", "availableReplicas"))
    for name in AMONG_REPLICAS[kind]:
        if (status.get(name) or 0) > total:
            text = "cannot be greater than status.replicas"
            yield f"status.{name}", f"Invalid value: {status.get(name) or 0}: {text}"
    if available > ready:
        yield "status.availableReplicas", f"Invalid value: {available}: cannot be greater than readyReplicas"


def _node(status: Json) -> Problems:
    capacity = status.get("capacity") or {}
    for field, amounts in (("capacity", capacity), ("allocatable", status.get("allocatable") or capacity)):
        for name, text in sorted(amounts.items()):
            amount = parse_quantity(text)
            if amount < 0:
                yield f"status.{field}.{name}", f"Invalid value: {shown(text)}: must be greater than or equal to 0"
            elif (is_whole(name) or name in SINGLE) and amount != int(amount):
                yield f"status.{field}.{name}", f"Invalid value: {shown(text)}: must be an integer"


def _pod(pod: Json, old: Json) -> Problems:
    """A container that has ended for good does not run again; one that may be restarted does."""
    spec = pod.get("spec") or {}
    policy = spec.get("restartPolicy")
    if policy == "Always":
        return
    for ran, field in (("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")):
        containers = {container.get("name"): container for container in spec.get(ran) or []}
        now = {entry.get("name"): entry for entry in (pod.get("status") or {}).get(field) or []}
        for index, entry in enumerate((old.get("status") or {}).get(field) or []):
            name, ended = entry.get("name"), (entry.get("state") or {}).get("terminated")
            if ended is None or name not in now or (now[name].get("state") or {}).get("terminated") is not None:
                continue
            if not _may_run_again(containers.get(name) or {}, policy, ended.get("exitCode") or 0):
                yield f"status.{field}[{index}].state", "Forbidden: may not be transitioned to non-terminated state"


def _may_run_again(container: Json, policy: str | None, code: int) -> bool:
    own = container.get("restartPolicy") or policy
    return bool(container.get("restartPolicyRules")) or own == "Always" or (own == "OnFailure" and code != 0)


def _job(job: Json, old: Json) -> Problems:
    status, before = job.get("status") or {}, old.get("status") or {}
    now, then = _true(status), _true(before)
    yield from _counts(status, JOB_COUNTS)
    yield from _exclusive(now, now ^ then)
    yield from _complete_time(status, before, now, now ^ then)
    if "Failed" in now - then and "FailureTarget" not in now:
        yield "status.conditions", "Invalid value: cannot set Failed=True condition without the FailureTarget=true condition"
    if "Complete" in now and "SuccessCriteriaMet" not in now and {"Complete", "SuccessCriteriaMet"} & (now ^ then):
        text = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        yield "status.conditions", f"Invalid value: {text}"
    if now & {"Complete", "Failed"}:
        yield from _finished(job, before, finished_now=not then & {"Complete", "Failed"})
    if _changed(status, before, "ready", "active") and (status.get("ready") or 0) > (status.get("active") or 0):
        yield "status.ready", f"Invalid value: {status['ready']}: cannot set more ready pods than active"
    yield from _indexes(job, before)
    yield from _kept(job, old)


def _true(status: Json) -> set[str]:
    """The conditions of a status that hold."""
    return {str(entry.get("type")) for entry in status.get("conditions") or [] if entry.get("status") == "True"}


def _changed(status: Json, before: Json, *names: str) -> bool:
    return any(status.get(name) != before.get(name) for name in names)


def _exclusive(now: set[str], changed: set[str]) -> Problems:
    """Success and failure exclude each other."""
    pairs = [pair for pair in EXCLUSIVE if changed & set(pair)] + list(EXCLUSIVE_TOO)
    for success, failure in pairs:
        if {success, failure} <= now:
            yield "status.conditions", f"Invalid value: cannot set {success}=True and {failure}=true conditions"


def _complete_time(status: Json, before: Json, now: set[str], changed: set[str]) -> Problems:
    """A Job that is complete, and no other, says when it was."""
    at, held, begun = status.get("completionTime"), before.get("completionTime"), status.get("startTime")
    if "Complete" in changed or at != held:
        if at and "Complete" not in now:
            text = "cannot set completionTime when there is no Complete=True condition"
            yield "status.completionTime", f"Invalid value: {shown(at)}: {text}"
        if not at and "Complete" in now:
            yield "status.completionTime", "Required value: completionTime is required for Complete jobs"
    if (
        at
        and begun
        and _changed(status, before, "completionTime", "startTime")
        and datetime.fromisoformat(at) < datetime.fromisoformat(begun)
    ):
        yield "status.completionTime", f"Invalid value: {shown(at)}: must be equal to or after `startTime`"
    if at and held and at != held:
        yield "status.completionTime", f"Invalid value: {shown(at)}: field is immutable"


def _finished(job: Json, before: Json, *, finished_now: bool) -> Problems:
    """A Job that is over has begun, and nothing of it is left."""
    spec, status = job.get("spec") or {}, job.get("status") or {}
    idle = spec.get("suspend") and spec.get("completions") == 0
    if not status.get("startTime") and (finished_now or _changed(status, before, "startTime")) and not idle:
        yield "status.startTime", "Required value: startTime is required for finished job"
    for name in ("active", "terminating"):
        if (status.get(name) or 0) > 0 and (finished_now or _changed(status, before, name)):
            yield f"status.{name}", f"Invalid value: {status[name]}: {name}>0 is invalid for finished job"
    uncounted = status.get("uncountedTerminatedPods") or {}
    if any(uncounted.values()) and (finished_now or _changed(status, before, "uncountedTerminatedPods")):
        printed = {name.capitalize(): uncounted.get(name) for name in ("succeeded", "failed")}
        text = ",".join(f'"{name}":{shown(uids)}' for name, uids in printed.items())
        yield "status.uncountedTerminatedPods", f"Invalid value: {{{text}}}: must be empty for finished job"


def _indexes(job: Json, before: Json) -> Problems:
    spec, status = job.get("spec") or {}, job.get("status") or {}
    done, failed = status.get("completedIndexes"), status.get("failedIndexes")
    if done and _changed(status, before, "completedIndexes") and spec.get("completionMode") != "Indexed":
        text = "cannot set non-empty completedIndexes when non-indexed completion mode"
        yield "status.completedIndexes", f"Invalid value: {shown(done)}: {text}"
    if failed is not None and _changed(status, before, "failedIndexes") and spec.get("backoffLimitPerIndex") is None:
        text = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        yield "status.failedIndexes", f"Invalid value: {shown(failed)}: {text}"


def _kept(job: Json, old: Json) -> Problems:
    """What is said once is not taken back: verdicts, the start of a Job that goes on, and what has been counted."""
    spec, status, before = job.get("spec") or {}, job.get("status") or {}, old.get("status") or {}
    lost = _true(before) - _true(status)
    for name in LASTING:
        if name in lost:
            yield "status.conditions", f"Invalid value: cannot disable the terminal {name}=True condition"
    if "SuccessCriteriaMet" in lost:
        yield "status.conditions", "Invalid value: cannot disable the SuccessCriteriaMet=True condition"
    if before.get("startTime") and _changed(status, before, "startTime") and not spec.get("suspend"):
        text = f"Invalid value: {shown(status.get('startTime'))}: field is immutable for unsuspended job once set"
        yield "status.startTime", text
    elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    for name in ("succeeded", "failed"):
        count = status.get(name) or 0
        if count < (before.get(name) or 0) and not (elastic and name == "succeeded"):
            yield f"status.{name}", f"Invalid value: {count}: cannot decrease the {name} counter"
