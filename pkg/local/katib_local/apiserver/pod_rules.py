"""What a pod's volumes, mounts, environment, probes and resources may not say. Pure.

Each rule refuses what would run as something else than is written. Yields pairs of field and text, as kube-apiserver
words them; forms are known to be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.errors import shown
from katib_local.apiserver.metadata import LABEL, LABEL_NAME_WORDS, qualified_problems
from katib_machinery.scalars import parse_quantity

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
SOURCES = ("emptyDir", "image", "hostPath", "secret", "persistentVolumeClaim", "downwardAPI", "configMap", "projected")
ENV_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
IDENTITY = ("metadata.name", "metadata.namespace", "metadata.uid")
ENV_FIELDS = (
    *IDENTITY,
    *("spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"),
)
FILE_FIELDS = ("metadata.annotations", "metadata.labels", *IDENTITY)
KNOWN_FIELDS = {*ENV_FIELDS, *FILE_FIELDS, "spec.restartPolicy", "spec.schedulerName", "status.phase"}
"""Fields that have a name, whether or not they may be told in every place."""
ENV_NAME = re.compile(r"[ -<>-~]*")
ENV_NAME_WORDS = "a valid environment variable name must consist only of printable ASCII characters other than '='"
STANDARD = ("cpu", "memory", "ephemeral-storage")
SUBSCRIPT = re.compile(r"(.+)\['(.*)'\]")
MORE_THAN_ONE = "Forbidden: may not specify more than 1"


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
        yield from _file_problems(volume.get("downwardAPI") or {}, f"{place}.downwardAPI")
        for number, source in enumerate((volume.get("projected") or {}).get("sources") or []):
            below = f"{place}.projected.sources[{number}]"
            if len(source) > 1:
                yield below, f"{MORE_THAN_ONE} volume type per source"
            yield from _file_problems(source.get("downwardAPI") or {}, f"{below}.downwardAPI")


def _file_problems(source: Json, path: str) -> Problems:
    for item in source.get("items") or []:
        field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
        if field is not None:
            if resource is not None:
                text = "fieldRef and resourceFieldRef can not be specified simultaneously"
                yield path, f'Invalid value: "resource": {text}'
            yield from _field_problems(field, FILE_FIELDS, f"{path}.fieldRef")
        elif resource is None:
            yield path, "Required value: one of fieldRef and resourceFieldRef is required"


def _field_problems(reference: Json, allowed: tuple[str, ...], path: str) -> Problems:
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


def container_problems(container: Json, place: str) -> Problems:
    """What is wrong with one container, beside its names, image and ports."""
    image = str(container.get("image") or "")
    if image != image.strip():
        yield f"{place}.image", f"Invalid value: {shown(image)}: must not have leading or trailing whitespace"
    for index, entry in enumerate(container.get("env") or []):
        name = str(entry.get("name") or "")
        if not ENV_NAME.fullmatch(name):
            yield f"{place}.env[{index}].name", f"Invalid value: {shown(name)}: {ENV_NAME_WORDS}"
        if entry.get("valueFrom") is not None:
            yield from _env_problems(entry, f"{place}.env[{index}].valueFrom")
    mounted: list[str] = []
    for index, mount in enumerate(container.get("volumeMounts") or []):
        yield from _mount_problems(mount, f"{place}.volumeMounts", index)
        path = mount.get("mountPath") or ""
        if path and path in mounted:
            yield f"{place}.volumeMounts[{index}].mountPath", f"Invalid value: {shown(path)}: must be unique"
        mounted.append(path)
    for name in PROBES:
        if container.get(name) is not None:
            yield from _probe_problems(container[name], f"{place}.{name}")
    yield from _resource_problems(container.get("resources") or {}, f"{place}.resources")


def _env_problems(entry: Json, path: str) -> Problems:
    source = entry["valueFrom"]
    if not source:
        *others, last = (f"`{name}`" for name in ENV_SOURCES)
        yield path, f'Invalid value: "": must specify one of: {", ".join(others)} or {last}'
    elif entry.get("value"):
        yield path, 'Invalid value: "": may not be specified when `value` is not empty'
    elif len(source) > 1:
        yield path, 'Invalid value: "": may not have more than one field specified at a time'
    if source.get("fieldRef") is not None:
        yield from _field_problems(source["fieldRef"], ENV_FIELDS, f"{path}.fieldRef")


def _mount_problems(mount: Json, path: str, index: int) -> Problems:
    """A part of a volume is a path inside it; a cluster names the field without the mount's number."""
    for name in ("subPath", "subPathExpr"):
        below = str(mount.get(name) or "")
        if name == "subPathExpr" and below and mount.get("subPath"):
            text = "subPathExpr and subPath are mutually exclusive"
            yield f"{path}[{index}].{name}", f'Invalid value: "{below}": {text}'
        if below.startswith("/"):
            yield f"{path}.{name}", f'Invalid value: "{below}": must be a relative path'
        if ".." in below.split("/"):
            yield f"{path}.{name}", f"Invalid value: \"{below}\": must not contain '..'"


def _probe_problems(probe: Json, path: str) -> Problems:
    found = [name for name in HANDLERS if probe.get(name) is not None]
    if not found:
        yield path, "Required value: must specify a handler type"
    for name in found[1:]:
        yield f"{path}.{name}", f"{MORE_THAN_ONE} handler type"


def _resource_problems(resources: Json, path: str) -> Problems:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for field, amounts in (("limits", limits), ("requests", requests)):
        for name, text in sorted(amounts.items()):
            yield from _resource_name_problems(name, f"{path}.{field}[{name}]")
            amount = parse_quantity(text)
            if amount < 0:
                yield f"{path}.{field}[{name}]", f'Invalid value: "{text}": must be greater than or equal to 0'
            elif is_whole(name) and amount != int(amount):
                yield f"{path}.{field}[{name}]", f'Invalid value: "{text}": must be an integer'
    for name, text in sorted(requests.items()):
        amount, most = parse_quantity(text), parse_quantity(limits[name]) if name in limits else None
        if most is None:
            if is_whole(name):
                yield f"{path}.limits", "Required value: Limit must be set for non overcommitable resources"
        elif is_whole(name) and amount != most:
            yield f"{path}.requests", f'Invalid value: "{text}": must be equal to {name} limit of {limits[name]}'
        elif amount > most:
            text = f'"{text}": must be less than or equal to {name} limit of {limits[name]}'
            yield f"{path}.requests", f"Invalid value: {text}"


def _resource_name_problems(name: str, path: str) -> Problems:
    """A resource without a domain is one of Kubernetes' own."""
    for problem in qualified_problems(name):
        yield path, f"Invalid value: {shown(name)}: {problem}"
    if "/" not in name and name not in STANDARD and not name.startswith("hugepages-"):
        yield path, f"Invalid value: {shown(name)}: must be a standard resource type or fully qualified"
        yield path, f"Invalid value: {shown(name)}: must be a standard resource for containers"


def is_whole(resource: str) -> bool:
    """Whether a resource is handed out in pieces that nobody shares, as GPUs are: those of other domains than ours."""
    domain, slash, _ = resource.rpartition("/")
    return bool(slash) and domain != "kubernetes.io" and not domain.endswith(".kubernetes.io")
