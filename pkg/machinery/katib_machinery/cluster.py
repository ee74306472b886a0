"""What one process sees and holds of a cluster: its caches, its pens, its clock.

Shared by all controllers of a process, so that the answer of one controller's write is what the next one reads. Knows
resources; knows nothing of what their objects mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

from katib_machinery.client import ResourceClient
from katib_machinery.clock import Clock, SystemClock
from katib_machinery.informer import Handler, SharedInformer
from katib_machinery.model import KatibObject
from katib_machinery.objects import KubeObject, ObjectKey, Resource, Unstructured
from katib_machinery.pacing import Pens
from katib_machinery.transport import CountingTransport, Transport

T = TypeVar("T", bound=KubeObject)


class Cluster:
    """Caches to read from and clients to write with. `paced` are the resources whose objects grow with the work, each with
    the seconds that its writes are apart at least.

    Informers are made with its `transport`: it counts every request and every conflict in `counters`.
    """

    def __init__(
        self, transport: Transport, *, clock: Clock | None = None, paced: Mapping[Resource, float] | None = None
    ) -> None:
        counting = transport if isinstance(transport, CountingTransport) else CountingTransport(transport)
        self.transport: Transport = counting
        self.counters = counting.counters
        self.clock = clock or SystemClock()
        self.paced = dict(paced or {})
        self.pens = Pens(self.clock, self.paced)
        self._informers: dict[Resource, SharedInformer[Any]] = {}

    def register(self, informer: SharedInformer[T]) -> SharedInformer[T]:
        """Let own writes of the informer's resource go into its cache."""
        resource = informer.resource
        self._informers[resource] = informer
        informer.add_handler(Handler(on_delete=lambda obj: self.pens.forget(resource, obj.key)))
        return informer

    def unregister(self, resource: Resource) -> None:
        """The resource is no longer followed."""
        self._informers.pop(resource, None)

    def informer(self, resource: Resource) -> SharedInformer[Any] | None:
        """The informer that follows a resource, if there is one."""
        return self._informers.get(resource)

    def client(self, resource: Resource) -> ResourceClient[Any]:
        """A client for any resource, typed as its informer is."""
        informer = self._informers.get(resource)
        return ResourceClient(self.transport, resource, informer.decode if informer else Unstructured.from_dict)

    def cached(self, resource: Resource, key: ObjectKey) -> Any | None:
        """The object as the cache has it."""
        informer = self._informers.get(resource)
        return informer.indexer.get(key) if informer else None

    def current(self, resource: Resource, key: ObjectKey) -> Any | None:
        """The object as it will be when our own writes have arrived: the cache's, with the status that we last wanted.

        What a reconciler reads of the object that it writes itself: else it would decide the same thing again while a
        paced write waits.
        """
        cached = self.cached(resource, key)
        wanted = self.pens.wanted(resource, key, "status")
        if cached is None or wanted is None or cached.uid != wanted.uid:
            return cached
        return with_status_of(cached, wanted)

    async def run(self) -> None:
        """Follow all registered resources until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for informer in self._informers.values():
                tasks.create_task(informer.run())

    async def wait_synced(self) -> None:
        """Return when every cache holds everything."""
        for informer in list(self._informers.values()):
            await informer.wait_synced()


def with_status_of(obj: Any, other: Any) -> Any:
    """The frozen object with another one's status."""
    if isinstance(obj, KatibObject):
        return obj.model_copy(update={"status": getattr(other, "status", None)}).walk_freeze()
    return Unstructured({**obj.raw, "status": other.raw.get("status")}).walk_freeze()
