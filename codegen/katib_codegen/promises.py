"""What the sources promise to users, without the words: types and fields, kinds, numbers of api.proto, names.

Kept apart from the dialect, so that a release stays readable after the dialect has changed.
"""

from collections.abc import Mapping
from typing import Any

from katib_codegen.dialect import BOUNDS
from katib_codegen.model import Api, Definition, Kind, target_name
from katib_codegen.proto import Block, package, parse_proto

Promises = dict[str, Any]

# What says of which type a value is.
TYPE_WORDS = ("type", "format", "items", "values", "free", "either", "list", "keys", "map", "extends")
_BOUNDS = tuple(keyword for pair in BOUNDS for keyword in pair)
# Names that users write down or look for: in manifests, queries, dashboards, alerts.
SECTIONS = ("labels", "label_values", "annotations", "finalizers", "environment", "ports", "reasons", "metrics")


def promises(api: Api) -> Promises:
    """The promises of one version, in the order of its sources."""
    blocks = parse_proto(api.sources.proto)
    return {
        "kinds": {kind.name: _kind(kind) for kind in api.kinds},
        "types": {name: _type(definition) for name, definition in api.definitions.items()},
        "names": {
            f"{section}.{key}": entry["value"]
            for section in SECTIONS
            for key, entry in api.sources.names.get(section, {}).items()
        },
        "package": package(api.sources.proto)[0],
        "proto": {block.name: _block(block) for block in blocks},
    }


def _kind(kind: Kind) -> Promises:
    return {
        "group": kind.group,
        "plural": kind.plural,
        "singular": kind.singular,
        "scope": kind.scope,
        "categories": list(kind.categories),
        "subresources": list(kind.subresources),
    }


def _type(definition: Definition) -> Promises:
    promised = {"file": definition.file, **_schema(definition.schema)}
    fields = definition.schema.get("properties", {})
    return promised | ({"fields": {name: _schema(field) for name, field in fields.items()}} if fields else {})


def _schema(schema: Mapping[str, Any]) -> Promises:
    """One schema in few words."""
    if "$ref" in schema:
        promised: Promises = {"type": target_name(schema)}
    else:
        promised = {"type": schema["type"]} if "type" in schema else {}
    for keyword, word in (
        ("format", "format"),
        ("x-kubernetes-preserve-unknown-fields", "free"),
        ("x-kubernetes-int-or-string", "either"),
        ("x-kubernetes-list-type", "list"),
        ("x-kubernetes-list-map-keys", "keys"),
        ("x-kubernetes-map-type", "map"),
        *((keyword, keyword) for keyword in (*_BOUNDS, "pattern", "enum", "required", "default")),
    ):
        if keyword in schema:
            promised[word] = schema[keyword]
    for keyword, word in (("items", "items"), ("additionalProperties", "values")):
        if isinstance(schema.get(keyword), Mapping):
            promised[word] = _schema(schema[keyword])
    if "allOf" in schema:
        promised["extends"] = [target_name(part) for part in schema["allOf"]]
    if "x-kubernetes-validations" in schema:
        promised["rules"] = [entry["rule"] for entry in schema["x-kubernetes-validations"]]
    return promised


def _block(block: Block) -> Promises:
    promised: Promises = {"kind": block.kind}
    if block.members:
        promised["members"] = {member.name: {"number": member.number, "type": member.type} for member in block.members}
    if block.reserved:
        promised["reserved"] = [list(numbers) for numbers in block.reserved]
    return promised
