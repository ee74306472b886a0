"""The service as a caller sees it who does not wait: over gRPC on the loopback."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from types import ModuleType
from typing import ClassVar

import pytest
from grpc import aio

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
from katib_suggestion.registry import Registry
from katib_suggestion.search import Algorithm, Point, Search
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


def a_question() -> api_pb2.GetSuggestionsRequest:
    question = api_pb2.GetSuggestionsRequest(current_request_number=MANY, total_request_number=MANY)
    question.experiment.name = question.experiment.spec.algorithm.algorithm_name = "slow"
    parameter = question.experiment.spec.parameter_specs.parameters.add(name="x", parameter_type=api_pb2.DOUBLE)
    parameter.feasible_space.min, parameter.feasible_space.max = "0", "1"
    return question


async def give_up() -> None:
    """Ask for many points, and give up when the first of them is being made."""
    server = build_server(SuggestionService(Registry({"slow": "mine:Slow"})))
    port = server.add_insecure_port("localhost:0")
    await server.start()
    try:
        async with aio.insecure_channel(f"localhost:{port}") as channel:
            call = api_pb2_grpc.SuggestionStub(channel).GetSuggestions(a_question())
            assert await asyncio.to_thread(Slow.begun.wait, HANGS)
            call.cancel()
            await server.stop(None)  # ends once the call has ended
    finally:
        Slow.going_on.set()


def test_a_call_that_was_given_up_makes_no_further_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread is free for others after the point that it was at; all threads have ended when the loop has."""
    module = ModuleType("mine")
    vars(module).update(Slow=Slow)
    monkeypatch.setitem(sys.modules, "mine", module)
    asyncio.run(give_up())
    assert Slow.made == [0]
