"""Sends the requests of the printed clients. Knows HTTP and Kubernetes' ways of saying no; knows no kind.

Configuration, authority and credentials are those of a `kubernetes.client.ApiClient`. Of it only what all releases have
in common is used: its pool of connections, its headers and its authentication.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import urllib3
from kubernetes import client

from kubeflow.katib.exceptions import ApiException
from kubeflow.katib.serialization import deserialize, sanitize

T = TypeVar("T")


@dataclass(frozen=True)
class WatchEvent(Generic[T]):
    """A change. `type` is ADDED, MODIFIED, DELETED or BOOKMARK; of a bookmark only the resourceVersion counts."""

    type: str
    object: T


@dataclass(frozen=True)
class Request:
    """A request; a body may be a model or hold models, and of the query only what is not None is sent."""

    method: str
    path: str
    query: Mapping[str, Any]
    body: Any = None
    content_type: str = "application/json"
    timeout: float | None = None


class ResourceApi:
    """What the printed clients share.

    Args:
        api_client: How the API server is reached; the default is what `kubernetes.config` has loaded.
    """

    def __init__(self, api_client: client.ApiClient | None = None) -> None:
        self.api_client = api_client or client.ApiClient()

    def _call(self, types: tuple[type[T], ...], request: Request) -> T:
        """The reply as the one of `types` that it says it is; raises ApiException unless the server agrees."""
        with self._send(request) as response:
            content = response.read()
        if not 200 <= response.status < 300:
            raise _error(response.status, response.reason, content, response)
        return _read(json.loads(content), types)

    def _watch(self, types: tuple[type[T], ...], request: Request) -> Iterator[WatchEvent[T]]:
        """The events, until the server ends the reply; raises ApiException where the server reports an error."""
        with self._send(request) as response:
            if not 200 <= response.status < 300:
                raise _error(response.status, response.reason, response.read(), response)
            for line in _lines(response):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise _error(event["object"].get("code"), event["object"].get("reason"), line, response)
                yield WatchEvent(event["type"], _read(event["object"], types))

    def _send(self, request: Request) -> urllib3.BaseHTTPResponse:
        configuration = self.api_client.configuration
        headers = {**self.api_client.default_headers, "Accept": "application/json"}
        for setting in configuration.auth_settings().values():
            if setting["in"] == "header" and setting["value"]:
                headers[setting["key"]] = setting["value"]
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        pool: urllib3.PoolManager = self.api_client.rest_client.pool_manager
        return pool.request(
            request.method,
            f"{configuration.host}{request.path}?{_query(request.query)}",
            body=None if request.body is None else json.dumps(sanitize(request.body)),
            headers=headers,
            timeout=request.timeout,
            preload_content=False,
        )

    @staticmethod
    def _part(text: str) -> str:
        """A name as one step of a path; raises ValueError for what would lead elsewhere."""
        if text in ("", ".", ".."):
            raise ValueError(f"{text!r} is no name of an object or a namespace")
        return quote(text, safe="")


def _read(data: Any, types: tuple[type[T], ...]) -> T:
    """Replies to a deletion are either the object or a Status; a Status says so, and has no status of its own."""
    kind = data.get("kind")
    wanted = next((kind_type for kind_type in types if kind_type.__name__.endswith(f"1{kind}")), types[-1])
    found: T = deserialize(data, wanted)
    return found


def _query(query: Mapping[str, Any]) -> str:
    given = {key: json.dumps(value) if isinstance(value, bool) else value for key, value in query.items()}
    return urlencode({key: value for key, value in given.items() if value is not None})


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(amt=None):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line for line in lines if line.strip())


def _error(status: int | None, reason: str | None, content: bytes, response: urllib3.BaseHTTPResponse) -> ApiException:
    error = ApiException(status=status, reason=reason)
    error.body, error.headers = content.decode(errors="replace"), response.headers
    return error
