"""Questions to slow services, asked beside the work queue.

A question runs as a task of its own, at most one per key; its reply waits here until the key's worker takes it, so that
the object still has one writer. A reply is kept until the server has stored what it led to: it is never asked for twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from katib_machinery.clock import Clock
from katib_machinery.objects import KubeObject, ObjectKey
from katib_machinery.plan import Ask, Plan, Record
from katib_machinery.workqueue import WorkQueue

log = logging.getLogger(__name__)

Answerer = Callable[[Any], Awaitable[Any]]

FIRST_DELAY, LAST_DELAY = 0.5, 60.0


@dataclass(frozen=True)
class Reply:
    """What a service answered, about the object with that uid."""

    uid: str
    record: Record
    value: Any


class Questions:
    """The questions of one controller. `answer` asks the service; an exception of it is logged and asked again later."""

    def __init__(self, queue: WorkQueue[ObjectKey], clock: Clock, answer: Answerer | None) -> None:
        self._queue = queue
        self._clock = clock
        self._answer = answer
        self._running: dict[ObjectKey, asyncio.Task[None]] = {}
        self._replies: dict[ObjectKey, Reply] = {}
        self._failures: dict[ObjectKey, tuple[int, float]] = {}

    def pending(self, key: ObjectKey) -> bool:
        """Whether a question about that object is being asked, or its reply is not stored yet."""
        return key in self._running or key in self._replies

    def start(self, owner: KubeObject, ask: Ask) -> None:
        """Ask, unless a question about this owner is pending, or failed a moment ago."""
        if self._answer is None:
            raise ValueError("this controller has nobody to ask")
        key = owner.key
        if self.pending(key):
            return
        _, not_before = self._failures.get(key, (0, 0.0))
        if (wait := not_before - self._clock.monotonic()) > 0:
            self._queue.add_after(key, wait)
            return
        task = asyncio.get_running_loop().create_task(self._run(self._answer, owner, ask), name=f"question {key}")
        self._running[key] = task

    def recorded(self, owner: KubeObject) -> Plan | None:
        """The plan that the waiting reply leads to, or None. It goes to `act` instead of a decision's."""
        reply = self._replies.get(owner.key)
        if reply is None:
            return None
        if reply.uid != owner.uid:
            del self._replies[owner.key]
            return None
        plan = reply.record(owner, reply.value, self._clock.now())
        return replace(plan, reply_of=owner.key)

    def settle(self, key: ObjectKey) -> None:
        """What the reply led to is stored: the key may decide again."""
        self._replies.pop(key, None)
        self._queue.add(key)

    def drop(self, key: ObjectKey) -> None:
        """The object is gone: so is every question about it."""
        self._replies.pop(key, None)
        self._failures.pop(key, None)
        task = self._running.pop(key, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Break off all questions: for the end of the program."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, answer: Answerer, owner: KubeObject, ask: Ask) -> None:
        key = owner.key
        try:
            value = await answer(ask.question)
        except Exception:
            delay = self._fail(key)
            log.exception("a question about %s failed, next try in %.3g s", key, delay, extra={"key": str(key)})
            self._queue.add_after(key, delay)
        else:
            self._failures.pop(key, None)
            self._replies[key] = Reply(owner.uid, ask.record, value)
            self._queue.add(key)
        finally:
            if self._running.get(key) is asyncio.current_task():
                del self._running[key]

    def _fail(self, key: ObjectKey) -> float:
        failures, _ = self._failures.get(key, (0, 0.0))
        delay = min(FIRST_DELAY * 2.0**failures, LAST_DELAY)
        self._failures[key] = (min(failures + 1, 30), self._clock.monotonic() + delay)
        return delay
