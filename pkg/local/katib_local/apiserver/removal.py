"""How a deletion is written on an object that cannot go at once. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from katib_local.apiserver.calls import DeleteOptions
from katib_local.apiserver.kinds import JOBS, NAMESPACES, PODS, Kind
from katib_machinery.scalars import format_time

Json = dict[str, Any]
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
DEFAULT_POLICIES = {JOBS: "Orphan"}
"""What a deletion without a policy means, where it is not Background."""


PRESERVED = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


def unsaid(kind: Kind, options: DeleteOptions) -> list[str]:
    """What to warn of whose deletion does not say what becomes of dependents, though they would stay."""
    return [PRESERVED] if kind == JOBS and not options.propagation else []


def may_go(document: Json) -> bool:
    """Whether an object that is being deleted can be removed now: nobody holds it, and its time is up."""
    metadata = document["metadata"]
    return not metadata.get("finalizers") and not metadata.get("deletionGracePeriodSeconds")


def marked(kind: Kind, old: Json, options: DeleteOptions, now: datetime) -> Json:
    """The object with its deletion written on it."""
    metadata = dict(old["metadata"])
    grace = _grace(kind, old, options)
    finalizers = list(metadata.get("finalizers") or [])
    wanted = {"Foreground": FOREGROUND, "Orphan": ORPHAN}.get(options.propagation or DEFAULT_POLICIES.get(kind, ""))
    if wanted and wanted not in finalizers:
        finalizers.append(wanted)
    if finalizers:
        metadata["finalizers"] = finalizers
    if "deletionTimestamp" not in metadata or grace < metadata.get("deletionGracePeriodSeconds", 0):
        at = format_time(now + timedelta(seconds=grace))
        if "generation" in metadata and "deletionTimestamp" not in metadata:
            metadata["generation"] += 1
        metadata |= {"deletionTimestamp": at, "deletionGracePeriodSeconds": grace}
    document = {**old, "metadata": metadata}
    if kind == NAMESPACES:
        document["status"] = {"phase": "Terminating"}
        metadata["finalizers"] = [*finalizers, *(["kubernetes"] if "kubernetes" not in finalizers else [])]
    return document


def _grace(kind: Kind, old: Json, options: DeleteOptions) -> int:
    """Only a pod that its node has to stop gets time."""
    if kind != PODS or not (old.get("spec") or {}).get("nodeName"):
        return 0
    if (old.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    given = options.grace_seconds
    return int(old["spec"].get("terminationGracePeriodSeconds", 30) if given is None else given)
