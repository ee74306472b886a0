"""What a connection takes that a client keeps open: each of the laptop's programs keeps several."""

from __future__ import annotations

import asyncio.sslproto
import gc
import http.client
import ssl
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from katib_local.testing import running_api_server
from katib_machinery.footprint import CONNECTION_BYTES, limit_footprint

COUNT = 16


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process as the API server's is, and afterwards as it was."""
    monkeypatch.setattr(asyncio.sslproto.SSLProtocol, "max_size", asyncio.sslproto.SSLProtocol.max_size)
    thresholds = gc.get_threshold()
    limit_footprint()
    yield
    gc.set_threshold(*thresholds)


def opened(url: str) -> http.client.HTTPSConnection:
    """A connection that has had an answer and is kept."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    place = urlsplit(url)
    connection = http.client.HTTPSConnection(place.hostname or "", place.port, context=trusting, timeout=60)
    connection.request("GET", "/version")
    assert connection.getresponse().read()
    return connection


@pytest.mark.usefixtures("limited")
def test_a_connection_that_is_kept_takes_little_more_than_what_it_is_read_into(tmp_path: Path) -> None:
    with running_api_server(tmp_path) as server:
        opened(server.url).close()
        tracemalloc.start()
        try:
            kept = [opened(server.url) for _ in range(COUNT)]
            taken, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        for connection in kept:
            connection.close()
    assert taken / COUNT < 2 * CONNECTION_BYTES
