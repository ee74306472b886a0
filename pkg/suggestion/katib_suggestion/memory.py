"""What the service keeps between calls: an accelerator that never changes an answer (U-01).

Everything is found by its content: the same question has the same key, in whatever Experiment or call it comes up. What
was not used for longest goes first, so that any number of Experiments share one process.
"""

from __future__ import annotations

import hashlib
import marshal
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import cached_property
from gc import get_referents
from threading import Lock
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, TypeVar

T = TypeVar("T")
LIMIT = 160 * 2**20
"""Bytes that are kept, all Experiments together."""
ABIDING = (type, ModuleType, FunctionType, BuiltinFunctionType)
"""Kinds of things that are there anyway, and so cost nothing."""


def digest(*parts: Any) -> bytes:
    """A hash of plain content: numbers, texts, bytes, None, and tuples of them."""
    return hashlib.blake2b(marshal.dumps(parts, 2), digest_size=16).digest()


class Memory:
    """Values by content, up to a number of bytes; safe for threads. A value is never changed after it was made."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lock = Lock()
        self._kept: OrderedDict[bytes, tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return self._bytes

    def get(self, key: bytes, make: Callable[[], T]) -> T:
        """The value of a key; made when it is not there. Two who ask at once may both make it."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                found: T = self._kept[key][0]
                return found
        value = make()
        self._keep(key, value, weigh(value))
        return value

    def renew(self, key: bytes, make: Callable[[T | None], T], weight: Callable[[T], int]) -> T:
        """A new value in place of the one that is kept, which it may be made from."""
        with self._lock:
            kept: T | None = self._kept.get(key, (None, 0))[0]
        value = make(kept)
        self._keep(key, value, weight(value))
        return value

    def _keep(self, key: bytes, value: object, size: int) -> None:
        with self._lock:
            self._bytes += size - self._kept.pop(key, (None, 0))[1]
            self._kept[key] = (value, size)
            while self._bytes > self._limit:
                self._bytes -= self._kept.popitem(last=False)[1][1]


def weigh(value: object) -> int:
    """How many bytes a value and all that it refers to take."""
    seen: set[int] = set()
    total = 0
    found: Iterable[object] = [value]
    while found:
        fresh = []
        for entry in found:
            if id(entry) not in seen and not isinstance(entry, ABIDING):
                seen.add(id(entry))
                total += sys.getsizeof(entry)
                fresh.append(entry)
        found = get_referents(*fresh)
    return total


class Recall:
    """The part of a memory that belongs to one request. `content` is asked for at most once, and only when needed."""

    def __init__(self, memory: Memory, content: Callable[[], bytes]) -> None:
        self._memory = memory
        self._content = content

    @cached_property
    def _prefix(self) -> bytes:
        return self._content()

    def within(self, name: str) -> Recall:
        """A part of it that shares no names with the rest."""
        return Recall(self._memory, lambda: digest(self._prefix, name))

    def by_content(self, content: bytes, make: Callable[[], T]) -> T:
        """The value of a hash of all that it follows from, whatever the rest of the history."""
        return self._memory.get(content, make)

    def __call__(self, name: str, make: Callable[[], T]) -> T:
        return self._memory.get(digest(name, self._prefix), make)
