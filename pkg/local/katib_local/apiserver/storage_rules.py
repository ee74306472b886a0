"""What claims of storage and the volumes behind them may not say. Pure. Yields pairs of field and text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.errors import shown, unsupported
from katib_local.apiserver.metadata import SUBDOMAIN, SUBDOMAIN_WORDS
from katib_local.apiserver.selectors import selector_problems
from katib_machinery.scalars import parse_quantity

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
ALONE = "ReadWriteOncePod"
MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", ALONE)
VOLUME_MODES = ("Block", "Filesystem")
RECLAIM = ("Delete", "Recycle", "Retain")
NO_SOURCES = (
    *("accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity", "persistentVolumeReclaimPolicy"),
    *("storageClassName", "volumeAttributesClassName", "volumeMode"),
)


def claim_problems(spec: Json) -> Problems:
    """What is wrong with a PersistentVolumeClaim."""
    modes = spec.get("accessModes") or []
    if not modes:
        yield "spec.accessModes", "Required value: at least 1 access mode is required"
    yield from _modes(modes)
    if spec.get("selector") is not None:
        yield from selector_problems(spec["selector"], "spec.selector")
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if asked is None:
        yield "spec.resources[storage]", "Required value"
    elif parse_quantity(asked) <= 0:
        yield "spec.resources[storage]", f"Invalid value: {shown(asked)}: must be greater than zero"
    yield from _class_and_mode(spec)


def _modes(modes: list[str]) -> Problems:
    for mode in modes:
        yield from unsupported("spec.accessModes", mode, MODES)
    if ALONE in modes and len(modes) > 1:
        yield "spec.accessModes", f"Forbidden: may not use {ALONE} with other access modes"


def _class_and_mode(spec: Json) -> Problems:
    name = spec.get("storageClassName") or ""
    if name and not SUBDOMAIN.fullmatch(name):
        yield "spec.storageClassName", f"Invalid value: {shown(name)}: {SUBDOMAIN_WORDS}"
    yield from unsupported("spec.volumeMode", spec.get("volumeMode"), VOLUME_MODES)


def volume_object_problems(spec: Json) -> Problems:
    """What is wrong with a PersistentVolume."""
    if not spec.get("accessModes"):
        yield "spec.accessModes", "Required value"
    yield from _modes(spec.get("accessModes") or [])
    yield from _capacity(spec.get("capacity") or {})
    sources = sorted((key for key in spec if key not in NO_SOURCES), key=lambda key: (key != "hostPath", key))
    if not sources:
        yield "spec", "Required value: must specify a volume type"
    for name in sources[1:]:
        yield f"spec.{name}", "Forbidden: may not specify more than 1 volume type"
    yield from _source(spec)
    yield from unsupported("spec.persistentVolumeReclaimPolicy", spec.get("persistentVolumeReclaimPolicy"), RECLAIM)
    yield from _class_and_mode(spec)


def _capacity(capacity: Json) -> Problems:
    if not capacity:
        yield "spec.capacity", "Required value"
    if list(capacity) != ["storage"]:
        yield "spec.capacity", f'Unsupported value: {shown(capacity or None)}: supported values: "storage"'
    for name, text in sorted(capacity.items()):
        path, amount = f"spec.capacity[{name}]", parse_quantity(text)
        if amount < 0:
            yield path, f"Invalid value: {text}: must be a valid resource quantity"
        if amount <= 0:
            yield path, f"Invalid value: {shown(text)}: must be greater than zero"


def _source(spec: Json) -> Problems:
    path = (spec.get("hostPath") or {}).get("path") or ""
    if ".." in path.split("/"):
        yield "spec.hostPath.path", f"Invalid value: {shown(path)}: must not contain '..'"
    if path == "/" and spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        text = "may not be 'recycle' for a hostPath mount of '/'"
        yield "spec.persistentVolumeReclaimPolicy", f"Forbidden: {text}"
    if spec.get("nfs") is not None and not (spec["nfs"].get("path") or "").startswith("/"):
        yield "spec.nfs.path", f"Invalid value: {shown(spec['nfs'].get('path') or '')}: must be an absolute path"
    if spec.get("local") is not None and not spec.get("nodeAffinity"):
        yield "spec.nodeAffinity", "Required value: Local volume requires node affinity"
