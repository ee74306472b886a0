"""Typed requests, limits and counts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from katib_machinery.client import ResourceClient
from katib_machinery.clock import ManualClock
from katib_machinery.objects import JOBS, Unstructured
from katib_machinery.throttle import ThrottledTransport
from katib_machinery.transport import ApiError, CountingTransport, resource_of

PATH = "/apis/batch/v1/namespaces/ns/jobs"


@pytest.fixture
def jobs(transport: Any) -> ResourceClient[Unstructured]:
    return ResourceClient(transport, JOBS, Unstructured.from_dict)


def job(name: str = "j") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "ns", "uid": "u", "resourceVersion": "3", "managedFields": [{}]}}


async def test_a_list_is_read_page_by_page(server: Any, jobs: ResourceClient[Unstructured]) -> None:
    server.on(f"GET {PATH}", server.listing(job("a"), following="more"), server.listing(job("b")))
    assert [(obj.name, obj.kind) for obj in await jobs.list("ns", label_selector="x=y")] == [("a", "Job"), ("b", "Job")]
    assert [seen.query.get("continue") for seen in server.requests] == [None, "more"]
    assert {seen.query["labelSelector"] for seen in server.requests} == {"x=y"}


async def test_what_is_written_says_its_kind_and_nothing_of_managed_fields(
    server: Any, jobs: ResourceClient[Unstructured]
) -> None:
    for call in (f"POST {PATH}", f"PUT {PATH}/j", f"PUT {PATH}/j/status", f"PATCH {PATH}/j"):
        server.on(call, server.json(job()))
    await jobs.create(Unstructured(job()))
    await jobs.update(Unstructured(job()))
    await jobs.update_status(Unstructured(job()), resource_version="9")
    await jobs.patch("ns", "j", {"spec": None})
    for seen in server.requests[:3]:
        assert (seen.body["kind"], seen.body["apiVersion"]) == ("Job", "batch/v1")
        assert "managedFields" not in seen.body["metadata"]
    assert [seen.body["metadata"]["resourceVersion"] for seen in server.requests[:3]] == ["3", "3", "9"]
    assert server.requests[3].body == {"spec": None}
    assert server.requests[3].headers["Content-Type"] == "application/merge-patch+json"


async def test_a_deletion_returns_what_still_waits_for_finalizers(
    server: Any, jobs: ResourceClient[Unstructured]
) -> None:
    done = {"kind": "Status", "status": "Success"}
    server.on(f"DELETE {PATH}/j", server.json(job()), server.json(done))
    first = await jobs.delete("ns", "j", uid="u", propagation="Foreground")
    assert first is not None and first.name == "j"
    assert await jobs.delete("ns", "j") is None
    options = {"apiVersion": "v1", "kind": "DeleteOptions"}
    more = {"preconditions": {"uid": "u"}, "propagationPolicy": "Foreground"}
    assert [seen.body for seen in server.requests] == [{**options, **more}, options]


async def test_a_watch_yields_changes_and_raises_the_servers_error(
    server: Any, jobs: ResourceClient[Unstructured]
) -> None:
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    bookmark = {"metadata": {"resourceVersion": "9"}}
    server.on(f"WATCH {PATH}", server.events(("ADDED", job()), ("BOOKMARK", bookmark), ("ERROR", gone)))
    seen = []
    with pytest.raises(ApiError) as caught:
        async for event in jobs.watch("ns", resource_version="3", label_selector="a"):
            seen.append((event.type, event.object.name))
    assert seen == [("ADDED", "j")] and caught.value.gone
    assert server.requests[0].query == {"watch": "true", "resourceVersion": "3", "labelSelector": "a"}


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/api/v1/pods", "pods"),
        ("/api/v1/namespaces", "namespaces"),
        ("/api/v1/namespaces/ns", "namespaces"),
        ("/api/v1/namespaces/ns/pods/p/log", "pods/log"),
        ("/apis/kubeflow.org/v1beta1/namespaces/ns/trials/t/status", "trials/status"),
        ("/apis/kubeflow.org/v1beta1/trials", "trials"),
    ],
)
def test_a_path_is_counted_for_its_resource(path: str, resource: str) -> None:
    assert resource_of(path) == resource


async def test_requests_watches_and_conflicts_are_counted(server: Any, transport: Any) -> None:
    counting = CountingTransport(transport)
    server.on("PUT /api/v1/pods/p", server.refuse(409, "Conflict"), server.refuse(409, "AlreadyExists"))
    server.on("WATCH /api/v1/pods", server.events(then="end"))
    for _ in range(2):
        with pytest.raises(ApiError):
            await counting.request("PUT", "/api/v1/pods/p")
    async for _ in counting.stream("/api/v1/pods", params={"watch": "true"}):
        pass
    assert counting.counters.to_dict() == {"total": 3, "conflicts": 1, "requests": {"PUT pods": 2, "WATCH pods": 1}}


async def test_a_limit_holds_requests_back_but_no_streams(server: Any, transport: Any, wait: Any) -> None:
    clock = ManualClock()
    throttled = ThrottledTransport(transport, rate=10, burst=3, clock=clock)
    server.on("GET /a", server.json({}))
    server.on("WATCH /w", server.events(then="end"))
    requests = [asyncio.ensure_future(throttled.request("GET", "/a")) for _ in range(5)]
    await wait(lambda: len(server.seen("GET /a")) == 3 and len(clock.waiting) == 2)
    assert clock.waiting == pytest.approx([0.1, 0.2])
    assert [line async for line in throttled.stream("/w", params={"watch": "true"})] == []
    clock.advance(0.11)
    await wait(lambda: len(server.seen("GET /a")) == 4)
    clock.advance(0.1)
    await asyncio.gather(*requests)
    clock.advance(100)
    await asyncio.gather(*(throttled.request("GET", "/a") for _ in range(3)))


@pytest.mark.parametrize(("rate", "burst"), [(0, 5), (-1, 5), (5, 0)])
def test_a_limit_that_lets_nothing_through_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="lets nothing through"):
        ThrottledTransport(None, rate, burst)  # type: ignore[arg-type]
