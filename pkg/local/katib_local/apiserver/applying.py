"""Server-side apply: each manager owns what it has applied, and nobody takes it without being told. Pure.

Owners are kept for objects that somebody has written under a name of his own or applied; others have no managedFields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from katib_apis.v1beta1.names import ANNOTATION_LAST_APPLIED
from katib_local.apiserver.calls import Call
from katib_local.apiserver.errors import Refusal, shown
from katib_local.apiserver.fieldsets import (
    Path,
    difference,
    in_order,
    left_alone,
    merged,
    owned_paths,
    parse_fields,
    path_text,
    render_fields,
    whole_type,
    without,
)
from katib_local.apiserver.kinds import Kind

Json = dict[str, Any]
Owner = tuple[str, str, str]
FIRST: Owner = ("before-first-apply", "Update", "")
NOBODY: list[Json] = [{}]
"""What is written as managedFields by who wants an object to forget its owners."""
KUBECTL = "kubectl"


@dataclass(frozen=True)
class Applied:
    """A configuration that a manager applies to an object, or to its status: as it was said, and as its type has it."""

    kind: Kind
    said: Json
    wanted: Json
    subresource: str = ""


def owners_in(document: Mapping[str, Any]) -> dict[Owner, frozenset[Path]]:
    """Who owns what: by manager, operation and subresource."""
    return {
        _owner(entry): parse_fields(entry.get("fieldsV1") or {})
        for entry in document["metadata"].get("managedFields") or []
    }


def _owner(entry: Mapping[str, Any]) -> Owner:
    return (entry.get("manager", ""), entry.get("operation", ""), entry.get("subresource", ""))


def apply_configuration(old: Json | None, applied: Applied, call: Call, at: str) -> Json:
    """The object with what is wanted, without what this manager wants no more; raises a refusal for a conflict."""
    kind, wanted = applied.kind, applied.wanted
    mine: Owner = (call.manager, "Apply", applied.subresource)
    paths = owned_paths(kind, applied.said, applied.subresource)
    if old is None:
        return _owned(wanted, {mine: paths}, {}, kind, at)
    owners = owners_in(old) or {FIRST: difference(kind, {}, old, "").added}
    others = {owner: held for owner, held in owners.items() if owner != mine}
    gone = left_alone(owners.get(mine, frozenset()), paths.union(*others.values()))
    found = whole_type(kind)
    document = merged(without(old, found, gone), _ownable(wanted, applied.subresource), found)
    changed = difference(kind, old, document, applied.subresource)
    taken = {owner: held & changed.written for owner, held in sorted(others.items()) if held & changed.written}
    if not call.force and (disputed := _disputed(kind, old, call, taken)):
        raise _conflict(kind, disputed)
    others = {owner: held - changed.written - changed.removed for owner, held in others.items()}
    if call.manager == KUBECTL:
        document = _remembering(document, applied.said)
    return _owned(document, {**others, mine: paths}, old, kind, at)


def _remembering(document: Json, said: Json) -> Json:
    """Where `kubectl apply` keeps what it applied last, it finds there what kubectl has applied on the server."""
    metadata = document["metadata"]
    annotations = metadata.get("annotations") or {}
    if ANNOTATION_LAST_APPLIED not in annotations:
        return document
    own = said.get("metadata") or {}
    if ANNOTATION_LAST_APPLIED in (own.get("annotations") or {}):
        kept = {key: value for key, value in own["annotations"].items() if key != ANNOTATION_LAST_APPLIED}
        said = {**said, "metadata": {**own, "annotations": kept}}
    return {
        **document,
        "metadata": {**metadata, "annotations": {**annotations, ANNOTATION_LAST_APPLIED: f"{shown(said)}\n"}},
    }


def _disputed(
    kind: Kind, old: Json, call: Call, taken: Mapping[Owner, frozenset[Path]]
) -> Mapping[Owner, frozenset[Path]]:
    """What may not be taken: kubectl may take what it has itself applied before there was an apply on the server."""
    text = (old["metadata"].get("annotations") or {}).get(ANNOTATION_LAST_APPLIED)
    if not taken or call.manager != KUBECTL or not text:
        return taken
    try:
        last = json.loads(text)
    except ValueError:
        return taken
    since = difference(kind, last, old, "")
    own = owned_paths(kind, last, "") - since.written - since.removed
    return {owner: held - own for owner, held in taken.items() if held - own}


def _ownable(wanted: Json, subresource: str) -> Json:
    return {key: value for key, value in wanted.items() if (key == "status") is (subresource == "status")}


def _conflict(kind: Kind, taken: Mapping[Owner, frozenset[Path]]) -> Refusal:
    listed = [(_named(owner, kind), path_text(path)) for owner, paths in taken.items() for path in in_order(paths)]
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


def record_creation(kind: Kind, document: Json, call: Call, at: str) -> Json:
    """An object that is created: who does so under a name of his own owns what it has."""
    if not call.named:
        return document
    mine: Owner = (call.manager, "Update", "")
    return _owned(document, {mine: difference(kind, {}, document, "").added}, {}, kind, at)


def record_update(kind: Kind, document: Json, old: Json, call: Call, subresource: str, at: str) -> Json:
    """An object after a write that is no apply: the writer owns what it changed, if anybody owns anything."""
    if document["metadata"].get("managedFields") == NOBODY:
        return _owned(document, {}, {}, kind, at)
    owners = owners_in(document)
    if not owners and not call.named:
        return document
    owners = owners or {FIRST: difference(kind, {}, old, "").added}
    changed = difference(kind, old, document, subresource)
    mine: Owner = (call.manager, "Update", subresource or call.subresource)
    owners = {owner: held - changed.written - changed.removed for owner, held in owners.items() if owner != mine} | {
        mine: (owners.get(mine, frozenset()) | changed.written) - changed.removed
    }
    return _owned(document, owners, document, kind, at)


def _owned(document: Json, owners: Mapping[Owner, frozenset[Path]], old: Json, kind: Kind, at: str) -> Json:
    """The object with its owners; an entry that is as before keeps its time and stands before those of the same second."""
    earlier = {_owner(held): held for held in (old.get("metadata") or {}).get("managedFields") or []}
    entries: list[Json] = []
    for owner, paths in sorted(owners.items()):
        manager, operation, subresource = owner
        held = earlier.get(owner, {})
        entry = {
            "manager": manager,
            "operation": operation,
            "apiVersion": held.get("apiVersion") or kind.api_version,
            "time": held.get("time") or at,
            "fieldsType": "FieldsV1",
            "fieldsV1": render_fields(paths),
            **({"subresource": subresource} if subresource else {}),
        }
        if paths:
            entries.append(held if held == entry else {**entry, "time": at})
    entries.sort(key=lambda entry: (entry["operation"], entry["time"], entry != earlier.get(_owner(entry))))
    rest = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    return {**document, "metadata": {**rest, **({"managedFields": entries} if entries else {})}}
