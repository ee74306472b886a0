"""Whether a schema file is built as the dialect says. Knows shapes; knows neither other files nor what fields mean."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from katib_codegen.complaints import Complaint, Path, near_hint, refused
from katib_codegen.dialect import INSTEAD, KEYWORDS, TYPES
from katib_codegen.rules.forms import form_complaints
from katib_codegen.rules.references import reference_complaints

if TYPE_CHECKING:
    from katib_codegen.load import Document, Sources

_Fault = tuple[Path, str]
_IDENTITY = ("group", "version", "kind")
_RESOURCE: Mapping[str, type] = {
    "plural": str, "singular": str, "scope": str, "categories": list, "subresources": list, "printerColumns": list,
}  # fmt: skip
_COLUMN = ("name", "type", "jsonPath")
# What the value of a keyword has to be, and how one is written.
_VALUES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "description": (str, "write a text, in quotes where it holds a colon"),
    "x-katib-absent": (str, "write a text, in quotes where it holds a colon"),
    "x-katib-unit": (str, "write a text, in quotes where it holds a colon"),
    "format": (str, "write the name of a format"),
    "pattern": (str, "write a regular expression in single quotes"),
    "minimum": ((int, float), "write a number"),
    "maximum": ((int, float), "write a number"),
    "minLength": (int, "write a whole number"),
    "maxLength": (int, "write a whole number"),
    "minItems": (int, "write a whole number"),
    "maxItems": (int, "write a whole number"),
    "enum": (list, "write a list: [{value}]"),
    "examples": (list, "write a list: [{value}]"),
    "required": (list, "write a list: [{value}]"),
    "x-kubernetes-list-map-keys": (list, "write a list: [{value}]"),
    "x-kubernetes-validations": (list, "write a list of {{rule: …, message: …}}"),
    "properties": (Mapping, "write one schema per field"),
    "x-katib-from": (str, "write the full name of a type in Kubernetes' definitions"),
    "x-katib-python": (str, "write the full name of a Python type"),
    "x-katib-required": (list, "write a list: [{value}]"),
    "x-katib-rules": (list, "write a list of {{says: …, schema: …}}"),
    "x-kubernetes-list-type": (str, "write atomic, set or map"),
    "x-kubernetes-map-type": (str, "write atomic or granular"),
}


def require_shape(sources: "Sources") -> None:
    """Raises SourceError with one line per fault, so that no later step trips over one."""
    faults = [
        Complaint(file, path, text)
        for file, document in sources.schemas.items()
        for path, text in _document_faults(file, document)
    ]
    faults += form_complaints(sources)
    if not faults:
        faults = list(reference_complaints(sources))
    if faults:
        raise refused(faults, sources.folder, sources.lines)


def _document_faults(file: str, document: "Document") -> Iterator[_Fault]:
    definitions = document.get("$defs", {})
    if not isinstance(definitions, Mapping):
        yield ("$defs",), "$defs is no mapping; write one type per name"
        return
    for name, schema in definitions.items():
        if isinstance(schema, Mapping) and "$ref" in schema:
            yield ("$defs", name, "$ref"), f"{name} is a reference only; refer to {schema['$ref']!r} where it is used"
        yield from _schema_faults(schema, str(name), ("$defs", name))
    if "type" in document:
        if not isinstance(document.get("title"), str):
            yield ("title",), "has a type but no title; write `title: <name of the kind>`"
        top = {key: value for key, value in document.items() if key not in ("$schema", "$id", "$defs", "title")}
        yield from _schema_faults(top, str(document.get("title", file)), ())
    if "x-katib-resource" in document and not document.get("properties"):
        yield (), "is a kind without properties; write at least spec"
    if "x-katib-resource" in document:
        yield from _kind_faults(document)


def _schema_faults(schema: Any, place: str, path: Path) -> Iterator[_Fault]:
    if not isinstance(schema, Mapping):
        yield path, f"{place} is {schema!r}, not a schema; write `type:` or `$ref:` below it"
        return
    yield from _keyword_faults(schema, place, path)
    yield from _type_faults(schema, place, path)
    properties = schema.get("properties", {})
    for name, field in properties.items() if isinstance(properties, Mapping) else ():
        if not isinstance(name, str):
            yield (
                *path,
                "properties",
            ), f"{place} has the field {name!r}, which YAML reads as no text; write it in quotes"
        yield from _schema_faults(field, f"{place}.{name}", (*path, "properties", name))
    if "items" in schema:
        yield from _schema_faults(schema["items"], f"{place}[]", (*path, "items"))
    if not isinstance(schema.get("additionalProperties", True), bool):
        yield from _schema_faults(schema["additionalProperties"], f"{place}{{}}", (*path, "additionalProperties"))


def _keyword_faults(schema: Mapping[str, Any], place: str, path: Path) -> Iterator[_Fault]:
    for keyword in schema:
        if keyword in INSTEAD:
            yield (*path, keyword), f"{place} uses {keyword}; {INSTEAD[keyword]}"
        elif keyword not in KEYWORDS:
            cure = near_hint(keyword, KEYWORDS) or "; apis/README.md lists its keywords"
            yield (*path, keyword), f"{place} uses {keyword}, which the dialect does not know{cure}"
    for keyword, (kind, cure) in _VALUES.items():
        value = schema.get(keyword)
        if keyword in schema and (not isinstance(value, kind) or isinstance(value, bool)):
            cure = cure.format(value=value)
            yield (*path, keyword), f"{place} has the {keyword} {value!r}; {cure}"
    for keyword in ("required", "x-katib-required", "x-kubernetes-list-map-keys", "enum"):
        values = schema.get(keyword)
        for position, value in enumerate(values if isinstance(values, list) else ()):
            if isinstance(value, (list, Mapping)):
                yield (*path, keyword, position), f"{place} has {value!r} in its {keyword}; write a text"


def _type_faults(schema: Mapping[str, Any], place: str, path: Path) -> Iterator[_Fault]:
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        cure = "write one type; every field may be null, and a number or a text is x-kubernetes-int-or-string"
        yield (*path, "type"), f"{place} has several types, which kube-apiserver refuses; {cure}"
    elif kind not in TYPES:
        yield (*path, "type"), f"{place} has the type {kind!r}; write one of {', '.join(TYPES)}{near_hint(kind, TYPES)}"
    if kind == "array" and "items" not in schema:
        yield (*path, "type"), f"{place} is an array without items; write `items:` with the schema of one"
    if "$ref" in schema and "#" not in str(schema["$ref"]):
        cure = "write '#/$defs/Name' or 'file.yaml#/$defs/Name'"
        yield (*path, "$ref"), f"{place} refers to {schema['$ref']!r}; {cure}"


def _kind_faults(document: "Document") -> Iterator[_Fault]:
    identity = document.get("x-kubernetes-group-version-kind")
    identity = identity if isinstance(identity, Mapping) else {}
    for word in _IDENTITY:
        if not isinstance(identity.get(word), str):
            text = f"x-kubernetes-group-version-kind has no {word}; a kind needs one{near_hint(word, identity)}"
            yield ("x-kubernetes-group-version-kind",), text
    resource = document["x-katib-resource"]
    resource = resource if isinstance(resource, Mapping) else {}
    for word, kind in _RESOURCE.items():
        if not isinstance(resource.get(word), kind):
            text = f"x-katib-resource has no {word}; a kind needs one{near_hint(word, resource)}"
            yield ("x-katib-resource",), text
    columns = resource.get("printerColumns")
    for position, column in enumerate(columns if isinstance(columns, list) else ()):
        missing = [word for word in _COLUMN if not isinstance(column, Mapping) or word not in column]
        path = ("x-katib-resource", "printerColumns", position)
        yield from ((path, f"a printer column has no {word}: {column!r}; write one") for word in missing)
