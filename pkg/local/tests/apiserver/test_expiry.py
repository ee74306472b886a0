"""Events go an hour after they were last written; the clock is the test's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from katib_local.apiserver.expiry import LIFE, SWEEP_EVERY, TOGETHER, Expiry
from katib_local.apiserver.server import Settings, serve
from katib_local.apiserver.store import Key, Store
from katib_local.credentials import make_credentials
from katib_local.state import open_state
from katib_machinery.clock import ManualClock, SystemClock
from katib_machinery.kube import connect
from katib_machinery.transport import Transport

Json = dict[str, Any]
PATH = "/api/v1/namespaces/default/events"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as opened:
        yield opened


def written(store: Store, name: str, resource: str = "events") -> Key:
    store.write((resource, "default", name), {"metadata": {"name": name, "namespace": "default"}})
    return (resource, "default", name)


def names(store: Store, resource: str = "events") -> list[str]:
    return [row.name for row in store.rows(resource)]


async def pass_time(store: Store, clock: ManualClock, span: timedelta) -> None:
    """Let time pass, with the sweep of every minute of it."""
    for _ in range(span // SWEEP_EVERY):
        clock.advance(SWEEP_EVERY)
        await Expiry(store, clock).sweep()


async def test_an_event_goes_an_hour_after_it_was_last_written_and_nothing_else_does(
    store: Store, clock: ManualClock
) -> None:
    written(store, "early"), written(store, "again"), written(store, "kept", "configmaps")
    await pass_time(store, clock, LIFE / 2)
    written(store, "again"), written(store, "late")
    await pass_time(store, clock, LIFE / 2)
    assert names(store) == ["again", "early", "late"]
    await pass_time(store, clock, SWEEP_EVERY)
    assert names(store) == ["again", "late"]
    await pass_time(store, clock, LIFE)
    assert names(store) == [] and names(store, "configmaps") == ["kept"]


async def test_events_of_an_earlier_start_go_when_their_hour_is_over(tmp_path: Path, clock: ManualClock) -> None:
    with closing(Store(tmp_path)) as store:
        written(store, "before")
        await Expiry(store, clock).sweep()
    clock.advance(LIFE)
    with closing(Store(tmp_path)) as store:
        written(store, "after")
        await Expiry(store, clock).sweep()
        assert names(store) == ["after"]


async def test_a_crowd_of_events_goes_at_once(store: Store, clock: ManualClock) -> None:
    for number in range(2 * TOGETHER + 1):
        written(store, f"e{number}")
    await Expiry(store, clock).sweep()
    await pass_time(store, clock, LIFE)
    assert names(store) == []


async def test_a_clock_that_was_ahead_for_a_while_keeps_no_event_longer(store: Store, clock: ManualClock) -> None:
    clock.jump(timedelta(days=1))
    await Expiry(store, clock).sweep()
    written(store, "tomorrow")
    await Expiry(store, clock).sweep()
    clock.jump(timedelta(days=-1))
    await pass_time(store, clock, LIFE)
    assert names(store) == ["tomorrow"]
    await pass_time(store, clock, SWEEP_EVERY)
    assert names(store) == []


@asynccontextmanager
async def serving(folder: Path, clock: ManualClock) -> AsyncIterator[Transport]:
    state, now = open_state(folder), SystemClock().now()
    files = make_credentials(state, server="https://127.0.0.1", now=now)
    certificate = (str(files.certificate("apiserver")), str(files.key("apiserver")))
    settings = Settings(state.objects, certificate=certificate, client_ca=str(files.authority), clock=clock)
    async with serve(settings) as port:
        make_credentials(state, server=f"https://127.0.0.1:{port}", now=now)
        async with connect(str(state.kubeconfig)) as transport:
            yield transport


async def test_who_watches_events_is_told_that_they_are_deleted(tmp_path: Path, clock: ManualClock) -> None:
    event = {"metadata": {"name": "news"}, "involvedObject": {"namespace": "default"}, "reason": "Told"}
    async with serving(tmp_path / "state", clock) as transport:
        await transport.request("POST", PATH, body=json.dumps(event).encode())
        told: list[Json] = []
        async for line in transport.stream(PATH, params={"watch": "true"}):
            told.append(json.loads(line))
            if told[-1]["type"] == "DELETED":
                break
            clock.advance(SWEEP_EVERY)  # the sweep that comes of it notes that the event is there
            while not clock.waiting:
                await transport.request("GET", PATH)
            clock.advance(LIFE)
        assert [one["type"] for one in told] == ["ADDED", "DELETED"]
        added, deleted = (int(one["object"]["metadata"]["resourceVersion"]) for one in told)
        assert deleted > added
        assert json.loads(await transport.request("GET", PATH))["items"] == []
