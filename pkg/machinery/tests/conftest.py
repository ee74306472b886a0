"""Servers for the tests of the machinery: real HTTP on loopback, with answers that a test scripts or a small store gives."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from katib_machinery.kube import KubeTransport
from katib_machinery.kubeconfig import Connection

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def until(condition: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Return when the condition holds; fail when it does not come true before the deadline."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "the awaited condition did not come true"
        await asyncio.sleep(0.002)


@dataclass
class Seen:
    """A request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class ScriptedServer:
    """Answers each path with its scripted answers in turn; the last one stays."""

    requests: list[Seen] = field(default_factory=list)
    url: str = ""
    _script: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    _forever: asyncio.Event = field(default_factory=asyncio.Event)

    def on(self, call: str, *answers: Answer) -> None:
        """Script `GET /path`; the key `WATCH /path` is for GETs with watch=true."""
        self._script[call] += answers

    def seen(self, call: str) -> list[Seen]:
        return [request for request in self.requests if f"{request.method} {request.path}" == call]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        method = "WATCH" if request.query.get("watch") == "true" else request.method
        parsed = json.loads(body) if body else None
        self.requests.append(Seen(method, request.path, dict(request.query), dict(request.headers), parsed))
        answers = self._script.get(f"{method} {request.path}")
        if not answers:
            return self.status(404, "NotFound")
        return await (answers.pop(0) if len(answers) > 1 else answers[0])(request)

    @staticmethod
    def status(code: int, reason: str, message: str = "", **details: Any) -> web.Response:
        body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}
        return web.json_response({**body, "details": details}, status=code)

    def refuse(self, code: int, reason: str, message: str = "", **details: Any) -> Answer:
        async def answer(_: web.Request) -> web.StreamResponse:
            return self.status(code, reason, message, **details)

        return answer

    def json(self, document: Any) -> Answer:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.json_response(document)

        return answer

    def listing(self, *items: Any, version: str = "1", following: str = "") -> Answer:
        metadata = {"resourceVersion": version, **({"continue": following} if following else {})}
        return self.json({"kind": "List", "metadata": metadata, "items": list(items)})

    def events(self, *events: tuple[str, Any], then: str = "hang") -> Answer:
        """A watch with these events; then it hangs, ends, or breaks off."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for kind, obj in events:
                await response.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")
            if then == "hang":
                await self._forever.wait()
            if then == "reset":
                assert request.transport is not None
                request.transport.abort()
            return response

        return answer

    def release(self) -> None:
        self._forever.set()


class SmallStore:
    """Objects in memory behind the verbs of Kubernetes: versions, conflicts, status apart, finalizers, watches."""

    def __init__(self) -> None:
        self.version = 0
        self.objects: dict[str, dict[str, Any]] = {}
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.calls: list[tuple[str, str, Any]] = []
        self.refusals: list[tuple[str, int, str]] = []
        self.gate: asyncio.Event = asyncio.Event()
        self.gate.set()
        self.delay_status: float = 0.0
        self._changed = asyncio.Event()
        self._closing = False

    def writes(self, method: str, ending: str = "") -> list[Any]:
        """Bodies of the writes of that method to paths that end so."""
        return [body for verb, path, body in self.calls if verb == method and path.endswith(ending)]

    def _note(self, kind: str, obj: dict[str, Any]) -> None:
        self.log.append((kind, json.loads(json.dumps(obj))))
        self._changed.set()
        self._changed = asyncio.Event()

    def _bump(self, obj: dict[str, Any]) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)

    def change(self, path: str, **parts: Any) -> dict[str, Any]:
        """A stranger's write."""
        obj = self.objects[path]
        obj.update(parts)
        self._bump(obj)
        self._note("MODIFIED", obj)
        return obj

    def close(self) -> None:
        self._closing = True
        self._changed.set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        path = request.path
        if request.query.get("watch") == "true":
            return await self._watch(request)
        self.calls.append((request.method, path, body))
        await self.gate.wait()
        for index, (method, code, reason) in enumerate(self.refusals):
            if method == request.method:
                del self.refusals[index]
                return ScriptedServer.status(code, reason)
        return getattr(self, f"_{request.method.lower()}")(path, body)  # type: ignore[no-any-return]

    def _get(self, path: str, _: Any) -> web.Response:
        if path in self.objects:
            return web.json_response(self.objects[path])
        if path.rsplit("/", 1)[-1] not in ("jobs", "widgets", "events", "leases"):
            return ScriptedServer.status(404, "NotFound")
        plural = path.rsplit("/", 1)[-1]
        items = [obj for key, obj in self.objects.items() if f"/{plural}/" in key]
        return web.json_response({"metadata": {"resourceVersion": str(self.version)}, "items": items})

    def _post(self, path: str, body: dict[str, Any]) -> web.Response:
        key = f"{path}/{body['metadata']['name']}"
        if key in self.objects:
            return ScriptedServer.status(409, "AlreadyExists", f"{key} already exists")
        namespace = path.split("/namespaces/")[1].split("/")[0]
        body["metadata"] |= {"uid": str(uuid.uuid4()), "namespace": namespace}
        self.objects[key] = body
        self._bump(body)
        self._note("ADDED", body)
        return web.json_response(body, status=201)

    def _put(self, path: str, body: dict[str, Any]) -> web.Response:
        key, part = (path[: -len("/status")], "status") if path.endswith("/status") else (path, "object")
        stored = self.objects.get(key)
        if stored is None:
            return ScriptedServer.status(404, "NotFound")
        if body["metadata"].get("resourceVersion") != stored["metadata"]["resourceVersion"]:
            return ScriptedServer.status(409, "Conflict", "the object has been modified")
        if part == "status":
            stored["status"] = body.get("status")
        else:
            stored.update({name: value for name, value in body.items() if name not in ("status", "metadata")})
            stored["metadata"]["labels"] = body["metadata"].get("labels", {})
        self._bump(stored)
        self._note("MODIFIED", stored)
        return web.json_response(stored)

    def _patch(self, path: str, body: dict[str, Any]) -> web.Response:
        stored = self.objects.get(path)
        if stored is None:
            return ScriptedServer.status(404, "NotFound")
        wanted = body.get("metadata", {}).pop("resourceVersion", None)
        if wanted is not None and wanted != stored["metadata"]["resourceVersion"]:
            return ScriptedServer.status(409, "Conflict")
        stored["metadata"] |= body.pop("metadata", {})
        stored.update(body)
        self._bump(stored)
        if "deletionTimestamp" in stored["metadata"] and not stored["metadata"].get("finalizers"):
            del self.objects[path]
            self._note("DELETED", stored)
        else:
            self._note("MODIFIED", stored)
        return web.json_response(stored)

    def _delete(self, path: str, body: dict[str, Any] | None) -> web.Response:
        stored = self.objects.get(path)
        if stored is None:
            return ScriptedServer.status(404, "NotFound")
        wanted = ((body or {}).get("preconditions") or {}).get("uid")
        if wanted and wanted != stored["metadata"]["uid"]:
            return ScriptedServer.status(409, "Conflict", "the UID in the precondition does not match")
        self._bump(stored)
        if stored["metadata"].get("finalizers"):
            stored["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            self._note("MODIFIED", stored)
            return web.json_response(stored)
        del self.objects[path]
        self._note("DELETED", stored)
        return web.json_response({"kind": "Status", "status": "Success"})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        plural = request.path.rsplit("/", 1)[-1]
        since, place = int(request.query.get("resourceVersion") or 0), 0
        while not self._closing:
            while place < len(self.log):
                kind, obj = self.log[place]
                place += 1
                if int(obj["metadata"]["resourceVersion"]) > since and obj["kind"].lower() + "s" == plural:
                    await response.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")
            changed = self._changed
            if place == len(self.log):
                await changed.wait()
        return response


@pytest.fixture
def wait() -> Callable[..., Awaitable[None]]:
    """`await wait(condition)`: until it holds, with a deadline."""
    return until


async def serving(answer: Answer) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await site.stop()
    # A connection that was accepted a moment ago becomes known to the runner within a few turns of the loop.
    for _ in range(10):
        await asyncio.sleep(0)
    await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    scripted = ScriptedServer()
    async for url in serving(scripted.answer):
        scripted.url = url
        yield scripted
        scripted.release()


@pytest.fixture
async def transport(server: ScriptedServer) -> AsyncIterator[KubeTransport]:
    async with KubeTransport(Connection(server.url)) as made:
        yield made


@pytest.fixture
def store() -> SmallStore:
    return SmallStore()


@pytest.fixture
async def store_transport(store: SmallStore) -> AsyncIterator[KubeTransport]:
    async for url in serving(store.answer):
        async with KubeTransport(Connection(url)) as made:
            yield made
        store.close()


@pytest.fixture
async def tasks() -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Tasks put here are cancelled at the end of the test."""
    started: list[asyncio.Task[Any]] = []
    yield started
    for task in started:
        task.cancel()
    await asyncio.gather(*started, return_exceptions=True)
