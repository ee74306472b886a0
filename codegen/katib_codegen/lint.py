"""Whether the schemas say all that a reader needs. Knows the dialect's rules (apis/README.md); renders nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from katib_codegen.model import Api, Definition, references
from katib_codegen.shape import near_hint
from katib_codegen.words import upper

_KEYWORDS = {
    "$ref", "additionalProperties", "allOf", "default", "description", "enum", "examples", "format", "items",
    "properties", "type", "x-katib-absent", "x-katib-from", "x-katib-message", "x-katib-message-field", "x-katib-python", "x-katib-resource", "x-katib-unit",
    "x-kubernetes-group-version-kind", "x-kubernetes-int-or-string", "x-kubernetes-list-type",
    "x-kubernetes-preserve-unknown-fields",
}  # fmt: skip
_STEPS = re.compile(r"\[[^\]]*\]|[^.\[\]]+")
_NUMBERS = ("integer", "number")


def lint(api: Api) -> list[str]:
    """What is missing or unknown, each with its place; empty when all is said."""
    complaints: list[str] = []
    for definition in api.definitions.values():
        if definition.borrowed:
            continue
        place = f"{definition.file}: {definition.name}"
        complaints += _type_complaints(definition, place)
        for name, field in definition.schema.get("properties", {}).items():
            complaints += (f"{place}.{name} {complaint}" for complaint in _field_complaints(api, field))
    return [*complaints, *_version_complaints(api), *_column_complaints(api), *_unused(api), *_fact_complaints(api)]


def _type_complaints(definition: Definition, place: str) -> Iterator[str]:
    if "description" not in definition.schema:
        yield f"{place} has no description"
    yield from (f"{place} {complaint}" for complaint in _unknown_keywords(definition.schema))
    yield from (f"{place} {complaint}" for complaint in _value_complaints(definition.schema.get("enum", ())))


def _value_complaints(values: Sequence[Any]) -> Iterator[str]:
    """Every known value becomes a constant: texts only, each with a name of its own."""
    named: dict[str, str] = {}
    for value in values:
        if not isinstance(value, str):
            yield f"has the value {value!r} in its enum, which is no text; write it in quotes"
        elif not upper(value).isidentifier():
            yield f"has the value {value!r} in its enum, of which no constant's name can be made; begin with a letter"
        elif upper(value) in named:
            yield f"has {named[upper(value)]!r} and {value!r} in its enum, which would both be {upper(value)}"
        else:
            named[upper(value)] = value


def _field_complaints(api: Api, field: Mapping[str, Any]) -> Iterator[str]:
    if not str(field.get("description", "")).strip():
        yield "has no description"
    if _is_number(field) and "x-katib-unit" not in field:
        yield "is a number without x-katib-unit"
    if "enum" in field:
        yield "has an enum of its own; give it a name under $defs and refer to that"
    if ("default" in field) == ("x-katib-absent" in field):
        yield "needs either a default or x-katib-absent (what its absence means)"
    if "examples" in field:
        yield from _example_complaints(api, field)
    elif not _is_assembled(api, field):
        yield "has no examples"
    yield from _unknown_keywords(field)


def _example_complaints(api: Api, field: Mapping[str, Any]) -> Iterator[str]:
    values = [("example", value) for value in field["examples"]]
    if "default" in field:
        values.append(("default", field["default"]))
    enum = _target(api, field).get("enum")
    for word, value in values:
        if enum is not None and value not in enum:
            yield f"has the {word} {value!r}, which is not one of {', '.join(enum)}"
        elif not _fits(_target(api, field), value):
            yield f"has the {word} {value!r}, which is not of its type"


def _unknown_keywords(schema: Mapping[str, Any]) -> Iterator[str]:
    for keyword in sorted(schema.keys() - _KEYWORDS):
        yield f"uses {keyword}, which the dialect does not know{near_hint(keyword, _KEYWORDS)}"
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), Mapping):
            yield from _unknown_keywords(schema[inner])


def _is_number(field: Mapping[str, Any]) -> bool:
    return field.get("type") in _NUMBERS or field.get("items", {}).get("type") in _NUMBERS


def _is_assembled(api: Api, field: Mapping[str, Any]) -> bool:
    """Whether the example follows from the fields of our own types that the field is made of."""
    names = list(references({key: field[key] for key in ("$ref", "items") if key in field}))
    return any("properties" in api.definitions[name].schema and not api.definitions[name].borrowed for name in names)


def _target(api: Api, field: Mapping[str, Any]) -> Mapping[str, Any]:
    return api.definitions[field["$ref"].rsplit("/", 1)[1]].schema if "$ref" in field else field


_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def _fits(schema: Mapping[str, Any], value: Any) -> bool:
    wanted = schema.get("type")
    if not isinstance(wanted, str):
        return True
    if isinstance(value, bool) and wanted != "boolean":
        return False
    if wanted == "array" and isinstance(value, list):
        return all(_fits(schema["items"], item) for item in value)
    if isinstance(schema.get("additionalProperties"), Mapping) and isinstance(value, dict):
        return all(_fits(schema["additionalProperties"], item) for item in value.values())
    return isinstance(value, _PYTHON_TYPES[wanted])


def _version_complaints(api: Api) -> Iterator[str]:
    for kind in api.kinds:
        if kind.version != api.version:
            yield f"{kind.file}: {kind.name} has version {kind.version} and lies in {api.sources.folder}; write its folder's"


def _column_complaints(api: Api) -> Iterator[str]:
    for kind in api.kinds:
        for column in kind.columns:
            if not _leads_somewhere(api, kind.name, column.json_path):
                yield f"{kind.file}: the printer column {column.name} reads {column.json_path}, which is no field"


def _leads_somewhere(api: Api, kind: str, json_path: str) -> bool:
    schema: Mapping[str, Any] = api.definitions[kind].schema
    for step in _STEPS.findall(json_path):
        schema = _target(api, schema)
        if step.startswith("["):
            schema = schema.get("items", {})
        elif "properties" in schema:
            if step not in schema["properties"]:
                return False
            schema = schema["properties"][step]
        else:
            return bool(schema.get("x-kubernetes-preserve-unknown-fields", "additionalProperties" in schema))
    return json_path.startswith(".")


def _unused(api: Api) -> Iterator[str]:
    used = {name for definition in api.definitions.values() for name in references(definition.schema)}
    roots = {str(document.get("title")) for document in api.sources.schemas.values() if "type" in document}
    roots |= {f"{kind.name}List" for kind in api.kinds}
    for name in sorted(api.definitions.keys() - used - roots):
        yield f"{api.definitions[name].file}: nothing refers to {name}; remove it"


def _name_complaints(entry: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"has no {missing}" for missing in ("value", "description") if missing not in entry)
    for word in ("value", "default"):
        if word in entry and (isinstance(entry[word], bool) or not isinstance(entry[word], str | int)):
            yield f"has the {word} {entry[word]!r}; write a text in quotes"


def _fact_complaints(api: Api) -> Iterator[str]:
    for section, entries in api.sources.names.items():
        for key, entry in entries.items():
            yield from (f"names.yaml: {section}.{key} {complaint}" for complaint in _name_complaints(entry))
    for key, hook in api.sources.webhooks.get("webhooks", {}).items():
        if "description" not in hook:
            yield f"webhooks.yaml: {key} has no description"
    for holder, lists in api.sources.permissions.items():
        for rules in lists.values():
            for rule in rules if isinstance(rules, list) else ():
                if "why" not in rule:
                    yield f"permissions.yaml: {holder} may {' '.join(rule['verbs'])} {' '.join(rule['resources'])}: why?"
