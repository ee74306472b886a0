"""A rate-limited queue of keys.

A key is never handled by two workers at once and never queued twice: while it is handled, any number of additions make
one more turn. Knows a clock; knows nothing of what a key stands for.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from katib_machinery.clock import Clock, SystemClock, Timer

K = TypeVar("K", bound=Hashable)

FIRST_DELAY = 0.005
LAST_DELAY = 1000.0


class WorkQueue(Generic[K]):
    """Keys that want a turn, in the order in which they came."""

    def __init__(
        self, clock: Clock | None = None, *, first_delay: float = FIRST_DELAY, last_delay: float = LAST_DELAY
    ) -> None:
        self._clock = clock or SystemClock()
        self._first, self._last = first_delay, last_delay
        self._queue: deque[K] = deque()
        self._dirty: set[K] = set()
        self._processing: set[K] = set()
        self._failures: dict[K, int] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0
        self._timer: Timer | None = None
        self._shut_down = False

    def __len__(self) -> int:
        """How many keys wait for a worker now."""
        return len(self._queue)

    @property
    def idle(self) -> bool:
        """Whether no key waits, is being handled, or is arranged for later."""
        return not (self._queue or self._processing or self._due)

    def add(self, key: K) -> None:
        """Give the key a turn, soon."""
        if self._shut_down or key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._processing:
            self._queue.append(key)
            self._wake()

    def add_after(self, key: K, seconds: float) -> None:
        """Give the key a turn when that span has passed; an earlier arrangement stands."""
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock.monotonic() + seconds
        if self._shut_down or self._due.get(key, float("inf")) <= due:
            return
        self._due[key] = due
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, key))
        self._arm()

    def add_rate_limited(self, key: K) -> None:
        """Give the key a turn after a span that doubles with each call, until `forget`."""
        self.add_after(key, self.next_delay(key))

    def next_delay(self, key: K) -> float:
        """Count one more failure; the seconds to wait for it."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        return float(min(self._first * 2.0 ** min(failures, 60), self._last))

    def failures(self, key: K) -> int:
        """How often the key failed since it last went well."""
        return self._failures.get(key, 0)

    def forget(self, key: K) -> None:
        """The key went well: its next failure starts at the shortest delay."""
        self._failures.pop(key, None)

    async def get(self) -> K | None:
        """The next key, now being handled until `done`; None when the queue is shut down and empty."""
        while not self._queue:
            if self._shut_down:
                return None
            await self._wait()
        key = self._queue.popleft()
        self._processing.add(key)
        self._dirty.discard(key)
        return key

    def done(self, key: K) -> None:
        """The key is no longer handled; if it was added meanwhile it gets its next turn."""
        self._processing.discard(key)
        if key in self._dirty:
            self._queue.append(key)
            self._wake()

    def shut_down(self) -> None:
        """Take no more keys; what is queued is still handed out, what was arranged for later is dropped."""
        self._shut_down = True
        self._due.clear()
        self._heap.clear()
        self._arm()
        while self._waiters:
            self._wake()

    async def _wait(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            # The wake-up was meant for whoever waits, not for the one who just gave up.
            if waiter.done() and not waiter.cancelled():
                self._wake()
            raise

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            self._timer = self._clock.call_later(self._heap[0][0] - self._clock.monotonic(), self._fire)

    def _fire(self) -> None:
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                self.add(key)
        self._arm()
