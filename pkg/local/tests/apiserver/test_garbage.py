"""What goes with its owner, beside everything else that the server does."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

from katib_local.apiserver.admission import Admission
from katib_local.apiserver.calls import Call, DeleteOptions
from katib_local.apiserver.garbage import GarbageCollector
from katib_local.apiserver.kinds import NAMESPACES, Catalog
from katib_local.apiserver.registry import Registry
from katib_local.apiserver.store import Store, Watcher
from katib_machinery.clock import ManualClock

OWNED = 300
BESIDE, LARGE = 64, 2**16
TOGETHER = 20


def a_config_map(name: str, *owners: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "ownerReferences": list(owners)}}


async def test_who_watches_hears_of_a_crowd_that_goes_with_its_owner_while_it_goes(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        registry = Registry(store, Catalog(), Admission(lambda _: [], None, {}), ManualClock().now)
        await registry.create(NAMESPACES, "", {"metadata": {"name": "default"}}, Call())
        kind = registry.catalog.find("", "v1", "configmaps")
        assert kind is not None
        owner = await registry.create(kind, "default", a_config_map("owner"), Call())
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
        for number in range(OWNED):
            await registry.create(kind, "default", a_config_map(f"m{number}", reference), Call())
        watcher, heard = Watcher(store, kind.qualified), list[int]()
        collecting = asyncio.ensure_future(GarbageCollector(registry).run())
        await registry.delete(kind, "default", "owner", DeleteOptions(), Call())
        while sum(heard) <= OWNED:
            heard.append(len(await watcher.wait(60)))
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
        assert store.all(kind.qualified) == []
        assert max(heard) <= TOGETHER


async def test_an_owner_that_waits_is_found_without_reading_all_others_of_its_kind(tmp_path: Path) -> None:
    """A trial's Job goes with each trial: what that takes must not grow with the trials."""
    with closing(Store(tmp_path)) as store:
        registry = Registry(store, Catalog(), Admission(lambda _: [], None, {}), ManualClock().now)
        await registry.create(NAMESPACES, "", {"metadata": {"name": "default"}}, Call())
        kind = registry.catalog.find("", "v1", "configmaps")
        assert kind is not None
        for number in range(BESIDE):
            beside = {**a_config_map(f"m{number}"), "data": {"text": "x" * LARGE}}
            await registry.create(kind, "default", beside, Call())
        owner = await registry.create(kind, "default", a_config_map("owner"), Call())
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
        await registry.create(kind, "default", a_config_map("owned", {**reference, "blockOwnerDeletion": True}), Call())
        watcher, collecting = Watcher(store, kind.qualified), asyncio.ensure_future(GarbageCollector(registry).run())
        await asyncio.sleep(0)  # it has read what an earlier process left
        tracemalloc.start()
        try:
            await registry.delete(kind, "default", "owner", DeleteOptions(propagation="Foreground"), Call())
            await registry.delete(kind, "default", "owned", DeleteOptions(), Call())
            while store.get(kind.qualified, "default", "owner") is not None:
                await watcher.wait(60)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            collecting.cancel()
            await asyncio.gather(collecting, return_exceptions=True)
        assert peak < BESIDE * LARGE / 4
