"""One look at a container, with real servers at the other end."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent import futures
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from katib_certgenerator.authority import Authority
from katib_local.node.probes import Outcome, ProbeError, Reach, look, port_number

Json = dict[str, Any]
CONTAINER: Json = {"name": "main", "ports": [{"name": "web", "containerPort": 8080}, {"containerPort": 9090}]}


async def no_command(words: Sequence[str]) -> tuple[int, str]:
    raise AssertionError("no command is to be run")


def reach(addresses: Mapping[int, str] | None = None) -> Reach:
    return Reach(CONTAINER, addresses or {}, no_command)


@contextlib.asynccontextmanager
async def a_web_server(
    answer: bytes, asked: list[bytes], path: Path | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Answers everything with the same bytes, at a free port or a Unix socket; keeps what it was asked."""

    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        served.set()

    if path is not None:
        server: asyncio.Server = await asyncio.start_unix_server(serve, str(path))
    else:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield 0 if path is not None else server.sockets[0].getsockname()[1]
        await served.wait()


@pytest.mark.parametrize(
    ("answer", "good", "message"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True, "200"),
        (b"HTTP/1.1 302 Found\r\n\r\n", True, "302"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", False, "HTTP probe failed with statuscode: 503"),
        (b"hello", False, "what answers does not speak HTTP"),
        (b"", False, "what answers does not speak HTTP"),
    ],
)
async def test_http_is_good_from_200_to_399(answer: bytes, good: bool, message: str) -> None:
    asked: list[bytes] = []
    headers = [{"name": "Host", "value": "me"}, {"name": "X-Key", "value": "k"}]
    async with a_web_server(answer, asked) as port:
        outcome = await look({"httpGet": {"port": port, "path": "/a b?c=d", "httpHeaders": headers}}, reach())
    assert outcome.good is good and message in outcome.message
    assert asked[0].startswith(b"GET /a%20b?c=d HTTP/1.1\r\nHost: me\r\n") and b"X-Key: k\r\n" in asked[0]


async def test_https_is_asked_of_anybody_whoever_signed_for_it(tmp_path: Path) -> None:
    issued = Authority.create("nobody", now=datetime.now(UTC)).issue_server(
        "elsewhere", now=datetime.now(UTC), dns_names=["elsewhere"], ip_addresses=[]
    )
    pair = tmp_path / "pair.pem"
    pair.write_bytes(issued.certificate_pem + issued.key_pem)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pair)
    async with a_web_server(b"HTTP/1.1 200 OK\r\n\r\n", [], tls=tls) as port:
        found = [await look({"httpGet": {"port": port, "scheme": scheme}}, reach()) for scheme in ("HTTPS", "HTTP")]
    assert [outcome.good for outcome in found] == [True, False]


@pytest.mark.parametrize("handler", ["httpGet", "tcpSocket"])
async def test_a_named_port_is_looked_at_where_it_is_really_served(tmp_path: Path, handler: str) -> None:
    socket = tmp_path / "socket"
    async with a_web_server(b"HTTP/1.1 200 OK\r\n\r\n", [], socket):
        outcome = await look({handler: {"port": "web"}}, reach({8080: f"unix:{socket}"}))
    assert outcome.good is True


@pytest.mark.parametrize(("port", "number"), [("web", 8080), ("8080", 8080), (81, 81)])
def test_ports_are_numbers_or_names_of_the_containers_ports(port: Any, number: int) -> None:
    assert port_number(port, CONTAINER) == number


@pytest.mark.parametrize(
    ("port", "container", "cure"),
    [
        ("wbe", CONTAINER, "port 'wbe' is not in the ports of container main: name one of web, or use a number"),
        ("web", {"name": "bare"}, "port 'web' is not in the ports of container bare: give the port a name there"),
        (0, CONTAINER, "port 0 is not"),
        (None, CONTAINER, "port None is not"),
    ],
)
def test_a_port_that_is_nowhere_names_the_cure(port: Any, container: Json, cure: str) -> None:
    with pytest.raises(ProbeError, match=cure):
        port_number(port, container)


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        ({"httpGet": {"port": "wbe"}}, "name one of web"),
        ({"grpc": {"port": 0}}, "port 0 is not"),
        ({}, "it has no handler: give it one of exec, grpc, httpGet, tcpSocket"),
        ({"exec": {}}, "exec.command is empty"),
    ],
)
async def test_a_probe_that_cannot_be_tried_is_neither_good_nor_bad(probe: Json, words: str) -> None:
    outcome = await look(probe, reach())
    assert outcome.good is None and words in outcome.message


@pytest.mark.parametrize("handler", ["httpGet", "tcpSocket", "grpc"])
async def test_nobody_at_a_port_is_bad(handler: str, unused_tcp_port: int) -> None:
    outcome = await look({handler: {"port": unused_tcp_port, "host": ""}, "timeoutSeconds": 20}, reach())
    assert outcome.good is False and outcome.message


async def test_an_answer_that_does_not_come_in_time_is_bad() -> None:
    async def hang(words: Sequence[str]) -> tuple[int, str]:
        return await asyncio.get_running_loop().create_future()

    probe = {"exec": {"command": ["x"]}, "timeoutSeconds": 0.001}
    assert await look(probe, Reach(CONTAINER, {}, hang)) == Outcome(False, "no answer within timeoutSeconds (0.001)")


@pytest.fixture
def health_port() -> Any:
    """The port of a gRPC server that serves `good` and not `bad`."""
    servicer = health.HealthServicer()
    servicer.set("good", health_pb2.HealthCheckResponse.SERVING)
    servicer.set("bad", health_pb2.HealthCheckResponse.NOT_SERVING)
    server = grpc.server(futures.ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None).wait()


@pytest.mark.parametrize(
    ("service", "good", "message"), [("good", True, ""), ("bad", False, "NOT_SERVING"), ("none", False, "")]
)
async def test_grpc_is_good_when_the_service_is_serving(
    health_port: int, service: str, good: bool, message: str
) -> None:
    outcome = await look({"grpc": {"port": health_port, "service": service}, "timeoutSeconds": 20}, reach())
    assert outcome.good is good and message in outcome.message
