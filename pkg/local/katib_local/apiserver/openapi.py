"""OpenAPI 3: what kubectl needs to apply, edit and explain, one document a group and version.

Kubernetes' own types come without descriptions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from katib_local.apiserver.discovery import VERSION
from katib_local.apiserver.kinds import Catalog, Kind
from katib_local.apiserver.kubernetes_types import META, type_of, types

Json = dict[str, Any]
REFERENCES = "#/components/schemas/"
LIST_METHODS, OBJECT_METHODS = ("get", "post"), ("get", "put", "patch", "delete")
CUSTOM = {
    "apiVersion": {"type": "string", "description": "The group and version in which this object is written."},
    "kind": {"type": "string", "description": "The kind of this object."},
    "metadata": {"allOf": [{"$ref": REFERENCES + META}], "description": "Standard object's metadata."},
}


@dataclass(frozen=True)
class Rendered:
    """A document as it is sent, and the name of exactly this text."""

    body: bytes
    tag: str


class Specification:
    """The documents of all that is served, made when they are asked for and again after a kind has come or gone."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._generation = catalog.generation
        self._rendered: dict[str, Rendered] = {}

    def root(self) -> Json:
        """Where the documents are; each address changes with what stands there."""
        prefixes = sorted({kind.prefix.strip("/") for kind in self._catalog})
        return {"paths": {prefix: {"serverRelativeURL": self._address(prefix)} for prefix in prefixes}}

    def _address(self, prefix: str) -> str:
        found = self.find(prefix)
        return f"/openapi/v3/{prefix}?hash={found.tag if found else ''}"

    def find(self, prefix: str) -> Rendered | None:
        """The document of one group and version; None when nothing is served there."""
        if self._generation != self._catalog.generation:
            self._generation, self._rendered = self._catalog.generation, {}
        if prefix not in self._rendered:
            document = openapi(self._catalog, prefix)
            if document is None:
                return None
            self._rendered[prefix] = Rendered(orjson.dumps(document) + b"\n", hash_of(document))
        return self._rendered[prefix]


def hash_of(document: Json) -> str:
    return hashlib.sha512(orjson.dumps(document)).hexdigest().upper()


def openapi(kinds: Iterable[Kind], prefix: str) -> Json | None:
    """The document of one group and version; None when nothing is served there."""
    here = [kind for kind in kinds if kind.prefix.strip("/") == prefix]
    if not here:
        return None
    paths: Json = {}
    schemas: Json = {}
    for kind in here:
        gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        space = "/namespaces/{namespace}" if kind.namespaced else ""
        base = f"{kind.prefix}{space}/{kind.plural}"
        name, schema = _schema(kind)
        paths[base] = _operations(gvk, name, LIST_METHODS)
        paths[f"{base}/{{name}}"] = _operations(gvk, name, OBJECT_METHODS)
        schemas[name] = {**schema, "x-kubernetes-group-version-kind": [gvk]}
        _add_referenced(schema, schemas)
    info = {"title": "Kubernetes", "version": VERSION}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _schema(kind: Kind) -> tuple[str, Json]:
    """The name of a kind's type, and the type."""
    if kind.schema is None:
        found = type_of(kind)
        return next(name for name, named in types().items() if named is found), _public(found)
    name = f"{'.'.join(reversed(kind.group.split('.')))}.{kind.version}.{kind.kind}"
    selectable = [{"fieldPath": path} for path in kind.selectable]
    more = {"x-kubernetes-selectable-fields": selectable} if selectable else {}
    return name, {**kind.schema, "properties": {**CUSTOM, **_without_metadata(kind.schema)}, **more}


def _without_metadata(schema: Mapping[str, Any]) -> Json:
    return {name: part for name, part in (schema.get("properties") or {}).items() if name not in CUSTOM}


def _public(found: Any) -> Any:
    """A type with references as documents of OpenAPI have them."""
    if isinstance(found, Mapping):
        forms = found.get("type")
        if isinstance(forms, list):
            return {"oneOf": [{"type": form} for form in forms]}
        return {
            key: (REFERENCES + part if key == "$ref" and isinstance(part, str) else _public(part))
            for key, part in found.items()
        }
    return [_public(part) for part in found] if isinstance(found, list) else found


def _add_referenced(found: Any, schemas: Json) -> None:
    """Add the types that one refers to, and those that they refer to."""
    if isinstance(found, Mapping):
        reference = found.get("$ref")
        name = reference.removeprefix(REFERENCES) if isinstance(reference, str) else ""
        if name and name not in schemas:
            schemas[name] = _public(types()[name])
            _add_referenced(schemas[name], schemas)
    for part in found.values() if isinstance(found, Mapping) else found if isinstance(found, list) else ():
        _add_referenced(part, schemas)


def _operations(gvk: Json, schema: str, methods: Iterable[str]) -> Json:
    parameters = [
        {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}},
        {"name": "dryRun", "in": "query", "schema": {"type": "string"}},
    ]
    answer = {
        "200": {
            "description": "OK",
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
        }
    }
    actions = {"get": "get", "post": "post", "put": "put", "patch": "patch", "delete": "delete"}
    return {
        method: {
            "parameters": parameters,
            "responses": answer,
            "x-kubernetes-action": actions[method],
            "x-kubernetes-group-version-kind": gvk,
        }
        for method in methods
    }
