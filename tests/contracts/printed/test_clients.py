"""What every printed client, lister and informer promises, against a real API server."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from contracts.printed.apis import PrintedKind

from katib_machinery.informer import Handler
from katib_machinery.objects import ObjectKey
from katib_machinery.transport import ApiError

_numbers = itertools.count()


@pytest.fixture
def fresh() -> Callable[[], str]:
    """Names, each given once."""
    return lambda: f"case-{next(_numbers)}"


@pytest.fixture
def client(printed: PrintedKind, transport: Any) -> Any:
    return printed.client(transport)


@pytest.fixture
async def stored(printed: PrintedKind, client: Any, fresh: Callable[[], str]) -> Any:
    return await client.create(printed.model.from_dict(printed.document(fresh(), labels={"case": "yes"})))


async def test_an_object_is_created_read_and_replaced_as_its_model(
    printed: PrintedKind, client: Any, stored: Any
) -> None:
    assert isinstance(stored, printed.model) and stored.uid
    read = await client.get("default", stored.name)
    assert read == stored
    read.metadata.labels = {"case": "changed"}
    assert (await client.update(read)).labels == {"case": "changed"}
    with pytest.raises(ApiError) as refused:
        await client.update(stored)
    assert refused.value.conflict


async def test_the_status_is_written_apart(printed: PrintedKind, client: Any, stored: Any) -> None:
    wanted = printed.model.from_dict({**stored.to_dict(), "spec": {}, "status": dict(printed.status)})
    updated = await client.update_status(wanted)
    assert updated.to_dict()["status"] == dict(printed.status)
    assert updated.spec == stored.spec


async def test_a_merge_patch_and_a_json_patch_change_what_they_say(client: Any, stored: Any) -> None:
    merged = await client.patch("default", stored.name, {"metadata": {"labels": {"case": None, "by": "merge"}}})
    assert merged.labels == {"by": "merge"}
    operations = [
        {"op": "test", "path": "/metadata/labels/by", "value": "merge"},
        {"op": "replace", "path": "/metadata/labels/by", "value": "operations"},
    ]
    patched = await client.patch("default", stored.name, operations, type="json")
    assert patched.labels == {"by": "operations"} and patched.spec == stored.spec


async def test_a_strategic_patch_is_refused_for_custom_kinds(client: Any, stored: Any) -> None:
    with pytest.raises(ApiError) as refused:
        await client.patch("default", stored.name, {"metadata": {"labels": {"a": "b"}}}, type="strategic")
    assert refused.value.code == 415


async def test_apply_creates_and_gives_up_what_is_left_out(
    printed: PrintedKind, client: Any, fresh: Callable[[], str]
) -> None:
    name = fresh()
    first = printed.model.from_dict(printed.document(name, labels={"kept": "1", "dropped": "1"}))
    created = await client.apply(first, field_manager="suite")
    assert created.labels == {"kept": "1", "dropped": "1"}
    again = printed.model.from_dict(printed.document(name, labels={"kept": "2"}))
    assert (await client.apply(again, field_manager="suite")).labels == {"kept": "2"}


async def test_lists_know_selectors(printed: PrintedKind, client: Any, fresh: Callable[[], str]) -> None:
    for name in (first := fresh(), second := fresh()):
        await client.create(printed.model.from_dict(printed.document(name, labels={"pair": first})))
    both = await client.list("default", label_selector=f"pair={first}")
    assert sorted(found.name for found in both) == sorted([first, second])
    assert all(isinstance(found, printed.model) for found in both)
    [one] = await client.list(field_selector=f"metadata.name={second}")
    assert one.name == second


async def test_a_deletion_is_final_and_guarded_by_the_uid(client: Any, stored: Any) -> None:
    with pytest.raises(ApiError) as refused:
        await client.delete("default", stored.name, uid="another")
    assert refused.value.conflict
    assert await client.delete("default", stored.name, uid=stored.uid) is None
    with pytest.raises(ApiError) as gone:
        await client.get("default", stored.name)
    assert gone.value.not_found


async def test_a_collection_is_deleted_as_far_as_the_selector_says(
    printed: PrintedKind, client: Any, fresh: Callable[[], str]
) -> None:
    kept, dropped = fresh(), fresh()
    for name, label in ((kept, "keep"), (dropped, dropped)):
        await client.create(printed.model.from_dict(printed.document(name, labels={"fate": label})))
    await client.delete_collection("default", label_selector=f"fate={dropped}")
    left = [found.name for found in await client.list("default")]
    assert kept in left and dropped not in left


async def test_a_watch_tells_what_happens_after_a_version(client: Any, stored: Any) -> None:
    await client.patch("default", stored.name, {"metadata": {"labels": {"case": "seen"}}})
    await client.delete("default", stored.name)
    events = client.watch(
        "default", resource_version=stored.resource_version, field_selector=f"metadata.name={stored.name}"
    )
    seen = [(event.type, event.object.labels) async for event in _first(events, 2)]
    assert seen == [("MODIFIED", {"case": "seen"}), ("DELETED", {"case": "seen"})]


async def test_an_informer_fills_a_lister_by_key_and_index(
    printed: PrintedKind, client: Any, transport: Any, stored: Any, fresh: Callable[[], str]
) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    informer = printed.informer(
        transport, namespace="default", indexers={"case": lambda found: [found.labels.get("case", "")]}
    )
    informer.add_handler(Handler(on_add=lambda found: told.put_nowait(found.name)))
    running = asyncio.ensure_future(informer.run())
    await informer.wait_synced()
    lister = printed.lister(informer)
    key = ObjectKey("default", stored.name)
    assert lister.get(key) == stored and lister.get(key).frozen
    later = await client.create(printed.model.from_dict(printed.document(fresh(), labels={"case": "later"})))
    async with asyncio.timeout(30):
        while await told.get() != later.name:
            pass
    assert [found.name for found in lister.by_index("case", "later")] == [later.name]
    assert {stored.name, later.name} <= {found.name for found in lister.list("default")}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _first(events: Any, number: int) -> Any:
    async with asyncio.timeout(30), aclosing(events):
        async for event in events:
            yield event
            number -= 1
            if not number:
                return
