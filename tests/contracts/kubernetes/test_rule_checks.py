"""Rules of a definition that cannot be (`x-kubernetes-validations`): refused when the definition is stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from contracts.kubernetes.servers import Json, Server, a_crd

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PLACE = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]"
NO_PATH = "must be a valid path"
CHOICES = ", ".join(f'"FieldValue{word}"' for word in ("Duplicate", "Forbidden", "Invalid", "Required"))


def a_rule(rule: str = "self.size > 1", **more: Any) -> Json:
    return {"rule": rule, **more}


def printed(rule: str, message: str = "") -> str:
    """A rule as a cluster prints it."""
    said = {"Rule": rule, "Message": "", "MessageExpression": message, "Reason": None, "FieldPath": ""}
    text = json.dumps({**said, "OptionalOldSelf": None}, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def uncompiled(rule: str, column: int, why: str) -> str:
    shown = f"ERROR: <input>:1:{column}: {why}\n | {rule}\n | {'.' * (column - 1)}^"
    return f"rule: Invalid value: {printed(rule)}: compilation failed: {shown}"


PATTERN, LATER = "self.crust.matches('(?P<a')", "has(self.crust) && self.crust.matches(\"[a\") || 'matches(' == 'x'"
SPAN, TIME = "duration('x') == duration('1h30m')", "timestamp('x') == timestamp('2020-01-01T00:00:00Z')"
REFUSED: dict[str, tuple[Json, list[str]]] = {
    "a reason": (a_rule(reason="Foo"), [f'reason: Unsupported value: "Foo": supported values: {CHOICES}']),
    "a path to nowhere": (a_rule(fieldPath=".nope"), [f'fieldPath: Invalid value: ".nope": {NO_PATH}']),
    "a path without a dot": (a_rule(fieldPath="size"), [f'fieldPath: Invalid value: "size": {NO_PATH}']),
    "a path into a list": (a_rule(fieldPath=".toppings[0]"), [f'fieldPath: Invalid value: ".toppings[0]": {NO_PATH}']),
    "a path into what is free": (a_rule(fieldPath=".notes.x"), [f'fieldPath: Invalid value: ".notes.x": {NO_PATH}']),
    "a message of spaces": (a_rule(message="  "), ['message: Invalid value: "  ": must be non-empty if specified']),
    "a message of two lines": (
        a_rule(message="a\nb"),
        [r'message: Invalid value: "a\nb": must not contain line breaks'],
    ),
    "a rule of two lines without a message": (
        a_rule("self.size\n> 1"),
        ["message: Required value: message must be specified if rule contains line breaks"],
    ),
    "nothing": (a_rule(" "), ["rule: Required value: rule is not specified"]),
    "what is no pattern": (a_rule(PATTERN), [uncompiled(PATTERN, 20, "invalid matches argument")]),
    "what is no pattern, later": (a_rule(LATER), [uncompiled(LATER, 39, "invalid matches argument")]),
    "what is no span of time": (a_rule(SPAN), [uncompiled(SPAN, 10, "invalid duration argument")]),
    "what is no time": (a_rule(TIME), [uncompiled(TIME, 11, "invalid timestamp argument")]),
    "an old value that is not looked at": (
        a_rule("true", optionalOldSelf=True),
        ["optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule"],
    ),
    "a message that is a number": (
        a_rule(messageExpression="1 + 1"),
        [
            f"messageExpression: Invalid value: {printed('self.size > 1', '1 + 1')}: messageExpression must evaluate to a "
            "string"
        ],
    ),
    "a message without an expression": (
        a_rule(messageExpression=" "),
        ["messageExpression: Required value: messageExpression must be non-empty if specified"],
    ),
}
TAKEN = {
    "a path": a_rule(fieldPath=".size"),
    "a path in brackets": a_rule(fieldPath="['size']"),
    "a pattern": a_rule(r"self.crust.matches('^[a-z]\\d+$') || self.crust.matches(r'\d')"),
    "a pattern that is a field": a_rule("self.crust.matches(self.crust)"),
    "a span of time": a_rule("duration('1.5h') > duration('-3us')"),
    "a reason": a_rule(reason="FieldValueForbidden"),
    "an expression as a message": a_rule(messageExpression="'a' + self.crust"),
}


def with_rule(rule: Json) -> Json:
    crd = a_crd("burgers", "Burger", "bg")
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    schema["x-kubernetes-validations"] = [rule]
    return crd


@pytest.mark.parametrize("case", REFUSED)
def test_a_rule_that_cannot_be_is_refused(server: Server, case: str) -> None:
    rule, told = REFUSED[case]
    answer = server.call("POST", CRDS, with_rule(rule), dryRun="All")
    assert answer.code == 422, answer.body
    listed = answer.body["details"]["causes"]
    assert sorted(f"{cause['field']}: {cause['message']}" for cause in listed) == [f"{PLACE}.{text}" for text in told]


@pytest.mark.parametrize("case", TAKEN)
def test_what_is_near_to_that_is_a_rule(server: Server, case: str) -> None:
    assert server.call("POST", CRDS, with_rule(TAKEN[case]), dryRun="All").code == 201
