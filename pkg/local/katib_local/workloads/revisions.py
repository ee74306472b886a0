"""What ReplicaSets bear of their Deployment: the numbers of its templates, by which `kubectl rollout` knows and undoes
them, and the sizes that were wanted when they were scaled last. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from katib_apis.v1beta1 import names
from katib_machinery.frozen import deep_copy
from katib_machinery.objects import Unstructured

REVISION = "deployment.kubernetes.io/revision"
DESIRED, MOST = "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas"
OWN = (REVISION, DESIRED, MOST, names.ANNOTATION_LAST_APPLIED)
"""Annotations that a Deployment keeps to itself."""


def revision(obj: Unstructured) -> int:
    """The number that an object bears; 0 if it bears none."""
    found = str(annotations_of(obj).get(REVISION, ""))
    return int(found) if found.isdecimal() else 0


def next_revision(current: Unstructured | None, old: Sequence[Unstructured]) -> int:
    """The number of the newest ReplicaSet: above all others, also when it was the newest once before."""
    return max(revision(current) if current is not None else 0, 1 + max(map(revision, old), default=0))


def annotations_of(obj: Unstructured) -> dict[str, str]:
    return dict(obj.raw["metadata"].get("annotations") or {})


def desired_annotations(deployment: Unstructured, current: Unstructured | None, number: int) -> dict[str, str]:
    """What the newest ReplicaSet bears: its number, and what its Deployment says (`kubernetes.io/change-cause`)."""
    told = {name: text for name, text in annotations_of(deployment).items() if name not in OWN}
    held = annotations_of(current) if current is not None else {}
    return {**held, **told, REVISION: str(number)}


def sizes(wanted: int, most: int) -> dict[str, str]:
    """How many pods a Deployment wants, and how many there may be while it is updated."""
    return {DESIRED: str(wanted), MOST: str(most)}


def with_annotations(obj: Unstructured, annotations: dict[str, str]) -> Unstructured:
    """A changed copy."""
    raw = deep_copy(obj.raw)
    raw["metadata"]["annotations"] = annotations
    return Unstructured(raw)
