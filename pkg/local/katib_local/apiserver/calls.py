"""What comes with a request beside its object: who asks, how strictly, and the options of a deletion or patch. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Call:
    """Who asks, how strictly, and what they are warned of."""

    user: str = "system:admin"
    groups: Sequence[str] = ("system:masters",)
    dry_run: bool = False
    field_validation: str = "Warn"
    manager: str = ""
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DeleteOptions:
    """How an object is to be deleted."""

    grace_seconds: int | None = None
    propagation: str = ""
    uid: str = ""
    resource_version: str = ""

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> DeleteOptions:
        preconditions = body.get("preconditions") or {}
        propagation = body.get("propagationPolicy") or ("Orphan" if body.get("orphanDependents") else "")
        return cls(
            body.get("gracePeriodSeconds"),
            propagation,
            preconditions.get("uid", ""),
            preconditions.get("resourceVersion", ""),
        )


@dataclass(frozen=True)
class PatchBody:
    """A patch and its media type."""

    body: Any
    content: str
