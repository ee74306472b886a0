"""The collector's container in a trial's pod (webhooks.md §7, WH-2, WH-15). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.enums import CollectorKind, FileFormat
from katib_apis.v1beta1.models import MetricsCollectorSpec, ObjectiveSpec

if TYPE_CHECKING:
    from katib_domain.pod_injection import Injection

Json = dict[str, Any]
LOG_KINDS = (CollectorKind.STD_OUT, CollectorKind.FILE)
RESTRICTED: Json = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def desired_sidecar(injection: Injection, path: str, pod: Mapping[str, Any]) -> Json:
    """The sidecar, without its mounts."""
    spec = injection.spec.metrics_collector or MetricsCollectorSpec()
    if injection.kind == CollectorKind.CUSTOM:
        custom = spec.collector.custom_collector if spec.collector else None
        return custom.to_dict() if custom is not None else {}
    config = injection.collector
    assert config is not None, "admission has refused a kind without an entry"
    sidecar: Json = {
        "name": names.CONTAINER_LOG_COLLECTOR if injection.kind in LOG_KINDS else names.CONTAINER_COLLECTOR,
        "image": config.image,
        "imagePullPolicy": str(config.image_pull_policy),
        "args": arguments(injection, path),
        "env": [{"name": names.ENV_TRIAL_NAMESPACE, "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}],
        "securityContext": security_context(injection, pod),
    }
    return {**sidecar, "resources": config.resources.to_dict()} if config.resources else sidecar


def security_context(injection: Injection, pod: Mapping[str, Any]) -> Json:
    """Pod Security "restricted" (WH-15); or that of the pod's first container, when the configuration asks for it.

    The user stays the pod's: the sidecar must be able to write markers that the training may replace.
    """
    containers = (pod.get("spec") or {}).get("containers") or []
    first = (containers[0].get("securityContext") or {}) if containers else {}
    if injection.inject_security_context:
        return dict(first)
    shared = (pod.get("spec") or {}).get("securityContext") or {}
    user = shared.get("runAsUser", first.get("runAsUser"))
    restricted = dict(RESTRICTED)
    if user == 0:
        del restricted["runAsNonRoot"]
    return {**restricted, **({"runAsUser": user} if user is not None else {})}


def arguments(injection: Injection, path: str) -> list[str]:
    """The collector's command line, in the contract's order."""
    spec = injection.spec
    objective = spec.objective or ObjectiveSpec()
    metrics = [objective.objective_metric_name or "", *(objective.additional_metric_names or [])]
    words = [
        "-t",
        injection.trial.name,
        "-m",
        ";".join(metrics),
        "-o-type",
        str(objective.type or ""),
        "-s-db",
        injection.db_manager,
    ]
    if path:
        words += ["-path", path]
    source = (spec.metrics_collector or MetricsCollectorSpec()).source
    words += _filters((source.filter.metrics_format if source and source.filter else None) or [])
    words += _format(injection, source)
    wait_all = injection.collector.wait_all_processes if injection.collector else None
    if wait_all is not None:
        words += ["-w", "true" if wait_all else "false"]
    rules = spec.early_stopping_rules or []
    for rule in rules:
        words += ["-stop-rule", f"{rule.name};{rule.value};{rule.comparison};{rule.start_step or 0}"]
    return [*words, "-s-earlystop", injection.early_stopping] if rules else words


def _filters(filters: list[str]) -> list[str]:
    """Joined by `;`, unless a filter holds one itself: then one by one (WH-2)."""
    if not filters:
        return []
    if any(";" in text for text in filters):
        return [word for text in filters for word in ("-filter", text)]
    return ["-f", ";".join(filters)]


def _format(injection: Injection, source: Any) -> list[str]:
    if injection.kind == CollectorKind.STD_OUT:
        return ["-format", FileFormat.TEXT.value]
    if injection.kind == CollectorKind.FILE:
        place = source.file_system_path if source else None
        return ["-format", str((place.format if place else None) or FileFormat.TEXT)]
    return []
