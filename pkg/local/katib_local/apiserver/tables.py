"""Objects as tables, as `kubectl get` shows them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from katib_local.apiserver.cells import Json, age, find
from katib_local.apiserver.columns import AGE, BUILT_IN, NAME, Column
from katib_local.apiserver.kinds import Kind


def render_table(kind: Kind, documents: Sequence[Json], now: datetime, include: str) -> dict[str, Any]:
    """A meta.k8s.io/v1 Table. `include` says what of each object goes along: None, Metadata or Object."""
    columns = columns_of(kind)
    said = {column["name"]: column for column in kind.columns}
    definitions = [
        {
            "name": name,
            "type": type_,
            "format": "name" if name == "Name" else said.get(name, {}).get("format", ""),
            "description": _described(said.get(name)),
            "priority": priority,
        }
        for name, type_, priority, _ in columns
    ]
    rows = [
        {"cells": [cell(document, now) for _, _, _, cell in columns], "object": _included(document, include)}
        for document in documents
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": definitions,
        "rows": rows,
    }


def _described(column: Mapping[str, Any] | None) -> str:
    if column is None:
        return ""
    where = f"Custom resource definition column (in JSONPath format): {column['jsonPath']}"
    return str(column.get("description") or where)


def _included(document: Json, include: str) -> Json | None:
    if include == "None":
        return None
    return document if include == "Object" else partial(document)


def partial(document: Json) -> dict[str, Any]:
    """Only the metadata of an object."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": document["metadata"]}


def columns_of(kind: Kind) -> Sequence[Column]:
    """What the kind shows."""
    if kind.custom:
        return [NAME, *(_custom(column) for column in kind.columns)]
    return BUILT_IN.get(kind.kind, [NAME, AGE])


def _custom(column: Mapping[str, Any]) -> Column:
    path, kind = column["jsonPath"], column.get("type", "string")

    def cell(document: Json, now: datetime) -> Any:
        found = find(document, path)
        if kind == "date":
            return None if found is None else age(found, now)
        if found is None or isinstance(found, int | float | str):
            return found
        return json.dumps(found, separators=(",", ":"))

    return column["name"], kind, int(column.get("priority", 0)), cell
