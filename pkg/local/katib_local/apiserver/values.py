"""Values against the structural schema of a custom kind: what is wrong and where, as kube-apiserver words it. Pure.

What has not changed since an older schema let it in is not held against a change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import re2

from katib_local.apiserver.formats import BOUNDS, has_format

Schema = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
INT_OR_STRING = "x-kubernetes-int-or-string"
EMBEDDED = "x-kubernetes-embedded-resource"
NOWHERE = "<nil>"
ABSENT = object()
"""No old value, as of an object that is created."""


def value_errors(value: Any, schema: Schema, old: Any = ABSENT, path: str = "") -> Problems:
    """Pairs of field and text."""
    found = [] if value is None and schema.get("nullable") else list(_errors(value, schema, old, path))
    if found and not same(value, old):
        yield from found


def same(value: Any, old: Any) -> bool:
    """Whether nothing has changed; 1 is another value than true."""
    return old is not ABSENT and _shown(value) == _shown(old)


def _errors(value: Any, schema: Schema, old: Any, path: str) -> Problems:
    wanted = _types(schema)
    wrong = wanted and not any(_is_a(value, name) for name in wanted)
    if wrong:
        told, shown = _told_types(value, schema, wanted)
        yield path or NOWHERE, f"Invalid value: {shown}: {path} in body must be of type {told}: {shown}"
        yield from _bound_errors(value, schema, path)
    yield from _combined(value, schema, path)
    if not wrong:
        yield from _by_type(value, schema, old, path)
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(_shown(option) for option in schema["enum"] if option is not None)
        yield path, f"Unsupported value: {_shown(value)}: supported values: {supported}"


def _by_type(value: Any, schema: Schema, old: Any, path: str) -> Problems:
    match type_name(value):
        case "string":
            yield from _text_errors(value, schema, path)
        case "object":
            yield from _object_errors(value, schema, old, path)
        case "array":
            yield from _list_errors(value, schema, old, path)
        case "integer" | "number":
            yield from _number_errors(value, schema, path)


def _types(schema: Schema) -> Sequence[str]:
    if schema.get(INT_OR_STRING):
        return ("integer", "string")
    return (schema["type"],) if schema.get("type") else ()


def type_name(value: Any) -> str:
    """The type of a value, as JSON names it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _told_types(value: Any, schema: Schema, wanted: Sequence[str]) -> tuple[str, str]:
    """Which types a value should have and which it has: where numbers have a format, some are told in Go's words."""
    name = schema.get("format", "")
    if name in BOUNDS and isinstance(value, float):
        return name, _shown("float64")
    if name in BOUNDS and isinstance(value, bool | Mapping):
        return name, _shown("")
    return ",".join(wanted), _shown(type_name(value))


def _is_a(value: Any, wanted: str) -> bool:
    found = type_name(value)
    if found == "number" and wanted == "integer":
        return bool(value.is_integer())
    return found == wanted or (found == "integer" and wanted == "number")


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _text_errors(value: str, schema: Schema, path: str) -> Problems:
    yield from _length(len(value), schema.get("minLength"), _shown(value), f"{path} in body", path, "chars long")
    most = schema.get("maxLength")
    if most is not None and len(value) > most:
        yield path, f"Too long: may not be more than {most} bytes"
    pattern = schema.get("pattern")
    if pattern and not _matches(pattern, value):
        yield path, f"Invalid value: {_shown(value)}: {path} in body should match '{pattern}'"
    name = schema.get("format")
    if name and not has_format(value, name):
        yield path, f"Invalid value: {_shown(value)}: {path} in body must be of type {name}: {_shown(value)}"


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)


def _matches(pattern: str, value: str) -> bool:
    return _compiled(pattern).search(value) is not None


def _length(length: int, least: int | None, shown: Any, what: str, path: str, unit: str) -> Problems:
    if least is not None and length < least:
        yield path, f"Invalid value: {shown}: {what} should {'be' if unit == 'chars long' else 'have'} at least {least} {unit}"


def _too_many(length: int, most: int | None, path: str) -> Problems:
    if most is not None and length > most:
        yield path, f"Too many: {length}: must have at most {most} item{'' if most == 1 else 's'}"


def _number_errors(value: float, schema: Schema, path: str) -> Problems:
    least, most, factor = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    said = f"Invalid value: {_shown(value)}: {path} in body should be"
    if least is not None and schema.get("exclusiveMinimum") and value <= least:
        yield path, f"{said} greater than {least}"
    elif least is not None and value < least:
        yield path, f"{said} greater than or equal to {least}"
    if most is not None and schema.get("exclusiveMaximum") and value >= most:
        yield path, f"{said} less than {most}"
    elif most is not None and value > most:
        yield path, f"{said} less than or equal to {most}"
    if factor and not (value / factor).is_integer():
        yield path, f"{said} a multiple of {factor}"
    yield from _bound_errors(value, schema, path)


def _bound_errors(value: Any, schema: Schema, path: str) -> Problems:
    """A number that is no whole one, or too large for the format that it should have."""
    name = schema.get("format", "")
    if name in BOUNDS and isinstance(value, int | float) and not isinstance(value, bool):
        if value != int(value) or not -BOUNDS[name] <= value < BOUNDS[name]:
            yield NOWHERE, f'Invalid value: "": Checked value must be of type integer with format {name} in {path}'


def _object_errors(value: Mapping[str, Any], schema: Schema, old: Any, path: str) -> Problems:
    count, what = len(value), f"{path} in body"
    yield from _length(count, schema.get("minProperties"), count, what, path, "properties")
    yield from _too_many(count, schema.get("maxProperties"), path)
    for name in (*(schema.get("required") or ()), *(("apiVersion", "kind") if schema.get(EMBEDDED) else ())):
        if name not in value:
            yield inside(path, name), "Required value"
    for key, part in value.items():
        inner = part_schema(schema, key)
        if inner is not None:
            yield from value_errors(part, inner, part_of(old, key), inside(path, key))


def _list_errors(value: list[Any], schema: Schema, old: Any, path: str) -> Problems:
    yield from _length(len(value), schema.get("minItems"), len(value), f"{path} in body", path, "items")
    yield from _too_many(len(value), schema.get("maxItems"), path)
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
    seen: list[Any] = []
    for index, entry in enumerate(value):
        place = f"{path}[{index}]"
        yield from value_errors(entry, schema.get("items") or {}, entry_of(old, entry, schema), place)
        identity = {key: entry.get(key) for key in keys} if kind == "map" and isinstance(entry, Mapping) else entry
        if kind in ("map", "set") and identity in seen:
            yield place, f"Duplicate value: {_shown(identity)}"
        seen.append(identity)


def inside(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def part_schema(schema: Schema, key: str) -> Schema | None:
    """The schema of a field of an object or of a map's value."""
    rest = schema.get("additionalProperties")
    found: Schema | None = (schema.get("properties") or {}).get(key)
    return found if found is not None else (rest if isinstance(rest, Mapping) else None)


def part_of(old: Any, key: str) -> Any:
    return old.get(key, ABSENT) if isinstance(old, Mapping) else ABSENT


def entry_of(old: Any, entry: Any, schema: Schema) -> Any:
    """The entry that was there before: only those of lists that are maps are known again."""
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if schema.get("x-kubernetes-list-type") != "map" or not isinstance(old, list) or not isinstance(entry, Mapping):
        return ABSENT
    same = [held for held in old if isinstance(held, Mapping) and all(held.get(key) == entry.get(key) for key in keys)]
    return same[0] if same else ABSENT


def _combined(value: Any, schema: Schema, path: str) -> Problems:
    """What anyOf, oneOf, allOf and not say; of an alternative that fails, the first one's reasons."""
    if schema.get("anyOf") and not schema.get(INT_OR_STRING):
        found = [list(value_errors(value, part, path=path)) for part in schema["anyOf"]]
        if all(found):
            yield NOWHERE, f'Invalid value: "": "{path}" must validate at least one schema (anyOf)'
            yield from found[0]
    if schema.get("oneOf"):
        found = [list(value_errors(value, part, path=path)) for part in schema["oneOf"]]
        fitting = found.count([])
        if fitting != 1:
            what = f"Found {fitting} valid alternatives" if fitting else "Found none valid"
            yield NOWHERE, f'Invalid value: "": "{path}" must validate one and only one schema (oneOf). {what}'
            yield from [] if fitting else found[0]
    if schema.get("allOf"):
        found = [list(value_errors(value, part, path=path)) for part in schema["allOf"]]
        yield from (problem for problems in found for problem in problems)
        if any(found):
            none = ". None validated" if all(found) else ""
            yield NOWHERE, f'Invalid value: "": "{path}" must validate all the schemas (allOf){none}'
    if "not" in schema and not list(value_errors(value, schema["not"], path=path)):
        yield NOWHERE, f'Invalid value: "": "{path}" must not validate the schema (not)'
