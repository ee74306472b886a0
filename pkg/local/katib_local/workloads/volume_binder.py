"""Binds claims to volumes as the rules of `claims` say. Knows the API."""

from __future__ import annotations

from pathlib import Path

from katib_local.workloads.claims import Change, bind
from katib_local.workloads.reconciler import informer_of, on_any
from katib_machinery.cluster import Cluster
from katib_machinery.objects import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, ObjectKey, Unstructured
from katib_machinery.plan import Requeue
from katib_machinery.transport import ApiError
from katib_machinery.worker import run_worker
from katib_machinery.workqueue import WorkQueue

NAME = "persistentvolume-binder"
# Claims compete for volumes: there is one decision, not one for each claim.
EVERYTHING = ObjectKey("", "claims")


class VolumeBinder:
    """The controller of claims and volumes."""

    def __init__(self, cluster: Cluster, storage: Path | None) -> None:
        self._cluster = cluster
        self._storage = storage
        self._queue: WorkQueue[ObjectKey] = WorkQueue(cluster.clock)
        self._claims = informer_of(cluster, PERSISTENT_VOLUME_CLAIMS)
        self._volumes = informer_of(cluster, PERSISTENT_VOLUMES)
        for informer in (self._claims, self._volumes):
            informer.add_handler(on_any(lambda obj: self._queue.add(EVERYTHING)))

    async def reconcile(self, key: ObjectKey) -> Requeue | None:
        """Write what is not said yet; what has gone meanwhile is passed over."""
        now = self._cluster.clock.now()
        wanted = bind(self._claims.indexer.list(), self._volumes.indexer.list(), now, self._storage)
        for change in wanted.changes:
            await self._write(change)
        for volume in wanted.made:
            await self._make(volume)
        for volume in wanted.doomed:
            await self._delete(volume)
        return None

    async def _write(self, change: Change) -> None:
        obj = change.obj
        client = self._cluster.client(change.resource)
        try:
            answer = await client.patch(obj.namespace, obj.name, change.patch, subresource=change.subresource)
        except ApiError as error:
            if not error.not_found:
                raise
            return
        informer_of(self._cluster, change.resource).put_own(answer)

    async def _make(self, volume: Unstructured) -> None:
        try:
            answer = await self._cluster.client(PERSISTENT_VOLUMES).create(volume)
        except ApiError as error:
            if not error.already_exists:
                raise
            return
        self._volumes.put_own(answer)

    async def _delete(self, volume: Unstructured) -> None:
        try:
            await self._cluster.client(PERSISTENT_VOLUMES).delete(volume.namespace, volume.name, uid=volume.uid)
        except ApiError as error:
            if not error.not_found:
                raise

    async def run(self) -> None:
        """Bind until cancelled."""
        await run_worker(self._queue, self.reconcile, name=NAME)
