"""Label and field selectors: text to a test of an object. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from katib_local.apiserver.errors import bad_request

Json = Mapping[str, Any]
Test = Callable[[Json], bool]
INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
SELECTABLE = {
    "Pod": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "Event": (*(f"involvedObject.{field}" for field in INVOLVED), "reason", "reportingComponent", "source", "type"),
    "Node": ("spec.unschedulable",),
    "Namespace": ("status.phase",),
    "Secret": ("type",),
    "Job": ("status.successful",),
    "ReplicaSet": ("status.replicas",),
}


# Fields that are read at another place than they are named, or that say something when they are absent.
UNLIKE = {
    ("Pod", "spec.hostNetwork"): ("spec.hostNetwork", "false"),
    ("Node", "spec.unschedulable"): ("spec.unschedulable", "false"),
    ("Event", "source"): ("source.component", ""),
    ("Job", "status.successful"): ("status.succeeded", "0"),
    ("ReplicaSet", "status.replicas"): ("status.replicas", "0"),
}


def parse_label_selector(text: str) -> Test:
    """A test of an object's labels; raises a refusal for what is no selector."""
    tests: list[Callable[[Mapping[str, str]], bool]] = []
    rest = text
    while rest.strip():
        found = _longest(rest)
        if found is None:
            raise bad_request(f'unable to parse requirement: found "{rest.strip()}", expected a label selector')
        tests.append(_label_test(found))
        rest = rest[found.end() :]
        if rest and not rest.startswith(","):
            raise bad_request(f'unable to parse requirement: found "{rest.strip()}", expected: ,')
        rest = rest[1:]
    return lambda document: all(test(_labels(document)) for test in tests)


def _longest(text: str) -> re.Match[str] | None:
    matches = [re.match(branch, text) for branch in _branches()]
    found = [match for match in matches if match]
    return max(found, key=lambda match: match.end(), default=None)


def _branches() -> tuple[str, ...]:
    key = r"[^\s=!,()]+"
    return (
        rf"\s*(?P<key>{key})\s*(?P<op>==|=|!=)\s*(?P<value>[^\s,]*)\s*",
        rf"\s*(?P<key>{key})\s+(?P<op>in|notin)\s*\((?P<value>[^)]*)\)\s*",
        rf"\s*(?P<op>!?)\s*(?P<key>{key})(?P<value>)\s*(?=,|$)",
    )


def _label_test(found: re.Match[str]) -> Callable[[Mapping[str, str]], bool]:
    key, op, value = found["key"], found["op"], found["value"]
    match op:
        case "=" | "==":
            return lambda labels: labels.get(key) == value
        case "!=":
            return lambda labels: labels.get(key) != value
        case "in" | "notin":
            values = {part.strip() for part in value.split(",")}
            return lambda labels: (key in labels and labels[key] in values) is (op == "in")
        case "!":
            return lambda labels: key not in labels
        case _:
            return lambda labels: key in labels


def _labels(document: Json) -> Mapping[str, str]:
    return (document.get("metadata") or {}).get("labels") or {}


def match_selector(selector: Json | None, labels: Mapping[str, str]) -> bool:
    """Whether labels fit a LabelSelector object; an absent one fits everything."""
    selector = selector or {}
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_match_expression(entry, labels) for entry in selector.get("matchExpressions") or [])


def _match_expression(entry: Json, labels: Mapping[str, str]) -> bool:
    key, values = entry.get("key", ""), entry.get("values") or []
    match entry.get("operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False


def parse_field_selector(text: str, kind: str, selectable: tuple[str, ...] = ()) -> Test:
    """A test of an object's fields, named by their path; raises a refusal for what its kind cannot be selected by.

    `selectable` are the fields that a custom kind can be selected by.
    """
    tests: list[Test] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = re.fullmatch(r"([\w.\-\[\]]+)(==|=|!=)(.*)", part)
        if found is None:
            raise bad_request(f"invalid field selector: {part!r}: write PATH=VALUE")
        path, op, value = found.groups()
        if path not in ("metadata.name", "metadata.namespace", *(selectable or SELECTABLE.get(kind, ()))):
            raise bad_request(f"field label not supported: {path}")
        tests.append(_field_test(kind, path, value, op == "!="))
    return lambda document: all(test(document) for test in tests)


def _field_test(kind: str, path: str, value: str, negated: bool) -> Test:
    place, absent = UNLIKE.get((kind, path), (path, ""))
    parts = place.split(".")
    return lambda document: (_text(document, parts, absent) == value) is not negated


def _text(document: Any, path: list[str], absent: str) -> str:
    for part in path:
        document = document.get(part) if isinstance(document, Mapping) else None
    if isinstance(document, bool):
        return "true" if document else "false"
    return absent if document is None else str(document)
