"""One OpenAPI 3.1 document: every type that an API server holds, and every operation on it.

Knows how schemas of the dialect are said in OpenAPI. Enumerations are open, so known values are words, not a bound.
"""

from collections.abc import Mapping
from typing import Any

from katib_codegen import kubernetes
from katib_codegen.dialect import DURATION
from katib_codegen.marks import mark
from katib_codegen.model import Api, Definition, Schema, references, target_name
from katib_codegen.public import public_name, public_types
from katib_codegen.render import Files
from katib_codegen.render.documents import json_text
from katib_codegen.render.operations import PATCH_SCHEMAS, parameters, paths
from katib_codegen.words import words

_REF = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_COPIED = ("default", "examples")
_IDENTITY = "x-kubernetes-group-version-kind"
# What replies and deletions speak of, beside our own types.
_PROTOCOL = ("DeleteOptions", "Status", "WatchEvent")
_DESCRIPTION = (
    "Kinds of {name} as the Kubernetes API serves them. A field that may be absent may be null as well, with the same "
    "meaning; a field that this document does not know is dropped, with a warning."
)


def render_openapi(api: Api) -> Files:
    """One file, where the project wants it."""
    if api.project.openapi is None:
        return {}
    # OpenAPI allows no $comment at a document's top, and every x- key.
    document = {"x-comment": mark(api.sources.folder), **openapi(api)}
    return {f"{api.project.openapi}/{api.version}.json": json_text(document)}


def openapi(api: Api) -> dict[str, Any]:
    """The document."""
    operations: dict[str, Any] = {}
    for kind in api.kinds:
        operations |= paths(kind, public_name(api.definitions[kind.name]))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": api.project.name,
            "version": api.version,
            "description": _DESCRIPTION.format(name=api.project.name),
        },
        "paths": operations,
        "components": {
            "schemas": dict(sorted(_Schemas(api).all().items())),
            "parameters": parameters(),
            "securitySchemes": {
                "BearerToken": {"type": "apiKey", "name": "authorization", "in": "header", "description": "A token."}
            },
        },
        "security": [{"BearerToken": []}],
    }


class _Schemas:
    """Turns definitions into OpenAPI's schemas."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def all(self) -> dict[str, Schema]:
        """The schemas of all published types, of what they are made of, and of the protocol."""
        found = dict(PATCH_SCHEMAS) | {public.name: self._type(public.definition) for public in public_types(self._api)}
        waiting = [public.definition for public in public_types(self._api)]
        while waiting:
            for name in references(waiting.pop().schema):
                definition = self._api.definitions[name]
                if "properties" in definition.schema and public_name(definition) not in found:
                    found[public_name(definition)] = self._type(definition)
                    waiting.append(definition)
        borrowed = {definition.origin: name for name, definition in self._api.definitions.items() if definition.origin}
        for kind in self._api.kinds:
            name = public_name(self._api.definitions[kind.name])
            found.setdefault(f"{name}List", _list(name))
        for name in _PROTOCOL:
            origin = f"{_META}.{name}"
            cut = Definition(name, "", kubernetes.cut(origin, borrowed), origin, self._api.version)
            found[public_name(cut)] = self._type(cut)
        return found

    def _type(self, definition: Definition) -> Schema:
        schema = definition.schema
        required = sorted(
            name for name, field in schema["properties"].items() if field.get("x-katib-sdk") == "required"
        )
        described: Schema = {"description": words(schema)} if words(schema) else {}
        described["type"] = "object"
        if required:
            described["required"] = required
        described["properties"] = {name: self._field(field) for name, field in schema["properties"].items()}
        return described | ({_IDENTITY: [schema[_IDENTITY]]} if _IDENTITY in schema else {})

    def _field(self, schema: Mapping[str, Any]) -> Schema:
        target = self._api.definitions.get(target_name(schema))
        said = words(schema, target.schema.get("enum", ()) if target else ())
        field: Schema = {"description": said} if said else {}
        if target and "properties" in target.schema:
            return {"$ref": _REF + public_name(target)} | field
        return (
            field
            | self._typed(target.schema if target else schema)
            | {key: schema[key] for key in _COPIED if key in schema}
        )

    def _typed(self, schema: Mapping[str, Any]) -> Schema:
        if schema.get("x-kubernetes-int-or-string"):
            return {"oneOf": [{"type": "number"}, {"type": "string"}]}
        kind = schema.get("type", "object")
        typed: Schema = {"type": kind}
        if schema.get("format") == "duration":
            typed["pattern"] = DURATION
        elif "format" in schema:
            typed["format"] = schema["format"]
        if kind == "array":
            typed["items"] = self._field(schema["items"])
        elif isinstance(schema.get("additionalProperties"), Mapping):
            typed["additionalProperties"] = self._field(schema["additionalProperties"])
        elif kind == "object":
            typed["additionalProperties"] = True
        return typed


def _list(name: str) -> Schema:
    """The list of a kind whose source defines none."""
    texts: Schema = {key: {"type": "string"} for key in ("apiVersion", "kind")}
    metadata: Schema = {"type": "object", "additionalProperties": True}
    items: Schema = {"type": "array", "items": {"$ref": _REF + name}}
    return {"type": "object", "required": ["items"], "properties": {**texts, "metadata": metadata, "items": items}}
