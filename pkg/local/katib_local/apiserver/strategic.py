"""Kubernetes' strategic merge patch: lists merge as their type says, and directives replace, delete and order. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from katib_local.apiserver.errors import Refusal, as_in_go, bad_request
from katib_local.apiserver.kubernetes_types import Type, field_type, resolved

Json = dict[str, Any]
ORDER, DELETE, RETAIN, DIRECTIVE = "$setElementOrder/", "$deleteFromPrimitiveList/", "$retainKeys", "$patch"


def strategic_merge_patch(target: Any, patch: Any, found: Type) -> Any:
    """The target with a patch, both objects of a type; raises a refusal for what cannot be merged."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    found = resolved(found)
    before: Json = dict(target) if isinstance(target, Mapping) else {}
    _check_directives(patch)
    if patch.get(DIRECTIVE) == "replace":
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != DIRECTIVE}
    if patch.get(DIRECTIVE) == "delete":
        return {}
    if RETAIN in patch:
        before = {key: value for key, value in before.items() if key in patch[RETAIN]}
    merged = dict(before)
    for key, value in patch.items():
        _merge_field(merged, key, value, found)
    for key, order in patch.items():
        name = key.removeprefix(ORDER)
        if name != key and isinstance(merged.get(name), list):
            listed = field_type(found, name) or {}
            _check_order(key, order, patch.get(name) or [], _merge_key(listed))
            merged[name] = _in_order(merged[name], order, before.get(name) or [], _merge_key(listed))
    return merged


def _check_directives(patch: Mapping[str, Any]) -> None:
    if patch.get(DIRECTIVE, "merge") not in ("merge", "replace", "delete"):
        raise _unmergeable(f"unknown patch type: {patch[DIRECTIVE]} in the patch")
    for key, value in patch.items():
        if key.startswith(ORDER) and not isinstance(value, list):
            raise _unmergeable(f"{key} in the patch is no list")
        if key.startswith((DELETE, RETAIN)) and not isinstance(value, list):
            raise bad_request(f"{key} in the patch is no list")


def _unmergeable(why: str) -> Refusal:
    """Kubernetes calls most faults of a strategic patch its own: an error without a reason."""
    return Refusal(500, "", why)


def _merge_field(merged: Json, key: str, value: Any, found: Type) -> None:
    if key.startswith(DELETE):
        name = key.removeprefix(DELETE)
        merged[name] = [entry for entry in merged.get(name) or [] if entry not in value]
    elif key in (DIRECTIVE, RETAIN) or key.startswith(ORDER):
        return
    elif value is None:
        merged.pop(key, None)
    elif isinstance(value, list):
        merged[key] = _merge_list(merged.get(key) or [], value, field_type(found, key) or {})
    else:
        merged[key] = strategic_merge_patch(merged.get(key), value, field_type(found, key) or {})


def _merge_key(listed: Type) -> str:
    return str(listed.get("x-kubernetes-patch-merge-key", ""))


def _merge_list(target: Sequence[Any], patch: Sequence[Any], listed: Type) -> list[Any]:
    if "merge" not in str(listed.get("x-kubernetes-patch-strategy", "")).split(","):
        return copy.deepcopy(list(patch))
    key = _merge_key(listed)
    if not key:
        merged = [*target, *(entry for entry in patch if entry not in target)]
        return _in_order(merged, patch, target, key)
    changes = [_entry(entry, key) for entry in patch]
    if any(entry.get(DIRECTIVE) == "replace" for entry in changes):
        return [copy.deepcopy(entry) for entry in changes if entry.get(DIRECTIVE) != "replace"]
    gone = [entry[key] for entry in changes if entry.get(DIRECTIVE) == "delete"]
    merged = [entry for entry in target if _identity(entry, key) not in gone]
    changes = [entry for entry in changes if entry.get(DIRECTIVE) != "delete"]
    for entry in changes:
        place = _place(merged, entry, key)
        if place < 0:
            merged.append(strategic_merge_patch({}, entry, listed["items"]))
        else:
            merged[place] = strategic_merge_patch(merged[place], entry, listed["items"])
    return _in_order(merged, changes, target, key)


def _entry(entry: Any, key: str) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping) or (key not in entry and entry.get(DIRECTIVE) != "replace"):
        raise _unmergeable(f"map: {as_in_go(entry)} does not contain declared merge key: {key}")
    return entry


def _check_order(name: str, order: Sequence[Any], changes: Sequence[Any], key: str) -> None:
    """What the patch changes stands in the order that it asks for, and in that sequence."""
    if key and not all(isinstance(entry, Mapping) for entry in order):
        raise _unmergeable(f"an entry of {name} in the patch is no object")
    names = iter([_identity(entry, key) for entry in order])
    kept = [entry for entry in changes if not (isinstance(entry, Mapping) and DIRECTIVE in entry)]
    if not all(_identity(entry, key) in names for entry in kept):
        raise _unmergeable(f"the order in the patch's list does not match {name}")


def _identity(entry: Any, key: str) -> Any:
    return entry.get(key) if key and isinstance(entry, Mapping) else entry


def _place(entries: Sequence[Any], entry: Any, key: str) -> int:
    wanted = _identity(entry, key)
    return next((index for index, held in enumerate(entries) if _identity(held, key) == wanted), -1)


def _in_order(merged: Sequence[Any], wanted: Sequence[Any], before: Sequence[Any], key: str) -> list[Any]:
    """What the patch names in its order; what only the server has keeps its place before or after its neighbours."""
    named = [entry for entry in merged if _place(wanted, entry, key) >= 0]
    named.sort(key=lambda entry: _place(wanted, entry, key))
    others = [entry for entry in merged if _place(wanted, entry, key) < 0]
    ordered: list[Any] = []
    while named and others:
        other, ours = _place(before, others[0], key), _place(before, named[0], key)
        ordered.append((others if 0 <= other < ours else named).pop(0))
    return [*ordered, *others, *named]
