"""The only place that reads the time.

Everything else is told the time: rules take `now` as a parameter, loops take a Clock, tests take a ManualClock.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Timer(Protocol):
    """A call that was arranged for later."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """The time of day, aware, in UTC. For what is written into objects."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump. For spans."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back on the running event loop when that span has passed."""
        ...


async def sleep(clock: Clock, seconds: float) -> None:
    """Return when that span has passed on the given clock."""
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    over = asyncio.Event()
    timer = clock.call_later(seconds, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(max(0.0, seconds), callback)


class _ManualTimer:
    """One arranged call of a ManualClock."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """A clock that stands until it is told to go on."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime(2026, 1, 1, tzinfo=UTC)
        self._elapsed = 0.0
        self._timers: list[tuple[float, int, _ManualTimer]] = []
        self._count = 0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        self._count += 1
        timer = _ManualTimer(callback)
        heapq.heappush(self._timers, (self._elapsed + max(0.0, seconds), self._count, timer))
        return timer

    @property
    def waiting(self) -> list[float]:
        """Seconds until each arranged call, soonest first: a test advances the clock once the expected call is here."""
        return sorted(due - self._elapsed for due, _, timer in self._timers if timer.callback is not None)

    def advance(self, span: timedelta | float) -> None:
        """Let time pass; each call that becomes due is made at its own moment, in order."""
        seconds = span.total_seconds() if isinstance(span, timedelta) else span
        end = self._elapsed + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self._move_to(due)
            if timer.callback is not None:
                timer.callback()
        self._move_to(end)

    def jump(self, span: timedelta) -> None:
        """Set the time of day, as its owner or a time server does: no time passes, and nothing becomes due."""
        self._now += span

    def _move_to(self, elapsed: float) -> None:
        self._now += timedelta(seconds=elapsed - self._elapsed)
        self._elapsed = elapsed
