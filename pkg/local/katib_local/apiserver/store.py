"""Objects and their history: SQLite keeps and serves them, watchers hear of every change.

Knows nothing of what an object means. One writer: the event loop. What a call has returned survives `kill -9`. In memory
are the objects that were used last and the latest changes, each up to a bound, so that it does not grow with the objects.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from katib_local.apiserver.memory import Document, History, Recent, Row

Json = dict[str, Any]
FORMAT = 2
COMPACT_EVERY = 256
"""Removals after which the room of what is gone is given back to the disk."""
Key = tuple[str, str, str]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS moments (at REAL PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO meta VALUES ('format', 2), ('version', 1);
"""

OF_ALL = "SELECT namespace, name, body FROM objects WHERE resource = ? ORDER BY namespace, name"
OF_NAMESPACE = "SELECT namespace, name, body FROM objects WHERE resource = ? AND namespace = ? ORDER BY name"
WRITTEN_BEFORE = (
    "SELECT resource, namespace, name FROM objects WHERE resource = ?"
    " AND version <= (SELECT version FROM moments WHERE at <= ? ORDER BY at DESC LIMIT 1) LIMIT ?"
)
FORGET_MOMENTS = "DELETE FROM moments WHERE at > ? OR at < (SELECT max(at) FROM moments WHERE at <= ?)"


class StoreError(Exception):
    """The state directory cannot be used; the message names it and the cure."""


@dataclass(frozen=True)
class Change:
    """One change of one object: `old` and `new` are None before it was there and after it has gone."""

    resource: str
    version: int
    old: Document | None
    new: Document | None

    @property
    def type(self) -> str:
        if self.new is None:
            return "DELETED"
        return "ADDED" if self.old is None else "MODIFIED"

    @cached_property
    def last(self) -> Document:
        """What was there before, under the version of the change: how it is told that it has gone."""
        return _under(self.old or Json(), self.version)


class Store:
    """All objects. A resource is a name such as `trials.kubeflow.org`; a key is resource, namespace, name."""

    def __init__(self, folder: Path) -> None:
        self._database = _open(folder)
        self._recent = Recent()
        self._listeners: list[Callable[[Change], None]] = []
        self._dependents: dict[str, set[Key]] = {}
        self._removals = 0
        self.version = 1
        self._load()
        self._history = History(self.version)

    def _load(self) -> None:
        self.version = int(self._database.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()[0])
        for resource, namespace, name, body in self._database.execute(
            "SELECT resource, namespace, name, body FROM objects WHERE instr(body, CAST('ownerReferences' AS BLOB))"
        ):
            self._link((resource, namespace, name), None, Document.read(body))

    def close(self) -> None:
        self._database.close()

    def get(self, resource: str, namespace: str, name: str) -> Document | None:
        """The object as it is stored: not to be changed by the caller."""
        key = (resource, namespace, name)
        found = self._recent.find(key)
        if found is None:
            rows = self._query("SELECT body FROM objects WHERE resource = ? AND namespace = ? AND name = ?", key)
            if not rows:
                return None
            found = Document.read(rows[0][0])
            self._recent.keep(key, found)
        return found

    def all(self, resource: str, namespace: str = "") -> list[Document]:
        """Objects of one namespace, or of all, by namespace and name."""
        return [
            self._recent.find((resource, row.namespace, row.name)) or row.read()
            for row in self.rows(resource, namespace)
        ]

    def rows(self, resource: str, namespace: str = "") -> list[Row]:
        """The same, unread."""
        if namespace:
            return [Row(*found) for found in self._query(OF_NAMESPACE, (resource, namespace))]
        return [Row(*found) for found in self._query(OF_ALL, (resource,))]

    def rows_at(self, resource: str, namespace: str, version: int) -> list[Row] | None:
        """The same as they were at a version; None when what has changed since is not all known any more."""
        if version == self.version:
            return self.rows(resource, namespace)
        changes = self._history.since(resource, version)
        if changes is None:
            return None
        held = {(row.namespace, row.name): row for row in self.rows(resource, namespace)}
        for change in reversed(changes):
            place = (change.namespace, change.name)
            if namespace in ("", change.namespace):
                held.pop(place, None)
                if change.old is not None:
                    held[place] = Row(*place, change.old)
        return [held[place] for place in sorted(held)]

    def _query(self, text: str, values: Sequence[str | float]) -> list[Any]:
        try:
            return self._database.execute(text, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"the objects cannot be read: {error}") from error

    def dependents(self, uid: str) -> list[Key]:
        """Keys of the objects that name this uid as an owner."""
        return sorted(self._dependents.get(uid, ()))

    def resources(self) -> list[str]:
        return [resource for (resource,) in self._query("SELECT DISTINCT resource FROM objects", ())]

    def write(self, key: Key, document: Mapping[str, Any]) -> Document:
        """Store an object under a new resourceVersion and tell everybody; returns it as it is stored."""
        version, old = self.version + 1, self.get(*key)
        stored = _under(document, version)
        with self._transaction(version):
            self._database.execute(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", (*key, version, stored.body)
            )
        self._recent.keep(key, stored)
        self._tell(key, old, stored)
        return stored

    def remove(self, key: Key) -> Document | None:
        """Remove an object under a new resourceVersion and tell everybody; returns its last state."""
        old = self.get(*key)
        if old is None:
            return None
        with self._transaction(self.version + 1):
            self._database.execute("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?", key)
        self._removals += 1
        if self._removals % COMPACT_EVERY == 0:
            self.compact()
        self._recent.forget(key)
        return self._tell(key, old, None).last

    def note(self, at: float, since: float) -> None:
        """Remember what version there is at a moment; forget what a clock that was ahead noted, and all long before `since`."""
        with self._transaction(self.version):
            self._database.execute(FORGET_MOMENTS, (at, since))
            self._database.execute("INSERT OR REPLACE INTO moments VALUES (?, ?)", (at, self.version))

    def written_before(self, resource: str, moment: float, most: int) -> list[Key]:
        """Keys of objects that were last written before a moment, as far as the moments that were noted can tell."""
        return self._query(WRITTEN_BEFORE, (resource, moment, most))

    def compact(self) -> None:
        """Give the room of what is gone back to the disk; a full one has none to do it with, and keeps what it has."""
        with contextlib.suppress(sqlite3.Error):
            self._database.executescript("PRAGMA incremental_vacuum")  # execute would give back one page
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextlib.contextmanager
    def _transaction(self, version: int) -> Iterator[None]:
        try:
            with self._database:
                yield
                self._database.execute("UPDATE meta SET value = ? WHERE name = 'version'", (version,))
        except sqlite3.Error as error:
            raise StoreError(f"the object was not stored: {error}") from error
        self.version = version

    def _link(self, key: Key, old: Json | None, new: Json | None) -> None:
        for document, add in ((old, False), (new, True)):
            for owner in owners_of(document or {}):
                uid = str(owner.get("uid", ""))
                held = self._dependents.setdefault(uid, set())
                (held.add if add else held.discard)(key)
                if not held:
                    del self._dependents[uid]

    def _tell(self, key: Key, old: Document | None, new: Document | None) -> Change:
        change = Change(key[0], self.version, old, new)
        self._link(key, old, new)
        self._history.add(key, self.version, old, new)
        for listener in list(self._listeners):
            listener(change)
        return change

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Hear of every change from now on; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def since(self, resource: str, version: int) -> list[Change] | None:
        """Changes of a resource after a version; None when they are not all known any more."""
        changes = self._history.since(resource, version)
        if changes is None:
            return None
        return [Change(resource, past.version, _read(past.old), _read(past.new)) for past in changes]

    def oldest(self, resource: str) -> int:
        """The first version after which all changes of a resource are known."""
        return self._history.oldest(resource)


def _read(body: bytes | None) -> Document | None:
    return None if body is None else Document.read(body)


def _under(document: Mapping[str, Any], version: int) -> Document:
    """An object under a version. What it is comes first, so that its bytes begin alike in all of a kind."""
    first = {name: document[name] for name in ("apiVersion", "kind") if name in document}
    return Document.of({**first, **document, "metadata": {**document["metadata"], "resourceVersion": str(version)}})


def owners_of(document: Mapping[str, Any]) -> list[Json]:
    """The owner references of an object, as far as they are references: a stored object is never too odd to serve."""
    listed = (document.get("metadata") or {}).get("ownerReferences") or []
    return [owner for owner in listed if isinstance(owner, dict)] if isinstance(listed, list) else []


def _open(folder: Path) -> sqlite3.Connection:
    """The database of a state directory, locked for this process and of this version's format; raises StoreError."""
    file = folder / "objects.sqlite"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)  # SQLite gives the files that it puts beside it the same mode
        database = sqlite3.connect(file, isolation_level="IMMEDIATE", timeout=1.0, check_same_thread=False)
        database.execute("PRAGMA locking_mode=EXCLUSIVE")
        database.execute("PRAGMA auto_vacuum=INCREMENTAL")  # of a new database; an older one is migrated
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.executescript(SCHEMA)
        _migrate(database, folder)
    except StoreError:
        database.close()
        raise
    except (OSError, sqlite3.Error) as error:
        cause = "another process uses it" if "locked" in str(error) else str(error)
        raise StoreError(f"cannot use the state in {folder}: {cause}; choose another --state-dir") from error
    return database


def _migrate(database: sqlite3.Connection, folder: Path) -> None:
    """Bring an older database to this version's format, step by step: a step that is broken off is done again."""
    found = int(database.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()[0])
    if found > FORMAT:
        raise StoreError(
            f"the state in {folder} has format {found}, this version knows {FORMAT}: update Katib, or choose another --state-dir"
        )
    for step in range(found, FORMAT):
        MIGRATIONS[step](database)
        with database:
            database.execute("UPDATE meta SET value = ? WHERE name = 'format'", (step + 1,))


def _give_back_room(database: sqlite3.Connection) -> None:
    """1 to 2: a database is told to give room back when it is made, or written anew."""
    database.execute("PRAGMA journal_mode=DELETE")  # in a write-ahead log the file keeps what it was told first
    database.execute("PRAGMA auto_vacuum=INCREMENTAL")
    database.execute("VACUUM")
    database.execute("PRAGMA journal_mode=WAL")


MIGRATIONS = {1: _give_back_room}
"""What makes the next format of each one."""


class Watcher:
    """Changes of one resource, in order, for one reader."""

    def __init__(self, store: Store, resource: str) -> None:
        self._resource = resource
        self._changes: deque[Change] = deque()
        self._news = asyncio.Event()
        self._stop = store.listen(self._hear)

    def _hear(self, change: Change) -> None:
        if change.resource == self._resource:
            self._changes.append(change)
            self._news.set()

    async def wait(self, seconds: float) -> list[Change]:
        """The changes since the last call; empty when none came within the time."""
        if not self._changes:
            self._news.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), seconds)
        changes = list(self._changes)
        self._changes.clear()
        return changes

    def close(self) -> None:
        self._stop()
