"""A pod's volumes as directories of this machine: written before its containers start, removed with it."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from katib_local.node.containers import ContainerError, field_value
from katib_local.node.host_paths import FAILED_MOUNT, find_host_path

Json = Mapping[str, Any]
Fetch = Callable[[str, str], Json | None]
PLAIN_MODE = 0o644


def make_volumes(pod: Json, folder: Path, fetch: Fetch) -> dict[str, str]:
    """Make every volume of a pod; returns its real place by name. Raises ContainerError for one that cannot be had."""
    places = {}
    for volume in (pod.get("spec") or {}).get("volumes") or []:
        places[volume["name"]] = _make(pod, volume, folder / volume["name"], fetch)
    return places


def _make(pod: Json, volume: Json, place: Path, fetch: Fetch) -> str:
    if "hostPath" in volume:
        return find_host_path(volume["name"], volume["hostPath"])
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o777)
    if "configMap" in volume:
        _write_items(place, volume["configMap"], _config_map(volume["configMap"], fetch))
    elif "secret" in volume:
        _write_items(place, volume["secret"], _secret(volume["secret"], fetch))
    elif "downwardAPI" in volume:
        _write_downward(pod, place, volume["downwardAPI"])
    elif "projected" in volume:
        for source in volume["projected"].get("sources") or []:
            _project(pod, place, source, fetch)
    elif "emptyDir" not in volume:
        kinds = ", ".join(key for key in volume if key != "name")
        message = f"volume {volume['name']!r} has the kind {kinds or 'none'}, which this machine does not have: use emptyDir, configMap, secret, hostPath, downwardAPI or projected"
        raise ContainerError(FAILED_MOUNT, message)
    return str(place)


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


def _write_items(place: Path, source: Json, content: dict[str, bytes] | None) -> None:
    if content is None:
        return  # it is optional, and it is not there
    items, mode = source.get("items"), int(source.get("defaultMode") or PLAIN_MODE)
    files = [(key, key, mode) for key in content]
    if items is not None:
        files = [(entry["key"], entry["path"], int(entry.get("mode") or mode)) for entry in items]
    for key, path, permissions in files:
        if key not in content:
            if source.get("optional"):
                continue
            raise ContainerError(FAILED_MOUNT, f"references non-existent key: {key}")
        _write(place, path, content[key], permissions)


def _write(place: Path, path: str, content: bytes, mode: int = PLAIN_MODE) -> None:
    file = (place / path).resolve()
    if not file.is_relative_to(place.resolve()):
        raise ContainerError(FAILED_MOUNT, f"the path {path!r} leaves its volume")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(mode)


def _write_downward(pod: Json, place: Path, source: Json) -> None:
    for item in source.get("items") or []:
        if "fieldRef" in item:
            _write(place, item["path"], field_value(pod, item["fieldRef"]["fieldPath"]).encode())


def _project(pod: Json, place: Path, source: Json, fetch: Fetch) -> None:
    if "configMap" in source:
        _write_items(place, source["configMap"], _config_map(source["configMap"], fetch))
    elif "secret" in source:
        _write_items(place, source["secret"], _secret(source["secret"], fetch))
    elif "downwardAPI" in source:
        _write_downward(pod, place, source["downwardAPI"])


def remove_volumes(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
