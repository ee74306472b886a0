"""Many at once: writers on one object, and readers of pages while others write."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from contracts.kubernetes.servers import (
    JSON_PATCH,
    MERGE,
    SPACE,
    Json,
    LaptopServer,
    RealServer,
    Server,
    a_config_map,
)

MAPS = f"{SPACE}/configmaps"
WRITERS = 20
Fresh = Callable[[], str]


def test_patches_of_many_writers_are_all_kept(server: Server, fresh: Fresh) -> None:
    """Nobody reads first, nobody names a version: no patch is a conflict, and none is lost."""
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))

    def write(number: int) -> None:
        for turn in range(5):
            server.good("PATCH", f"{MAPS}/{name}", {"data": {f"w{number}-{turn}": "x"}}, MERGE)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    assert len(server.good("GET", f"{MAPS}/{name}").body["data"]) == WRITERS * 5


def test_of_many_who_create_or_lock_one_wins(server: Server, fresh: Fresh) -> None:
    name = fresh()
    lock = [{"op": "test", "path": "/data/owner", "value": ""}]

    def create(number: int) -> int:
        return server.call("POST", MAPS, a_config_map(name, owner="")).code

    def take(number: int) -> int:
        mine = {"op": "replace", "path": "/data/owner", "value": str(number)}
        return server.call("PATCH", f"{MAPS}/{name}", [*lock, mine], JSON_PATCH).code

    with ThreadPoolExecutor(WRITERS) as pool:
        created, taken = sorted(pool.map(create, range(WRITERS))), sorted(pool.map(take, range(WRITERS)))
    assert created == [201, *[409] * (WRITERS - 1)]
    assert taken == [200, *[422] * (WRITERS - 1)]


OBJECTS, PAGE = 10_000, 500


def stored(number: int) -> Json:
    """A small ConfigMap as a server stores it."""
    document = a_config_map(f"o-{number:05}", number=str(number))
    owned = {"namespace": "default", "uid": str(uuid.UUID(int=number)), "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {**document, "metadata": {**document["metadata"], **owned}}


def test_pages_of_ten_thousand_objects_are_one_snapshot_under_writes(restartable: LaptopServer | RealServer) -> None:
    server = restartable.start_with(map(stored, range(OBJECTS)))
    stop = Event()

    def disturb(writer: int) -> int:
        """Whoever comes next in the order of names goes, and others come."""
        number = writer
        while not stop.is_set():
            server.good("DELETE", f"{MAPS}/o-{OBJECTS - 1 - number:05}")
            server.good("POST", MAPS, a_config_map(f"n-{number:05}"))
            number += 2
        return number

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(disturb, writer) for writer in (0, 1)]
        pages = list(read_pages(server))
        stop.set()
        assert all(writer.result() > 1 for writer in writers)
    names = [item["metadata"]["name"] for page in pages for item in page["items"]]
    assert len({page["metadata"]["resourceVersion"] for page in pages}) == 1 and names == sorted(set(names))
    # As many have gone as have come, but for those that a writer was just between.
    assert OBJECTS - 2 <= len(names) <= OBJECTS


def read_pages(server: Server) -> Iterator[Json]:
    token = ""
    while True:
        page: Json = server.good("GET", MAPS, limit=str(PAGE), **({"continue": token} if token else {})).body
        yield page
        token = page["metadata"].get("continue", "")
        if not token:
            return
