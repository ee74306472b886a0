"""What the pods of a Trial tell about it: why they failed, what they wait for, what became of the collector. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from katib_apis.v1beta1 import defaults, names
from katib_apis.v1beta1.enums import CollectorKind, FileFormat
from katib_apis.v1beta1.models import FileSystemPath, SourceSpec, Trial, TrialSpec
from katib_machinery.objects import Unstructured

Status = dict[str, Any]

_COLLECTORS: Final = {
    CollectorKind.STD_OUT: names.CONTAINER_LOG_COLLECTOR,
    CollectorKind.FILE: names.CONTAINER_LOG_COLLECTOR,
    CollectorKind.TENSOR_FLOW_EVENT: names.CONTAINER_COLLECTOR,
    CollectorKind.PROMETHEUS_METRIC: names.CONTAINER_COLLECTOR,
}
# A container that waits for one of these gets on by itself.
_HARMLESS_WAITS: Final = frozenset({"", "ContainerCreating", "PodInitializing"})


def collector_kind(trial: Trial) -> str:
    """Return the kind of a Trial's metrics collector."""
    collector = trial.spec.metrics_collector.collector if trial.spec and trial.spec.metrics_collector else None
    return str((collector.kind if collector is not None else None) or defaults.COLLECTOR_SPEC_KIND)


def is_push(trial: Trial) -> bool:
    """Whether the training code reports its metrics itself."""
    return collector_kind(trial) == CollectorKind.PUSH


@dataclass(frozen=True)
class Missing:
    """Why there are no metrics; ``final`` when waiting for them would be in vain."""

    cause: str
    final: bool = False


def missing_metrics(trial: Trial, pods: Sequence[Unstructured] | None) -> Missing:
    """Find out why nothing was reported (CTL-3)."""
    if is_push(trial):
        return Missing("the training code reported nothing")
    nothing = Missing(_join("the metrics collector reported nothing", None, metric_cure(trial)))
    sidecar = _COLLECTORS.get(CollectorKind(collector_kind(trial)))
    if pods is None or sidecar is None:
        return nothing
    primary = [pod for pod in pods if is_primary(trial, pod)]
    for pod in primary:
        if sidecar not in _container_names(pod):
            return Missing(
                f"the metrics collector was not injected into pod {pod.name}: see whether its namespace has the label "
                f"{names.LABEL_METRICS_COLLECTOR_INJECTION}={names.LABEL_VALUE_INJECTION_ENABLED}",
                final=True,
            )
        code = _exit_code(pod, sidecar)
        if code:
            return Missing(f"the metrics collector in pod {pod.name} has exited with code {code}")
    return nothing


def metric_cure(trial: Trial) -> str:
    """How the training code gives a collector of lines its objective's value; empty for other collectors."""
    spec = trial.spec or TrialSpec()
    metric = (spec.objective.objective_metric_name if spec.objective is not None else None) or ""
    kind = collector_kind(trial)
    if kind not in (CollectorKind.STD_OUT, CollectorKind.FILE):
        return ""
    source = (spec.metrics_collector.source if spec.metrics_collector is not None else None) or SourceSpec()
    file = source.file_system_path or FileSystemPath()
    where = "print" if kind == CollectorKind.STD_OUT else f"write into {file.path}"
    if file.format == FileFormat.JSON:
        return f'{where} lines such as {{"{metric}": 0.9}}'
    filters = (source.filter.metrics_format if source.filter is not None else None) or []
    if filters:
        return f"{where} lines that metricsCollectorSpec.source.filter.metricsFormat finds it in ({', '.join(filters)}), or correct that"
    return (
        f"{where} lines that hold {metric}=0.9, or give metricsCollectorSpec.source.filter.metricsFormat for other ones"
    )


def is_primary(trial: Trial, pod: Unstructured) -> bool:
    """Whether metrics are expected from a pod: all its primary labels are there."""
    wanted = (trial.spec.primary_pod_labels if trial.spec is not None else None) or {}
    return all(pod.labels.get(key) == value for key, value in wanted.items())


def lacks_primary_container(trial: Trial, pods: Sequence[Unstructured] | None) -> str:
    """Name a primary pod that has no container of the primary name, empty if there is none (CTL-10)."""
    primary = (trial.spec.primary_container_name if trial.spec is not None else None) or ""
    for pod in pods or ():
        if primary and is_primary(trial, pod) and primary not in _container_names(pod):
            return pod.name
    return ""


def failure_words(pods: Sequence[Unstructured] | None, primary: str = "") -> str:
    """Say how the latest failed pod ended: the pod's reason, then each container that did not end well.

    Where the primary container is one of them, the others only follow from that.
    """
    failed = [pod for pod in pods or () if _status(pod).get("phase") == "Failed" or _bad_ends(pod)]
    if not failed:
        return ""
    pod = max(failed, key=lambda pod: (pod.raw["metadata"].get("creationTimestamp") or "", pod.name))
    status = _status(pod)
    words = [text for text in (status.get("reason"), status.get("message")) if text]
    ends = _bad_ends(pod)
    words += [ends[primary]] if primary in ends else ends.values()
    return f"pod {pod.name}: {'; '.join(words)}" if words else f"pod {pod.name} has failed"


def _bad_ends(pod: Unstructured) -> dict[str, str]:
    """What is to be said of each container that did not end well or cannot start, by its name."""
    words = {str(container.get("name")): _bad_end(container) for container in _container_statuses(pod)}
    return {name: text for name, text in words.items() if text}


def _bad_end(container: Status) -> str:
    state = container.get("state") or {}
    terminated = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    waiting = state.get("waiting") or {}
    if terminated.get("exitCode"):
        head = f"container {container.get('name')} exited with code {terminated['exitCode']}"
        return _join(head, terminated.get("reason"), terminated.get("message"))
    if waiting.get("reason", "") not in _HARMLESS_WAITS:
        return _join(f"container {container.get('name')} waits", waiting.get("reason"), waiting.get("message"))
    return ""


def waiting_words(pods: Sequence[Unstructured] | None) -> str:
    """Say what pending pods wait for, empty if they get on by themselves."""
    for pod in pods or ():
        status = _status(pod)
        if status.get("phase") not in (None, "", "Pending"):
            continue
        for condition in status.get("conditions") or ():
            if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
                return f"pod {pod.name} cannot be scheduled: {condition.get('message') or condition.get('reason')}"
        for words in _bad_ends(pod).values():
            return f"pod {pod.name}: {words}"
    return ""


def _join(head: str, reason: str | None, message: str | None) -> str:
    text = f"{head} ({reason})" if reason else head
    return f"{text}: {message.strip()}" if message else text


def _status(pod: Unstructured) -> Status:
    return pod.raw.get("status") or {}


def _container_statuses(pod: Unstructured) -> list[Status]:
    status = _status(pod)
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _container_names(pod: Unstructured) -> set[str]:
    spec = pod.raw.get("spec") or {}
    # A sidecar may also be a restartable init container.
    return {entry.get("name", "") for key in ("containers", "initContainers") for entry in spec.get(key) or ()}


def _exit_code(pod: Unstructured, container: str) -> int:
    for status in _container_statuses(pod):
        if status.get("name") == container:
            terminated = (status.get("state") or {}).get("terminated") or {}
            return int(terminated.get("exitCode") or 0)
    return 0
