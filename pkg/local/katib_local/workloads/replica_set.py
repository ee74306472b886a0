"""What a ReplicaSet does next: as many pods of its template as it wants. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from katib_local.workloads import pods
from katib_local.workloads.adoption import Claiming
from katib_local.workloads.conditions import Condition, set_condition
from katib_local.workloads.names import NONE_USED, Names
from katib_machinery.objects import PODS, Resource, Unstructured
from katib_machinery.plan import Action, Create, Delete, Emit, Plan, Requeue, UpdateStatus

REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
REPLICA_FAILURE = "ReplicaFailure"
PAUSE = timedelta(seconds=10)
CLAIMING = Claiming(claimable=pods.is_active)


@dataclass(frozen=True)
class World:
    """One ReplicaSet and the pods that it controls."""

    replica_set: Unstructured
    pods: Sequence[Unstructured]
    failure: str = ""
    names: Names = NONE_USED

    @property
    def active(self) -> list[Unstructured]:
        return [pod for pod in self.pods if pods.is_active(pod)]


def replicas(obj: Unstructured) -> int:
    """How many pods a ReplicaSet or a Deployment wants."""
    found = (obj.raw.get("spec") or {}).get("replicas")
    return 1 if found is None else int(found)


def decide_pods(world: World, now: datetime) -> Plan:
    """Make what is missing, delete what is too much and what has ended."""
    owner = world.replica_set
    if owner.deletion_timestamp is not None:
        return Plan()
    active, wanted = world.active, replicas(owner)
    ended = [pod for pod in world.pods if pods.is_finished(pod) and pod.deletion_timestamp is None]
    if len(active) > wanted:
        surplus = sorted(active, key=lambda pod: (pods.is_ready(pod), pod.name))[: len(active) - wanted]
        return Plan((*_deletions(surplus), *(Delete(PODS, pod) for pod in ended)))
    missing = wanted - len(active)
    wait = _pause_ends(ended, now) - now if missing else timedelta(0)
    if wait > timedelta(0):
        return Plan(requeue=Requeue(wait))
    made = [pods.desired_pod(owner, name, {}) for name in islice(_fresh_names(world), missing)]
    events = (Emit("Normal", "SuccessfulCreate", f"Created pod: {pod.name}") for pod in made)
    return Plan((*(Delete(PODS, pod) for pod in ended), *(Create(PODS, pod) for pod in made), *events))


def _fresh_names(world: World) -> Iterator[str]:
    begun = len(world.pods) + world.names.gone + world.names.passed
    return pods.fresh_names(world.replica_set, (pod.name for pod in world.pods), begun, world.names.is_taken)


def _pause_ends(ended: Sequence[Unstructured], now: datetime) -> datetime:
    """A pod that ends although it should not is not replaced in a tight loop, unless its node was interrupted."""
    ends = (pods.finished_at(pod) or pod.creation_timestamp for pod in ended if not pods.was_disrupted(pod))
    return max((end + PAUSE for end in ends if end is not None), default=now)


def _deletions(found: Sequence[Unstructured]) -> tuple[Action, ...]:
    events = (Emit("Normal", "SuccessfulDelete", f"Deleted pod: {pod.name}") for pod in found)
    return (*(Delete(PODS, pod) for pod in found), *events)


def decide_status(world: World, now: datetime) -> Plan:
    """What a ReplicaSet tells of itself, with the reason for which it could not make a pod, if there is one."""
    owner, active = world.replica_set, world.active
    if owner.deletion_timestamp is not None:
        return Plan()
    ready = sum(pods.is_ready(pod) for pod in active)
    span = timedelta(seconds=int((owner.raw.get("spec") or {}).get("minReadySeconds") or 0))
    due = [since + span for pod in active if (since := pods.ready_since(pod)) is not None]
    available = sum(at <= now for at in due)
    counts = {"fullyLabeledReplicas": len(active), "readyReplicas": ready, "availableReplicas": available}
    status: dict[str, Any] = {"replicas": len(active), **{name: count for name, count in counts.items() if count}}
    status["observedGeneration"] = generation(owner)
    status["terminatingReplicas"] = sum(pods.is_terminating(pod) for pod in world.pods)
    if world.failure:
        failure = Condition(REPLICA_FAILURE, True, "FailedCreate", world.failure)
        status["conditions"] = set_condition(pods.conditions_of(owner), failure, now)
    later = min((at - now for at in due if at > now), default=None)
    write = UpdateStatus(REPLICA_SETS, Unstructured({**owner.raw, "status": status}))
    return Plan((write,), Requeue(later) if later is not None else None)


def generation(obj: Unstructured) -> int:
    return int(obj.raw["metadata"].get("generation") or 1)
