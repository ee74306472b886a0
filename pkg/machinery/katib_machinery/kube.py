"""Bytes to and from an API server over HTTPS.

Knows sockets, TLS and time-outs. What to connect to comes from `kubeconfig`, who we are from `credentials`; what the
bytes mean is nobody's business here.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from katib_machinery.credentials import ClientCertificate
from katib_machinery.kubeconfig import Connection, Environment, KubeconfigError, load_connection
from katib_machinery.transport import JSON, ApiError, UnreachableError

__all__ = ["KubeTransport", "KubeconfigError", "connect", "load_transport"]

CONNECTIONS = 32
CONNECT_SECONDS = 10.0
REQUEST_SECONDS = 60.0
STREAM_GRACE = 30.0
# A peer that vanished without a word is noticed within about a minute.
KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))


@dataclass(frozen=True)
class _Call:
    """A request, apart from who makes it. `lasts` is for streams: the seconds for which the server may be silent."""

    method: str
    url: URL
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    lasts: float | None = None

    @property
    def timeout(self) -> aiohttp.ClientTimeout:
        if self.lasts is None:
            return aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=self.lasts or None)


def _lasts(params: Mapping[str, str]) -> float:
    """A watch says how long it may last: silence for longer means that the server is gone. 0 is for ever."""
    seconds = float(params.get("timeoutSeconds", 0))
    return seconds + STREAM_GRACE if seconds else 0.0


class KubeTransport:
    """A Transport over one connection's pool. Use it as an async context manager, or close it."""

    def __init__(
        self, connection: Connection, *, connections: int = CONNECTIONS, user_agent: str | None = None
    ) -> None:
        self.connection = connection
        self._free = asyncio.Semaphore(connections)
        self._user_agent = user_agent or f"katib/{_version()}"
        self._session: aiohttp.ClientSession | None = None
        self._retired: list[aiohttp.ClientSession] = []
        self._certificate: ClientCertificate | None = None
        self._closed = False

    async def __aenter__(self) -> KubeTransport:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; no request is sent any more."""
        self._closed = True
        sessions = [*self._retired, *([self._session] if self._session else [])]
        self._session, self._retired = None, []
        for session in sessions:
            await session.close()
        # The sockets are closed by what the loop does next.
        await asyncio.sleep(0)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
    ) -> bytes:
        """Send one request; at most `connections` are under way at a time."""
        call = _Call(method, self._url(path, params), body, {"Content-Type": content_type} if body is not None else {})
        async with self._free, self._answer(call) as answer:
            return await answer.read()

    async def stream(self, path: str, *, params: Mapping[str, str] | None = None) -> AsyncIterator[bytes]:
        """Yield lines until the server ends. Chunks are cut here, because a line may be longer than any buffer."""
        async with self._answer(_Call("GET", self._url(path, params), lasts=_lasts(params or {}))) as answer:
            rest: list[bytes] = []
            async for chunk in answer.content.iter_any():
                *lines, last = chunk.split(b"\n")
                for line in lines:
                    rest.append(line)
                    if whole := b"".join(rest):
                        yield whole
                    rest = []
                rest.append(last)
            if whole := b"".join(rest):
                yield whole

    @asynccontextmanager
    async def _answer(self, call: _Call) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            answer = await self._send(call)
            try:
                if answer.status >= 400:
                    raise ApiError.from_answer(answer.status, await answer.read(), answer.headers.get("Retry-After"))
                yield answer
            finally:
                _let_go(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnreachableError(f"{self.connection.server}: {error or type(error).__name__}") from error

    async def _send(self, call: _Call) -> aiohttp.ClientResponse:
        """One request; if its credentials are refused, one more with new ones."""
        credentials = self.connection.credentials
        who = await credentials.headers()
        answer = await self._send_as(who, call)
        if answer.status == 401 and await credentials.refresh(who):
            answer.release()
            answer = await self._send_as(await credentials.headers(), call)
        return answer

    async def _send_as(self, who: Mapping[str, str], call: _Call) -> aiohttp.ClientResponse:
        return await self._open().request(
            call.method,
            call.url,
            data=call.body,
            headers={**call.headers, **who},
            timeout=call.timeout,
            proxy=self.connection.proxy,
            server_hostname=self.connection.trust.server_name,
            allow_redirects=False,
        )

    def _url(self, path: str, params: Mapping[str, str] | None) -> URL:
        return URL(self.connection.server + path + (f"?{urlencode(params)}" if params else ""), encoded=True)

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise UnreachableError("the transport is closed")
        certificate = self.connection.credentials.certificate
        if self._session is not None and certificate != self._certificate:
            # A plugin gave another certificate: new connections use it, those under way end as they are.
            self._retired.append(self._session)
            self._session = None
        if self._session is None:
            self._certificate = certificate
            context = self.connection.ssl_context()
            connector = aiohttp.TCPConnector(
                limit=0, ssl=context if context is not None else True, socket_factory=_socket
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers={"Accept": JSON, "User-Agent": self._user_agent},
                auto_decompress=True,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _let_go(answer: aiohttp.ClientResponse) -> None:
    """Give the connection back; cut it off when the answer was not read to its end, as a watch's mostly is.

    A polite end of TLS would wait for the server, and leave the socket open when the program's loop ends first.
    """
    if (connection := answer.connection) is not None and (transport := connection.transport) is not None:
        transport.abort()
    answer.release()


def _socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        if (option := getattr(socket, name, None)) is not None:
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


def _version() -> str:
    try:
        return metadata.version("katib-machinery")
    except metadata.PackageNotFoundError:
        return "0"


async def load_transport(kubeconfig: str | None = None, *, environ: Environment | None = None) -> KubeTransport:
    """A transport to the cluster of that kubeconfig, or of the default one; `environ` is the program's environment."""
    return KubeTransport(load_connection(kubeconfig, environ=environ))


@asynccontextmanager
async def connect(kubeconfig: str | None = None, *, environ: Environment | None = None) -> AsyncIterator[KubeTransport]:
    """As `load_transport`, closed at the end."""
    async with await load_transport(kubeconfig, environ=environ) as transport:
        yield transport
