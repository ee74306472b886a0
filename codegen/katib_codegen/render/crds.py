"""CustomResourceDefinitions with structural schemas.

Knows what kube-apiserver allows in such a schema. What a schema states is enforced. Ours state types and nothing that
admission reports: the API server would answer before the webhook could name every wrong field (RES-20).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from katib_codegen.complaints import Complaint, refused
from katib_codegen.dialect import TYPES
from katib_codegen.errors import SourceError
from katib_codegen.model import Api, Kind, Schema, target_name
from katib_codegen.project import Version
from katib_codegen.render import Files, header
from katib_codegen.render.documents import documents
from katib_codegen.words import words

_OPEN: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_RULES = "x-kubernetes-validations"
_COPIED = (
    "format", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "pattern", "required",
    "x-kubernetes-int-or-string", "x-kubernetes-map-type", "x-kubernetes-preserve-unknown-fields",
)  # fmt: skip
_ROOT_FIELDS = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"type": "object"},
}


def render_crds(*apis: Api) -> Files:
    """One CRD per kind with all its versions: for installs, in an open variant, and as package data for the laptop.

    They lie where the stored version's files lie.
    """
    stored = next(api for api in apis if api.standing.stored)
    printed: dict[str, bytes] = {}
    for versions in _by_kind(apis).values():
        kind = versions[0][1]
        file = f"{kind.singular}.yaml"
        head = header(*(f"{api.sources.folder}/{kind.file}" for api, kind in versions))
        structural = (head + documents([_crd([(api, kind, _root(api, kind)) for api, kind in versions])])).encode()
        printed[f"{stored.components}/crd/{file}"] = structural
        printed[f"{stored.models}/crds/{file}"] = structural
        opened = (head + documents([_crd([(api, kind, dict(_OPEN)) for api, kind in versions])])).encode()
        printed[f"{stored.components}/crd-open/{file}"] = opened
    return printed


def _by_kind(apis: Sequence[Api]) -> Mapping[str, list[tuple[Api, Kind]]]:
    """The versions of each kind, the newest first. What a CRD says once, all of them must say alike."""
    found: dict[str, list[tuple[Api, Kind]]] = {}
    for api in apis:
        for kind in api.kinds:
            found.setdefault(kind.crd_name, []).append((api, kind))
    for versions in found.values():
        first = versions[0][1]
        for api, other in versions[1:]:
            for fact in ("name", "singular", "scope", "categories"):
                if getattr(other, fact) != getattr(first, fact):
                    text = f"{other.name} has {fact} {getattr(other, fact)!r} and {first.version} has"
                    text = f"{text} {getattr(first, fact)!r}; one CRD holds both, write the same"
                    path = ("title",) if fact == "name" else ("x-katib-resource", fact)
                    raise refused([Complaint(other.file, path, text)], api.sources.folder, api.sources.lines)
    return found


def _root(api: Api, kind: Kind) -> Schema:
    """The structural schema of one version of a kind."""
    root = api.definitions[kind.name].schema
    converter = _Structural(api)
    fields = {
        name: converter.convert(field, f"{kind.file}: {kind.name}.{name}", (kind.name,))
        for name, field in root["properties"].items()
        if name not in _ROOT_FIELDS
    }
    for name in root.get("required", ()):
        fields.get(name, {}).pop("nullable", None)
    schema: Schema = {"description": words(root), "type": "object", "properties": {**_ROOT_FIELDS, **fields}}
    return schema | {keyword: list(root[keyword]) for keyword in ("required", _RULES) if keyword in root}


def _crd(versions: Sequence[tuple[Api, Kind, Schema]]) -> dict[str, Any]:
    """The CustomResourceDefinition of one kind. One that the stored version lacks is stored in its newest version."""
    standings = [api.standing for api, _, _ in versions]
    keeper = next((standing for standing in standings if standing.stored), standings[0])
    printed = [
        _version(kind, schema, standing, storage=standing is keeper)
        for (_, kind, schema), standing in zip(versions, standings, strict=True)
    ]
    kind = versions[0][1]
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
        "spec": {"group": kind.group, "scope": kind.scope, "names": names, "versions": printed},
    }


def _version(kind: Kind, schema: Schema, standing: Version, *, storage: bool) -> dict[str, Any]:
    return {
        "name": kind.version,
        "served": standing.served,
        "storage": storage,
        "additionalPrinterColumns": [
            {"name": column.name, "type": column.type, "jsonPath": column.json_path} for column in kind.columns
        ],
        "schema": {"openAPIV3Schema": schema},
        "subresources": {name: {} for name in kind.subresources},
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
        holders = (target,) if target is schema else (target, schema)
        rules = [rule for holder in holders for rule in holder.get(_RULES, ())]
        if rules:
            converted[_RULES] = rules
        converted["nullable"] = True
        return converted

    def _follow(
        self, schema: Mapping[str, Any], place: str, path: tuple[str, ...]
    ) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        if "$ref" not in schema:
            return schema, path
        name = target_name(schema)
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
            # Only lists of types borrowed from Kubernetes say nothing.
            typed["x-kubernetes-list-type"] = schema.get("x-kubernetes-list-type", "atomic")
            if "x-kubernetes-list-map-keys" in schema:
                typed["x-kubernetes-list-map-keys"] = list(schema["x-kubernetes-list-map-keys"])
            typed["items"] = self._item(schema["items"], f"{place}[]", path)
        elif "properties" in schema:
            typed["properties"] = {
                name: self.convert(field, f"{place}.{name}", path) for name, field in schema["properties"].items()
            }
            for name in schema.get("required", ()):
                del typed["properties"][name]["nullable"]
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
    if kind not in TYPES:
        raise SourceError(f"{place} needs a type; {kind!r} is none")
    return str(kind)
