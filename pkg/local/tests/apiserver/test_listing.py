"""What lists and watches of this server do otherwise than a cluster's; tests/contracts/kubernetes has what is alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from katib_local.apiserver.errors import Refusal
from katib_local.apiserver.kinds import Catalog
from katib_local.apiserver.listing import Watch
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
