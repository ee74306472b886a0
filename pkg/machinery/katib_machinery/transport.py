"""What the machinery needs from an API server: send a request, read a stream, understand a refusal.

Knows HTTP verbs and Kubernetes' Status. Knows nothing of sockets, so that everything above it can run over any server.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class Transport(Protocol):
    """Moves bytes to and from one API server, as one user.

    Obligations: an answer of 400 or more raises ApiError; no answer at all raises UnreachableError (an OSError).
    Credentials refused with 401 are refreshed and the request sent once more; a POST or PATCH is never repeated else.
    """

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
    ) -> bytes:
        """Send one request and return the body of its answer."""
        ...

    def stream(self, path: str, *, params: Mapping[str, str] | None = None) -> AsyncIterator[bytes]:
        """Yield the lines of a long answer, without line ends, however long they are; end when the server ends."""
        ...


@asynccontextmanager
async def streaming(lines: AsyncIterator[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
    """Close a stream when its reader leaves, however it leaves: else its connection lives until it is collected."""
    try:
        yield lines
    finally:
        if (close := getattr(lines, "aclose", None)) is not None:
            await close()


class UnreachableError(ConnectionError):
    """The API server gave no answer, or the answer broke off."""


class ApiError(Exception):
    """The API server refused. `reason` is Kubernetes' word for why, `details` the Status' own details."""

    def __init__(self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(code, reason, message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details: Mapping[str, Any] = details or {}

    def __str__(self) -> str:
        return f"{self.message or 'the API server gave no message'} ({self.code} {self.reason})"

    @classmethod
    def from_status(cls, status: Mapping[str, Any], code: int = 500) -> ApiError:
        """Read a Status object, as it comes as the body of a refusal or inside a watch."""
        details = status.get("details")
        return cls(
            int(status.get("code") or code),
            str(status.get("reason") or ""),
            str(status.get("message") or ""),
            details if isinstance(details, Mapping) else None,
        )

    @classmethod
    def from_answer(cls, code: int, body: bytes, retry_after: str | None = None) -> ApiError:
        """Read a refusal; a proxy's page instead of a Status becomes the message, shortened."""
        try:
            status = json.loads(body)
        except ValueError:
            status = None
        if not isinstance(status, Mapping) or "status" not in status:
            status = {"message": body[:200].decode(errors="replace").strip()}
        error = cls.from_status(status, code)
        if retry_after and retry_after.isdigit() and "retryAfterSeconds" not in error.details:
            error.details = {**error.details, "retryAfterSeconds": int(retry_after)}
        return error

    @property
    def not_found(self) -> bool:
        return self.code == 404

    @property
    def already_exists(self) -> bool:
        return self.code == 409 and self.reason == "AlreadyExists"

    @property
    def conflict(self) -> bool:
        """Somebody else changed the object since it was read."""
        return self.code == 409 and self.reason != "AlreadyExists"

    @property
    def gone(self) -> bool:
        """The asked-for resourceVersion or page is no longer kept: list again."""
        return self.code == 410

    @property
    def from_the_future(self) -> bool:
        """The asked-for resourceVersion is newer than all that the server has: it was restored from a copy."""
        causes = self.details.get("causes") or ()
        return any(isinstance(cause, Mapping) and cause.get("reason") == "ResourceVersionTooLarge" for cause in causes)

    @property
    def retry_after(self) -> float:
        """Seconds that the server asks us to wait; 0 when it does not say."""
        return float(self.details.get("retryAfterSeconds") or 0)


@dataclass
class Counters:
    """How many requests were sent, by verb and resource, and how many of our own writes met a conflict."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    conflicts: int = 0

    @property
    def total(self) -> int:
        """All requests. A watch counts once, when it starts."""
        return sum(self.requests.values())

    def to_dict(self) -> dict[str, Any]:
        """For a bench to print: stable order."""
        rows = {f"{verb} {resource}": count for (verb, resource), count in sorted(self.requests.items())}
        return {"total": self.total, "conflicts": self.conflicts, "requests": rows}


@dataclass
class CountingTransport:
    """A transport that counts what goes through it."""

    inner: Transport
    counters: Counters = field(default_factory=Counters)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
    ) -> bytes:
        self.counters.requests[method, resource_of(path)] += 1
        try:
            return await self.inner.request(method, path, params=params, body=body, content_type=content_type)
        except ApiError as error:
            self.counters.conflicts += error.conflict
            raise

    def stream(self, path: str, *, params: Mapping[str, str] | None = None) -> AsyncIterator[bytes]:
        self.counters.requests["WATCH", resource_of(path)] += 1
        return self.inner.stream(path, params=params)


def resource_of(path: str) -> str:
    """The plural, and the subresource if there is one, that a path is about: `trials/status`."""
    parts = [part for part in path.split("/") if part]
    parts = parts[2 if parts[:1] == ["api"] else 3 :]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    return "/".join(parts[:1] + parts[2:3])
