"""What the objects of an Experiment's own algorithm service should look like (resources.md §9). Pure builders.

The names come from the Suggestion alone, so that cleaning up needs no configuration (RES-6). Pods fit the "restricted"
Pod Security level; whatever the configuration says of a security context goes over it (RES-3).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from katib_apis.v1beta1 import defaults, names
from katib_apis.v1beta1.enums import ResumePolicyType
from katib_apis.v1beta1.models import EarlyStoppingConfig, Suggestion, SuggestionConfig
from katib_apis.v1beta1.permissions import EARLY_STOPPING_RULES
from katib_controller.ownership import raw_owner_reference
from katib_domain.naming import suggestion_name, suggestion_volume_name
from katib_machinery.model import deep_copy
from katib_machinery.objects import Unstructured

# What a KatibConfig entry has beside the fields of a container.
_NOT_OF_A_CONTAINER: Final = frozenset(
    {
        "algorithmName",
        "serviceAccountName",
        "volumeMountPath",
        "persistentVolumeClaimSpec",
        "persistentVolumeSpec",
        "persistentVolumeLabels",
        "endpoint",
        "timeoutSeconds",
        "trialHistory",
    }
)
_CONTAINER_SECURITY: Final = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_POD_SECURITY: Final = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


class ServiceConfigError(ValueError):
    """An entry of the KatibConfig of which no Deployment can be made."""


def algorithm_of(suggestion: Suggestion) -> str:
    """Return the name of the algorithm that suggests."""
    algorithm = suggestion.spec.algorithm if suggestion.spec is not None else None
    return (algorithm.algorithm_name if algorithm is not None else None) or ""


def stops_early(suggestion: Suggestion) -> bool:
    """Whether trials may be stopped early."""
    stopping = suggestion.spec.early_stopping if suggestion.spec is not None else None
    return stopping is not None and bool(stopping.algorithm_name)


def has_companion(suggestion: Suggestion, stopping: EarlyStoppingConfig | None) -> bool:
    """Whether early stopping is served in the algorithm's pod, and not by a service for all."""
    return stops_early(suggestion) and stopping is not None and not stopping.endpoint


def child_name(suggestion: Suggestion) -> str:
    """Return the name of all namespaced children."""
    return suggestion_name(suggestion.name, algorithm_of(suggestion))


def pod_labels(suggestion: Suggestion) -> dict[str, str]:
    """Return the labels by which the Service and the Deployment find their pods."""
    return {
        **suggestion.labels,
        names.LABEL_DEPLOYMENT: child_name(suggestion),
        names.LABEL_EXPERIMENT: suggestion.name,
        names.LABEL_SUGGESTION: suggestion.name,
        names.LABEL_ISTIO_INJECT: names.LABEL_VALUE_ISTIO_INJECT_OFF,
    }


def desired_service(suggestion: Suggestion, stopping: EarlyStoppingConfig | None) -> Unstructured:
    """Build the Service in front of the algorithm's pod."""
    ports = [{"name": names.PORT_NAME_SUGGESTION, "port": names.PORT_SUGGESTION, "protocol": "TCP"}]
    if has_companion(suggestion, stopping):
        ports.append({"name": names.PORT_NAME_EARLY_STOPPING, "port": names.PORT_EARLY_STOPPING, "protocol": "TCP"})
    spec = {"type": "ClusterIP", "selector": pod_labels(suggestion), "ports": ports}
    return _child(suggestion, "v1", "Service", {"spec": spec})


def desired_deployment(
    suggestion: Suggestion, config: SuggestionConfig, stopping: EarlyStoppingConfig | None, *, probes: bool
) -> Unstructured:
    """Build the Deployment of the algorithm, with its early-stopping companion if there is one.

    Raises ServiceConfigError when the configured container takes the port that the service needs.
    """
    annotations = _annotations(suggestion)
    containers = [_algorithm_container(suggestion, config, probes=probes)]
    if stopping is not None and has_companion(suggestion, stopping):
        containers.append(_stopping_container(stopping))
    pod: dict[str, Any] = {"securityContext": deep_copy(_POD_SECURITY), "containers": containers}
    if account := account_name(suggestion, config, stopping):
        pod["serviceAccountName"] = account
    if keeps_volume(suggestion):
        claim = {"claimName": child_name(suggestion)}
        pod["volumes"] = [{"name": names.VOLUME_SUGGESTION, "persistentVolumeClaim": claim}]
    labels = pod_labels(suggestion)
    template = {"metadata": {"labels": labels, **_if(annotations=annotations)}, "spec": pod}
    spec = {"selector": {"matchLabels": dict(labels)}, "template": template}
    deployment = _child(suggestion, "apps/v1", "Deployment", {"spec": spec}).to_dict()
    marked = {**annotations, names.ANNOTATION_CONFIGURATION: _digest(template)}
    deployment["metadata"].update(_if(labels=dict(suggestion.labels), annotations=marked))
    return Unstructured(deployment)


def updated_deployment(live: Unstructured, desired: Unstructured) -> Unstructured | None:
    """Return the live Deployment with the pods that the configuration wants now; None if they were made from it.

    Digests are compared, because the server fills a live object with defaults of its own (CTL-19).
    """
    digest = desired.annotations[names.ANNOTATION_CONFIGURATION]
    if live.annotations.get(names.ANNOTATION_CONFIGURATION) == digest:
        return None
    raw = live.to_dict()
    raw["metadata"]["annotations"] = {**live.annotations, names.ANNOTATION_CONFIGURATION: digest}
    raw["spec"]["template"] = desired.to_dict()["spec"]["template"]
    return Unstructured(raw)


def _digest(template: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:16]


def keeps_volume(suggestion: Suggestion) -> bool:
    """Whether the algorithm's state is to outlive its pod."""
    return suggestion.spec is not None and suggestion.spec.resume_policy == ResumePolicyType.FROM_VOLUME


def needs_account(suggestion: Suggestion, config: SuggestionConfig, stopping: EarlyStoppingConfig | None) -> bool:
    """Whether the pod runs under the generated account, which may mark Trials as stopped."""
    return has_companion(suggestion, stopping) and not config.service_account_name


def account_name(suggestion: Suggestion, config: SuggestionConfig, stopping: EarlyStoppingConfig | None) -> str:
    """Return the account that the pod runs under; empty for the namespace's default."""
    return config.service_account_name or (child_name(suggestion) if has_companion(suggestion, stopping) else "")


def _algorithm_container(suggestion: Suggestion, config: SuggestionConfig, *, probes: bool) -> dict[str, Any]:
    container = {key: value for key, value in deep_copy(config.to_dict()).items() if key not in _NOT_OF_A_CONTAINER}
    container["name"] = container.get("name") or names.CONTAINER_SUGGESTION
    for port in container.get("ports") or ():
        if port.get("name") == names.PORT_NAME_SUGGESTION or port.get("containerPort") == names.PORT_SUGGESTION:
            raise ServiceConfigError(
                f"the KatibConfig entry of {algorithm_of(suggestion)} must not use port {names.PORT_NAME_SUGGESTION} "
                f"or {names.PORT_SUGGESTION}: the algorithm service listens there"
            )
    api_port = {"name": names.PORT_NAME_SUGGESTION, "containerPort": names.PORT_SUGGESTION, "protocol": "TCP"}
    container["ports"] = [*(container.get("ports") or ()), api_port]
    container["securityContext"] = _security(container.get("securityContext"))
    if probes:
        container.setdefault("readinessProbe", _probe(period=10))
        container.setdefault("livenessProbe", {**_probe(period=120), "failureThreshold": 12})
    if keeps_volume(suggestion):
        mounts = container.get("volumeMounts") or []
        if not any(mount.get("name") == names.VOLUME_SUGGESTION for mount in mounts):
            path = config.volume_mount_path or defaults.SUGGESTION_CONFIG_VOLUME_MOUNT_PATH
            container["volumeMounts"] = [*mounts, {"name": names.VOLUME_SUGGESTION, "mountPath": path}]
    return container


def _stopping_container(config: EarlyStoppingConfig) -> dict[str, Any]:
    raw = deep_copy(config.to_dict())
    api_port = {"name": names.PORT_NAME_EARLY_STOPPING, "containerPort": names.PORT_EARLY_STOPPING, "protocol": "TCP"}
    return {
        "name": names.CONTAINER_EARLY_STOPPING,
        **{key: raw[key] for key in ("image", "imagePullPolicy", "resources") if key in raw},
        "ports": [api_port],
        "securityContext": _security(raw.get("securityContext")),
    }


def _security(configured: Mapping[str, Any] | None) -> dict[str, Any]:
    return {**deep_copy(_CONTAINER_SECURITY), **(configured or {})}


def _probe(*, period: int) -> dict[str, Any]:
    grpc = {"port": names.PORT_SUGGESTION, "service": names.HEALTH_SERVICE_SUGGESTION}
    return {"grpc": grpc, "initialDelaySeconds": 10, "periodSeconds": period}


def desired_claim(suggestion: Suggestion, config: SuggestionConfig) -> Unstructured:
    """Build the claim for the volume that keeps the algorithm's state."""
    spec = config.persistent_volume_claim_spec or defaults.SUGGESTION_CONFIG_PERSISTENT_VOLUME_CLAIM_SPEC
    return _child(suggestion, "v1", "PersistentVolumeClaim", {"spec": deep_copy(dict(spec))})


def volume_name(suggestion: Suggestion) -> str:
    """Return the name of the volume, which no namespace holds."""
    return suggestion_volume_name(suggestion.name, algorithm_of(suggestion), suggestion.namespace)


def desired_volume(suggestion: Suggestion, config: SuggestionConfig) -> Unstructured:
    """Build the configured volume. A cluster-wide object cannot be owned by a namespaced one, so it has no owner."""
    spec = {**deep_copy(dict(config.persistent_volume_spec or {})), "persistentVolumeReclaimPolicy": "Delete"}
    metadata = {"name": volume_name(suggestion), **_if(labels=dict(config.persistent_volume_labels or {}))}
    return Unstructured({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec})


def desired_account(suggestion: Suggestion) -> Unstructured:
    """Build the account of a pod that may mark Trials as stopped."""
    return _child(suggestion, "v1", "ServiceAccount", {})


def desired_role(suggestion: Suggestion) -> Unstructured:
    """Build the least role that marking Trials as stopped needs (ES-01)."""
    rules = [{part: list(values) for part, values in rule.items()} for rule in EARLY_STOPPING_RULES]
    return _child(suggestion, "rbac.authorization.k8s.io/v1", "Role", {"rules": rules})


def desired_role_binding(suggestion: Suggestion) -> Unstructured:
    """Give the account its role."""
    name = child_name(suggestion)
    subject = {"kind": "ServiceAccount", "name": name, "namespace": suggestion.namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    return _child(suggestion, "rbac.authorization.k8s.io/v1", "RoleBinding", {"subjects": [subject], "roleRef": role})


def _child(suggestion: Suggestion, api_version: str, kind: str, content: Mapping[str, Any]) -> Unstructured:
    metadata = {
        "name": child_name(suggestion),
        "namespace": suggestion.namespace,
        "ownerReferences": [raw_owner_reference(suggestion)],
    }
    return Unstructured({"apiVersion": api_version, "kind": kind, "metadata": metadata, **content})


def _annotations(suggestion: Suggestion) -> dict[str, str]:
    """kubectl's own bookkeeping stays where it is (RES-5)."""
    return {key: value for key, value in suggestion.annotations.items() if key != names.ANNOTATION_LAST_APPLIED}


def _if(**fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
