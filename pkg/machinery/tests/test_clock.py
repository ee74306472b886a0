"""Clocks that tests can move."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from katib_machinery.clock import ManualClock, SystemClock, sleep


def test_the_system_clock_tells_aware_utc_times() -> None:
    assert SystemClock().now().tzinfo is UTC
    assert SystemClock().monotonic() <= SystemClock().monotonic()


async def test_the_system_clock_calls_back() -> None:
    called = asyncio.Event()
    SystemClock().call_later(0, called.set)
    await asyncio.wait_for(called.wait(), 5)
    await sleep(SystemClock(), 0.001)


def test_a_manual_clock_makes_each_call_at_its_own_moment() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    calls: list[tuple[str, float]] = []
    clock.call_later(2, lambda: calls.append(("second", clock.monotonic())))
    clock.call_later(
        1,
        lambda: (
            calls.append(("first", clock.monotonic())),
            clock.call_later(0.5, lambda: calls.append(("nested", clock.monotonic()))),
        )[0],
    )
    clock.call_later(1, lambda: calls.append(("never", 0))).cancel()
    clock.advance(0.5)
    assert calls == [] and clock.waiting == [0.5, 1.5]
    clock.advance(timedelta(seconds=2))
    assert calls == [("first", 1), ("nested", 1.5), ("second", 2)]
    assert clock.now() == datetime(2026, 1, 1, 0, 0, 2, 500000, tzinfo=UTC)


async def test_sleeping_on_a_manual_clock_ends_when_the_clock_is_moved() -> None:
    clock = ManualClock()
    sleeper = asyncio.ensure_future(sleep(clock, 60))
    await asyncio.sleep(0)
    assert clock.waiting == [60] and not sleeper.done()
    clock.advance(60)
    await sleeper
    await sleep(clock, 0)


@pytest.mark.parametrize("span", [timedelta(hours=1), timedelta(hours=-1)], ids=["on", "back"])
def test_a_manual_clock_that_is_set_makes_nothing_due(span: timedelta) -> None:
    clock = ManualClock()
    before = clock.now()
    clock.call_later(60, lambda: None)
    clock.jump(span)
    assert (clock.now() - before, clock.monotonic(), clock.waiting) == (span, 0, [60])
