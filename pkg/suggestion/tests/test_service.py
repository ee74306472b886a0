"""The service as a caller sees it who does not wait: over gRPC on the loopback."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Semaphore
from types import ModuleType
from typing import Any, ClassVar

import grpc
import pytest
from grpc import StatusCode, aio

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
from katib_suggestion.registry import BUILT_IN, Registry
from katib_suggestion.search import Algorithm, Point, Problem, Search
from katib_suggestion.service import SuggestionService, build_server

MANY = 100
HANGS = 60.0
"""Seconds after which nothing more is to be expected."""


@dataclass(frozen=True)
class Slow(Algorithm):
    """Takes as long for a point as the test wants."""

    begun: ClassVar[Semaphore]
    going_on: ClassVar[Event]
    made: ClassVar[list[int]]

    def propose(self, search: Search) -> Iterator[Point]:
        self.begun.release()
        self.going_on.wait()
        self.made.append(search.issued)
        yield search.space.sample(search.dice)


@dataclass(frozen=True)
class Ending(Algorithm):
    """Raises what no Exception is, in each of its methods that the test wants."""

    what: ClassVar[BaseException] = SystemExit(3)

    def objections(self, problem: Problem) -> Iterator[str]:
        if problem.budget.max_trial_count == MANY:
            raise self.what
        yield from ()

    def propose(self, search: Search) -> Iterator[Point]:
        raise self.what


def a_question(name: str = "slow", wanted: int = MANY) -> api_pb2.GetSuggestionsRequest:
    question = api_pb2.GetSuggestionsRequest(current_request_number=wanted, total_request_number=wanted)
    question.experiment.name = question.experiment.spec.algorithm.algorithm_name = name
    parameter = question.experiment.spec.parameter_specs.parameters.add(name="x", parameter_type=api_pb2.DOUBLE)
    parameter.feasible_space.min, parameter.feasible_space.max = "0", "1"
    return question


@pytest.fixture(autouse=True)
def mine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module of the user's; none of its threads goes on after the test."""
    Slow.begun, Slow.going_on, Slow.made = Semaphore(0), Event(), []
    module = ModuleType("mine")
    vars(module).update(Slow=Slow, Ending=Ending)
    monkeypatch.setitem(sys.modules, "mine", module)
    yield
    go_on()


def go_on() -> None:
    """Let slow algorithms end, and wait until they have."""
    Slow.going_on.set()
    for thread in threading.enumerate():
        if thread.name == "katib-worker":
            thread.join(HANGS)


@asynccontextmanager
async def serving(threads: int = 2) -> AsyncIterator[tuple[aio.Server, api_pb2_grpc.SuggestionAsyncStub]]:
    """A server of the user's algorithms and ours, and who asks it."""
    registry = Registry({**BUILT_IN, "slow": "mine:Slow", "ending": "mine:Ending"})
    server = build_server(SuggestionService(registry, threads=threads))
    port = server.add_insecure_port("localhost:0")
    await server.start()
    async with aio.insecure_channel(f"localhost:{port}") as channel:
        yield server, api_pb2_grpc.SuggestionStub(channel)
    await server.stop(None)


async def begun(service: api_pb2_grpc.SuggestionAsyncStub) -> aio.UnaryUnaryCall[Any, Any]:
    """A call of the slow algorithm that has got as far as its first point."""
    call = service.GetSuggestions(a_question())
    assert await asyncio.to_thread(Slow.begun.acquire, timeout=HANGS)
    return call


def test_a_call_that_was_given_up_makes_no_further_points() -> None:
    """Its thread is free for others after the point that it was at."""

    async def give_up() -> None:
        async with serving() as (server, service):
            (await begun(service)).cancel()
            await server.stop(None)  # ends once the call has ended

    asyncio.run(give_up())
    go_on()
    assert Slow.made == [0]


def test_an_algorithm_that_hangs_holds_up_itself_only() -> None:
    """U-07: others are served and Experiments validated; it is asked again when one of its threads has ended."""

    async def hang() -> None:
        async with serving(threads=2) as (_, service):
            calls = [await begun(service), await begun(service)]
            waiting = asyncio.ensure_future(refused(service.GetSuggestions(a_question())))
            for call in calls:
                call.cancel()
            told = (
                "algorithm slow (mine:Slow) is not asked: all 2 threads are at work for callers that have given up: "
                "if it never ends, mend it and start the service again"
            )
            for answer in (waiting, refused(service.GetSuggestions(a_question()))):
                assert await answer == (StatusCode.RESOURCE_EXHAUSTED, told)
            assert len((await service.GetSuggestions(a_question("random", 2))).parameter_assignments) == 2
            validation = api_pb2.ValidateAlgorithmSettingsRequest(experiment=a_question().experiment)
            await service.ValidateAlgorithmSettings(validation)
            await asyncio.to_thread(go_on)
            assert len((await service.GetSuggestions(a_question("slow", 3))).parameter_assignments) == 3

    asyncio.run(hang())


def test_a_call_waits_for_a_thread_while_somebody_waits_for_those_at_work() -> None:
    async def wait() -> None:
        async with serving(threads=1) as (_, service):
            calls = [await begun(service), service.GetSuggestions(a_question("slow", 2))]
            Slow.going_on.set()
            assert [len((await call).parameter_assignments) for call in calls] == [MANY, 2]

    asyncio.run(wait())


NEVER_ENDING = """
from katib_suggestion.search import Algorithm

class Endless(Algorithm):
    name = "endless"

    def propose(self, search):
        print("begun", flush=True)
        while True:
            pass
"""


def test_a_service_whose_algorithm_never_ends_can_be_ended(tmp_path: Path) -> None:
    """As a kubelet does: with SIGTERM, within its grace."""
    (tmp_path / "endless.py").write_text(NEVER_ENDING)
    address = f"unix:{tmp_path}/s"
    command = [sys.executable, "-m", "katib_suggestion", f"--listen-address={address}", "--algorithm=endless:Endless"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as service:
        with grpc.insecure_channel(address) as channel:
            stub = api_pb2_grpc.SuggestionStub(channel)
            call = stub.GetSuggestions.future(a_question("endless"), wait_for_ready=True, timeout=HANGS)
            assert service.stdout is not None and service.stdout.readline() == "begun\n"
            call.cancel()
        service.terminate()
        try:
            assert service.wait(HANGS) == 0
        finally:
            service.kill()


async def refused(call: Awaitable[object]) -> tuple[StatusCode, str | None]:
    """The code and the text that a call ends with."""
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details()


@pytest.mark.parametrize(
    "what", [SystemExit(3), KeyboardInterrupt("no"), GeneratorExit("no"), asyncio.CancelledError()]
)
def test_an_algorithm_that_ends_programs_ends_one_call_only(
    what: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller is told whose class it was, and the service answers others."""
    monkeypatch.setattr(Ending, "what", what)

    async def ask() -> None:
        async with serving() as (_, service):
            question = a_question("ending")
            question.experiment.spec.max_trial_count = MANY
            validation = api_pb2.ValidateAlgorithmSettingsRequest(experiment=question.experiment)
            for call in (
                service.GetSuggestions(a_question("ending")),
                service.ValidateAlgorithmSettings(validation),
            ):
                code, text = await refused(call)
                assert code is StatusCode.INTERNAL
                assert text == (
                    f"algorithm ending (mine:Ending) raised {type(what).__name__}: {what}: "
                    "raise an Exception, which is about one call only"
                )
            assert len((await service.GetSuggestions(a_question("random", 2))).parameter_assignments) == 2

    asyncio.run(ask())
