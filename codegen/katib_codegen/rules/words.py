"""Whether every type and every field says what it is, what it counts, what its absence means, and how one looks."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen.complaints import Complaint
from katib_codegen.dialect import NUMBERS
from katib_codegen.model import Api, references
from katib_codegen.rules.nodes import Node, fields, types

_LATER = re.compile(r"\b(TODO|FIXME|TBD|XXX)\b|^(todo|fixme|tbd|xxx)\b", re.ASCII)


def word_complaints(api: Api) -> Iterator[Complaint]:
    """Types and fields without their words; types that nothing uses."""
    for node in types(api):
        yield from _description_complaints(node)
    for field in fields(api):
        yield from _description_complaints(field)
        yield from _field_complaints(api, field)
    yield from _unused(api)


def is_placeholder(text: str) -> bool:
    """Whether the text stands for one that is to be written later."""
    return bool(_LATER.search(text)) or not any(letter.isalpha() for letter in text)


def _description_complaints(node: Node) -> Iterator[Complaint]:
    text = node.schema.get("description", "").strip()
    if not text:
        yield node.complain("has no description; say in a sentence what it is", "description")
    elif is_placeholder(text):
        yield node.complain(f"has the description {text!r}; say in a sentence what it is", "description")


def _field_complaints(api: Api, field: Node) -> Iterator[Complaint]:
    schema = field.schema
    for keyword, cure in (("x-katib-unit", "what it counts or measures"), ("x-katib-absent", "what its absence means")):
        text = schema.get(keyword, "").strip()
        if text and is_placeholder(text):
            yield field.complain(f"has the {keyword} {text!r}; say {cure}", keyword)
    if "x-katib-unit" in schema and not _is_number(schema) and not schema["x-katib-unit"].strip():
        yield field.complain("has an empty x-katib-unit; say what it counts or measures, or remove it", "x-katib-unit")
    if _is_number(schema) and not schema.get("x-katib-unit", "").strip():
        yield field.complain("is a number without x-katib-unit; say what it counts or measures")
    if "default" not in schema and not schema.get("x-katib-absent", "").strip():
        yield field.complain("has neither a default nor x-katib-absent; say what its absence means")
    if "default" in schema and "x-katib-absent" in schema:
        yield field.complain("has both a default and x-katib-absent; remove the one that is not so", "x-katib-absent")
    if not schema.get("examples") and ("examples" in schema or not _is_assembled(api, schema)):
        yield field.complain("has no examples; give at least one value: examples: […]")


def _is_number(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") in NUMBERS or schema.get("items", {}).get("type") in NUMBERS


def _is_assembled(api: Api, schema: Mapping[str, Any]) -> bool:
    """Whether the example follows from the fields of our own types that the field is made of."""
    names = list(references({key: schema[key] for key in ("$ref", "items") if key in schema}))
    return any("properties" in api.definitions[name].schema and not api.definitions[name].borrowed for name in names)


def _unused(api: Api) -> Iterator[Complaint]:
    used = {name for definition in api.definitions.values() for name in references(definition.schema)}
    roots = {str(document["title"]) for document in api.sources.schemas.values() if "type" in document}
    roots |= {f"{kind.name}List" for kind in api.kinds}
    roots |= {name for name, found in api.definitions.items() if found.schema.get("x-katib-sdk") == "published"}
    for name, definition in api.definitions.items():
        if name not in used | roots:
            yield Complaint(definition.file, definition.path, f"nothing refers to {name}; remove it, or use it")
