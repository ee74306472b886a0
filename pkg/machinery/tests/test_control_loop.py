"""All parts together: a small controller over HTTP, and what its work costs the server."""

from __future__ import annotations

import asyncio
from typing import Any

from katib_machinery.act import ActContext, Create, Plan, Requeue, UpdateStatus, act
from katib_machinery.cluster import Cluster
from katib_machinery.events import EventRecorder
from katib_machinery.indexer import by_owner
from katib_machinery.informer import Handler, SharedInformer
from katib_machinery.objects import JOBS, ObjectKey, Resource, Unstructured
from katib_machinery.plan import Update
from katib_machinery.worker import run_worker
from katib_machinery.workqueue import WorkQueue

WIDGETS = Resource("example.org", "v1", "widgets", "Widget")
KEY = ObjectKey("ns", "w")
TOTAL, PARALLEL = 40, 5


class WidgetController:
    """Runs TOTAL jobs, PARALLEL at a time, and counts them in the Widget's status."""

    def __init__(self, transport: Any) -> None:
        self.cluster = Cluster(transport, paced={WIDGETS: 0.05})
        self.queue: WorkQueue[ObjectKey] = WorkQueue()
        self.widgets = self._follow(WIDGETS, lambda widget: self.queue.add(widget.key))
        self.jobs = self._follow(JOBS, lambda job: self.queue.add(ObjectKey("ns", job.controller_owner.name)))
        recorder = EventRecorder(self.cluster.transport, "widget-controller")
        self.context = ActContext(self.cluster, WIDGETS, self.queue, recorder)
        self.most_active = 0

    def _follow(self, resource: Resource, look: Any) -> SharedInformer[Unstructured]:
        informer = SharedInformer(
            self.cluster.transport, resource, Unstructured.from_dict, on_bad=print, indexers={"owner": by_owner}
        )
        informer.add_handler(Handler(on_add=look, on_update=lambda old, new: look(new), on_delete=look))
        return self.cluster.register(informer)

    async def reconcile(self, key: ObjectKey) -> Requeue | None:
        widget = self.context.current(key)
        if widget is None:
            return None
        jobs = self.jobs.indexer.by_index("owner", widget.uid)
        done = sum(1 for job in jobs if job.raw.get("status"))
        self.most_active = max(self.most_active, len(jobs) - done)
        missing = min(PARALLEL - (len(jobs) - done), TOTAL - len(jobs))
        creations = [Create(JOBS, self.a_job(widget, len(jobs) + number)) for number in range(missing)]
        status = {"done": done, "made": len(jobs) + missing}
        wanted = UpdateStatus(WIDGETS, Unstructured({**widget.raw, "status": status}), urgent=done == TOTAL)
        return await act(self.context, widget, Plan((*creations, wanted)))

    async def ask_for_more(self, number: int) -> None:
        """The other writer of the same object, in the same process."""
        widget = self.cluster.cached(WIDGETS, KEY)
        changed = Unstructured({**widget.raw, "spec": {"requests": number}})
        await act(self.context, widget, Plan((Update(WIDGETS, changed),)))

    @staticmethod
    def a_job(widget: Any, number: int) -> Unstructured:
        owner = {"apiVersion": "example.org/v1", "kind": "Widget", "name": "w", "uid": widget.uid, "controller": True}
        return Unstructured({"metadata": {"name": f"j{number:03}", "namespace": "ns", "ownerReferences": [owner]}})


async def finish_jobs(store: Any) -> None:
    """The world outside: each job is finished soon after it was made."""
    while True:
        for path, obj in list(store.objects.items()):
            if obj["kind"] == "Job" and not obj.get("status"):
                store.change(path, status={"done": True})
        await asyncio.sleep(0)


async def test_a_controller_makes_each_object_once_without_a_conflict_and_with_few_writes(
    store: Any, store_transport: Any, tasks: list[Any], wait: Any
) -> None:
    controller = WidgetController(store_transport)
    tasks += [asyncio.ensure_future(controller.cluster.run()), asyncio.ensure_future(finish_jobs(store))]
    await controller.cluster.wait_synced()
    tasks.append(asyncio.ensure_future(run_worker(controller.queue, controller.reconcile, name="widget")))
    await controller.cluster.client(WIDGETS).create(Unstructured({"metadata": {"name": "w", "namespace": "ns"}}))
    for number in range(TOTAL // 4):
        await wait(lambda number=number: len(controller.jobs.indexer) > number)
        await controller.ask_for_more(number)
    path = WIDGETS.path("ns", "w")
    await wait(lambda: (store.objects[path].get("status") or {}).get("done") == TOTAL, seconds=30)
    pen = controller.cluster.pens.of(WIDGETS, KEY)
    await wait(lambda: controller.queue.idle and not pen.waiting and not pen.tasks)
    assert store.objects[path]["spec"] == {"requests": TOTAL // 4 - 1}
    counted = controller.cluster.counters.to_dict()
    assert counted["conflicts"] == 0 and counted["requests"]["POST jobs"] == TOTAL
    assert len([obj for obj in store.objects.values() if obj["kind"] == "Job"]) == TOTAL
    assert controller.most_active <= PARALLEL
    # Reads come from caches: after the two lists nothing was read from the server.
    assert counted["requests"]["GET jobs"] == counted["requests"]["GET widgets"] == 1
    assert counted["requests"]["PUT widgets/status"] < TOTAL
