"""One pen per object: own writes of an object go one after the other, and those of growing objects go slowly.

Knows when a write may go and which version it must name; knows nothing of why it is wanted.

* **One in flight.** Each write names the version that the one before returned. This is safe because the chain is only
  our own: the status and the rest of an object each have one writer, and a write to one leaves the other alone. A
  stranger's change breaks the chain, and the write meets a conflict as it should.
* **Paced writes** (an Experiment's or a Suggestion's, which grow with the number of trials): the first goes at once, the
  next not before max(its resource's pause, 4 x the last round trip), and of those that wait the latest wins. What a write
  to them costs the server is the weight of the whole object, so the cost of a trial hardly grows with their number.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from katib_machinery.clock import Clock, Timer
from katib_machinery.objects import KubeObject, ObjectKey, Resource

Part = Literal["object", "status", "finalizers"]

ROUND_TRIPS = 4.0
CHAIN = 64


@dataclass(frozen=True)
class Write:
    """A wanted state of one part of an object, and whom to tell how it went."""

    obj: KubeObject
    part: Part
    # The request itself; it names the given resourceVersion.
    send: Callable[[str], Awaitable[Any]]
    on_answer: Callable[[Any], None]
    # Only for a write that waited: else the caller has the exception.
    on_error: Callable[[Exception], None]


@dataclass
class Pen:
    """The own writes of one object."""

    clock: Clock
    # Seconds from the end of one write to the next paced one, at least.
    pause: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    chain: deque[str] = field(default_factory=lambda: deque(maxlen=CHAIN))
    waiting: dict[Part, Write] = field(default_factory=dict)
    in_flight: Write | None = None
    free_at: float = 0.0
    timer: Timer | None = None
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def wanted(self, part: Part) -> KubeObject | None:
        """The newest own state that the server has not confirmed yet."""
        if (write := self.waiting.get(part)) is not None:
            return write.obj
        return self.sent(part)

    def sent(self, part: Part) -> KubeObject | None:
        """The own state that is on its way to the server."""
        return self.in_flight.obj if self.in_flight is not None and self.in_flight.part == part else None

    async def write(self, write: Write) -> None:
        """Send as soon as the write in flight is back; it takes the place of a waiting one."""
        self.waiting.pop(write.part, None)
        async with self.lock:
            await self._send(write)

    async def write_paced(self, write: Write) -> None:
        """Send now if it is time, else leave it to wait: the caller does not."""
        if self.lock.locked() or self.waiting or self.clock.monotonic() < self.free_at:
            self.waiting[write.part] = write
            self._arm()
            return
        await self.write(write)

    async def _send(self, write: Write) -> None:
        self.in_flight = write
        started = self.clock.monotonic()
        version = write.obj.resource_version
        try:
            answer = await write.send(self.chain[-1] if version in self.chain else version)
        except Exception:
            self.chain.clear()
            raise
        finally:
            self.in_flight = None
            ended = self.clock.monotonic()
            self.free_at = ended + max(self.pause, ROUND_TRIPS * (ended - started))
            self._arm()
        self._prolong(version, answer.resource_version)
        write.on_answer(answer)

    def _prolong(self, version: str, answered: str) -> None:
        if version not in self.chain:
            self.chain.clear()
            self.chain.append(version)
        self.chain.append(answered)

    def _arm(self) -> None:
        if self.waiting and self.timer is None:
            self.timer = self.clock.call_later(self.free_at - self.clock.monotonic(), self._fire)

    def _fire(self) -> None:
        self.timer = None
        if self.waiting:
            task = asyncio.get_running_loop().create_task(self._send_waiting())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _send_waiting(self) -> None:
        async with self.lock:
            if not self.waiting:
                return
            if self.clock.monotonic() < self.free_at:
                # Somebody urgent went first while this one waited for the pen: the span starts anew.
                self._arm()
                return
            write = self.waiting.pop(next(iter(self.waiting)))
            try:
                await self._send(write)
            except Exception as error:
                write.on_error(error)

    def close(self) -> None:
        """Give up what waits: its object is gone, or the program ends."""
        self.waiting.clear()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Pens:
    """The pens of all objects that this process writes."""

    def __init__(self, clock: Clock, pauses: Mapping[Resource, float]) -> None:
        self._clock = clock
        self._pauses = pauses
        self._pens: dict[tuple[Resource, ObjectKey], Pen] = {}

    def of(self, resource: Resource, key: ObjectKey) -> Pen:
        """The one pen of that object."""
        pen = self._pens.get((resource, key))
        if pen is None:
            pen = self._pens[resource, key] = Pen(self._clock, self._pauses.get(resource, 0.0))
        return pen

    def wanted(self, resource: Resource, key: ObjectKey, part: Part) -> KubeObject | None:
        """The newest own state of an object's part that the server has not confirmed yet."""
        pen = self._pens.get((resource, key))
        return pen.wanted(part) if pen is not None else None

    def forget(self, resource: Resource, key: ObjectKey) -> None:
        """The object is gone."""
        pen = self._pens.pop((resource, key), None)
        if pen is not None:
            pen.close()

    async def drain(self) -> None:
        """Send what waits without further waiting: for a clean end of the program."""
        for pen in list(self._pens.values()):
            for write in list(pen.waiting.values()):
                try:
                    await pen.write(write)
                except Exception as error:
                    write.on_error(error)
            await asyncio.gather(*pen.tasks)
