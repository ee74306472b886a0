"""The service as a caller sees it who does not wait: over gRPC on the loopback."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from threading import Event
from types import ModuleType
from typing import ClassVar

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

    begun: ClassVar[Event] = Event()
    going_on: ClassVar[Event] = Event()
    made: ClassVar[list[int]] = []

    def propose(self, search: Search) -> Iterator[Point]:
        self.begun.set()
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
def mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of the user's."""
    module = ModuleType("mine")
    vars(module).update(Slow=Slow, Ending=Ending)
    monkeypatch.setitem(sys.modules, "mine", module)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[aio.Server, api_pb2_grpc.SuggestionAsyncStub]]:
    """A server of the user's algorithms and ours, and who asks it."""
    server = build_server(SuggestionService(Registry({**BUILT_IN, "slow": "mine:Slow", "ending": "mine:Ending"})))
    port = server.add_insecure_port("localhost:0")
    await server.start()
    async with aio.insecure_channel(f"localhost:{port}") as channel:
        yield server, api_pb2_grpc.SuggestionStub(channel)
    await server.stop(None)


async def give_up() -> None:
    """Ask for many points, and give up when the first of them is being made."""
    try:
        async with serving() as (server, service):
            call = service.GetSuggestions(a_question())
            assert await asyncio.to_thread(Slow.begun.wait, HANGS)
            call.cancel()
            await server.stop(None)  # ends once the call has ended
    finally:
        Slow.going_on.set()


def test_a_call_that_was_given_up_makes_no_further_points() -> None:
    """Its thread is free for others after the point that it was at; all threads have ended when the loop has."""
    asyncio.run(give_up())
    assert Slow.made == [0]


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
