"""Structural schemas of custom kinds: unknown fields are pruned and defaults filled in. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from katib_local.apiserver.values import EMBEDDED, part_schema

Json = dict[str, Any]
PRESERVE = "x-kubernetes-preserve-unknown-fields"
TOP = ("apiVersion", "kind", "metadata")


def prune(value: Any, schema: Mapping[str, Any], path: str = "") -> tuple[Any, list[str]]:
    """The value without fields that its schema does not know, and the paths of those."""
    dropped: list[str] = []
    return _prune(value, schema, path, dropped, top=not path), dropped


def _prune(value: Any, schema: Mapping[str, Any], path: str, dropped: list[str], *, top: bool = False) -> Any:
    if isinstance(value, list):
        items = schema.get("items") or {PRESERVE: True}
        return [_prune(entry, items, f"{path}[{index}]", dropped) for index, entry in enumerate(value)]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # as Kubernetes writes it
    if not isinstance(value, Mapping):
        return value
    properties = schema.get("properties") or {}
    rest = schema.get("additionalProperties")
    top = top or bool(schema.get(EMBEDDED))
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
    """The value with the schema's defaults where a field is absent; a null that is not allowed counts as absent.

    Entries of lists are never absent.
    """
    if isinstance(value, list):
        items = schema.get("items")
        return [fill_defaults(entry, items) for entry in value] if isinstance(items, Mapping) else value
    if not isinstance(value, Mapping):
        return value
    filled = {key: part for key, part in value.items() if part is not None or _may_be_null(schema, key)}
    for key, part in (schema.get("properties") or {}).items():
        if key not in filled and "default" in part:
            filled[key] = json.loads(json.dumps(part["default"]))
        if key in filled:
            filled[key] = fill_defaults(filled[key], part)
    rest = schema.get("additionalProperties")
    if isinstance(rest, Mapping):
        known = schema.get("properties") or {}
        filled = {key: part if key in known else fill_defaults(part, rest) for key, part in filled.items()}
    return filled


def _may_be_null(schema: Mapping[str, Any], key: str) -> bool:
    inner = part_schema(schema, key)
    return inner is None or bool(inner.get("nullable"))
