"""Following a server: pages, bookmarks, broken streams, expired versions, bad objects, own writes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from katib_machinery.clock import ManualClock
from katib_machinery.frozen import FrozenError
from katib_machinery.indexer import by_owner
from katib_machinery.informer import Handler, Indexer, SharedInformer
from katib_machinery.objects import JOBS, ObjectKey, Unstructured

PATH = "/apis/batch/v1/jobs"
LIST, WATCH = f"GET {PATH}", f"WATCH {PATH}"


def job(name: str, version: str | int = 1, uid: str | None = None, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": uid or f"uid-{name}",
            "resourceVersion": str(version),
            **metadata,
        }
    }


def key(name: str) -> ObjectKey:
    return ObjectKey("ns", name)


class Follower:
    """An informer with what it told."""

    def __init__(self, transport: Any, **options: Any) -> None:
        self.told: list[str] = []
        self.bad: list[tuple[Exception, Any]] = []
        self.informer = SharedInformer(
            transport, JOBS, self.decode, on_bad=lambda error, raw: self.bad.append((error, raw)), **options
        )
        self.informer.add_handler(
            Handler(
                on_add=lambda obj: self.told.append(f"+{obj.name}@{obj.resource_version}"),
                on_update=lambda old, new: self.told.append(
                    f"{new.name}@{old.resource_version}>{new.resource_version}"
                ),
                on_delete=lambda obj: self.told.append(f"-{obj.name}@{obj.resource_version}"),
            )
        )

    @staticmethod
    def decode(raw: Any) -> Unstructured:
        if raw["metadata"].get("labels") == {"bad": "yes"}:
            raise ValueError("bad label")
        return Unstructured.from_dict(raw)

    @property
    def names(self) -> dict[str, str]:
        return {obj.name: obj.resource_version for obj in self.informer.indexer.list()}


@pytest.fixture
def follow(transport: Any, tasks: list[Any]) -> Callable[..., Follower]:
    def start(**options: Any) -> Follower:
        follower = Follower(transport, **options)
        tasks.append(asyncio.ensure_future(follower.informer.run()))
        return follower

    return start


async def test_a_list_is_read_in_pages_and_then_watched(server: Any, follow: Any, wait: Any) -> None:
    server.on(
        LIST, server.listing(job("a", 1), version="5", following="next"), server.listing(job("b", 2), version="5")
    )
    server.on(WATCH, server.events(("ADDED", job("c", 6)), ("MODIFIED", job("a", 7)), ("DELETED", job("b", 8))))
    follower = follow()
    await follower.informer.wait_synced()
    assert follower.informer.synced
    await wait(lambda: len(follower.told) == 5)
    assert follower.told == ["+a@1", "+b@2", "+c@6", "a@1>7", "-b@2"]
    first, second = server.seen(LIST)
    assert first.query == {"limit": "500"} and second.query == {"limit": "500", "continue": "next"}
    (watch,) = server.seen(WATCH)
    assert watch.query["resourceVersion"] == "5" and watch.query["allowWatchBookmarks"] == "true"
    assert 300 <= int(watch.query["timeoutSeconds"]) <= 600


async def test_only_the_asked_for_objects_are_followed(server: Any, follow: Any) -> None:
    path = "/apis/batch/v1/namespaces/ns/jobs"
    server.on(f"GET {path}", server.listing(job("a"), version="5"))
    server.on(f"WATCH {path}", server.events())
    await follow(namespace="ns", label_selector="x=y", field_selector="f=g").informer.wait_synced()
    asked = server.seen(f"GET {path}")[0].query
    assert (asked["labelSelector"], asked["fieldSelector"]) == ("x=y", "f=g")


async def test_items_of_a_list_learn_their_kind(server: Any, follow: Any) -> None:
    server.on(LIST, server.listing(job("a"), version="5"))
    server.on(WATCH, server.events())
    follower = follow()
    await follower.informer.wait_synced()
    assert follower.informer.indexer.get(key("a")).kind == "Job"


@pytest.mark.parametrize("end", ["reset", "end"])
async def test_a_watch_resumes_where_it_ended_without_a_new_list(server: Any, follow: Any, wait: Any, end: str) -> None:
    server.on(LIST, server.listing(version="5"))
    server.on(
        WATCH,
        server.events(("ADDED", job("a", 6)), then=end),
        server.events(("BOOKMARK", {"kind": "Job", "metadata": {"resourceVersion": "30"}}), then=end),
        server.events(("ADDED", job("b", 31))),
    )
    follower = follow()
    await wait(lambda: "+b@31" in follower.told)
    assert [seen.query["resourceVersion"] for seen in server.seen(WATCH)] == ["5", "6", "30"]
    assert len(server.seen(LIST)) == 1


async def test_an_expired_version_as_an_answer_leads_to_a_new_list(server: Any, follow: Any, wait: Any) -> None:
    server.on(LIST, server.listing(job("a", 1), job("b", 2), version="5"), server.listing(job("b", 9), version="10"))
    server.on(WATCH, server.refuse(410, "Expired"), server.events(("ADDED", job("c", 11))))
    follower = follow()
    await wait(lambda: "+c@11" in follower.told)
    # What went away in between is told as well.
    assert follower.told == ["+a@1", "+b@2", "b@2>9", "-a@1", "+c@11"]


async def test_an_expired_version_as_an_event_leads_to_a_new_list(server: Any, follow: Any, wait: Any) -> None:
    gone = {"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old"}
    server.on(LIST, server.listing(version="5"), server.listing(job("a", 9), version="10"))
    server.on(WATCH, server.events(("ERROR", gone)), server.events())
    follower = follow()
    await wait(lambda: len(server.seen(WATCH)) == 2)
    assert follower.told == ["+a@9"] and server.seen(WATCH)[1].query["resourceVersion"] == "10"


async def test_another_error_event_is_no_reason_to_list(server: Any, follow: Any, wait: Any) -> None:
    broken = {"kind": "Status", "status": "Failure", "code": 500, "reason": "InternalError"}
    server.on(LIST, server.listing(version="5"))
    server.on(WATCH, server.events(("ADDED", job("a", 6)), ("ERROR", broken)), server.events())
    follow()
    await wait(lambda: len(server.seen(WATCH)) == 2)
    assert server.seen(WATCH)[1].query["resourceVersion"] == "6" and len(server.seen(LIST)) == 1


async def test_when_a_page_expires_the_list_is_taken_in_one_answer(server: Any, follow: Any) -> None:
    server.on(
        LIST,
        server.listing(job("a", 1), version="5", following="next"),
        server.refuse(410, "Expired"),
        server.listing(job("b", 8), version="9"),
    )
    server.on(WATCH, server.events())
    follower = follow()
    await follower.informer.wait_synced()
    assert follower.names == {"b": "8"} and server.seen(LIST)[2].query == {}


async def test_a_server_that_was_restored_from_an_old_copy_is_taken_as_it_is(
    server: Any, follow: Any, wait: Any
) -> None:
    future = server.refuse(504, "Timeout", "Too large resource version", causes=[{"reason": "ResourceVersionTooLarge"}])
    server.on(LIST, server.listing(job("a", 40), job("b", 41), version="50"), server.listing(job("a", 9), version="10"))
    server.on(WATCH, future, server.events(("MODIFIED", job("a", 11))))
    follower = follow()
    await wait(lambda: follower.names == {"a": "11"})
    assert follower.told == ["+a@40", "+b@41", "-a@40", "-b@41", "+a@9", "a@9>11"]


@pytest.mark.parametrize("nonsense", [b"<html>", b"[]", b'{"type": 1}', b'{"object": {}}'])
async def test_nonsense_in_a_stream_is_a_broken_stream(server: Any, follow: Any, wait: Any, nonsense: bytes) -> None:
    async def babble(request: web.Request) -> web.Response:
        return web.Response(body=nonsense + b"\n")

    server.on(LIST, server.json([]), server.json({"items": 1}), server.listing(version="5"))
    server.on(WATCH, babble, server.events(("ADDED", job("a", 6))))
    follower = follow()
    await wait(lambda: follower.told == ["+a@6"])
    assert [seen.query["resourceVersion"] for seen in server.seen(WATCH)] == ["5", "5"]


async def test_a_state_that_is_known_already_is_not_decoded() -> None:
    follower = an_informer()
    event(follower, "ADDED", job("a", 1))
    own(follower, job("a", 5))
    follower.informer.decode = None  # type: ignore[assignment]
    for version in (1, 3, 5):
        event(follower, "MODIFIED", job("a", version))
    assert follower.bad == [] and follower.names == {"a": "5"}


@pytest.mark.parametrize(("code", "reason"), [(429, "TooManyRequests"), (503, "ServiceUnavailable"), (404, "NotFound")])
async def test_a_server_that_is_not_ready_at_start_is_asked_again(
    server: Any, follow: Any, code: int, reason: str
) -> None:
    server.on(LIST, server.refuse(code, reason), server.refuse(code, reason), server.listing(job("a"), version="5"))
    server.on(WATCH, server.events())
    follower = follow()
    await follower.informer.wait_synced()
    assert follower.names == {"a": "1"}


async def test_a_server_that_says_how_long_to_wait_is_obeyed(server: Any, follow: Any, wait: Any) -> None:
    clock = ManualClock()
    server.on(LIST, server.refuse(429, "TooManyRequests", retryAfterSeconds=8), server.listing(version="5"))
    server.on(WATCH, server.events())
    follower = follow(clock=clock, resync=None)
    await wait(lambda: clock.waiting)
    assert 6 <= clock.waiting[0] <= 10
    clock.advance(10)
    await follower.informer.wait_synced()


async def test_a_server_that_is_away_is_asked_ever_more_slowly(follow: Any, server: Any, wait: Any) -> None:
    clock = ManualClock()
    server.on(LIST, server.refuse(500, "InternalError"))
    follow(clock=clock, resync=None)
    spans = []
    for _ in range(13):
        await wait(lambda: clock.waiting)
        spans.append(clock.waiting[0])
        clock.advance(spans[-1])
    assert spans[0] < 0.1 and 20 < spans[-1] <= 37.5
    assert all(later > earlier for earlier, later in pairwise(spans[:9]))


async def test_a_watch_that_ends_at_once_again_and_again_is_not_a_busy_loop(
    server: Any, follow: Any, wait: Any
) -> None:
    clock = ManualClock()
    server.on(LIST, server.listing(version="5"))
    server.on(WATCH, server.events(then="end"))
    follow(clock=clock, resync=None)
    await wait(lambda: clock.waiting)
    assert len(server.seen(WATCH)) <= 2


async def test_what_cannot_be_read_is_reported_and_skipped(server: Any, follow: Any, wait: Any) -> None:
    bad = job("bad", 2, labels={"bad": "yes"})
    server.on(LIST, server.listing(job("a", 1), bad, "nonsense", job("b", 3), version="5"))
    server.on(WATCH, server.events(("MODIFIED", job("a", 6, labels={"bad": "yes"})), ("ADDED", job("c", 7))))
    follower = follow()
    await wait(lambda: "+c@7" in follower.told)
    assert str(follower.bad[0][0]) == "bad label" and len(follower.bad) == 3
    assert follower.bad[0][1]["metadata"]["name"] == "bad"
    # Of an object that became unreadable the last good state stays, until it is deleted.
    assert follower.names == {"a": "1", "b": "3", "c": "7"}


async def test_an_unreadable_object_that_is_deleted_goes(server: Any, follow: Any, wait: Any) -> None:
    server.on(LIST, server.listing(job("a", 1), version="5"))
    server.on(WATCH, server.events(("DELETED", job("a", 6, labels={"bad": "yes"})), ("DELETED", "nonsense")))
    follower = follow()
    await wait(lambda: follower.bad)
    assert follower.told == ["+a@1", "-a@1"] and follower.bad[0][1] == "nonsense"


async def test_a_state_that_is_here_already_is_not_told_again(server: Any, follow: Any, wait: Any) -> None:
    server.on(LIST, server.listing(job("a", 1), version="5"))
    server.on(WATCH, server.events(("MODIFIED", job("a", 1)), ("ADDED", job("b", 6))))
    follower = follow()
    await wait(lambda: "+b@6" in follower.told)
    assert follower.told == ["+a@1", "+b@6"]


async def test_an_object_that_was_made_anew_under_its_name_is_another_one(server: Any, follow: Any, wait: Any) -> None:
    server.on(LIST, server.listing(job("a", 1), version="5"))
    server.on(WATCH, server.events(("MODIFIED", job("a", 9, uid="other"))))
    follower = follow()
    await wait(lambda: len(follower.told) == 3)
    assert follower.told == ["+a@1", "-a@1", "+a@9"]


async def test_a_late_handler_hears_of_everything_that_is_here(server: Any, follow: Any) -> None:
    server.on(LIST, server.listing(job("a"), job("b"), version="5"))
    server.on(WATCH, server.events())
    follower = follow()
    await follower.informer.wait_synced()
    heard: list[str] = []
    follower.informer.add_handler(Handler(on_add=lambda obj: heard.append(obj.name)))
    assert heard == ["a", "b"]


async def test_a_failing_handler_stops_neither_the_cache_nor_the_others(
    server: Any, transport: Any, wait: Any, tasks: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    server.on(LIST, server.listing(job("a"), version="5"))
    server.on(WATCH, server.events())
    follower = Follower(transport)
    follower.informer._handlers.insert(0, Handler(on_add=lambda obj: 1 / 0))
    tasks.append(asyncio.ensure_future(follower.informer.run()))
    with caplog.at_level(logging.ERROR):
        await follower.informer.wait_synced()
    assert follower.told == ["+a@1"] and "a handler of jobs failed" in caplog.text


async def test_a_resync_tells_of_every_object(server: Any, follow: Any, wait: Any) -> None:
    clock = ManualClock()
    server.on(LIST, server.listing(job("a", 1), version="5"))
    server.on(WATCH, server.events())
    follower = follow(clock=clock, resync=timedelta(hours=10))
    await follower.informer.wait_synced()
    await wait(lambda: clock.waiting)
    clock.advance(timedelta(hours=10))
    await wait(lambda: len(follower.told) == 2)
    assert follower.told == ["+a@1", "a@1>1"]


async def test_a_reader_cannot_change_what_is_cached(server: Any, follow: Any) -> None:
    server.on(LIST, server.listing({**job("a"), "spec": {"list": [1]}}, version="5"))
    server.on(WATCH, server.events())
    follower = follow()
    await follower.informer.wait_synced()
    for read in (
        lambda: follower.informer.indexer.get(key("a")),
        lambda: follower.informer.indexer.list("ns")[0],
        lambda: follower.informer.indexer.by_index("namespace", "ns")[0],
    ):
        with pytest.raises(FrozenError):
            read().raw["spec"]["list"].append(2)
    follower.informer.indexer.list().clear()
    assert len(follower.informer.indexer) == 1


# ---- own writes: without a server, event by event


def an_informer() -> Follower:
    return Follower(transport=None)


def own(follower: Follower, raw: dict[str, Any]) -> None:
    follower.informer.put_own(Unstructured(raw))


def event(follower: Follower, kind: str, raw: dict[str, Any]) -> None:
    follower.informer._on_event({"type": kind, "object": raw})


def test_an_own_write_is_seen_at_once_and_its_event_changes_nothing() -> None:
    follower = an_informer()
    event(follower, "ADDED", job("a", 1))
    own(follower, job("a", 5))
    event(follower, "MODIFIED", job("a", 3))
    event(follower, "MODIFIED", job("a", 5))
    assert follower.told == ["+a@1", "a@1>5"]
    event(follower, "MODIFIED", job("a", 10))
    assert follower.names == {"a": "10"}


def test_an_own_deletion_leaves_what_has_time_to_end() -> None:
    """As a pod whose node is asked to stop it; what has none is gone."""
    follower = an_informer()
    for name, seconds in (("a", 30), ("b", 0)):
        raw = job(name, 1)
        event(follower, "ADDED", raw)
        given = {"deletionTimestamp": "2026-01-01T12:00:30Z", "deletionGracePeriodSeconds": seconds}
        own(follower, {**raw, "metadata": {**raw["metadata"], **given, "resourceVersion": "2"}})
    assert follower.names == {"a": "2"}


def test_an_own_write_that_comes_after_newer_news_changes_nothing() -> None:
    follower = an_informer()
    event(follower, "ADDED", job("a", 9))
    own(follower, job("a", 8))
    assert follower.names == {"a": "9"}


def test_versions_are_compared_as_numbers() -> None:
    follower = an_informer()
    event(follower, "ADDED", job("a", 9))
    own(follower, job("a", 10))
    assert follower.names == {"a": "10"}


def test_where_versions_are_no_numbers_the_watch_catches_up_with_the_own_write() -> None:
    follower = an_informer()
    event(follower, "ADDED", job("a", "v-one"))
    own(follower, job("a", "v-own"))
    event(follower, "MODIFIED", job("a", "v-between"))
    assert follower.names == {"a": "v-own"}
    event(follower, "MODIFIED", job("a", "v-own"))
    event(follower, "MODIFIED", job("a", "v-later"))
    assert follower.names == {"a": "v-later"}


def test_a_deleted_object_is_not_brought_back_by_a_late_own_write() -> None:
    follower = an_informer()
    event(follower, "ADDED", job("a", 1))
    event(follower, "DELETED", job("a", 7))
    own(follower, job("a", 6))
    assert follower.names == {}
    own(follower, job("a", 8, uid="a new one"))
    assert follower.names == {"a": "8"}


def test_an_object_that_we_made_and_others_deleted_before_our_answer_came_stays_away() -> None:
    follower = an_informer()
    event(follower, "ADDED", job("a", 1))
    event(follower, "DELETED", job("a", 2))
    own(follower, job("a", 1))
    assert follower.names == {}


def test_the_answer_that_removed_the_last_finalizer_of_a_deleted_object_removes_it() -> None:
    follower = an_informer()
    event(follower, "ADDED", job("a", 1, deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["f"]))
    own(follower, job("a", 2, deletionTimestamp="2026-01-01T00:00:00Z"))
    event(follower, "DELETED", job("a", 2))
    assert follower.told == ["+a@1", "-a@1"]


def test_a_completed_own_deletion_is_seen_at_once() -> None:
    follower = an_informer()
    event(follower, "ADDED", job("a", 1))
    follower.informer.remove_own(key("a"), "another uid")
    assert follower.names == {"a": "1"}
    follower.informer.remove_own(key("a"), "uid-a")
    event(follower, "MODIFIED", job("a", 2))
    event(follower, "DELETED", job("a", 3))
    assert follower.told == ["+a@1", "-a@1"]


def test_an_object_that_left_the_selection_and_came_back_is_the_same_one() -> None:
    follower = an_informer()
    event(follower, "ADDED", job("a", 1))
    event(follower, "DELETED", job("a", 2))
    event(follower, "ADDED", job("a", 3))
    own(follower, job("a", 4))
    assert follower.names == {"a": "4"}


def test_the_deletion_of_a_predecessor_does_not_remove_what_we_made_after_it() -> None:
    follower = an_informer()
    event(follower, "ADDED", job("a", 1))
    own(follower, job("a", 5, uid="new"))
    event(follower, "DELETED", job("a", 4))
    assert follower.names == {"a": "5"}


async def test_an_own_write_outlives_a_list_that_was_made_before_it(server: Any, transport: Any) -> None:
    follower = Follower(transport)
    own(follower, job("made", 12))
    own(follower, job("changed", 13))
    own(follower, job("long gone", 3))
    server.on(LIST, server.listing(job("changed", 2), version="10"))
    await follower.informer._list()
    assert follower.names == {"made": "12", "changed": "13"}


# ---- the truth always wins in the end

operations = st.lists(
    st.tuples(st.sampled_from(["write", "delete", "own write", "own delete", "deliver"]), st.integers(0, 2)),
    max_size=40,
)


@given(operations, st.booleans())
def test_after_all_events_the_cache_equals_the_server(plan: list[tuple[str, int]], numbers: bool) -> None:
    """A server with three names; own answers arrive at once, events later: the end is always the server's state."""
    follower, stored, pending, counter = an_informer(), {}, [], 0

    def version() -> str:
        return str(counter) if numbers else f"v{counter}"

    for action, number in plan:
        counter += 1
        name = f"job{number}"
        if action == "deliver":
            if pending:
                event(follower, *pending.pop(0))
        elif action.endswith("write"):
            kind = "MODIFIED" if name in stored else "ADDED"
            uid = stored[name]["metadata"]["uid"] if name in stored else f"uid{counter}"
            stored[name] = job(name, version(), uid)
            pending.append((kind, stored[name]))
            if action == "own write":
                own(follower, stored[name])
        elif name in stored:
            last = stored.pop(name)
            pending.append(("DELETED", job(name, version(), last["metadata"]["uid"])))
            if action == "own delete":
                follower.informer.remove_own(key(name), last["metadata"]["uid"])
    for kind, raw in pending:
        event(follower, kind, raw)
    assert follower.names == {name: raw["metadata"]["resourceVersion"] for name, raw in stored.items()}


# ---- indexes


def test_indexes_follow_their_objects() -> None:
    index: Indexer[Unstructured] = Indexer(
        {"owner": by_owner, "words": lambda obj: obj.labels.get("words", "").split()}
    )
    boss = [{"kind": "T", "name": "t", "uid": "boss", "controller": True}]
    index.put(Unstructured(job("a", ownerReferences=boss, labels={"words": "x y"})))
    index.put(Unstructured(job("b", labels={"words": "y"})))
    assert [obj.name for obj in index.by_index("owner", "boss")] == ["a"]
    assert [obj.name for obj in index.by_index("words", "y")] == ["a", "b"]
    index.put(Unstructured(job("a", 2, labels={"words": "z"})))
    assert index.by_index("owner", "boss") == [] and index.by_index("words", "x") == []
    assert [obj.name for obj in index.by_index("words", "z")] == ["a"]
    index.remove(key("a"))
    assert index.by_index("words", "z") == [] and index.keys() == [key("b")] and index.remove(key("a")) is None


@given(st.lists(st.tuples(st.integers(0, 4), st.sets(st.sampled_from("abc"))), max_size=30))
def test_an_index_kept_step_by_step_equals_one_made_anew(steps: list[tuple[int, set[str]]]) -> None:
    words = {"words": lambda obj: obj.labels.get("words", "").split()}
    index: Indexer[Unstructured] = Indexer(words)
    for number, values in steps:
        if values:
            index.put(Unstructured(job(f"j{number}", labels={"words": " ".join(sorted(values))})))
        else:
            index.remove(key(f"j{number}"))
    for word in "abc":
        anew = {obj.name for obj in index.list() if word in obj.labels["words"].split()}
        assert {obj.name for obj in index.by_index("words", word)} == anew


async def test_an_own_write_outside_the_selection_is_not_cached() -> None:
    elsewhere = Follower(None, namespace="other")
    own(elsewhere, job("a", 1))
    labelled, bound = Follower(None, label_selector="x=y"), Follower(None, field_selector="f=g")
    own(labelled, job("a", 1))
    own(bound, job("a", 1))
    assert elsewhere.names == labelled.names == bound.names == {}
    event(labelled, "ADDED", job("a", 1))
    own(labelled, job("a", 2))
    assert labelled.names == {"a": "2"}
