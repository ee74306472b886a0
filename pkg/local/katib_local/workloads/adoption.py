"""What an owner takes in because its selector fits the labels, and what it lets go because it fits no more. Pure.

Nobody takes what somebody else controls or what is being deleted, and who is being deleted himself takes and lets go
nothing. Each patch names the uid: an object that has taken the name of another is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from katib_local import requirements
from katib_local.workloads.pods import owner_reference
from katib_machinery.objects import Unstructured

Json = dict[str, Any]


@dataclass(frozen=True)
class Claiming:
    """What one kind takes and lets go: while its owner `is_open`, objects that are `claimable`.

    With `finalizers` it holds what it takes; they go with what it lets go.
    """

    is_open: Callable[[Unstructured], bool] = lambda owner: True
    claimable: Callable[[Unstructured], bool] = lambda obj: True
    finalizers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claims:
    """Objects to take in and objects to let go."""

    adopted: Sequence[Unstructured]
    released: Sequence[Unstructured]


def claim(
    owner: Unstructured, owned: Iterable[Unstructured], free: Iterable[Unstructured], claiming: Claiming
) -> Claims:
    """What changes hands, of what an owner controls and of what nobody does."""
    if not _claims(owner, claiming):
        return Claims((), ())
    adopted = [
        obj for obj in free if obj.deletion_timestamp is None and claiming.claimable(obj) and selects(owner, obj)
    ]
    return Claims(adopted, [obj for obj in owned if claiming.claimable(obj) and not selects(owner, obj)])


def counted(owner: Unstructured, owned: Sequence[Unstructured], claiming: Claiming) -> Sequence[Unstructured]:
    """What an owner counts as its own: what it controls and selects; all that it controls once it claims no more."""
    return [obj for obj in owned if selects(owner, obj)] if _claims(owner, claiming) else owned


def _claims(owner: Unstructured, claiming: Claiming) -> bool:
    return owner.deletion_timestamp is None and bool(_selector(owner)) and claiming.is_open(owner)


def _selector(owner: Unstructured) -> Any:
    return (owner.raw.get("spec") or {}).get("selector")


def selects(owner: Unstructured, obj: Unstructured) -> bool:
    """Whether an owner's selector fits an object of its namespace; one that is empty fits nothing."""
    selector = _selector(owner)
    return bool(selector) and owner.namespace == obj.namespace and requirements.selects(selector, obj.labels)


def adoption(owner: Unstructured, obj: Unstructured, finalizers: Sequence[str]) -> Json:
    """The strategic patch that gives an object to its owner."""
    held = {"finalizers": list(finalizers)} if finalizers else {}
    return {"metadata": {"uid": obj.uid, "ownerReferences": [owner_reference(owner)], **held}}


def release(owner: Unstructured, obj: Unstructured, finalizers: Sequence[str]) -> Json:
    """The strategic patch that takes an object from its owner."""
    freed = {"$deleteFromPrimitiveList/finalizers": list(finalizers)} if finalizers else {}
    return {"metadata": {"uid": obj.uid, "ownerReferences": [{"$patch": "delete", "uid": owner.uid}], **freed}}
