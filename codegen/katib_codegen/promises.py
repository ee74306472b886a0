"""What the sources promise to users, without the words: types, kinds, names, webhooks, permissions, numbers of api.proto.

Kept apart from the dialect, so that a release stays readable after the dialect has changed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from katib_codegen.dialect import BOUNDS
from katib_codegen.model import Api, Definition, Kind, target_name
from katib_codegen.project import Package
from katib_codegen.proto import Block, Member, package, parse_proto

Promises = dict[str, Any]

# What says of which type a value is.
TYPE_WORDS = ("type", "format", "items", "values", "free", "either", "list", "keys", "map", "extends")
_BOUNDS = tuple(keyword for pair in BOUNDS for keyword in pair)
# Keywords whose value is promised as it stands, and what the record calls them.
_KEPT = {
    "format": "format",
    "x-kubernetes-preserve-unknown-fields": "free",
    "x-kubernetes-int-or-string": "either",
    "x-kubernetes-list-type": "list",
    "x-kubernetes-list-map-keys": "keys",
    "x-kubernetes-map-type": "map",
    **{keyword: keyword for keyword in (*_BOUNDS, "pattern", "enum", "required", "default")},
    "x-katib-required": "needed",
    "x-katib-unit": "unit",
    "x-katib-sdk": "sdk",
    "x-katib-python": "python",
    "x-katib-message": "message",
}


def promises(api: Api) -> Promises:
    """The promises of one version, in the order of its sources."""
    return {
        "served": api.standing.served,
        "packages": {role: package.name for role, package in _packages(api).items()},
        "places": _places(api),
        "kinds": {kind.name: _kind(kind) for kind in api.kinds},
        "types": {name: _type(definition) for name, definition in api.definitions.items()},
        **_names(api.sources.names),
        "webhooks": _webhooks(api),
        "permissions": _permissions(api),
        "messages": api.sources.messages,
        "package": package(api.sources.proto)[0],
        "proto": {block.name: _block(block) for block in parse_proto(api.sources.proto)},
    }


def _packages(api: Api) -> dict[str, Package]:
    """What programs import, by its role."""
    project = api.project
    packages = {"models": project.models, "clients": project.clients, "sdk": project.sdk}
    packages["strict_sdk"] = project.strict_sdk
    return {role: package for role, package in packages.items() if package is not None}


def _places(api: Api) -> Promises:
    """Where people and programs find what is printed: what they install from, build and link to."""
    project = api.project
    places = {role: package.folder for role, package in _packages(api).items()}
    return places | {"manifests": project.manifests} | ({"openapi": project.openapi} if project.openapi else {})


def _kind(kind: Kind) -> Promises:
    return {
        "group": kind.group,
        "plural": kind.plural,
        "singular": kind.singular,
        "scope": kind.scope,
        "categories": list(kind.categories),
        "subresources": list(kind.subresources),
        "columns": {column.name: {"type": column.type, "path": column.json_path} for column in kind.columns},
    }


def _type(definition: Definition) -> Promises:
    schema = definition.schema
    promised = {"file": definition.file, **_schema(schema)}
    if definition.origin is not None:
        promised["origin"] = definition.origin
    if "x-kubernetes-group-version-kind" in schema and "x-katib-resource" not in schema:
        identity = schema["x-kubernetes-group-version-kind"]
        promised["document"] = " ".join(str(identity.get(word)) for word in ("group", "version", "kind"))
    promised.pop("sdk", None)  # Whether a class is published shows in where it is used.
    fields = schema.get("properties", {})
    return promised | ({"fields": {name: _schema(field) for name, field in fields.items()}} if fields else {})


def _schema(schema: Mapping[str, Any]) -> Promises:
    """One schema in few words."""
    if "$ref" in schema:
        promised: Promises = {"type": target_name(schema)}
    else:
        promised = {"type": schema["type"]} if "type" in schema else {}
    promised |= {word: schema[keyword] for keyword, word in _KEPT.items() if keyword in schema}
    for keyword, word in (("items", "items"), ("additionalProperties", "values")):
        if isinstance(schema.get(keyword), Mapping):
            promised[word] = _schema(schema[keyword])
    if "allOf" in schema:
        promised["extends"] = [target_name(part) for part in schema["allOf"]]
    if "x-kubernetes-validations" in schema:
        promised["rules"] = [entry["rule"] for entry in schema["x-kubernetes-validations"]]
    if "x-katib-rules" in schema:
        # What a schema says, words may say in another way.
        promised["asks"] = [entry.get("schema", entry.get("says")) for entry in schema["x-katib-rules"]]
    return promised


def _names(names: Mapping[str, Any]) -> Promises:
    """Every name: users have them in manifests, queries, dashboards, alerts and programs."""
    entries = {f"{section}.{key}": entry for section, found in names.items() for key, entry in found.items()}
    return {
        "names": {name: entry["value"] for name, entry in entries.items()},
        "defaults": {name: entry["default"] for name, entry in entries.items() if "default" in entry},
        "conditions": {name: list(entry["conditions"]) for name, entry in entries.items() if "conditions" in entry},
    }


def _webhooks(api: Api) -> Promises:
    source = api.sources.webhooks
    if not source:
        return {}
    hooks = {key: _webhook(hook) for key, hook in source["webhooks"].items()}
    return {"names": {"configuration": source["configuration"], **source["service"]}, "hooks": hooks}


def _webhook(hook: Mapping[str, Any]) -> Promises:
    """A webhook without its words."""
    promised = {word: hook[word] for word in hook if word not in ("description", "exceptUser")}
    promised["rule"] = {**hook["rule"], "operations": sorted(hook["rule"]["operations"])}
    if "exceptUser" in hook:
        promised["exceptUser"] = hook["exceptUser"]["serviceAccount"]
    return promised


def _permissions(api: Api) -> Promises:
    """Verbs by `resource.group` or `resource.group only name`, for each scope of the controller and each Role of run time."""
    source = api.sources.permissions
    scopes = {**source["controller"], **source["made_at_run_time"]} if source else {}
    return {scope: _verbs(grants) for scope, grants in scopes.items() if isinstance(grants, list)}


def _verbs(grants: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for grant in grants:
        for resource in granted(grant):
            for only in grant.get("only", ("",)):
                key = f"{resource} only {only}" if only else resource
                found.setdefault(key, set()).update(grant["verbs"])
    return {name: sorted(verbs) for name, verbs in found.items()}


def granted(grant: Mapping[str, Any]) -> list[str]:
    """What a grant is about, as `resource.group`."""
    return [f"{resource}.{grant['group']}".removesuffix(".") for resource in grant["resources"]]


def _block(block: Block) -> Promises:
    promised: Promises = {"kind": block.kind}
    if block.members:
        promised["members"] = {member.name: _member(block, member) for member in block.members}
    if block.reserved:
        promised["reserved"] = [list(numbers) for numbers in block.reserved]
    if block.reserved_names:
        promised["reserved_names"] = list(block.reserved_names)
    return promised


def _member(block: Block, member: Member) -> Promises:
    """Calls have no numbers."""
    return ({} if block.kind == "service" else {"number": member.number}) | {"type": member.type}
