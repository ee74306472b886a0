"""Which volume each claim gets, and what both say of it. Pure.

A claim that names no class and for which there is nothing gets a volume of its own: the node's directory for it. A pod
does not wait for its claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from katib_machinery.objects import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, Resource, Unstructured
from katib_machinery.scalars import format_time, parse_quantity

Json = dict[str, Any]
BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
COMPLETED = "pv.kubernetes.io/bind-completed"
PROVISIONED, PROVISIONER = "pv.kubernetes.io/provisioned-by", "katib/laptop"


@dataclass(frozen=True)
class Change:
    """A merge patch of an object, or of its status."""

    resource: Resource
    obj: Unstructured
    patch: Json
    subresource: str | None = None


@dataclass(frozen=True)
class Bindings:
    """What is to be written, in this order, which volumes are made, and which go with the claims that they belonged to."""

    changes: Sequence[Change] = ()
    made: Sequence[Unstructured] = ()
    doomed: Sequence[Unstructured] = ()


def bind(
    claims: Sequence[Unstructured], volumes: Sequence[Unstructured], now: datetime, storage: PurePath | None = None
) -> Bindings:
    """Bring claims and volumes together, oldest claim first; free and release the volumes of nobody.

    `storage` is where the node has a directory for each claim, by namespace and name; without it no volume is made.
    """
    free = {volume.name: volume for volume in volumes if volume.deletion_timestamp is None}
    changes: list[Change] = []
    made: list[Unstructured] = []
    for claim in sorted(claims, key=lambda held: (held.raw["metadata"].get("creationTimestamp") or "", held.key)):
        volume = _volume_for(claim, free.values())
        if volume is not None:
            del free[volume.name]
            changes += [*_bound_volume(volume, claim, now), *_bound_claim(claim, volume)]
        elif COMPLETED in _annotations(claim):
            changes += _phase(PERSISTENT_VOLUME_CLAIMS, claim, {"phase": "Lost"})
        elif storage is not None and _wants_any(claim):
            made.append(_made_volume(claim, storage))
    doomed = [volume for volume in free.values() if _claimed(volume).get("uid") and _reclaim(volume) == "Delete"]
    changes += [change for volume in free.values() if volume not in doomed for change in _of_nobody(volume, now)]
    return Bindings(changes, made, doomed)


def _wants_any(claim: Unstructured) -> bool:
    """Whether a claim leaves it to the cluster what volume it gets."""
    return claim.deletion_timestamp is None and not _spec(claim).keys() & {"storageClassName", "volumeName", "selector"}


def _made_volume(claim: Unstructured, storage: PurePath) -> Unstructured:
    """The directory that a claim's pods see; it stays when the claim goes."""
    wanted = _spec(claim)
    spec = {name: wanted[name] for name in ("accessModes", "volumeMode") if name in wanted}
    spec |= {"capacity": (wanted.get("resources") or {}).get("requests"), "persistentVolumeReclaimPolicy": "Delete"}
    spec |= {"hostPath": {"path": str(storage / claim.namespace / claim.name)}, "claimRef": _reference(claim)}
    metadata = {"name": f"pvc-{claim.uid}", "annotations": {PROVISIONED: PROVISIONER}}
    return Unstructured({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec})


def _volume_for(claim: Unstructured, free: Iterable[Unstructured]) -> Unstructured | None:
    """The volume that is the claim's, is kept for it, or is the smallest that fits."""
    found = sorted(free, key=lambda volume: (_capacity(volume), volume.name))
    named = _spec(claim).get("volumeName")
    own = [volume for volume in found if _claimed(volume).get("uid") == claim.uid]
    if named or own:
        chosen = [volume for volume in found if volume.name == named and _is_open(volume, claim)]
        return next(iter((*own, *chosen)), None)
    kept = [volume for volume in found if _claimed(volume) and _is_open(volume, claim)]
    return next((volume for volume in (*kept, *found) if _is_open(volume, claim) and _fits(volume, claim)), None)


def _is_open(volume: Unstructured, claim: Unstructured) -> bool:
    """Whether a volume is nobody's, or was set aside for a claim of this name."""
    kept = _claimed(volume)
    place = (kept.get("namespace"), kept.get("name"))
    return not kept or (not kept.get("uid") and place == (claim.namespace, claim.name))


def _fits(volume: Unstructured, claim: Unstructured) -> bool:
    offered, wanted = _spec(volume), _spec(claim)
    selector = wanted.get("selector") or {}
    labels = volume.raw["metadata"].get("labels") or {}
    return (
        (offered.get("storageClassName") or "") == (wanted.get("storageClassName") or "")
        and offered.get("volumeMode") == wanted.get("volumeMode")
        and set(wanted.get("accessModes") or ()) <= set(offered.get("accessModes") or ())
        and _capacity(volume) >= _amount((wanted.get("resources") or {}).get("requests"))
        and not selector.get("matchExpressions")
        and (selector.get("matchLabels") or {}).items() <= labels.items()
    )


def _bound_volume(volume: Unstructured, claim: Unstructured, now: datetime) -> Iterator[Change]:
    if _claimed(volume).get("uid") != claim.uid:
        yield _marked(PERSISTENT_VOLUMES, volume, {"claimRef": _reference(claim)}, _marks(bool(_claimed(volume))))
    yield from _phase(PERSISTENT_VOLUMES, volume, {"phase": "Bound"}, now)


def _reference(claim: Unstructured) -> Json:
    identity = {"namespace": claim.namespace, "name": claim.name, "uid": claim.uid}
    version = claim.raw["metadata"].get("resourceVersion")
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **identity, "resourceVersion": version}


def _bound_claim(claim: Unstructured, volume: Unstructured) -> Iterator[Change]:
    named = bool(_spec(claim).get("volumeName"))
    marks = {COMPLETED: "yes", **_marks(named)}
    if COMPLETED not in _annotations(claim):
        yield _marked(PERSISTENT_VOLUME_CLAIMS, claim, {"volumeName": volume.name}, marks)
    offered = _spec(volume)
    told = {"phase": "Bound", "accessModes": offered.get("accessModes"), "capacity": offered.get("capacity")}
    yield from _phase(PERSISTENT_VOLUME_CLAIMS, claim, told)


def _of_nobody(volume: Unstructured, now: datetime) -> Iterator[Change]:
    phase = "Released" if _claimed(volume).get("uid") else "Available"
    yield from _phase(PERSISTENT_VOLUMES, volume, {"phase": phase}, now)


def _marks(chosen: bool) -> Json:
    """Which of the two was chosen by the user carries no mark of the controller."""
    return {} if chosen else {BY_CONTROLLER: "yes"}


def _marked(resource: Resource, obj: Unstructured, spec: Json, marks: Json) -> Change:
    metadata = {"annotations": marks} if marks else {}
    return Change(resource, obj, {"metadata": metadata, "spec": spec})


def _phase(resource: Resource, obj: Unstructured, told: Json, now: datetime | None = None) -> Iterator[Change]:
    held = obj.raw.get("status") or {}
    if any(held.get(name) != value for name, value in told.items()):
        time = {"lastPhaseTransitionTime": format_time(now)} if now is not None else {}
        yield Change(resource, obj, {"status": {**told, **time}}, "status")


def _spec(obj: Unstructured) -> Mapping[str, Any]:
    return obj.raw.get("spec") or {}


def _annotations(obj: Unstructured) -> Mapping[str, Any]:
    return obj.raw["metadata"].get("annotations") or {}


def _claimed(volume: Unstructured) -> Mapping[str, Any]:
    return _spec(volume).get("claimRef") or {}


def _reclaim(volume: Unstructured) -> Any:
    return _spec(volume).get("persistentVolumeReclaimPolicy")


def _capacity(volume: Unstructured) -> Decimal:
    return _amount(_spec(volume).get("capacity"))


def _amount(resources: Mapping[str, Any] | None) -> Decimal:
    return parse_quantity((resources or {}).get("storage") or 0)
