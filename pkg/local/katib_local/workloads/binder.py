"""Binds pods to the node as the scheduler's rules say, and tells of each other pod why it waits.

Knows the API. What fits is decided in `scheduler`.
"""

from __future__ import annotations

import asyncio
import json

from katib_local.workloads.conditions import Condition, set_condition
from katib_local.workloads.pods import conditions_of
from katib_local.workloads.reconciler import informer_of, on_any
from katib_local.workloads.scheduler import DEFAULT_SCHEDULER, node_of, place
from katib_machinery.cluster import Cluster
from katib_machinery.events import EventRecorder
from katib_machinery.informer import Handler
from katib_machinery.objects import NAMESPACES, NODES, PODS, ObjectKey, Unstructured
from katib_machinery.plan import Requeue
from katib_machinery.transport import ApiError
from katib_machinery.worker import run_worker
from katib_machinery.workqueue import WorkQueue

# All pods compete for one node: there is one decision, not one for each pod.
EVERYTHING = ObjectKey("", "pods")


class Binder:
    """The scheduler of one node."""

    def __init__(self, cluster: Cluster, node_name: str) -> None:
        self._cluster = cluster
        self._node = ObjectKey("", node_name)
        self._queue: WorkQueue[ObjectKey] = WorkQueue(cluster.clock)
        self.recorder = EventRecorder(cluster.transport, DEFAULT_SCHEDULER, cluster.clock)
        # Pods whose binding was accepted and has not come back by the watch yet.
        self._assumed: set[str] = set()
        self._told: dict[str, str] = {}
        self._pods, self._nodes = informer_of(cluster, PODS), informer_of(cluster, NODES)
        self._namespaces = informer_of(cluster, NAMESPACES)
        look = self._look
        self._pods.add_handler(Handler(on_add=look, on_update=lambda old, new: look(new), on_delete=self._forget))
        for informer in (self._nodes, self._namespaces):
            informer.add_handler(on_any(lambda obj: self._queue.add(EVERYTHING)))

    def _look(self, pod: Unstructured) -> None:
        if node_of(pod):
            self._assumed.discard(pod.uid)
            self._told.pop(pod.uid, None)
        self._queue.add(EVERYTHING)

    def _forget(self, pod: Unstructured) -> None:
        self._assumed.discard(pod.uid)
        self._told.pop(pod.uid, None)
        self._queue.add(EVERYTHING)

    async def reconcile(self, key: ObjectKey) -> Requeue | None:
        """Bind what fits; say once of each other pod why it waits."""
        namespaces = {namespace.name: namespace.labels for namespace in self._namespaces.indexer.list()}
        node = self._nodes.indexer.get(self._node)
        placement = place(node, self._pods.indexer.list(), self._assumed, namespaces)
        self._assumed.update(pod.uid for pod in placement.fitting)
        results = await asyncio.gather(*map(self._bind, placement.fitting), return_exceptions=True)
        for pod, reason in placement.waiting:
            if self._told.get(pod.uid) != reason and await self._hold(pod, reason):
                self._told[pod.uid] = reason
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return None

    async def _bind(self, pod: Unstructured) -> None:
        name = self._node.name
        target = {"apiVersion": "v1", "kind": "Node", "name": name}
        metadata = {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target}
        path = PODS.path(pod.namespace, pod.name, "binding")
        try:
            await self._cluster.transport.request("POST", path, body=json.dumps(binding).encode())
        except (ApiError, OSError) as error:
            self._assumed.discard(pod.uid)
            if isinstance(error, ApiError) and (error.not_found or error.conflict):
                return
            raise
        message = f"Successfully assigned {pod.namespace}/{pod.name} to {name}"
        self.recorder.emit(pod, "Normal", "Scheduled", message)

    async def _hold(self, pod: Unstructured, reason: str) -> bool:
        """Say why a pod waits. False when it has changed meanwhile: its conditions, written whole, are read again first."""
        wanted = Condition("PodScheduled", False, "Unschedulable", reason)
        conditions = set_condition(conditions_of(pod), wanted, self._cluster.clock.now())
        if conditions == list(conditions_of(pod)):
            return True
        try:
            patch = {"metadata": {"resourceVersion": pod.resource_version}, "status": {"conditions": conditions}}
            answer = await self._cluster.client(PODS).patch(pod.namespace, pod.name, patch, subresource="status")
        except ApiError as error:
            if not (error.not_found or error.conflict):
                raise
            return False
        self._pods.put_own(answer)
        self.recorder.emit(pod, "Warning", "FailedScheduling", reason)
        return True

    async def run(self) -> None:
        """Schedule until cancelled."""
        await run_worker(self._queue, self.reconcile, name=DEFAULT_SCHEDULER)
