"""Kinds of trial jobs are found by asking the server (CTL-24)."""

import asyncio
import json
from typing import Any

import pytest

from katib_controller.trial.kinds import TrialKinds
from katib_domain.katib_config import parse_trial_resources
from katib_machinery.clock import ManualClock
from katib_machinery.cluster import Cluster
from katib_machinery.objects import JOBS, Resource
from katib_machinery.transport import ApiError


class Discovery:
    """The answers of a server that gets a kind later on."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.paths: list[str] = []
        self.kinds = {"/apis/kubeflow.org/v1": [{"name": "tfjobs/status", "kind": "TFJob"}]}

    async def request(self, method: str, path: str, **rest: Any) -> bytes:
        if path not in self.kinds:
            if path.endswith("jobs"):
                return await self.api.request(method, path, **rest)
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        self.paths.append(path)
        return json.dumps({"resources": self.kinds[path]}).encode()

    def stream(self, path: str, **rest: Any) -> Any:
        return self.api.stream(path, **rest)


@pytest.fixture
def server(memory_api: Any) -> Discovery:
    return Discovery(memory_api)


async def test_a_kind_is_asked_for_again_after_a_while(server: Discovery) -> None:
    clock = ManualClock()
    kinds = TrialKinds(Cluster(server, clock=clock), ())
    missing = await kinds.find("kubeflow.org/v1", "TFJob")
    assert missing.resource is None and "has no kind TFJob" in missing.problem
    server.kinds["/apis/kubeflow.org/v1"].append({"name": "tfjobs", "kind": "TFJob", "namespaced": True})
    assert (await kinds.find("kubeflow.org/v1", "TFJob")).resource is None
    clock.advance(11)
    found = await kinds.find("kubeflow.org/v1", "TFJob")
    assert found.resource == Resource("kubeflow.org", "v1", "tfjobs", "TFJob") and not found.watched
    await kinds.find("kubeflow.org/v1", "TFJob")
    assert len(server.paths) == 2


async def test_an_unknown_group_is_a_problem_with_the_servers_words(server: Discovery) -> None:
    kinds = TrialKinds(Cluster(server), ())
    assert "could not find" in (await kinds.find("nobody.org/v1", "X")).problem


async def test_wanted_kinds_are_watched_as_soon_as_the_server_has_them(server: Discovery) -> None:
    cluster = Cluster(server, clock=ManualClock())
    kinds = TrialKinds(cluster, parse_trial_resources(["Job.v1.batch", "TFJob.v1.kubeflow.org"]))
    started: list[Resource] = []
    task = asyncio.create_task(kinds.run(started.append))
    async with asyncio.timeout(10):
        while not started:  # noqa: ASYNC110 - until the task has come so far
            await asyncio.sleep(0.01)
        assert started == [JOBS]
        await kinds_synced(cluster)
        assert (await kinds.find("batch/v1", "Job")).watched
        server.kinds["/apis/kubeflow.org/v1"].append({"name": "tfjobs", "kind": "TFJob", "namespaced": True})
        while len(started) < 2:
            cluster.clock.advance(61)  # type: ignore[attr-defined]
            await asyncio.sleep(0.01)
    task.cancel()
    assert started[1].plural == "tfjobs"


async def kinds_synced(cluster: Cluster) -> None:
    informer = cluster.informer(JOBS)
    assert informer is not None
    await informer.wait_synced()
