"""What the API server itself fills in for Kubernetes' own kinds, as far as Katib and kubectl rely on it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from katib_local.apiserver.definitions import default_definition, initial_status
from katib_local.apiserver.gate_rules import gated_condition, gates_of
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.metadata import JOB_LABELS, UID_LABELS
from katib_local.apiserver.pod_defaults import default_pod_spec, default_source, with_requests
from katib_local.apiserver.webhooks import default_webhooks

Json = dict[str, Any]
SERVICE_DEFAULTS = {"internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}
VOLUME_DEFAULTS = {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"}
KEEPS_STATUS = ("Node", "Namespace")
JOB_DEFAULTS = {
    "parallelism": 1,
    "backoffLimit": 6,
    "completionMode": "NonIndexed",
    "suspend": False,
    "manualSelector": False,
    "podReplacementPolicy": "TerminatingOrFailed",
}
UNLIMITED = 2**31 - 1
DEPLOYMENT_DEFAULTS = {"revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
ROLLING = {"maxUnavailable": "25%", "maxSurge": "25%"}


def begin(kind: Kind, document: Json) -> Json:
    """An object that is created, with the status that Kubernetes begins with: nobody else writes it at once."""
    if kind.has("status") and kind.kind not in KEEPS_STATUS:
        document = {key: value for key, value in document.items() if key != "status"}
    match kind.kind:
        case "Pod":
            return {**document, "status": _pod_status(document)}
        case "Job" if not kind.custom:
            return {**_labelled(_recognizing(document)), "status": {}}
        case "Deployment" | "ReplicaSet" if not kind.custom:
            return {**document, "status": {}}
        case "Service":
            return {**document, "status": {"loadBalancer": {}}}
        case "PersistentVolume" | "PersistentVolumeClaim" if not kind.custom:
            return {**document, "status": {"phase": "Pending"}}
        case "Namespace":
            return {**document, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        case "CustomResourceDefinition":
            return {**document, "status": initial_status(document)}
        case _:
            return document


def _pod_status(document: Json) -> Json:
    spec = document.get("spec") or {}
    gated = [gated_condition(document["metadata"]["creationTimestamp"])] if gates_of(spec) else []
    return {"phase": "Pending", "qosClass": _qos(spec), **({"conditions": gated} if gated else {})}


def default_builtin(kind: Kind, document: Json) -> Json:
    """An object with what Kubernetes fills in, created or changed; what follows from name and uid, once it has them."""
    if kind.custom:
        return document
    if kind.kind in SPECS:
        document = {**document, "spec": SPECS[kind.kind](document.get("spec") or {})}
    match kind.kind:
        case "Job":
            return document if document["spec"].get("selector") is None else _labelled(document)
        case "Namespace":
            return _namespace(document)
        case "Secret":
            return _secret(document)
        case "RoleBinding" | "ClusterRoleBinding":
            return _binding(document)
        case "CustomResourceDefinition":
            return default_definition(document)
        case "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration":
            return default_webhooks(document)
        case _:
            return document


def _pod_spec(spec: Json) -> Json:
    return {"enableServiceLinks": True, **with_requests(default_pod_spec(spec))}


def _replicas_spec(spec: Json) -> Json:
    template = dict(spec.get("template") or {})
    return {"replicas": 1, **spec, "template": {**template, "spec": default_pod_spec(template.get("spec") or {})}}


def _deployment_spec(spec: Json) -> Json:
    return {**DEPLOYMENT_DEFAULTS, **_replicas_spec(spec), "strategy": _strategy(spec.get("strategy") or {})}


def _strategy(strategy: Json) -> Json:
    kind = strategy.get("type") or "RollingUpdate"
    if kind != "RollingUpdate":
        return {**strategy, "type": kind}
    return {**strategy, "type": kind, "rollingUpdate": {**ROLLING, **(strategy.get("rollingUpdate") or {})}}


def _volume_spec(spec: Json) -> Json:
    return {**VOLUME_DEFAULTS, **default_source(spec)}


def _claim_spec(spec: Json) -> Json:
    return {"volumeMode": "Filesystem", **spec}


def _binding(document: Json) -> Json:
    """With the group of roles and people, where nobody says one: accounts are of none."""
    group = {"apiGroup": "rbac.authorization.k8s.io"}
    roles = {"roleRef": {**group, **document["roleRef"]}} if document.get("roleRef") else {}
    subjects = [
        {**group, **subject} if subject.get("kind") in ("User", "Group") else subject
        for subject in document.get("subjects") or []
    ]
    return {**document, **roles, **({"subjects": subjects} if subjects else {})}


def _namespace(document: Json) -> Json:
    """Labelled with its name, once it has one."""
    metadata = document["metadata"]
    if not metadata.get("name"):
        return document
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    return {**document, "metadata": {**metadata, "labels": labels}}


def _qos(spec: Mapping[str, Any]) -> str:
    resources = [entry.get("resources") or {} for entry in spec.get("containers") or [] if isinstance(entry, Mapping)]
    if not any(part.get("requests") or part.get("limits") for part in resources):
        return "BestEffort"
    full = all({"cpu", "memory"} <= set(part.get("limits") or {}) for part in resources)
    same = all((part.get("requests") or part["limits"]) == part["limits"] for part in resources) if full else False
    return "Guaranteed" if same else "Burstable"


def _labelled(job: Json) -> Json:
    """A job that has no labels has those of its pods, once all of those are known."""
    metadata = job["metadata"]
    of_pods = (job["spec"]["template"].get("metadata") or {}).get("labels")
    labels = metadata.get("labels") or of_pods
    return {**job, "metadata": {**metadata, "labels": labels}} if labels else job


def _job_spec(spec: Mapping[str, Any]) -> Json:
    template = dict(spec.get("template") or {})
    template["spec"] = default_pod_spec(template.get("spec") or {})
    one = {"completions": 1} if spec.get("parallelism") is None else {}  # a number of workers alone is a work queue
    policy = spec.get("podFailurePolicy")
    replaced = {} if policy is None else {"podReplacementPolicy": "Failed"}
    # Where each index has a limit of its own, their Job has none.
    limit = {} if spec.get("backoffLimitPerIndex") is None else {"backoffLimit": UNLIMITED}
    defaults = {**JOB_DEFAULTS, **one, **replaced, **limit}
    complete = {key: value for key, value in {**defaults, **spec}.items() if value is not None}
    if policy is not None:
        complete["podFailurePolicy"] = {**policy, "rules": [_failure_rule(rule) for rule in policy.get("rules") or []]}
    return {**complete, "template": template}


def _failure_rule(rule: Json) -> Json:
    conditions = [{"status": "True", **condition} for condition in rule.get("onPodConditions") or []]
    return {**rule, **({"onPodConditions": conditions} if conditions else {})}


def _recognizing(job: Json) -> Json:
    """With the labels and the selector by which a job knows its pods, unless it brings a selector of its own."""
    spec, metadata = job["spec"], job["metadata"]
    if spec.get("manualSelector"):
        return job
    of_pods = spec["template"].get("metadata") or {}
    names = dict.fromkeys(JOB_LABELS, metadata["name"]) | dict.fromkeys(UID_LABELS, metadata["uid"])
    template = {**spec["template"], "metadata": {**of_pods, "labels": {**names, **(of_pods.get("labels") or {})}}}
    selector = spec.get("selector") or {}
    labels = {**(selector.get("matchLabels") or {}), UID_LABELS[0]: metadata["uid"]}
    return {**job, "spec": {**spec, "selector": {**selector, "matchLabels": labels}, "template": template}}


def _service_spec(spec: Mapping[str, Any]) -> Json:
    """Services have no addresses of their own here: clients reach them by name through the node's proxy."""
    complete = {"type": "ClusterIP", "sessionAffinity": "None", **spec}
    if complete["sessionAffinity"] == "None":
        complete.pop("sessionAffinityConfig", None)
    if spec.get("ports"):
        complete["ports"] = [{"protocol": "TCP", "targetPort": port.get("port"), **port} for port in spec["ports"]]
    if complete["type"] == "ExternalName":
        return complete
    if spec.get("ports"):  # one that leads nowhere is without an address only by its own will
        complete.setdefault("clusterIP", "None")
    if complete.get("clusterIP") == "None":
        complete.setdefault("clusterIPs", ["None"])
    return {**SERVICE_DEFAULTS, **complete}


def _secret(document: Json) -> Json:
    import base64

    data = dict(document.get("data") or {})
    data |= {
        key: base64.b64encode(str(text).encode()).decode() for key, text in (document.get("stringData") or {}).items()
    }
    rest = {key: value for key, value in document.items() if key not in ("stringData", "data")}
    return {"type": "Opaque", **rest, **({"data": data} if data else {})}


SPECS: Mapping[str, Callable[[Json], Json]] = {
    "Pod": _pod_spec,
    "Job": _job_spec,
    "Deployment": _deployment_spec,
    "ReplicaSet": _replicas_spec,
    "Service": _service_spec,
    "PersistentVolume": _volume_spec,
    "PersistentVolumeClaim": _claim_spec,
}
"""What is filled into the spec of a kind."""
