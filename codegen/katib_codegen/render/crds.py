"""CustomResourceDefinitions with structural schemas.

Knows what kube-apiserver allows in such a schema. Enforced are types, and nothing that admission reports: the API
server would answer with the first wrong field alone, before the webhook could name all of them (RES-20).
"""

from collections.abc import Mapping
from typing import Any

from katib_codegen.errors import SourceError
from katib_codegen.model import Api, Kind, Schema
from katib_codegen.render import Files, header
from katib_codegen.render.documents import documents
from katib_codegen.words import words

_OPEN: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_COPIED = ("format", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")
_SCALARS = ("string", "integer", "number", "boolean")
_ROOT_FIELDS = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"type": "object"},
}


def render_crds(api: Api) -> Files:
    """One CRD per kind: for installs, in an open variant, and as package data for the laptop."""
    printed: dict[str, bytes] = {}
    for kind in api.kinds:
        file = f"{kind.singular}.yaml"
        head = header(f"{api.sources.folder}/{kind.file}")
        structural = (head + documents([crd(api, kind)])).encode()
        printed[f"manifests/{api.version}/components/crd/{file}"] = structural
        printed[f"pkg/apis/katib_apis/{api.version}/crds/{file}"] = structural
        opened = (head + documents([_definition(kind, dict(_OPEN))])).encode()
        printed[f"manifests/{api.version}/components/crd-open/{file}"] = opened
    return printed


def crd(api: Api, kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of one kind."""
    root = api.definitions[kind.name].schema
    converter = _Structural(api)
    fields = {
        name: converter.convert(field, f"{kind.file}: {kind.name}.{name}", (kind.name,))
        for name, field in root["properties"].items()
        if name not in _ROOT_FIELDS
    }
    schema = {"description": words(root), "type": "object", "properties": {**_ROOT_FIELDS, **fields}}
    return _definition(kind, schema)


def _definition(kind: Kind, schema: Schema) -> dict[str, Any]:
    version = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [
            {"name": column.name, "type": column.type, "jsonPath": column.json_path} for column in kind.columns
        ],
        "schema": {"openAPIV3Schema": schema},
        "subresources": {name: {} for name in kind.subresources},
    }
    names = {
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        "plural": kind.plural,
        "singular": kind.singular,
        "categories": list(kind.categories),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name},
        "spec": {"group": kind.group, "scope": kind.scope, "names": names, "versions": [version]},
    }


class _Structural:
    """Turns schemas of the dialect into structural ones: references inlined, other keywords left out."""

    def __init__(self, api: Api) -> None:
        self._definitions = api.definitions

    def convert(self, schema: Mapping[str, Any], place: str, path: tuple[str, ...]) -> Schema:
        """The schema of one field; `path` are the types that lead to it."""
        target, inner_path = self._follow(schema, place, path)
        # Null means absent, as it always did: Go's decoder reads it so, and YAML writes it by leaving a value out.
        converted: Schema = {"description": words(schema, target.get("enum", ())) or words(target)}
        if not converted["description"]:
            del converted["description"]
        converted |= self._typed(target, place, inner_path)
        converted["nullable"] = True
        return converted

    def _follow(
        self, schema: Mapping[str, Any], place: str, path: tuple[str, ...]
    ) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        if "$ref" not in schema:
            return schema, path
        name = schema["$ref"].rsplit("/", 1)[1]
        if name in path:
            raise SourceError(f"{place} leads to {name}, which holds itself; a structural schema cannot recurse")
        return self._definitions[name].schema, (*path, name)

    def _typed(self, schema: Mapping[str, Any], place: str, path: tuple[str, ...]) -> Schema:
        typed: Schema = {key: schema[key] for key in _COPIED if key in schema}
        if schema.get("x-kubernetes-int-or-string"):
            return typed
        kind = _type_of(schema, place)
        typed = {"type": kind, **typed}
        if kind == "array":
            typed["x-kubernetes-list-type"] = schema.get("x-kubernetes-list-type", "atomic")
            typed["items"] = self._item(schema["items"], f"{place}[]", path)
        elif "properties" in schema:
            typed["properties"] = {
                name: self.convert(field, f"{place}.{name}", path) for name, field in schema["properties"].items()
            }
        elif isinstance(schema.get("additionalProperties"), dict):
            typed["additionalProperties"] = self._item(schema["additionalProperties"], f"{place}{{}}", path)
        elif kind == "object" and not typed.get("x-kubernetes-preserve-unknown-fields"):
            raise SourceError(f"{place}: an object needs properties, additionalProperties or preserve-unknown-fields")
        return typed

    def _item(self, schema: Mapping[str, Any], place: str, path: tuple[str, ...]) -> Schema:
        item = self.convert(schema, place, path)
        del item["nullable"]
        return item


def _type_of(schema: Mapping[str, Any], place: str) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), None)
    if kind not in (*_SCALARS, "array", "object"):
        raise SourceError(f"{place} needs a type; {kind!r} is none")
    return str(kind)
