"""The gRPC services: questions in, rules and marks out, and what went wrong as a code of its own (ES-10)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable
from typing import Protocol, TypeVar

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2_grpc

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
from katib_machinery.transport import ApiError, UnreachableError
from katib_suggestion.early_stopping.answers import (
    EndedError,
    answer_rules,
    read_stopper,
    read_task,
    wanted_logs,
)
from katib_suggestion.early_stopping.logs import LogError, ObservationLogs
from katib_suggestion.problem import RefusedError
from katib_suggestion.serving import OPTIONS, Context, Health, abort
from katib_suggestion.settings import shown

log = logging.getLogger(__name__)
T = TypeVar("T")
SERVICE = api_pb2.DESCRIPTOR.services_by_name["EarlyStopping"].full_name
KNOWN_SERVICES = ("", SERVICE)
# What a Kubernetes name may be; anything else would be another path at the API server.
OBJECT_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
API_CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    429: grpc.StatusCode.UNAVAILABLE,
}


class Marker(Protocol):
    """Marks Trials as stopped early."""

    async def mark(self, namespace: str, name: str) -> None:
        """Return when the mark is stored; raises EndedError, ApiError or UnreachableError."""


class EarlyStoppingService(api_pb2_grpc.EarlyStoppingServicer):
    """api.v1.beta1.EarlyStopping, for every algorithm and any number of Experiments.

    `namespace` is that of Trials whose caller names none, as Katib's collectors do.
    """

    def __init__(self, logs: ObservationLogs, marker: Marker, namespace: str) -> None:
        self._logs = logs
        self._marker = marker
        self._namespace = namespace

    async def GetEarlyStoppingRules(
        self, request: api_pb2.GetEarlyStoppingRulesRequest, context: Context
    ) -> api_pb2.GetEarlyStoppingRulesReply:
        return await _answer(context, self._rules(request))

    async def _rules(self, request: api_pb2.GetEarlyStoppingRulesRequest) -> api_pb2.GetEarlyStoppingRulesReply:
        task = read_task(request)
        values = await self._logs.read(request.db_manager_address, wanted_logs(task, request))
        return await asyncio.to_thread(answer_rules, task, request.trials, values)

    async def ValidateEarlyStoppingSettings(
        self, request: api_pb2.ValidateEarlyStoppingSettingsRequest, context: Context
    ) -> api_pb2.ValidateEarlyStoppingSettingsReply:
        return await _answer(context, _validate(request))

    async def SetTrialStatus(
        self, request: api_pb2.SetTrialStatusRequest, context: Context
    ) -> api_pb2.SetTrialStatusReply:
        return await _answer(context, self._mark(request))

    async def _mark(self, request: api_pb2.SetTrialStatusRequest) -> api_pb2.SetTrialStatusReply:
        namespace = request.namespace or self._namespace
        for field, name in (("namespace", namespace), ("trial_name", request.trial_name)):
            if not OBJECT_NAME.fullmatch(name):
                raise RefusedError(f"{field}: {shown(name)} is no name that an object of Kubernetes can have")
        await self._marker.mark(namespace, request.trial_name)
        return api_pb2.SetTrialStatusReply()


async def _validate(
    request: api_pb2.ValidateEarlyStoppingSettingsRequest,
) -> api_pb2.ValidateEarlyStoppingSettingsReply:
    read_stopper(request.early_stopping)
    return api_pb2.ValidateEarlyStoppingSettingsReply()


async def _answer(context: Context, work: Awaitable[T]) -> T:
    """Do the work and give its errors their codes."""
    try:
        return await work
    except RefusedError as error:
        await abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except EndedError as error:
        await abort(context, grpc.StatusCode.FAILED_PRECONDITION, str(error))
    except (LogError, UnreachableError) as error:
        await abort(context, grpc.StatusCode.UNAVAILABLE, str(error))
    except ApiError as error:
        transient = grpc.StatusCode.UNAVAILABLE if error.code >= 500 else grpc.StatusCode.INTERNAL
        await abort(context, API_CODES.get(error.code, transient), str(error))
    except Exception as error:  # a mistake of ours: the caller may try again, the operator sees where
        log.exception("cannot answer")
        await abort(context, grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")


def build_server(service: EarlyStoppingService) -> aio.Server:
    """A server with both services, not listening yet."""
    server = aio.server(options=OPTIONS)
    api_pb2_grpc.add_EarlyStoppingServicer_to_server(service, server)
    health_pb2_grpc.add_HealthServicer_to_server(Health(KNOWN_SERVICES), server)
    return server
