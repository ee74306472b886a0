"""Lets pods go that are held for a Job which is not there any more: nobody else would, and they could never be removed.

Knows caches and plans. What a Job does with its own pods is decided in `job`.
"""

from __future__ import annotations

from katib_local.workloads.reconciler import OWNER, informer_of, on_any
from katib_local.workloads.tracking import is_tracked, let_go
from katib_machinery.act import ActContext, act
from katib_machinery.cluster import Cluster
from katib_machinery.events import EventRecorder
from katib_machinery.informer import Handler
from katib_machinery.objects import JOBS, PODS, ObjectKey, Unstructured
from katib_machinery.plan import Plan, Requeue
from katib_machinery.worker import run_worker
from katib_machinery.workqueue import WorkQueue


class Orphans:
    """The pods that have lost their Job."""

    def __init__(self, cluster: Cluster, recorder: EventRecorder) -> None:
        self._jobs, self._pods = informer_of(cluster, JOBS), informer_of(cluster, PODS)
        self._queue: WorkQueue[ObjectKey] = WorkQueue(cluster.clock)
        self._context = ActContext(cluster, PODS, self._queue, recorder)
        self._pods.add_handler(on_any(self._look))
        self._jobs.add_handler(Handler(on_delete=self._leave))

    def _look(self, pod: Unstructured) -> None:
        if self.is_orphan(pod):
            self._queue.add(pod.key)

    def _leave(self, job: Unstructured) -> None:
        for pod in self._pods.indexer.by_index(OWNER, job.uid):
            self._look(pod)

    def is_orphan(self, pod: Unstructured) -> bool:
        """Whether a pod is held and no Job is there that would count it; who controls it else may have its own reasons."""
        owner = pod.controller_owner
        if not is_tracked(pod) or owner is None:
            return is_tracked(pod)
        if (owner.api_version, owner.kind) != (JOBS.api_version, JOBS.kind):
            return False
        job = self._jobs.indexer.get(ObjectKey(pod.namespace, owner.name))
        return job is None or job.uid != owner.uid

    async def reconcile(self, key: ObjectKey) -> Requeue | None:
        """Let one pod go, if its Job is still not there."""
        pod = self._pods.indexer.get(key)
        if pod is None or not self.is_orphan(pod):
            return None
        return await act(self._context, pod, Plan((let_go(pod),)))

    async def run(self) -> None:
        """Look after orphans until cancelled."""
        await run_worker(self._queue, self.reconcile, name="orphaned-pods")
