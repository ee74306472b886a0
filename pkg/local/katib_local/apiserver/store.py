"""Objects and their history: SQLite keeps them, memory serves them, watchers hear of every change.

Knows nothing of what an object means. One writer: the event loop. What a call has returned survives `kill -9`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

Json = dict[str, Any]
FORMAT = 2
HISTORY = 20_000
COMPACT_EVERY = 256
"""Removals after which the room of what is gone is given back to the disk."""
Key = tuple[str, str, str]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO meta VALUES ('format', 2), ('version', 1);
"""


class StoreError(Exception):
    """The state directory cannot be used; the message names it and the cure."""


@dataclass(frozen=True)
class Change:
    """One change of one object: `old` and `new` are None before it was there and after it has gone."""

    resource: str
    version: int
    old: Json | None
    new: Json | None

    @property
    def type(self) -> str:
        if self.new is None:
            return "DELETED"
        return "ADDED" if self.old is None else "MODIFIED"


class Store:
    """All objects. A resource is a name such as `trials.kubeflow.org`; a key is resource, namespace, name."""

    def __init__(self, folder: Path) -> None:
        self._database = _open(folder)
        self._objects: dict[str, dict[tuple[str, str], Json]] = {}
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._listeners: list[Callable[[Change], None]] = []
        self._dependents: dict[str, set[Key]] = {}
        self._removals = 0
        self.version = 1
        self._load()
        self.oldest = self.version

    def _load(self) -> None:
        self.version = int(self._database.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()[0])
        for resource, namespace, name, body in self._database.execute(
            "SELECT resource, namespace, name, body FROM objects"
        ):
            document = orjson.loads(body)
            self._objects.setdefault(resource, {})[(namespace, name)] = document
            self._link((resource, namespace, name), None, document)

    def close(self) -> None:
        self._database.close()

    def get(self, resource: str, namespace: str, name: str) -> Json | None:
        """The object as it is stored: not to be changed by the caller."""
        return self._objects.get(resource, {}).get((namespace, name))

    def all(self, resource: str, namespace: str = "") -> list[Json]:
        """Objects of one namespace, or of all, by namespace and name."""
        return _sorted(self._objects.get(resource, {}), namespace)

    def at(self, resource: str, namespace: str, version: int) -> list[Json] | None:
        """The same as they were at a version; None when what has changed since is not all known any more."""
        if version == self.version:
            return self.all(resource, namespace)
        changes = self.since(resource, version)
        if changes is None:
            return None
        held = dict(self._objects.get(resource, {}))
        for change in reversed(changes):
            if change.old is None:
                held.pop(_key_of(change.new or {}))
            else:
                held[_key_of(change.old)] = change.old
        return _sorted(held, namespace)

    def dependents(self, uid: str) -> list[Key]:
        """Keys of the objects that name this uid as an owner."""
        return sorted(self._dependents.get(uid, ()))

    def resources(self) -> list[str]:
        return [resource for resource, held in self._objects.items() if held]

    def write(self, key: Key, document: Json) -> Json:
        """Store an object under a new resourceVersion and tell everybody; returns it as it is stored."""
        resource, namespace, name = key
        version = self.version + 1
        stored = {**document, "metadata": {**document["metadata"], "resourceVersion": str(version)}}
        with self._transaction(version):
            self._database.execute(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)",
                (resource, namespace, name, version, orjson.dumps(stored)),
            )
        held = self._objects.setdefault(resource, {})
        old = held.get((namespace, name))
        held[(namespace, name)] = stored
        self._link(key, old, stored)
        self._tell(Change(resource, version, old, stored))
        return stored

    def remove(self, key: Key) -> Json | None:
        """Remove an object under a new resourceVersion and tell everybody; returns its last state."""
        resource, namespace, name = key
        old = self.get(resource, namespace, name)
        if old is None:
            return None
        version = self.version + 1
        with self._transaction(version):
            self._database.execute("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?", key)
        self._removals += 1
        if self._removals % COMPACT_EVERY == 0:
            self.compact()
        del self._objects[resource][(namespace, name)]
        self._link(key, old, None)
        self._tell(Change(resource, version, old, None))
        return {**old, "metadata": {**old["metadata"], "resourceVersion": str(version)}}

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

    def _tell(self, change: Change) -> None:
        if len(self._history) == HISTORY:
            self.oldest = self._history[0].version
        self._history.append(change)
        for listener in list(self._listeners):
            listener(change)

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Hear of every change from now on; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def since(self, resource: str, version: int) -> list[Change] | None:
        """Changes of a resource after a version; None when they are not all known any more."""
        if version < self.oldest:
            return None
        return [change for change in self._history if change.version > version and change.resource == resource]


def _sorted(held: Mapping[tuple[str, str], Json], namespace: str) -> list[Json]:
    keys = sorted(key for key in held if not namespace or key[0] == namespace)
    return [held[key] for key in keys]


def _key_of(document: Json) -> tuple[str, str]:
    return document["metadata"].get("namespace", ""), document["metadata"]["name"]


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
