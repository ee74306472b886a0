"""One leader at a time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from katib_machinery.clock import ManualClock
from katib_machinery.election import LeaderElection, LeadershipLostError
from katib_machinery.objects import ObjectKey

PATH = "/apis/coordination.k8s.io/v1/namespaces/kubeflow/leases/katib"


@pytest.fixture
def candidate(store_transport: Any) -> Any:
    def make(name: str, clock: ManualClock) -> LeaderElection:
        return LeaderElection(store_transport, ObjectKey("kubeflow", "katib"), name, clock=clock)

    return make


def holder(store: Any) -> Any:
    return store.objects[PATH]["spec"]["holderIdentity"]


async def test_the_first_candidate_leads_and_hands_over_at_its_end(candidate: Any, store: Any) -> None:
    done = []

    async def work() -> None:
        done.append(holder(store))

    await candidate("one", ManualClock()).run(work)
    assert done == ["one"] and holder(store) == ""
    await candidate("two", ManualClock()).acquire()
    assert holder(store) == "two" and store.objects[PATH]["spec"]["leaseTransitions"] == 1


async def test_another_candidate_waits_until_the_lease_was_not_renewed_for_its_length(
    candidate: Any, store: Any, tasks: list[Any], wait: Any
) -> None:
    await candidate("one", ManualClock()).acquire()
    clock = ManualClock()
    second = asyncio.ensure_future(candidate("two", clock).acquire())
    tasks.append(second)
    for _ in range(7):
        await wait(lambda: clock.waiting)
        assert holder(store) == "one"
        clock.advance(2)
    await wait(lambda: clock.waiting)
    clock.advance(2)
    await second
    assert holder(store) == "two" and clock.monotonic() == 16


async def test_a_renewed_lease_is_never_taken(candidate: Any, store: Any, tasks: list[Any], wait: Any) -> None:
    first_clock, second_clock = ManualClock(), ManualClock()

    async def work() -> None:
        await asyncio.Event().wait()

    tasks.append(asyncio.ensure_future(candidate("one", first_clock).run(work)))
    await wait(lambda: first_clock.waiting)
    tasks.append(asyncio.ensure_future(candidate("two", second_clock).acquire()))
    for _ in range(15):
        await wait(lambda: first_clock.waiting and second_clock.waiting)
        first_clock.advance(2)
        await wait(lambda: first_clock.waiting)
        second_clock.advance(2)
    assert holder(store) == "one"


async def test_a_leader_that_cannot_renew_stops_working(
    candidate: Any, store: Any, wait: Any, tasks: list[Any]
) -> None:
    clock = ManualClock()
    stopped = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    running = asyncio.ensure_future(candidate("one", clock).run(work))
    tasks.append(running)
    await wait(lambda: clock.waiting)
    store.refusals = [("GET", 500, "InternalError")] * 100
    for _ in range(5):
        await wait(lambda: clock.waiting)
        assert not stopped.is_set()
        clock.advance(2)
    with pytest.raises(LeadershipLostError):
        await running
    assert stopped.is_set()


async def test_of_two_that_try_together_one_wins(candidate: Any, store: Any, wait: Any, tasks: list[Any]) -> None:
    clocks = [ManualClock(), ManualClock()]
    both = [asyncio.ensure_future(candidate(str(number), clock).acquire()) for number, clock in enumerate(clocks)]
    tasks += both
    await wait(lambda: any(task.done() for task in both) and any(clock.waiting for clock in clocks))
    assert [task.done() for task in both].count(True) == 1


async def test_an_error_of_the_work_is_the_error_of_the_run(candidate: Any, store: Any) -> None:
    async def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await candidate("one", ManualClock()).run(work)
    assert holder(store) == ""


async def test_a_slow_answer_does_not_lengthen_the_leaders_term(
    store_transport: Any, wait: Any, tasks: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others may have seen the renewal as early as it was asked for."""
    clock = ManualClock()
    answer = store_transport.request

    async def slow(method: str, *arguments: Any, **options: Any) -> Any:
        result = await answer(method, *arguments, **options)
        if method == "PUT":
            clock.advance(9)
        return result

    monkeypatch.setattr(store_transport, "request", slow)
    election = LeaderElection(store_transport, ObjectKey("kubeflow", "katib"), "one", clock=clock)
    running = asyncio.ensure_future(election.run(asyncio.Event().wait))  # type: ignore[arg-type]
    tasks.append(running)
    for _ in range(2):
        await wait(lambda: clock.waiting)
        clock.advance(2)
    with pytest.raises(LeadershipLostError):
        async with asyncio.timeout(5):
            await running


@pytest.mark.parametrize("span", [timedelta(hours=1), timedelta(hours=-1)], ids=["on", "back"])
@pytest.mark.parametrize("whose", ["the leader's", "the other's"])
async def test_a_clock_that_is_set_by_an_hour_changes_no_leader(
    candidate: Any, store: Any, tasks: list[Any], wait: Any, span: timedelta, whose: str
) -> None:
    first_clock, second_clock = ManualClock(), ManualClock()
    leading = asyncio.ensure_future(candidate("one", first_clock).run(asyncio.Event().wait))
    tasks.append(leading)
    await wait(lambda: first_clock.waiting)
    tasks.append(asyncio.ensure_future(candidate("two", second_clock).acquire()))
    await wait(lambda: second_clock.waiting)
    (first_clock if whose == "the leader's" else second_clock).jump(span)
    for _ in range(10):
        await wait(lambda: first_clock.waiting and second_clock.waiting)
        first_clock.advance(2)
        await wait(lambda: first_clock.waiting)
        second_clock.advance(2)
    assert holder(store) == "one" and not leading.done()
