"""Serves the logs of containers over HTTPS, to the API server: by its name in a certificate of the cluster's authority."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path

from aiohttp import web

from katib_local.node.log_lines import render_line, select_lines, split_lines

LOOPBACK = "127.0.0.1"
LOOK_EVERY = 0.1
Find = Callable[[str, str, str, bool], tuple[Path, Callable[[], bool]] | None]


class LogServer:
    """GET /containerLogs/NAMESPACE/POD/CONTAINER, as a kubelet serves it."""

    def __init__(self, readers: Collection[str], find: Find) -> None:
        self._readers = readers
        self._find = find
        self._runner: web.AppRunner | None = None

    async def start(self, certificate: str, key: str, client_ca: str) -> int:
        """Listen on a free loopback port; returns it."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate, key)
        application = web.Application()
        application.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0, ssl_context=context).start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        caller = _caller(request)
        if caller not in self._readers:
            return web.Response(status=403, text=f"{caller} may not read logs here: ask the API server")
        info, query = request.match_info, request.query
        found = self._find(info["namespace"], info["pod"], info["container"], query.get("previous") == "true")
        if found is None:
            text = f'container "{info["container"]}" in pod "{info["pod"]}" is waiting to start or has no log'
            return web.Response(status=400, text=text)
        file, may_grow = found
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        stamps = query.get("timestamps") == "true"
        held = _read_from(file, 0)
        held = held[: held.rfind(b"\n") + 1]
        for line in select_lines(split_lines(held), dict(query)):
            await response.write(render_line(line, stamps))
        if query.get("follow") == "true":
            async for line in follow_lines(file, len(held), may_grow):
                await response.write(render_line(line, stamps))
        return response


def _caller(request: web.Request) -> str:
    """The common name in the caller's certificate."""
    certificate = request.get_extra_info("peercert") or {}
    names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return str(names[-1]) if names else "a caller without a name"


async def follow_lines(file: Path, position: int, may_grow: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Lines that come after a position, until the container has ended."""
    rest = b""
    while True:
        last = not may_grow()
        data = _read_from(file, position)
        position += len(data)
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line
        if last:
            return
        await asyncio.sleep(LOOK_EVERY)


def _read_from(file: Path, position: int) -> bytes:
    """What a file holds from a position on; nothing while it is not there."""
    try:
        with file.open("rb") as stream:
            stream.seek(position)
            return stream.read()
    except FileNotFoundError:
        return b""
