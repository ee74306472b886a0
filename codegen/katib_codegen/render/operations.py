"""The REST operations that an API server offers for a kind, as OpenAPI paths. Knows Kubernetes' protocol and no kind."""

from collections.abc import Mapping
from typing import Any

from katib_codegen.model import Kind

Paths = dict[str, dict[str, Any]]

_REF = "#/components/schemas/"
_FREE = {"type": "object", "additionalProperties": True}
# The ways to say a change, and the schema of each.
PATCHES = {
    "application/merge-patch+json": "V1Patch",
    "application/json-patch+json": "V1JSONPatch",
    "application/apply-patch+yaml": "V1Patch",
}
PATCH_SCHEMAS: Mapping[str, dict[str, Any]] = {
    "V1Patch": {"description": "The fields that change, as an object of the kind has them.", **_FREE},
    "V1JSONPatch": {"description": "Operations of RFC 6902, in their order.", "type": "array", "items": _FREE},
}
_TEXT = {"type": "string"}
_NUMBER = {"type": "integer", "minimum": 0}
_FLAG = {"type": "boolean"}
_DRY_RUN = ("dryRun", _TEXT, "All: check the request in full, and store nothing.")
_MANAGER = ("fieldManager", _TEXT, "Name of the program that owns the fields that it writes.")
_VALIDATION = ("fieldValidation", _TEXT, "What an unknown field leads to: Ignore, Warn or Strict.")
_SELECT = (
    ("labelSelector", _TEXT, "Only objects with these labels."),
    ("fieldSelector", _TEXT, "Only objects with these fields; metadata.name and metadata.namespace can be asked for."),
)
_PAGE = (
    ("limit", _NUMBER, "Objects at most in one reply; the reply's metadata.continue leads on. Absent: all of them."),
    ("continue", _TEXT, "Where an earlier reply ended: its metadata.continue."),
)
_LIST = (
    *_SELECT,
    *_PAGE,
    ("resourceVersion", _TEXT, "State of the store from which on a list may be, or a watch begins."),
    ("resourceVersionMatch", _TEXT, "How resourceVersion binds a list: Exact or NotOlderThan."),
    ("timeoutSeconds", _NUMBER, "Seconds after which the server ends the reply. Unit: seconds."),
    ("watch", _FLAG, "Reply with one event a line, as changes happen, instead of a list."),
    ("allowWatchBookmarks", _FLAG, "Send events of type BOOKMARK, which tell how far a watch has come."),
)
_DELETE = (
    _DRY_RUN,
    ("gracePeriodSeconds", _NUMBER, "Seconds that the object has to end. Unit: seconds."),
    ("propagationPolicy", _TEXT, "What happens to owned objects: Foreground, Background or Orphan."),
)
QUERIES: Mapping[str, tuple[Any, ...]] = {
    "list": _LIST,
    "create": (_DRY_RUN, _MANAGER, _VALIDATION),
    "read": (),
    "replace": (_DRY_RUN, _MANAGER, _VALIDATION),
    "patch": (_DRY_RUN, _MANAGER, _VALIDATION, ("force", _FLAG, "Take over fields that another program owns.")),
    "delete": _DELETE,
    "deleteCollection": (*_SELECT, *_PAGE, *_DELETE),
}


def parameters() -> dict[str, Any]:
    """Every parameter of any operation, by name."""
    found = {
        name: {"name": name, "in": "query", "description": words, "schema": schema}
        for query in QUERIES.values()
        for name, schema, words in query
    }
    for name, words in (("namespace", "Namespace of the object."), ("name", "Name of the object.")):
        found[name] = {"name": name, "in": "path", "required": True, "description": words, "schema": _TEXT}
    return dict(sorted(found.items()))


def paths(kind: Kind, type_name: str) -> Paths:
    """All paths of a kind whose schema is called `type_name`."""
    root = f"/apis/{kind.group}/{kind.version}"
    if kind.scope != "Namespaced":
        return _collection(f"{root}/{kind.plural}", kind, type_name, kind.name)
    everywhere = {"get": _operation("list", kind, f"list{kind.name}ForAllNamespaces", type_name)}
    inside = _collection(f"{root}/namespaces/{{namespace}}/{kind.plural}", kind, type_name, f"Namespaced{kind.name}")
    return {f"{root}/{kind.plural}": everywhere, **inside}


def _collection(path: str, kind: Kind, type_name: str, noun: str) -> Paths:
    where = [_parameter("namespace")] if "{namespace}" in path else []
    named = {"parameters": [*where, _parameter("name")]}
    several = {
        "get": _operation("list", kind, f"list{noun}", type_name),
        "post": _operation("create", kind, f"create{noun}", type_name),
        "delete": _operation("deleteCollection", kind, f"deleteCollection{noun}", type_name),
    }
    part_verbs = {"get": "read", "put": "replace", "patch": "patch"}
    verbs = {**part_verbs, "delete": "delete"}
    found: Paths = {path: {**({"parameters": where} if where else {}), **several}}
    found[f"{path}/{{name}}"] = {
        **named,
        **{method: _operation(verb, kind, f"{verb}{noun}", type_name) for method, verb in verbs.items()},
    }
    for part in kind.subresources:
        end = part.capitalize()
        found[f"{path}/{{name}}/{part}"] = {
            **named,
            **{method: _operation(verb, kind, f"{verb}{noun}{end}", type_name) for method, verb in part_verbs.items()},
        }
    return found


def _operation(verb: str, kind: Kind, identity: str, type_name: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": identity,
        "tags": [kind.singular],
        "summary": _summary(verb, kind, identity),
        "x-kubernetes-action": verb.lower(),
    }
    if QUERIES[verb]:
        operation["parameters"] = [_parameter(query[0]) for query in QUERIES[verb]]
    body = _body(verb, type_name)
    if body:
        operation["requestBody"] = body
    operation["responses"] = _responses(verb, type_name)
    return operation


def _summary(verb: str, kind: Kind, identity: str) -> str:
    if identity.endswith("ForAllNamespaces"):
        return f"List or watch the {kind.name}s of all namespaces."
    several, part = f"{kind.name}s", " status" if identity.endswith("Status") else ""
    one = f"{'an' if kind.name[0] in 'AEIOU' else 'a'} {kind.name}"
    owned = f"{one}'s{part}" if part else one
    return {
        "list": f"List or watch {several}.",
        "create": f"Create {one}.",
        "read": f"Read {owned}.",
        "replace": f"Replace {owned}.",
        "patch": f"Change parts of {owned}.",
        "delete": f"Delete {one}.",
        "deleteCollection": f"Delete many {several}.",
    }[verb]


def _body(verb: str, type_name: str) -> dict[str, Any] | None:
    if verb in ("create", "replace"):
        return {"required": True, "content": {"application/json": {"schema": {"$ref": _REF + type_name}}}}
    if verb == "patch":
        content = {kind: {"schema": {"$ref": _REF + name}} for kind, name in PATCHES.items()}
        return {"required": True, "content": content}
    if verb.startswith("delete"):
        return {"required": False, "content": {"application/json": {"schema": {"$ref": f"{_REF}V1DeleteOptions"}}}}
    return None


def _responses(verb: str, type_name: str) -> dict[str, Any]:
    one, status = {"$ref": _REF + type_name}, {"$ref": f"{_REF}V1Status"}
    schema = {
        "list": {"$ref": f"{_REF}{type_name}List"},
        "delete": {"oneOf": [status, one]},
        "deleteCollection": status,
    }
    content = {"application/json": {"schema": schema.get(verb, one)}}
    if verb == "list":
        content["application/json;stream=watch"] = {"schema": {"$ref": f"{_REF}V1WatchEvent"}}
    replies = {"201" if verb == "create" else "200": {"description": "Done.", "content": content}}
    if verb == "delete":
        replies["202"] = {"description": "The object will be deleted once its finalizers allow it.", "content": content}
    if verb in ("replace", "patch"):
        replies["201"] = {"description": "The object was not there and has been created.", "content": content}
    failure = {"description": "Why not.", "content": {"application/json": {"schema": status}}}
    return {**replies, "default": failure}


def _parameter(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}
