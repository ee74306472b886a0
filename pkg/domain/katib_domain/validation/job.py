"""Whether a trial's batch/v1 Job fits the Job schema, as far as mistakes are made: field names and types (row 37). Pure.

The API server checks the rest when the job is created; what is checked here is told before any trial has run.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from katib_machinery.cures import type_cure

Problem = tuple[str, str]

JOB_SPEC = """activeDeadlineSeconds:integer backoffLimit:integer backoffLimitPerIndex:integer completionMode:string
completions:integer managedBy:string manualSelector:boolean maxFailedIndexes:integer parallelism:integer
podFailurePolicy:object podReplacementPolicy:string selector:object successPolicy:object suspend:boolean template:object
ttlSecondsAfterFinished:integer"""
POD_SPEC = """activeDeadlineSeconds:integer affinity:object automountServiceAccountToken:boolean containers:list
dnsConfig:object dnsPolicy:string enableServiceLinks:boolean ephemeralContainers:list hostAliases:list hostIPC:boolean
hostNetwork:boolean hostPID:boolean hostUsers:boolean hostname:string hostnameOverride:string imagePullSecrets:list
initContainers:list nodeName:string nodeSelector:object os:object overhead:object preemptionPolicy:string
priority:integer priorityClassName:string readinessGates:list resourceClaims:list resources:object restartPolicy:string
runtimeClassName:string schedulerName:string schedulingGates:list securityContext:object serviceAccount:string
serviceAccountName:string setHostnameAsFQDN:boolean shareProcessNamespace:boolean subdomain:string
terminationGracePeriodSeconds:integer tolerations:list topologySpreadConstraints:list volumes:list workloadRef:object"""
CONTAINER = """args:texts command:texts env:list envFrom:list image:string imagePullPolicy:string lifecycle:object
livenessProbe:object name:string ports:list readinessProbe:object resizePolicy:list resources:object
restartPolicy:string restartPolicyRules:list securityContext:object startupProbe:object stdin:boolean
stdinOnce:boolean terminationMessagePath:string terminationMessagePolicy:string tty:boolean volumeDevices:list
volumeMounts:list workingDir:string"""
TOP = "apiVersion:string kind:string metadata:object spec:object status:object"
TEMPLATE = "metadata:object spec:object"

CHECKS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, Mapping),
    "list": lambda value: isinstance(value, list),
    "texts": lambda value: isinstance(value, list) and all(isinstance(part, str) for part in value),
}
WORDS = {
    "object": "a mapping",
    "list": "a list",
    "texts": "a list of strings",
    "integer": "an integer",
    "string": "a string",
}
JSON_TYPES = {"list": "array", "texts": "array"}
"""JSON's own word for a type, where it is another one."""
REPLICA_FIELDS = ("tfReplicaSpecs", "pytorchReplicaSpecs", "xgbReplicaSpecs", "mpiReplicaSpecs")


def _fields(text: str) -> dict[str, str]:
    return dict(word.split(":") for word in text.split())


def job_errors(job: Mapping[str, Any]) -> Iterator[Problem]:
    """Fields of a Job that do not exist or have a wrong type, each with the place and the cure."""
    yield from _object_errors(job, TOP, "")
    spec = job.get("spec")
    if not isinstance(spec, Mapping):
        yield "spec", "a Job needs a spec with a pod template"
        return
    yield from _object_errors(spec, JOB_SPEC, "spec")
    template = spec.get("template")
    if not isinstance(template, Mapping):
        return
    yield from _object_errors(template, TEMPLATE, "spec.template")
    pod = template.get("spec")
    if isinstance(pod, Mapping):
        yield from _pod_errors(pod, "spec.template.spec")


def _pod_errors(pod: Mapping[str, Any], path: str) -> Iterator[Problem]:
    yield from _object_errors(pod, POD_SPEC, path)
    for field in ("initContainers", "containers"):
        entries = pod.get(field)
        for index, container in enumerate(entries if isinstance(entries, list) else []):
            place = f"{path}.{field}[{index}]"
            if not isinstance(container, Mapping):
                yield place, "a container must be a mapping"
                continue
            yield from _object_errors(container, CONTAINER, place)
            if not container.get("name"):
                yield f"{place}.name", "a container needs a name"
            yield from _variable_errors(container, place)


def _variable_errors(container: Mapping[str, Any], path: str) -> Iterator[Problem]:
    """A number without quotes is what people write most often where only text will do."""
    entries = container.get("env")
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        value = entry.get("value") if isinstance(entry, Mapping) else None
        if value is not None and not isinstance(value, str):
            yield f"{path}.env[{index}].value", _type_problem("string", value)


def _object_errors(value: Mapping[str, Any], text: str, path: str) -> Iterator[Problem]:
    fields = _fields(text)
    for name, part in value.items():
        place = f"{path}.{name}" if path else str(name)
        if name not in fields:
            close = difflib.get_close_matches(str(name), fields, n=1)
            yield place, f"no such field{f'; did you mean {close[0]}?' if close else ': remove it'}"
        elif part is not None and not CHECKS[fields[name]](part):
            yield place, _type_problem(fields[name], part)


def _type_problem(kind: str, value: Any) -> str:
    """What a value must be, and how to write it; in a list of strings it is one entry that is wrong."""
    wanted, wrong = JSON_TYPES.get(kind, kind), value
    if kind == "texts" and isinstance(value, list):
        wanted, wrong = "string", next(part for part in value if not isinstance(part, str))
    return f"must be {WORDS.get(kind, f'a {kind}')}: {type_cure(wanted, wrong)}"


def pod_templates(job: Mapping[str, Any]) -> list[list[str]]:
    """Container names of each pod template of a job, for the kinds whose shape is known; else none."""
    match job.get("kind"):
        case "Job":
            templates = [_at(job, "spec", "template")]
        case "TFJob" | "PyTorchJob" | "XGBoostJob" | "MPIJob":
            replicas = [_at(job, "spec", field) for field in REPLICA_FIELDS]
            templates = [
                _at(replica, "template")
                for group in replicas
                if isinstance(group, Mapping)
                for replica in group.values()
            ]
        case _:
            return []
    return [_names(template) for template in templates if isinstance(template, Mapping)]


def _at(value: Any, *path: str) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _names(template: Mapping[str, Any]) -> list[str]:
    containers = [_at(template, "spec", field) for field in ("initContainers", "containers")]
    entries = [entry for group in containers if isinstance(group, list) for entry in group]
    return [str(entry.get("name")) for entry in entries if isinstance(entry, Mapping) and entry.get("name")]
