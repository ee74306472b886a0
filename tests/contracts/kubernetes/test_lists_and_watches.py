"""Lists, their pages and selections, and watches from any version on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contracts.kubernetes.servers import MERGE, SPACE, Server, a_config_map

MAPS, PODS = f"{SPACE}/configmaps", f"{SPACE}/pods"
Fresh = Callable[[], str]


@pytest.fixture
def group(server: Server, fresh: Fresh) -> str:
    """A label value that five objects have, named `GROUP-0` to `GROUP-4`."""
    name = fresh()
    for number in range(5):
        labels = {"group": name, "parity": "odd" if number % 2 else "even"}
        server.good("POST", MAPS, a_config_map(f"{name}-{number}", labels))
    return name


SELECTORS = [
    ("parity=even", [0, 2, 4]),
    ("parity!=even", [1, 3]),
    ("parity in (odd,none)", [1, 3]),
    ("parity notin (odd)", [0, 2, 4]),
    ("parity", [0, 1, 2, 3, 4]),
    ("!parity", []),
]


@pytest.mark.parametrize(("selector", "numbers"), SELECTORS)
def test_labels_select(server: Server, group: str, selector: str, numbers: list[int]) -> None:
    page = server.good("GET", MAPS, labelSelector=f"group={group},{selector}").body
    assert page["kind"] == "ConfigMapList" and page["metadata"]["resourceVersion"]
    assert [item["metadata"]["name"] for item in page["items"]] == [f"{group}-{number}" for number in numbers]


def test_fields_select(server: Server, group: str) -> None:
    page = server.good("GET", "/api/v1/configmaps", fieldSelector=f"metadata.name={group}-3").body
    assert [item["metadata"]["name"] for item in page["items"]] == [f"{group}-3"]


@pytest.mark.parametrize("query", [{"labelSelector": "a in"}, {"fieldSelector": "spec.unknown=1"}])
def test_a_selector_that_cannot_be_read_is_a_bad_request(server: Server, query: dict[str, str]) -> None:
    assert server.call("GET", MAPS, **query).code == 400


def test_pages_follow_each_other_without_gaps(server: Server, group: str) -> None:
    names, token = [], ""
    while True:
        query = {"labelSelector": f"group={group}", "limit": "2", **({"continue": token} if token else {})}
        page = server.good("GET", MAPS, **query).body
        names += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue", "")
        if not token:
            break
        assert "remainingItemCount" not in page["metadata"]
    assert names == [f"{group}-{number}" for number in range(5)]


def test_a_page_without_a_selection_says_how_many_are_left(server: Server, group: str) -> None:
    page = server.good("GET", MAPS, limit="2").body
    whole = server.good("GET", MAPS).body
    assert page["metadata"]["remainingItemCount"] == len(whole["items"]) - 2


def test_later_pages_show_what_there_was_at_the_first(server: Server, group: str) -> None:
    query = {"labelSelector": f"group={group}", "limit": "2"}
    first = server.good("GET", MAPS, **query).body
    server.good("POST", MAPS, a_config_map(f"{group}-9", {"group": group}))
    server.good("DELETE", f"{MAPS}/{group}-4")
    server.good("PATCH", f"{MAPS}/{group}-3", {"data": {"a": "1"}}, MERGE)
    rest = server.good("GET", MAPS, **{**query, "limit": "9", "continue": first["metadata"]["continue"]}).body
    assert [item["metadata"]["name"] for item in rest["items"]] == [f"{group}-{number}" for number in (2, 3, 4)]
    assert not rest["items"][1].get("data")
    assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_a_list_of_the_future_is_refused(server: Server) -> None:
    future = str(int(server.good("GET", MAPS).version) + 1_000_000)
    answer = server.call("GET", MAPS, resourceVersion=future)
    assert (answer.code, answer.body["reason"]) == (504, "Timeout")
    assert answer.body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


BY_FIELD = [("spec.hostNetwork=false", True), ("spec.hostNetwork=true", False), ("spec.restartPolicy!=Never", True)]


@pytest.mark.parametrize(("selector", "fits"), BY_FIELD)
def test_fields_that_are_not_set_select_by_what_they_mean(
    server: Server, fresh: Fresh, selector: str, fits: bool
) -> None:
    name = fresh()
    server.good("POST", PODS, {"metadata": {"name": name}, "spec": {"containers": [{"name": "a", "image": "i:1"}]}})
    page = server.good("GET", PODS, fieldSelector=f"metadata.name={name},{selector}").body
    assert len(page["items"]) == fits


def test_events_select_by_their_source(server: Server, fresh: Fresh) -> None:
    name = fresh()
    involved = {"kind": "Pod", "namespace": "default", "name": name}
    event = {"metadata": {"name": name}, "involvedObject": involved, "source": {"component": name}, "type": "Normal"}
    server.good("POST", f"{SPACE}/events", event)
    assert len(server.good("GET", f"{SPACE}/events", fieldSelector=f"source={name}").body["items"]) == 1


def test_a_page_of_nonsense_is_a_bad_request(server: Server) -> None:
    assert server.call("GET", MAPS, limit="1", **{"continue": "nonsense"}).code == 400


def test_a_collection_is_deleted_by_its_selection(server: Server, group: str) -> None:
    server.good("DELETE", MAPS, labelSelector=f"group={group},parity=odd")
    page = server.good("GET", MAPS, labelSelector=f"group={group}").body
    assert [item["metadata"]["name"] for item in page["items"]] == [f"{group}-{number}" for number in (0, 2, 4)]


def test_a_watch_tells_every_change_after_its_version(server: Server, fresh: Fresh) -> None:
    name = fresh()
    version = server.good("GET", MAPS).version
    server.good("POST", MAPS, a_config_map(name, {"watched": name}))
    server.good("PATCH", f"{MAPS}/{name}", {"data": {"a": "1"}}, MERGE)
    server.good("DELETE", f"{MAPS}/{name}")
    with server.watch(MAPS, resourceVersion=version, labelSelector=f"watched={name}") as events:
        seen = [next(events) for _ in range(3)]
    assert [event["type"] for event in seen] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in seen]
    assert versions == sorted(versions) and len(set(versions)) == 3
    assert seen[2]["object"]["data"] == {"a": "1"}


def test_a_watch_without_a_version_begins_with_everything(server: Server, group: str) -> None:
    with server.watch(MAPS, labelSelector=f"group={group}") as events:
        seen = [next(events) for _ in range(5)]
    assert {event["type"] for event in seen} == {"ADDED"}
    assert [event["object"]["metadata"]["name"] for event in seen] == [f"{group}-{number}" for number in range(5)]


def test_an_object_that_leaves_a_selection_is_deleted_from_it(server: Server, fresh: Fresh) -> None:
    name = fresh()
    version = server.good("POST", MAPS, a_config_map(name, {"in": name})).version
    server.good("PATCH", f"{MAPS}/{name}", {"metadata": {"labels": {"in": None}}}, MERGE)
    server.good("PATCH", f"{MAPS}/{name}", {"metadata": {"labels": {"in": name}}}, MERGE)
    with server.watch(MAPS, resourceVersion=version, labelSelector=f"in={name}") as events:
        assert [next(events)["type"] for _ in range(2)] == ["DELETED", "ADDED"]


def test_initial_events_end_with_a_bookmark(server: Server, group: str) -> None:
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    with server.watch(MAPS, labelSelector=f"group={group}", **query) as events:
        seen = [next(events) for _ in range(6)]
    assert [event["type"] for event in seen] == ["ADDED"] * 5 + ["BOOKMARK"]
    assert seen[-1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watch_answers_before_anything_has_happened(server: Server, fresh: Fresh) -> None:
    with server.watch(MAPS, fieldSelector=f"metadata.name={fresh()}", timeoutSeconds="600"):
        pass  # entered when the head of the answer has come, long before the watch ends


def test_a_watch_of_metadata_tells_no_more(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name, a="1"))
    accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    with server.watch(MAPS, accept, fieldSelector=f"metadata.name={name}") as events:
        seen = next(events)["object"]
    assert seen["kind"] == "PartialObjectMetadata" and seen["metadata"]["name"] == name and "data" not in seen


def test_a_watch_ends_when_its_time_is_up(server: Server) -> None:
    with server.watch(MAPS, resourceVersion=server.good("GET", MAPS).version, timeoutSeconds="1") as events:
        assert list(events) == []


def test_a_version_that_is_no_number_is_refused(server: Server) -> None:
    """Kubernetes calls it the caller's fault in a list, and its own in a watch."""
    text = 'resourceVersion: Invalid value: "soon": strconv.ParseUint: parsing "soon": invalid syntax'
    listed = server.call("GET", MAPS, resourceVersion="soon")
    assert (listed.code, listed.body["message"]) == (400, f"invalid resource version: {text}")
    watched = server.call("GET", MAPS, watch="1", resourceVersion="soon")
    assert (watched.code, watched.body["message"]) == (500, text) and "reason" not in watched.body
