"""The downward API: what a pod may be told of itself, its fields and its containers' resources. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from katib_machinery.scalars import parse_quantity

Json = Mapping[str, Any]
LABELLED = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
RESOURCE = re.compile(r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)")
OF_THE_NODE = ("cpu", "memory", "ephemeral-storage")
"""Resources of which a container without a limit may use all that its node has."""


class DownwardError(ValueError):
    """A reference to nothing that a pod can be told; the message names field and cure."""


def field_value(pod: Json, path: str) -> str:
    """A field of the pod as text; empty where there is none."""
    labelled = LABELLED.fullmatch(path)
    if labelled:
        return str((pod["metadata"].get(labelled[1]) or {}).get(labelled[2], ""))
    if path in ("status.podIP", "status.podIPs", "status.hostIP", "status.hostIPs"):
        return "127.0.0.1"
    if path in ("metadata.labels", "metadata.annotations"):
        entries = pod["metadata"].get(path.rpartition(".")[2]) or {}
        return "\n".join(f'{key}="{value}"' for key, value in sorted(entries.items()))
    value: Any = pod
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)


def resource_value(pod: Json, reference: Json, allocatable: Mapping[str, str], own: str = "") -> str:
    """A container's limit or request, in whole divisors, rounded up; raises DownwardError.

    `own` is the container that asks, if one does. As in a cluster, a limit that is not set is what the node can give
    (`allocatable`), and a request that is not set is the limit that is set, or nothing.
    """
    path = str(reference.get("resource") or "")
    found = RESOURCE.fullmatch(path)
    if found is None:
        cure = "use limits. or requests. with cpu, memory, ephemeral-storage or hugepages-SIZE"
        raise DownwardError(f"resourceFieldRef.resource {path!r} is not known: {cure}")
    section, name = found.groups()
    resources = _find_resources(pod, str(reference.get("containerName") or own))
    amount = (resources.get(section) or {}).get(name)
    if amount is None and section == "requests":
        amount = (resources.get("limits") or {}).get(name)
    if amount is None and section == "limits" and name in OF_THE_NODE:
        amount = allocatable.get(name)
    try:
        divisor = parse_quantity(reference.get("divisor") or 1) or 1
        if divisor < 0:
            raise ValueError("resourceFieldRef.divisor must not be negative")
        return str(math.ceil(parse_quantity(amount or 0) / divisor))
    except ValueError as error:
        raise DownwardError(f"resourceFieldRef of {path} cannot be read: {error}") from error


def _find_resources(pod: Json, name: str) -> Json:
    spec = pod.get("spec") or {}
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    for container in containers:
        if container["name"] == name:
            return container.get("resources") or {}
    names = ", ".join(container["name"] for container in containers)
    raise DownwardError(f"resourceFieldRef.containerName {name!r} is no container of the pod: name one of {names}")
