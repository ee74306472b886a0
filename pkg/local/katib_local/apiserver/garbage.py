"""What follows from deletions: owned objects go with their owners, namespaces with their contents.

One task beside the requests. Must not know HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from typing import Any

from katib_local.apiserver.calls import Call, DeleteOptions
from katib_local.apiserver.errors import Refusal
from katib_local.apiserver.kinds import CRDS, EVENTS, NAMESPACES, Kind
from katib_local.apiserver.registry import Registry
from katib_local.apiserver.removal import FOREGROUND, ORPHAN
from katib_local.apiserver.store import Change, Key, owners_of

log = logging.getLogger(__name__)
Json = dict[str, Any]
NAMING = ("apiVersion", "kind", "metadata")
REPORTER = "garbage-collector-controller"


class GarbageCollector:
    """Deletes objects all of whose owners have gone, in background, foreground or not at all."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._queue: asyncio.Queue[tuple[str, Json]] = asyncio.Queue()
        self._stop = registry.store.listen(self._hear)

    def _hear(self, change: Change) -> None:
        if change.new is None and change.old is not None:
            self._put("gone", change.old)
            namespace = change.old["metadata"].get("namespace", "")
            for owner in owners_of(change.old):
                if owner.get("blockOwnerDeletion"):
                    self._queue.put_nowait(("unblocked", {**owner, "namespace": namespace}))
        elif change.new is not None and change.new["metadata"].get("deletionTimestamp"):
            self._put("deleting", change.new)
        elif change.new is not None and (owners := owners_of(change.new)) and owners != owners_of(change.old or {}):
            self._put("owned", change.new)

    def _put(self, what: str, document: Json) -> None:
        """Only what an object is called and belongs to: thousands may stand in the queue."""
        self._queue.put_nowait((what, {part: document[part] for part in NAMING if part in document}))

    async def run(self) -> None:
        """Work for ever; what was left undone by an earlier process comes first."""
        self._survey()
        while True:
            what, document = await self._queue.get()
            try:
                await self._follow(what, document)
            except Exception:
                log.exception("garbage collection after %s has failed", document.get("metadata", document))
            await asyncio.sleep(0)  # a full queue is taken from without a pause

    def _survey(self) -> None:
        store = self._registry.store
        for resource in store.resources():
            for row in store.rows(resource):
                document = row.read()
                metadata = document["metadata"]
                if metadata.get("deletionTimestamp"):
                    self._put("deleting", document)
                if metadata.get("ownerReferences"):
                    self._put("owned", document)

    async def _follow(self, what: str, document: Json) -> None:
        match what:
            case "gone":
                for key in self._registry.store.dependents(document["metadata"]["uid"]):
                    await self._collect(key)
                await self._finish_namespace(document["metadata"].get("namespace", ""))
            case "owned":
                kind = self._registry.catalog.find_kind(document["apiVersion"], document["kind"])
                if kind is not None:
                    key = self._registry.key(kind, document)
                    await self._report(document, key[1])
                    await self._collect(key)
            case "unblocked":
                self._unblock(document)
            case "deleting":
                await self._delete_below(document)

    def _kind(self, key: Key) -> Kind | None:
        return next((kind for kind in self._registry.catalog if kind.qualified == key[0]), None)

    async def _collect(self, key: Key) -> None:
        """Delete an object none of whose owners is there any more."""
        kind, document = self._kind(key), self._registry.store.get(*key)
        if kind is None or document is None:
            return
        owners = owners_of(document)
        if owners and not any(self._exists(owner, key[1]) for owner in owners):
            await self._delete(kind, document, "Background")

    async def _report(self, document: Json, namespace: str) -> None:
        """Tell of owners that are there, but where they own nothing of this namespace; "" is that of the cluster."""
        for owner in owners_of(document):
            if self._owner(owner, namespace) is None and self._is_elsewhere(owner):
                event = desired_event(document, owner, namespace, self._registry.timestamp())
                with contextlib.suppress(Refusal):  # a namespace that goes takes no more events
                    await self._registry.create(EVENTS, event["metadata"]["namespace"], event, Call())

    def _is_elsewhere(self, owner: Json) -> bool:
        kind = self._registry.catalog.find_kind(owner.get("apiVersion", ""), owner.get("kind", ""))
        held = self._registry.store.all(kind.qualified) if kind is not None and kind.namespaced else []
        return any(document["metadata"]["uid"] == owner.get("uid") for document in held)

    def _exists(self, owner: Json, namespace: str) -> bool:
        """Whether an owner is there, or nobody can say that it is not.

        So it is with one of a kind that is not served, and with one in a namespace whose dependent is in none.
        """
        kind = self._registry.catalog.find_kind(owner.get("apiVersion", ""), owner.get("kind", ""))
        unknown = kind is None or (kind.namespaced and not namespace)
        return unknown or self._owner(owner, namespace) is not None

    def _owner(self, owner: Json, namespace: str) -> Json | None:
        kind = self._registry.catalog.find_kind(owner.get("apiVersion", ""), owner.get("kind", ""))
        if kind is None:
            return None
        held = self._registry.store.get(kind.qualified, namespace if kind.namespaced else "", owner.get("name", ""))
        return held if held is not None and held["metadata"]["uid"] == owner.get("uid") else None

    async def _delete(self, kind: Kind, document: Json, propagation: str) -> None:
        metadata = document["metadata"]
        options = DeleteOptions(propagation=propagation, uid=metadata["uid"])
        try:
            await self._registry.delete(kind, metadata.get("namespace", ""), metadata["name"], options, Call())
        except Refusal as refusal:
            if refusal.code not in (404, 409):
                raise
        await asyncio.sleep(0)  # whoever watches hears of it now, and not of thousands at once

    async def _delete_below(self, document: Json) -> None:
        """Foreground: dependents first. Orphan: let them go. Namespaces and CRDs: their contents first."""
        finalizers = document["metadata"].get("finalizers") or []
        kind = self._registry.catalog.find_kind(document["apiVersion"], document["kind"])
        current = self._registry.store.get(*self._registry.key(kind, document)) if kind else None
        if kind is None or current is None or current["metadata"]["uid"] != document["metadata"]["uid"]:
            return
        if kind == NAMESPACES:
            await self._empty_namespace(current)
        elif kind == CRDS:
            return
        elif ORPHAN in finalizers:
            self._orphan(current["metadata"]["uid"])
            self._drop_finalizer(kind, current, ORPHAN)
        elif FOREGROUND in finalizers:
            for key in self._registry.store.dependents(current["metadata"]["uid"]):
                below, dependent = self._kind(key), self._registry.store.get(*key)
                if below is not None and dependent is not None and not dependent["metadata"].get("deletionTimestamp"):
                    await self._delete(below, dependent, "Foreground")
            self._finish_foreground(kind, current)

    def _finish_foreground(self, kind: Kind, document: Json) -> None:
        uid = document["metadata"]["uid"]
        left = [self._registry.store.get(*key) for key in self._registry.store.dependents(uid)]
        blocking = [
            owner
            for dependent in left
            for owner in owners_of(dependent or {})
            if owner.get("uid") == uid and owner.get("blockOwnerDeletion")
        ]
        if not blocking:
            self._drop_finalizer(kind, document, FOREGROUND)

    def _unblock(self, owner: Json) -> None:
        """Look again at an owner that may wait for what has gone; of its kind thousands may be there, and only it is read."""
        kind = self._registry.catalog.find_kind(owner.get("apiVersion", ""), owner.get("kind", ""))
        held = self._owner(owner, owner["namespace"])
        if kind is not None and held is not None and FOREGROUND in (held["metadata"].get("finalizers") or []):
            self._finish_foreground(kind, held)

    def _orphan(self, uid: str) -> None:
        for key in self._registry.store.dependents(uid):
            document = self._registry.store.get(*key)
            if document is not None:
                metadata = dict(document["metadata"])
                metadata["ownerReferences"] = [owner for owner in owners_of(document) if owner.get("uid") != uid]
                self._registry.store.write(key, {**document, "metadata": metadata})

    def _drop_finalizer(self, kind: Kind, document: Json, finalizer: str) -> None:
        key = self._registry.key(kind, document)
        current = self._registry.store.get(*key)
        if current is None:
            return
        metadata = dict(current["metadata"])
        metadata["finalizers"] = [held for held in metadata.get("finalizers") or [] if held != finalizer]
        changed = {**current, "metadata": metadata}
        if metadata["finalizers"] or metadata.get("deletionGracePeriodSeconds"):
            self._registry.store.write(key, changed)
        else:
            self._registry.remove(kind, changed)

    async def _empty_namespace(self, namespace: Json) -> None:
        name = namespace["metadata"]["name"]
        for kind in [kind for kind in self._registry.catalog if kind.namespaced]:
            for document in self._registry.store.all(kind.qualified, name):
                if not document["metadata"].get("deletionTimestamp"):
                    await self._delete(kind, document, "Background")
        await self._finish_namespace(name)

    async def _finish_namespace(self, name: str) -> None:
        found = self._registry.store.get(NAMESPACES.qualified, "", name) if name else None
        if found is None or not found["metadata"].get("deletionTimestamp"):
            return
        kinds = [kind for kind in self._registry.catalog if kind.namespaced]
        if not any(self._registry.store.all(kind.qualified, name) for kind in kinds):
            self._drop_finalizer(NAMESPACES, found, "kubernetes")


def desired_event(dependent: Json, owner: Json, namespace: str, at: str) -> Json:
    """What is told of an owner that is in another namespace than its dependent; those of the cluster are told in `default`."""
    metadata = dependent["metadata"]
    named = f"{owner.get('apiVersion')}/{owner.get('kind')}, namespace: {namespace}"
    where = f"{named}, name: {owner.get('name')}, uid: {owner.get('uid')}"
    about = {"kind": dependent["kind"], "name": metadata["name"], "uid": metadata["uid"]}
    about |= {"apiVersion": dependent["apiVersion"], **({"namespace": namespace} if namespace else {})}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}", "namespace": namespace or "default"},
        "involvedObject": about,
        "type": "Warning",
        "reason": "OwnerRefInvalidNamespace",
        "message": f'ownerRef [{where}] does not exist in namespace "{namespace}"',
        "source": {"component": REPORTER},
        "reportingComponent": REPORTER,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
