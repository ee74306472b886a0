"""Whether a schema file is built as the dialect says. Knows shapes; knows neither other files nor what fields mean."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from katib_codegen.complaints import Complaint, Path, near, near_hint, refused
from katib_codegen.dialect import INSTEAD, KEYWORDS, PYTHON_TYPES, TYPES
from katib_codegen.rules.files import HEAD, circle_complaints, head_faults
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
    circles = list(circle_complaints(sources))
    if circles:
        raise refused(circles, sources.folder, sources.lines)
    faults = [
        Complaint(file, path, text)
        for file, document in sources.schemas.items()
        for path, text in (*head_faults(file, document), *_document_faults(file, document))
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
        if not isinstance(name, str):
            yield ("$defs", name), f"$defs has the type {name!r}, which YAML reads as no text; give it another name"
        if isinstance(schema, Mapping) and "$ref" in schema:
            yield ("$defs", name, "$ref"), f"{name} is a reference only; refer to {schema['$ref']!r} where it is used"
        yield from _schema_faults(schema, str(name), ("$defs", name))
    if "type" in document:
        if not isinstance(document.get("title"), str):
            yield ("title",), "has a type but no title; write `title: <name of the kind>`"
        top = {key: value for key, value in document.items() if key not in HEAD}
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
    yield from _place_faults(schema, place, path)
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
    python = schema.get("x-katib-python")
    if isinstance(python, str) and python not in PYTHON_TYPES:
        cure = f"write one of {', '.join(PYTHON_TYPES)}"
        text = f"{place} has the x-katib-python {python!r}, which models cannot import{near_hint(python, PYTHON_TYPES)}"
        yield (*path, "x-katib-python"), f"{text}; {cure}"
    for keyword in ("required", "x-katib-required", "x-kubernetes-list-map-keys", "enum"):
        values = schema.get(keyword)
        for position, value in enumerate(values if isinstance(values, list) else ()):
            if isinstance(value, (list, Mapping)):
                yield (*path, keyword, position), f"{place} has {value!r} in its {keyword}; write a text"


def _place_faults(schema: Mapping[str, Any], place: str, path: Path) -> Iterator[_Fault]:
    """Keywords that stand where they mean nothing, and parents that are no types."""
    for keyword in [key for key in ("x-katib-resource", "x-kubernetes-group-version-kind") if path and key in schema]:
        yield (
            *path,
            keyword,
        ), f"{place} has {keyword}, which stands at the top of a file; give the kind a file of its own"
    parents = schema.get("allOf", [{"$ref": "#"}])
    if not isinstance(parents, list) or not parents or not all(_is_reference(parent) for parent in parents):
        yield (*path, "allOf"), f"{place} has the allOf {parents!r}; write the types it extends: [{{$ref: …}}]"


def _is_reference(schema: Any) -> bool:
    return isinstance(schema, Mapping) and list(schema) == ["$ref"] and isinstance(schema["$ref"], str)


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
    yield from _key_faults(identity, dict.fromkeys(_IDENTITY, str), ("x-kubernetes-group-version-kind",))
    resource = document["x-katib-resource"]
    resource = resource if isinstance(resource, Mapping) else {}
    yield from _key_faults(resource, _RESOURCE, ("x-katib-resource",))
    for word in ("categories", "subresources"):
        values = resource.get(word)
        for position, value in enumerate(values if isinstance(values, list) else ()):
            if not isinstance(value, str):
                yield (
                    "x-katib-resource",
                    word,
                    position,
                ), f"x-katib-resource has {value!r} in its {word}; write a text"
    columns = resource.get("printerColumns")
    for position, column in enumerate(columns if isinstance(columns, list) else ()):
        column = column if isinstance(column, Mapping) else {}
        path = ("x-katib-resource", "printerColumns", position)
        yield from _key_faults(column, dict.fromkeys(_COLUMN, str), path, "a printer column")


def _key_faults(given: Mapping[Any, Any], known: Mapping[str, type], path: Path, owner: str = "") -> Iterator[_Fault]:
    """Keys that are missing or that mean nothing; one that is misspelt is told once, where it stands."""
    owner = owner or str(path[0])
    needed = [word for word, kind in known.items() if not isinstance(given.get(word), kind)]
    meant = {
        word: key for key in needed if key not in given and (word := near(key, [k for k in given if k not in known]))
    }
    for word in [word for word in needed if word not in meant.values()]:
        yield (*path, word), f"{owner} has no {word}; write {'a list' if known[word] is list else 'a text'}"
    for key in [key for key in given if key not in known]:
        cure = (
            f", and {meant[key]} is missing; write that" if key in meant else f"; remove it: it has {', '.join(known)}"
        )
        yield (*path, key), f"{owner} has {key}, which means nothing there{cure}"
