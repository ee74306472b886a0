"""Events: written in the background, repeated ones counted, text shown as it is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from katib_machinery.clock import ManualClock
from katib_machinery.events import EventRecorder
from katib_machinery.objects import Unstructured

TRIAL = Unstructured(
    {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Trial",
        "metadata": {"name": "t", "namespace": "ns", "uid": "u", "resourceVersion": "7"},
    }
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def recorder(store_transport: Any, clock: ManualClock, tasks: list[Any]) -> EventRecorder:
    made = EventRecorder(store_transport, "trial-controller", clock, capacity=5)
    tasks.append(asyncio.ensure_future(made.run()))
    return made


async def test_an_event_names_its_object_and_its_source(recorder: EventRecorder, store: Any) -> None:
    recorder.emit(TRIAL, "Normal", "JobCreated", "Job t has been created")
    await recorder.wait_drained()
    (event,) = store.writes("POST")
    assert event.pop("metadata")["name"].startswith("t.")
    assert event == {
        "apiVersion": "v1",
        "kind": "Event",
        "involvedObject": {
            "apiVersion": "kubeflow.org/v1beta1",
            "kind": "Trial",
            "namespace": "ns",
            "name": "t",
            "uid": "u",
            "resourceVersion": "7",
        },
        "type": "Normal",
        "reason": "JobCreated",
        "message": "Job t has been created",
        "source": {"component": "trial-controller"},
        "reportingComponent": "trial-controller",
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "count": 1,
    }


async def test_the_text_of_an_event_is_data(recorder: EventRecorder, store: Any) -> None:
    """RES-7: what looks like a format string is shown as it is."""
    recorder.emit(TRIAL, "Warning", "ReconcileError", "100%d %s {0} %(x)s {name!r} %")
    await recorder.wait_drained()
    assert store.writes("POST")[0]["message"] == "100%d %s {0} %(x)s {name!r} %"


async def test_the_same_event_again_raises_the_count_of_the_first(
    recorder: EventRecorder, store: Any, clock: ManualClock
) -> None:
    for _ in range(3):
        recorder.emit(TRIAL, "Warning", "ReconcileError", "no way")
        await recorder.wait_drained()
        clock.advance(timedelta(seconds=60))
    recorder.emit(TRIAL, "Warning", "ReconcileError", "another way")
    await recorder.wait_drained()
    assert len(store.writes("POST")) == 2
    assert [patch["count"] for patch in store.writes("PATCH")] == [2, 3]
    event, _ = store.objects.values()
    assert (event["count"], event["firstTimestamp"], event["lastTimestamp"]) == (
        3,
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:02:00Z",
    )


async def test_repetitions_that_wait_together_cost_one_request(recorder: EventRecorder, store: Any) -> None:
    for _ in range(50):
        recorder.emit(TRIAL, "Warning", "ReconcileError", "no way")
    await recorder.wait_drained()
    assert [event["count"] for event in store.writes("POST")] == [50] and store.writes("PATCH") == []


async def test_after_a_quiet_while_the_same_event_is_a_new_one(
    recorder: EventRecorder, store: Any, clock: ManualClock
) -> None:
    recorder.emit(TRIAL, "Normal", "JobRunning", "again")
    await recorder.wait_drained()
    clock.advance(timedelta(minutes=11))
    recorder.emit(TRIAL, "Normal", "JobRunning", "again")
    await recorder.wait_drained()
    assert len(store.writes("POST")) == 2


async def test_an_event_that_the_server_forgot_is_written_anew(recorder: EventRecorder, store: Any) -> None:
    recorder.emit(TRIAL, "Normal", "JobRunning", "again")
    await recorder.wait_drained()
    store.objects.clear()
    recorder.emit(TRIAL, "Normal", "JobRunning", "again")
    await recorder.wait_drained()
    assert len(store.writes("POST")) == 2 and len(store.writes("PATCH")) == 1


async def test_emitting_never_waits_and_drops_what_is_too_much(recorder: EventRecorder, store: Any, wait: Any) -> None:
    store.gate.clear()
    recorder.emit(TRIAL, "Normal", "Stuck", "first")
    await wait(lambda: store.calls)
    for number in range(20):
        recorder.emit(TRIAL, "Normal", "Many", f"number {number}")
    assert recorder.dropped == 15
    store.gate.set()
    await recorder.wait_drained()
    assert [event["message"] for event in store.writes("POST")] == ["first", *(f"number {n}" for n in range(5))]


async def test_a_busy_server_is_asked_again_and_given_up_in_the_end(
    recorder: EventRecorder, store: Any, clock: ManualClock, wait: Any
) -> None:
    store.refusals = [("POST", 503, "Busy")] * 2
    recorder.emit(TRIAL, "Normal", "JobRunning", "late")
    for _ in range(2):
        await wait(lambda: clock.waiting)
        clock.advance(clock.waiting[0])
    await recorder.wait_drained()
    assert len(store.objects) == 1
    store.refusals = [("POST", 503, "Busy")] * 6
    recorder.emit(TRIAL, "Normal", "JobRunning", "never")
    for _ in range(6):
        await wait(lambda: clock.waiting)
        clock.advance(clock.waiting[0])
    await recorder.wait_drained()
    assert len(store.objects) == 1 and recorder.dropped == 1


async def test_a_refused_event_is_given_up_at_once(recorder: EventRecorder, store: Any) -> None:
    store.refusals = [("POST", 403, "Forbidden")]
    recorder.emit(TRIAL, "Normal", "JobRunning", "in a namespace that ends")
    await recorder.wait_drained()
    assert len(store.writes("POST")) == 1 and store.objects == {}


async def test_events_about_cluster_wide_objects_go_into_the_default_namespace(
    recorder: EventRecorder, store: Any
) -> None:
    recorder.emit(Unstructured({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n"}}), "Normal", "Up", "up")
    await recorder.wait_drained()
    assert next(iter(store.objects)).startswith("/api/v1/namespaces/default/events/n.")
