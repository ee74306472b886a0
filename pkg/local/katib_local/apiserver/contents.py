"""What ConfigMaps, Secrets, Services, Nodes, Leases and Events may hold. Pure.

Every function yields pairs of field and text. Forms are known to be right: `decoding` has read the object.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from katib_local.apiserver.errors import shown, unsupported
from katib_local.apiserver.metadata import (
    LABEL,
    LABEL_NAME_WORDS,
    SUBDOMAIN,
    SUBDOMAIN_WORDS,
    label_problems,
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
LONGEST_KEY, LONGEST_PORT = 253, 15
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
HEADLESS = "None"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
TAINT = ("Key", "Value", "Effect", "TimeAdded")


def validate_contents(kind: str, document: Json) -> Problems:
    """What is wrong with an object of one of these kinds; nothing of any other."""
    match kind:
        case "ConfigMap":
            yield from _config_map(document)
        case "Secret":
            yield from _secret(document)
        case "Service":
            yield from _service(document.get("spec") or {})
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
    if type_ == "kubernetes.io/basic-auth" and not data.keys() & set(LOGIN):
        yield from ((f"data[{key}]", "Required value") for key in LOGIN)


def _docker(key: str, content: bytes) -> Problems:
    try:
        json.loads(content)
    except ValueError as error:
        yield f"data[{key}]", f'Invalid value: "<secret contents redacted>": {error}'


def _service(spec: Json) -> Problems:
    yield from _reached(spec)
    names: list[str] = []
    for index, port in enumerate(spec.get("ports") or []):
        place, name = f"spec.ports[{index}].name", port.get("name") or ""
        if name and (len(name) > 63 or not LABEL.fullmatch(name)):
            why = "must be no more than 63 characters" if len(name) > 63 else LABEL_NAME_WORDS
            yield place, f'Invalid value: "{name}": {why}'
        elif name and name in names:
            yield place, f'Duplicate value: "{name}"'
        names.append(name)
        yield from _target(f"spec.ports[{index}].targetPort", port.get("targetPort"))
    yield from label_problems(spec.get("selector") or {}, "spec.selector")
    yield from unsupported("spec.sessionAffinity", spec.get("sessionAffinity") or "None", AFFINITIES)


def _reached(spec: Json) -> Problems:
    """Where a service leads: to ports behind an address or none, or to another name."""
    address, name = spec.get("clusterIP") or "", (spec.get("externalName") or "").removesuffix(".")
    if spec.get("type") == "ExternalName":
        if not name:
            yield "spec.externalName", "Required value"
        elif not SUBDOMAIN.fullmatch(name):
            yield "spec.externalName", f"Invalid value: {shown(name)}: {SUBDOMAIN_WORDS}"
    elif not spec.get("ports") and address != HEADLESS:
        yield "spec.ports", "Required value"
    if address not in ("", HEADLESS) and not _is_address(address):
        text = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        yield "spec.clusterIPs[0]", f"Invalid value: {shown(address)}: {text}"


def _target(path: str, target: int | str | None) -> Problems:
    """The port of a pod that a service's port leads to: its number or its name."""
    if isinstance(target, int) and not 1 <= target <= 65535:
        yield path, f"Invalid value: {target}: must be between 1 and 65535, inclusive"
    elif isinstance(target, str):
        yield from ((path, f"Invalid value: {shown(target)}: {problem}") for problem in _port_name_problems(target))


def _port_name_problems(name: str) -> Iterator[str]:
    if len(name) > LONGEST_PORT:
        yield f"must be no more than {LONGEST_PORT} characters"
    if not re.fullmatch(r"[-a-z0-9]+", name):
        yield "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not re.search(r"[a-z]", name):
        yield "must contain at least one letter (a-z)"
    if "--" in name:
        yield "must not contain consecutive hyphens"
    if name.startswith("-") or name.endswith("-"):
        yield "must not begin or end with a hyphen"


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


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
