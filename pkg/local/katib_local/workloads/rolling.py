"""How many pods each ReplicaSet of a Deployment may want while an update rolls on. Pure.

All together are at most `maxSurge` more than the Deployment wants, and what is available never falls short of it by
more than `maxUnavailable`. Of the old pods those that serve nobody go first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from katib_local.workloads.replica_set import replicas
from katib_machinery.objects import Unstructured

SHARE = "25%"


@dataclass(frozen=True)
class Bounds:
    """The most pods there may be, and the fewest that are to be available."""

    most: int
    least: int


def bounds(spec: Mapping[str, Any], wanted: int) -> Bounds:
    """What an update of a Deployment has to keep to; it may always take a step."""
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    surge = _share(rolling.get("maxSurge", SHARE), wanted, up=True)
    missing = _share(rolling.get("maxUnavailable", SHARE), wanted)
    if surge == missing == 0:
        missing = 1
    return Bounds(wanted + surge, max(0, wanted - missing))


def _share(found: int | str, whole: int, *, up: bool = False) -> int:
    """A number of pods, which may be a percentage of the whole."""
    if not isinstance(found, str):
        return found
    hundredths = whole * int(found.removesuffix("%"))
    return -(-hundredths // 100) if up else hundredths // 100


def count_of_current(held: int, others: int, wanted: int, most: int) -> int:
    """How many pods the newest ReplicaSet wants beside so many of the others."""
    return min(wanted, held + max(0, most - held - others))


def counts_of_old(old: Sequence[Unstructured], serving: int, least: int) -> dict[str, int]:
    """How many pods each old ReplicaSet keeps, by name, while so many of the newest are available."""
    by_age = sorted(old, key=lambda held: (held.raw["metadata"].get("creationTimestamp") or "", held.name))
    kept = {held.name: replicas(held) for held in by_age}
    spare = max(0, sum(kept.values()) + serving - least)
    unready = {held.name: max(0, replicas(held) - available(held)) for held in by_age}
    for surplus in (unready, dict(kept)):
        for name, count in surplus.items():
            gone = min(spare, count, kept[name])
            kept[name] -= gone
            spare -= gone
    return kept


def available(replica_set: Unstructured | None) -> int:
    """How many pods of a ReplicaSet are available, as far as it has told."""
    status = (replica_set.raw.get("status") or {}) if replica_set is not None else {}
    return int(status.get("availableReplicas") or 0)
