"""Label and field selectors: text to a test of an object. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from katib_local.apiserver.errors import Refusal, bad_request, shown
from katib_local.apiserver.metadata import label_problems, label_value_problems, qualified, qualified_problems
from katib_local.requirements import selects

Json = Mapping[str, Any]
Test = Callable[[Json], bool]
LabelTest = Callable[[Mapping[str, str]], bool]
SIGNS = "=!<>(),"
WORD = re.compile(r"==|!=|[=!<>(),]|[^\s=!<>(),]+")
OPERATORS = ("=", "==", "!=", ">", "<", "in", "notin")
LISTING, BARE = ("In", "NotIn"), ("Exists", "DoesNotExist")
NUMBER = re.compile(r"[-+]?\d+")
TERM = re.compile(r"(?:\\.|[^,\\])+")
COMPARISON = re.compile(r"(?P<path>[^=!]*)(?P<operator>!=|==|=)(?P<value>.*)")
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
    "Service": ("spec.clusterIP", "spec.type"),
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
    words = _Words(text)
    tests: list[LabelTest] = []
    expected = "!, identifier, or 'end of string'"
    while words.next or tests:
        if words.next != "!" and not words.is_name:
            raise bad_request(f"found '{words.next}', expected: {expected}")
        tests.append(_requirement(words))
        if words.next not in (",", ""):
            raise bad_request(f"found '{words.next}', expected: ',' or 'end of string'")
        if not words.take():
            break
        expected = "identifier after ','"
    return lambda document: all(test(_labels(document)) for test in tests)


class _Words:
    """The words of a selector, one after the other; an empty one is its end."""

    def __init__(self, text: str) -> None:
        self._left = WORD.findall(text)

    @property
    def next(self) -> str:
        return self._left[0] if self._left else ""

    @property
    def is_name(self) -> bool:
        return bool(self.next) and self.next[0] not in SIGNS

    def take(self) -> str:
        return self._left.pop(0) if self._left else ""

    def take_name(self, expected: str) -> str:
        if not self.is_name:
            raise _unreadable(f"found '{self.next}', expected: {expected}")
        return self.take()


def _unreadable(why: str) -> Refusal:
    return bad_request(f"unable to parse requirement: {why}")


def _requirement(words: _Words) -> LabelTest:
    absent = words.next == "!"
    if absent:
        words.take()
    key = words.take_name("identifier")
    if problems := list(qualified_problems(key)):
        raise _unreadable(f'<nil>: Invalid value: "{key}": {"; ".join(problems)}')
    if absent:
        return lambda labels: key not in labels
    if words.next in (",", ""):
        return lambda labels: key in labels
    operator = words.take()
    if operator not in OPERATORS:
        raise _unreadable(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
    values = _listed(words) if operator in ("in", "notin") else [_value(words)]
    return _label_test(key, operator, values)


def _value(words: _Words) -> str:
    return "" if words.next in (",", "") else words.take_name("identifier")


def _listed(words: _Words) -> list[str]:
    if words.next != "(":
        raise _unreadable(f"found '{words.next}' expected: '('")
    words.take()
    values = [""]
    while words.next != ")":
        if words.next == ",":
            words.take()
            values.append("")
        else:
            values[-1] = words.take_name("',' or ')'")
    words.take()
    return values


def _label_test(key: str, operator: str, values: Sequence[str]) -> LabelTest:
    if operator in (">", "<"):
        return _number_test(key, operator, values[0])
    for index, value in enumerate(values):
        if problems := list(label_value_problems(value)):
            raise _unreadable(f'values[{index}][{key}]: Invalid value: "{value}": {"; ".join(problems)}')
    if operator in ("=", "==", "in"):
        return lambda labels: key in labels and labels[key] in values
    return lambda labels: key not in labels or labels[key] not in values


def _number_test(key: str, operator: str, value: str) -> LabelTest:
    if not NUMBER.fullmatch(value):
        text = "for 'Gt', 'Lt' operators, the value must be an integer"
        raise _unreadable(f'values[0]: Invalid value: "{value}": {text}')
    above, bound = operator == ">", int(value)

    def test(labels: Mapping[str, str]) -> bool:
        held = labels.get(key, "")
        return bool(NUMBER.fullmatch(held)) and (int(held) > bound if above else int(held) < bound)

    return test


def _labels(document: Json) -> Mapping[str, str]:
    return (document.get("metadata") or {}).get("labels") or {}


def match_selector(selector: Json | None, labels: Mapping[str, str]) -> bool:
    """Whether labels fit a LabelSelector object; an absent one fits everything."""
    return selector is None or selects(selector, labels)


def selector_problems(selector: Json, path: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a LabelSelector object: pairs of field and text."""
    yield from label_problems(selector.get("matchLabels") or {}, f"{path}.matchLabels")
    for index, entry in enumerate(selector.get("matchExpressions") or ()):
        place, operator, values = f"{path}.matchExpressions[{index}]", entry.get("operator"), entry.get("values") or []
        if operator in LISTING and not values:
            yield f"{place}.values", "Required value: must be specified when `operator` is 'In' or 'NotIn'"
        elif operator in BARE and values:
            yield f"{place}.values", "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        elif operator not in (*LISTING, *BARE):
            yield f"{place}.operator", f"Invalid value: {shown(operator or '')}: not a valid selector operator"
        yield from qualified(f"{place}.key", entry.get("key") or "")
        for number, value in enumerate(values):
            for problem in label_value_problems(value):
                yield f"{place}.values[{number}]", f"Invalid value: {shown(value)}: {problem}"


def parse_field_selector(text: str, kind: str, selectable: tuple[str, ...] | None = None) -> Test:
    """A test of an object's fields, named by their path; raises a refusal for what its kind cannot be selected by.

    `selectable` are the fields that a custom kind can be selected by, beside name and namespace.
    """
    tests: list[Test] = []
    for part in filter(None, TERM.findall(text)):
        found = COMPARISON.fullmatch(part)
        if found is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        path, operator, value = found["path"], found["operator"], _unescaped(found["value"])
        known = SELECTABLE.get(kind, ()) if selectable is None else selectable
        if path not in ("metadata.name", "metadata.namespace", *known):
            unknown = f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'
            raise bad_request(unknown if not known and selectable is None else f"field label not supported: {path}")
        tests.append(_field_test(kind, path, value, operator == "!="))
    return lambda document: all(test(document) for test in tests)


def _unescaped(value: str) -> str:
    """A value as it is meant: a backslash stands before another one, a comma and a sign of equality."""
    if wrong := re.search(r"\\(?![\\,=]).?", re.sub(r"\\[\\,=]", "", value)):
        raise bad_request(f"invalid field selector: invalid escape sequence: {wrong[0]}")
    if "=" in re.sub(r"\\[\\,=]", "", value):
        raise bad_request(f"invalid field selector: unescaped character in value: {ord('=')}")
    return re.sub(r"\\([\\,=])", r"\1", value)


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
