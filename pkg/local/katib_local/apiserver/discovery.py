"""What this server says about itself: versions, groups, resources and OpenAPI. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from katib_local.apiserver.kinds import VERBS, Kind

Json = dict[str, Any]
VERSION = "v1.37.0+katib"
SUBRESOURCE_KINDS = {
    "scale": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
    "token": {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"},
}
SUBRESOURCE_VERBS = ["get", "patch", "update"]
REVIEWS = (
    ("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    ("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews"),
)


def version() -> Json:
    return {
        "major": "1",
        "minor": "37",
        "gitVersion": VERSION,
        "gitCommit": "",
        "platform": "laptop/katib",
        "goVersion": "",
        "compiler": "",
    }


def core_versions(server: str) -> Json:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": server}],
    }


def groups(kinds: Iterable[Kind]) -> Json:
    versions: dict[str, list[str]] = {group: ["v1"] for group, _, _ in REVIEWS}
    for kind in kinds:
        held = versions.setdefault(kind.group, [])
        if kind.group and kind.version not in held:
            held.append(kind.version)
    listed = [_group(name, found) for name, found in sorted(versions.items()) if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def _group(name: str, versions: list[str]) -> Json:
    entries = [{"groupVersion": f"{name}/{found}", "version": found} for found in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def group(kinds: Iterable[Kind], name: str) -> Json | None:
    found = next((entry for entry in groups(kinds)["groups"] if entry["name"] == name), None)
    return {"kind": "APIGroup", "apiVersion": "v1", **found} if found else None


def resources(kinds: Iterable[Kind], group_name: str, version_name: str) -> Json | None:
    """The APIResourceList of one version of one group; None when nothing is served there."""
    entries: list[Json] = []
    for kind in kinds:
        if (kind.group, kind.version) != (group_name, version_name):
            continue
        entries.append(_resource(kind))
        entries += [
            {
                "name": f"{kind.plural}/{name}",
                "singularName": "",
                "namespaced": kind.namespaced,
                **SUBRESOURCE_KINDS.get(name, {"kind": kind.kind}),
                "verbs": ["create"] if name == "token" else SUBRESOURCE_VERBS,
            }
            for name in kind.subresources
        ]
    for group_of, kind_name, plural in REVIEWS:
        if (group_of, "v1") == (group_name, version_name):
            entries.append(
                {"name": plural, "singularName": "", "namespaced": False, "kind": kind_name, "verbs": ["create"]}
            )
    if not entries:
        return None
    label = f"{group_name}/{version_name}" if group_name else version_name
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": label, "resources": entries}


def _resource(kind: Kind) -> Json:
    return {
        "name": kind.plural,
        "singularName": kind.singular or kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(VERBS),
        **({"shortNames": list(kind.short_names)} if kind.short_names else {}),
        **({"categories": list(kind.categories)} if kind.categories else {}),
    }


def openapi_root(kinds: Iterable[Kind]) -> Json:
    prefixes = sorted({kind.prefix.strip("/") for kind in kinds})
    return {"paths": {prefix: {"serverRelativeURL": f"/openapi/v3/{prefix}"} for prefix in prefixes}}


def openapi(kinds: Iterable[Kind], prefix: str) -> Json | None:
    """The OpenAPI 3 document of one group and version: what kubectl needs to apply, edit and explain."""
    here = [kind for kind in kinds if kind.prefix.strip("/") == prefix]
    if not here:
        return None
    paths: Json = {}
    schemas: Json = {}
    for kind in here:
        gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        base = (
            f"{kind.prefix}/namespaces/{{namespace}}/{kind.plural}"
            if kind.namespaced
            else f"{kind.prefix}/{kind.plural}"
        )
        name = _schema_name(kind)
        paths[base] = _operations(gvk, name, ("get", "post"))
        paths[f"{base}/{{name}}"] = _operations(gvk, name, ("get", "put", "patch", "delete"))
        schemas[name] = {**_schema(kind), "x-kubernetes-group-version-kind": [gvk]}
    info = {"title": "Kubernetes", "version": VERSION}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _schema_name(kind: Kind) -> str:
    reversed_group = ".".join(reversed(kind.group.split("."))) if kind.group else "io.k8s.api.core"
    return f"{reversed_group}.{kind.version}.{kind.kind}"


def _schema(kind: Kind) -> Mapping[str, Any]:
    top = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    }
    if kind.schema is None:
        return {"type": "object", "properties": top, "x-kubernetes-preserve-unknown-fields": True}
    return {**kind.schema, "properties": {**(kind.schema.get("properties") or {}), **top}}


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
