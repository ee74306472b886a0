"""What Roles and their bindings may not say. Pure. Yields pairs of field and text; forms are known to be right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.errors import shown, unsupported
from katib_local.apiserver.metadata import SUBDOMAIN, SUBDOMAIN_WORDS
from katib_local.apiserver.selectors import selector_problems

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
GROUP = "rbac.authorization.k8s.io"
ROLES, SUBJECTS = ("Role", "ClusterRole"), ("ServiceAccount", "User", "Group")


def role_problems(role: Json, *, namespaced: bool) -> Problems:
    """What is wrong with a Role or, if not `namespaced`, a ClusterRole."""
    for index, rule in enumerate(role.get("rules") or []):
        yield from _rule(rule, f"rules[{index}]", namespaced=namespaced)
    aggregation = role.get("aggregationRule")
    if aggregation is not None:
        yield from _aggregation(aggregation.get("clusterRoleSelectors") or [])


def _rule(rule: Json, path: str, *, namespaced: bool) -> Problems:
    urls = rule.get("nonResourceURLs") or []
    if urls:
        if namespaced:
            text = "namespaced rules cannot apply to non-resource URLs"
            yield f"{path}.nonResourceURLs", f"Invalid value: {shown(urls)}: {text}"
        if any(rule.get(name) for name in ("apiGroups", "resources", "resourceNames")):
            text = "rules cannot apply to both regular resources and non-resource URLs"
            yield f"{path}.nonResourceURLs", f"Invalid value: {shown(urls)}: {text}"
        return
    if not rule.get("apiGroups"):
        yield f"{path}.apiGroups", "Required value: resource rules must supply at least one api group"
    if not rule.get("resources"):
        yield f"{path}.resources", "Required value: resource rules must supply at least one resource"


def _aggregation(selectors: list[Json]) -> Problems:
    path = "aggregationRule.clusterRoleSelectors"
    if not selectors:
        yield path, "Required value: at least one clusterRoleSelector required if aggregationRule is non-nil"
    for index, selector in enumerate(selectors):
        problems = list(selector_problems(selector, f"{path}[{index}]"))
        yield from problems
        if problems:
            yield f"{path}[{index}]", "Invalid value: null: invalid label selector."


def binding_problems(binding: Json, *, namespaced: bool) -> Problems:
    """What is wrong with a RoleBinding or, if not `namespaced`, a ClusterRoleBinding; groups have their defaults."""
    reference = binding.get("roleRef") or {}
    yield from unsupported("roleRef.apiGroup", reference.get("apiGroup") or GROUP, (GROUP,))
    yield from unsupported("roleRef.kind", reference.get("kind") or "", ROLES if namespaced else ROLES[1:])
    name = reference.get("name") or ""
    if not name:
        yield "roleRef.name", "Required value"
    elif name in (".", ".."):
        yield "roleRef.name", f"Invalid value: {shown(name)}: may not be '{name}'"
    for sign in "/%":
        if sign in name:
            yield "roleRef.name", f"Invalid value: {shown(name)}: may not contain '{sign}'"
    for index, subject in enumerate(binding.get("subjects") or []):
        yield from _subject(subject, f"subjects[{index}]", namespaced=namespaced)


def _subject(subject: Json, path: str, *, namespaced: bool) -> Problems:
    kind, name = subject.get("kind") or "", subject.get("name") or ""
    if not name:
        yield f"{path}.name", "Required value"
    yield from unsupported(f"{path}.kind", kind, SUBJECTS)
    if kind == "ServiceAccount":
        if name and not SUBDOMAIN.fullmatch(name):
            yield f"{path}.name", f"Invalid value: {shown(name)}: {SUBDOMAIN_WORDS}"
        yield from unsupported(f"{path}.apiGroup", subject.get("apiGroup") or "", ("",))
        if not namespaced and not subject.get("namespace"):
            yield f"{path}.namespace", "Required value"
    elif kind in SUBJECTS:
        yield from unsupported(f"{path}.apiGroup", subject.get("apiGroup") or GROUP, (GROUP,))
