"""Threads for work of which nobody knows whether it ends: an algorithm that hangs holds up itself, and nothing else.

A thread cannot be ended from outside. So each kind of work has so many threads and no more, and none of them keeps the
process alive, as those of asyncio's own executor do.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any, TypeVar

T = TypeVar("T")
Work = Callable[[Callable[[], bool]], T]
"""What is done in a thread. It is given a function that says whether the caller has given up."""
MOST = min(32, (os.cpu_count() or 1) + 4)
"""How many threads one kind of work has: as many as asyncio's own executor."""


class EndingError(Exception):
    """Work has raised what ends a program, such as SystemExit; or a loop, such as CancelledError."""


class StuckError(Exception):
    """All threads of this kind are at work for callers that have given up."""


@dataclass
class _Kind:
    """The threads of one kind of work, each as the event that its caller has given up."""

    running: set[Event] = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self) -> None:
        """Wake whoever waits for a thread."""
        self.changed.set()
        self.changed = asyncio.Event()


class Workers:
    """Does work in threads, each kind of it in at most `most` at once. To be used by one loop."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kinds: dict[Hashable, _Kind] = {}

    async def run(self, name: Hashable, work: Work[T]) -> T:
        """Do work of that kind, as soon as a thread is free.

        Raises what the work raises (EndingError for what is no Exception), and StuckError when no thread gets free unless
        work ends that nobody waits for.
        """
        kind = self._kinds.setdefault(name, _Kind())
        while len(kind.running) >= self._most:
            if all(given_up.is_set() for given_up in kind.running):
                raise StuckError(f"all {self._most} threads are at work for callers that have given up")
            await kind.changed.wait()
        given_up = Event()
        outcome = self._start(kind, work, given_up)
        try:
            result, error = await outcome
        except asyncio.CancelledError:
            given_up.set()
            kind.change()
            raise
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def _start(self, kind: _Kind, work: Work[Any], given_up: Event) -> asyncio.Future[tuple[Any, Exception | None]]:
        """Begin work in a thread of its own; its result or its error is there when it ends."""
        loop = asyncio.get_running_loop()
        outcome = loop.create_future()

        def leave(found: tuple[Any, Exception | None]) -> None:
            kind.running.discard(given_up)
            kind.change()
            if not outcome.done():
                outcome.set_result(found)

        def labour() -> None:
            found = _attempt(work, given_up.is_set)
            if not loop.is_closed():
                loop.call_soon_threadsafe(leave, found)

        Thread(target=labour, name="katib-worker", daemon=True).start()
        kind.running.add(given_up)
        return outcome


def _attempt(work: Work[Any], given_up: Callable[[], bool]) -> tuple[Any, Exception | None]:
    """The result of work, or its error."""
    try:
        return work(given_up), None
    except Exception as error:
        return None, error
    except BaseException as error:
        ending = EndingError(f"{type(error).__name__}: {error}")
        ending.__cause__ = error
        return None, ending
