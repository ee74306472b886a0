"""What a container's mounts, ports, environment and resources may not say. Pure.

Each rule refuses what would run as something else than is written. Yields pairs of field and text, as kube-apiserver
words them; forms are known to be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.contents import KEY, KEY_WORDS
from katib_local.apiserver.errors import shown, unsupported
from katib_local.apiserver.metadata import SUBDOMAIN, SUBDOMAIN_WORDS, qualified_problems
from katib_local.apiserver.port_rules import port_name_problems, port_problems
from katib_local.apiserver.probe_rules import check_problems
from katib_local.apiserver.service_rules import PROTOCOLS
from katib_local.apiserver.volume_rules import ENV_FIELDS, amount_problems, field_problems, inner_path_problems
from katib_machinery.scalars import parse_quantity

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
ENV_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
ENV_NAME = re.compile(r"[ -<>-~]*")
ENV_NAME_WORDS = "a valid environment variable name must consist only of printable ASCII characters other than '='"
ENV_LISTS = ("configMapRef", "secretRef")
PROPAGATION = ("Bidirectional", "HostToContainer", "None")
RESTARTS = ("Always", "Never", "OnFailure")
LAST_WORDS = ("File", "FallbackToLogsOnError")
STANDARD = ("cpu", "memory", "ephemeral-storage")


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
    yield from _all_from_problems(container.get("envFrom") or [], f"{place}.envFrom")
    yield from identity_problems(container.get("securityContext") or {}, f"{place}.securityContext")
    yield from unsupported(f"{place}.restartPolicy", container.get("restartPolicy"), RESTARTS)
    yield from unsupported(f"{place}.terminationMessagePolicy", container.get("terminationMessagePolicy"), LAST_WORDS)
    mounted: list[str] = []
    for index, mount in enumerate(container.get("volumeMounts") or []):
        yield from _mount_problems(mount, f"{place}.volumeMounts", index)
        path = mount.get("mountPath") or ""
        if path and path in mounted:
            yield f"{place}.volumeMounts[{index}].mountPath", f"Invalid value: {shown(path)}: must be unique"
        mounted.append(path)
    yield from check_problems(container, place)
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
        yield from field_problems(source["fieldRef"], ENV_FIELDS, f"{path}.fieldRef")
    if source.get("resourceFieldRef") is not None:
        yield from amount_problems(source["resourceFieldRef"], f"{path}.resourceFieldRef")
    for name in ("configMapKeyRef", "secretKeyRef"):
        key = (source.get(name) or {}).get("key") or ""
        if key and not KEY.fullmatch(key):
            yield f"{path}.{name}.key", f"Invalid value: {shown(key)}: {KEY_WORDS}"


def _mount_problems(mount: Json, path: str, index: int) -> Problems:
    """A part of a volume is a path inside it; a cluster names the field without the mount's number."""
    for name in ("subPath", "subPathExpr"):
        below = str(mount.get(name) or "")
        if name == "subPathExpr" and below and mount.get("subPath"):
            text = "subPathExpr and subPath are mutually exclusive"
            yield f"{path}[{index}].{name}", f'Invalid value: "{below}": {text}'
        yield from inner_path_problems(below, f"{path}.{name}")
    yield from unsupported(f"{path}.mountPropagation", mount.get("mountPropagation"), PROPAGATION)


def port_list_problems(ports: list[Json], place: str) -> Problems:
    """What is wrong with the ports of a container."""
    names: list[str] = []
    for index, port in enumerate(ports):
        path, name = f"{place}[{index}]", port.get("name") or ""
        if name:
            yield from port_name_problems(f"{path}.name", name)
        if name and name in names:
            yield f"{path}.name", f"Duplicate value: {shown(name)}"
        names.append(name)
        if port.get("containerPort"):
            yield from port_problems(f"{path}.containerPort", port["containerPort"])
        else:
            yield f"{path}.containerPort", "Required value"
        if port.get("hostPort"):
            yield from port_problems(f"{path}.hostPort", port["hostPort"])
        yield from unsupported(f"{path}.protocol", port.get("protocol"), PROTOCOLS)


def _all_from_problems(sources: list[Json], path: str) -> Problems:
    """Of variables that are taken from a ConfigMap or a Secret together; a cluster names the list where none is said."""
    for index, source in enumerate(sources):
        prefix, found = source.get("prefix") or "", [name for name in ENV_LISTS if source.get(name) is not None]
        if not ENV_NAME.fullmatch(prefix):
            yield f"{path}[{index}].prefix", f"Invalid value: {shown(prefix)}: {ENV_NAME_WORDS}"
        for name in found:
            yield from _named(source[name].get("name") or "", f"{path}[{index}].{name}.name")
        if not found:
            yield path, 'Invalid value: "": must specify one of: `configMapRef` or `secretRef`'
        elif len(found) > 1:
            yield path, 'Invalid value: "": may not have more than one field specified at a time'


def _named(name: str, field: str) -> Problems:
    if not name:
        yield field, "Required value"
    elif not SUBDOMAIN.fullmatch(name):
        yield field, f"Invalid value: {shown(name)}: {SUBDOMAIN_WORDS}"


def identity_problems(context: Json, path: str) -> Problems:
    """Of the users and groups that somebody is to run as."""
    numbers = [(name, context.get(name)) for name in ("runAsUser", "runAsGroup", "fsGroup")]
    numbers += [
        (f"supplementalGroups[{index}]", group) for index, group in enumerate(context.get("supplementalGroups") or [])
    ]
    for name, number in numbers:
        if number is not None and not 0 <= number < 2**31:
            yield f"{path}.{name}", f"Invalid value: {number}: must be between 0 and {2**31 - 1}, inclusive"


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
