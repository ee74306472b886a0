"""What a Job comes to: whether it goes on, waits, succeeds or fails, and in which words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from katib_local.workloads import pods
from katib_local.workloads.conditions import find_condition, holds
from katib_local.workloads.job_world import World
from katib_local.workloads.policies import FAIL_JOB, match_failure, met_success
from katib_machinery.objects import parse_time

BACKOFF_LIMIT = 6


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


def judge(world: World, now: datetime) -> Verdict:
    """What a Job comes to. What was said once stays said."""
    if holds(world.conditions, "Complete") or holds(world.conditions, "Failed"):
        return Verdict(Fate.ENDED)
    for type_, fate in (("FailureTarget", Fate.FAILING), ("SuccessCriteriaMet", Fate.SUCCEEDING)):
        told = find_condition(world.conditions, type_)
        if told is not None and told.get("status") == "True":
            return Verdict(fate, str(told.get("reason")), str(told.get("message")))
    if (failed := _by_failures(world)) is not None:
        return failed
    if met := met_success(world.spec.get("successPolicy"), world.completed_indexes):
        return Verdict(Fate.SUCCEEDING, "SuccessPolicy", met)
    if _is_complete(world):
        return Verdict(Fate.SUCCEEDING, "CompletionsReached", "Reached expected number of succeeded pods")
    if world.spec.get("suspend"):
        return Verdict(Fate.SUSPENDED)
    if (late := deadline(world)) is not None and now >= late:
        return Verdict(Fate.FAILING, "DeadlineExceeded", "Job was active longer than specified deadline")
    return Verdict(Fate.GOING_ON)


def _by_failures(world: World) -> Verdict | None:
    """Whether its pods' failures end a Job: a rule's word first, then its own limit, then that of its indexes."""
    rules = world.spec.get("podFailurePolicy")
    for pod in sorted(world.pods, key=lambda pod: pod.name):
        found = match_failure(rules, pod) if pods.phase(pod) == pods.FAILED else None
        if found is not None and found.action == FAIL_JOB:
            return Verdict(Fate.FAILING, "PodFailurePolicy", found.message)
    if _past_backoff_limit(world):
        return Verdict(Fate.FAILING, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    most, failed = world.spec.get("maxFailedIndexes"), len(world.failed_indexes)
    if most is not None and failed > int(most):
        words = "Job has exceeded the specified maximal number of failed indexes"
        return Verdict(Fate.FAILING, "MaxFailedIndexesExceeded", words)
    if failed and failed + world.succeeded >= (world.completions or 0):
        return Verdict(Fate.FAILING, "FailedIndexes", "Job has failed indexes")
    return None


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


def deadline(world: World) -> datetime | None:
    started, seconds = parse_time(world.status.get("startTime")), world.spec.get("activeDeadlineSeconds")
    return None if started is None or seconds is None else started + timedelta(seconds=int(seconds))
