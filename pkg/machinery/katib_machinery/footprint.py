"""How much memory a process takes that runs for weeks, beside what it works with.

Knows the interpreter, and glibc's allocator where that is the one. Changes the whole process, so that only a `__main__`
may ask for it.
"""

from __future__ import annotations

import ctypes
import gc
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from typing import Any

from katib_machinery.clock import Clock, sleep

CONNECTION_BYTES = 2**16
"""What a TLS connection is read into, for as long as it is open; asyncio's own 256 KiB are some times all that comes."""
MAPPED_BYTES = 2**18
TIDY_EVERY = 30.0
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""glibc's names of options, and their numbers in its malloc.h."""


def limit_footprint() -> None:
    """Set up a process that holds many objects and connections for long; it says so once, before it begins."""
    # Caches hold many long-lived objects; the default makes every list of Trials several times as slow.
    gc.set_threshold(100_000, 50, 100)
    SSLProtocol.max_size = CONNECTION_BYTES
    # Left alone, glibc maps only what is larger than the largest that was ever freed, and keeps the gaps of the rest.
    for option in (MMAP_THRESHOLD, TRIM_THRESHOLD):
        _allocator("mallopt")(option, MAPPED_BYTES)


def share_heap() -> None:
    """Let all threads take memory from one heap; a process says so once, before it starts one.

    glibc gives each thread a heap of its own, and what one has left free, another does not use: a process that does large
    work in whichever thread is idle holds the gaps of all of them.
    """
    _allocator("mallopt")(ARENA_MAX, 1)


async def tidy(clock: Clock) -> None:
    """Give the system what is free, again and again until cancelled. For a process that holds no more the longer it runs:
    the looking takes as long as what is held is large.
    """
    while True:
        await sleep(clock, TIDY_EVERY)
        gc.collect()  # a ring of objects, such as a connection that was cut, stays until somebody looks for it
        _allocator("malloc_trim")(0)


def _allocator(function: str) -> Callable[..., Any]:
    """One of glibc's functions; with another allocator one that does nothing."""
    return getattr(ctypes.CDLL(None), function, lambda *_: 0)
