"""The part of reconciling that is the same for all three controllers: carry a plan out, tell of what went wrong."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

from katib_apis.v1beta1 import names
from katib_controller.troubles import Troubles
from katib_controller.watching import Watch, follow
from katib_machinery.act import ActContext, act
from katib_machinery.objects import ObjectKey
from katib_machinery.plan import Plan, Requeue
from katib_machinery.worker import run_worker


class Reconciler(ABC):
    """One controller: a queue of keys, the watches that fill it, and the troubles of its keys."""

    name: ClassVar[str]
    error_text: ClassVar[str] = "Failed to reconcile: {}"

    def __init__(self, context: ActContext, *, workers: int) -> None:
        self.context = context
        self.cluster = context.cluster
        self.clock = context.cluster.clock
        self.queue = context.queue
        self.workers = workers
        self.troubles = Troubles(context.queue)

    @property
    @abstractmethod
    def watches(self) -> Iterable[Watch]:
        """What makes a key look again."""

    @abstractmethod
    async def plan(self, owner: Any) -> Plan | None:
        """Observe and decide; None when there is nothing to decide about."""

    async def reconcile(self, key: ObjectKey) -> Requeue | None:
        """Bring one object one step further."""
        owner = self.context.current(key)
        if owner is None:
            self.troubles.settle(key)
            return None
        # A service's reply that waits to be stored comes first: it must not be asked for twice.
        plan = self.context.questions.recorded(owner) or await self.plan(owner)
        if plan is None:
            return None
        requeue = await act(self.context, owner, plan)
        if self.troubles.settle(key):
            self.queue.add(key)
        return requeue

    def report(self, key: ObjectKey, error: Exception) -> None:
        """Tell the user of an error; the worker has logged it and tries again."""
        self.troubles.note(key, error)
        owner = self.context.current(key)
        if owner is not None:
            text = self.error_text.format(error)
            self.context.recorder.emit(owner, "Warning", names.EVENT_RECONCILE_ERROR, text)

    def follow(self) -> None:
        """Start to fill the queue."""
        for watch in self.watches:
            follow(self.cluster, watch, self.queue)

    async def run(self) -> None:
        """Reconcile until the queue is shut down."""
        await run_worker(self.queue, self.reconcile, name=self.name, limit=self.workers, on_error=self.report)
