"""What ConfigMaps, Secrets, Nodes, Leases and Events may hold. Pure.

Every function yields pairs of field and text. Forms are known to be right: `decoding` has read the object.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.errors import shown, unsupported
from katib_local.apiserver.metadata import (
    label_value_problems,
    qualified,
)

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
KEY = re.compile(r"[-._a-zA-Z0-9]+")
KEY_WORDS = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    f"'key-name', regex used for validation is '{KEY.pattern}')"
)
LONGEST_KEY = 253
MOST_BYTES = 1024 * 1024
TOO_LONG = f"Too long: may not be more than {MOST_BYTES} bytes"
SECRET_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
}
ACCOUNT = "kubernetes.io/service-account.name"
LOGIN = ("username", "password")
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
TAINT = ("Key", "Value", "Effect", "TimeAdded")


def validate_contents(kind: str, document: Json) -> Problems:
    """What is wrong with an object of one of these kinds; nothing of any other."""
    match kind:
        case "ConfigMap":
            yield from _config_map(document)
        case "Secret":
            yield from _secret(document)
        case "Node":
            yield from _node(document.get("spec") or {})
        case "Lease":
            yield from _lease(document.get("spec") or {})
        case "Event":
            yield from _event(document)


def _config_map(document: Json) -> Problems:
    data, binary = document.get("data") or {}, document.get("binaryData") or {}
    for key in sorted(data):
        yield from _key("data", key)
        if key in binary:
            yield f"data[{key}]", f'Invalid value: "{key}": duplicate of key present in binaryData'
    for key in sorted(binary):
        yield from _key("binaryData", key)
    if sum(len(text.encode()) for text in data.values()) + _size(binary) > MOST_BYTES:
        yield "[]", TOO_LONG


def _key(field: str, key: str) -> Problems:
    problem = ""
    if len(key) > LONGEST_KEY:
        problem = f"must be no more than {LONGEST_KEY} characters"
    elif not KEY.fullmatch(key):
        problem = KEY_WORDS
    elif key == ".":
        problem = "must not be '.'"
    elif key.startswith(".."):
        problem = "must not be '..'" if key == ".." else "must not start with '..'"
    if problem:
        yield f"{field}[{key}]", f'Invalid value: "{key}": {problem}'


def _size(binary: Json) -> int:
    return sum(len(base64.b64decode(text)) for text in binary.values())


def _secret(document: Json) -> Problems:
    data, type_ = document.get("data") or {}, document.get("type") or ""
    for key in sorted(data):
        yield from _key("data", key)
    if _size(data) > MOST_BYTES:
        yield "data", TOO_LONG
    for key in SECRET_KEYS.get(type_, ()):
        if key not in data:
            yield f"data[{key}]", "Required value"
        elif key.startswith(".docker"):
            yield from _docker(key, base64.b64decode(data[key]))
    annotations = document["metadata"].get("annotations") or {}
    if type_ == "kubernetes.io/service-account-token" and not annotations.get(ACCOUNT):
        yield f"metadata.annotations[{ACCOUNT}]", "Required value"
    if type_ == "kubernetes.io/basic-auth" and not data.keys() & set(LOGIN):
        yield from ((f"data[{key}]", "Required value") for key in LOGIN)


def _docker(key: str, content: bytes) -> Problems:
    try:
        json.loads(content)
    except ValueError as error:
        yield f"data[{key}]", f'Invalid value: "<secret contents redacted>": {error}'


def _node(spec: Json) -> Problems:
    """A node's taints; a cluster says of them that they stand in its metadata."""
    seen: list[tuple[str, str]] = []
    for index, taint in enumerate(spec.get("taints") or []):
        place, key, effect = f"metadata.taints[{index}]", taint.get("key") or "", taint.get("effect") or ""
        value = taint.get("value") or ""
        yield from qualified(f"{place}.key", key)
        if problems := list(label_value_problems(value)):
            yield f"{place}.value", f"Invalid value: {shown(value)}: {';'.join(problems)}"
        if effect:
            yield from unsupported(f"{place}.effect", effect, EFFECTS)
        else:
            yield f"{place}.effect", "Required value"
        if (key, effect) in seen:
            whole = json.dumps(dict(zip(TAINT, (key, value, effect, None), strict=True)), separators=(",", ":"))
            yield place, f"Duplicate value: {whole}: taints must be unique by key and effect pair"
        seen.append((key, effect))


def _lease(spec: Json) -> Problems:
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        yield "spec.leaseDurationSeconds", f"Invalid value: {seconds}: must be greater than 0"
    if transitions is not None and transitions < 0:
        yield "spec.leaseTransitions", f"Invalid value: {transitions}: must be greater than or equal to 0"


def _event(document: Json) -> Problems:
    involved = (document.get("involvedObject") or {}).get("namespace") or ""
    if involved and involved != document["metadata"].get("namespace"):
        yield "involvedObject.namespace", f'Invalid value: "{involved}": does not match event.namespace'
