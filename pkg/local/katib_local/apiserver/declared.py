"""Reads what is applied on the server: first of all it has the forms that its type declares. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.decoding import read_object
from katib_local.apiserver.errors import Refusal, Undecodable, as_in_go, bad_request, json_name, shown
from katib_local.apiserver.fieldsets import Path, element_form, field_of, path_text, whole_type
from katib_local.apiserver.kinds import Kind
from katib_local.apiserver.kubernetes_types import Type, resolved
from katib_local.apiserver.metadata import typed
from katib_local.apiserver.schema import PRESERVE
from katib_local.apiserver.values import INT_OR_STRING

Json = Mapping[str, Any]
GO_TYPES = {bool: "bool", str: "string", list: "[]interface {}", dict: "map[string]interface {}"}


def read_configuration(kind: Kind, wanted: Any) -> dict[str, Any]:
    """What is applied, as its type has it: it says what it is, and only what its kind knows. Raises a refusal."""
    if not isinstance(wanted, Mapping | None):
        why = f"cannot unmarshal {json_name(wanted)} into Go value of type map[string]interface {{}}"
        raise bad_request(f"error decoding patch: error unmarshaling JSON: while decoding JSON: json: {why}")
    document = dict(wanted or {})
    said = (document.get("apiVersion") or "", document.get("kind") or "")
    if said != (kind.api_version, kind.kind):
        group, _, version = str(said[0]).rpartition("/")
        raise bad_request(f"invalid object type: {group}/{version}, Kind={said[1]}")
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    if metadata.get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    what = f"{kind.group}/{kind.version}, Kind={kind.kind}"
    place = f"({metadata.get('namespace') or ''}/{metadata.get('name') or ''}; {what})"
    if wrong := undeclared(kind, document):
        told = wrong[0] if len(wrong) == 1 else "".join(["errors:", *(f"\n  {text}" for text in wrong)])
        raise Refusal(500, "", f"failed to create typed patch object {place}: {told}")
    try:
        return read_object(kind, typed(kind, document), as_said=True)[0]
    except Undecodable as refusal:
        why = f"unable to convert unstructured object to {what}: {refusal.why}"
        raise Refusal(500, "", f"failed to convert new object {place} to proper version: {why}") from refusal


def undeclared(kind: Kind, document: Json) -> list[str]:
    """What is wrong with the forms in an object, each with its place; of unknown fields of one object the first."""
    known = whole_type(kind)
    properties = {**(known.get("properties") or {}), "apiVersion": {}, "kind": {}}
    return [f"{path_text(path)}: {why}" for path, why in _wrong(document, {**known, "properties": properties}, ())]


def _wrong(value: Any, found: Type, path: Path) -> Iterator[tuple[Path, str]]:
    found = resolved(found)
    form = "scalar" if found.get(INT_OR_STRING) else found.get("type")
    if value is None or form is None:
        return
    match form:
        case "object" if not isinstance(value, dict):
            yield path, f"expected map, got &{{{as_in_go(value)}}}"
        case "object":
            yield from _in_fields(value, found, path)
        case "array" if not isinstance(value, list):
            yield path, f"expected list, got &{{{as_in_go(value)}}}"
        case "array":
            yield from _in_entries(value, found, path)
        case "string" if not isinstance(value, str):
            yield path, f"expected string, got &value.valueUnstructured{{Value:{_in_full(value)}}}"
        case "boolean" if not isinstance(value, bool):
            yield path, f"expected boolean, got &{{{as_in_go(value)}}}"
        case "integer" | "number" if type(value) not in (int, float):
            yield path, f"expected numeric (int or float), got {GO_TYPES[type(value)]}"
        case "scalar" | list() if isinstance(value, dict | list):
            yield path, f"expected any scalar, got &{{{as_in_go(value)}}}"


def _in_fields(value: Json, found: Type, path: Path) -> Iterator[tuple[Path, str]]:
    free = found.get(PRESERVE) or not (found.get("properties") or found.get("additionalProperties"))
    for key in sorted(value):
        place = (*path, f"f:{key}")
        known = key in (found.get("properties") or {}) or found.get("additionalProperties")
        if not known and not free:
            yield place, "field not declared in schema"
            return
        yield from _wrong(value[key], field_of(found, key), place)


def _in_entries(value: list[Any], found: Type, path: Path) -> Iterator[tuple[Path, str]]:
    """The entries of a list, told apart by their keys, by themselves or by their numbers."""
    form, name = found.get("x-kubernetes-list-type"), element_form(found)
    seen: dict[str, int] = {}
    for index, entry in enumerate(value):
        if name is None:
            yield from _wrong(entry, found.get("items") or {}, (*path, f"i:{index}"))
        elif why := _not_told_apart(entry, str(form)):
            yield path, f"element {index}: {why}"
        else:
            place = (*path, name(entry))
            seen[place[-1]] = seen.get(place[-1], 0) + 1
            if seen[place[-1]] == 2:
                yield path, f"duplicate entries for key {path_text(place[-1:])}"
            yield from _wrong(entry, found.get("items") or {}, place)


def _not_told_apart(entry: Any, form: str) -> str:
    if entry is None and form == "map":
        return "associative list with keys may not have a null element"
    if entry is None:
        return "associative list without keys has an element that's an explicit null"
    return (
        "associative list with keys may not have non-map elements" if form == "map" and type(entry) is not dict else ""
    )


def _in_full(value: Any) -> str:
    """A value as a server in Go writes it with its type."""
    match value:
        case dict():
            return f"map[string]interface {{}}{{{', '.join(f'{shown(key)}:{_in_full(value[key])}' for key in sorted(value))}}}"
        case list():
            return f"[]interface {{}}{{{', '.join(map(_in_full, value))}}}"
        case None:
            return "interface {}(nil)"
        case _:
            return shown(value)
