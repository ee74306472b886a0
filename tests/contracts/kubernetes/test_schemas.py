"""Values of custom kinds against their schema: what is refused and where, what is pruned, what is filled in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.definitions import a_definition, create, define, fields
from contracts.kubernetes.servers import APPLY, SPACE, STRATEGIC, Server, by_version

Fresh = Callable[[], str]
Json = dict[str, Any]
TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "integer"}
PRESERVE = "x-kubernetes-preserve-unknown-fields"
ENTRY = {**fields(k=TEXT, v={**NUMBER, "default": 7}), "required": ["k"]}
PORT = {**fields(k=TEXT, p={**TEXT, "default": "TCP"}), "required": ["k"]}
FORMATS = ("byte", "date", "date-time", "duration", "email", "ipv4", "uuid")
EVERYTHING = fields(
    **{f"as_{name.replace('-', '_')}": {**TEXT, "format": name} for name in FORMATS},
    thirds={**NUMBER, "multipleOf": 3},
    above={**NUMBER, "minimum": 0, "exclusiveMinimum": True},
    below={**NUMBER, "maximum": 9, "exclusiveMaximum": True},
    short={**NUMBER, "format": "int32"},
    word={**TEXT, "minLength": 2, "maxLength": 4, "pattern": "^[a-z]+$"},
    choice={**TEXT, "enum": ["a", "b"]},
    either={"x-kubernetes-int-or-string": True},
    number={"type": "number"},
    flag={"type": "boolean"},
    nothing={**TEXT, "nullable": True},
    unset={**TEXT, "default": "x"},
    unset_or_nothing={**TEXT, "default": "x", "nullable": True},
    nested={**fields(a={**NUMBER, "default": 5}, b=TEXT), "default": {}},
    whole={**fields(a=TEXT, b=TEXT), "required": ["a", "b"]},
    named={"type": "object", "additionalProperties": fields(q={**TEXT, "default": "r"})},
    free={**fields(known=fields(x=NUMBER)), PRESERVE: True},
    some={"type": "array", "minItems": 1, "maxItems": 2, "items": TEXT},
    one={"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": TEXT},
    set={"type": "array", "x-kubernetes-list-type": "set", "items": TEXT},
    map={"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": ENTRY},
    ports={"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k", "p"], "items": PORT},
    pod={"type": "object", "x-kubernetes-embedded-resource": True, PRESERVE: True},
    exclusive={**fields(a=NUMBER, b=NUMBER), "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
    good={**TEXT, "not": {"enum": ["bad"]}},
    long_or_x={**TEXT, "anyOf": [{"minLength": 3}, {"pattern": "^x"}]},
)
DEFAULTS = {"unset": "x", "unset_or_nothing": "x", "nested": {"a": 5}}


@pytest.fixture(scope="module")
def dishes(server: Server) -> str:
    """The path of a kind whose spec has a field for each keyword."""
    return define(server, a_definition("dishes", EVERYTHING))


Cause = tuple[str, str, str]


def wrong_type(field: str, wanted: str, shown: str) -> Cause:
    return field, "TypeInvalid", f"Invalid value: {shown}: {field} in body must be of type {wanted}: {shown}"


def wrong(field: str, shown: str, rule: str) -> Cause:
    return field, "Invalid", f"Invalid value: {shown}: {field} in body {rule}"


REFUSED: dict[str, tuple[Json, Cause]] = {
    "not a multiple": ({"thirds": 4}, wrong("spec.thirds", "4", "should be a multiple of 3")),
    "at an exclusive minimum": ({"above": 0}, wrong("spec.above", "0", "should be greater than 0")),
    "at an exclusive maximum": ({"below": 9}, wrong("spec.below", "9", "should be less than 9")),
    "too short": ({"word": "a"}, wrong("spec.word", '"a"', "should be at least 2 chars long")),
    "too long": ({"word": "abcde"}, ("spec.word", "TooLong", "Too long: may not be more than 4 bytes")),
    "another pattern": ({"word": "A1"}, wrong("spec.word", '"A1"', "should match '^[a-z]+$'")),
    "too few": ({"some": []}, wrong("spec.some", "0", "should have at least 1 items")),
    "too many": ({"some": ["a"] * 3}, ("spec.some", "TooMany", "Too many: 3: must have at most 2 items")),
    "too few keys": ({"one": {}}, wrong("spec.one", "0", "should have at least 1 properties")),
    "too many keys": ({"one": {"a": "", "b": ""}}, ("spec.one", "TooMany", "Too many: 2: must have at most 1 item")),
    "not listed": (
        {"choice": "c"},
        ("spec.choice", "NotSupported", 'Unsupported value: "c": supported values: "a", "b"'),
    ),
    "a missing field": ({"whole": {"a": ""}}, ("spec.whole.b", "Required", "Required value")),
    "a text for a number": ({"thirds": "3"}, wrong_type("spec.thirds", "integer", '"string"')),
    "a fraction for an integer": ({"thirds": 1.5}, wrong_type("spec.thirds", "integer", '"number"')),
    "a yes for a text": ({"word": True}, wrong_type("spec.word", "string", '"boolean"')),
    "a text for a list": ({"some": "a"}, wrong_type("spec.some", "array", '"string"')),
    "a list for an object": ({"nested": []}, wrong_type("spec.nested", "object", '"array"')),
    "nothing in a list": ({"set": [None]}, wrong_type("spec.set[0]", "string", '"null"')),
    "neither integer nor text": ({"either": True}, wrong_type("spec.either", "integer,string", '"boolean"')),
    "a fraction for either": ({"either": 1.5}, wrong_type("spec.either", "integer,string", '"number"')),
    "no date": ({"as_date": "2024-13-01"}, wrong_type("spec.as_date", "date", '"2024-13-01"')),
    "no time": ({"as_date_time": "yesterday"}, wrong_type("spec.as_date_time", "date-time", '"yesterday"')),
    "no span": ({"as_duration": "5 parsecs"}, wrong_type("spec.as_duration", "duration", '"5 parsecs"')),
    "no base64": ({"as_byte": "!!"}, wrong_type("spec.as_byte", "byte", '"!!"')),
    "no uuid": ({"as_uuid": "zz"}, wrong_type("spec.as_uuid", "uuid", '"zz"')),
    "no address": ({"as_ipv4": "300.1.1.1"}, wrong_type("spec.as_ipv4", "ipv4", '"300.1.1.1"')),
    "no mail address": ({"as_email": "x"}, wrong_type("spec.as_email", "email", '"x"')),
    "twice in a set": ({"set": ["a", "b", "a"]}, ("spec.set[2]", "Duplicate", 'Duplicate value: "a"')),
    "twice in a map": (
        {"map": [{"k": "a"}, {"k": "b"}, {"k": "a", "v": 1}]},
        ("spec.map[2]", "Duplicate", 'Duplicate value: {"k":"a"}'),
    ),
    "twice by a defaulted key": (
        {"ports": [{"k": "a"}, {"k": "a", "p": "UDP"}, {"k": "a", "p": "TCP"}]},
        ("spec.ports[2]", "Duplicate", 'Duplicate value: {"k":"a","p":"TCP"}'),
    ),
    "an entry without its key": ({"map": [{"v": 1}]}, ("spec.map[0].k", "Required", "Required value")),
    "an embedded object without kind": ({"pod": {"apiVersion": "v1"}}, ("spec.pod.kind", "Required", "Required value")),
    "too large for its format": (
        {"short": 2**33},
        (
            "<nil>",
            "Invalid",
            'Invalid value: "": Checked value must be of type integer with format int32 in spec.short',
        ),
    ),
    "a fraction for a format of numbers": ({"short": 1.5}, wrong_type("spec.short", "int32", '"float64"')),
    "a yes for a format of numbers": ({"short": True}, wrong_type("spec.short", "int32", '""')),
    "an object for a format of numbers": ({"short": {}}, wrong_type("spec.short", "int32", '""')),
    "a list for a format of numbers": ({"short": []}, wrong_type("spec.short", "integer", '"array"')),
    "both of oneOf": (
        {"exclusive": {"a": 1, "b": 1}},
        (
            "<nil>",
            "Invalid",
            'Invalid value: "": "spec.exclusive" must validate one and only one schema (oneOf). Found 2 valid alternatives',
        ),
    ),
    "what is not to be": (
        {"good": "bad"},
        ("<nil>", "Invalid", 'Invalid value: "": "spec.good" must not validate the schema (not)'),
    ),
    "none of anyOf": (
        {"long_or_x": "a"},
        ("<nil>", "Invalid", 'Invalid value: "": "spec.long_or_x" must validate at least one schema (anyOf)'),
    ),
}


UNCHECKED_ONCE = ("too large for its format",)
"""What 1.34 takes: it knows formats of texts alone."""


@pytest.mark.parametrize("case", REFUSED)
def test_a_value_that_its_schema_does_not_allow_is_refused_by_name(
    server: Server, dishes: str, fresh: Fresh, case: str
) -> None:
    spec, (field, reason, text) = REFUSED[case]
    answer = create(server, dishes, fresh(), spec)
    if case in UNCHECKED_ONCE and by_version(server, newest=False, oldest=True):
        assert answer.code == 201
        return
    assert answer.code == 422, answer.body
    assert (field, f"FieldValue{reason}", text) in answer.causes


def test_every_fault_of_an_object_is_told_at_once(server: Server, dishes: str, fresh: Fresh) -> None:
    answer = create(server, dishes, fresh(), {"thirds": 4, "word": "A1", "whole": {}})
    assert {field for field, _, _ in answer.causes} == {"spec.thirds", "spec.word", "spec.whole.a", "spec.whole.b"}


KEPT: dict[str, tuple[Json, Json]] = {
    "defaults of absent fields": ({}, DEFAULTS),
    "a default inside what is given": ({"nested": {"b": "c"}}, {**DEFAULTS, "nested": {"a": 5, "b": "c"}}),
    "a default in a map's value": ({"named": {"a": {}}}, {**DEFAULTS, "named": {"a": {"q": "r"}}}),
    "a default in a list's entry": ({"map": [{"k": "a"}]}, {**DEFAULTS, "map": [{"k": "a", "v": 7}]}),
    "a null where one may be": ({"nothing": None}, {**DEFAULTS, "nothing": None}),
    "a null instead of a default": ({"unset_or_nothing": None}, {**DEFAULTS, "unset_or_nothing": None}),
    "a default for a null": ({"unset": None, "nested": None}, DEFAULTS),
    "no null where none may be": ({"word": None, "set": None}, DEFAULTS),
    "no null as a map's value": ({"named": {"a": None}}, {**DEFAULTS, "named": {}}),
    "a number or a text": ({"either": "5%"}, {**DEFAULTS, "either": "5%"}),
    "an integer as a number": ({"number": 3}, {**DEFAULTS, "number": 3}),
    "a span": ({"as_duration": "1h30m"}, {**DEFAULTS, "as_duration": "1h30m"}),
    "what is free": ({"free": {"a": {"b": [1]}}}, {**DEFAULTS, "free": {"a": {"b": [1]}}}),
    "no unknown field below what is known": (
        {"free": {"known": {"x": 1, "y": 2}}},
        {**DEFAULTS, "free": {"known": {"x": 1}}},
    ),
    "no unknown field": ({"nested": {"a": 1, "z": 2}}, {**DEFAULTS, "nested": {"a": 1}}),
    "an embedded object": (
        {"pod": {"apiVersion": "v1", "kind": "Pod", "x": 1}},
        {**DEFAULTS, "pod": {"apiVersion": "v1", "kind": "Pod", "x": 1}},
    ),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_is_stored_of_a_value(server: Server, dishes: str, fresh: Fresh, case: str) -> None:
    given, stored = KEPT[case]
    answer = create(server, dishes, fresh(), given)
    assert answer.code == 201, answer.body
    assert answer.body["spec"] == stored


def test_an_object_without_its_spec_gets_no_defaults_inside(server: Server, dishes: str, fresh: Fresh) -> None:
    body = {"apiVersion": "food.example.com/v1", "kind": "Dishes", "metadata": {"name": fresh()}}
    assert "spec" not in server.good("POST", dishes, body).body


def test_an_apply_merges_a_map_by_its_keys_and_replaces_nobody_elses_entries(
    server: Server, dishes: str, fresh: Fresh
) -> None:
    name = fresh()

    def applied(manager: str, entries: list[Json]) -> Any:
        body: Json = {"apiVersion": "food.example.com/v1", "kind": "Dishes", "metadata": {"name": name}}
        body["spec"] = {"map": entries}
        return server.good("PATCH", f"{dishes}/{name}", body, APPLY, fieldManager=manager).body["spec"]["map"]

    applied("one", [{"k": "a", "v": 1}])
    assert applied("two", [{"k": "b", "v": 2}]) == [{"k": "a", "v": 1}, {"k": "b", "v": 2}]
    assert applied("two", [{"k": "c"}]) == [{"k": "a", "v": 1}, {"k": "c", "v": 7}]


def test_what_is_applied_names_itself(server: Server, dishes: str, fresh: Fresh) -> None:
    body = {"apiVersion": "food.example.com/v1", "kind": "Dishes", "spec": {}}
    answer = server.call("PATCH", f"{dishes}/{fresh()}", body, APPLY, fieldManager="one")
    assert answer.code == 400 and "was undeterminable: name must be provided" in answer.body["message"]


DOUBLED = (
    '{"apiVersion": "food.example.com/v1", "kind": "Dishes", "metadata": {"name": "twice", "odd": 1}, "top": 1, '
    '"spec": {"word": "aa", "word": "bb", "odd": 1, "nested": {"a": 1, "a": 2, "odd": 3}}}'
)
COMPLAINTS = {
    'duplicate field "spec.word"',
    'duplicate field "spec.nested.a"',
    'unknown field "metadata.odd"',
    'unknown field "top"',
    'unknown field "spec.odd"',
    'unknown field "spec.nested.odd"',
}


def test_strict_validation_refuses_unknown_and_doubled_fields(server: Server, dishes: str) -> None:
    answer = server.call("POST", dishes, DOUBLED, fieldValidation="Strict")
    said = 'Dishes in version "v1" cannot be handled as a Dishes: strict decoding error: '
    assert answer.code == 400 and answer.body["message"].startswith(said)
    assert set(answer.body["message"].removeprefix(said).split(", ")) == COMPLAINTS


def test_without_being_asked_for_it_warns_of_each_and_keeps_the_last(server: Server, dishes: str) -> None:
    answer = server.good("POST", dishes, DOUBLED, dryRun="All")
    assert set(answer.warnings) == COMPLAINTS
    assert answer.body["spec"] == {**DEFAULTS, "word": "bb", "nested": {"a": 2}}


def test_ignoring_validation_says_nothing_and_keeps_the_last(server: Server, dishes: str) -> None:
    answer = server.good("POST", dishes, DOUBLED, dryRun="All", fieldValidation="Ignore")
    assert answer.warnings == [] and answer.body["spec"]["word"] == "bb"


def test_another_validation_is_refused(server: Server, dishes: str) -> None:
    answer = server.call("POST", dishes, DOUBLED, fieldValidation="Odd")
    text = 'Unsupported value: "Odd": supported values: "", "Ignore", "Strict", "Warn"'
    assert answer.code == 422 and ("fieldValidation", "FieldValueNotSupported", text) in answer.causes


def test_strict_validation_knows_built_in_kinds_too(server: Server) -> None:
    body = '{"metadata": {"name": "twice", "labels": {"a": "b", "a": "c"}}, "odd": 1, "data": {"a": "b", "a": "c"}}'
    answer = server.call("POST", f"{SPACE}/configmaps", body, fieldValidation="Strict")
    said = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
    assert answer.code == 400
    assert set(answer.body["message"].removeprefix(said).split(", ")) == {
        'duplicate field "metadata.labels.a"',
        'duplicate field "data.a"',
        'unknown field "odd"',
    }


TWICE = """\
apiVersion: food.example.com/v1
kind: Dishes
metadata: {name: twice, labels: {a: b, a: c}}
spec:
  word: aa
  nested:
    a: 1
    a: 2
  word: bb
"""
TWICE_BY_LINE = ['line 3: key "a"', 'line 8: key "a"', 'line 9: key "word"']


def test_doubled_keys_of_yaml_are_told_by_line(server: Server, dishes: str) -> None:
    told = [f"{text} already set in map" for text in TWICE_BY_LINE]
    warned = server.good("POST", dishes, TWICE, "application/yaml", dryRun="All")
    assert warned.warnings == told and warned.body["spec"]["word"] == "bb"
    refused = server.call("POST", dishes, TWICE, "application/yaml", fieldValidation="Strict")
    lines = "".join(f"\n  {text}" for text in told)
    said = 'Dishes in version "v1" cannot be handled as a Dishes: strict decoding error: yaml: unmarshal errors:'
    assert (refused.code, refused.body["message"]) == (400, f"{said}{lines}")
    ignored = server.good("POST", dishes, TWICE, "application/yaml", dryRun="All", fieldValidation="Ignore")
    assert ignored.warnings == []


def test_doubled_keys_of_what_is_applied_are_told_by_line(server: Server, dishes: str) -> None:
    told = [f"{text} already set in map" for text in TWICE_BY_LINE]
    place, query = f"{dishes}/twice", {"fieldManager": "me", "dryRun": "All"}
    assert server.good("PATCH", place, TWICE, APPLY, **query).warnings == told
    refused = server.call("PATCH", place, TWICE, APPLY, fieldValidation="Strict", **query)
    what = by_version(server, newest="patch", oldest="YAML")
    lines = "".join(f"\n  {text}" for text in told)
    said = f"error strict decoding {what}: error converting YAML to JSON: yaml: unmarshal errors:{lines}"
    assert (refused.code, refused.body["message"]) == (400, said)


def test_y_and_n_in_yaml_are_switches(server: Server) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: switches}\nimmutable: y\n"
    answer = server.good("POST", f"{SPACE}/configmaps", text, "application/yaml", dryRun="All")
    assert answer.body["immutable"] is True


def test_a_strategic_patch_with_doubled_fields_is_invalid_under_strict_validation(server: Server) -> None:
    server.good("POST", f"{SPACE}/configmaps", {"metadata": {"name": "patched-twice"}})
    place, body = f"{SPACE}/configmaps/patched-twice", '{"data": {"a": "b", "a": "c"}}'
    refused = server.call("PATCH", place, body, STRATEGIC, fieldValidation="Strict")
    assert (refused.code, refused.body["reason"]) == (422, "Invalid")
    assert refused.body["message"].endswith('strict decoding error: duplicate field "data.a"')
