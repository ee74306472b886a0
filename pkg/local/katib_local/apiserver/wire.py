"""The few messages that `kubectl create KIND` sends as Kubernetes protobuf, as JSON. Pure.

kubectl's generators speak nothing else. Field numbers are Kubernetes' own and never change; of each message those
fields are known that generators set. A field that is not known is refused, so nothing is lost on the way.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from katib_machinery.scalars import format_time

Json = dict[str, Any]
PREFIX = b"k8s\x00"
VARINT, LENGTH = 0, 2
CURE = "write the object to a file and use kubectl create -f"

# Message: field number to name and form. `[]` is a list, `{}` a map of texts or bytes, a capital a message. `int?` and
# `bool?` are values of which zero is not the same as nothing.
MESSAGES: Mapping[str, Mapping[int, tuple[str, str]]] = {
    "Unknown": {
        1: ("typeMeta", "TypeMeta"),
        2: ("raw", "raw"),
        3: ("contentEncoding", "str"),
        4: ("contentType", "str"),
    },
    "TypeMeta": {1: ("apiVersion", "str"), 2: ("kind", "str")},
    "ObjectMeta": {
        1: ("name", "str"),
        2: ("generateName", "str"),
        3: ("namespace", "str"),
        4: ("selfLink", "str"),
        5: ("uid", "str"),
        6: ("resourceVersion", "str"),
        7: ("generation", "int"),
        8: ("creationTimestamp", "Time"),
        11: ("labels", "{}str"),
        12: ("annotations", "{}str"),
        14: ("finalizers", "[]str"),
    },
    "Time": {1: ("seconds", "int"), 2: ("nanos", "int")},
    "Namespace": {1: ("metadata", "ObjectMeta"), 2: ("spec", "NamespaceSpec"), 3: ("status", "NamespaceStatus")},
    "NamespaceSpec": {1: ("finalizers", "[]str")},
    "NamespaceStatus": {1: ("phase", "str")},
    "ConfigMap": {
        1: ("metadata", "ObjectMeta"),
        2: ("data", "{}str"),
        3: ("binaryData", "{}bytes"),
        4: ("immutable", "bool?"),
    },
    "Secret": {
        1: ("metadata", "ObjectMeta"),
        2: ("data", "{}bytes"),
        3: ("type", "str"),
        4: ("stringData", "{}str"),
        5: ("immutable", "bool?"),
    },
    "ServiceAccount": {1: ("metadata", "ObjectMeta"), 4: ("automountServiceAccountToken", "bool?")},
    "TokenRequest": {
        1: ("metadata", "ObjectMeta"),
        2: ("spec", "TokenRequestSpec"),
        3: ("status", "TokenRequestStatus"),
    },
    "TokenRequestSpec": {
        1: ("audiences", "[]str"),
        3: ("boundObjectRef", "BoundObjectReference"),
        4: ("expirationSeconds", "int"),
    },
    "BoundObjectReference": {1: ("kind", "str"), 2: ("apiVersion", "str"), 3: ("name", "str"), 4: ("uid", "str")},
    "TokenRequestStatus": {1: ("token", "str"), 2: ("expirationTimestamp", "Time")},
    "Job": {1: ("metadata", "ObjectMeta"), 2: ("spec", "JobSpec"), 3: ("status", "JobStatus")},
    "JobSpec": {
        1: ("parallelism", "int?"),
        2: ("completions", "int?"),
        3: ("activeDeadlineSeconds", "int?"),
        4: ("selector", "LabelSelector"),
        6: ("template", "PodTemplateSpec"),
        7: ("backoffLimit", "int?"),
        8: ("ttlSecondsAfterFinished", "int?"),
        9: ("completionMode", "str"),
        10: ("suspend", "bool?"),
    },
    "JobStatus": {4: ("active", "int"), 5: ("succeeded", "int"), 6: ("failed", "int"), 7: ("completedIndexes", "str")},
    "Deployment": {1: ("metadata", "ObjectMeta"), 2: ("spec", "DeploymentSpec"), 3: ("status", "DeploymentStatus")},
    "DeploymentSpec": {
        1: ("replicas", "int?"),
        2: ("selector", "LabelSelector"),
        3: ("template", "PodTemplateSpec"),
        4: ("strategy", "DeploymentStrategy"),
        5: ("minReadySeconds", "int"),
        6: ("revisionHistoryLimit", "int?"),
        7: ("paused", "bool"),
        9: ("progressDeadlineSeconds", "int?"),
    },
    "DeploymentStrategy": {1: ("type", "str")},
    "DeploymentStatus": {
        1: ("observedGeneration", "int"),
        2: ("replicas", "int"),
        3: ("updatedReplicas", "int"),
        4: ("availableReplicas", "int"),
        5: ("unavailableReplicas", "int"),
        7: ("readyReplicas", "int"),
    },
    "LabelSelector": {1: ("matchLabels", "{}str")},
    "PodTemplateSpec": {1: ("metadata", "ObjectMeta"), 2: ("spec", "PodSpec")},
    "PodSpec": {
        2: ("containers", "[]Container"),
        3: ("restartPolicy", "str"),
        4: ("terminationGracePeriodSeconds", "int?"),
        5: ("activeDeadlineSeconds", "int?"),
        6: ("dnsPolicy", "str"),
        7: ("nodeSelector", "{}str"),
        8: ("serviceAccountName", "str"),
        9: ("serviceAccount", "str"),
        10: ("nodeName", "str"),
        11: ("hostNetwork", "bool"),
        12: ("hostPID", "bool"),
        13: ("hostIPC", "bool"),
        16: ("hostname", "str"),
        17: ("subdomain", "str"),
        19: ("schedulerName", "str"),
        24: ("priorityClassName", "str"),
    },
    "Container": {
        1: ("name", "str"),
        2: ("image", "str"),
        3: ("command", "[]str"),
        4: ("args", "[]str"),
        5: ("workingDir", "str"),
        6: ("ports", "[]ContainerPort"),
        7: ("env", "[]EnvVar"),
        8: ("resources", "ResourceRequirements"),
        13: ("terminationMessagePath", "str"),
        14: ("imagePullPolicy", "str"),
        16: ("stdin", "bool"),
        17: ("stdinOnce", "bool"),
        18: ("tty", "bool"),
        20: ("terminationMessagePolicy", "str"),
    },
    "ContainerPort": {
        1: ("name", "str"),
        2: ("hostPort", "int"),
        3: ("containerPort", "int"),
        4: ("protocol", "str"),
        5: ("hostIP", "str"),
    },
    "EnvVar": {1: ("name", "str"), 2: ("value", "str")},
    "ResourceRequirements": {},
}


class WireError(ValueError):
    """Bytes that cannot be read, or hold what is not known here; the message names it and the way out."""


def parse_protobuf(body: bytes) -> Json:
    """The object in a Kubernetes protobuf body; raises WireError."""
    if not body.startswith(PREFIX):
        raise WireError("the body does not begin as Kubernetes protobuf does")
    envelope = _message("Unknown", body[len(PREFIX) :])
    typed: Json = envelope.get("typeMeta") or {}
    kind = str(typed.get("kind", ""))
    if kind not in MESSAGES:
        raise WireError(f"{kind or 'an object without a kind'} as protobuf is not known here: {CURE}")
    return {**typed, **_message(kind, envelope.get("raw", b""))}


def _message(name: str, body: bytes) -> Json:
    known, found = MESSAGES[name], Json()
    for number, value in _fields(body):
        if number not in known:
            if value:
                raise WireError(f"field {number} of {name} is not known here: {CURE}")
            continue
        field, form = known[number]
        if form.startswith("[]"):
            found.setdefault(field, []).append(_value(form[2:], value))
        elif form.startswith("{}"):
            pair = dict(_fields(_bytes(value)))
            key = _bytes(pair.get(1, b"")).decode()
            found.setdefault(field, {})[key] = _value(form[2:], pair.get(2, b""))
        elif (read := _value(form, value)) or form.endswith("?"):
            found[field] = read
    return found


def _value(form: str, value: int | bytes) -> Any:
    match form.removesuffix("?"):
        case "int":
            return value
        case "bool":
            return bool(value)
        case "raw":
            return value
        case "str":
            return _bytes(value).decode()
        case "bytes":
            return base64.b64encode(_bytes(value)).decode()
        case "Time":
            seconds = _message("Time", _bytes(value)).get("seconds", 0)
            return format_time(datetime.fromtimestamp(seconds, UTC)) if seconds > 0 else None
        case message:
            return _message(message, _bytes(value))


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise WireError("a number stands where bytes are expected")
    return value


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(body):
        tag, place = _varint(body, place)
        number, form = tag >> 3, tag & 7
        size, place = _varint(body, place)
        if form == VARINT:
            yield number, size - (1 << 64) if size >> 63 else size
        elif form == LENGTH and place + size <= len(body):
            yield number, body[place : place + size]
            place += size
        else:
            raise WireError("the body ends in the middle, or has a form that Kubernetes does not use")


def _varint(body: bytes, place: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        if place >= len(body):
            break
        byte = body[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return number, place
    raise WireError("the body ends in the middle of a number")
