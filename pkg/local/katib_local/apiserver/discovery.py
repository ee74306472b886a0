"""What this server says about itself: versions, groups, resources and OpenAPI. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from katib_local.apiserver.kinds import OF_SUBRESOURCES, VERBS_OF, Kind

Json = dict[str, Any]
VERSION = "v1.37.0+katib"
SUBRESOURCE_KINDS = {
    "binding": {"kind": "Binding"},
    "scale": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
    "token": {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"},
}


@dataclass(frozen=True)
class Review:
    """A kind that is asked and never stored."""

    group: str
    kind: str
    namespaced: bool = False

    @property
    def plural(self) -> str:
        return f"{self.kind.lower()}s"


REVIEWS = (
    Review("authorization.k8s.io", "LocalSubjectAccessReview", namespaced=True),
    Review("authorization.k8s.io", "SelfSubjectAccessReview"),
    Review("authorization.k8s.io", "SelfSubjectRulesReview"),
    Review("authorization.k8s.io", "SubjectAccessReview"),
    Review("authentication.k8s.io", "SelfSubjectReview"),
)
HEALTH = ("/healthz", "/livez", "/readyz")
CHECKS = ("ping", "log")
METRICS = "/metrics"
PLAIN = ("/api", "/api/v1", "/apis", "/apis/", METRICS, "/openapi/v2", "/openapi/v3", "/version")


def version() -> Json:
    return {
        "major": "1",
        "minor": "37",
        "gitVersion": VERSION,
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
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
    versions: dict[str, list[str]] = {review.group: ["v1"] for review in REVIEWS}
    for kind in kinds:
        held = versions.setdefault(kind.group, [])
        if kind.group and kind.version not in held:
            held.append(kind.version)
    listed = [_group(name, sorted(found, key=_age)) for name, found in sorted(versions.items()) if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def _age(version: str) -> tuple[int, int, int, str]:
    """Where a version stands among others: finished ones first, the newest before older ones."""
    found = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if found is None:
        return 3, 0, 0, version
    return ("beta", "alpha").index(found[2]) + 1 if found[2] else 0, -int(found[1]), -int(found[3] or 0), version


def _group(name: str, versions: list[str]) -> Json:
    entries = [{"groupVersion": f"{name}/{found}", "version": found} for found in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def paths(kinds: Iterable[Kind]) -> Json:
    """Where something is said, beside the objects themselves."""
    listed = groups(kinds)["groups"]
    grouped = [f"/apis/{entry['name']}" for entry in listed]
    grouped += [f"/apis/{version['groupVersion']}" for entry in listed for version in entry["versions"]]
    health = [*HEALTH, *(f"{path}/{check}" for path in HEALTH for check in CHECKS)]
    return {"paths": sorted((*PLAIN, *grouped, *health))}


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
                "verbs": list(VERBS_OF.get(name, OF_SUBRESOURCES)),
            }
            for name in kind.subresources
        ]
    entries += [_reviewed(review) for review in REVIEWS if (review.group, "v1") == (group_name, version_name)]
    if not entries:
        return None
    label = f"{group_name}/{version_name}" if group_name else version_name
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": label, "resources": entries}


def _reviewed(review: Review) -> Json:
    return {
        "name": review.plural,
        "singularName": review.kind.lower(),
        "namespaced": review.namespaced,
        "kind": review.kind,
        "verbs": ["create"],
    }


def _resource(kind: Kind) -> Json:
    return {
        "name": kind.plural,
        "singularName": kind.singular or kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
        **({"shortNames": list(kind.short_names)} if kind.short_names else {}),
        **({"categories": list(kind.categories)} if kind.categories else {}),
    }


def aggregated(kinds: Iterable[Kind], *, core: bool) -> Json:
    """Groups with their versions and resources in one document (apidiscovery.k8s.io/v2): the core group, or all others."""
    everything = list(kinds)
    named = {"": ["v1"]} if core else {entry["name"]: _versions_of(entry) for entry in groups(everything)["groups"]}
    items = [
        {
            "metadata": {"name": name} if name else {},
            "versions": [_version(everything, name, found) for found in versions],
        }
        for name, versions in named.items()
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _versions_of(group: Json) -> list[str]:
    return [entry["version"] for entry in group["versions"]]


def _version(kinds: Iterable[Kind], group_name: str, version_name: str) -> Json:
    listed = (resources(kinds, group_name, version_name) or {"resources": []})["resources"]
    found: dict[str, Json] = {}
    for entry in listed:
        plural, _, subresource = entry["name"].partition("/")
        kind = {"group": entry.get("group", group_name), "version": entry.get("version", version_name)}
        shown = {"responseKind": {**kind, "kind": entry["kind"]}, "verbs": entry["verbs"]}
        if subresource:
            found[plural].setdefault("subresources", []).append({"subresource": subresource, **shown})
            continue
        found[plural] = {
            "resource": plural,
            "scope": "Namespaced" if entry["namespaced"] else "Cluster",
            "singularResource": entry["singularName"],
            **shown,
            **{key: entry[key] for key in ("shortNames", "categories") if key in entry},
        }
    return {"version": version_name, "resources": list(found.values()), "freshness": "Current"}
