"""What trials wait for, as their pods and Jobs tell it: room on the node, or the next attempt after a failure. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from katib_apis.v1beta1 import names

Json = Mapping[str, Any]
INSUFFICIENT = re.compile(r"Insufficient (\S+?)[.,]?(?:\s|$)")
WORDS = {"cpu": "CPU", "nvidia.com/gpu": "GPU"}


@dataclass(frozen=True)
class Retry:
    """A trial whose pod failed: `at` is when the next attempt begins, None when it has begun."""

    trial: str
    failed: int
    most: int
    at: datetime | None = None


@dataclass(frozen=True)
class Waits:
    """What the trials of one Experiment wait for; `lacking` has one word for each pod that no node has room for."""

    lacking: tuple[str, ...] = ()
    retries: tuple[Retry, ...] = ()


def active_trials(experiment: Json) -> set[str]:
    """Names of the trials that are not over."""
    status = experiment.get("status") or {}
    return {*(status.get("runningTrialList") or ()), *(status.get("pendingTrialList") or ())}


def find_waits(trials: set[str], pods: Sequence[Json], jobs: Sequence[Json]) -> Waits:
    """What these trials wait for; pods and jobs of others are passed over."""
    own = [pod for pod in pods if trial_of(pod) in trials]
    lacking = tuple(sorted(word for pod in own if (word := _lacks(pod))))
    retried = [job for job in jobs if job["metadata"]["name"] in trials and (job.get("status") or {}).get("failed")]
    return Waits(lacking, tuple(_retry(job, own) for job in retried))


def trial_of(pod: Json) -> str:
    return str((pod["metadata"].get("labels") or {}).get(names.LABEL_TRIAL) or "")


def has_failed(pod: Json) -> bool:
    return bool((pod.get("status") or {}).get("phase") == "Failed")


def _lacks(pod: Json) -> str:
    """What a pod that is not placed waits for, in one word; empty when it is placed."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            found = INSUFFICIENT.search(str(condition.get("message") or ""))
            return WORDS.get(found[1], found[1]) if found else "a node"
    return ""


def _retry(job: Json, pods: Sequence[Json]) -> Retry:
    """The rules of batch/v1 say when the next attempt begins; they are loaded when something has failed."""
    from katib_local.workloads.job import next_attempt_at
    from katib_local.workloads.job_world import World
    from katib_local.workloads.verdict import BACKOFF_LIMIT
    from katib_machinery.objects import Unstructured

    name = job["metadata"]["name"]
    world = World(Unstructured(dict(job)), [Unstructured(dict(pod)) for pod in pods if trial_of(pod) == name])
    limit = world.spec.get("backoffLimit")
    at = next_attempt_at(world) if not world.active else None
    return Retry(name, world.failed, 1 + (BACKOFF_LIMIT if limit is None else int(limit)), at)
