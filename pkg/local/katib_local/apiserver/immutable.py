"""Fields that cannot be changed once their object is there. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.definitions import changed_problems
from katib_local.apiserver.gate_rules import changed_gate_problems, gates_of
from katib_local.apiserver.kinds import Kind

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
FIXED = "field is immutable"
POD = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
JOB = ("completionMode", "selector", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
CHANGING = ("activeDeadlineSeconds", "tolerations", "schedulingGates")
PLACING = (*CHANGING, "nodeSelector")
SCHEDULING = ("nodeSelector", "tolerations", "affinity", "schedulingGates")


def validate_change(kind: Kind, document: Json, old: Json) -> Problems:
    """What a change of one of Kubernetes' own kinds may not touch; both objects have their defaults."""
    if kind.custom:
        return
    spec, before = document.get("spec") or {}, old.get("spec") or {}
    match kind.kind:
        case "Pod":
            yield from _pod(spec, before)
        case "Job":
            yield from _job(spec, before, waits=_waits(before, old.get("status") or {}))
        case "Deployment" | "ReplicaSet":
            yield from _fixed(spec, before, "spec", ("selector",))
        case "ConfigMap" | "Secret":
            yield from _fixed(document, old, "", ("type",))
            if old.get("immutable"):
                yield from _locked(document, old)
        case "Service":
            yield from _address(spec, before)
        case "RoleBinding" | "ClusterRoleBinding":
            yield from _role(document, old)
        case "CustomResourceDefinition":
            yield from changed_problems(dict(document), dict(old))


def _address(spec: Json, before: Json) -> Problems:
    address, held = spec.get("clusterIP"), before.get("clusterIP")
    if held and address != held and spec.get("type") != "ExternalName":
        yield "spec.clusterIPs[0]", f'Invalid value: ["{address}"]: may not change once set'


def _role(document: Json, old: Json) -> Problems:
    if document.get("roleRef") != old.get("roleRef"):
        yield "roleRef", "Invalid value: cannot change roleRef"


def _fixed(document: Json, old: Json, path: str, fields: tuple[str, ...]) -> Problems:
    for name in fields:
        if document.get(name) != old.get(name):
            shown = json.dumps(document.get(name), separators=(",", ":"), sort_keys=True)
            yield (f"{path}.{name}" if path else name), f"Invalid value: {shown}: {FIXED}"


def _locked(document: Json, old: Json) -> Problems:
    for name in ("immutable", "data", "binaryData"):
        if document.get(name) != old.get(name):
            yield name, "Forbidden: field is immutable when `immutable` is set"


def _pod(spec: Json, before: Json) -> Problems:
    yield from changed_gate_problems(spec, before)
    changing = PLACING if gates_of(before) else CHANGING
    if _pod_rest(spec, changing) != _pod_rest(before, changing):
        yield "spec", POD
    limit, earlier = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if earlier is not None and (limit is None or limit > earlier):
        yield "spec.activeDeadlineSeconds", "Invalid value: must be less than or equal to previous value"
    if any(entry not in (spec.get("tolerations") or []) for entry in before.get("tolerations") or []):
        yield "spec.tolerations", "Forbidden: existing toleration can not be modified except its tolerationSeconds"


def _pod_rest(spec: Json, changing: tuple[str, ...]) -> Json:
    """A pod's spec without what may change."""
    rest = {key: part for key, part in spec.items() if key not in changing}
    for field in ("containers", "initContainers"):
        if field in rest:
            rest[field] = [{**entry, "image": "", "imagePullPolicy": ""} for entry in rest[field]]
    return rest


def _job(spec: Json, before: Json, *, waits: bool) -> Problems:
    yield from _fixed(spec, before, "spec", JOB)
    yield from _completions(spec, before)
    template, earlier = spec.get("template"), before.get("template")
    if not waits and template != earlier:
        yield "spec.template", f"Invalid value: {FIXED}"
    elif _undecided(template) != _undecided(earlier):  # what places its pods, and what they ask for, is decided late
        yield "spec.template.spec", f"Invalid value: {FIXED}"


def _waits(spec: Json, status: Json) -> bool:
    """Whether a Job is suspended and has no pods: it has not begun, or its controller has said that it is suspended."""
    if not spec.get("suspend") or status.get("active"):
        return False
    said = [entry for entry in status.get("conditions") or [] if entry.get("type") == "Suspended"]
    return not status.get("startTime") or any(entry.get("status") == "True" for entry in said)


def _completions(spec: Json, before: Json) -> Problems:
    """Only an indexed Job may get more or fewer parts, and then it works for all of them side by side."""
    wanted = spec.get("completions")
    if spec.get("completionMode") != "Indexed":
        yield from _fixed(spec, before, "spec", ("completions",))
    elif wanted not in (None, before.get("completions"), spec.get("parallelism")):
        text = "can only be modified in tandem with spec.parallelism"
        yield "spec.completions", f"Invalid value: {wanted}: {text}"


def _undecided(template: Any) -> Any:
    """A template without what may still change while its Job waits."""
    pod = {key: part for key, part in (template.get("spec") or {}).items() if key not in SCHEDULING}
    for field in ("containers", "initContainers"):
        if field in pod:
            pod[field] = [{key: part for key, part in entry.items() if key != "resources"} for entry in pod[field]]
    return {"spec": pod}
