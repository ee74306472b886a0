"""SetTrialStatus at a real API server (early-stopping.md §5, ES-01, ES-10)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from contracts.early_stopping.conftest import (
    NAMESPACE,
    OTHER_NAMESPACE,
    WHEN,
    Service,
    a_stored_trial,
    serving,
    status_of,
    together,
)
from grpc import aio

from katib_apis.v1beta1.models import Trial
from katib_client.v1beta1.trial import TrialClient
from katib_local.testing import running_api_server
from katib_machinery.kube import KubeTransport, connect


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(aio.AioRpcError) as error:
        await call
    return error.value.code(), str(error.value.details())


async def test_a_running_trial_is_marked_in_utc_and_runs_no_more(service: Service, trials: TrialClient) -> None:
    """ES-10, CTL-27, GRPC-14: type, status, reason and message as in Katib."""
    await a_stored_trial(trials, "running", "Created", "Running")
    await service.mark("running")
    status = await status_of(trials, "running")
    assert status["completionTime"] == WHEN
    assert [(entry["type"], entry["status"]) for entry in status["conditions"]] == [
        ("Created", "True"),
        ("Running", "False"),
        ("EarlyStopped", "True"),
    ]
    assert status["conditions"][-1] == {
        "type": "EarlyStopped",
        "status": "True",
        "reason": "TrialEarlyStopped",
        "message": "Trial is early stopped",
        "lastUpdateTime": WHEN,
        "lastTransitionTime": WHEN,
    }


async def test_a_second_call_changes_nothing(service: Service, trials: TrialClient) -> None:
    """ES-10."""
    await a_stored_trial(trials, "twice", "Created", "Running")
    await service.mark("twice")
    before = (await trials.get("default", "twice")).resource_version
    await service.mark("twice")
    assert (await trials.get("default", "twice")).resource_version == before


async def test_a_stopped_trial_without_metrics_counts_as_stopped(service: Service, trials: TrialClient) -> None:
    """CTL-16: it has both conditions."""
    await a_stored_trial(trials, "both", "Created", "EarlyStopped", "MetricsUnavailable")
    await service.mark("both")


@pytest.mark.parametrize("end", ["Succeeded", "Failed", "Killed", "MetricsUnavailable"])
async def test_a_trial_that_has_ended_is_left_alone(service: Service, trials: TrialClient, end: str) -> None:
    """ES-10."""
    name = f"ended-{end.lower()}"
    before = await a_stored_trial(trials, name, "Created", "Running", end)
    code, words = await refused(service.mark(name))
    assert code is grpc.StatusCode.FAILED_PRECONDITION and name in words and end in words
    assert (await trials.get("default", name)).resource_version == before.resource_version


async def test_an_unknown_trial_is_not_found(service: Service) -> None:
    """ES-10."""
    code, words = await refused(service.mark("nobody"))
    assert code is grpc.StatusCode.NOT_FOUND and "nobody" in words


async def test_the_callers_namespace_counts_and_the_services_own_where_none_is_named(
    service: Service, trials: TrialClient
) -> None:
    """GRPC-7: two Trials of one name."""
    for namespace in (NAMESPACE, OTHER_NAMESPACE):
        await a_stored_trial(trials, "namesake", "Created", "Running", namespace=namespace)
    await service.mark("namesake", OTHER_NAMESPACE)
    assert (await status_of(trials, "namesake"))["conditions"][-1]["type"] == "Running"
    assert (await status_of(trials, "namesake", OTHER_NAMESPACE))["conditions"][-1]["type"] == "EarlyStopped"
    await service.mark("namesake")
    assert (await status_of(trials, "namesake"))["conditions"][-1]["type"] == "EarlyStopped"


@pytest.mark.parametrize("name", ["", "a/status", "../experiments/a", "a?b", "Trial", "a" * 254])
async def test_what_is_no_name_never_becomes_a_path(service: Service, name: str) -> None:
    code, words = await refused(service.mark(name))
    assert code is grpc.StatusCode.INVALID_ARGUMENT and words.startswith("trial_name: ")
    if name:
        code, words = await refused(service.mark("a", namespace=name))
        assert code is grpc.StatusCode.INVALID_ARGUMENT and words.startswith("namespace: ")


class Overtaken(TrialClient):
    """A client in whose reads somebody else always writes first, so often."""

    def __init__(self, transport: KubeTransport, times: int, change: dict[str, Any]) -> None:
        super().__init__(transport)
        self.times = times
        self.change = change

    async def get(self, namespace: str, name: str) -> Trial:
        trial = await super().get(namespace, name)
        if self.times:
            self.times -= 1
            await super().patch(namespace, name, {"status": self.change}, subresource="status")
        return trial


OBSERVED = {"observation": {"metrics": [{"name": "accuracy", "min": "0.1", "max": "0.2", "latest": "0.2"}]}}


async def test_a_write_of_somebody_else_in_between_is_kept(transport: KubeTransport, trials: TrialClient) -> None:
    """ES-10: only the conditions are patched, and again when the Trial has changed meanwhile."""
    await a_stored_trial(trials, "contested", "Created", "Running")
    async with serving(Overtaken(transport, 1, OBSERVED)) as service:
        await service.mark("contested")
    status = await status_of(trials, "contested")
    assert status["observation"] == OBSERVED["observation"]
    assert status["conditions"][-1]["type"] == "EarlyStopped"


async def test_a_trial_that_ends_in_between_is_left_as_it_ended(transport: KubeTransport, trials: TrialClient) -> None:
    """ES-10."""
    await a_stored_trial(trials, "overtaken", "Created", "Running")
    ended = {"conditions": [{"type": "Succeeded", "status": "True", "reason": "r", "message": "m"}]}
    async with serving(Overtaken(transport, 1, ended)) as service:
        code, _ = await refused(service.mark("overtaken"))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert [entry["type"] for entry in (await status_of(trials, "overtaken"))["conditions"]] == ["Succeeded"]


async def test_a_trial_that_never_stands_still_is_given_up(transport: KubeTransport, trials: TrialClient) -> None:
    await a_stored_trial(trials, "restless", "Created", "Running")

    class Restless(Overtaken):
        async def get(self, namespace: str, name: str) -> Trial:
            self.change = {"startTime": f"2026-01-31T11:00:{self.times:02}Z"}
            return await super().get(namespace, name)

    async with serving(Restless(transport, 50, {})) as service:
        code, _ = await refused(service.mark("restless"))
    assert code is grpc.StatusCode.ABORTED


async def test_many_callers_at_once_leave_one_condition(service: Service, trials: TrialClient) -> None:
    """ES-10: set or replaced by type, never appended twice."""
    await a_stored_trial(trials, "popular", "Created", "Running")
    await together(*(service.mark("popular") for _ in range(5)))
    conditions = (await status_of(trials, "popular"))["conditions"]
    assert [entry["type"] for entry in conditions].count("EarlyStopped") == 1


@pytest.fixture
async def lonely(tmp_path: Path) -> AsyncIterator[Service]:
    """A service whose API server has gone."""
    with running_api_server(tmp_path / "gone") as gone:
        kubeconfig = str(gone.kubeconfig)
    async with connect(kubeconfig) as transport, serving(TrialClient(transport)) as service:
        yield service


async def test_an_api_server_that_does_not_answer_is_unavailable(lonely: Service) -> None:
    """ES-10."""
    code, _ = await refused(lonely.mark("anybody"))
    assert code is grpc.StatusCode.UNAVAILABLE
