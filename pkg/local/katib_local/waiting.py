"""What is waited for at once: work, what makes it pointless, and the signals that stop it.

Knows tasks and signals. Must not know what the work is.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def first_of(*waits: Coroutine[Any, Any, Exception]) -> Exception:
    """What the first of them says; the others are given up."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def unless(alarm: Coroutine[Any, Any, Exception], work: Coroutine[Any, Any, T]) -> T:
    """Do the work; raises what the alarm says as soon as it says something."""
    task, warning = asyncio.ensure_future(work), asyncio.ensure_future(alarm)
    try:
        await asyncio.wait({task, warning}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise warning.result()
        return task.result()
    finally:
        for waiting in (task, warning):
            waiting.cancel()
        await asyncio.gather(task, warning, return_exceptions=True)


async def until_stopped(work: Coroutine[Any, Any, T]) -> T:
    """Do the work; Ctrl-C or SIGTERM end it, and CancelledError is raised once it has cleaned up.

    Further signals do not disturb that: whoever cleans up waits for nothing without a limit.
    """
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _cancel_once, task)
    return await task


def _cancel_once(task: asyncio.Task[Any]) -> None:
    if not task.cancelling():
        task.cancel()
