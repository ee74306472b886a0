"""Turns for keys: never two at once, back-off, and one log line for a failure."""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import timedelta
from typing import Any

import pytest

from katib_machinery.clock import ManualClock
from katib_machinery.objects import ObjectKey
from katib_machinery.transport import ApiError, UnreachableError
from katib_machinery.worker import Requeue, run_worker
from katib_machinery.workqueue import WorkQueue


def a_key(name: str = "a") -> ObjectKey:
    return ObjectKey("ns", name)


async def test_a_key_that_is_added_twice_gets_one_turn() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for key in ("a", "b", "a"):
        queue.add(key)
    assert len(queue) == 2 and [await queue.get(), await queue.get()] == ["a", "b"]


async def test_a_key_that_is_added_while_it_is_handled_gets_one_more_turn_afterwards() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    await queue.get()
    queue.add("a")
    queue.add("a")
    assert len(queue) == 0 and not queue.idle
    queue.done("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert queue.idle


async def test_a_key_is_given_its_turn_when_its_span_is_over() -> None:
    clock = ManualClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add_after("late", 10)
    queue.add_after("soon", 1)
    queue.add_after("soon", 5)
    queue.add_after("late", 3)
    queue.add_after("now", 0)
    assert await queue.get() == "now" and clock.waiting == [1]
    clock.advance(1)
    assert await queue.get() == "soon" and len(queue) == 0
    clock.advance(2)
    assert await queue.get() == "late"
    clock.advance(100)
    assert len(queue) == 0


async def test_the_back_off_doubles_from_five_milliseconds_to_a_thousand_seconds() -> None:
    clock = ManualClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    spans = []
    for _ in range(22):
        queue.add_rate_limited("a")
        spans.append(clock.waiting[0])
        clock.advance(clock.waiting[0])
        queue.done(await queue.get() or "")
    assert spans[:4] == pytest.approx([0.005, 0.01, 0.02, 0.04]) and spans[-1] == 1000
    assert queue.failures("a") == 22
    queue.forget("a")
    assert queue.next_delay("a") == 0.005


async def test_after_the_end_what_is_queued_is_handed_out_and_nothing_is_taken() -> None:
    clock = ManualClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    queue.add_after("later", 1)
    queue.shut_down()
    queue.add("b")
    queue.add_after("b", 1)
    clock.advance(5)
    assert await waiting == "a" and await queue.get() is None


async def test_a_waiter_that_gives_up_passes_its_turn_on() -> None:
    queue: WorkQueue[str] = WorkQueue()
    first, second = asyncio.ensure_future(queue.get()), asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    first.cancel()
    assert await second == "a"


# ---- workers


class Reconciler:
    def __init__(self, *results: Any) -> None:
        self.results = list(results)
        self.turns: list[ObjectKey] = []

    async def reconcile(self, key: ObjectKey) -> Requeue | None:
        self.turns.append(key)
        result = self.results.pop(0) if self.results else None
        if isinstance(result, Exception):
            raise result
        return result  # type: ignore[no-any-return]


async def test_many_keys_run_at_once_but_each_key_only_once_at_a_time(tasks: list[Any]) -> None:
    queue: WorkQueue[ObjectKey] = WorkQueue()
    busy: set[ObjectKey] = set()
    most, turns = 0, 0

    async def reconcile(key: ObjectKey) -> None:
        nonlocal most, turns
        assert key not in busy
        busy.add(key)
        most, turns = max(most, len(busy)), turns + 1
        queue.add(random.Random(turns).choice(keys))
        await asyncio.sleep(0)
        busy.remove(key)
        if turns >= 300:
            queue.shut_down()

    keys = [a_key(str(number)) for number in range(10)]
    for key in keys:
        queue.add(key)
    await run_worker(queue, reconcile, name="test", limit=4)
    assert most == 4 and not busy


async def test_a_failure_is_logged_once_with_its_key_reported_and_tried_again(
    caplog: pytest.LogCaptureFixture, tasks: list[Any], wait: Any
) -> None:
    clock = ManualClock()
    queue: WorkQueue[ObjectKey] = WorkQueue(clock)
    reconciler = Reconciler(ValueError("broken"), ValueError("broken"))
    reported: list[tuple[ObjectKey, str]] = []
    worker = run_worker(
        queue, reconciler.reconcile, name="test", on_error=lambda key, error: reported.append((key, str(error)))
    )
    tasks.append(asyncio.ensure_future(worker))
    queue.add(a_key())
    with caplog.at_level(logging.INFO):
        for turn in (1, 2):
            await wait(lambda: clock.waiting)
            assert len(caplog.records) == turn and "test: ns/a failed" in caplog.text
            assert caplog.records[-1].key == "ns/a"  # type: ignore[attr-defined]
            clock.advance(clock.waiting[0])
        await wait(lambda: len(reconciler.turns) == 3 and queue.idle)
    assert len(caplog.records) == 2 and queue.failures(a_key()) == 0
    assert reported == [(a_key(), "broken")] * 2


@pytest.mark.parametrize(
    ("error", "is_placed"),
    [
        (ApiError(403, "Forbidden", "no quota is left"), False),
        (UnreachableError("no answer"), False),
        (ValueError("broken"), True),
    ],
    ids=["refusal", "no answer", "mistake of ours"],
)
async def test_what_others_refuse_is_told_in_one_line_and_mistakes_of_ours_with_their_place(
    caplog: pytest.LogCaptureFixture, tasks: list[Any], wait: Any, error: Exception, is_placed: bool
) -> None:
    clock = ManualClock()
    queue: WorkQueue[ObjectKey] = WorkQueue(clock)
    tasks.append(asyncio.ensure_future(run_worker(queue, Reconciler(error).reconcile, name="test")))
    queue.add(a_key())
    await wait(lambda: clock.waiting)
    (record,) = caplog.records
    assert str(error) in record.getMessage()
    assert bool(record.exc_info) == is_placed and ("Traceback" in caplog.text) == is_placed


async def test_a_requeue_comes_when_it_was_asked_for(tasks: list[Any], wait: Any) -> None:
    clock = ManualClock()
    queue: WorkQueue[ObjectKey] = WorkQueue(clock)
    reconciler = Reconciler(Requeue(timedelta(seconds=7)))
    tasks.append(asyncio.ensure_future(run_worker(queue, reconciler.reconcile, name="test")))
    queue.add(a_key())
    await wait(lambda: clock.waiting)
    assert clock.waiting == [7] and queue.failures(a_key()) == 0
    clock.advance(7)
    await wait(lambda: len(reconciler.turns) == 2)


async def test_looking_again_at_once_backs_off_without_a_log_line(
    caplog: pytest.LogCaptureFixture, tasks: list[Any], wait: Any
) -> None:
    clock = ManualClock()
    queue: WorkQueue[ObjectKey] = WorkQueue(clock)
    reconciler = Reconciler(Requeue(), Requeue())
    tasks.append(asyncio.ensure_future(run_worker(queue, reconciler.reconcile, name="test")))
    queue.add(a_key())
    for span in (0.005, 0.01):
        await wait(lambda: clock.waiting)
        assert clock.waiting == pytest.approx([span])
        clock.advance(span)
    await wait(lambda: len(reconciler.turns) == 3 and queue.idle)
    assert not caplog.records and queue.failures(a_key()) == 0


async def test_a_report_that_fails_does_not_end_the_work(
    caplog: pytest.LogCaptureFixture, tasks: list[Any], wait: Any
) -> None:
    clock = ManualClock()
    queue: WorkQueue[ObjectKey] = WorkQueue(clock)
    reconciler = Reconciler(ValueError("broken"))

    def report(key: ObjectKey, error: Exception) -> None:
        raise KeyError(key)

    tasks.append(asyncio.ensure_future(run_worker(queue, reconciler.reconcile, name="test", on_error=report)))
    queue.add(a_key())
    await wait(lambda: clock.waiting)
    clock.advance(1)
    await wait(lambda: len(reconciler.turns) == 2)
    assert "could not be reported" in caplog.text
