"""The way to Services by their names: an HTTP CONNECT proxy on loopback that asks for this start's token.

See docs/decisions/0002. gRPC clients of every language use it through `grpc_proxy`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
from collections.abc import Awaitable, Callable, Mapping

from katib_local.node.probes import open_address

LOOPBACK = "127.0.0.1"
USER = "katib"
LARGEST_HEAD = 16384
CHUNK = 65536
Resolve = Callable[[str, int], Awaitable[str | None]]


class ServiceProxy:
    """Connects `NAME.NAMESPACE:PORT` to where that Service is really served."""

    def __init__(self, token: str, resolve: Resolve, fixed: Mapping[str, str]) -> None:
        self._expected = "Basic " + base64.b64encode(f"{USER}:{token}".encode()).decode()
        self._resolve = resolve
        self._fixed = dict(fixed)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port, limit=LARGEST_HEAD)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """End, with every connection."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection: asyncio.Task[None] = asyncio.current_task()  # type: ignore[assignment]  # within one, always
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)
        # Who is cancelled by `close` just ends: asyncio takes a handler that is cancelled for one that has failed.
        with contextlib.suppress(asyncio.CancelledError):
            await self._converse(reader, writer)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                await self._answer(head, reader, writer)
        finally:
            await _close(writer)

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, *lines = head.split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, _, rest = request.partition(" ")
        if not hmac.compare_digest(headers.get("proxy-authorization", "").encode(), self._expected.encode()):
            await _refuse(writer, 407, "Proxy Authentication Required", "this proxy needs the token of this start")
            return
        host, _, port = rest.split(" ")[0].rpartition(":")
        if method != "CONNECT" or not port.isdigit():
            await _refuse(writer, 405, "Method Not Allowed", "only CONNECT HOST:PORT works here")
            return
        await self._connect(host, int(port), reader, writer)

    async def _connect(self, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = await self.find(host, port)
        if target is None:
            await _refuse(writer, 502, "Bad Gateway", f"no Service {host}:{port} has a ready pod on this machine")
            return
        try:
            far_reader, far_writer = await open_address(target)
        except OSError as error:
            await _refuse(
                writer, 502, "Bad Gateway", f"Service {host}:{port} does not answer: {error.strerror or error}"
            )
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            await _close(far_writer)

    async def find(self, host: str, port: int) -> str | None:
        """The real address of a Service's port, or None."""
        name = host.removesuffix(".").removesuffix(".cluster.local").removesuffix(".svc")
        return self._fixed.get(f"{name}:{port}") or await self._resolve(name, port)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _refuse(writer: asyncio.StreamWriter, code: int, reason: str, message: str) -> None:
    body = f"{message}\n".encode()
    more = 'Proxy-Authenticate: Basic realm="katib"\r\n' if code == 407 else ""
    writer.write(
        f"HTTP/1.1 {code} {reason}\r\n{more}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
    )
    await writer.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()
