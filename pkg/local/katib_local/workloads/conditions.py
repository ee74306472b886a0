"""Conditions of Kubernetes' own kinds, as plain documents. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from katib_machinery.scalars import format_time

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Condition:
    """What is to be said: a type, whether it holds (None when nobody can say), and why."""

    type: str
    holds: bool | None
    reason: str
    message: str

    @property
    def status(self) -> str:
        return "Unknown" if self.holds is None else str(self.holds)


def find_condition(conditions: Sequence[Entry], type_: str) -> Entry | None:
    return next((entry for entry in conditions if entry.get("type") == type_), None)


def holds(conditions: Sequence[Entry], type_: str) -> bool:
    """Whether the condition of that type is True."""
    found = find_condition(conditions, type_)
    return found is not None and found.get("status") == "True"


def set_condition(
    conditions: Sequence[Entry], wanted: Condition, now: datetime, *, stamp: str = "lastProbeTime"
) -> list[Entry]:
    """The conditions with the wanted one in its place; what says the same already stays as it is.

    `stamp` names the kind's second time: `lastProbeTime` (Job) or `lastUpdateTime` (Deployment).
    """
    held = find_condition(conditions, wanted.type)
    if held is not None and (held.get("status"), held.get("reason"), held.get("message")) == (
        wanted.status,
        wanted.reason,
        wanted.message,
    ):
        return list(conditions)
    same = held is not None and held.get("status") == wanted.status
    entry = {
        "type": wanted.type,
        "status": wanted.status,
        "reason": wanted.reason,
        "message": wanted.message,
        stamp: format_time(now),
        "lastTransitionTime": held["lastTransitionTime"] if held is not None and same else format_time(now),
    }
    if held is None:
        return [*conditions, entry]
    return [entry if other is held else other for other in conditions]
