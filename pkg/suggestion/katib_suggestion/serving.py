"""What both gRPC services of this package have in common: limits, health, and how a call is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

Context = aio.ServicerContext[object, object]
UNLIMITED = -1
OPTIONS = [
    # A history of thousands of trials is larger than the 4 MiB that are usual.
    ("grpc.max_receive_message_length", UNLIMITED),
    ("grpc.max_send_message_length", UNLIMITED),
    # Otherwise a second server would silently share the port.
    ("grpc.so_reuseport", 0),
]


class Health(health_pb2_grpc.HealthServicer):
    """grpc.health.v1.Health: it serves as soon as it answers, under these names; the last one is told to who asks for another."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known

    async def Check(self, request: health_pb2.HealthCheckRequest, context: Context) -> health_pb2.HealthCheckResponse:
        if request.service not in self._known:
            text = f"no service {request.service!r} here; ask for {self._known[-1]}"
            await abort(context, grpc.StatusCode.NOT_FOUND, text)
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)


async def abort(context: Context, code: grpc.StatusCode, text: str) -> NoReturn:
    await context.abort(code, text)
    raise AssertionError("abort raises")
