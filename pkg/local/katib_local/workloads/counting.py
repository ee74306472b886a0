"""Which ends of its pods a Job tells next, which pods it lets go, and what it has counted. Pure.

`tracking` says in which order and why.
"""

from __future__ import annotations

from typing import Any

from katib_local.workloads import indexed, pods, tracking
from katib_local.workloads.job_world import World
from katib_local.workloads.tracking import Ends
from katib_local.workloads.verdict import Fate
from katib_machinery.objects import Unstructured
from katib_machinery.plan import SetFinalizers

Json = dict[str, Any]


def untold(world: World, fate: Fate) -> Ends:
    """Pods whose end is to be told, by name; of an indexed Job its indexes tell who has succeeded.

    When a Job fails, each of its pods that has not ended has failed.
    """
    needed = _needed(world, fate)
    new = sorted((pod for pod in world.pods if world.is_new(pod) and pod.uid not in needed), key=lambda pod: pod.name)
    failures = {pod.uid for pod in world.failures}
    failed = [pod for pod in new if pod.uid in failures or (fate is Fate.FAILING and not pods.is_finished(pod))]
    succeeded = [] if world.is_indexed else [pod for pod in new if pods.phase(pod) == pods.SUCCEEDED]
    return Ends(succeeded, failed)


def _needed(world: World, fate: Fate) -> set[str]:
    """Failed pods of indexes with a limit of their own that are tried again: the next pod learns from them how often."""
    if fate is not Fate.GOING_ON or world.limit_of_index is None:
        return set()
    settled = world.completed_indexes | world.failed_indexes | {indexed.index_of(pod) for pod in world.active}
    open_ = {index for pod in world.unsuccessful if (index := indexed.index_of(pod)) is not None} - settled
    return {last.uid for index in open_ if (last := world.last_failure(index)) is not None}


def releases(world: World, fate: Fate) -> tuple[SetFinalizers, ...]:
    """Pods that need not be held: what they have come to is told, or counts for nothing."""
    held = sorted(filter(tracking.is_tracked, world.pods), key=lambda pod: pod.name)
    if fate is not Fate.ENDED and world.job.deletion_timestamp is None:
        waiting = untold(world, fate).uids | _needed(world, fate)
        done = indexed.parse(str(world.status.get("completedIndexes") or ""))
        held = [pod for pod in held if pod.uid not in waiting and _is_over(world, fate, pod, done)]
    return tuple(map(tracking.let_go, held))


def _is_over(world: World, fate: Fate, pod: Unstructured, done: set[int]) -> bool:
    """Whether a pod that is not to be told can go: one that still runs is deleted first, and told if that is a failure."""
    if world.is_told(pod):
        return not pods.is_active(pod)
    index = indexed.index_of(pod)
    if pods.phase(pod) == pods.SUCCEEDED and index in world.completed_indexes:
        return index in done
    return pods.is_finished(pod) or (fate is Fate.SUCCEEDING and pods.is_terminating(pod))


def counts(world: World, fate: Fate) -> Json:
    """What a Job's status says of pods that have ended."""
    held = {pod.uid for pod in world.pods if tracking.is_tracked(pod)}
    uncounted, counted = tracking.tell(world.told, untold(world, fate), held)
    succeeded = world.counted("succeeded", world.successes) + counted["succeeded"]
    failed = world.counted("failed", world.failures) + counted["failed"]
    return {
        "succeeded": world.succeeded if world.is_indexed else succeeded,
        "failed": failed,
        "uncountedTerminatedPods": uncounted,
    }
