"""One look at a container: by gRPC, HTTP or TCP at its real addresses, or by a command inside it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from katib_local.node.images import CURE
from katib_local.node.sandboxes import SandboxError

Json = Mapping[str, Any]
Execute = Callable[[Sequence[str]], Awaitable[tuple[int, str]]]
LOOPBACK = "127.0.0.1"
HIGHEST_PORT = 65535
KINDS = ("exec", "grpc", "httpGet", "tcpSocket")


class ProbeError(Exception):
    """A probe that cannot be tried; the message names field and cure."""


@dataclass(frozen=True)
class Reach:
    """How a container is reached: its spec, where declared ports are really served, and how a command runs in it."""

    container: Json
    addresses: Mapping[int, str]
    execute: Execute


@dataclass(frozen=True)
class Outcome:
    """What a look has shown; `good` is None when there was nothing to see."""

    good: bool | None
    message: str = ""


async def look(probe: Json, reach: Reach) -> Outcome:
    """Try a probe once, for as long as it may take."""
    seconds = float(probe.get("timeoutSeconds") or 1)
    try:
        async with asyncio.timeout(seconds):
            return await _look(probe, reach)
    except TimeoutError:
        return Outcome(False, f"no answer within timeoutSeconds ({seconds:g})")
    except OSError as error:
        return Outcome(False, error.strerror or str(error))
    except (ProbeError, SandboxError) as error:
        return Outcome(None, str(error))


async def _look(probe: Json, reach: Reach) -> Outcome:
    kind = next((kind for kind in KINDS if probe.get(kind) is not None), None)
    match kind:
        case "exec":
            return await _exec(probe["exec"], reach)
        case "grpc":
            return await _grpc(address(probe["grpc"], reach), str(probe["grpc"].get("service") or ""))
        case "httpGet":
            return await _http(address(probe["httpGet"], reach), probe["httpGet"])
        case "tcpSocket":
            return await _connect(address(probe["tcpSocket"], reach))
        case _:
            raise ProbeError(f"it has no handler: give it one of {', '.join(KINDS)}")


def port_number(port: Any, container: Json) -> int:
    """A port by its number or by its name in the container; raises ProbeError."""
    declared = container.get("ports") or []
    named = {entry["name"]: entry.get("containerPort") for entry in declared if entry.get("name")}
    number = named.get(port, port)
    if str(number).isdigit() and 0 < int(number) <= HIGHEST_PORT:
        return int(number)
    names = ", ".join(sorted(named))
    cure = f"name one of {names}" if names else "give the port a name there"
    raise ProbeError(f"port {port!r} is not in the ports of container {container.get('name')}: {cure}, or use a number")


def address(handler: Json, reach: Reach) -> str:
    """Where a handler's port is really served."""
    number = port_number(handler.get("port"), reach.container)
    if handler.get("host"):
        return f"{handler['host']}:{number}"
    return real_address(number, reach.addresses)


def real_address(number: int, addresses: Mapping[int, str]) -> str:
    """The socket that a program serves in place of its port, if it does, else the port."""
    found = addresses.get(number, "")
    return found if found and os.path.exists(found.removeprefix("unix:")) else f"{LOOPBACK}:{number}"


async def open_address(
    target: str, tls: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to `unix:/path` or `host:port`."""
    name = LOOPBACK if tls else None
    if target.startswith("unix:"):
        return await asyncio.open_unix_connection(target.removeprefix("unix:"), ssl=tls, server_hostname=name)
    host, _, port = target.rpartition(":")
    return await asyncio.open_connection(host, int(port), ssl=tls, server_hostname=name)


async def _exec(handler: Json, reach: Reach) -> Outcome:
    command = [str(word) for word in handler.get("command") or ()]
    if not command:
        raise ProbeError("exec.command is empty: name a program")
    try:
        code, output = await reach.execute(command)
    except FileNotFoundError as error:
        cure = f"which is not on this machine: install it, or {CURE}"
        raise ProbeError(f"exec.command names {command[0]}, {cure}") from error
    return Outcome(code == 0, output.strip() or f"command ended with exit code {code}")


async def _connect(target: str) -> Outcome:
    _, writer = await open_address(target)
    writer.close()
    return Outcome(True)


async def _http(target: str, handler: Json) -> Outcome:
    reader, writer = await open_address(target, _unverified() if handler.get("scheme") == "HTTPS" else None)
    try:
        path = quote(str(handler.get("path") or "/"), safe="/?&=%")
        headers = {"Host": "localhost", "User-Agent": "kube-probe/1.37", "Accept": "*/*", "Connection": "close"}
        headers |= {str(entry["name"]): str(entry.get("value", "")) for entry in handler.get("httpHeaders") or []}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        line = await reader.readline()
        code = int(line.split()[1])
        return Outcome(200 <= code < 400, f"HTTP probe failed with statuscode: {code}")
    except (IndexError, ValueError):
        return Outcome(False, "what answers does not speak HTTP")
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _unverified() -> ssl.SSLContext:
    """As kubelet: a probe asks whether somebody answers, not who."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def _grpc(target: str, service: str) -> Outcome:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    options = [("grpc.enable_http_proxy", 0)]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        try:
            stub: Any = health_pb2_grpc.HealthStub(channel)  # its types leave out the methods
            reply = await stub.Check(health_pb2.HealthCheckRequest(service=service))
        except grpc.aio.AioRpcError as error:
            return Outcome(False, str(error.details()))
    said = health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)
    return Outcome(said == "SERVING", f"service unhealthy (responded with {said!r})")
