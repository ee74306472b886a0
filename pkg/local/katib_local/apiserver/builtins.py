"""What the API server itself fills in and checks for Kubernetes' own kinds, as far as Katib and kubectl rely on it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.kinds import Kind

Json = dict[str, Any]
KEEPS_STATUS = ("Node", "Namespace")
JOB_DEFAULTS = {"parallelism": 1, "completions": 1, "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False}
POD_DEFAULTS = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}
CONTAINER_DEFAULTS = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
JOB_LABELS = ("batch.kubernetes.io/job-name", "job-name")
UID_LABELS = ("batch.kubernetes.io/controller-uid", "controller-uid")


def prepare(kind: Kind, document: Json) -> Json:
    """An object that is created, complete: called after its name and uid are known."""
    if kind.has("status") and kind.kind not in KEEPS_STATUS:
        document = {key: value for key, value in document.items() if key != "status"}
    match kind.kind:
        case "Pod":
            spec = _pod_spec(document.get("spec") or {})
            return {**document, "spec": spec, "status": {"phase": "Pending", "qosClass": _qos(spec)}}
        case "Job" if kind.group == "batch":
            return {**document, "spec": _job_spec(document), "status": {}}
        case "Deployment" | "ReplicaSet":
            spec = document.get("spec") or {}
            template = {**(spec.get("template") or {})}
            template["spec"] = _pod_spec(template.get("spec") or {})
            return {**document, "spec": {"replicas": 1, **spec, "template": template}, "status": {}}
        case "Service":
            return {**document, "spec": _service_spec(document.get("spec") or {}), "status": {"loadBalancer": {}}}
        case "Namespace":
            return {**document, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        case "Secret":
            return _secret(document)
        case _:
            return document


def _pod_spec(spec: Mapping[str, Any]) -> Json:
    complete = {**POD_DEFAULTS, **spec}
    for field in ("containers", "initContainers"):
        if isinstance(spec.get(field), list):
            complete[field] = [_container(entry) for entry in spec[field]]
    complete.setdefault("securityContext", {})
    return complete


def _container(container: Any) -> Any:
    if not isinstance(container, Mapping):
        return container
    image = str(container.get("image") or "")
    latest = ":" not in image.rpartition("/")[2] or image.endswith(":latest")
    policy = {"imagePullPolicy": "Always" if latest else "IfNotPresent"}
    return {**CONTAINER_DEFAULTS, **policy, "resources": {}, **container}


def _qos(spec: Mapping[str, Any]) -> str:
    resources = [entry.get("resources") or {} for entry in spec.get("containers") or [] if isinstance(entry, Mapping)]
    if not any(part.get("requests") or part.get("limits") for part in resources):
        return "BestEffort"
    full = all({"cpu", "memory"} <= set(part.get("limits") or {}) for part in resources)
    same = all((part.get("requests") or part["limits"]) == part["limits"] for part in resources) if full else False
    return "Guaranteed" if same else "Burstable"


def _job_spec(job: Mapping[str, Any]) -> Json:
    """Counts, and the selector by which a job knows its pods."""
    spec, metadata = dict(job.get("spec") or {}), job["metadata"]
    template = dict(spec.get("template") or {})
    labels = {
        **((template.get("metadata") or {}).get("labels") or {}),
        **dict.fromkeys(JOB_LABELS, metadata["name"]),
        **dict.fromkeys(UID_LABELS, metadata["uid"]),
    }
    template["metadata"] = {**(template.get("metadata") or {}), "labels": labels}
    template["spec"] = _pod_spec(template.get("spec") or {})
    complete = {key: value for key, value in {**JOB_DEFAULTS, **spec}.items() if value is not None}
    selector = {"matchLabels": {UID_LABELS[0]: metadata["uid"]}}
    return {**complete, "selector": spec.get("selector") or selector, "template": template}


def _service_spec(spec: Mapping[str, Any]) -> Json:
    """Services have no addresses of their own here: clients reach them by name through the node's proxy."""
    ports = [{"protocol": "TCP", "targetPort": port.get("port"), **port} for port in spec.get("ports") or []]
    return {"type": "ClusterIP", "sessionAffinity": "None", "clusterIP": "None", **spec, "ports": ports}


def _secret(document: Json) -> Json:
    import base64

    data = dict(document.get("data") or {})
    data |= {
        key: base64.b64encode(str(text).encode()).decode() for key, text in (document.get("stringData") or {}).items()
    }
    rest = {key: value for key, value in document.items() if key not in ("stringData", "data")}
    return {"type": "Opaque", **rest, **({"data": data} if data else {})}


def problems(kind: Kind, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What cannot be stored: pairs of field and text."""
    spec = document.get("spec")
    match kind.kind:
        case "Pod":
            yield from _pod_problems(spec, "spec")
        case "Job" | "Deployment" | "ReplicaSet" if kind.group in ("batch", "apps"):
            template = (spec or {}).get("template") if isinstance(spec, Mapping) else None
            yield from _pod_problems((template or {}).get("spec"), "spec.template.spec")
            if kind.kind == "Job":
                yield from _job_problems((template or {}).get("spec") or {})
        case _:
            return


def _job_problems(pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    policy = pod.get("restartPolicy")
    if policy not in ("Never", "OnFailure"):
        supported = 'supported values: "OnFailure", "Never"'
        yield "spec.template.spec.restartPolicy", f'Required value: valid values: "OnFailure", "Never" ({supported}; found "{policy}")'


def _pod_problems(spec: Any, path: str) -> Iterator[tuple[str, str]]:
    containers = spec.get("containers") if isinstance(spec, Mapping) else None
    if not isinstance(containers, list) or not containers:
        yield f"{path}.containers", "Required value"
        return
    seen: set[str] = set()
    for index, container in enumerate(containers):
        place = f"{path}.containers[{index}]"
        if not isinstance(container, Mapping):
            yield place, "Invalid value: must be an object"
            continue
        name = str(container.get("name") or "")
        if not name:
            yield f"{place}.name", "Required value"
        elif name in seen:
            yield f"{place}.name", f'Duplicate value: "{name}"'
        seen.add(name)
        if not container.get("image"):
            yield f"{place}.image", "Required value"
    yield from _volume_problems(spec, path)


def _volume_problems(spec: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    known = {volume.get("name") for volume in spec.get("volumes") or [] if isinstance(volume, Mapping)}
    for index, container in enumerate(spec.get("containers") or []):
        for place, mount in enumerate(container.get("volumeMounts") or []):
            if mount.get("name") not in known:
                yield f"{path}.containers[{index}].volumeMounts[{place}].name", f'Not found: "{mount.get("name")}"'
