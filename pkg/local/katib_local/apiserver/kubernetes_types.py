"""The types of Kubernetes' own kinds, as the press printed them: read when the first one is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from katib_local.apiserver.kinds import Kind

Json = dict[str, Any]
Type = Mapping[str, Any]
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
MICRO_TIME = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


@cache
def types() -> Mapping[str, Type]:
    """All types by their full name."""
    found: dict[str, Type] = orjson.loads(Path(__file__).with_suffix(".json").read_bytes())
    del found["$comment"]
    return found


@cache
def _by_kind() -> Mapping[tuple[str, str, str], Type]:
    return {
        (entry["group"], entry["version"], entry["kind"]): found
        for found in types().values()
        for entry in found.get("x-kubernetes-group-version-kind") or ()
    }


def type_of(kind: Kind) -> Type:
    """The type of one of Kubernetes' own kinds; of a custom one, no more than that it has metadata."""
    if kind.custom:
        return {"type": "object", "properties": {"metadata": {"$ref": META}}}
    return _by_kind()[(kind.group, kind.version, kind.kind)]


def resolved(found: Type) -> Type:
    """What a reference leads to, with what is said at the reference."""
    target = found.get("$ref")
    return types()[target] if target else found


def field_type(parent: Type, name: str) -> Type | None:
    """The type of a field of an object or of a map's value; None for one that is not known."""
    known = (parent.get("properties") or {}).get(name)
    found: Type | None = known if known is not None else parent.get("additionalProperties")
    return found
