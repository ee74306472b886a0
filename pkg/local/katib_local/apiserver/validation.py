"""What of Kubernetes' own kinds cannot be stored, as far as it would mislead who relies on it. Pure.

Every function yields pairs of field and text. Forms are known to be right: `decoding` has read the object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.contents import validate_contents
from katib_local.apiserver.definitions import definition_problems
from katib_local.apiserver.errors import unsupported
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.kubernetes_types import Type, field_type, resolved, type_of
from katib_local.apiserver.metadata import LABEL, LABEL_NAME_WORDS
from katib_local.apiserver.pod_rules import container_problems, volume_problems
from katib_local.apiserver.webhooks import webhook_problems
from katib_local.apiserver.workload_rules import deployment_problems, job_problems

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
DEFAULTED = ("apiGroup",)
RESTARTS = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
PROTOCOLS = ("SCTP", "TCP", "UDP")
SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def validate_builtin(kind: Kind, document: Json, *, created: bool) -> Problems:
    """What is wrong with an object of one of Kubernetes' own kinds; `created` is one that was not there before."""
    if kind.custom:
        return
    yield from _missing(_plain(kind.kind, document), type_of(kind), "")
    yield from validate_contents(kind.kind, document)
    spec = document.get("spec") or {}
    match kind.kind:
        case "Pod":
            yield from _pod(spec, "spec")
        case "Job":
            yield from _pod((spec.get("template") or {}).get("spec") or {}, "spec.template.spec")
            yield from job_problems(document, created=created)
        case "Deployment" | "ReplicaSet":
            yield from _pod((spec.get("template") or {}).get("spec") or {}, "spec.template.spec")
            yield from deployment_problems(spec)
        case "Service":
            yield from _service(spec)
        case "CustomResourceDefinition":
            yield from definition_problems(dict(document))
        case "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration":
            yield from webhook_problems(document)


def _plain(kind: str, document: Json) -> Json:
    """An object without its status and without what has words of its own for what is missing."""
    spec = document.get("spec")
    without = {"Job": ("podFailurePolicy", "selector"), "Node": ("taints",)}.get(kind, ())
    kept = {key: part for key, part in (spec or {}).items() if key not in without}
    metadata = {key: part for key, part in document["metadata"].items() if key != "ownerReferences"}
    rest = {key: part for key, part in document.items() if key != "status"}
    return {**rest, "metadata": metadata, **({} if spec is None else {"spec": kept})}


def _missing(value: Any, found: Type, path: str) -> Problems:
    """Fields that every object of a type has; numbers and answers of yes or no have a zero of their own."""
    found = resolved(found)
    if isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _missing(entry, found.get("items") or {}, f"{path}[{index}]")
    elif isinstance(value, Mapping):
        for name in found.get("required") or ():
            wanted = resolved(field_type(found, name) or {}).get("type")
            if value.get(name) in (None, "") and wanted not in ("boolean", "integer") and name not in DEFAULTED:
                yield (f"{path}.{name}" if path else name), "Required value"
        for key, part in value.items():
            inner = field_type(found, key)
            if inner is not None:
                yield from _missing(part, inner, f"{path}.{key}" if path else key)


def _service(spec: Json) -> Problems:
    yield from unsupported("spec.type", spec.get("type"), SERVICE_TYPES)
    ports = spec.get("ports") or []
    seen: list[tuple[Any, Any]] = []
    for index, port in enumerate(ports):
        place = f"spec.ports[{index}]"
        yield from unsupported(f"{place}.protocol", port.get("protocol"), PROTOCOLS)
        yield from _port(f"{place}.port", port.get("port"))
        if len(ports) > 1 and not port.get("name"):
            yield f"{place}.name", "Required value"
        pair = (port.get("protocol", "TCP"), port.get("port"))
        if pair in seen:
            yield place, f'Duplicate value: {{"port":{pair[1]},"protocol":"{pair[0]}"}}'
        seen.append(pair)


def _port(path: str, port: Any) -> Problems:
    if not isinstance(port, int) or not 1 <= port <= 65535:
        yield path, f"Invalid value: {port or 0}: must be between 1 and 65535, inclusive"


def _pod(spec: Json, path: str) -> Problems:
    if not spec.get("containers"):
        yield f"{path}.containers", "Required value"
    limit = spec.get("activeDeadlineSeconds")
    if limit is not None and not 1 <= limit < 2**31:
        text = f"must be between 1 and {2**31 - 1}, inclusive"
        yield f"{path}.activeDeadlineSeconds", f"Invalid value: {limit}: {text}"
    yield from unsupported(f"{path}.restartPolicy", spec.get("restartPolicy"), RESTARTS)
    yield from unsupported(f"{path}.dnsPolicy", spec.get("dnsPolicy"), DNS_POLICIES)
    yield from volume_problems(spec.get("volumes") or [], f"{path}.volumes")
    volumes = [volume.get("name") for volume in spec.get("volumes") or []]
    seen: set[str] = set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or []):
            place, name = f"{path}.{field}[{index}]", container.get("name") or ""
            if name and name in seen:
                yield f"{place}.name", f'Duplicate value: "{name}"'
            seen.add(name)
            yield from _container(container, place, volumes)


def _container(container: Json, place: str, volumes: list[Any]) -> Problems:
    name = container.get("name") or ""
    if name and (not LABEL.fullmatch(name) or len(name) > 63):
        yield f"{place}.name", f'Invalid value: "{name}": {LABEL_NAME_WORDS}'
    if not container.get("image"):
        yield f"{place}.image", "Required value"
    yield from unsupported(f"{place}.imagePullPolicy", container.get("imagePullPolicy"), PULL_POLICIES)
    for index, port in enumerate(container.get("ports") or []):
        if port.get("containerPort"):
            yield from _port(f"{place}.ports[{index}].containerPort", port["containerPort"])
        else:
            yield f"{place}.ports[{index}].containerPort", "Required value"
        yield from unsupported(f"{place}.ports[{index}].protocol", port.get("protocol"), PROTOCOLS)
    for index, mount in enumerate(container.get("volumeMounts") or []):
        if mount.get("name") not in volumes:
            yield f"{place}.volumeMounts[{index}].name", f'Not found: "{mount.get("name")}"'
    yield from container_problems(container, place)
