"""Pods as their controllers see them: what a pod has come to, and how one is made from a template. Pure.

Must not know what kind of owner asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from katib_machinery.frozen import deep_copy
from katib_machinery.objects import Unstructured, parse_time

Json = dict[str, Any]
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
SUFFIX_LENGTH = 5
LONGEST_PREFIX = 58
SUCCEEDED, FAILED = "Succeeded", "Failed"
DISRUPTION = "DisruptionTarget"
INTERRUPTED = "NodeRestarted"
"""Why a container has ended, in its node's words, that its node's restart has ended."""


def phase(pod: Unstructured) -> str:
    """Pending until its node says otherwise."""
    return str(_status(pod).get("phase") or "Pending")


def is_finished(pod: Unstructured) -> bool:
    return phase(pod) in (SUCCEEDED, FAILED)


def is_terminating(pod: Unstructured) -> bool:
    """Whether a pod was deleted and its processes may still run."""
    return pod.deletion_timestamp is not None and not is_finished(pod)


def is_stopped(pod: Unstructured) -> bool:
    """Whether a pod was deleted before its end, and no node has still to stop it."""
    return is_terminating(pod) and not pod.deletion_grace_period_seconds


def is_active(pod: Unstructured) -> bool:
    """Whether a pod runs or will run."""
    return not is_finished(pod) and pod.deletion_timestamp is None


def is_ready(pod: Unstructured) -> bool:
    return is_active(pod) and condition_status(pod, "Ready") == "True"


def was_disrupted(pod: Unstructured) -> bool:
    """Whether a pod failed through no fault of its own: its node was interrupted."""
    return phase(pod) == FAILED and condition_status(pod, DISRUPTION) == "True"


def condition_status(obj: Unstructured, type_: str) -> str:
    """Status of a condition, empty when there is none of that type."""
    found = next((entry for entry in conditions_of(obj) if entry.get("type") == type_), None)
    return str(found.get("status")) if found else ""


def conditions_of(obj: Unstructured) -> Sequence[Mapping[str, Any]]:
    return _status(obj).get("conditions") or ()


def ready_since(pod: Unstructured) -> datetime | None:
    """When a ready pod became ready."""
    found = next((entry for entry in conditions_of(pod) if entry.get("type") == "Ready"), None)
    return parse_time(found.get("lastTransitionTime")) if found and is_ready(pod) else None


def restarts(pod: Unstructured) -> int:
    """How often its containers were started again; of each not the latest time, when that was for its node's restart."""
    return sum(map(_own_restarts, _container_statuses(pod)))


def _own_restarts(entry: Mapping[str, Any]) -> int:
    last = (entry.get("lastState") or {}).get("terminated") or {}
    return max(0, int(entry.get("restartCount") or 0) - (last.get("reason") == INTERRUPTED))


def finished_at(pod: Unstructured) -> datetime | None:
    """When the last of its containers ended; None when its node did not say."""
    ends = [parse_time((_terminated(entry) or {}).get("finishedAt")) for entry in _container_statuses(pod)]
    return max((end for end in ends if end is not None), default=None)


def ended_at(pod: Unstructured) -> datetime:
    """When a pod has ended: by its node's word, else when it was deleted, else when it was made."""
    deleted, grace = pod.deletion_timestamp, timedelta(seconds=pod.deletion_grace_period_seconds)
    end = finished_at(pod) or (deleted - grace if deleted is not None else pod.creation_timestamp)
    assert end is not None
    return end


def exit_codes(pod: Unstructured) -> Iterator[tuple[str, int]]:
    """Name and exit code of each container that has ended, init containers last."""
    status = _status(pod)
    for entry in (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())):
        if (terminated := _terminated(entry)) is not None:
            yield str(entry.get("name")), int(terminated.get("exitCode") or 0)


def _status(obj: Unstructured) -> Mapping[str, Any]:
    return obj.raw.get("status") or {}


def _container_statuses(pod: Unstructured) -> list[Mapping[str, Any]]:
    status = _status(pod)
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _terminated(entry: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = (entry.get("state") or {}).get("terminated")
    return found


def fresh_names(
    owner: Unstructured, own: Iterable[str], begun: int = 0, is_taken: Callable[[str], bool] = lambda name: False
) -> Iterator[str]:
    """Names for an owner's new pods, the same ones for the same world: a pod that is created twice is one pod.

    `own` are the names of its pods, and `begun` is how many it has had: also those that are gone keep their names for
    themselves. `is_taken` tells of others' pods.
    """
    used, number = set(own), begun
    while True:
        digest = hashlib.sha256(f"{owner.uid}/{number}".encode()).digest()
        suffix = "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:SUFFIX_LENGTH])
        name = f"{pod_prefix(owner)}{suffix}"
        if name not in used and not is_taken(name):
            used.add(name)
            yield name
        number += 1


def pod_prefix(owner: Unstructured) -> str:
    return f"{owner.name}-"[:LONGEST_PREFIX]


def desired_pod(owner: Unstructured, name: str, labels: Mapping[str, str]) -> Unstructured:
    """A pod of an owner's template, with the labels by which the owner is found."""
    template = owner.raw["spec"].get("template") or {}
    metadata = deep_copy(dict(template.get("metadata") or {}))
    metadata.update(
        name=name,
        generateName=pod_prefix(owner),
        namespace=owner.namespace,
        labels={**(metadata.get("labels") or {}), **labels},
        ownerReferences=[owner_reference(owner)],
    )
    metadata.pop("creationTimestamp", None)
    spec = deep_copy(dict(template.get("spec") or {}))
    return Unstructured({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def owner_reference(owner: Unstructured) -> Json:
    return {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
