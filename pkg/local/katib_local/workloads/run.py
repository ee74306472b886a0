"""Wires the laptop's controllers: caches, queues, workers, and the scheduler."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from katib_local.workloads import deployment, job
from katib_local.workloads.deployment import REPLICA_SETS
from katib_local.workloads.scheduler import place
from katib_machinery.act import ActContext, act
from katib_machinery.cluster import Cluster
from katib_machinery.events import EventRecorder
from katib_machinery.indexer import by_owner
from katib_machinery.informer import Handler, SharedInformer
from katib_machinery.objects import DEPLOYMENTS, JOBS, NODES, PODS, ObjectKey, Resource, Unstructured
from katib_machinery.plan import Requeue
from katib_machinery.transport import ApiError, Transport
from katib_machinery.worker import run_worker
from katib_machinery.workqueue import WorkQueue

log = logging.getLogger(__name__)
OWNER = "owner"
SCHEDULE = ObjectKey("", "schedule")


class Workloads:
    """All three over one set of caches."""

    def __init__(self, transport: Transport, node_name: str) -> None:
        self.cluster = Cluster(transport)
        self.node_key = ObjectKey("", node_name)
        self.informers = {
            resource: self._informer(resource) for resource in (JOBS, PODS, DEPLOYMENTS, REPLICA_SETS, NODES)
        }
        self.recorders = {
            name: EventRecorder(self.cluster.transport, name)
            for name in ("job-controller", "deployment-controller", "default-scheduler")
        }
        self.queues: dict[str, WorkQueue[ObjectKey]] = {name: WorkQueue() for name in ("job", "deployment", "schedule")}
        self._follow()
        self.jobs = ActContext(self.cluster, JOBS, self.queues["job"], self.recorders["job-controller"])
        self.deployments = ActContext(
            self.cluster, DEPLOYMENTS, self.queues["deployment"], self.recorders["deployment-controller"]
        )
        self._told: dict[str, str] = {}

    def _informer(self, resource: Resource) -> SharedInformer[Unstructured]:
        informer = SharedInformer(
            self.cluster.transport,
            resource,
            Unstructured.from_dict,
            on_bad=lambda error, raw: log.warning("an object of %s is skipped: %s", resource.plural, error),
            indexers={OWNER: by_owner},
        )
        return self.cluster.register(informer)

    def _follow(self) -> None:
        self.informers[JOBS].add_handler(_on_any(lambda obj: self.queues["job"].add(obj.key)))
        self.informers[DEPLOYMENTS].add_handler(_on_any(lambda obj: self.queues["deployment"].add(obj.key)))
        self.informers[REPLICA_SETS].add_handler(_on_any(lambda obj: self._wake(obj, "Deployment", "deployment")))
        self.informers[PODS].add_handler(_on_any(self._pod_changed))
        self.informers[NODES].add_handler(_on_any(lambda obj: self.queues["schedule"].add(SCHEDULE)))

    def _wake(self, obj: Unstructured, kind: str, queue: str) -> None:
        owner = obj.controller_owner
        if owner is not None and owner.kind == kind:
            self.queues[queue].add(ObjectKey(obj.namespace, owner.name))

    def _pod_changed(self, pod: Unstructured) -> None:
        self._wake(pod, "Job", "job")
        owner = pod.controller_owner
        if owner is not None and owner.kind == "ReplicaSet":
            replica_set = self.informers[REPLICA_SETS].indexer.get(ObjectKey(pod.namespace, owner.name))
            if replica_set is not None:
                self._wake(replica_set, "Deployment", "deployment")
        self.queues["schedule"].add(SCHEDULE)

    async def reconcile_job(self, key: ObjectKey) -> Requeue | None:
        found = self.jobs.current(key)
        if found is None:
            return None
        world = job.World(found, self.informers[PODS].indexer.by_index(OWNER, found.uid))
        return await act(self.jobs, found, job.decide(world, self.cluster.clock.now()))

    async def reconcile_deployment(self, key: ObjectKey) -> Requeue | None:
        found = self.deployments.current(key)
        if found is None:
            return None
        replica_sets = self.informers[REPLICA_SETS].indexer.by_index(OWNER, found.uid)
        pods = {held.uid: self.informers[PODS].indexer.by_index(OWNER, held.uid) for held in replica_sets}
        world = deployment.World(found, replica_sets, pods)
        return await act(self.deployments, found, deployment.decide(world, self.cluster.clock.now()))

    async def schedule(self, key: ObjectKey) -> Requeue | None:
        """Bind what fits; say once of each other pod why it waits."""
        node = self.informers[NODES].indexer.get(self.node_key)
        placement = place(node, self.informers[PODS].indexer.list())
        await asyncio.gather(*(self._bind(pod) for pod in placement.fitting))
        for pod, reason in placement.waiting:
            if self._told.get(pod.uid) != reason:
                self._told[pod.uid] = reason
                await self._hold(pod, reason)
        return None

    async def _bind(self, pod: Unstructured) -> None:
        self._told.pop(pod.uid, None)
        target = {"apiVersion": "v1", "kind": "Node", "name": self.node_key.name}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod.name}, "target": target}
        try:
            path = PODS.path(pod.namespace, pod.name, "binding")
            await self.cluster.transport.request("POST", path, body=json.dumps(binding).encode())
        except ApiError as error:
            if not (error.not_found or error.conflict):
                raise
            return
        message = f"Successfully assigned {pod.namespace}/{pod.name} to {self.node_key.name}"
        self.recorders["default-scheduler"].emit(pod, "Normal", "Scheduled", message)

    async def _hold(self, pod: Unstructured, reason: str) -> None:
        status = pod.to_dict().get("status") or {}
        others = [entry for entry in status.get("conditions") or [] if entry.get("type") != "PodScheduled"]
        at = job.render_time(self.cluster.clock.now())
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": reason,
            "lastTransitionTime": at,
        }
        patch: dict[str, Any] = {"status": {"conditions": [*others, condition]}}
        try:
            await self.cluster.client(PODS).patch(pod.namespace, pod.name, patch, subresource="status")
        except ApiError as error:
            if not error.not_found:
                raise
        self.recorders["default-scheduler"].emit(pod, "Warning", "FailedScheduling", reason)

    def _job_failed(self, key: ObjectKey, error: Exception) -> None:
        """A pod that is refused, by a webhook say, is an event on its job; the worker tries again."""
        found = self.jobs.current(key)
        if found is not None and isinstance(error, ApiError):
            self.recorders["job-controller"].emit(found, "Warning", "FailedCreate", f"Error creating: {error.message}")

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.cluster.run())
            for recorder in self.recorders.values():
                tasks.create_task(recorder.run())
            await self.cluster.wait_synced()
            tasks.create_task(run_worker(self.queues["job"], self.reconcile_job, name="job", on_error=self._job_failed))
            tasks.create_task(run_worker(self.queues["deployment"], self.reconcile_deployment, name="deployment"))
            tasks.create_task(run_worker(self.queues["schedule"], self.schedule, name="schedule"))


def _on_any(call: Callable[[Unstructured], None]) -> Handler[Unstructured]:
    return Handler(on_add=call, on_update=lambda old, new: call(new), on_delete=call)


async def run(transport: Transport, node_name: str) -> None:
    """Run the Job and Deployment controllers and the scheduler until cancelled."""
    await Workloads(transport, node_name).run()
