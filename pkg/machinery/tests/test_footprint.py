"""What a process that runs for weeks takes: rings of objects go, whatever the allocator is."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import weakref
from collections.abc import Awaitable, Callable, Iterator

import pytest

from katib_machinery.clock import ManualClock
from katib_machinery.footprint import TIDY_EVERY, _allocator, tidy


class Ring:
    """Holds itself, as a connection that was cut does."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Nothing is looked for until somebody asks."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
async def test_what_only_a_ring_holds_goes_when_the_process_is_tidied(wait: Callable[..., Awaitable[None]]) -> None:
    clock, ring = ManualClock(), weakref.ref(Ring())
    tidying = asyncio.ensure_future(tidy(clock))
    for _ in range(2):
        await wait(lambda: clock.waiting)
        assert clock.waiting == [TIDY_EVERY]
        assert ring() is not None
        clock.advance(TIDY_EVERY)
        await wait(lambda: clock.waiting)
        assert ring() is None
        ring = weakref.ref(Ring())
    tidying.cancel()


HEAPS = """
import ctypes, threading
from katib_machinery.footprint import share_heap
{first}
meeting, allocator = threading.Barrier(4), ctypes.CDLL(None)
def take():
    meeting.wait()  # all of them live at once
    allocator.malloc(1000)
    meeting.wait()
threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
getattr(allocator, "malloc_stats", print)()
"""


def test_threads_take_from_one_heap() -> None:
    heaps = {
        first: subprocess.run(
            [sys.executable, "-c", HEAPS.format(first=first)], capture_output=True, text=True, check=True
        )
        for first in ("", "share_heap()")
    }
    apart, together = (found.stderr.count("Arena") for found in heaps.values())
    assert together == min(1, apart) and apart != 1  # another allocator tells of none


def test_a_process_with_another_allocator_is_left_as_it_is() -> None:
    assert _allocator("no_function_of_this_name")(0) == 0
