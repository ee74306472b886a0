"""Readiness probes against a container's real addresses."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

Json = Mapping[str, Any]
LOOPBACK = "127.0.0.1"


async def await_ready(probe: Json, ports: Mapping[int, str]) -> None:
    """Return when a probe has succeeded as often as it must; a kind that is not known here counts as a success."""
    await asyncio.sleep(float(probe.get("initialDelaySeconds") or 0))
    wanted, good = int(probe.get("successThreshold") or 1), 0
    while good < wanted:
        good = good + 1 if await probe_once(probe, ports) else 0
        if good < wanted:
            await asyncio.sleep(float(probe.get("periodSeconds") or 10))


async def probe_once(probe: Json, ports: Mapping[int, str]) -> bool:
    """One look."""
    seconds = float(probe.get("timeoutSeconds") or 1)
    try:
        async with asyncio.timeout(seconds):
            if "grpc" in probe:
                return await _grpc(address(probe["grpc"]["port"], ports), str(probe["grpc"].get("service") or ""))
            if "httpGet" in probe:
                return await _http(address(probe["httpGet"]["port"], ports), str(probe["httpGet"].get("path") or "/"))
            if "tcpSocket" in probe:
                return await _connect(address(probe["tcpSocket"]["port"], ports))
    except (TimeoutError, OSError):
        return False
    return True


def address(port: Any, ports: Mapping[int, str]) -> str:
    """Where a declared port is really served."""
    import os

    found = ports.get(int(port), "")
    return found if found and os.path.exists(found.removeprefix("unix:")) else f"{LOOPBACK}:{port}"


async def open_address(target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to `unix:/path` or `host:port`."""
    if target.startswith("unix:"):
        return await asyncio.open_unix_connection(target.removeprefix("unix:"))
    host, _, port = target.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _connect(target: str) -> bool:
    _, writer = await open_address(target)
    writer.close()
    return True


async def _http(target: str, path: str) -> bool:
    reader, writer = await open_address(target)
    try:
        writer.write(
            f"GET {quote(path, safe='/?&=')} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        line = await reader.readline()
        code = int(line.split()[1])
        return 200 <= code < 400
    except (IndexError, ValueError):
        return False
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _grpc(target: str, service: str) -> bool:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    options = [("grpc.enable_http_proxy", 0)]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        try:
            stub: Any = health_pb2_grpc.HealthStub(channel)  # its types leave out the methods
            reply = await stub.Check(health_pb2.HealthCheckRequest(service=service))
        except grpc.aio.AioRpcError:
            return False
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)
