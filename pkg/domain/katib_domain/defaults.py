"""What an Experiment means where it says nothing: the defaults of admission, as a JSON patch that only adds. Pure.

Contract: webhooks.md §3 with WH-11. Works on the request's own JSON, so that unknown fields survive.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from katib_apis.v1beta1 import defaults, names
from katib_apis.v1beta1.enums import CollectorKind, FileFormat, FileSystemKind, MetricStrategyType, ObjectiveType

Json = dict[str, Any]
MASTER = {names.LABEL_JOB_ROLE: names.LABEL_VALUE_JOB_ROLE_PRIMARY}
NODE = {
    names.LABEL_REPLICATED_JOB: names.LABEL_VALUE_REPLICATED_JOB_TRAINING,
    "batch.kubernetes.io/job-completion-index": "0",
}
TRAINING_KINDS = ("TFJob", "PyTorchJob", "XGBoostJob", "MPIJob")
SUCCESS_CONDITIONS = {
    **dict.fromkeys(("Job", "TrainJob"), names.JOB_CONDITION_COMPLETE),
    **dict.fromkeys(TRAINING_KINDS, names.JOB_CONDITION_SUCCEEDED),
}
FAILURE_CONDITIONS = dict.fromkeys(SUCCESS_CONDITIONS, names.JOB_CONDITION_FAILED)
PRIMARY_POD_LABELS = {"TrainJob": NODE, **dict.fromkeys(TRAINING_KINDS, MASTER)}
STRATEGIES: Mapping[str, MetricStrategyType] = {
    ObjectiveType.MINIMIZE: MetricStrategyType.MIN,
    ObjectiveType.MAXIMIZE: MetricStrategyType.MAX,
}


def default_experiment(experiment: Mapping[str, Any]) -> Json:
    """The Experiment with every default filled in; the argument is not changed. Odd shapes are left as they are."""
    complete: Json = copy.deepcopy(dict(experiment))
    spec = complete.get("spec")
    if isinstance(spec, dict):
        _default_spec(spec)
    return complete


def default_patch(experiment: Mapping[str, Any]) -> list[Json]:
    """The defaults as JSON patch operations, in a stable order."""
    return list(render_patch(experiment, default_experiment(experiment)))


def _default_spec(spec: Json) -> None:
    if spec.get("parallelTrialCount") is None:
        spec["parallelTrialCount"] = defaults.EXPERIMENT_SPEC_PARALLEL_TRIAL_COUNT
    if not spec.get("resumePolicy"):
        spec["resumePolicy"] = defaults.EXPERIMENT_SPEC_RESUME_POLICY
    if isinstance(spec.get("objective"), dict):
        _default_strategies(spec["objective"])
    if isinstance(spec.get("trialTemplate"), dict):
        _default_template(spec["trialTemplate"])
    if spec.get("metricsCollectorSpec") is None:
        spec["metricsCollectorSpec"] = {}
    if isinstance(spec["metricsCollectorSpec"], dict):
        _default_collector(spec["metricsCollectorSpec"])
    for parameter in _objects(spec.get("parameters")):
        space = parameter.setdefault("feasibleSpace", {})
        if isinstance(space, dict) and not space.get("distribution"):
            space["distribution"] = defaults.FEASIBLE_SPACE_DISTRIBUTION


def _objects(value: object) -> Iterator[Json]:
    return (entry for entry in value if isinstance(entry, dict)) if isinstance(value, list) else iter(())


def _default_strategies(objective: Json) -> None:
    strategy = STRATEGIES.get(str(objective.get("type")), MetricStrategyType.LATEST).value
    given = objective.get("metricStrategies") or []
    held = [entry.get("name") for entry in _objects(given)]
    additional = objective.get("additionalMetricNames")
    wanted = [objective.get("objectiveMetricName"), *(additional if isinstance(additional, list) else [])]
    texts = dict.fromkeys(name for name in wanted if isinstance(name, str))
    missing = [name for name in texts if name and name not in held]
    if missing and isinstance(given, list):
        objective["metricStrategies"] = [*given, *({"name": name, "value": strategy} for name in missing)]


def _default_template(template: Json) -> None:
    trial_spec = template.get("trialSpec")
    if not isinstance(trial_spec, Mapping):
        return
    kind = str(trial_spec.get("kind"))
    for field, by_kind in (("successCondition", SUCCESS_CONDITIONS), ("failureCondition", FAILURE_CONDITIONS)):
        if not template.get(field) and kind in by_kind:
            template[field] = by_kind[kind]
    if not template.get("primaryPodLabels") and kind in PRIMARY_POD_LABELS:
        template["primaryPodLabels"] = dict(PRIMARY_POD_LABELS[kind])


def _default_collector(spec: Json) -> None:
    if spec.get("collector") is None:
        spec["collector"] = {"kind": defaults.COLLECTOR_SPEC_KIND}
    kind = spec["collector"].get("kind") if isinstance(spec["collector"], dict) else None
    match kind:
        case CollectorKind.FILE:
            wanted = {
                "kind": FileSystemKind.FILE.value,
                "path": names.PATH_METRICS_FILE,
                "format": FileFormat.TEXT.value,
            }
        case CollectorKind.TENSOR_FLOW_EVENT:
            wanted = {"kind": FileSystemKind.DIRECTORY.value, "path": names.PATH_TFEVENT_DIRECTORY}
        case CollectorKind.PROMETHEUS_METRIC:
            _default_endpoint(spec)
            return
        case _:
            return
    source = _child(spec, "source")
    path = _child(source, "fileSystemPath") if source is not None else None
    for field, value in wanted.items():
        if path is not None and not path.get(field):
            path[field] = value


def _default_endpoint(spec: Json) -> None:
    source = _child(spec, "source")
    endpoint = _child(source, "httpGet") if source is not None else None
    if endpoint is not None and not endpoint.get("path"):
        endpoint["path"] = names.HTTP_PATH_TRIAL_METRICS
    if endpoint is not None and endpoint.get("port") in (None, 0):
        endpoint["port"] = names.PORT_TRIAL_METRICS


def _child(parent: Json, field: str) -> Json | None:
    """The object of a field, made where it is absent; None where something else stands."""
    if parent.get(field) is None:
        parent[field] = {}
    child = parent[field]
    return child if isinstance(child, dict) else None


def render_patch(before: Any, after: Any, path: str = "") -> Iterator[Json]:
    """JSON patch operations (RFC 6902) that lead from one value to another; objects are compared field by field."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in before:
            if key not in after:
                yield {"op": "remove", "path": f"{path}/{_escaped(key)}"}
        for key, value in after.items():
            if key not in before:
                yield {"op": "add", "path": f"{path}/{_escaped(key)}", "value": value}
            else:
                yield from render_patch(before[key], value, f"{path}/{_escaped(key)}")
    elif (
        isinstance(before, Sequence)
        and isinstance(after, Sequence)
        and not isinstance(before, str)
        and not isinstance(after, str)
    ):
        yield from _list_patch(before, after, path)
    elif before != after or type(before) is not type(after):
        yield {"op": "replace", "path": path, "value": after}


def _list_patch(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[Json]:
    shared = min(len(before), len(after))
    for index in range(shared):
        yield from render_patch(before[index], after[index], f"{path}/{index}")
    for index in range(len(before) - 1, shared - 1, -1):
        yield {"op": "remove", "path": f"{path}/{index}"}
    for value in after[shared:]:
        yield {"op": "add", "path": f"{path}/-", "value": value}


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
