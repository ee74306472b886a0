"""How a pod is held until its Job has counted it: a finalizer, and what the Job's status says of it. Pure.

A pod that has ended is told first (its uid stands in `uncountedTerminatedPods`), then let go, then counted. So each
pod is counted once, whoever deletes it and whenever the controller is killed: who has been told is not told again, and
who is told and let go has only to be counted. Knows pods. Must not know what a pod's end means for its Job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from katib_machinery.objects import PODS, Unstructured
from katib_machinery.plan import SetFinalizers

TRACKING = "batch.kubernetes.io/job-tracking"
MOST = 500
"""So many pods are told and not counted at a time, at most: they make a status long."""
Told = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Ends:
    """Pods of one Job that have ended and are to be told, by what they have come to."""

    succeeded: Sequence[Unstructured]
    failed: Sequence[Unstructured]

    @property
    def uids(self) -> set[str]:
        return {pod.uid for pod in (*self.succeeded, *self.failed)}


def is_tracked(pod: Unstructured) -> bool:
    """Whether a pod is held until it is counted."""
    return TRACKING in pod.finalizers


def tracked(pod: Unstructured) -> Unstructured:
    """The new pod that will be held."""
    finalizers = [*(name for name in pod.finalizers if name != TRACKING), TRACKING]
    return Unstructured({**pod.raw, "metadata": {**pod.raw["metadata"], "finalizers": finalizers}})


def let_go(pod: Unstructured) -> SetFinalizers:
    return SetFinalizers(PODS, pod, tuple(name for name in pod.finalizers if name != TRACKING))


def told(status: Mapping[str, Any]) -> Told:
    """The uids of pods that a Job's status tells of and does not count yet."""
    found: Told = status.get("uncountedTerminatedPods") or {}
    return {outcome: found.get(outcome) or () for outcome in ("succeeded", "failed")}


def tell(before: Told, ends: Ends, held: set[str]) -> tuple[dict[str, list[str]], dict[str, int]]:
    """What to tell next, and how many of the pods that were told are counted with it: those that nothing holds any more."""
    kept = {outcome: [uid for uid in uids if uid in held] for outcome, uids in before.items()}
    counted = {outcome: len(before[outcome]) - len(kept[outcome]) for outcome in before}
    room = MOST - sum(map(len, kept.values()))
    new = [("succeeded", pod.uid) for pod in ends.succeeded] + [("failed", pod.uid) for pod in ends.failed]
    for outcome, uid in new[: max(0, room)]:
        kept[outcome].append(uid)
    return {outcome: uids for outcome, uids in kept.items() if uids}, counted
