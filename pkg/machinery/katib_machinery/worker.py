"""Workers of a queue: many keys at once, each key by one task at a time.

This is the one place that logs a failed reconcile: once, with its key.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from katib_machinery.objects import ObjectKey
from katib_machinery.plan import Requeue
from katib_machinery.transport import ApiError, UnreachableError
from katib_machinery.workqueue import WorkQueue

__all__ = ["ErrorReport", "Reconcile", "Requeue", "run_worker"]

log = logging.getLogger(__name__)

FORESEEN = (ApiError, UnreachableError)

Reconcile = Callable[[ObjectKey], Awaitable[Requeue | None]]
ErrorReport = Callable[[ObjectKey, Exception], None]


async def run_worker(
    queue: WorkQueue[ObjectKey],
    reconcile: Reconcile,
    *,
    name: str,
    limit: int = 32,
    on_error: ErrorReport | None = None,
) -> None:
    """Reconcile keys, at most `limit` at once, until the queue is shut down and the last one is done."""
    free = asyncio.Semaphore(limit)
    async with asyncio.TaskGroup() as tasks:
        while True:
            await free.acquire()
            key = await queue.get()
            if key is None:
                return
            task = tasks.create_task(_turn(queue, reconcile, key, name, on_error))
            task.add_done_callback(lambda _: free.release())


async def _turn(
    queue: WorkQueue[ObjectKey], reconcile: Reconcile, key: ObjectKey, name: str, on_error: ErrorReport | None
) -> None:
    try:
        requeue = await reconcile(key)
    except Exception as error:
        delay = queue.next_delay(key)
        words = "%s: %s failed, next try in %.3g s: %s"
        # A refusal says all there is to say of it; of another mistake one wants to know the place.
        place = None if isinstance(error, FORESEEN) else error
        log.error(words, name, key, delay, error, extra={"key": str(key)}, exc_info=place)
        queue.add_after(key, delay)
        _tell(on_error, key, error)
    else:
        _arrange(queue, key, requeue)
    finally:
        queue.done(key)


def _tell(on_error: ErrorReport | None, key: ObjectKey, error: Exception) -> None:
    if on_error is None:
        return
    try:
        on_error(key, error)
    except Exception:
        # A report that fails must not end the work of all other keys.
        log.exception("the error of %s could not be reported", key)


def _arrange(queue: WorkQueue[ObjectKey], key: ObjectKey, requeue: Requeue | None) -> None:
    if requeue is not None and not requeue.after:
        queue.add_rate_limited(key)
        return
    queue.forget(key)
    if requeue is not None:
        queue.add_after(key, requeue.after.total_seconds())
