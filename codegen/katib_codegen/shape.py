"""Whether a schema file is built as the dialect says. Knows shapes; knows neither other files nor what fields mean."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from katib_codegen.errors import SourceError
from katib_codegen.load import Document, Sources

TYPES = ("array", "boolean", "integer", "number", "object", "string")
_IDENTITY = ("group", "version", "kind")
_RESOURCE = {
    "plural": str, "singular": str, "scope": str, "categories": list, "subresources": list, "printerColumns": list,
}  # fmt: skip
_COLUMN = ("name", "type", "jsonPath")


def require_shape(sources: Sources) -> None:
    """Raises SourceError with one line per fault, so that no later step trips over one."""
    faults = [
        f"{file}: {fault}" for file, document in sources.schemas.items() for fault in _document_faults(file, document)
    ]
    for section in ("webhooks", "service") if sources.webhooks else ():
        if not isinstance(sources.webhooks.get(section), Mapping):
            hint = near_hint(section, sources.webhooks)
            faults.append(f"webhooks.yaml: has no {section}; write a mapping of that name{hint}")
    if faults:
        raise SourceError("\n".join(faults))


def _document_faults(file: str, document: Document) -> Iterator[str]:
    definitions = document.get("$defs", {})
    if not isinstance(definitions, Mapping):
        yield "$defs is no mapping; write one type per name"
        return
    for name, schema in definitions.items():
        yield from _schema_faults(schema, str(name))
    if "type" in document:
        if not isinstance(document.get("title"), str):
            yield "has a type but no title; write `title: <name of the kind>`"
        yield from _schema_faults(document, str(document.get("title", file)))
    if "x-katib-resource" in document:
        yield from _kind_faults(document)


def _schema_faults(schema: Any, place: str) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        yield f"{place} is {schema!r}, not a schema; write `type:` or `$ref:` below it"
        return
    yield from _type_faults(schema, place)
    for keyword in ("enum", "examples"):
        if keyword in schema and not isinstance(schema[keyword], list):
            yield f"{place} has {keyword} that are no list; write [{schema[keyword]}]"
    if isinstance(schema.get("enum"), list):
        yield from (f"{place} has {value!r} twice in its enum; remove one" for value in _repeated(schema["enum"]))
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        yield f"{place} has properties that are no mapping; write one schema per field"
        return
    for name, field in properties.items():
        yield from _schema_faults(field, f"{place}.{name}")
    if "items" in schema:
        yield from _schema_faults(schema["items"], f"{place}[]")
    if "additionalProperties" in schema and not isinstance(schema["additionalProperties"], bool):
        yield from _schema_faults(schema["additionalProperties"], f"{place}{{}}")


def _type_faults(schema: Mapping[str, Any], place: str) -> Iterator[str]:
    kinds = schema["type"] if isinstance(schema.get("type"), list) else [schema.get("type", "object")]
    for kind in kinds:
        if kind not in (*TYPES, "null"):
            yield f"{place} has the type {kind!r}; write one of {', '.join(TYPES)}{near_hint(kind, TYPES)}"
    if schema.get("type") == "array" and "items" not in schema:
        yield f"{place} is an array without items; write `items:` with the schema of one"
    if "$ref" in schema and "#" not in str(schema["$ref"]):
        yield f"{place} refers to {schema['$ref']!r}; write '#/$defs/Name' or 'file.yaml#/$defs/Name'"


def _kind_faults(document: Document) -> Iterator[str]:
    identity = document.get("x-kubernetes-group-version-kind")
    identity = identity if isinstance(identity, Mapping) else {}
    for word in _IDENTITY:
        if not isinstance(identity.get(word), str):
            yield f"x-kubernetes-group-version-kind has no {word}; a kind needs one{near_hint(word, identity)}"
    resource = document["x-katib-resource"]
    resource = resource if isinstance(resource, Mapping) else {}
    for word, kind in _RESOURCE.items():
        if not isinstance(resource.get(word), kind):
            yield f"x-katib-resource has no {word}; a kind needs one{near_hint(word, resource)}"
    columns = resource.get("printerColumns")
    for column in columns if isinstance(columns, list) else ():
        missing = [word for word in _COLUMN if not isinstance(column, Mapping) or word not in column]
        yield from (f"a printer column has no {word}: {column!r}; write one" for word in missing)


def _repeated(values: list[Any]) -> list[Any]:
    return [value for position, value in enumerate(values) if value in values[:position]]


def near_hint(word: Any, known: Any) -> str:
    """A hint at the word that was probably meant."""
    close = get_close_matches(str(word), [str(name) for name in known], 1)
    return f" ({close[0]!r} comes close)" if close else ""
