"""JSON Schemas for editors: completion, words and errors while a person types YAML.

Stricter than the CRDs: they state the rules of admission that a schema can see, and refuse fields and values that
nobody knows. What admission accepts passes otherwise, apart from enumerations that are null or empty.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from katib_codegen.dialect import BOUNDS, DURATION
from katib_codegen.errors import SourceError
from katib_codegen.marks import mark
from katib_codegen.model import Api, Definition, Schema, properties, references
from katib_codegen.outline import (
    Document,
    documents,
    is_enumeration,
    required_of,
    rules_of,
    target_of,
    types_of,
)
from katib_codegen.render import Files
from katib_codegen.render.documents import json_text
from katib_codegen.words import words

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PAIRS = tuple(keyword for pair in BOUNDS for keyword in pair)
# How many bits a whole number has.
_BOUNDS = {"int32": 32, "int64": 64}
# Keywords of a type that a rule narrows.
_NARROWED = {"enum", "minimum", "maximum"}
# Keywords that an editor explains badly: "the text is longer than 0" for a field that does not belong there.
_TOLD = ("maxLength", "maxItems", "not")


def render_editor_schemas(api: Api) -> Files:
    """One schema per document, and one for all of them."""
    folder = f"docs/schemas/{api.version}"
    found = documents(api)
    printed = {
        f"{folder}/{document.stem}.json": json_text(_head(api, document) | _alone(api, document)) for document in found
    }
    printed[f"{folder}/all.json"] = json_text(_head(api, *found) | _any_of(api, found))
    return printed


def _head(api: Api, *found: Document) -> Schema:
    sources = dict.fromkeys(f"{api.sources.folder}/{part.file}" for one in found for part in types_of(api, one))
    return {"$comment": mark(*sources), "$schema": _DIALECT}


def _alone(api: Api, document: Document) -> Schema:
    root, *others = types_of(api, document)
    schema = {"title": document.name, **_root(api, document, root)}
    return schema | {"$defs": _named(api, others, schema)}


def _any_of(api: Api, found: Sequence[Document]) -> Schema:
    """Asks the kind first, so that errors are about that kind and no other."""
    parts = {part.name: part for one in found for part in types_of(api, one)}
    roots = {one.name: _root(api, one, parts.pop(one.name)) for one in found}
    return {
        "title": api.project.name,
        "description": f"Any of {', '.join(roots)}; its kind says which.",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"enum": sorted({one.api_version for one in found})},
            "kind": {"enum": list(roots)},
        },
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
                "then": {"$ref": f"#/$defs/{name}"},
            }
            for name in roots
        ],
        "$defs": {**roots, **_named(api, parts.values(), roots)},
    }


def _root(api: Api, document: Document, definition: Definition) -> Schema:
    """A document says which kind and version it is."""
    schema = _definition(api, definition) | {"type": "object"}
    for name, value in (("apiVersion", document.api_version), ("kind", document.name)):
        schema["properties"][name] = {
            "description": words(definition.schema["properties"].get(name, {})),
            "const": value,
        }
    return schema


def _named(api: Api, definitions: Iterable[Definition], roots: Schema) -> dict[str, Schema]:
    """The types that something refers to: enumerations and parents stand where they are used."""
    named = {one.name: _definition(api, one) for one in definitions}
    used = {*references(roots), *references(named)}
    return {name: schema for name, schema in named.items() if name in used}


def _definition(api: Api, definition: Definition) -> Schema:
    """A named type. Null stands for an absent one, as in the CRDs."""
    text = words(definition.schema)
    schema: Schema = {"description": text} if text else {}
    if "properties" not in definition.schema:
        return schema | _typed(api, definition.schema)
    required = required_of(definition)
    schema["type"] = ["object", "null"]
    if required:
        schema["required"] = list(required)
    schema["properties"] = {
        name: _field(api, field, name in required) for name, field in properties(api, definition.schema).items()
    }
    if not definition.borrowed:
        schema["additionalProperties"] = False
    return schema | _all_of(rules_of(definition.schema))


def _field(api: Api, field: Mapping[str, Any], required: bool) -> Schema:
    target = target_of(api, field) if "$ref" in field else None
    parts = [words(field), words(target.schema) if target is not None and is_enumeration(target) else ""]
    text = " ".join(filter(None, parts))
    schema: Schema = {"description": text} if text else {}
    if target is not None and not is_enumeration(target):
        schema["$ref"] = field["$ref"]
        if required and "properties" in target.schema:
            schema["type"] = "object"
    else:
        schema |= _typed(api, target.schema if target else field, required)
    schema |= {key: field[key] for key in ("default", "examples") if key in field}
    return _with_rules(schema, field, target)


def _typed(api: Api, schema: Mapping[str, Any], required: bool = False) -> Schema:
    """The type alone. A required text is not empty, since an empty one reads as absent."""
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": _nullable(["integer", "string"], required)}
    if "enum" in schema:
        return {"type": "string", "enum": list(schema["enum"])}
    kind = schema.get("type", "object")
    typed: Schema = {"type": _nullable([kind], required)}
    if schema.get("format") == "date-time":
        typed["format"] = "date-time"
    if schema.get("format") == "duration":
        typed["pattern"] = DURATION
    if schema.get("format") in _BOUNDS:
        bits = _BOUNDS[schema["format"]]
        typed |= {"minimum": -(2 ** (bits - 1)), "maximum": 2 ** (bits - 1) - 1}
    typed |= {keyword: schema[keyword] for keyword in (*_PAIRS, "pattern") if keyword in schema}
    if required and kind == "string":
        typed.setdefault("minLength", 1)
    if "items" in schema:
        typed["items"] = _item(api, schema["items"])
    if isinstance(schema.get("additionalProperties"), Mapping):
        typed["additionalProperties"] = _item(api, schema["additionalProperties"])
    return typed


def _item(api: Api, schema: Mapping[str, Any]) -> Schema:
    return {key: value for key, value in _field(api, schema, True).items() if key != "minLength"}


def _nullable(kinds: list[str], required: bool) -> str | list[str]:
    names = kinds if required else [*kinds, "null"]
    return names[0] if len(names) == 1 else names


def _with_rules(schema: Schema, field: Mapping[str, Any], target: Definition | None) -> Schema:
    """The field with its rules beside its type, where an editor looks first; what would clash stands below allOf."""
    apart = []
    for rule in rules_of(field):
        told = _told(rule.get("schema", {}), rule["says"])
        if "$ref" in schema or told.keys() & (schema.keys() - _NARROWED):
            apart.append(rule)
        else:
            schema |= told
    if apart and "$ref" in schema and target is not None and rules_of(target.schema):
        raise SourceError(f"{target.file}: {target.name} has rules, and so has a field of that type; state them once")
    return schema | _all_of(apart)


def _all_of(rules: Sequence[Mapping[str, Any]]) -> Schema:
    parts = [{"$comment": rule["says"], **_told(rule["schema"], rule["says"])} for rule in rules if "schema" in rule]
    return {"allOf": parts} if parts else {}


def _told(schema: Any, says: str) -> Any:
    """A rule's schema with its words at each place where an editor would report it."""
    if isinstance(schema, list):
        return [_told(part, says) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    told = {key: value if key in ("if", "not") else _told_part(key, value, says) for key, value in schema.items()}
    if "pattern" in schema:
        told["patternErrorMessage"] = says
    elif any(key in schema for key in _TOLD) or schema.get("type") == "null":
        told["errorMessage"] = says
    return told


def _told_part(keyword: str, value: Any, says: str) -> Any:
    if keyword == "properties":
        return {name: _told(part, says) for name, part in value.items()}
    return value if keyword in ("required", "enum", "const", "type") else _told(value, says)
