"""Schemas of custom kinds: which are no structural ones, and so cannot be served. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import re2

from katib_local.apiserver.formats import RECOGNIZED
from katib_local.apiserver.rule_checks import rule_problems
from katib_local.apiserver.rules import looks_back
from katib_local.apiserver.schema import PRESERVE, prune
from katib_local.apiserver.shapes import RULES
from katib_local.apiserver.values import EMBEDDED, INT_OR_STRING, Schema, value_errors

Problems = Iterator[tuple[str, str]]
TYPES = ("array", "boolean", "integer", "number", "object", "string")
LIST_TYPES = ("atomic", "map", "set")
MAP_KEYS, LIST_TYPE, MAP_TYPE = "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type"
NAMED = ("name", "generateName")
JUNCTORS = ("allOf", "anyOf", "oneOf")
NOT_BELOW_JUNCTORS = ("additionalProperties", "default", "description", "nullable", "title", "type", MAP_KEYS, PRESERVE)
_QUIET = re2.Options()
_QUIET.log_errors = False


def schema_problems(schema: Schema, path: str) -> Problems:
    """What keeps a schema from being served: pairs of field and text."""
    kind = schema.get("type")
    if kind is None:
        yield f"{path}.type", "Required value: must not be empty at the root"
    elif kind != "object":
        yield f"{path}.type", f'Invalid value: "{kind}": must be object at the root'
    metadata = (schema.get("properties") or {}).get("metadata") or {}
    if set(metadata.get("properties") or ()) - set(NAMED):
        text = "Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified"
        yield f"{path}.properties[metadata]", text
    yield from _problems(schema, path, root=True)


def _problems(schema: Schema, path: str, *, root: bool = False, knowable: str = "") -> Problems:
    """Of one place and all below; `knowable` is the list whose entries cannot be told apart, if the place is in one."""
    if not root:
        yield from _type_problems(schema, path)
    yield from _form_problems(schema, path)
    yield from _pattern_problems(schema, path)
    yield from _list_problems(schema, path)
    yield from _default_problems(schema, path)
    yield from rule_problems(schema, path)
    for index, rule in enumerate(schema.get(RULES) or ()):
        if knowable and looks_back(rule):
            text = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {knowable}"
            yield f"{path}.{RULES}[{index}].rule", f"Invalid value: {json.dumps(rule['rule'])}: {text}"
    for name, part in (schema.get("properties") or {}).items():
        if not (root and name == "metadata"):
            yield from _problems(part, f"{path}.properties[{name}]", knowable=knowable)
    if isinstance(schema.get("items"), Mapping):
        lost = knowable or ("" if schema.get(LIST_TYPE) == "map" else path)
        yield from _problems(schema["items"], f"{path}.items", knowable=lost)
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from _problems(schema["additionalProperties"], f"{path}.additionalProperties", knowable=knowable)


def _type_problems(schema: Schema, path: str) -> Problems:
    kind = schema.get("type")
    if kind is not None and kind not in TYPES:
        supported = ", ".join(f'"{name}"' for name in TYPES)
        yield f"{path}.type", f'Unsupported value: "{kind}": supported values: {supported}'
    elif kind is None and "$ref" not in schema and not schema.get(PRESERVE) and not schema.get(INT_OR_STRING):
        yield f"{path}.type", "Required value: must not be empty for specified object fields"


def _form_problems(schema: Schema, path: str) -> Problems:
    if schema.get(PRESERVE) is False:
        yield f"{path}.{PRESERVE}", "Invalid value: false: must be true or undefined"
    if "$ref" in schema:
        yield f"{path}.$ref", "Forbidden: $ref is not supported"
    if schema.get("uniqueItems"):
        text = "Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield f"{path}.uniqueItems", text
    if schema.get("properties") and schema.get("additionalProperties"):
        text = "Forbidden: additionalProperties and properties are mutual exclusive"
        yield f"{path}.additionalProperties", text
    if schema.get(EMBEDDED) and not schema.get(PRESERVE) and not schema.get("properties"):
        text = f"Required value: must not be empty if {EMBEDDED} is true without {PRESERVE}"
        yield f"{path}.properties", text
    for junctor in JUNCTORS:
        if not schema.get(INT_OR_STRING):
            for index, part in enumerate(schema.get(junctor) or ()):
                yield from _below_junctor(part, f"{path}.{junctor}[{index}]")
    if isinstance(schema.get("not"), Mapping):
        yield from _below_junctor(schema["not"], f"{path}.not")


def _below_junctor(schema: Schema, path: str) -> Problems:
    for name in NOT_BELOW_JUNCTORS:
        if schema.get(name):
            yield f"{path}.{name}", "Forbidden: must be empty to be structural"


def _pattern_problems(schema: Schema, path: str) -> Problems:
    pattern = schema.get("pattern")
    if not pattern:
        return
    try:
        re2.compile(pattern, _QUIET)
    except re2.error as error:
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
        text = f"must be a valid regular expression, but isn't: error parsing regexp: {said}"
        yield f"{path}.pattern", f"Invalid value: {json.dumps(pattern)}: {text}"


def _list_problems(schema: Schema, path: str) -> Problems:
    items, kind, keys = schema.get("items"), schema.get(LIST_TYPE), schema.get(MAP_KEYS) or ()
    if schema.get("type") == "array" and items is None:
        yield f"{path}.items", "Required value: must be specified"
    if kind is not None and kind not in LIST_TYPES:
        yield f"{path}.{LIST_TYPE}", f'Unsupported value: "{kind}": supported values: "atomic", "map", "set"'
    if not isinstance(items, Mapping):
        return
    if kind == "map" and not keys:
        yield f"{path}.{MAP_KEYS}", "Required value: must not be empty if x-kubernetes-list-type is map"
    for key in keys:
        part = (items.get("properties") or {}).get(key) or {}
        if key not in (items.get("required") or ()) and "default" not in part:
            text = f"this property is in {MAP_KEYS}, so it must have a default or be a required property"
            yield f"{path}.items.properties[{key}].default", f"Required value: {text}"
    if kind == "set" and items.get("type") == "object" and items.get(MAP_TYPE) != "atomic":
        text = "must be atomic as item of a list with x-kubernetes-list-type=set"
        yield f"{path}.items.{MAP_TYPE}", f"Invalid value: {json.dumps(items.get(MAP_TYPE))}: {text}"


def _default_problems(schema: Schema, path: str) -> Problems:
    default: Any = schema.get("default")
    if default is None:
        return
    _, unknown = prune({"default": default}, {"properties": {"default": schema}})
    if unknown:
        shown = json.dumps(default, separators=(",", ":"))
        yield f"{path}.default", f"Invalid value: {shown}: must not have unknown fields"
    for _, text in value_errors(default, schema):
        yield f"{path}.default", text


def unrecognized_formats(schema: Schema) -> Iterator[str]:
    """The formats that say nothing about a value of their type, here and below."""
    name = schema.get("format")
    if name and name.replace("-", "") not in RECOGNIZED.get(schema.get("type") or "", ()):
        yield name
    parts = [schema.get("items"), schema.get("additionalProperties"), schema.get("not")]
    parts += [*(schema.get("properties") or {}).values(), *(part for key in JUNCTORS for part in schema.get(key) or ())]
    for part in parts:
        if isinstance(part, Mapping):
            yield from unrecognized_formats(part)
