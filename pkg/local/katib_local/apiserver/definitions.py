"""CustomResourceDefinitions: what a definition's status says of the kinds that it makes. Pure."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def established(crd: Json, at: str) -> Json:
    """The status of a definition whose kinds are served."""
    names = crd["spec"]["names"]
    conditions = [
        {
            "type": kind,
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": at,
        }
        for kind, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        )
    ]
    versions = [version["name"] for version in crd["spec"]["versions"] if version.get("storage")]
    return {"conditions": conditions, "acceptedNames": names, "storedVersions": versions}
