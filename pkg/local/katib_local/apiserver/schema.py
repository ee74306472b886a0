"""Structural schemas of custom kinds: unknown fields are pruned, defaults filled in, wrong values refused. Pure.

jsonschema-rs finds what is wrong; the messages are worded as Kubernetes words them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import jsonschema_rs

Json = dict[str, Any]
PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"
BROKEN_RULES = {
    "minimum": "should be greater than or equal to {limit}",
    "maximum": "should be less than or equal to {limit}",
    "exclusiveMinimum": "should be greater than {limit}",
    "exclusiveMaximum": "should be less than {limit}",
    "minLength": "should be at least {limit} chars long",
    "maxLength": "should be at most {limit} chars long",
    "pattern": "should match '{pattern}'",
    "minItems": "should have at least {limit} items",
    "maxItems": "should have at most {limit} items",
    "minProperties": "should have at least {limit} properties",
    "maxProperties": "should have at most {limit} properties",
    "multipleOf": "should be a multiple of {multiple_of}",
}
TOP = ("apiVersion", "kind", "metadata")


def prune(value: Any, schema: Mapping[str, Any], path: str = "") -> tuple[Any, list[str]]:
    """The value without fields that its schema does not know, and the paths of those."""
    dropped: list[str] = []
    return _prune(value, schema, path, dropped, top=not path), dropped


def _prune(value: Any, schema: Mapping[str, Any], path: str, dropped: list[str], *, top: bool = False) -> Any:
    if isinstance(value, list):
        items = schema.get("items") or {PRESERVE: True}
        return [_prune(entry, items, f"{path}[{index}]", dropped) for index, entry in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    properties = schema.get("properties") or {}
    rest = schema.get("additionalProperties")
    pruned: Json = {}
    for key, part in value.items():
        place = f"{path}.{key}" if path else key
        if top and key in TOP:
            pruned[key] = part
        elif key in properties:
            pruned[key] = _prune(part, properties[key], place, dropped)
        elif isinstance(rest, Mapping):
            pruned[key] = _prune(part, rest, place, dropped)
        elif rest is True or schema.get(PRESERVE):
            pruned[key] = part
        else:
            dropped.append(place)
    return pruned


def fill_defaults(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value with the schema's defaults where a field is absent; a null that is not allowed counts as absent."""
    if isinstance(value, list):
        items = schema.get("items")
        return [fill_defaults(entry, items) for entry in value] if isinstance(items, Mapping) else value
    if not isinstance(value, Mapping):
        return value
    filled = dict(value)
    for key, part in (schema.get("properties") or {}).items():
        if key in filled and filled[key] is None and "default" in part and not part.get("nullable"):
            del filled[key]
        if key not in filled and "default" in part:
            filled[key] = json.loads(json.dumps(part["default"]))
        if key in filled:
            filled[key] = fill_defaults(filled[key], part)
    rest = schema.get("additionalProperties")
    if isinstance(rest, Mapping):
        known = schema.get("properties") or {}
        filled = {key: part if key in known else fill_defaults(part, rest) for key, part in filled.items()}
    return filled


def schema_errors(value: Any, schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of field and text, each as kube-apiserver words it."""
    text = json.dumps(schema, sort_keys=True)
    errors = [_worded(error) for error in _validator(text).iter_errors(value)]
    return [*errors, *_list_errors(value, schema, "")]


@lru_cache(maxsize=64)
def _validator(text: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_plain(json.loads(text), top=True))


def _plain(schema: Any, *, top: bool = False) -> Any:
    """A structural schema as plain JSON Schema: Kubernetes' own keywords in standard ones."""
    if not isinstance(schema, Mapping):
        return schema
    plain = {key: _plain_part(key, value, top) for key, value in schema.items() if _standard(key)}
    if schema.get(INT_OR_STRING):
        plain.pop("anyOf", None)
        plain["type"] = ["integer", "string"]
    if schema.get("nullable") and "type" in plain:
        kinds = plain["type"] if isinstance(plain["type"], list) else [plain["type"]]
        plain["type"] = [*kinds, "null"]
        if "enum" in plain:
            plain["enum"] = [*plain["enum"], None]
    return plain


def _standard(keyword: str) -> bool:
    return not keyword.startswith("x-kubernetes-") and keyword not in ("default", "nullable", "example")


def _plain_part(keyword: str, value: Any, top: bool) -> Any:
    match keyword:
        case "properties":
            return {name: _plain(part) for name, part in value.items() if not (top and name == "metadata")}
        case "items" | "additionalProperties" | "not":
            return _plain(value)
        case "anyOf" | "allOf" | "oneOf":
            return [_plain(part) for part in value]
        case _:
            return value


def _worded(error: jsonschema_rs.ValidationError) -> tuple[str, str]:
    field = render_path(error.instance_path)
    shown = _shown(error.instance)
    match error.kind.name:
        case "required":
            missing = str(getattr(error.kind, "property", ""))
            return (f"{field}.{missing}" if field else missing), "Required value"
        case "type":
            wanted = error.schema_path[-1] if error.schema_path else ""
            types = getattr(error.kind, "types", None) or [wanted]
            kind = next((str(name) for name in types if name != "null"), "")
            return (
                field,
                f"Invalid value: {_type_name(error.instance)}: {field} in body must be of type {kind}: {shown}",
            )
        case "enum":
            options = [option for option in getattr(error.kind, "options", []) if option is not None]
            supported = ", ".join(json.dumps(option) for option in options)
            return field, f"Unsupported value: {shown}: supported values: {supported}"
        case _:
            return field, f"Invalid value: {shown}: {field} in body {_broken_rule(error)}"


def _broken_rule(error: jsonschema_rs.ValidationError) -> str:
    name, rule = error.kind.name, error.kind.as_dict()
    return BROKEN_RULES.get(name, error.message).format_map(rule)


def _type_name(value: Any) -> str:
    """The JSON type of a value, quoted as Kubernetes quotes it."""
    names = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
        dict: "object",
        type(None): "null",
    }
    return json.dumps(names[type(value)])


def _shown(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def render_path(path: Sequence[str | int]) -> str:
    """A path as `spec.parameters[2].name`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text


def _list_errors(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Duplicates in lists that are sets or maps."""
    if isinstance(value, Mapping):
        rest = schema.get("additionalProperties")
        for key, part in value.items():
            inner = (schema.get("properties") or {}).get(key) or (rest if isinstance(rest, Mapping) else None)
            if inner:
                yield from _list_errors(part, inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        items = schema.get("items") or {}
        keys = schema.get("x-kubernetes-list-map-keys") or []
        kind = schema.get("x-kubernetes-list-type")
        seen: list[Any] = []
        for index, entry in enumerate(value):
            identity = {key: entry.get(key) for key in keys} if kind == "map" and isinstance(entry, Mapping) else entry
            if kind in ("map", "set") and identity in seen:
                yield f"{path}[{index}]", f"Duplicate value: {_shown(identity)}"
            seen.append(identity)
            yield from _list_errors(entry, items, f"{path}[{index}]")
