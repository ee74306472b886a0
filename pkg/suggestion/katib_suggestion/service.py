"""The gRPC services: bytes in, bytes out. Work is done in threads, so that health and other calls are answered meanwhile.

Each algorithm has threads of its own, and those of validation beside them: one that hangs holds up nobody else.
"""

from __future__ import annotations

import logging
from typing import TypeVar

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2_grpc

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc, names
from katib_suggestion.answers import answer_suggestions, answer_validation
from katib_suggestion.checkpoints import Checkpoints
from katib_suggestion.memory import Memory
from katib_suggestion.problem import RefusedError
from katib_suggestion.registry import Registry
from katib_suggestion.serving import OPTIONS, Context, Health, abort
from katib_suggestion.workers import MOST, EndingError, StuckError, Work, Workers

log = logging.getLogger(__name__)
T = TypeVar("T")


class SuggestionService(api_pb2_grpc.SuggestionServicer):
    """api.v1.beta1.Suggestion, for every algorithm and any number of Experiments."""

    def __init__(
        self,
        registry: Registry,
        *,
        strict_count: bool = False,
        checkpoints: Checkpoints | None = None,
        threads: int = MOST,
    ) -> None:
        """With so many threads for each algorithm."""
        self._registry = registry
        self._strict_count = strict_count
        self._checkpoints = checkpoints
        self._memory = Memory()
        self._workers = Workers(threads)

    async def GetSuggestions(
        self, request: api_pb2.GetSuggestionsRequest, context: Context
    ) -> api_pb2.GetSuggestionsReply:
        return await self._answer(
            context,
            request,
            lambda given_up: answer_suggestions(
                request,
                self._registry,
                strict_count=self._strict_count,
                memory=self._memory,
                checkpoints=self._checkpoints,
                given_up=given_up,
            ),
        )

    async def ValidateAlgorithmSettings(
        self, request: api_pb2.ValidateAlgorithmSettingsRequest, context: Context
    ) -> api_pb2.ValidateAlgorithmSettingsReply:
        await self._answer(context, request, lambda _: answer_validation(request, self._registry, self._checkpoints))
        return api_pb2.ValidateAlgorithmSettingsReply()

    async def _answer(
        self,
        context: Context,
        request: api_pb2.GetSuggestionsRequest | api_pb2.ValidateAlgorithmSettingsRequest,
        work: Work[T],
    ) -> T:
        """Do the work in a thread and give its errors the codes of algorithms.md §2.5.

        It is told how to ask whether the call was given up: cancelled by its caller, or past its deadline.
        """
        name = request.experiment.spec.algorithm.algorithm_name
        place = self._registry.places.get(name, "unknown")
        told = f"algorithm {name} ({place})"
        try:
            return await self._workers.run((type(request), place), work)
        except RefusedError as error:
            await abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except EndingError as error:
            log.exception("cannot answer")
            text = f"{told} raised {error}: raise an Exception, which is about one call only"
            await abort(context, grpc.StatusCode.INTERNAL, text)
        except StuckError as error:
            log.warning("%s is not asked: %s", told, error)
            text = f"{told} is not asked: {error}: if it never ends, mend it and start the service again"
            await abort(context, grpc.StatusCode.RESOURCE_EXHAUSTED, text)
        except Exception as error:  # a mistake of ours: the caller may try again, the operator sees where
            log.exception("cannot answer")
            await abort(context, grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")


def build_server(service: SuggestionService) -> aio.Server:
    """A server with both services, not listening yet."""
    server = aio.server(options=OPTIONS)
    api_pb2_grpc.add_SuggestionServicer_to_server(service, server)
    health_pb2_grpc.add_HealthServicer_to_server(Health([names.HEALTH_SERVICE_SUGGESTION]), server)  # grpc.md §4
    return server
