"""The ways to patch any object: JSON patch and merge patch; `strategic` and `applying` know the others. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from katib_local.apiserver.errors import Refusal, bad_request

Json = dict[str, Any]
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
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
        raise bad_request("error decoding patch: a JSON patch is a list of operations")
    document = copy.deepcopy(target)
    for operation in operations:
        try:
            document = _operate(document, operation)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            path = operation.get("path") if isinstance(operation, Mapping) else operation
            raise Refusal(
                422, "Invalid", f"the server rejected our request due to an error in our request: {path}: {error}"
            ) from error
    return document


def _operate(document: Any, operation: Mapping[str, Any]) -> Any:
    path = _pointer(operation["path"])
    match operation["op"]:
        case "add":
            return _add(document, path, copy.deepcopy(operation["value"]))
        case "replace":
            _at(document, path)
            return (
                _add(_removed(document, path), path, copy.deepcopy(operation["value"])) if path else operation["value"]
            )
        case "remove":
            return _removed(document, path)
        case "test":
            if _at(document, path) != operation["value"]:
                raise ValueError("the test failed")
            return document
        case "copy":
            return _add(document, path, copy.deepcopy(_at(document, _pointer(operation["from"]))))
        case "move":
            value = _at(document, _pointer(operation["from"]))
            return _add(_removed(document, _pointer(operation["from"])), path, value)
        case unknown:
            raise ValueError(f"unknown operation {unknown!r}")


def _pointer(text: str) -> list[str]:
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
