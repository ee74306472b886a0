"""Sends rows to the DB manager and the early stop to its service; keeps trying, since rows are lost otherwise (COL-3).

grpc is loaded on first use: most of a collector's life is waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from katib_domain.metric_logs import MetricRow
from katib_metricscollector.tail import warn

if TYPE_CHECKING:
    from katib_apis.v1beta1 import api_pb2

MOST_ROWS = 10_000
MOST_BYTES = 2 * 1024 * 1024
ROW_OVERHEAD = 64
KEEP_TRYING = 300.0
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 15.0
CALL_SECONDS = 60.0
STOP_TRIES = 5


class ReportError(Exception):
    """Something was not accepted however often it was tried."""


def chunks(rows: Sequence[MetricRow]) -> Iterator[Sequence[MetricRow]]:
    """Rows in requests of at most 10,000 rows and 2 MiB (COL-14)."""
    start, size = 0, 0
    for index, row in enumerate(rows):
        weight = len(row.name.encode()) + len(row.value.encode()) + ROW_OVERHEAD
        if index > start and (size + weight > MOST_BYTES or index - start >= MOST_ROWS):
            yield rows[start:index]
            start, size = index, 0
        size += weight
    if rows[start:]:
        yield rows[start:]


def report_rows(address: str, trial: str, namespace: str, rows: Sequence[MetricRow]) -> None:
    """Report all rows; raises ReportError after five minutes of trying."""
    from katib_apis.v1beta1 import api_pb2_grpc

    with _channel(address) as channel:
        stub = api_pb2_grpc.DBManagerStub(channel)
        for part in chunks(rows):
            call = partial(stub.ReportObservationLog, _request(trial, namespace, part), timeout=CALL_SECONDS)
            _keep_trying(call, KEEP_TRYING)


def _request(trial: str, namespace: str, rows: Sequence[MetricRow]) -> api_pb2.ReportObservationLogRequest:
    from katib_apis.v1beta1 import api_pb2

    entries = [
        api_pb2.MetricLog(time_stamp=row.time, metric=api_pb2.Metric(name=row.name, value=row.value)) for row in rows
    ]
    log = api_pb2.ObservationLog(metric_logs=entries)
    return api_pb2.ReportObservationLogRequest(trial_name=trial, namespace=namespace, observation_log=log)


def report_early_stop(address: str, trial: str, namespace: str) -> None:
    """Say that the trial was stopped early; raises ReportError after five tries (COL-2)."""
    from katib_apis.v1beta1 import api_pb2, api_pb2_grpc

    request = api_pb2.SetTrialStatusRequest(trial_name=trial, namespace=namespace)
    with _channel(address) as channel:
        stub = api_pb2_grpc.EarlyStoppingStub(channel)
        _keep_trying(lambda: stub.SetTrialStatus(request, timeout=CALL_SECONDS), KEEP_TRYING, tries=STOP_TRIES)


def _channel(address: str) -> Any:
    import grpc

    return grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)])


def _keep_trying(call: Callable[[], object], limit: float, tries: int = 0) -> None:
    import grpc

    deadline, pause, tried = time.monotonic() + limit, FIRST_PAUSE, 0
    while True:
        try:
            call()
            return
        except grpc.RpcError as error:
            tried += 1
            code, details = error.code(), error.details()
            if code == grpc.StatusCode.INVALID_ARGUMENT or tried == tries or time.monotonic() + pause > deadline:
                raise ReportError(f"{code.name}: {details}") from error
            warn(f"trying again in {pause:.1f} s: {code.name}: {details}")
        time.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 2)
