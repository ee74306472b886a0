"""Whether each kind is one that an API server can store and kubectl can show."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_codegen.complaints import Complaint, Path, near_hint
from katib_codegen.model import Api, Kind, properties, references, target_name
from katib_codegen.rules.nodes import Node, as_node, fields, target
from katib_codegen.rules.values import with_article

_TOP = ("apiVersion", "kind", "metadata", "spec", "status")
_STATUS_FIELDS = ("conditions", "observedGeneration", "status")
_RESOURCE: Path = ("x-katib-resource",)
_IDENTITY: Path = ("x-kubernetes-group-version-kind",)
_PLURAL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_GROUP = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+")
# What kube-apiserver asks the annotation api-approved.kubernetes.io for.
_PROTECTED = re.compile(r"(^|\.)(k8s|kubernetes)\.io$")
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_STEPS = re.compile(r"\[[^\]]*\]|[^.\[\]]+")


def kind_complaints(api: Api) -> Iterator[Complaint]:
    """Names that clash or that Kubernetes refuses, fields out of place, columns to nowhere."""
    for kind in api.kinds:
        yield from _identity_complaints(api, kind)
        yield from _resource_complaints(api, kind)
        yield from _word_complaints(kind)
        yield from _column_complaints(api, kind)
    yield from _clashes(api)
    yield from _misplaced_status(api)


def _identity_complaints(api: Api, kind: Kind) -> Iterator[Complaint]:
    definition = api.definitions[kind.name]
    identity = definition.schema["x-kubernetes-group-version-kind"]
    if identity["kind"] != kind.name:
        text = f"the kind is {identity['kind']} and the title {kind.name}; write one name in both places"
        yield Complaint(kind.file, _IDENTITY, text)
    if kind.version != api.version:
        yield Complaint(kind.file, _IDENTITY, f"the version is {kind.version}; write {api.version}, as the folder says")
    if not _GROUP.fullmatch(kind.group):
        yield Complaint(kind.file, _IDENTITY, f"the group {kind.group!r} is no domain name; write one, in lower case")
    if _PROTECTED.search(kind.group):
        text = (
            f"the group {kind.group} is Kubernetes' own, and kube-apiserver refuses its kinds without the approval of"
        )
        yield Complaint(kind.file, _IDENTITY, f"{text} Kubernetes' maintainers; write a domain of yours")
    if "status" in definition.schema.get("required", ()):
        text = f"{kind.name} requires its status, which no new object has; remove it"
        yield Complaint(kind.file, ("required",), text)
    for name, field in definition.schema.get("properties", {}).items():
        wanted = "string" if name in ("apiVersion", "kind") else "object"
        found = target(api, field).get("type")
        if name in _TOP and found != wanted:
            text = f"{kind.name}.{name} is of type {found}; Kubernetes has {with_article(wanted)} there"
            yield Complaint(kind.file, (*definition.path, "properties", name), text)
        if name not in _TOP:
            text = f"{kind.name}.{name} stands beside spec and status; move it into the one of them that it belongs to"
            yield Complaint(kind.file, (*definition.path, "properties", name), text)


def _resource_complaints(api: Api, kind: Kind) -> Iterator[Complaint]:
    for word, name in (("plural", kind.plural), ("singular", kind.singular)):
        if not _PLURAL.fullmatch(name):
            text = f"the {word} {name!r} is no DNS label; write lower case letters, digits and hyphens"
            yield Complaint(kind.file, (*_RESOURCE, word), text)
    if kind.scope not in ("Namespaced", "Cluster"):
        text = f"the scope is {kind.scope!r}; write Namespaced or Cluster{near_hint(kind.scope, ('Namespaced', 'Cluster'))}"
        yield Complaint(kind.file, (*_RESOURCE, "scope"), text)
    for name in kind.subresources:
        if name != "status":
            text = f"the subresource {name!r} is none that the press prints; write [status], or []"
            yield Complaint(kind.file, (*_RESOURCE, "subresources"), text)
    has_status = "status" in api.definitions[kind.name].schema.get("properties", {})
    if has_status != ("status" in kind.subresources):
        have = (
            ("a field status and no subresource", "add it")
            if has_status
            else ("the subresource and no field", "remove it")
        )
        text = f"{kind.name} has {have[0]} of that name, so nobody could write it alone; {have[1]}"
        yield Complaint(kind.file, (*_RESOURCE, "subresources"), text)


def _word_complaints(kind: Kind) -> Iterator[Complaint]:
    """What is wrong with the categories, and words that stand twice."""
    for position, name in enumerate(kind.categories):
        if not _PLURAL.fullmatch(name):
            text = f"the category {name!r} is no word that kubectl takes; write lower case letters, digits and hyphens"
            yield Complaint(kind.file, (*_RESOURCE, "categories", position), text)
    for word, values in (("categories", kind.categories), ("subresources", kind.subresources)):
        for name in sorted({name for name in values if values.count(name) > 1}):
            yield Complaint(kind.file, (*_RESOURCE, word), f"{kind.name} has {name} twice among its {word}; remove one")


def _column_complaints(api: Api, kind: Kind) -> Iterator[Complaint]:
    for position, column in enumerate(kind.columns):
        path = (*_RESOURCE, "printerColumns", position)
        what = f"the printer column {column.name}"
        if not column.name.strip():
            yield Complaint(kind.file, path, "a printer column has an empty name; write its head")
        if column.type not in _COLUMN_TYPES:
            text = f"{what} has the type {column.type!r}; write one of {', '.join(_COLUMN_TYPES)}"
            yield Complaint(kind.file, path, text)
        if column.name in [other.name for other in kind.columns[:position]]:
            yield Complaint(kind.file, path, f"{what} stands there twice; rename one")
        found = _find(api, kind.name, column.json_path)
        if found is None or not _is_closed(column.json_path):
            text = f"{what} reads {column.json_path}, which is no field; write the path of one, from a dot on"
            yield Complaint(kind.file, path, text)
        elif column.type in ("integer", "number", "boolean") and found.get("type", column.type) != column.type:
            right = found["type"] if found["type"] in _COLUMN_TYPES else "string"
            text = f"{what} shows {with_article(found['type'])} as {column.type}, and so nothing; write {right}"
            yield Complaint(kind.file, path, text)
        elif column.type == "date" and found and found.get("format") != "date-time":
            yield Complaint(kind.file, path, f"{what} shows as a date what is no time; write string")


def _is_closed(json_path: str) -> bool:
    return all(json_path.count(opening) == json_path.count(closing) for opening, closing in ("[]", "()"))


def _find(api: Api, kind: str, json_path: str) -> Mapping[str, Any] | None:
    """The schema that the path leads to; empty where anything may stand there, None where nothing can."""
    if not json_path.startswith("."):
        return None
    schema: Mapping[str, Any] = api.definitions[kind].schema
    for step in _STEPS.findall(json_path):
        schema = target(api, schema)
        if schema.get("x-kubernetes-preserve-unknown-fields"):
            return {}
        if step.startswith("["):
            inner = schema.get("items")
        else:
            inner = properties(api, schema).get(step, schema.get("additionalProperties"))
        if not isinstance(inner, Mapping):
            return None
        schema = inner
    return target(api, schema)


def _clashes(api: Api) -> Iterator[Complaint]:
    for position, kind in enumerate(api.kinds):
        for other in api.kinds[:position]:
            for word in ("plural", "singular"):
                name = getattr(kind, word)
                if kind.group == other.group and name in (other.plural, other.singular):
                    text = f"{kind.name} has the {word} {name}, which is {other.name}'s already; write another one"
                    yield Complaint(kind.file, (*_RESOURCE, word), text)


def _misplaced_status(api: Api) -> Iterator[Complaint]:
    """Whoever may write a spec could write such a field, and the next write of the spec would lose it."""
    tops = [(as_node(api.definitions[kind.name]), kind) for kind in api.kinds]
    states = {target_name(node.schema["properties"].get("status", {})) for node, _ in tops} - {""}
    for node, kind in tops:
        wanted = set(_reach(api, target_name(node.schema["properties"].get("spec", {}))))
        for field in fields(api):
            owner = field.place.split(".")[0]
            if owner in wanted and _is_state(field, states):
                text = f"is a field of {kind.name}'s status and stands in its spec; move it to {kind.name}Status"
                yield field.complain(text)


def _is_state(field: Node, states: set[str]) -> bool:
    return field.path[-1] in _STATUS_FIELDS or bool(set(references(field.schema)) & states)


def _reach(api: Api, name: str) -> Iterator[str]:
    seen, waiting = set[str](), [name] if name else []
    while waiting:
        name = waiting.pop()
        if name not in seen and not api.definitions[name].borrowed:
            seen.add(name)
            yield name
            waiting += references(api.definitions[name].schema)
