"""A pod's volumes as directories of this machine: written before its containers start, removed with it."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from katib_local.node.containers import ContainerError, Mount
from katib_local.node.downward import DownwardError, field_value, resource_value
from katib_local.node.host_paths import FAILED_MOUNT, find_host_path

Json = Mapping[str, Any]
Fetch = Callable[[str, str], Json | None]
PLAIN_MODE = 0o644
KINDS = "emptyDir, configMap, secret, hostPath, downwardAPI, projected or persistentVolumeClaim"
PROJECTED = "configMap, secret, downwardAPI or serviceAccountToken"


@dataclass(frozen=True)
class Supply:
    """What the volumes of a pod are filled from: the pod itself, ConfigMaps and Secrets, and what the node can give."""

    pod: Json
    fetch: Fetch
    allocatable: Mapping[str, str] = field(default_factory=dict)
    claims: Path | None = None
    """Where the directories of claims are, by namespace and name; they outlive the pod."""


def make_volumes(supply: Supply, folder: Path) -> dict[str, str]:
    """Make every volume of a pod; returns its real place by name. Raises ContainerError for one that cannot be had."""
    places = {}
    for volume in (supply.pod.get("spec") or {}).get("volumes") or []:
        places[volume["name"]] = _make(supply, volume, folder / volume["name"])
    return places


def _make(supply: Supply, volume: Json, place: Path) -> str:
    if "hostPath" in volume:
        return find_host_path(volume["name"], volume["hostPath"])
    if "persistentVolumeClaim" in volume and supply.claims is not None:
        place = _claimed(supply.claims / supply.pod["metadata"]["namespace"], volume["persistentVolumeClaim"])
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o777)
    if "projected" in volume:
        projected = volume["projected"]
        for source in projected.get("sources") or []:
            if "serviceAccountToken" in source:
                continue  # `tokens` writes it, and again while the pod runs
            if not _fill(supply, place, source, projected.get("defaultMode")):
                raise _unknown(volume["name"], "projected source", source, PROJECTED)
    elif not {"emptyDir", "persistentVolumeClaim"} & volume.keys() and not _fill(supply, place, volume):
        raise _unknown(volume["name"], "kind", volume, KINDS)
    return str(place)


def _claimed(claims: Path, source: Json) -> Path:
    """The directory of a claim; a name that no claim can have is a path to somewhere else."""
    name = str(source["claimName"])
    if "/" in name or name in (".", ".."):
        raise ContainerError(FAILED_MOUNT, f'persistentvolumeclaim "{name}" not found')
    return claims / name


def make_source(mount: Mount) -> None:
    """Make a subPath that nobody has made yet; raises ContainerError for one that is a link out of its volume."""
    source = place_file(Path(mount.volume), mount.source)
    if not source.exists():
        source.mkdir(parents=True)


def _unknown(name: str, what: str, found: Json, known: str) -> ContainerError:
    kinds = ", ".join(key for key in found if key != "name")
    message = f"volume {name!r} has the {what} {kinds or 'none'}, which this machine does not have: use {known}"
    return ContainerError(FAILED_MOUNT, message)


def _fill(supply: Supply, place: Path, source: Json, mode: int | None = None) -> bool:
    """Write what a source holds; `mode` is that of files for which it names none. False for a source of no known kind."""
    if "configMap" in source:
        _write_items(place, source["configMap"], _config_map(source["configMap"], supply.fetch), mode)
    elif "secret" in source:
        _write_items(place, source["secret"], _secret(source["secret"], supply.fetch), mode)
    elif "downwardAPI" in source:
        _write_downward(supply, place, source["downwardAPI"], mode)
    else:
        return False
    return True


def _config_map(source: Json, fetch: Fetch) -> dict[str, bytes] | None:
    found = fetch("ConfigMap", source.get("name", ""))
    if found is None:
        _check_optional("configmap", source.get("name", ""), source)
        return None
    texts = {key: str(text).encode() for key, text in (found.get("data") or {}).items()}
    return texts | {key: base64.b64decode(text) for key, text in (found.get("binaryData") or {}).items()}


def _secret(source: Json, fetch: Fetch) -> dict[str, bytes] | None:
    name = source.get("secretName") or source.get("name", "")
    found = fetch("Secret", name)
    if found is None:
        _check_optional("secret", name, source)
        return None
    return {key: base64.b64decode(text) for key, text in (found.get("data") or {}).items()}


def _check_optional(kind: str, name: str, source: Json) -> None:
    if not source.get("optional"):
        raise ContainerError(FAILED_MOUNT, f'{kind} "{name}" not found')


def _write_items(place: Path, source: Json, content: dict[str, bytes] | None, mode: int | None) -> None:
    if content is None:
        return  # it is optional, and it is not there
    items, plain = source.get("items"), _mode(source, mode)
    files = [(key, key, plain) for key in content]
    if items is not None:
        files = [(entry["key"], entry["path"], int(entry.get("mode") or plain)) for entry in items]
    for key, path, permissions in files:
        if key not in content:
            if source.get("optional"):
                continue
            raise ContainerError(FAILED_MOUNT, f"references non-existent key: {key}")
        _write(place, path, content[key], permissions)


def _mode(source: Json, mode: int | None) -> int:
    return int(source.get("defaultMode") or mode or PLAIN_MODE)


def place_file(place: Path, path: str) -> Path:
    """A file of a volume by its path there; raises ContainerError for one that would be elsewhere."""
    file = (place / path).resolve()
    if not file.is_relative_to(place.resolve()):
        raise ContainerError(FAILED_MOUNT, f"the path {path!r} leaves its volume")
    return file


def _write(place: Path, path: str, content: bytes, mode: int = PLAIN_MODE) -> None:
    file = place_file(place, path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(mode)


def _write_downward(supply: Supply, place: Path, source: Json, mode: int | None) -> None:
    for item in source.get("items") or []:
        if "fieldRef" in item:
            text = field_value(supply.pod, item["fieldRef"]["fieldPath"])
        elif "resourceFieldRef" in item:
            try:
                text = resource_value(supply.pod, item["resourceFieldRef"], supply.allocatable)
            except DownwardError as error:
                raise ContainerError(FAILED_MOUNT, f"downwardAPI item {item['path']!r}: {error}") from error
        else:
            message = f"downwardAPI item {item['path']!r} has neither fieldRef nor resourceFieldRef: give it one"
            raise ContainerError(FAILED_MOUNT, message)
        _write(place, item["path"], text.encode(), int(item.get("mode") or _mode(source, mode)))


def remove_volumes(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
