"""What the volumes of a pod may not say, and the fields that it may be told of itself. Pure.

Yields pairs of field and text, as kube-apiserver words them; forms are known to be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.errors import shown, unsupported
from katib_local.apiserver.metadata import LABEL, LABEL_NAME_WORDS, qualified_problems
from katib_machinery.scalars import parse_quantity

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
SOURCES = ("emptyDir", "image", "hostPath", "secret", "persistentVolumeClaim", "downwardAPI", "configMap", "projected")
IDENTITY = ("metadata.name", "metadata.namespace", "metadata.uid")
ENV_FIELDS = (
    *IDENTITY,
    *("spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"),
)
FILE_FIELDS = ("metadata.annotations", "metadata.labels", *IDENTITY)
KNOWN_FIELDS = {*ENV_FIELDS, *FILE_FIELDS, "spec.restartPolicy", "spec.schedulerName", "status.phase"}
"""Fields that have a name, whether or not they may be told in every place."""
SUBSCRIPT = re.compile(r"(.+)\['(.*)'\]")
AMOUNTS = ("cpu", "ephemeral-storage", "memory")
RESOURCES = tuple(f"{side}.{name}" for side in ("limits", "requests") for name in AMOUNTS)
MORE_THAN_ONE = "Forbidden: may not specify more than 1"
SHORTEST_TOKEN = 600


def volume_problems(volumes: list[Json], path: str) -> Problems:
    """What is wrong with the volumes of a pod."""
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        place, name = f"{path}[{index}]", str(volume.get("name") or "")
        if name and (not LABEL.fullmatch(name) or len(name) > 63):
            yield f"{place}.name", f'Invalid value: "{name}": {LABEL_NAME_WORDS}'
        if name in seen:
            yield f"{place}.name", f'Duplicate value: "{name}"'
        seen.add(name)
        said = [key for key in volume if key != "name"]
        for key in sorted(said, key=lambda key: SOURCES.index(key) if key in SOURCES else len(SOURCES))[1:]:
            yield f"{place}.{key}", f"{MORE_THAN_ONE} volume type"
        yield from _content_problems(volume, place)


def _content_problems(volume: Json, place: str) -> Problems:
    for name, named in (("configMap", "name"), ("secret", "secretName")):
        if volume.get(name) is not None:
            yield from _items_problems(volume[name], f"{place}.{name}", named)
    if volume.get("downwardAPI") is not None:
        yield from _mode(volume["downwardAPI"].get("defaultMode"), f"{place}.downwardAPI.defaultMode")
        yield from _file_problems(volume["downwardAPI"], f"{place}.downwardAPI")
    if volume.get("projected") is not None:
        yield from _mode(volume["projected"].get("defaultMode"), f"{place}.projected.defaultMode")
        for number, source in enumerate(volume["projected"].get("sources") or []):
            yield from _projected_problems(source, f"{place}.projected.sources[{number}]")
    size = (volume.get("emptyDir") or {}).get("sizeLimit")
    if size is not None and parse_quantity(size) < 0:
        yield f"{place}.emptyDir.sizeLimit", "Forbidden: SizeLimit field must be a valid resource quantity"
    path = (volume.get("nfs") or {}).get("path") or ""
    if path and not path.startswith("/"):
        yield f"{place}.nfs.path", f"Invalid value: {shown(path)}: must be an absolute path"


def _projected_problems(source: Json, place: str) -> Problems:
    if len(source) > 1:
        yield place, f"{MORE_THAN_ONE} volume type per source"
    for name in ("configMap", "secret"):
        if source.get(name) is not None:
            yield from _items_problems(source[name], f"{place}.{name}", "name")
    yield from _file_problems(source.get("downwardAPI") or {}, f"{place}.downwardAPI")
    seconds = (source.get("serviceAccountToken") or {}).get("expirationSeconds")
    if seconds is not None and seconds < SHORTEST_TOKEN:
        text = "may not specify a duration less than 10 minutes"
        yield f"{place}.serviceAccountToken.expirationSeconds", f"Invalid value: {seconds}: {text}"


def _items_problems(source: Json, place: str, named: str) -> Problems:
    """Of files from a ConfigMap or a Secret."""
    if not source.get(named):
        yield f"{place}.{named}", "Required value"
    yield from _mode(source.get("defaultMode"), f"{place}.defaultMode")
    for index, item in enumerate(source.get("items") or []):
        yield from _mode(item.get("mode"), f"{place}.items[{index}].mode")
        yield from inner_path_problems(item.get("path") or "", f"{place}.items[{index}].path")


def inner_path_problems(path: str, field: str) -> Problems:
    """Why a path does not stay inside a volume."""
    if path.startswith("/"):
        yield field, f"Invalid value: {shown(path)}: must be a relative path"
    if ".." in path.split("/"):
        yield field, f"Invalid value: {shown(path)}: must not contain '..'"


def _mode(mode: int | None, field: str) -> Problems:
    if mode is not None and not 0 <= mode <= 0o777:
        yield field, f"Invalid value: {mode}: must be a number between 0 and 0777 (octal), both inclusive"


def _file_problems(source: Json, path: str) -> Problems:
    for item in source.get("items") or []:
        field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
        if field is not None:
            if resource is not None:
                text = "fieldRef and resourceFieldRef can not be specified simultaneously"
                yield path, f'Invalid value: "resource": {text}'
            yield from field_problems(field, FILE_FIELDS, f"{path}.fieldRef")
        elif resource is None:
            yield path, "Required value: one of fieldRef and resourceFieldRef is required"
        else:
            if not resource.get("containerName"):
                yield f"{path}.resourceFieldRef.containerName", "Required value"
            yield from amount_problems(resource, f"{path}.resourceFieldRef")
        yield from _mode(item.get("mode"), f"{path}.mode")


def field_problems(reference: Json, allowed: tuple[str, ...], path: str) -> Problems:
    """A field that a pod may be told, or one of its labels and annotations."""
    written = str(reference.get("fieldPath") or "")
    labelled = SUBSCRIPT.fullmatch(written)
    if labelled and labelled[1] in ("metadata.labels", "metadata.annotations"):
        key = labelled[2]
        for problem in qualified_problems(key.lower() if labelled[1] == "metadata.annotations" else key):
            yield path, f'Invalid value: "{key}": {problem}'
    elif written and written not in KNOWN_FIELDS:
        wrong = f"does not support subscript: {written}" if labelled else f"not supported: {written}"
        yield f"{path}.fieldPath", f'Invalid value: "{written}": error converting fieldPath: field label {wrong}'
    elif written and written not in allowed:
        listed = ", ".join(f'"{name}"' for name in allowed)
        yield f"{path}.fieldPath", f'Unsupported value: "{written}": supported values: {listed}'


def amount_problems(reference: Json, path: str) -> Problems:
    """What is wrong with an amount of a container that its pod is to be told."""
    resource = reference.get("resource") or ""
    if not resource:
        return  # its type says that it is required
    yield from unsupported(f"{path}.resource", resource, RESOURCES)
    divisor = reference.get("divisor")
    if (
        resource.endswith(".cpu")
        and divisor is not None
        and parse_quantity(divisor) not in (0, 1, parse_quantity("1m"))
    ):
        text = "only divisor's values 1m and 1 are supported with the cpu resource"
        yield f"{path}.divisor", f"Invalid value: {shown(resource)}: {text}"
