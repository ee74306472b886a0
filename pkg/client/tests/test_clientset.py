"""Typed clients, listers and informers, over real HTTP against a small API server."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from katib_apis.v1beta1.models import Experiment, ExperimentSpec, ObjectMeta, Trial, TrialStatus
from katib_apis.v1beta1.resources import EXPERIMENTS, TRIALS
from katib_client.v1beta1 import KatibClientset, TrialLister, new_trial_informer
from katib_machinery.informer import Handler
from katib_machinery.kube import KubeTransport, load_transport
from katib_machinery.model import FrozenError
from katib_machinery.objects import ObjectKey
from katib_machinery.transport import ApiError

DEADLINE = 10


class Store:
    """As much of an API server as these tests ask for: objects by path, and a watch that tells of each write."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.watches: list[asyncio.Queue[dict[str, Any] | None]] = []
        self.watched = asyncio.Event()
        self.version = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        return app

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await self.watch(request)
        if request.method == "GET":
            return self.read(request)
        document = await request.json()
        return web.json_response(self.write(request.path, document, created=request.method == "POST"))

    def read(self, request: web.Request) -> web.Response:
        if request.path in self.objects:
            return web.json_response(self.objects[request.path])
        plural = request.path.rsplit("/", 1)[1]
        if plural not in ("trials", "experiments"):
            status = {"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound", "message": "not found"}
            return web.json_response(status, status=404)
        items = [stored for path, stored in sorted(self.objects.items()) if f"/{plural}/" in path]
        return web.json_response({"metadata": {"resourceVersion": str(self.version)}, "items": items})

    def write(self, path: str, document: dict[str, Any], *, created: bool) -> dict[str, Any]:
        self.version += 1
        place = f"{path}/{document['metadata']['name']}" if created else path.removesuffix("/status")
        document["metadata"]["resourceVersion"] = str(self.version)
        document["metadata"].setdefault("uid", f"uid-{self.version}")
        self.objects[place] = document
        for queue in self.watches:
            queue.put_nowait({"type": "ADDED" if created else "MODIFIED", "object": document})
        return document

    async def watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.watches.append(queue)
        self.watched.set()
        while (event := await queue.get()) is not None:
            await response.write(json.dumps(event).encode() + b"\n")
        return response


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = Store()
    yield store
    for queue in store.watches:
        queue.put_nowait(None)


@pytest.fixture
async def transport(store: Store, tmp_path: Path) -> AsyncIterator[KubeTransport]:
    runner = web.AppRunner(store.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": f"http://{host}:{port}"}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
            }
        )
    )
    transport = await load_transport(str(kubeconfig))
    yield transport
    await transport.close()
    await runner.cleanup()


def a_trial(name: str) -> Trial:
    return Trial(metadata=ObjectMeta(name=name, namespace="n"))


async def test_a_kind_is_created_read_and_changed_as_its_model(transport: KubeTransport, store: Store) -> None:
    experiments = KatibClientset(transport).experiments
    created = await experiments.create(
        Experiment(metadata=ObjectMeta(name="a", namespace="n"), spec=ExperimentSpec(max_trial_count=3))
    )
    assert (created.key, created.resource_version) == (ObjectKey("n", "a"), "1")
    stored = store.objects[EXPERIMENTS.path("n", "a")]
    assert (stored["apiVersion"], stored["kind"], stored["spec"]) == (
        "kubeflow.org/v1beta1",
        "Experiment",
        {"maxTrialCount": 3},
    )
    read = await experiments.get("n", "a")
    assert read.spec is not None and read.spec.max_trial_count == 3
    assert [item.name for item in await experiments.list("n")] == ["a"]


async def test_an_absent_object_raises(transport: KubeTransport) -> None:
    with pytest.raises(ApiError) as refused:
        await KatibClientset(transport).suggestions.get("n", "missing")
    assert refused.value.not_found


async def test_a_lister_shows_what_the_informer_has_seen_and_nobody_can_change_it(
    transport: KubeTransport, store: Store
) -> None:
    bad: list[object] = []
    informer = new_trial_informer(
        transport, on_bad=lambda error, raw: bad.append(raw), indexers={"label": lambda trial: trial.labels.values()}
    )
    trials, lister = KatibClientset(transport).trials, TrialLister(informer.indexer)
    await trials.create(a_trial("first"))
    store.objects[TRIALS.path("n", "odd")] = {"metadata": {"name": "odd", "namespace": "n"}, "spec": []}
    seen = asyncio.Event()
    informer.add_handler(Handler(on_add=lambda trial: seen.set() if trial.name == "second" else None))
    running = asyncio.create_task(informer.run())
    try:
        async with asyncio.timeout(DEADLINE):
            await informer.wait_synced()
            await store.watched.wait()
            second = a_trial("second")
            second.metadata.labels = {"a": "b"}
            await trials.create(second)
            await seen.wait()
        assert {trial.name for trial in lister.list("n")} == {"first", "second"}
        assert [trial.name for trial in lister.by_index("label", "b")] == ["second"]
        assert [raw["metadata"]["name"] for raw in bad] == ["odd"]  # type: ignore[index]
        cached = lister.get(ObjectKey("n", "second"))
        assert cached is not None
        with pytest.raises(FrozenError):
            cached.status = TrialStatus()
        changed = cached.deep_copy()
        changed.status = TrialStatus()
        assert (await trials.update_status(changed)).name == "second"
    finally:
        running.cancel()
