"""The DB manager's gRPC services: checks requests, asks the store from threads, says what went wrong (DB-7).

Serves from the start; until the database is there, calls are answered UNAVAILABLE and health NOT_SERVING (DB-8).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, TypeVar

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
from katib_db.rows import (
    LONGEST_NAME,
    LONGEST_NAMESPACE,
    SENTINEL,
    Page,
    Query,
    RequestError,
    Row,
    StoreError,
    StoreUnavailable,
    TrialKey,
    parse_cursor,
)
from katib_domain.timestamps import TimestampError, format_rfc3339, parse_rfc3339

if TYPE_CHECKING:
    from katib_db.store import Store

T = TypeVar("T")
SERVICE = api_pb2.DESCRIPTOR.services_by_name["DBManager"].full_name
KNOWN_SERVICES = ("", "grpc.health.v1.Health", SERVICE)
LOOK_EVERY = 1.0


class Gate:
    """The way to the store: closed until there is a connection."""

    def __init__(self) -> None:
        self.store: Store | None = None
        self.problem = "not connected to the database yet"

    async def call(self, work: Callable[[Store], T]) -> T:
        """Do the work in a thread; raises StoreUnavailable or StoreError."""
        if self.store is None:
            raise StoreUnavailable(self.problem)
        return await asyncio.to_thread(work, self.store)


class DBManager(api_pb2_grpc.DBManagerServicer):
    """api.v1.beta1.DBManager."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def ReportObservationLog(
        self, request: api_pb2.ReportObservationLogRequest, context: aio.ServicerContext[object, object]
    ) -> api_pb2.ReportObservationLogReply:
        key, rows = await _checked(context, lambda: (_key(request), parse_rows(request.observation_log)))
        if rows:
            await self._ask(context, lambda store: store.report(key, rows))
        return api_pb2.ReportObservationLogReply()

    async def GetObservationLog(
        self, request: api_pb2.GetObservationLogRequest, context: aio.ServicerContext[object, object]
    ) -> api_pb2.GetObservationLogReply:
        key, query = await _checked(context, lambda: (_key(request), parse_query(request)))
        page = await self._ask(context, lambda store: store.read(key, query))
        return _reply(page)

    async def DeleteObservationLog(
        self, request: api_pb2.DeleteObservationLogRequest, context: aio.ServicerContext[object, object]
    ) -> api_pb2.DeleteObservationLogReply:
        key = await _checked(context, lambda: _key(request))
        await self._ask(context, lambda store: store.delete(key))
        return api_pb2.DeleteObservationLogReply()

    async def _ask(self, context: aio.ServicerContext[object, object], work: Callable[[Store], T]) -> T:
        try:
            return await self._gate.call(work)
        except StoreUnavailable as error:
            await _abort(context, grpc.StatusCode.UNAVAILABLE, str(error))
        except StoreError as error:
            await _abort(context, grpc.StatusCode.INTERNAL, str(error))


class Health(health_pb2_grpc.HealthServicer):
    """grpc.health.v1.Health: asks the database each time (DB-9)."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: aio.ServicerContext[object, object]
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in KNOWN_SERVICES:
            await _abort(context, grpc.StatusCode.NOT_FOUND, f"unknown service {request.service!r}")
        return health_pb2.HealthCheckResponse(status=await self._status())

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, context: aio.ServicerContext[object, object]
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        told = None
        while True:
            known = request.service in KNOWN_SERVICES
            status = await self._status() if known else health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            if status != told:
                told = status
                yield health_pb2.HealthCheckResponse(status=status)
            await asyncio.sleep(LOOK_EVERY)

    async def _status(self) -> int:
        try:
            await self._gate.call(lambda store: store.ping())
        except (StoreUnavailable, StoreError):
            return health_pb2.HealthCheckResponse.NOT_SERVING
        return health_pb2.HealthCheckResponse.SERVING


def parse_rows(log: api_pb2.ObservationLog) -> list[Row]:
    """The rows of a report; raises RequestError that names the first one that is wrong."""
    return [_row(index, entry) for index, entry in enumerate(log.metric_logs)]


def _row(index: int, entry: api_pb2.MetricLog) -> Row:
    where = f"observation_log.metric_logs[{index}]"
    if not entry.HasField("metric"):
        raise RequestError(f"{where}.metric is missing")
    _check_length(f"{where}.metric.name", entry.metric.name, LONGEST_NAME)
    try:
        time = parse_rfc3339(entry.time_stamp) if entry.time_stamp else SENTINEL
    except TimestampError as error:
        raise RequestError(f"{where}.time_stamp: {error}") from error
    return Row(time, entry.metric.name, entry.metric.value)


def parse_query(request: api_pb2.GetObservationLogRequest) -> Query:
    """The rows that a request asks for; raises RequestError."""
    _check_length("metric_name", request.metric_name, LONGEST_NAME)
    bounds = {}
    for name, text, title in (("start", request.start_time, "start"), ("end", request.end_time, "completion")):
        try:
            bounds[name] = parse_rfc3339(text) if text else None
        except TimestampError as error:
            raise RequestError(f"Error parsing {title} time: {error}") from error
    if request.limit < 0:
        raise RequestError(f"limit is {request.limit}: it must not be negative")
    after = parse_cursor(request.page_token) if request.page_token else None
    return Query(request.metric_name, bounds["start"], bounds["end"], request.limit, after)


TrialRequest = (
    api_pb2.ReportObservationLogRequest | api_pb2.GetObservationLogRequest | api_pb2.DeleteObservationLogRequest
)


def _key(request: TrialRequest) -> TrialKey:
    if not request.trial_name:
        raise RequestError("trial_name is empty")
    _check_length("trial_name", request.trial_name, LONGEST_NAME)
    _check_length("namespace", request.namespace, LONGEST_NAMESPACE)
    return TrialKey(request.namespace, request.trial_name)


def _check_length(field: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise RequestError(f"{field} has {len(text)} characters; {longest} are the most")


def _reply(page: Page) -> api_pb2.GetObservationLogReply:
    entries: Sequence[api_pb2.MetricLog] = [
        api_pb2.MetricLog(
            time_stamp=format_rfc3339(row.time), metric=api_pb2.Metric(name=row.metric_name, value=row.value)
        )
        for row in page.rows
    ]
    token = page.next.token() if page.next else ""
    return api_pb2.GetObservationLogReply(
        observation_log=api_pb2.ObservationLog(metric_logs=entries), next_page_token=token
    )


async def _checked(context: aio.ServicerContext[object, object], parse: Callable[[], T]) -> T:
    try:
        return parse()
    except RequestError as error:
        await _abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error))


async def _abort(context: aio.ServicerContext[object, object], code: grpc.StatusCode, text: str) -> NoReturn:
    await context.abort(code, text)
    raise AssertionError("abort raises")
