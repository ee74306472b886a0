"""What the API server itself fills into the spec of a pod, or of a template of pods. Pure.

Source: the defaults of the fields of `core/v1` in Kubernetes' API reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from katib_local.apiserver.standing import with_account

Json = dict[str, Any]
POD = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}
CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HOOKS = ("postStart", "preStop")
PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
CALLS: dict[str, Json] = {"httpGet": {"path": "/", "scheme": "HTTP"}, "grpc": {"service": ""}}
FILE_MODE = {"defaultMode": 0o644}
TOKEN = {"expirationSeconds": 3600}
VOLUMES: dict[str, Json] = {
    "configMap": FILE_MODE,
    "secret": FILE_MODE,
    "downwardAPI": FILE_MODE,
    "projected": FILE_MODE,
    "hostPath": {"type": ""},
}


def default_pod_spec(spec: Mapping[str, Any]) -> Json:
    """The spec of a pod or of a template with its defaults."""
    complete = {**POD, "securityContext": {}, **spec}
    for field in ("containers", "initContainers"):
        _each(complete, field, _container)
    _each(complete, "volumes", _volume)
    return with_account(complete, spec.get("serviceAccountName") or spec.get("serviceAccount") or "")


def with_requests(spec: Json) -> Json:
    """A pod, unlike a template of pods, asks for what it is limited to, where it says nothing of it."""
    lists: Json = {
        name: [_limited(entry) for entry in spec[name]] for name in ("containers", "initContainers") if name in spec
    }
    return {**spec, **lists}


def default_source(volume: Json) -> Json:
    """A volume, of a pod or for claims, with the defaults of its kind."""
    complete = dict(volume)
    for kind, defaults in VOLUMES.items():
        _fill(complete, kind, defaults)
    return complete


def _volume(volume: Json) -> Json:
    if volume.keys() <= {"name"}:
        return {**volume, "emptyDir": {}}
    complete = default_source(volume)
    _within(complete, "downwardAPI", _files)
    _within(complete, "projected", _sources)
    return complete


def _container(container: Json) -> Json:
    image = str(container.get("image") or "")
    latest = ":" not in image.rpartition("/")[2] or image.endswith(":latest")
    policy = {"imagePullPolicy": "Always" if latest else "IfNotPresent"}
    complete = {**CONTAINER, **policy, "resources": {}, **container}
    _each(complete, "env", _variable)
    _each(complete, "ports", lambda port: {"protocol": "TCP", **port})
    for name in PROBES:
        _within(complete, name, lambda probe: _call({**PROBE, **probe}))
    _within(complete, "lifecycle", _hooks)
    return complete


def _hooks(lifecycle: Json) -> Json:
    complete = dict(lifecycle)
    for name in HOOKS:
        _within(complete, name, _call)
    return complete


def _call(owner: Json) -> Json:
    """A probe or hook with the defaults of what it calls."""
    complete = dict(owner)
    for call, defaults in CALLS.items():
        _fill(complete, call, defaults)
    return complete


def _variable(variable: Json) -> Json:
    """A variable that takes a field of its pod names the version that has the field; one of an amount, what it counts in."""
    complete = dict(variable)
    _within(complete, "valueFrom", _field)
    return complete


def _field(source: Json) -> Json:
    complete = dict(source)
    _fill(complete, "fieldRef", {"apiVersion": "v1"})
    _fill(complete, "resourceFieldRef", {"divisor": "0"})
    return complete


def _files(volume: Json) -> Json:
    complete = dict(volume)
    _each(complete, "items", _field)
    return complete


def _sources(volume: Json) -> Json:
    def source(entry: Json) -> Json:
        complete = dict(entry)
        _fill(complete, "serviceAccountToken", TOKEN)
        _within(complete, "downwardAPI", _files)
        return complete

    complete = dict(volume)
    _each(complete, "sources", source)
    return complete


def _limited(container: Json) -> Json:
    resources = container["resources"]
    limits = resources.get("limits")
    if not limits:
        return container
    requests = {**limits, **(resources.get("requests") or {})}
    return {**container, "resources": {**resources, "requests": requests}}


def _fill(owner: Json, field: str, defaults: Json) -> None:
    """Complete a part of an object, if it has that part."""
    _within(owner, field, lambda part: {**defaults, **part})


def _within(owner: Json, field: str, complete: Callable[[Json], Json]) -> None:
    if isinstance(owner.get(field), dict):
        owner[field] = complete(owner[field])


def _each(owner: Json, field: str, complete: Callable[[Json], Json]) -> None:
    if isinstance(owner.get(field), list):
        owner[field] = [complete(entry) if isinstance(entry, dict) else entry for entry in owner[field]]
