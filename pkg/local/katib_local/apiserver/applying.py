"""Server-side apply: each manager owns what it has applied, and nobody takes it without being told. Pure.

Owners are kept for objects that were applied once; others have no managedFields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from katib_local.apiserver.calls import Call
from katib_local.apiserver.errors import Refusal
from katib_local.apiserver.fieldsets import (
    Path,
    left_alone,
    merged,
    owned_paths,
    parse_fields,
    render_fields,
    value_at,
    whole_type,
    without,
)
from katib_local.apiserver.kinds import Kind

Json = dict[str, Any]
Owner = tuple[str, str, str]
FIRST = "before-first-apply"


@dataclass(frozen=True)
class Applied:
    """A configuration that a manager applies to an object, or to its status."""

    kind: Kind
    wanted: Json
    subresource: str = ""


def owners_in(document: Mapping[str, Any]) -> dict[Owner, frozenset[Path]]:
    """Who owns what: by manager, operation and subresource."""
    return {
        (entry.get("manager", ""), entry.get("operation", ""), entry.get("subresource", "")): parse_fields(
            entry.get("fieldsV1") or {}
        )
        for entry in document["metadata"].get("managedFields") or []
    }


def apply_configuration(old: Json | None, applied: Applied, call: Call, at: str) -> Json:
    """The object with what is wanted, without what this manager wants no more; raises a refusal for a conflict."""
    kind, wanted = applied.kind, applied.wanted
    mine: Owner = (call.manager, "Apply", applied.subresource)
    paths = owned_paths(kind, wanted, applied.subresource)
    if old is None:
        return _owned(wanted, {mine: paths}, {}, kind, at)
    owners = owners_in(old) or {(FIRST, "Update", ""): owned_paths(kind, old, "")}
    others = {owner: held for owner, held in owners.items() if owner != mine}
    taken = _conflicts(old, applied, paths, others)
    if taken and not call.force:
        raise _conflict(kind, taken)
    others = {owner: held - taken.get(owner, frozenset()) for owner, held in others.items()}
    gone = left_alone(owners.get(mine, frozenset()), paths.union(*others.values()))
    found = whole_type(kind)
    document = merged(without(old, found, gone), _ownable(wanted, applied.subresource), found)
    return _owned(document, {**others, mine: paths}, old, kind, at)


def _ownable(wanted: Json, subresource: str) -> Json:
    return {key: value for key, value in wanted.items() if (key == "status") is (subresource == "status")}


def _conflicts(
    old: Json, applied: Applied, paths: frozenset[Path], others: Mapping[Owner, frozenset[Path]]
) -> dict[Owner, frozenset[Path]]:
    """What others own and would get another value."""
    found = whole_type(applied.kind)
    set_anew = frozenset(
        path
        for path in paths
        if (value := value_at(applied.wanted, found, path)) not in ({}, []) and value != value_at(old, found, path)
    )
    return {owner: held & set_anew for owner, held in sorted(others.items()) if held & set_anew}


def _conflict(kind: Kind, taken: Mapping[Owner, frozenset[Path]]) -> Refusal:
    listed = [(_named(owner, kind), _shown(path)) for owner, paths in taken.items() for path in sorted(paths)]
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {name}", "field": field} for name, field in listed
    ]
    if len(listed) == 1:
        text = f"1 conflict: conflict with {listed[0][0]}: {listed[0][1]}"
    else:
        lines = [
            f"conflicts with {name}:" + "".join(f"\n- {field}" for _, field in fields)
            for name, fields in groupby(listed, key=itemgetter(0))
        ]
        text = f"{len(listed)} conflicts: " + "\n".join(lines)
    return Refusal(409, "Conflict", f"Apply failed with {text}", {"causes": causes})


def _named(owner: Owner, kind: Kind) -> str:
    """A manager as a conflict names it."""
    manager, operation, subresource = owner
    place = f' with subresource "{subresource}"' if subresource else ""
    return f'"{manager}"{place}' + (f" using {kind.api_version}" if operation == "Update" else "")


def _shown(path: Path) -> str:
    return "".join(f".{step[2:]}" if step.startswith("f:") else f"[{step[2:]}]" for step in path if step != ".")


def record_update(kind: Kind, document: Json, old: Json, call: Call, subresource: str, at: str) -> Json:
    """An object after a write that is no apply: the writer owns what it changed, if anybody owns anything."""
    owners = owners_in(old)
    if not owners:
        return document
    found = whole_type(kind)
    before, after = owned_paths(kind, old, subresource), owned_paths(kind, document, subresource)
    changed = {path for path in after if value_at(document, found, path) != value_at(old, found, path)}
    lost = frozenset(changed | (before - after))
    mine: Owner = (call.manager, "Update", subresource)
    owners = {owner: held - lost for owner, held in owners.items()}
    owners[mine] = owners.get(mine, frozenset()) | changed
    return _owned(document, owners, old, kind, at)


def _owned(document: Json, owners: Mapping[Owner, frozenset[Path]], old: Json, kind: Kind, at: str) -> Json:
    """The object with its owners; an entry that is as before keeps its time."""
    earlier = (old.get("metadata") or {}).get("managedFields") or []
    entries = []
    for (manager, operation, subresource), paths in sorted(owners.items()):
        entry = {
            "manager": manager,
            "operation": operation,
            "apiVersion": kind.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": render_fields(paths),
            **({"subresource": subresource} if subresource else {}),
        }
        if paths:
            same = [held for held in earlier if {**held, "time": ""} == {**entry, "time": ""}]
            entries.append(same[0] if same else {**entry, "time": at})
    return {**document, "metadata": {**document["metadata"], "managedFields": entries}}
