"""What the store has in memory beside the disk: objects that were used last, and the latest changes. Both are bounded.

Knows no disk. Bytes are counted as an object has them on the disk; read, it takes some times that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson

Key = tuple[str, str, str]
RECENT_BYTES = 2**20
HISTORY_BYTES = 8 * 2**20
"""Of the changes of all resources: those of the one that has most go first, so that it leaves the others their past."""
CHANGE_BYTES = 400
"""What a change takes beside the objects' bytes."""


class Document(dict[str, Any]):
    """An object as it is stored, with the bytes that it is stored as: not to be changed."""

    __slots__ = ("body",)
    body: bytes

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Document:
        document = cls(content)
        # What orjson returns keeps the room that it was written in, some times its length: not what to hold on to.
        document.body = bytes(memoryview(orjson.dumps(content)))
        return document

    @classmethod
    def read(cls, body: bytes) -> Document:
        document = cls(orjson.loads(body))
        document.body = body
        return document


@dataclass(frozen=True, slots=True)
class Row:
    """An object as it stands on the disk."""

    namespace: str
    name: str
    body: bytes

    def read(self) -> Document:
        return Document.read(self.body)


class Recent:
    """The objects that were used last, read."""

    def __init__(self) -> None:
        self._held: OrderedDict[Key, Document] = OrderedDict()
        self._bytes = 0

    def find(self, key: Key) -> Document | None:
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        return found

    def keep(self, key: Key, document: Document) -> None:
        self.forget(key)
        self._held[key] = document
        self._bytes += len(document.body)
        while self._bytes > RECENT_BYTES:
            _, gone = self._held.popitem(last=False)
            self._bytes -= len(gone.body)

    def forget(self, key: Key) -> None:
        gone = self._held.pop(key, None)
        if gone is not None:
            self._bytes -= len(gone.body)


@dataclass(frozen=True, slots=True)
class Past:
    """One change that has been: the object's bytes before and after it, None where it was not there."""

    version: int
    namespace: str
    name: str
    old: bytes | None
    new: bytes | None


class _Changes:
    """The latest changes of one resource, by version, and what they take: bytes that several have in common once."""

    def __init__(self, oldest: int) -> None:
        self.held: deque[Past] = deque()
        self.oldest = oldest
        self.bytes = 0
        self._uses: dict[int, int] = {}

    def add(self, past: Past) -> None:
        self.held.append(past)
        self.bytes += CHANGE_BYTES
        for body in _bodies(past):
            uses = self._uses.get(id(body), 0)
            self._uses[id(body)] = uses + 1
            self.bytes += 0 if uses else len(body)

    def drop(self) -> None:
        """Forget the oldest one."""
        past = self.held.popleft()
        self.oldest = past.version
        self.bytes -= CHANGE_BYTES
        for body in _bodies(past):
            uses = self._uses.pop(id(body)) - 1
            if uses:
                self._uses[id(body)] = uses
            else:
                self.bytes -= len(body)


def _bodies(past: Past) -> Iterator[bytes]:
    return (body for body in (past.old, past.new) if body is not None)


class History:
    """The latest changes of every resource, since a version from which on nothing was missed."""

    def __init__(self, version: int) -> None:
        self._version = version
        self._resources: dict[str, _Changes] = {}
        self._bytes = 0

    def add(self, key: Key, version: int, old: Document | None, new: Document | None) -> None:
        resource, namespace, name = key
        changes = self._resources.setdefault(resource, _Changes(self._version))
        before = changes.bytes
        changes.add(Past(version, namespace, name, old.body if old else None, new.body if new else None))
        self._bytes += changes.bytes - before
        while self._bytes > HISTORY_BYTES:
            fullest = max(self._resources.values(), key=attrgetter("bytes"))
            before = fullest.bytes
            fullest.drop()
            self._bytes += fullest.bytes - before

    def oldest(self, resource: str) -> int:
        changes = self._resources.get(resource)
        return changes.oldest if changes else self._version

    def since(self, resource: str, version: int) -> list[Past] | None:
        """Changes after a version; None when they are not all known any more."""
        if version < self.oldest(resource):
            return None
        held = list(self._resources[resource].held) if resource in self._resources else []
        return held[bisect_right(held, version, key=attrgetter("version")) :]
