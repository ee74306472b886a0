"""What all controllers of workloads do alike: first what an object owns, then what it tells of itself.

Before, it takes in what it selects and lets go what it does not (`adoption`). Knows caches and plans. Must not know any
kind.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from katib_local.workloads.adoption import Claiming, adoption, claim, counted, release, selects
from katib_local.workloads.names import Names
from katib_machinery.act import ActContext, ForeignObjectError, act
from katib_machinery.cluster import Cluster
from katib_machinery.events import EventRecorder
from katib_machinery.indexer import NAMESPACE, by_owner
from katib_machinery.informer import Handler, SharedInformer
from katib_machinery.objects import ObjectKey, OwnerRef, Resource, Unstructured
from katib_machinery.plan import Create, Plan, Requeue
from katib_machinery.transport import ApiError
from katib_machinery.worker import run_worker
from katib_machinery.workqueue import WorkQueue

log = logging.getLogger(__name__)
OWNER, FREE = "owner", "free"
# How a kind's world is made: the object, what it controls, why nothing could be created, if that went wrong, and which
# names are used up.
MakeWorld = Callable[[Unstructured, Sequence[Unstructured], str, Names], Any]
Decide = Callable[[Any, datetime], Plan]
INVALID = 422


@dataclass(frozen=True)
class Rules:
    """One kind: where its objects and those below it are, its two decisions, and what it claims."""

    component: str
    resource: Resource
    below: Resource
    make_world: MakeWorld
    decide_owned: Decide
    decide_status: Decide
    claiming: Claiming


def by_freedom(obj: Unstructured) -> Iterable[str]:
    """Index of objects that nobody controls by their namespace."""
    return (obj.namespace,) if obj.controller_owner is None else ()


def follow(cluster: Cluster, resource: Resource) -> SharedInformer[Unstructured]:
    """A cache of all objects of a resource, indexed by their controller; those without one by their namespace."""
    informer = SharedInformer(
        cluster.transport,
        resource,
        Unstructured.from_dict,
        on_bad=lambda error, raw: log.warning("an object of %s is passed over: %s", resource.plural, error),
        indexers={OWNER: by_owner, FREE: by_freedom},
    )
    return cluster.register(informer)


def informer_of(cluster: Cluster, resource: Resource) -> SharedInformer[Unstructured]:
    """The cache of a resource that is followed."""
    informer = cluster.informer(resource)
    assert informer is not None
    return informer


def on_any(call: Callable[[Unstructured], None]) -> Handler[Unstructured]:
    return Handler(on_add=call, on_update=lambda old, new: call(new), on_delete=call)


class Reconciler:
    """One controller of workloads."""

    def __init__(self, cluster: Cluster, rules: Rules) -> None:
        self.rules = rules
        self.queue: WorkQueue[ObjectKey] = WorkQueue(cluster.clock)
        self.recorder = EventRecorder(cluster.transport, rules.component, cluster.clock)
        self.context = ActContext(cluster, rules.resource, self.queue, self.recorder)
        self._cluster = cluster
        self._owners, self._below = informer_of(cluster, rules.resource), informer_of(cluster, rules.below)
        # By uid of an owner: how many it had that it has no more, and how often a name was another's.
        self._gone: Counter[str] = Counter()
        self._passed: Counter[str] = Counter()
        self._owners.add_handler(on_any(lambda obj: self.queue.add(obj.key)))
        self._owners.add_handler(Handler(on_delete=self._forget))
        self._below.add_handler(Handler(on_add=self._wake, on_update=self._change, on_delete=self._remove))

    def _forget(self, owner: Unstructured) -> None:
        self._gone.pop(owner.uid, None)
        self._passed.pop(owner.uid, None)

    def _wake(self, obj: Unstructured) -> None:
        """Let the owner look; where there is none, all who would take the object in."""
        if (owner := self._owner_of(obj)) is not None:
            self.queue.add(ObjectKey(obj.namespace, owner.name))
        elif obj.controller_owner is None:
            for other in self._owners.indexer.by_index(NAMESPACE, obj.namespace):
                if selects(other, obj):
                    self.queue.add(other.key)

    def _change(self, old: Unstructured, new: Unstructured) -> None:
        if old.controller_owner is not None and old.controller_owner != new.controller_owner:
            self._remove(old)
        self._wake(new)

    def _remove(self, obj: Unstructured) -> None:
        """Count what its owner has no more."""
        owner = self._owner_of(obj)
        if owner is not None and self._is_there(obj.namespace, owner):
            self._gone[owner.uid] += 1
        self._wake(obj)

    def _owner_of(self, obj: Unstructured) -> OwnerRef | None:
        """Who controls an object, if that is one of this kind."""
        owner, resource = obj.controller_owner, self.rules.resource
        if owner is None or (owner.api_version, owner.kind) != (resource.api_version, resource.kind):
            return None
        return owner

    def _is_there(self, namespace: str, owner: OwnerRef) -> bool:
        held = self._owners.indexer.get(ObjectKey(namespace, owner.name))
        return held is not None and held.uid == owner.uid

    async def reconcile(self, key: ObjectKey) -> Requeue | None:
        """Bring one object a step further; what it tells of itself is written also when something was refused."""
        refusal: ApiError | None = None
        first: Requeue | None = None
        try:
            settled = await self._claim(key)
            first = await self._carry_out(key, self.rules.decide_owned) if settled else Requeue()
        except ApiError as error:
            refusal = error
        second = await self._carry_out(key, self.rules.decide_status, refusal.message if refusal is not None else "")
        if refusal is not None:
            raise refusal
        return soonest(first, second)

    async def _claim(self, key: ObjectKey) -> bool:
        """Take in and let go; whether all of it is as it was seen."""
        owner = self.context.current(key)
        if owner is None:
            return True
        owned, free = self._owned(owner), self._below.indexer.by_index(FREE, owner.namespace)
        finalizers = self.rules.claiming.finalizers
        claims = claim(owner, owned, free, self.rules.claiming)
        if claims.adopted and not await self._lives(owner):
            return False
        patches = [(obj, adoption(owner, obj, finalizers)) for obj in claims.adopted]
        patches += [(obj, release(owner, obj, finalizers)) for obj in claims.released]
        return all([await self._patch(obj, patch) for obj, patch in patches])

    async def _lives(self, owner: Unstructured) -> bool:
        """Ask the server whether an owner is still there and stays: the cache may not know yet."""
        try:
            found = await self._cluster.client(self.rules.resource).get(owner.namespace, owner.name)
        except ApiError as error:
            if not error.not_found:
                raise
            return False
        return bool(found.uid == owner.uid and found.deletion_timestamp is None)

    async def _patch(self, obj: Unstructured, patch: dict[str, Any]) -> bool:
        """Whether the object was as expected: another's patch may have come first, and what is gone needs none."""
        client = self._cluster.client(self.rules.below)
        try:
            self._below.put_own(await client.patch(obj.namespace, obj.name, patch, type="strategic"))
        except ApiError as error:
            if not (error.not_found or error.conflict or error.code == INVALID):
                raise
            return error.not_found
        return True

    def _owned(self, owner: Unstructured) -> Sequence[Unstructured]:
        return self._below.indexer.by_index(OWNER, owner.uid)

    async def _carry_out(self, key: ObjectKey, decide: Decide, failure: str = "") -> Requeue | None:
        owner = self.context.current(key)
        if owner is None:
            return None
        below = counted(owner, self._owned(owner), self.rules.claiming)
        plan = decide(self.rules.make_world(owner, below, failure, self._names(owner)), self._cluster.clock.now())
        try:
            return await act(self.context, owner, plan)
        except ForeignObjectError:
            # The cache did not know yet that somebody has the name.
            self._passed[owner.uid] += 1
            return Requeue()
        except ApiError as error:
            if any(isinstance(action, Create) for action in plan.actions):
                self.recorder.emit(owner, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise

    def _names(self, owner: Unstructured) -> Names:
        return Names(
            self._gone[owner.uid],
            self._passed[owner.uid],
            lambda name: self._is_taken(ObjectKey(owner.namespace, name)),
        )

    def _is_taken(self, key: ObjectKey) -> bool:
        """Whether a name is somebody's; what was the object of one who is gone will go too, or be nobody's."""
        held = self._below.indexer.get(key)
        owner = self._owner_of(held) if held is not None else None
        return held is not None and (owner is None or self._is_there(key.namespace, owner))

    async def run(self) -> None:
        """Reconcile until cancelled."""
        await run_worker(self.queue, self.reconcile, name=self.rules.component)


def soonest(first: Requeue | None, second: Requeue | None) -> Requeue | None:
    """The earlier of two looks."""
    asked = [requeue for requeue in (first, second) if requeue is not None]
    return min(asked, key=lambda requeue: requeue.after, default=None)
