"""What ConfigMaps, Secrets, Services, Leases and Events may hold. Pure.

Every function yields pairs of field and text. Forms are known to be right: `decoding` has read the object.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.metadata import LABEL, LABEL_NAME_WORDS, QUALIFIED_WORDS, is_qualified

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
LOGIN = ("username", "password")
AFFINITIES = ("ClientIP", "None")


def validate_contents(kind: str, document: Json) -> Problems:
    """What is wrong with an object of one of these kinds; nothing of any other."""
    match kind:
        case "ConfigMap":
            yield from _config_map(document)
        case "Secret":
            yield from _secret(document)
        case "Service":
            yield from _service(document.get("spec") or {})
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
    if type_ == "kubernetes.io/basic-auth" and not data.keys() & set(LOGIN):
        yield from ((f"data[{key}]", "Required value") for key in LOGIN)


def _docker(key: str, content: bytes) -> Problems:
    try:
        json.loads(content)
    except ValueError as error:
        yield f"data[{key}]", f'Invalid value: "<secret contents redacted>": {error}'


def _service(spec: Json) -> Problems:
    names: list[str] = []
    for index, port in enumerate(spec.get("ports") or []):
        place, name = f"spec.ports[{index}].name", port.get("name") or ""
        if name and (len(name) > 63 or not LABEL.fullmatch(name)):
            why = "must be no more than 63 characters" if len(name) > 63 else LABEL_NAME_WORDS
            yield place, f'Invalid value: "{name}": {why}'
        elif name and name in names:
            yield place, f'Duplicate value: "{name}"'
        names.append(name)
    for key in spec.get("selector") or {}:
        if not is_qualified(key):
            yield "spec.selector", f'Invalid value: "{key}": {QUALIFIED_WORDS}'
    affinity = spec.get("sessionAffinity") or "None"
    if affinity not in AFFINITIES:
        listed = ", ".join(f'"{word}"' for word in AFFINITIES)
        yield "spec.sessionAffinity", f'Unsupported value: "{affinity}": supported values: {listed}'
    if spec.get("type") == "ExternalName" and not spec.get("externalName"):
        yield "spec.externalName", "Required value"


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
