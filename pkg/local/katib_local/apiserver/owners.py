"""Owners that an object names twice: each is kept once, with a warning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from katib_local.apiserver.calls import Call

Json = dict[str, Any]


def with_each_owner_once(document: Json, call: Call, *, mutated: bool = False) -> Json:
    """An object of the right form; `mutated` says that webhooks have seen it, or that it is what a patch made of one."""
    metadata = document.get("metadata") or {}
    owners = metadata.get("ownerReferences") or []
    doubled = [owner for index, owner in enumerate(owners) if owner in owners[:index]]
    if not doubled:
        return document
    text = _warning([owner.get("uid", "") for owner in doubled], mutated=mutated)
    call.warnings += [text] if text not in call.warnings else []
    once = [owner for index, owner in enumerate(owners) if owner not in owners[:index]]
    return {**document, "metadata": {**metadata, "ownerReferences": once}}


def _warning(uids: Sequence[str], *, mutated: bool) -> str:
    when = " after mutating admission happens" if mutated else ""
    history = "API server dedups owner references in 1.20+, and may reject such requests as early as 1.24"
    found = f"duplicate UID(s) observed: {', '.join(uids)}"
    return f".metadata.ownerReferences contains duplicate entries{when}; {history}; please fix your requests; {found}"
