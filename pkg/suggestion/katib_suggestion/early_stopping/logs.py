"""Reads what trials have reported from the DB manager, over gRPC. Must not know what it is read for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from grpc import aio

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
from katib_domain.metric_logs import is_numeric
from katib_suggestion.early_stopping.answers import Log

UNLIMITED = -1
OPTIONS = [("grpc.max_receive_message_length", UNLIMITED), ("grpc.max_reconnect_backoff_ms", 5000)]
CALL_SECONDS = 30.0
CALLS_AT_ONCE = 16
# What is remembered, in values: each trial weighs as much as some values, however few it has.
MOST_REMEMBERED = 500_000
TRIAL_WEIGHT = 10
Values = tuple[float, ...]


class LogError(Exception):
    """A log cannot be read now; the message names trial, address and cause."""


class ObservationLogs:
    """Logs of any number of DB managers.

    The DB manager has no question about many trials, so each costs a call (ES-14); what a trial has reported by its end
    is remembered. A trial that was made anew under the same name has other times, so it is read anew.
    """

    def __init__(self, most_remembered: int = MOST_REMEMBERED) -> None:
        self._channels: dict[str, aio.Channel] = {}
        self._calls = asyncio.Semaphore(CALLS_AT_ONCE)
        self._ended: OrderedDict[tuple[str, Log], Values] = OrderedDict()
        self._weight = 0
        self._most = most_remembered

    async def read(self, address: str, logs: Sequence[Log]) -> dict[str, Values]:
        """The numeric values of each trial, in the order in which they were reported; raises LogError.

        `address` is any target that gRPC knows (ES-11). Values that a collector would not count are left out (ES-03).
        """
        found = await asyncio.gather(*(self._read(address, log) for log in logs))
        return {log.trial: values for log, values in zip(logs, found, strict=True)}

    async def _read(self, address: str, log: Log) -> Values:
        known = self._ended.get((address, log))
        if known is not None:
            self._ended.move_to_end((address, log))
            return known
        try:
            async with self._calls:
                values = await self._ask(self._stub(address), log)
        except aio.AioRpcError as error:
            raise LogError(
                f"the log of trial {log.trial} cannot be read from the DB manager at {address}: "
                f"{error.details() or 'no details'} ({error.code().name})"
            ) from error
        if values and log.completion_time:
            self._remember((address, log), values)
        return values

    async def _ask(self, stub: api_pb2_grpc.DBManagerAsyncStub, log: Log) -> Values:
        """Page by page until there are enough; a DB manager of Katib sends everything at once."""
        values: list[float] = []
        request = api_pb2.GetObservationLogRequest(
            trial_name=log.trial, namespace=log.namespace, metric_name=log.metric, limit=log.longest or 0
        )
        while True:
            reply = await stub.GetObservationLog(request, timeout=CALL_SECONDS)
            texts = (row.metric.value for row in reply.observation_log.metric_logs)
            values += [float(text) for text in texts if is_numeric(text)]
            request.page_token = reply.next_page_token
            if not request.page_token or (log.longest is not None and len(values) >= log.longest):
                return tuple(values[: log.longest])

    def _stub(self, address: str) -> api_pb2_grpc.DBManagerAsyncStub:
        if address not in self._channels:
            self._channels[address] = aio.insecure_channel(address, options=OPTIONS)
        stub: api_pb2_grpc.DBManagerAsyncStub = api_pb2_grpc.DBManagerStub(self._channels[address])
        return stub

    def _remember(self, key: tuple[str, Log], values: Values) -> None:
        """Forget those that were not asked for the longest."""
        if key not in self._ended:
            self._weight += len(values) + TRIAL_WEIGHT
        self._ended[key] = values
        while self._weight > self._most:
            _, oldest = self._ended.popitem(last=False)
            self._weight -= len(oldest) + TRIAL_WEIGHT

    async def close(self) -> None:
        """Close all channels."""
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            await channel.close()
