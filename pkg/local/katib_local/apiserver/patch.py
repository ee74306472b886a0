"""The ways to patch any object: JSON patch and merge patch; `strategic` and `applying` know the others. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from katib_local.apiserver.errors import Refusal, bad_request, json_name

Json = dict[str, Any]
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
MOST_OPERATIONS = 10_000
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    merged: Json = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(target: Any, operations: Any) -> Any:
    """RFC 6902; raises a refusal for what cannot be applied."""
    if not isinstance(operations, list):
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {json_name(operations)} into Go value of type "
            "[]handlers.jsonPatchOp"
        )
    if len(operations) > MOST_OPERATIONS:
        most = f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(operations)}"
        raise Refusal(413, "RequestEntityTooLarge", f"Request entity too large: {most}")
    _check_operations(operations)
    document = copy.deepcopy(target)
    for operation in operations:
        try:
            document = _operate(document, operation)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            path = operation.get("path") if isinstance(operation, Mapping) else operation
            raise Refusal(
                422, "Invalid", f"the server rejected our request due to an error in our request: {path}: {error}", {}
            ) from error
    return document


def _check_operations(operations: list[Any]) -> None:
    """A null is an operation without fields, which cannot be applied; anything else is no operation at all."""
    for operation in operations:
        if not isinstance(operation, Mapping | None):
            raise _misread(operation, "value of type handlers.jsonPatchOp")
        for field in ("op", "path", "from"):
            said = (operation or {}).get(field)
            if not isinstance(said, str | None):
                raise _misread(said, f"struct field jsonPatchOp.{field} of type string")


def _misread(value: Any, where: str) -> Refusal:
    return bad_request(f"error decoding patch: json: cannot unmarshal {json_name(value)} into Go {where}")


def _operate(document: Any, operation: Mapping[str, Any]) -> Any:
    path, value = _pointer(operation["path"]), copy.deepcopy(operation.get("value"))
    match operation["op"]:
        case "add":
            return _add(document, path, value)
        case "replace":
            return _replaced(document, path, value)
        case "remove":
            return _removed(document, path)
        case "test":
            if _at(document, path) != value:
                raise ValueError("the test failed")
            return document
        case "copy":
            return _add(document, path, copy.deepcopy(_at(document, _pointer(operation["from"]))))
        case "move":
            moved = _at(document, _pointer(operation["from"]))
            return _add(_removed(document, _pointer(operation["from"])), path, moved)
        case unknown:
            raise ValueError(f"unknown operation {unknown!r}")


def _replaced(document: Any, path: list[str], value: Any) -> Any:
    """With another value in a place; a field that an object does not have yet comes to be, as in Kubernetes."""
    if not path:
        return value
    parent = _at(document, path[:-1])
    parent[int(path[-1]) if isinstance(parent, list) else path[-1]] = value
    return document


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError("a path begins with a slash")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _at(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _at(document, path[:-1])
    if isinstance(parent, list):
        parent.insert(len(parent) if path[-1] == "-" else _index(path[-1], len(parent)), value)
    else:
        parent[path[-1]] = value
    return document


def _index(text: str, most: int) -> int:
    index = int(text)
    if not 0 <= index <= most:
        raise IndexError(f"index {index} is out of range")
    return index


def _removed(document: Any, path: list[str]) -> Any:
    parent = _at(document, path[:-1])
    if isinstance(parent, list):
        del parent[int(path[-1])]
    else:
        del parent[path[-1]]
    return document
