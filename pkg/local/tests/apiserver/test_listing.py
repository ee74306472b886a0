"""What lists and watches of this server do otherwise than a cluster's; tests/contracts/kubernetes has what is alike."""

from __future__ import annotations

import asyncio
import gc
from contextlib import closing
from pathlib import Path

import pytest

from katib_local.apiserver.errors import Refusal
from katib_local.apiserver.kinds import Catalog
from katib_local.apiserver.listing import Watch
from katib_local.apiserver.memory import Document
from katib_local.apiserver.store import Store


def test_a_watch_of_the_future_is_refused_as_a_list_is(tmp_path: Path) -> None:
    """A client of a state that was removed finds back: it lists again instead of waiting for what never comes."""
    store = Store(tmp_path)
    kind = Catalog().find("", "v1", "configmaps")
    assert kind is not None
    with pytest.raises(Refusal) as refused:
        Watch(store, kind, "default", {"resourceVersion": str(store.version + 1)})
    store.close()
    assert (refused.value.code, refused.value.reason) == (504, "Timeout")
    assert (
        refused.value.message == f"Timeout: Too large resource version: {store.version + 1}, current: {store.version}"
    )


async def test_a_watch_that_waits_holds_nothing_of_what_it_has_told(tmp_path: Path) -> None:
    """The one Suggestion of 1,000 trials is large, and several watch it."""
    before = count_documents()
    with closing(Store(tmp_path)) as store:
        kind = Catalog().find("", "v1", "configmaps")
        assert kind is not None
        watch = Watch(store, kind, "default", {"resourceVersion": str(store.version)})
        events = watch.events()
        for number in range(3):
            content = {"metadata": {"name": "m", "namespace": "default"}, "data": {"text": str(number)}}
            store.write((kind.qualified, "default", "m"), content)
        assert len(await anext(events)) == 3
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        assert count_documents() == before + 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        watch.close()


def count_documents() -> int:
    """How many there are in this process; those of earlier tests are among them."""
    gc.collect()
    return sum(isinstance(held, Document) for held in gc.get_objects())
