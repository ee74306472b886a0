"""Which object's change makes which key look again: watch lists as data."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from katib_machinery.cluster import Cluster
from katib_machinery.informer import Handler
from katib_machinery.objects import KubeObject, ObjectKey, Resource
from katib_machinery.workqueue import WorkQueue

KeysOf = Callable[[KubeObject], Iterable[ObjectKey]]


@dataclass(frozen=True)
class Watch:
    """The objects of a resource, and the keys that want a look when one of them changes."""

    resource: Resource
    keys: KeysOf


def itself(resource: Resource) -> Watch:
    """A change of the object itself."""
    return Watch(resource, lambda obj: (obj.key,))


def owned(resource: Resource, owner_kind: str) -> Watch:
    """A change of an object that one of ours controls."""

    def keys(obj: KubeObject) -> Iterable[ObjectKey]:
        owner = obj.controller_owner
        return (ObjectKey(obj.namespace, owner.name),) if owner is not None and owner.kind == owner_kind else ()

    return Watch(resource, keys)


def follow(cluster: Cluster, watch: Watch, queue: WorkQueue[ObjectKey]) -> None:
    """Let changes of the watched objects add keys to the queue. A resource without an informer is passed over."""
    informer = cluster.informer(watch.resource)
    if informer is None:
        return

    def look(obj: KubeObject) -> None:
        for key in watch.keys(obj):
            queue.add(key)

    informer.add_handler(Handler(on_add=look, on_update=lambda old, new: look(new), on_delete=look))
