"""What all controllers of workloads do alike: first what an object owns, then what it tells of itself.

Knows caches and plans. Must not know any kind.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from katib_machinery.act import ActContext, act
from katib_machinery.cluster import Cluster
from katib_machinery.events import EventRecorder
from katib_machinery.indexer import by_owner
from katib_machinery.informer import Handler, SharedInformer
from katib_machinery.objects import ObjectKey, Resource, Unstructured
from katib_machinery.plan import Create, Plan, Requeue
from katib_machinery.transport import ApiError
from katib_machinery.worker import run_worker
from katib_machinery.workqueue import WorkQueue

log = logging.getLogger(__name__)
OWNER = "owner"
# How a kind's world is made: the object, what it controls, and why nothing could be created, if that went wrong.
MakeWorld = Callable[[Unstructured, Sequence[Unstructured], str], Any]
Decide = Callable[[Any, datetime], Plan]


@dataclass(frozen=True)
class Rules:
    """One kind: where its objects and those below it are, and its two decisions."""

    component: str
    resource: Resource
    below: Resource
    make_world: MakeWorld
    decide_owned: Decide
    decide_status: Decide


def follow(cluster: Cluster, resource: Resource) -> SharedInformer[Unstructured]:
    """A cache of all objects of a resource, indexed by their controller."""
    informer = SharedInformer(
        cluster.transport,
        resource,
        Unstructured.from_dict,
        on_bad=lambda error, raw: log.warning("an object of %s is passed over: %s", resource.plural, error),
        indexers={OWNER: by_owner},
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
        informer_of(cluster, rules.resource).add_handler(on_any(lambda obj: self.queue.add(obj.key)))
        informer_of(cluster, rules.below).add_handler(on_any(self._wake_owner))

    def _wake_owner(self, obj: Unstructured) -> None:
        owner, resource = obj.controller_owner, self.rules.resource
        if owner is not None and (owner.api_version, owner.kind) == (resource.api_version, resource.kind):
            self.queue.add(ObjectKey(obj.namespace, owner.name))

    async def reconcile(self, key: ObjectKey) -> Requeue | None:
        """Bring one object a step further; what it tells of itself is written also when something was refused."""
        refusal: ApiError | None = None
        first: Requeue | None = None
        try:
            first = await self._carry_out(key, self.rules.decide_owned)
        except ApiError as error:
            refusal = error
        second = await self._carry_out(key, self.rules.decide_status, refusal.message if refusal is not None else "")
        if refusal is not None:
            raise refusal
        return soonest(first, second)

    async def _carry_out(self, key: ObjectKey, decide: Decide, failure: str = "") -> Requeue | None:
        owner = self.context.current(key)
        if owner is None:
            return None
        below = informer_of(self._cluster, self.rules.below).indexer.by_index(OWNER, owner.uid)
        plan = decide(self.rules.make_world(owner, below, failure), self._cluster.clock.now())
        try:
            return await act(self.context, owner, plan)
        except ApiError as error:
            if any(isinstance(action, Create) for action in plan.actions):
                self.recorder.emit(owner, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise

    async def run(self) -> None:
        """Reconcile until cancelled."""
        await run_worker(self.queue, self.reconcile, name=self.rules.component)


def soonest(first: Requeue | None, second: Requeue | None) -> Requeue | None:
    """The earlier of two looks."""
    asked = [requeue for requeue in (first, second) if requeue is not None]
    return min(asked, key=lambda requeue: requeue.after, default=None)
