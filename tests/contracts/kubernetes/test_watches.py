"""Watches: what they begin with, what they tell, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import MERGE, SPACE, LaptopServer, RealServer, Server, a_config_map

MAPS = f"{SPACE}/configmaps"
MATCH = "resourceVersionMatch"
FIRST = {"sendInitialEvents": "true", MATCH: "NotOlderThan"}
Fresh = Callable[[], str]


def told(server: Server, seconds: int = 1, **query: str) -> list[Any]:
    """All events of a watch of some time."""
    answer = server.good("GET", MAPS, watch="1", timeoutSeconds=str(seconds), **query)
    if isinstance(answer.body, dict):
        return [answer.body]
    return [json.loads(line) for line in answer.body.splitlines()]


def kinds(events: list[Any]) -> list[str]:
    return [event["type"] for event in events]


def test_a_watch_tells_everything_in_the_order_of_versions(server: Server, fresh: Fresh) -> None:
    name = fresh()
    before = server.good("GET", MAPS).version
    server.good("POST", MAPS, a_config_map(name, {"watched": name}))
    server.good("PATCH", f"{MAPS}/{name}", {"data": {"a": "1"}}, MERGE)
    server.good("DELETE", f"{MAPS}/{name}")
    events = told(server, resourceVersion=before, labelSelector=f"watched={name}")
    assert kinds(events) == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions)) and versions[0] > int(before)
    assert events[-1]["object"]["data"] == {"a": "1"}


def test_an_object_that_leaves_the_selection_is_deleted_and_one_that_enters_it_is_added(
    server: Server, fresh: Fresh
) -> None:
    name = fresh()
    before = server.good("POST", MAPS, a_config_map(name, {"watched": name, "on": "no"})).version
    for word in ("yes", "no", "yes"):
        server.good("PATCH", f"{MAPS}/{name}", {"metadata": {"labels": {"on": word}}}, MERGE)
    events = told(server, resourceVersion=before, labelSelector=f"watched={name},on=yes")
    assert kinds(events) == ["ADDED", "DELETED", "ADDED"]
    assert [event["object"]["metadata"]["labels"]["on"] for event in events] == ["yes", "yes", "yes"]


def test_a_watch_by_a_field_sees_one_object(server: Server, fresh: Fresh) -> None:
    name = fresh()
    before = server.good("POST", MAPS, a_config_map(f"{name}-other")).version
    server.good("POST", MAPS, a_config_map(name))
    events = told(server, resourceVersion=before, fieldSelector=f"metadata.name={name}")
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [("ADDED", name)]


def test_a_watch_from_any_version_begins_with_what_is_there(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name, {"watched": name}))
    for query in ({}, {"resourceVersion": "0"}):
        assert kinds(told(server, labelSelector=f"watched={name}", **query)) == ["ADDED"]


def test_a_bookmark_ends_the_first_events_for_who_takes_bookmarks(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name, {"watched": name}))
    query = {"labelSelector": f"watched={name}"}
    end = {"k8s.io/initial-events-end": "true"}
    for more in (FIRST, {}):
        events = told(server, allowWatchBookmarks="true", **query, **more)
        assert kinds(events)[:2] == ["ADDED", "BOOKMARK"]
        assert events[1]["object"]["metadata"]["annotations"] == end and events[1]["object"]["kind"] == "ConfigMap"
    assert kinds(told(server, **query, **FIRST)) == ["ADDED"]


def test_a_watch_that_sees_no_change_is_told_the_version_before_its_end(server: Server, fresh: Fresh) -> None:
    """So who begins again afterwards does not begin at a version that is forgotten by then."""
    query = {"resourceVersion": server.good("GET", MAPS).version, "fieldSelector": f"metadata.name={fresh()}"}
    for allowed in ("true", "false"):
        with server.watch(MAPS, timeoutSeconds="3", allowWatchBookmarks=allowed, **query) as events:
            unseen = server.good("POST", MAPS, a_config_map(fresh())).version
            seen = list(events)
        assert set(kinds(seen)) == ({"BOOKMARK"} if allowed == "true" else set())
        if seen:
            mark = seen[-1]["object"]
            assert int(mark["metadata"]["resourceVersion"]) >= int(unseen)
            assert mark == {
                "kind": "ConfigMap",
                "apiVersion": "v1",
                "metadata": {"resourceVersion": mark["metadata"]["resourceVersion"]},
            }


def test_first_events_can_be_left_out(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name, {"watched": name}))
    assert told(server, labelSelector=f"watched={name}", **{**FIRST, "sendInitialEvents": "false"}) == []


def test_first_events_follow_a_known_version(server: Server, fresh: Fresh) -> None:
    """All that is there, and from then on what changes: a list and a watch in one."""
    name = fresh()
    version = server.good("POST", MAPS, a_config_map(name, {"watched": name})).version
    query = {"labelSelector": f"watched={name}", "allowWatchBookmarks": "true", "resourceVersion": version}
    with server.watch(MAPS, **query, **FIRST) as events:
        first = [next(events), next(events)]
        server.good("DELETE", f"{MAPS}/{name}")
        assert kinds([*first, next(events)]) == ["ADDED", "BOOKMARK", "DELETED"]
    assert int(first[1]["object"]["metadata"]["resourceVersion"]) >= int(version)


OPTIONS: dict[str, tuple[dict[str, str], list[str]]] = {
    "first events without a match": ({"sendInitialEvents": "true"}, ["Forbidden"]),
    "a match without first events": ({MATCH: "NotOlderThan"}, ["Forbidden"]),
    "an exact match": ({**FIRST, MATCH: "Exact", "resourceVersion": "5"}, ["Forbidden", "NotSupported"]),
    "a page": ({"continue": "abc"}, ["Forbidden"]),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_a_watch_does_not_understand(server: Server, case: str) -> None:
    query, reasons = OPTIONS[case]
    answer = server.call("GET", MAPS, watch="1", timeoutSeconds="1", **query)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid"), answer.body
    assert [cause["reason"] for cause in answer.body["details"]["causes"]] == [f"FieldValue{word}" for word in reasons]
    assert {cause["field"] for cause in answer.body["details"]["causes"]} == {MATCH}


def test_a_time_that_is_no_number_is_a_bad_request(server: Server) -> None:
    answer = server.call("GET", MAPS, watch="1", timeoutSeconds="soon")
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")


def test_a_watch_of_what_was_forgotten_says_so_in_its_first_event(restartable: LaptopServer | RealServer) -> None:
    server = restartable.start()
    version = server.good("GET", MAPS).version
    for letter in "ab":
        server.good("POST", MAPS, a_config_map(f"m-{letter}"))
    restartable.kill()
    server = restartable.start()
    (event,) = told(server, resourceVersion=version, fieldSelector="metadata.name=m-a")
    assert event["type"] == "ERROR"
    status = event["object"]
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
    assert status["message"].startswith(f"too old resource version: {version} (")
