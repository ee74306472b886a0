"""What a Deployment does next: one ReplicaSet of its template, and as many pods as it wants. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from katib_local.workloads.job import ALPHABET, ENDED, desired_pod, has_condition, phase, render_time, suffix
from katib_machinery.objects import DEPLOYMENTS, PODS, Resource, Unstructured
from katib_machinery.plan import Action, Create, Delete, Emit, Plan, UpdateStatus

Json = dict[str, Any]
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
HASH_LABEL = "pod-template-hash"


@dataclass(frozen=True)
class World:
    """One Deployment, its ReplicaSets and their pods."""

    deployment: Unstructured
    replica_sets: Sequence[Unstructured]
    pods: Mapping[str, Sequence[Unstructured]]


def decide(world: World, now: datetime) -> Plan:
    """The next step of a Deployment."""
    deployment = world.deployment
    if deployment.deletion_timestamp is not None:
        return Plan()
    wanted = desired_replica_set(deployment)
    current = next((held for held in world.replica_sets if held.name == wanted.name), None)
    outdated = [held for held in world.replica_sets if held.name != wanted.name and held.deletion_timestamp is None]
    actions: list[Action] = [Delete(REPLICA_SETS, held) for held in outdated]
    if current is None:
        emit = Emit("Normal", "ScalingReplicaSet", f"Scaled up replica set {wanted.name} to {_replicas(deployment)}")
        return Plan((*actions, Create(REPLICA_SETS, wanted), emit))
    pods = world.pods.get(current.uid, ())
    living = [pod for pod in pods if phase(pod) not in ENDED and pod.deletion_timestamp is None]
    actions += [Delete(PODS, pod) for pod in pods if phase(pod) in ENDED and pod.deletion_timestamp is None]
    missing = _replicas(deployment) - len(living)
    actions += [Create(PODS, desired_pod(current, name)) for name in _names(current, pods, missing)]
    actions += [Delete(PODS, pod) for pod in living[_replicas(deployment) :]]
    ready = sum(has_condition(pod, "Ready") for pod in living)
    actions.append(_replica_set_status(current, len(living), ready))
    actions.append(_deployment_status(deployment, len(living), ready, now))
    return Plan(tuple(actions))


def _replicas(deployment: Unstructured) -> int:
    replicas = deployment.raw["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def desired_replica_set(deployment: Unstructured) -> Unstructured:
    """The ReplicaSet of a Deployment's template; its name says which template."""
    spec = deployment.raw["spec"]
    template = spec.get("template") or {}
    digest = hashlib.sha256(json.dumps(template, sort_keys=True, default=str).encode()).digest()
    label = "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:10])
    metadata = template.get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), HASH_LABEL: label}
    selector = {"matchLabels": {**((spec.get("selector") or {}).get("matchLabels") or {}), HASH_LABEL: label}}
    owned = desired_pod(deployment, f"{deployment.name[:52]}-{label}").raw["metadata"]
    return Unstructured(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {**owned, "labels": labels, "annotations": {}},
            "spec": {
                "replicas": _replicas(deployment),
                "selector": selector,
                "template": {**template, "metadata": {**metadata, "labels": labels}},
            },
        }
    )


def _names(owner: Unstructured, pods: Sequence[Unstructured], count: int) -> list[str]:
    taken = {pod.name for pod in pods}
    names: list[str] = []
    index = 0
    while len(names) < count:
        name = f"{owner.name[:57]}-{suffix(owner.uid, index)}"
        if name not in taken:
            names.append(name)
        index += 1
    return names


def _replica_set_status(current: Unstructured, replicas: int, ready: int) -> UpdateStatus:
    status = {
        "replicas": replicas,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "observedGeneration": _generation(current),
    }
    return UpdateStatus(REPLICA_SETS, Unstructured({**current.raw, "status": status}))


def _deployment_status(deployment: Unstructured, replicas: int, ready: int, now: datetime) -> UpdateStatus:
    held = (deployment.raw.get("status") or {}).get("conditions") or []
    available = ready >= _replicas(deployment)
    words = ("MinimumReplicasAvailable", "Deployment has minimum availability.")
    if not available:
        words = ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    before = next((entry for entry in held if entry.get("type") == "Available"), None)
    status = "True" if available else "False"
    at = before["lastTransitionTime"] if before is not None and before.get("status") == status else render_time(now)
    condition = {
        "type": "Available",
        "status": status,
        "reason": words[0],
        "message": words[1],
        "lastUpdateTime": at,
        "lastTransitionTime": at,
    }
    new = {
        "observedGeneration": _generation(deployment),
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(0, _replicas(deployment) - ready),
        "conditions": [condition],
    }
    return UpdateStatus(DEPLOYMENTS, Unstructured({**deployment.raw, "status": new}))


def _generation(obj: Unstructured) -> int:
    return int(obj.raw["metadata"].get("generation") or 1)
