"""Whether permissions and webhooks are about resources that are there, and say each thing once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from katib_codegen import kubernetes
from katib_codegen.complaints import Complaint, Path, near
from katib_codegen.model import Api
from katib_codegen.rules.words import is_placeholder

_WEBHOOKS, _PERMISSIONS = "webhooks.yaml", "permissions.yaml"
_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
_OPERATIONS = ("CREATE", "UPDATE", "DELETE", "CONNECT")
_SUBRESOURCES = (
    "approval", "attach", "binding", "ephemeralcontainers", "eviction", "exec", "finalizers", "log", "portforward",
    "proxy", "resize", "scale", "status", "token",
)  # fmt: skip
_RESOURCE = re.compile(r"[-a-z0-9]+")
_PATH = re.compile(r"(/[a-z0-9]+([-._][a-z0-9]+)*)+")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?){2,}")
# How much alike a group or resource of others is to one that is known before it is taken for misspelt.
_ALIKE = 0.8


def grant_complaints(api: Api) -> Iterator[Complaint]:
    """Resources, verbs and operations that are not there, empty lists, and what stands twice."""
    for holder, lists in api.sources.permissions.items():
        scopes = {(holder,): lists} if isinstance(lists, list) else {(holder, scope): lists[scope] for scope in lists}
        for path, grants in scopes.items():
            if isinstance(grants, list):
                yield from _scope_complaints(api, path, grants)
    yield from _service_complaints(api)
    hooks = api.sources.webhooks.get("webhooks", {})
    for key, hook in hooks.items():
        yield from _hook_complaints(api, key, hook)
        for word in ("name", "path"):
            first = next(other for other, entry in hooks.items() if entry[word] == hook[word])
            if first != key:
                text = f"{key} has the {word} {hook[word]}, which is {first}'s already; write another one"
                yield Complaint(_WEBHOOKS, ("webhooks", key, word), text)


def _service_complaints(api: Api) -> Iterator[Complaint]:
    lists = api.sources.permissions.get("made_at_run_time", {})
    for name, service in api.sources.permissions.get("services", {}).items():
        place: Path = ("services", name)
        if not _RESOURCE.fullmatch(name) or name == "controller":
            text = f"the service {name!r} gets a folder of its name; write lower case letters, digits and hyphens"
            yield Complaint(_PERMISSIONS, place, text)
        if service["holds"] not in lists:
            close = near(service["holds"], lists) or " or ".join(lists) or "one that you add there"
            text = f"{name} holds {service['holds']!r}, which is no list of made_at_run_time; write {close}"
            yield Complaint(_PERMISSIONS, (*place, "holds"), text)


def _scope_complaints(api: Api, path: Path, grants: Sequence[Mapping[str, Any]]) -> Iterator[Complaint]:
    seen: set[tuple[str, ...]] = set()
    for position, grant in enumerate(grants):
        place = (*path, position)
        what = " ".join([str(path[0]), "may", *grant["verbs"], *grant["resources"]])
        yield from _grant_complaints(api, place, grant, what)
        only = grant.get("only", [""])
        held = [
            (name, grant["group"], resource, verb)
            for resource in grant["resources"]
            for verb in grant["verbs"]
            for name in only
        ]
        for name, group, resource, verb in held:
            if (name, group, resource, verb) in seen:
                path_of = (*place, "verbs")
                yield Complaint(_PERMISSIONS, path_of, f"{what}: {verb} {resource} stands there twice; remove one")
            seen.add((name, group, resource, verb))


def _grant_complaints(api: Api, path: Path, grant: Mapping[str, Any], what: str) -> Iterator[Complaint]:
    why = str(grant.get("why") or "")
    if not why.strip() or is_placeholder(why):
        yield Complaint(_PERMISSIONS, path, f"{what}: say why")
    for word in [word for word in ("resources", "verbs", "only") if grant.get(word) == []]:
        yield Complaint(_PERMISSIONS, (*path, word), f"{what}: its {word} are empty; name some, or remove the rule")
    for verb in dict.fromkeys(grant["verbs"]):
        if verb not in _VERBS:
            text = f"{what}: {verb!r} is no verb; write some of {', '.join(_VERBS)}"
            yield Complaint(_PERMISSIONS, (*path, "verbs"), text)
    for resource in dict.fromkeys(grant["resources"]):
        fault = _resource_fault(api, grant["group"], resource)
        if fault:
            yield Complaint(_PERMISSIONS, (*path, "resources"), f"{what}: {fault}")


def _hook_complaints(api: Api, key: str, hook: Mapping[str, Any]) -> Iterator[Complaint]:
    place: Path = ("webhooks", key)
    if hook["type"] not in ("Mutating", "Validating"):
        text = f"{key} has the type {hook['type']!r}; write Mutating or Validating"
        yield Complaint(_WEBHOOKS, (*place, "type"), text)
    if not _PATH.fullmatch(hook["path"]):
        text = f"{key} has the path {hook['path']!r}; write one from / on, of lower case letters, digits and hyphens"
        yield Complaint(_WEBHOOKS, (*place, "path"), text)
    if not _NAME.fullmatch(hook["name"]):
        text = f"{key} has the name {hook['name']!r}, which kube-apiserver refuses; write a domain name of three parts"
        yield Complaint(_WEBHOOKS, (*place, "name"), text)
    if is_placeholder(hook["description"]):
        text = f"{key} has the description {hook['description']!r}; say in a sentence what it is"
        yield Complaint(_WEBHOOKS, (*place, "description"), text)
    rule, rules = hook["rule"], (*place, "rule")
    fault = _resource_fault(api, rule["group"], rule["resource"]) or _version_fault(api, rule)
    if fault:
        yield Complaint(_WEBHOOKS, (*rules, "resource"), f"{key} is for {rule['resource']}: {fault}")
    if not rule["operations"]:
        text = f"{key} is for no operation; write some of {', '.join(_OPERATIONS)}"
        yield Complaint(_WEBHOOKS, (*rules, "operations"), text)
    for position, operation in enumerate(rule["operations"]):
        if operation not in _OPERATIONS:
            text = f"{key} is for the operation {operation!r}; write some of {', '.join(_OPERATIONS)}"
            yield Complaint(_WEBHOOKS, (*rules, "operations", position), text)
        elif operation in rule["operations"][:position]:
            text = f"{key} is for the operation {operation} twice; remove one"
            yield Complaint(_WEBHOOKS, (*rules, "operations", position), text)


def _resource_fault(api: Api, group: str, name: str) -> str:
    """Why there is no such resource; empty where there is one, or where the group is of others, who may have it."""
    ours = {kind.plural.lower() for kind in api.kinds if kind.group == group}
    theirs = kubernetes.resources().get(group, {})
    resource, slash, below = name.partition("/")
    if not all(_RESOURCE.fullmatch(plural) for plural in ours):
        return ""  # That is told where the kind is.
    if not ours and not theirs:
        close = near(group, [*{kind.group for kind in api.kinds}, *kubernetes.resources()], _ALIKE)
        return f"the group {group!r} is none that is known; write {close!r}" if close else ""
    if theirs and resource not in theirs:
        close = near(resource, theirs) or "one that it has"
        return f"Kubernetes {kubernetes.RELEASE} has no {resource!r} in the group {group!r}; write {close}"
    if ours and resource not in ours and (close := near(resource, ours, _ALIKE)):
        return f"there is no {resource!r} in the group {group!r}; write {close}"
    if slash and below not in _SUBRESOURCES:
        return f"{resource} has no {below!r} below it; write {near(below, _SUBRESOURCES) or 'status'}"
    return ""


def _version_fault(api: Api, rule: Mapping[str, Any]) -> str:
    versions = kubernetes.resources().get(rule["group"], {}).get(rule["resource"], frozenset())
    if rule["group"] in {kind.group for kind in api.kinds}:
        versions = frozenset(version.name for version in api.project.versions)
    if versions and rule["version"] not in versions:
        return f"there is no version {rule['version']!r} of it; write {' or '.join(sorted(versions))}"
    return ""
