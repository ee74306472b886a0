"""What a Job does next: the rules of batch/v1, as far as one machine needs them. Pure.

Pods first, then the status that follows from them: `decide_pods` is carried out, its answers are in the cache, and
`decide_status` tells what is there. A Job that ends is told twice, as in a cluster: what it comes to
(`SuccessCriteriaMet`, `FailureTarget`), and, when its last pod has gone or is counted, that it has (`Complete`, `Failed`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, assert_never

from katib_local.workloads import counting, indexed, pods
from katib_local.workloads.adoption import Claiming
from katib_local.workloads.conditions import Condition, find_condition, holds, set_condition
from katib_local.workloads.job_world import World
from katib_local.workloads.policies import IGNORE
from katib_local.workloads.tracking import TRACKING, is_tracked, let_go, tracked
from katib_local.workloads.verdict import Fate, Verdict, deadline, judge
from katib_machinery.objects import JOBS, PODS, Unstructured, parse_time
from katib_machinery.plan import Action, Create, Delete, Emit, Plan, Requeue, UpdateStatus
from katib_machinery.scalars import format_time

Json = dict[str, Any]
FIRST_BACKOFF, LONGEST_BACKOFF = timedelta(seconds=10), timedelta(minutes=10)
SOON = timedelta(milliseconds=10)
JOB_LABELS = ("batch.kubernetes.io/job-name", "job-name")
UID_LABELS = ("batch.kubernetes.io/controller-uid", "controller-uid")
CLAIMING = Claiming(lambda job: claims_pods(World(job, ())), finalizers=(TRACKING,))
COUNTS = ("active", "ready", "terminating", "succeeded", "failed")


def claims_pods(world: World) -> bool:
    """Whether a Job takes in pods and lets them go: until it has ended."""
    return not world.is_foreign and not any(holds(world.conditions, end) for end in ("Complete", "Failed"))


def decide_pods(world: World, now: datetime) -> Plan:
    """Which pods a Job makes and deletes; after its end, when it goes itself."""
    if world.is_foreign:
        return Plan()
    fate = judge(world, now).fate
    freed = counting.releases(world, fate)
    if world.job.deletion_timestamp is not None:
        return Plan(freed)
    plan = _next(world, fate, now)
    return replace(plan, actions=(*freed, *plan.actions))


def _next(world: World, fate: Fate, now: datetime) -> Plan:
    match fate:
        case Fate.GOING_ON:
            return _fill(world, now)
        case Fate.ENDED:
            return _expire(world, now)
        case Fate.FAILING:
            # First it is told that each of them is a failure: the verdict may hang on their restarts.
            return Plan(_deletions(world.active)) if holds(world.conditions, "FailureTarget") else Plan()
        case Fate.SUSPENDED | Fate.SUCCEEDING:
            return Plan(_withdrawals(world.active))
        case _:
            assert_never(fate)


def _fill(world: World, now: datetime) -> Plan:
    """As many active pods as the Job wants side by side; after a failure only when the pause is over."""
    active = world.active
    wanted = _wanted(world)
    if len(active) > wanted:
        return Plan(_withdrawals(active[wanted:]))
    missing = wanted - len(active) - (len(world.terminating) if world.waits_for_ends else 0)
    if world.is_indexed:
        return _fill_indexes(world, max(0, missing), now)
    wait = _wait(world, now) if missing > 0 else None
    return Plan(requeue=Requeue(wait)) if wait is not None else _creations(_new_pods(world, missing))


def _fill_indexes(world: World, count: int, now: datetime) -> Plan:
    """Pods for the lowest indexes that nobody works for; where each has a limit of its own, each has its own pause."""
    found = list(islice(indexed.missing(world.completions or 0, _taken(world)), count))
    per_index = world.limit_of_index is not None
    waits = {index: _wait(world, now, index if per_index else None) for index in found}
    due = [index for index, wait in waits.items() if wait is None]
    made = _new_pods(world, len(due))
    if not made:
        return Plan(requeue=Requeue(min(wait for wait in waits.values() if wait is not None))) if waits else Plan()
    return _creations([_numbered(world, pod, index) for pod, index in zip(made, due, strict=True)])


def _taken(world: World) -> set[int | None]:
    """Indexes for which nothing is to begin."""
    busy = [*world.active, *(world.terminating if world.waits_for_ends else ())]
    return world.completed_indexes | world.failed_indexes | {indexed.index_of(pod) for pod in busy}


def _numbered(world: World, pod: Unstructured, index: int) -> Unstructured:
    numbered = indexed.numbered(pod, index, world.job)
    if world.limit_of_index is None:
        return numbered
    last = world.last_failure(index)
    return indexed.counted(numbered, last, last is not None and world.action_on(last) == IGNORE)


def _wanted(world: World) -> int:
    found = world.spec.get("parallelism")
    parallelism = 1 if found is None else int(found)
    if world.completions is None:
        # A work queue: when one pod has succeeded there is nothing left to begin.
        return parallelism if not world.succeeded else min(parallelism, len(world.active))
    return min(parallelism, world.completions - world.succeeded)


def next_attempt_at(world: World) -> datetime | None:
    """When the next pod may be made; None when nothing has failed, the pause doubles with each failure."""
    ends = [pods.ended_at(pod) for pod in world.unsuccessful if pod.deletion_timestamp is None]
    return max(ends) + _pause(_failures_so_far(world)) if ends else None


def _wait(world: World, now: datetime, index: int | None = None) -> timedelta | None:
    """How long the next pod, or that of an index with a limit of its own, has to wait; None when it need not."""
    if index is None:
        at, pause = next_attempt_at(world), _pause(_failures_so_far(world))
    else:
        last = world.last_failure(index)
        pause = _pause(1 + indexed.attempts(last)) if last is not None else timedelta(0)
        at = pods.ended_at(last) + pause if last is not None else None
    # Longer than any pause: the clock was set back, and nobody is to wait for the time that comes a second time.
    return max(at - now, SOON) if at is not None and timedelta(0) < at - now <= pause else None


def _failures_so_far(world: World) -> int:
    return max(len(world.unsuccessful), world.failed)


def _pause(failures: int) -> timedelta:
    return min(LONGEST_BACKOFF, FIRST_BACKOFF * (1 << min(max(failures, 1) - 1, 10)))


def _new_pods(world: World, count: int) -> list[Unstructured]:
    job = world.job
    labels = {**dict.fromkeys(JOB_LABELS, job.name), **dict.fromkeys(UID_LABELS, job.uid)}
    if world.spec.get("manualSelector"):
        labels = {}
    own = (f"{pods.pod_prefix(job)}{pod.name.rpartition('-')[2]}" for pod in world.pods)
    begun = world.begun + world.names.passed
    names = islice(pods.fresh_names(job, own, begun, world.names.is_taken), max(0, count))
    return [tracked(pods.desired_pod(job, name, labels)) for name in names]


def _creations(made: Sequence[Unstructured]) -> Plan:
    events = (Emit("Normal", "SuccessfulCreate", f"Created pod: {pod.name}") for pod in made)
    return Plan((*(Create(PODS, pod) for pod in made), *events))


def _deletions(found: Sequence[Unstructured]) -> tuple[Action, ...]:
    events = (Emit("Normal", "SuccessfulDelete", f"Deleted pod: {pod.name}") for pod in found)
    return (*(Delete(PODS, pod) for pod in found), *events)


def _withdrawals(found: Sequence[Unstructured]) -> tuple[Action, ...]:
    """Deletions of pods that do not count: they are let go first."""
    return (*(let_go(pod) for pod in found if is_tracked(pod)), *_deletions(found))


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
    status = _counted(world, verdict.fate)
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
    late = deadline(World(write.obj, world.pods)) if verdict.fate is Fate.GOING_ON else None  # type: ignore[arg-type]
    requeue = Requeue(max(late - now, SOON)) if late is not None else None
    return Plan((write, *events), requeue)


def _news(world: World, verdict: Verdict) -> list[tuple[Condition, Emit | None]]:
    """The conditions that a verdict brings, each with the event that goes with its first time."""
    left = any(not pods.is_finished(pod) or is_tracked(pod) for pod in world.pods)
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


def _given_up(world: World, fate: Fate) -> int:
    """How many pods that nothing holds are ended because their Job fails: each is a failure, told with the verdict."""
    if fate is not Fate.FAILING or holds(world.conditions, "FailureTarget"):
        return 0
    return sum(not is_tracked(pod) for pod in world.active)


def _counted(world: World, fate: Fate) -> Json:
    """The status with the numbers of its pods; numbers that are zero are left out, as a server does."""
    doomed = world.active if fate is Fate.FAILING else []
    counts = counting.counts(world, fate)
    numbers = {
        "active": len(world.active) - len(doomed),
        "succeeded": counts["succeeded"],
        "failed": counts["failed"] + _given_up(world, fate),
    }
    status = {key: value for key, value in world.status.items() if key not in COUNTS}
    status |= {name: count for name, count in numbers.items() if count}
    status["ready"] = 0 if doomed else sum(pods.is_ready(pod) for pod in world.pods)
    status["terminating"] = len(world.terminating) + len(doomed)
    status["uncountedTerminatedPods"] = counts["uncountedTerminatedPods"]
    if world.completed_indexes:
        status["completedIndexes"] = indexed.render(world.completed_indexes)
    if world.limit_of_index is not None:
        status["failedIndexes"] = indexed.render(world.failed_indexes)
    return status
