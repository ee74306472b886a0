"""The early-stopping service beside a real DB manager and a real API server, all over loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from grpc import aio
from grpc_health.v1 import health_pb2_grpc

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
from katib_apis.v1beta1.models import Trial
from katib_client.v1beta1.trial import TrialClient
from katib_db.__main__ import Settings, build_server, connect
from katib_db.service import Gate
from katib_local.testing import ApiServer, running_api_server
from katib_machinery.clock import ManualClock
from katib_machinery.kube import KubeTransport
from katib_machinery.kube import connect as connect_kubernetes
from katib_suggestion.early_stopping import service as served
from katib_suggestion.early_stopping.logs import ObservationLogs
from katib_suggestion.early_stopping.trial_status import TrialMarker

NOW = datetime(2026, 1, 31, 12, 0, 0, 250_000, UTC)
WHEN = "2026-01-31T12:00:00Z"
NAMESPACE = "default"
OTHER_NAMESPACE = "team"


class Rows:
    """A DB manager on SQLite, and what it was told."""

    def __init__(self, address: str, channel: aio.Channel) -> None:
        self.address = address
        self.stub: api_pb2_grpc.DBManagerAsyncStub = api_pb2_grpc.DBManagerStub(channel)

    async def report(
        self, trial: str, values: Sequence[object], *, namespace: str = "", metric: str = "accuracy"
    ) -> None:
        request = api_pb2.ReportObservationLogRequest(trial_name=trial, namespace=namespace)
        for second, value in enumerate(values):
            row = request.observation_log.metric_logs.add(time_stamp=f"2026-01-31T12:00:{second:02}Z")
            row.metric.name, row.metric.value = metric, str(value)
        await self.stub.ReportObservationLog(request)

    async def forget(self, trial: str) -> None:
        await self.stub.DeleteObservationLog(api_pb2.DeleteObservationLogRequest(trial_name=trial))


@asynccontextmanager
async def running_db_manager(file: Path, host: str = "127.0.0.1") -> AsyncIterator[Rows]:
    gate = Gate()
    server = build_server(gate)
    address = f"{host}:{server.add_insecure_port(f'{host}:0')}"
    await server.start()
    try:
        await connect(gate, {"DB_NAME": "sqlite", "KATIB_SQLITE_PATH": str(file)}, Settings("", 5.0, True))
        async with aio.insecure_channel(address) as channel:
            yield Rows(address, channel)
    finally:
        await server.stop(None)
        if gate.store is not None:
            gate.store.close()


@pytest.fixture
async def rows(tmp_path: Path) -> AsyncIterator[Rows]:
    async with running_db_manager(tmp_path / "log.sqlite") as found:
        yield found


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with running_api_server(tmp_path_factory.mktemp("api")) as server:
        server.install_katib()
        server.install([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OTHER_NAMESPACE}}])
        yield server


@pytest.fixture
async def transport(api: ApiServer) -> AsyncIterator[KubeTransport]:
    async with connect_kubernetes(str(api.kubeconfig)) as found:
        yield found


@pytest.fixture
def trials(transport: KubeTransport) -> TrialClient:
    return TrialClient(transport)


@dataclass(frozen=True)
class Service:
    """The service as its callers see it."""

    stub: Any
    health: Any

    async def mark(self, trial: str, namespace: str = "") -> None:
        await self.stub.SetTrialStatus(api_pb2.SetTrialStatusRequest(trial_name=trial, namespace=namespace))

    async def rules(self, request: api_pb2.GetEarlyStoppingRulesRequest) -> Any:
        return await self.stub.GetEarlyStoppingRules(request)


@asynccontextmanager
async def serving(trials: TrialClient) -> AsyncIterator[Service]:
    logs = ObservationLogs()
    server = served.build_server(
        served.EarlyStoppingService(logs, TrialMarker(trials, ManualClock(NOW)), namespace=NAMESPACE)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Service(api_pb2_grpc.EarlyStoppingStub(channel), health_pb2_grpc.HealthStub(channel))
    finally:
        await server.stop(None)
        await logs.close()


@pytest.fixture
async def service(trials: TrialClient) -> AsyncIterator[Service]:
    async with serving(trials) as found:
        yield found


async def a_stored_trial(trials: TrialClient, name: str, *conditions: str, namespace: str = NAMESPACE) -> Trial:
    """A Trial at the API server; its last condition is what it is in, and Running is true only when it is the last."""
    spec = {"objective": {"type": "maximize", "objectiveMetricName": "accuracy"}, "runSpec": {"kind": "Job"}}
    trial = Trial.from_dict({"metadata": {"name": name, "namespace": namespace}, "spec": spec})
    await trials.create(trial)
    given = [
        {
            "type": kind,
            "status": "False" if kind == "Running" and kind != conditions[-1] else "True",
            "reason": f"Trial{kind}",
            "message": f"Trial is {kind.lower()}",
            "lastUpdateTime": "2026-01-31T11:00:00Z",
            "lastTransitionTime": "2026-01-31T11:00:00Z",
        }
        for kind in conditions
    ]
    change = {"status": {"conditions": given, "startTime": "2026-01-31T11:00:00Z"}}
    return await trials.patch(namespace, name, change, subresource="status")


async def status_of(trials: TrialClient, name: str, namespace: str = NAMESPACE) -> dict[str, Any]:
    found: dict[str, Any] = (await trials.get(namespace, name)).to_dict()["status"]
    return found


async def together(*calls: Any) -> None:
    await asyncio.gather(*calls)
