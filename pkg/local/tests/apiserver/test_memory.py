"""What the store has in memory beside the disk: bounded, and never another truth than the disk's."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from katib_local.apiserver.memory import CHANGE_BYTES, HISTORY_BYTES, RECENT_BYTES, Document, History, Past
from katib_local.apiserver.store import Key, Store

Json = dict[str, Any]
LARGE = 2**18


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as opened:
        yield opened


def a_key(name: str, resource: str = "configmaps", namespace: str = "default") -> Key:
    return (resource, namespace, name)


def an_object(key: Key, size: int = 0, **more: Any) -> Json:
    return {"metadata": {"name": key[2], "namespace": key[1]}, "data": "x" * size, **more}


def test_objects_that_were_not_used_for_long_are_read_from_the_disk_again(store: Store) -> None:
    keys = [a_key(f"m{number}") for number in range(2 * RECENT_BYTES // LARGE)]
    written = [store.write(key, an_object(key, LARGE)) for key in keys]
    assert store.get(*keys[-1]) is written[-1]
    assert store.get(*keys[0]) == written[0]
    assert store.get(*keys[0]) is not written[0]


def test_what_is_used_stays_in_memory(store: Store) -> None:
    used = store.write(a_key("used"), an_object(a_key("used")))
    for number in range(2 * RECENT_BYTES // LARGE):
        store.write(a_key(f"m{number}"), an_object(a_key(f"m{number}"), LARGE))
        assert store.get(*a_key("used")) is used


def test_a_chatty_resource_forgets_its_own_past_and_not_that_of_others(store: Store) -> None:
    before = store.version
    store.write(a_key("quiet", "secrets"), an_object(a_key("quiet")))
    for _ in range(2 * HISTORY_BYTES // LARGE):
        store.write(a_key("chatty"), an_object(a_key("chatty"), LARGE))
    assert store.since("configmaps", before) is None
    assert store.rows_at("configmaps", "", before) is None
    assert [change.type for change in store.since("secrets", before) or ()] == ["ADDED"]
    oldest = store.oldest("configmaps")
    assert store.since("configmaps", oldest - 1) is None
    assert [change.version for change in store.since("configmaps", oldest) or ()] == [
        *range(oldest + 1, store.version + 1)
    ]


def bytes_held() -> int:
    """What all changes that are known take together."""
    changes = [held for held in gc.get_objects() if isinstance(held, Past)]
    bodies = {id(body): len(body) for held in changes for body in (held.old, held.new) if body is not None}
    return CHANGE_BYTES * len(changes) + sum(bodies.values())


def test_the_past_of_all_resources_together_is_bounded(store: Store) -> None:
    for number in range(3 * HISTORY_BYTES // LARGE):
        store.write(a_key("m", f"kind-{number % 8}"), an_object(a_key("m"), LARGE))
    assert HISTORY_BYTES - 2 * LARGE < bytes_held() <= HISTORY_BYTES
    assert all(store.since(f"kind-{number}", store.oldest(f"kind-{number}")) for number in range(8))


def test_what_is_gone_counts_as_long_as_its_last_state_is_known(store: Store) -> None:
    """Read from the disk for its removal, it has nothing in common with the change that wrote it."""
    keys = [a_key(f"m{number}") for number in range(2 * HISTORY_BYTES // LARGE)]
    for key in keys:
        store.write(key, an_object(key, LARGE))
    before = store.version
    for key in keys:
        store.remove(key)
    assert bytes_held() <= HISTORY_BYTES
    assert store.since("configmaps", before) is None


def test_a_change_of_nothing_much_takes_no_more_than_it_counts() -> None:
    history, count = History(0), HISTORY_BYTES // CHANGE_BYTES + 100
    gc.collect()
    tracemalloc.start()
    try:
        for version in range(1, count):
            key = a_key(f"m{version:08}", namespace=f"n{version:08}")
            history.add(key, version, None, Document.read(b"{}" + b" " * (version % 7)))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < HISTORY_BYTES
    assert history.since("configmaps", 1) is None


def test_what_is_held_of_an_object_takes_the_room_of_its_bytes() -> None:
    content = an_object(a_key("m"), 1500)
    tracemalloc.start()
    try:
        held = [Document.of(content).body for _ in range(100)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 1.2 * sum(map(len, held))


def test_however_much_is_changed_no_more_is_held(store: Store) -> None:
    """Objects come, change and stay, and one grows, as those of trials do."""
    counts = []
    for begin in range(0, 1200, 300):
        for number in range(begin, begin + 300):
            key = a_key(f"m{number}")
            for state in ("begun", "done"):
                store.write(key, an_object(key, 9000, status={"conditions": [{"type": state}]}))
            store.write(a_key("list", "secrets"), an_object(a_key("list"), 9000 + number))
        counts.append(sum(isinstance(held, Past | Document) for held in gc.get_objects()))
    assert counts[3] <= counts[1]


def test_the_bytes_of_an_object_are_the_object_and_begin_with_what_it_is(store: Store) -> None:
    key = a_key("m")
    written = store.write(key, {**an_object(key), "kind": "ConfigMap", "apiVersion": "v1"})
    assert orjson.loads(written.body) == written
    assert written.body.startswith(b'{"apiVersion":"v1","kind":"ConfigMap",')
    assert [row.body for row in store.rows("configmaps")] == [written.body]


def test_the_last_state_of_what_is_gone_has_the_version_of_its_removal(store: Store) -> None:
    store.write(a_key("m"), an_object(a_key("m")))
    removed = store.remove(a_key("m"))
    assert removed is not None
    assert removed["metadata"]["resourceVersion"] == str(store.version)
    assert store.get(*a_key("m")) is None


STEPS = some.lists(some.tuples(some.booleans(), some.sampled_from("ab"), some.sampled_from("xyz")), max_size=30)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_a_list_at_an_earlier_version_is_what_it_was_then(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bool, str, str]]
) -> None:
    """Writes and removals in two namespaces: each state is known again after all of them."""
    with closing(Store(tmp_path_factory.mktemp("store"))) as store:
        seen = {}
        for written, namespace, name in steps:
            key = a_key(name, namespace=namespace)
            if written:
                store.write(key, an_object(key))
            else:
                store.remove(key)
            seen[store.version] = [store.rows("configmaps", space) for space in ("", "a", "b")]
        for version, states in seen.items():
            assert [store.rows_at("configmaps", space, version) for space in ("", "a", "b")] == states


def test_what_is_read_is_a_plain_object_to_everybody_else() -> None:
    assert orjson.dumps(Document.read(b'{"a":1}')) == b'{"a":1}'
