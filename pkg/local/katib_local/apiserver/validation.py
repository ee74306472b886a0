"""What of Kubernetes' own kinds cannot be stored, as far as it would mislead who relies on it. Pure.

Every function yields pairs of field and text. Forms are known to be right: `decoding` has read the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from katib_local.apiserver.contents import validate_contents
from katib_local.apiserver.definitions import definition_problems
from katib_local.apiserver.errors import unsupported
from katib_local.apiserver.gate_rules import gate_problems
from katib_local.apiserver.host_rules import host_problems
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.kubernetes_types import Type, field_type, resolved, type_of
from katib_local.apiserver.metadata import LABEL, LABEL_NAME_WORDS
from katib_local.apiserver.pod_rules import container_problems, identity_problems, port_list_problems
from katib_local.apiserver.probe_rules import init_problems
from katib_local.apiserver.role_rules import binding_problems, role_problems
from katib_local.apiserver.service_rules import service_problems
from katib_local.apiserver.storage_rules import claim_problems, volume_object_problems
from katib_local.apiserver.volume_rules import volume_problems
from katib_local.apiserver.webhooks import webhook_problems
from katib_local.apiserver.workload_rules import deployment_problems, job_problems

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
DEFAULTED = ("apiGroup", "value")
"""Fields that every object has and that may be empty: of a header and of a sysctl their value, and what a default fills."""
OWN_WORDS = {
    "ClusterRoleBinding": ("roleRef", "subjects"),
    "CustomResourceDefinition": ("x-kubernetes-validations",),
    "Job": ("spec.podFailurePolicy", "spec.selector"),
    "Node": ("spec.taints",),
    "PersistentVolumeClaim": ("spec.dataSource",),
    "RoleBinding": ("roleRef", "subjects"),
}
"""Fields that have words of their own for what is missing in them, by a part of their path."""
OF_SPECS: Mapping[str, Callable[[Json], Problems]] = {
    "PersistentVolume": volume_object_problems,
    "PersistentVolumeClaim": claim_problems,
    "Service": service_problems,
}
OF_OBJECTS: Mapping[str, Callable[[dict[str, Any]], Problems]] = {
    "CustomResourceDefinition": definition_problems,
    "MutatingWebhookConfiguration": webhook_problems,
    "ValidatingWebhookConfiguration": webhook_problems,
}
RESTARTS = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")


def validate_builtin(kind: Kind, document: Json, *, created: bool) -> Problems:
    """What is wrong with an object of one of Kubernetes' own kinds; `created` is one that was not there before."""
    if kind.custom:
        return
    own = OWN_WORDS.get(kind.kind, ())
    for field, text in _missing(_plain(document), type_of(kind), ""):
        if not any(part in field for part in own):
            yield field, text
    yield from validate_contents(kind.kind, document)
    yield from _ruled(kind, document, created=created)


def _ruled(kind: Kind, document: Json, *, created: bool) -> Problems:
    spec = document.get("spec") or {}
    match kind.kind:
        case "Pod":
            if created and spec.get("ephemeralContainers"):
                yield "spec.ephemeralContainers", "Forbidden: cannot be set on create"
            yield from _pod(spec, "spec")
            yield from gate_problems(spec)
        case "Job":
            yield from _pod((spec.get("template") or {}).get("spec") or {}, "spec.template.spec")
            yield from job_problems(document, created=created)
        case "Deployment" | "ReplicaSet":
            yield from _pod((spec.get("template") or {}).get("spec") or {}, "spec.template.spec")
            yield from deployment_problems(spec)
        case "Role" | "ClusterRole":
            yield from role_problems(document, namespaced=kind.namespaced)
        case "RoleBinding" | "ClusterRoleBinding":
            yield from binding_problems(document, namespaced=kind.namespaced)
        case name if name in OF_SPECS:
            yield from OF_SPECS[name](spec)
        case name if name in OF_OBJECTS:
            yield from OF_OBJECTS[name](dict(document))


def _plain(document: Json) -> Json:
    """An object without its status and its owners: others look at those."""
    metadata = {key: part for key, part in document["metadata"].items() if key != "ownerReferences"}
    return {**{key: part for key, part in document.items() if key != "status"}, "metadata": metadata}


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


def _pod(spec: Json, path: str) -> Problems:
    if not spec.get("containers"):
        yield f"{path}.containers", "Required value"
    limit = spec.get("activeDeadlineSeconds")
    if limit is not None and not 1 <= limit < 2**31:
        text = f"must be between 1 and {2**31 - 1}, inclusive"
        yield f"{path}.activeDeadlineSeconds", f"Invalid value: {limit}: {text}"
    yield from unsupported(f"{path}.restartPolicy", spec.get("restartPolicy"), RESTARTS)
    yield from unsupported(f"{path}.dnsPolicy", spec.get("dnsPolicy"), DNS_POLICIES)
    yield from host_problems(spec, path)
    yield from volume_problems(spec.get("volumes") or [], f"{path}.volumes")
    volumes = [volume.get("name") for volume in spec.get("volumes") or []]
    yield from identity_problems(spec.get("securityContext") or {}, f"{path}.securityContext")
    seen: set[str] = set()
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or []):
            place, name = f"{path}.{field}[{index}]", container.get("name") or ""
            if name and name in seen:
                yield f"{place}.name", f'Duplicate value: "{name}"'
            seen.add(name)
            yield from _container(container, place, volumes)
            if field == "initContainers":
                yield from init_problems(container, place)


def _container(container: Json, place: str, volumes: list[Any]) -> Problems:
    name = container.get("name") or ""
    if name and (not LABEL.fullmatch(name) or len(name) > 63):
        yield f"{place}.name", f'Invalid value: "{name}": {LABEL_NAME_WORDS}'
    if not container.get("image"):
        yield f"{place}.image", "Required value"
    yield from unsupported(f"{place}.imagePullPolicy", container.get("imagePullPolicy"), PULL_POLICIES)
    yield from port_list_problems(container.get("ports") or [], f"{place}.ports")
    for index, mount in enumerate(container.get("volumeMounts") or []):
        if mount.get("name") not in volumes:
            yield f"{place}.volumeMounts[{index}].name", f'Not found: "{mount.get("name")}"'
    yield from container_problems(container, place)
