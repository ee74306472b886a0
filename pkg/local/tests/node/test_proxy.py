"""The way to Services by their names, asked as a client asks: who may, what is found, and bytes that go both ways."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from katib_local.node.proxy import LOOPBACK, USER, ServiceProxy
from katib_local.node.services import Backend, find_backend

Json = dict[str, Any]
TOKEN = "the token of this start"


@pytest.fixture
async def echo(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a server that sends back what it gets, until the other side has nothing more to say."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_unix_server(serve, str(tmp_path / "echo")):
        yield f"unix:{tmp_path / 'echo'}"


@pytest.fixture
async def port(echo: str, tmp_path: Path) -> AsyncIterator[int]:
    """The port of a proxy that knows one Service by its pods, one by its address, and one that nobody serves."""
    known = {("found.ns", 80): echo, ("silent.ns", 80): f"unix:{tmp_path / 'nobody'}"}

    async def resolve(name: str, port: int) -> str | None:
        return known.get((name, port))

    proxy = ServiceProxy(TOKEN, resolve, {"fixed.ns:6789": echo})
    yield await proxy.start(0)
    await proxy.close()


def credentials(token: str = TOKEN) -> str:
    return f"Proxy-Authorization: Basic {base64.b64encode(f'{USER}:{token}'.encode()).decode()}"


async def ask(port: int, request: str, *headers: str, then: bytes = b"") -> tuple[str, str]:
    """Status line, and everything after the head of the answer."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    head = "\r\n".join([f"{request} HTTP/1.1", "Host: x", *headers, "", ""])
    writer.write(head.encode() + then)
    writer.write_eof()
    answer, _, body = (await asyncio.wait_for(reader.read(), 30)).decode().partition("\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return answer.partition("\r\n")[0], answer.partition("\r\n")[2] + body


@pytest.mark.parametrize(
    "headers",
    [[], [credentials("another token")], ["Proxy-Authorization: Basic nonsense"], [f"Authorization: Basic {TOKEN}"]],
    ids=["none", "wrong", "nonsense", "elsewhere"],
)
async def test_nobody_passes_without_the_token_of_this_start(port: int, headers: list[str]) -> None:
    status, rest = await ask(port, "CONNECT found.ns:80", *headers)
    assert status == "HTTP/1.1 407 Proxy Authentication Required"
    assert 'Proxy-Authenticate: Basic realm="katib"' in rest and "needs the token of this start" in rest


@pytest.mark.parametrize(
    "place",
    [
        "found.ns:80",
        "found.ns.svc:80",
        "found.ns.svc.cluster.local:80",
        "found.ns.svc.cluster.local.:80",
        "fixed.ns:6789",
        "fixed.ns.svc:6789",
    ],
)
async def test_a_service_is_reached_by_every_form_of_its_name(port: int, place: str) -> None:
    status, rest = await ask(port, f"CONNECT {place}", credentials(), then=b"hello")
    assert (status, rest) == ("HTTP/1.1 200 Connection established", "hello")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("unknown.ns:80", "no Service unknown.ns:80 has a ready pod on this machine"),
        ("found.other:80", "no Service found.other:80"),
        ("found.ns:81", "no Service found.ns:81"),
        ("silent.ns:80", "Service silent.ns:80 does not answer: No such file or directory"),
    ],
)
async def test_a_service_that_cannot_be_reached_is_named(port: int, place: str, words: str) -> None:
    status, rest = await ask(port, f"CONNECT {place}", credentials())
    assert status == "HTTP/1.1 502 Bad Gateway" and words in rest


@pytest.mark.parametrize(
    "request_line", ["GET http://found.ns/", "CONNECT found.ns", "CONNECT found.ns:http", "nonsense"]
)
async def test_only_connections_to_a_host_and_port_are_made(port: int, request_line: str) -> None:
    status, rest = await ask(port, request_line, credentials())
    assert status == "HTTP/1.1 405 Method Not Allowed" and "only CONNECT HOST:PORT works here" in rest


async def test_a_head_without_an_end_is_no_request(port: int) -> None:
    status, _ = await ask(port, "CONNECT found.ns:80", "x" * 20000)
    assert status == ""


async def test_the_proxys_end_ends_its_connections_and_is_nobodys_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def nobody(name: str, port: int) -> str | None:
        return None

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    proxy = ServiceProxy(TOKEN, nobody, {"fixed.ns:1": f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}"})
    async with server:
        reader, writer = await asyncio.open_connection(LOOPBACK, await proxy.start(0))
        writer.write(f"CONNECT fixed.ns:1 HTTP/1.1\r\n{credentials()}\r\n\r\n".encode())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        await proxy.close()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert [record.getMessage() for record in caplog.records] == []


async def test_a_grpc_client_finds_a_service_through_the_proxy_of_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a pod's does, which has these variables from its node."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    server.add_insecure_port(f"unix:{tmp_path / 'served'}")
    server.start()

    async def resolve(name: str, port: int) -> str | None:
        return f"unix:{tmp_path / 'served'}" if (name, port) == ("suggestion.ns", 6789) else None

    proxy = ServiceProxy("token", resolve, {})
    monkeypatch.setenv("grpc_proxy", f"http://{USER}:token@{LOOPBACK}:{await proxy.start(0)}")
    try:
        async with grpc.aio.insecure_channel("suggestion.ns:6789") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            reply = await stub.Check(health_pb2.HealthCheckRequest(), timeout=30)
    finally:
        await proxy.close()
        await asyncio.to_thread(server.stop(None).wait)
    assert reply.status == health_pb2.HealthCheckResponse.SERVING


def a_service(**spec: Any) -> Json:
    ports = [{"port": 80, "targetPort": "web"}, {"port": 81, "targetPort": 8081}, {"port": 82, "targetPort": "none"}]
    return {"metadata": {"name": "s", "namespace": "ns"}, "spec": {"selector": {"app": "a"}, "ports": ports, **spec}}


def a_backend(namespace: str = "ns", app: str = "a", ready: bool = True) -> Backend:
    return Backend(namespace, {"app": app, "more": "x"}, {"web": 8080}, {}, ready)


@pytest.mark.parametrize(("port", "expected"), [(80, 8080), (81, 8081), (82, None), (83, 83)])
def test_a_services_port_stands_for_one_of_its_pods(port: int, expected: int | None) -> None:
    found = find_backend(a_service(), port, [a_backend()])
    assert (found[1] if found else None) == expected


@pytest.mark.parametrize(
    ("service", "backend", "answers"),
    [
        (a_service(), a_backend(), True),
        (a_service(), a_backend(namespace="other"), False),
        (a_service(), a_backend(app="b"), False),
        (a_service(), a_backend(ready=False), False),
        (a_service(publishNotReadyAddresses=True), a_backend(ready=False), True),
        (a_service(selector=None), a_backend(), False),
    ],
    ids=["selected", "elsewhere", "another", "not ready", "published all the same", "selects nobody"],
)
def test_the_pods_that_answer_are_selected_and_ready(service: Json, backend: Backend, answers: bool) -> None:
    assert (find_backend(service, 80, [a_backend(app="b"), backend]) is not None) is answers
