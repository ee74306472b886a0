"""Objects on disk: what gives room back, what an older version has left, and what a newer one has."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from katib_local.apiserver.store import COMPACT_EVERY, FORMAT, Store, StoreError

FORMAT_1 = Path(__file__).with_name("format-1.sql")
"""The database that the version before format 2 left when it was killed in an experiment of two trials, as SQL."""
Key = tuple[str, str, str]


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    with closing(Store(folder)) as store:
        yield store


def of_format_1(folder: Path) -> Path:
    """A folder with a database of the previous format."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / "objects.sqlite")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript(FORMAT_1.read_text())
    return folder


def kept_format(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "objects.sqlite")) as database:
        return int(database.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()[0])


def gives_room_back(folder: Path) -> bool:
    with closing(sqlite3.connect(folder / "objects.sqlite")) as database:
        return bool(database.execute("PRAGMA auto_vacuum").fetchone()[0])


def names(store: Store) -> list[tuple[str, str]]:
    return [(kind, held["metadata"]["name"]) for kind in sorted(store.resources()) for held in store.all(kind)]


def test_objects_of_the_previous_format_are_migrated_with_their_versions(tmp_path: Path) -> None:
    folder = of_format_1(tmp_path / "old")
    assert not gives_room_back(folder)
    with opened(folder) as store:
        assert store.version == 54
        found = names(store)
    kinds = [kind for kind, _ in found]
    assert kinds.count("trials.kubeflow.org") == 2 and kinds.count("experiments.kubeflow.org") == 1
    assert kept_format(folder) == FORMAT and gives_room_back(folder)
    with opened(folder) as store:
        assert (store.version, names(store)) == (54, found)


def test_a_migration_that_was_broken_off_is_done_again(tmp_path: Path) -> None:
    """Killed after the database was written anew, and before it said so."""
    folder = of_format_1(tmp_path / "old")
    with opened(folder) as store:
        found = names(store)
    with closing(sqlite3.connect(folder / "objects.sqlite")) as database, database:
        database.execute("UPDATE meta SET value = 1 WHERE name = 'format'")
    with opened(folder) as store:
        assert (store.version, names(store)) == (54, found)
    assert kept_format(folder) == FORMAT


def test_objects_of_a_newer_format_are_refused_and_left_as_they_are(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "objects.sqlite")) as database, database:
        database.execute("UPDATE meta SET value = 99 WHERE name = 'format'")
    with pytest.raises(StoreError, match=r"has format 99, this version knows 2: update Katib"):
        Store(tmp_path)
    assert kept_format(tmp_path) == 99


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def fill(store: Store, count: int) -> list[Key]:
    keys = [("configmaps", "default", f"m{number}") for number in range(count)]
    for kind, namespace, name in keys:
        store.write((kind, namespace, name), {"metadata": {"name": name, "namespace": namespace}, "data": "x" * 1000})
    return keys


def test_the_room_of_what_is_gone_is_given_back_to_the_disk(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        keys = fill(store, 4 * COMPACT_EVERY)
        full = size(tmp_path)
        for key in keys:
            store.remove(key)
        assert size(tmp_path) < full / 10
        assert store.all("configmaps") == [] and store.resources() == []


def test_a_change_of_an_object_takes_no_further_room(tmp_path: Path) -> None:
    """However often: the log ahead of the database is written again from its beginning."""
    with opened(tmp_path) as store:
        for _ in range(10):
            fill(store, 500)
        once = size(tmp_path)
        for _ in range(10):
            fill(store, 500)
        assert size(tmp_path) == once
