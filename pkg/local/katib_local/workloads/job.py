"""What a Job does next: the batch/v1 Job controller's rules, as far as one machine needs them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from katib_machinery.objects import JOBS, PODS, Unstructured, parse_time
from katib_machinery.plan import Action, Create, Delete, Emit, Plan, Requeue, UpdateStatus

Json = dict[str, Any]
FIRST_BACKOFF, LONGEST_BACKOFF = timedelta(seconds=10), timedelta(minutes=6)
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
ENDED = ("Succeeded", "Failed")
COUNTERS = ("active", "ready", "succeeded", "failed")


@dataclass(frozen=True)
class World:
    """One Job and the pods that it controls."""

    job: Unstructured
    pods: Sequence[Unstructured]

    @property
    def spec(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.job.raw.get("spec") or {}
        return found

    @property
    def status(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.job.raw.get("status") or {}
        return found


@dataclass(frozen=True)
class Tally:
    """Pods by what has become of them; interrupted ones count as nothing (docs/laptop.md)."""

    active: tuple[Unstructured, ...]
    succeeded: int
    failed: int
    restarts: int
    ready: int
    last_failure: datetime | None


def tally(pods: Iterable[Unstructured]) -> Tally:
    pods = list(pods)
    active = tuple(pod for pod in pods if phase(pod) not in ENDED and pod.deletion_timestamp is None)
    failed = [pod for pod in pods if phase(pod) == "Failed" and not interrupted(pod)]
    ends = [end for pod in failed if (end := _ended_at(pod)) is not None]
    return Tally(
        active,
        sum(phase(pod) == "Succeeded" for pod in pods),
        len(failed),
        sum(_restarts(pod) for pod in active),
        sum(has_condition(pod, "Ready") for pod in active),
        max(ends, default=None),
    )


def phase(pod: Unstructured) -> str:
    return str((pod.raw.get("status") or {}).get("phase") or "Pending")


def has_condition(obj: Unstructured, kind: str) -> bool:
    conditions = (obj.raw.get("status") or {}).get("conditions") or []
    return any(entry.get("type") == kind and entry.get("status") == "True" for entry in conditions)


def interrupted(pod: Unstructured) -> bool:
    """Whether a pod ended because its node did: no fault of the job's."""
    return has_condition(pod, "DisruptionTarget")


def _restarts(pod: Unstructured) -> int:
    statuses = (pod.raw.get("status") or {}).get("containerStatuses") or []
    return sum(int(entry.get("restartCount") or 0) for entry in statuses)


def _ended_at(pod: Unstructured) -> datetime | None:
    statuses = (pod.raw.get("status") or {}).get("containerStatuses") or []
    ends = [((entry.get("state") or {}).get("terminated") or {}).get("finishedAt") for entry in statuses]
    return max((end for text in ends if text and (end := parse_time(text))), default=None)


def decide(world: World, now: datetime) -> Plan:
    """The next step of a Job."""
    if world.job.deletion_timestamp is not None:
        return Plan()
    if has_condition(world.job, "Complete") or has_condition(world.job, "Failed"):
        return _after_the_end(world, now)
    counts = tally(world.pods)
    started = parse_time(world.status.get("startTime")) or now
    if world.spec.get("suspend"):
        return _suspended(world, counts, now)
    failure = _failure(world, counts, started, now)
    if failure is not None:
        return _failed(world, counts, failure, now)
    if counts.succeeded >= _completions(world):
        return _complete(world, counts, now)
    return _going_on(world, counts, started, now)


def _completions(world: World) -> int:
    return int(world.spec.get("completions") or 1)


def _failure(world: World, counts: Tally, started: datetime, now: datetime) -> tuple[str, str] | None:
    limit = world.spec.get("backoffLimit")
    limit = 6 if limit is None else int(limit)
    if counts.failed > limit or (counts.restarts > limit and _policy(world) == "OnFailure"):
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    deadline = world.spec.get("activeDeadlineSeconds")
    if deadline is not None and now >= started + timedelta(seconds=int(deadline)):
        return "DeadlineExceeded", "Job was active longer than specified deadline"
    return None


def _policy(world: World) -> str:
    template = world.spec.get("template") or {}
    return str((template.get("spec") or {}).get("restartPolicy") or "Never")


def _going_on(world: World, counts: Tally, started: datetime, now: datetime) -> Plan:
    wanted = min(int(world.spec.get("parallelism", 1) or 0), _completions(world) - counts.succeeded)
    missing = max(0, wanted - len(counts.active))
    wait = _backoff(counts, now)
    actions: list[Action] = []
    if missing and wait <= timedelta(0):
        names = _new_names(world, missing)
        actions = [Create(PODS, desired_pod(world.job, name)) for name in names]
        actions += [Emit("Normal", "SuccessfulCreate", f"Created pod: {name}") for name in names]
    status = _status(world, counts, started=started)
    status["active"] = len(counts.active) + (missing if actions else 0)
    waits = [wait] if missing and wait > timedelta(0) else []
    deadline = world.spec.get("activeDeadlineSeconds")
    if deadline is not None:
        waits.append(started + timedelta(seconds=int(deadline)) - now)
    requeue = Requeue(max(min(waits), timedelta(milliseconds=10))) if waits else None
    return Plan((*actions, _write(world, status)), requeue)


def _backoff(counts: Tally, now: datetime) -> timedelta:
    """How long to wait before the next pod: nothing at first, then longer with every failure."""
    if not counts.failed or counts.last_failure is None:
        return timedelta(0)
    pause = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (counts.failed - 1))
    remaining: timedelta = counts.last_failure + pause - now
    return remaining


def _new_names(world: World, count: int) -> list[str]:
    """Names by position among all pods that the job ever had: the same again after a crash, so none is made twice."""
    taken = {pod.name for pod in world.pods}
    names: list[str] = []
    index = len(world.pods)
    while len(names) < count:
        name = f"{world.job.name[:57]}-{suffix(world.job.uid, index)}"
        if name not in taken:
            names.append(name)
        index += 1
    return names


def suffix(seed: str, index: int) -> str:
    """Five characters that depend on nothing but their arguments."""
    digest = hashlib.sha256(f"{seed}/{index}".encode()).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:5])


def _suspended(world: World, counts: Tally, now: datetime) -> Plan:
    status = _status(world, counts, started=None)
    status["conditions"] = _conditions(world, [("Suspended", "JobSuspended", "Job suspended")], now)
    status["active"] = 0
    return Plan((*(Delete(PODS, pod) for pod in counts.active), _write(world, status)))


def _failed(world: World, counts: Tally, failure: tuple[str, str], now: datetime) -> Plan:
    reason, message = failure
    status = _status(world, counts, started=parse_time(world.status.get("startTime")) or now)
    status |= {"active": 0, "ready": 0}
    status["conditions"] = _conditions(world, [("FailureTarget", reason, message), ("Failed", reason, message)], now)
    deletions = [Delete(PODS, pod) for pod in counts.active]
    return Plan((*deletions, _write(world, status, urgent=True), Emit("Warning", reason, message)))


def _complete(world: World, counts: Tally, now: datetime) -> Plan:
    message = "Reached expected number of succeeded pods"
    status = _status(world, counts, started=parse_time(world.status.get("startTime")) or now)
    status |= {"active": 0, "ready": 0, "completionTime": render_time(now)}
    wanted = [("SuccessCriteriaMet", "CompletionsReached", message), ("Complete", "CompletionsReached", message)]
    status["conditions"] = _conditions(world, wanted, now)
    return Plan((_write(world, status, urgent=True), Emit("Normal", "Completed", "Job completed")))


def _after_the_end(world: World, now: datetime) -> Plan:
    ttl = world.spec.get("ttlSecondsAfterFinished")
    if ttl is None:
        return Plan()
    conditions = world.status.get("conditions") or []
    ends = [
        parse_time(entry.get("lastTransitionTime"))
        for entry in conditions
        if entry.get("type") in ("Complete", "Failed")
    ]
    at = (ends[0] or now) + timedelta(seconds=int(ttl))
    return Plan((Delete(JOBS, world.job),)) if now >= at else Plan((), Requeue(at - now))


def _status(world: World, counts: Tally, *, started: datetime | None) -> Json:
    status: Json = {key: value for key, value in world.status.items() if key not in COUNTERS}
    status |= {"active": len(counts.active), "ready": counts.ready, "terminating": 0, "uncountedTerminatedPods": {}}
    if counts.succeeded:
        status["succeeded"] = counts.succeeded
    if counts.failed:
        status["failed"] = counts.failed
    if started is not None and "startTime" not in status:
        status["startTime"] = render_time(started)
    return status


def _conditions(world: World, wanted: Sequence[tuple[str, str, str]], now: datetime) -> list[Json]:
    held = [dict(entry) for entry in world.status.get("conditions") or []]
    present = {entry.get("type") for entry in held if entry.get("status") == "True"}
    at = render_time(now)
    added = [
        {
            "type": kind,
            "status": "True",
            "lastProbeTime": at,
            "lastTransitionTime": at,
            "reason": reason,
            "message": message,
        }
        for kind, reason, message in wanted
        if kind not in present
    ]
    return [*(entry for entry in held if entry.get("type") not in {kind["type"] for kind in added}), *added]


def _write(world: World, status: Json, *, urgent: bool = False) -> UpdateStatus:
    return UpdateStatus(JOBS, Unstructured({**world.job.raw, "status": status}), urgent=urgent)


def render_time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def desired_pod(owner: Unstructured, name: str) -> Unstructured:
    """A pod of an owner's template."""
    template = owner.raw["spec"].get("template") or {}
    metadata = template.get("metadata") or {}
    reference = {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return Unstructured(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": owner.namespace,
                "labels": dict(metadata.get("labels") or {}),
                "annotations": dict(metadata.get("annotations") or {}),
                "ownerReferences": [reference],
            },
            "spec": template.get("spec") or {},
        }
    )
