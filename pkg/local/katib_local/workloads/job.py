"""What a Job does next: the rules of batch/v1, as far as one machine needs them. Pure.

Pods first, then the status that follows from them: `decide_pods` is carried out, its answers are in the cache, and
`decide_status` tells what is there. A Job that ends is told twice, as in a cluster: what it comes to
(`SuccessCriteriaMet`, `FailureTarget`), and, when its last pod has gone, that it has (`Complete`, `Failed`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import islice
from typing import Any

from katib_local.workloads import indexed, pods
from katib_local.workloads.conditions import Condition, find_condition, holds, set_condition
from katib_machinery.objects import JOBS, PODS, Unstructured, parse_time
from katib_machinery.plan import Action, Create, Delete, Emit, Plan, Requeue, UpdateStatus
from katib_machinery.scalars import format_time

Json = dict[str, Any]
FIRST_BACKOFF, LONGEST_BACKOFF = timedelta(seconds=10), timedelta(minutes=10)
BACKOFF_LIMIT = 6
BUILT_IN = "kubernetes.io/job-controller"
SOON = timedelta(milliseconds=10)
JOB_LABELS = ("batch.kubernetes.io/job-name", "job-name")
UID_LABELS = ("batch.kubernetes.io/controller-uid", "controller-uid")
COUNTS = ("active", "ready", "terminating", "succeeded", "failed")


class Fate(Enum):
    """What becomes of a Job."""

    GOING_ON = "going on"
    SUSPENDED = "suspended"
    SUCCEEDING = "succeeding"
    FAILING = "failing"
    ENDED = "ended"


@dataclass(frozen=True)
class Verdict:
    """A Job's fate and the words for its conditions."""

    fate: Fate
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class World:
    """One Job and the pods that it controls."""

    job: Unstructured
    pods: Sequence[Unstructured]
    failure: str = ""

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.job.raw.get("spec") or {}

    @property
    def status(self) -> Mapping[str, Any]:
        return self.job.raw.get("status") or {}

    @property
    def conditions(self) -> Sequence[Mapping[str, Any]]:
        return pods.conditions_of(self.job)

    @property
    def completions(self) -> int | None:
        """How many pods must succeed; None: any one, when no other is left."""
        found = self.spec.get("completions")
        return None if found is None else int(found)

    @property
    def is_foreign(self) -> bool:
        """Whether the Job asks for another controller than the built-in one (`managedBy`)."""
        return self.spec.get("managedBy") not in (None, "", BUILT_IN)

    @property
    def is_indexed(self) -> bool:
        return self.spec.get("completionMode") == "Indexed"

    @property
    def active(self) -> list[Unstructured]:
        return [pod for pod in self.pods if pods.is_active(pod)]

    @property
    def succeeded(self) -> int:
        """Pods that have succeeded, also those that are gone."""
        if self.is_indexed:
            return len(indexed.completed(self.status, self.pods))
        live = sum(pods.phase(pod) == pods.SUCCEEDED for pod in self.pods)
        return max(live, int(self.status.get("succeeded") or 0))

    @property
    def failures(self) -> list[Unstructured]:
        """Failed pods that count: neither deleted by somebody nor interrupted with their node."""
        return [pod for pod in self.pods if pods.phase(pod) == pods.FAILED and _counts(pod)]

    @property
    def failed(self) -> int:
        return max(len(self.failures), int(self.status.get("failed") or 0))


def _counts(pod: Unstructured) -> bool:
    return pod.deletion_timestamp is None and not pods.was_disrupted(pod)


def judge(world: World, now: datetime) -> Verdict:
    """What a Job comes to. What was said once stays said."""
    if holds(world.conditions, "Complete") or holds(world.conditions, "Failed"):
        return Verdict(Fate.ENDED)
    for type_, fate in (("FailureTarget", Fate.FAILING), ("SuccessCriteriaMet", Fate.SUCCEEDING)):
        told = find_condition(world.conditions, type_)
        if told is not None and told.get("status") == "True":
            return Verdict(fate, str(told.get("reason")), str(told.get("message")))
    if _past_backoff_limit(world):
        return Verdict(Fate.FAILING, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    if _is_complete(world):
        return Verdict(Fate.SUCCEEDING, "CompletionsReached", "Reached expected number of succeeded pods")
    if world.spec.get("suspend"):
        return Verdict(Fate.SUSPENDED)
    if (deadline := _deadline(world)) is not None and now >= deadline:
        return Verdict(Fate.FAILING, "DeadlineExceeded", "Job was active longer than specified deadline")
    return Verdict(Fate.GOING_ON)


def _past_backoff_limit(world: World) -> bool:
    found = world.spec.get("backoffLimit")
    limit = BACKOFF_LIMIT if found is None else int(found)
    if world.failed > limit:
        return True
    template = (world.spec.get("template") or {}).get("spec") or {}
    restarts = sum(pods.restarts(pod) for pod in world.active) if template.get("restartPolicy") == "OnFailure" else 0
    return restarts > 0 if limit == 0 else restarts >= limit


def _is_complete(world: World) -> bool:
    if world.completions is None:
        return world.succeeded > 0 and not world.active
    return world.succeeded >= world.completions


def _deadline(world: World) -> datetime | None:
    started, seconds = parse_time(world.status.get("startTime")), world.spec.get("activeDeadlineSeconds")
    return None if started is None or seconds is None else started + timedelta(seconds=int(seconds))


def decide_pods(world: World, now: datetime) -> Plan:
    """Which pods a Job makes and deletes; after its end, when it goes itself."""
    if world.job.deletion_timestamp is not None or world.is_foreign:
        return Plan()
    match judge(world, now).fate:
        case Fate.GOING_ON:
            return _fill(world, now)
        case Fate.ENDED:
            return _expire(world, now)
        case _:
            return Plan(_deletions(world.active))


def _fill(world: World, now: datetime) -> Plan:
    """As many active pods as the Job wants side by side; after a failure only when the pause is over."""
    active = world.active
    wanted = _wanted(world)
    if len(active) > wanted:
        return Plan(_deletions(active[wanted:]))
    missing = wanted - len(active)
    wait = next_attempt_at(world) - now if missing and world.failures else timedelta(0)
    # Longer than any pause: the clock was set back, and nobody is to wait for the time that comes a second time.
    if timedelta(0) < wait <= _pause(world):
        return Plan(requeue=Requeue(max(wait, SOON)))
    created = _new_pods(world, missing)
    events = (Emit("Normal", "SuccessfulCreate", f"Created pod: {pod.name}") for pod in created)
    return Plan((*(Create(PODS, pod) for pod in created), *events))


def _wanted(world: World) -> int:
    found = world.spec.get("parallelism")
    parallelism = 1 if found is None else int(found)
    if world.completions is None:
        # A work queue: when one pod has succeeded there is nothing left to begin.
        return parallelism if not world.succeeded else min(parallelism, len(world.active))
    return min(parallelism, world.completions - world.succeeded)


def next_attempt_at(world: World) -> datetime:
    """When the next pod may be made: the pause doubles with each failure."""
    ends = (pods.finished_at(pod) or pod.creation_timestamp for pod in world.failures)
    return max(end for end in ends if end is not None) + _pause(world)


def _pause(world: World) -> timedelta:
    return min(LONGEST_BACKOFF, FIRST_BACKOFF * (1 << min(world.failed - 1, 10)))


def _new_pods(world: World, count: int) -> list[Unstructured]:
    job = world.job
    labels = {**dict.fromkeys(JOB_LABELS, job.name), **dict.fromkeys(UID_LABELS, job.uid)}
    taken = (f"{pods.pod_prefix(job)}{pod.name.rpartition('-')[2]}" for pod in world.pods)
    names = islice(pods.fresh_names(job, taken), count)
    made = [pods.desired_pod(job, name, labels) for name in names]
    if not world.is_indexed:
        return made
    missing = indexed.missing(world.completions or 0, world.status, world.pods)
    return [indexed.numbered(pod, number, job) for pod, number in zip(made, missing, strict=False)]


def _deletions(found: Sequence[Unstructured]) -> tuple[Action, ...]:
    events = (Emit("Normal", "SuccessfulDelete", f"Deleted pod: {pod.name}") for pod in found)
    return (*(Delete(PODS, pod) for pod in found), *events)


def _expire(world: World, now: datetime) -> Plan:
    ttl = world.spec.get("ttlSecondsAfterFinished")
    ended = find_condition(world.conditions, "Complete" if holds(world.conditions, "Complete") else "Failed") or {}
    ended_at = parse_time(ended.get("lastTransitionTime"))
    if ttl is None or ended_at is None:
        return Plan()
    at = ended_at + timedelta(seconds=int(ttl))
    return Plan((Delete(JOBS, world.job),)) if now >= at else Plan(requeue=Requeue(max(at - now, SOON)))


def decide_status(world: World, now: datetime) -> Plan:
    """What a Job tells of itself."""
    verdict = judge(world, now)
    if world.job.deletion_timestamp is not None or world.is_foreign or verdict.fate is Fate.ENDED:
        return Plan()
    status = _counted(world, _given_up(world, verdict))
    conditions: Sequence[Mapping[str, Any]] = world.conditions
    events: list[Emit] = []
    for condition, event in _news(world, verdict):
        changed = set_condition(conditions, condition, now)
        if event is not None and changed != conditions:
            events.append(event)
        conditions = changed
    if conditions:
        status["conditions"] = list(conditions)
    if verdict.fate is Fate.SUSPENDED:
        status.pop("startTime", None)
    else:
        status.setdefault("startTime", format_time(now))
    if holds(conditions, "Complete"):
        status["completionTime"] = format_time(now)
    write = UpdateStatus(JOBS, Unstructured({**world.job.raw, "status": status}))
    deadline = _deadline(World(write.obj, world.pods)) if verdict.fate is Fate.GOING_ON else None  # type: ignore[arg-type]
    requeue = Requeue(max(deadline - now, SOON)) if deadline is not None else None
    return Plan((write, *events), requeue)


def _news(world: World, verdict: Verdict) -> list[tuple[Condition, Emit | None]]:
    """The conditions that a verdict brings, each with the event that goes with its first time."""
    left = any(not pods.is_finished(pod) for pod in world.pods)
    match verdict.fate:
        case Fate.SUSPENDED:
            event = Emit("Normal", "Suspended", "Job suspended")
            return [(Condition("Suspended", True, "JobSuspended", "Job suspended"), event)]
        case Fate.GOING_ON if holds(world.conditions, "Suspended"):
            event = Emit("Normal", "Resumed", "Job resumed")
            return [(Condition("Suspended", False, "JobResumed", "Job resumed"), event)]
        case Fate.SUCCEEDING:
            return _end(verdict, "SuccessCriteriaMet", "Complete", Emit("Normal", "Completed", "Job completed"), left)
        case Fate.FAILING:
            event = Emit("Warning", verdict.reason, verdict.message)
            return _end(verdict, "FailureTarget", "Failed", event, left)
        case _:
            return []


def _end(verdict: Verdict, first: str, last: str, event: Emit, left: bool) -> list[tuple[Condition, Emit | None]]:
    news: list[tuple[Condition, Emit | None]] = [(Condition(first, True, verdict.reason, verdict.message), None)]
    if not left:
        news.append((Condition(last, True, verdict.reason, verdict.message), event))
    return news


def _given_up(world: World, verdict: Verdict) -> int:
    """How many pods are ended because their Job fails: each is a failure, told with the verdict."""
    if verdict.fate is not Fate.FAILING or find_condition(world.conditions, "FailureTarget") is not None:
        return 0
    before = {name: int(world.status.get(name) or 0) for name in COUNTS}
    ended = world.succeeded - before["succeeded"] + world.failed - before["failed"]
    return max(0, before["active"] - ended)


def _counted(world: World, given_up: int) -> Json:
    """The status with the numbers of its pods; numbers that are zero are left out, as a server does."""
    counts = {
        "active": len(world.active),
        "succeeded": world.succeeded,
        "failed": world.failed + given_up,
    }
    status = {key: value for key, value in world.status.items() if key not in COUNTS}
    status |= {name: count for name, count in counts.items() if count}
    status["ready"] = sum(pods.is_ready(pod) for pod in world.pods)
    status["terminating"] = sum(pods.is_terminating(pod) for pod in world.pods)
    status["uncountedTerminatedPods"] = {}
    if world.is_indexed:
        status["completedIndexes"] = indexed.render(indexed.completed(world.status, world.pods))
    return status
