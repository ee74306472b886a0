"""What a trial's pod gets: labels, the trial's name, the collector's sidecar, volumes, a wrapped command. Pure.

Contract: webhooks.md §5 to §8 with WH-2, WH-8, WH-9, WH-13 to WH-15. A pod goes in and comes out as Kubernetes JSON.
"""

from __future__ import annotations

import copy
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from katib_apis.v1beta1 import names
from katib_apis.v1beta1.enums import CollectorKind, FileSystemKind
from katib_apis.v1beta1.models import MetricsCollectorConfig, MetricsCollectorSpec, Suggestion, Trial, TrialSpec
from katib_domain.naming import suggestion_name
from katib_domain.pod_injection.commands import Wrapping, wrap_command
from katib_domain.pod_injection.sidecar import desired_sidecar

Json = dict[str, Any]
WRAPPED_KINDS = (CollectorKind.STD_OUT, CollectorKind.FILE, CollectorKind.TENSOR_FLOW_EVENT)
TRIAL_DIRECTORY_SETTING = "suggestion_trial_dir"


def trial_directory(suggestion: Suggestion) -> str:
    """Return where trials find their directories on the algorithm's volume; empty if they mount none."""
    algorithm = suggestion.spec.algorithm if suggestion.spec is not None else None
    settings = {entry.name: entry.value for entry in (algorithm.algorithm_settings if algorithm else None) or []}
    return settings.get(TRIAL_DIRECTORY_SETTING) or ""


@dataclass(frozen=True)
class Injection:
    """What the injection of one pod may know. `collector` is None for the kinds Custom and Push."""

    trial: Trial
    collector: MetricsCollectorConfig | None
    db_manager: str
    suggestion: Suggestion | None = None
    early_stopping: str = ""
    inject_security_context: bool = False

    @property
    def spec(self) -> TrialSpec:
        return self.trial.spec or TrialSpec()

    @property
    def kind(self) -> str:
        collector = (self.spec.metrics_collector or MetricsCollectorSpec()).collector
        return str((collector.kind if collector else None) or CollectorKind.STD_OUT)


@dataclass(frozen=True)
class MetricsPlace:
    """Where a kind of collector finds its metrics."""

    path: str
    directory: bool

    @property
    def folder(self) -> str:
        return self.path.rstrip("/") or "/" if self.directory else posixpath.dirname(self.path)


def inject_pod(pod: Mapping[str, Any], injection: Injection) -> Json:
    """The pod as it is to run; the argument is not changed."""
    changed: Json = copy.deepcopy(dict(pod))
    labels = dict((pod.get("metadata") or {}).get("labels") or {})
    _set_labels(changed, injection.trial)
    primary = _holds_all(labels, injection.spec.primary_pod_labels or {})
    container = _container(changed, injection.spec.primary_container_name or "")
    if container is not None:
        _set_trial_name(container)
    if not primary or container is None:
        # A primary pod without the container is admitted too: the Trial fails with a message (WH-8, CTL-10).
        return changed
    _mount_suggestion_volume(changed, container, injection)
    if injection.kind == CollectorKind.PUSH:
        return changed
    _add_sidecar(changed, container, injection)
    return changed


def _set_labels(pod: Json, trial: Trial) -> None:
    metadata = pod.setdefault("metadata", {})
    own = {names.LABEL_TRIAL: trial.name}
    metadata["labels"] = {**(metadata.get("labels") or {}), **trial.labels, **own}


def _holds_all(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in wanted.items())


def _container(pod: Json, name: str) -> Json | None:
    containers: list[Json] = (pod.get("spec") or {}).get("containers") or []
    return next((entry for entry in containers if entry.get("name") == name), None)


def _set_trial_name(container: Json) -> None:
    reference = {"fieldRef": {"fieldPath": f"metadata.labels['{names.LABEL_TRIAL}']"}}
    held = [entry for entry in container.get("env") or [] if entry.get("name") != names.ENV_TRIAL_NAME]
    container["env"] = [*held, {"name": names.ENV_TRIAL_NAME, "valueFrom": reference}]


def _mount_suggestion_volume(pod: Json, container: Json, injection: Injection) -> None:
    """P8: the volume in which a population keeps its checkpoints (webhooks.md §8)."""
    suggestion = injection.suggestion
    algorithm = suggestion.spec.algorithm if suggestion is not None and suggestion.spec else None
    place = trial_directory(suggestion) if suggestion is not None else ""
    if not place or suggestion is None or algorithm is None:
        return
    claim = {"claimName": suggestion_name(suggestion.name, algorithm.algorithm_name or "")}
    _add_volume(pod, {"name": names.VOLUME_SUGGESTION, "persistentVolumeClaim": claim})
    below = f"{suggestion.name}/{injection.trial.name}"
    _add_mount(container, {"name": names.VOLUME_SUGGESTION, "mountPath": place, "subPath": below})


def _add_sidecar(pod: Json, container: Json, injection: Injection) -> None:
    place = metrics_place(injection)
    sidecar = desired_sidecar(injection, place.path if place else "", pod)
    spec = pod["spec"]
    spec["shareProcessNamespace"] = True
    if place is not None:
        mount = {"name": names.VOLUME_METRICS, "mountPath": place.folder}
        _add_volume(pod, {"name": names.VOLUME_METRICS, "emptyDir": {}})
        _add_mount(container, mount)
        _add_mount(sidecar, mount)
    if injection.kind in WRAPPED_KINDS and place is not None:
        _wrap(container, injection, place)
    spec["containers"] = [*spec["containers"], sidecar]


def _wrap(container: Json, injection: Injection, place: MetricsPlace) -> None:
    wrapping = Wrapping(
        place.path,
        directory=place.directory,
        redirect=injection.kind == CollectorKind.STD_OUT,
        early_stopping=bool(injection.spec.early_stopping_rules),
    )
    wrapped = wrap_command(container.get("command") or [], container.get("args") or [], wrapping)
    if wrapped is not None:
        container["command"], container["args"] = wrapped.command, wrapped.arguments


def metrics_place(injection: Injection) -> MetricsPlace | None:
    """Where the metrics are, for the kinds that have a file or directory."""
    source = (injection.spec.metrics_collector or MetricsCollectorSpec()).source
    place = source.file_system_path if source else None
    match injection.kind:
        case CollectorKind.STD_OUT:
            return MetricsPlace(names.PATH_METRICS_FILE, directory=False)
        case CollectorKind.FILE:
            return MetricsPlace((place.path if place else None) or names.PATH_METRICS_FILE, directory=False)
        case CollectorKind.TENSOR_FLOW_EVENT:
            return MetricsPlace((place.path if place else None) or names.PATH_TFEVENT_DIRECTORY, directory=True)
        case CollectorKind.CUSTOM if place is not None and place.path:
            return MetricsPlace(place.path, directory=place.kind == FileSystemKind.DIRECTORY)
        case _:
            return None


def _add_volume(pod: Json, volume: Json) -> None:
    held = [entry for entry in pod["spec"].get("volumes") or [] if entry.get("name") != volume["name"]]
    pod["spec"]["volumes"] = [*held, volume]


def _add_mount(container: Json, mount: Json) -> None:
    held = [entry for entry in container.get("volumeMounts") or [] if entry.get("mountPath") != mount["mountPath"]]
    container["volumeMounts"] = [*held, mount]
