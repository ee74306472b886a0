"""The laptop's API server as a pytest fixture, so that code which talks to Kubernetes is tested without fakes.

Put `pytest_plugins = ("katib_local.testing",)` into the conftest.py at the root of your tests, and ask for `api_server`.
Knows pytest and the API server; starts no node and no controllers: what a test stores stays as the test left it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from katib_local.apiserver.server import Settings, serve
from katib_local.bootstrap import apply, shipped
from katib_local.credentials import make_credentials
from katib_local.state import open_state
from katib_machinery.clock import SystemClock
from katib_machinery.kube import connect


@dataclass(frozen=True)
class ApiServer:
    """A running API server: HTTPS with its own authority. `kubeconfig` is all that a client needs."""

    url: str
    kubeconfig: Path

    def install(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Create these objects (CRDs, namespaces, ConfigMaps …), or bring them to what is said here."""

        async def install() -> None:
            async with connect(str(self.kubeconfig)) as transport:
                for document in documents:
                    await apply(transport, dict(document))

        with asyncio.Runner() as runner:
            runner.run(install())

    def install_katib(self) -> None:
        """Serve Experiments, Suggestions and Trials."""
        self.install(shipped("crds"))


@contextmanager
def running_api_server(folder: Path) -> Iterator[ApiServer]:
    """Serve while the block runs, in a thread of this process; `folder` keeps the objects and the credentials."""
    state, now = open_state(folder), SystemClock().now()
    files = make_credentials(state, server="https://127.0.0.1", now=now)
    settings = Settings(
        state_dir=state.objects,
        certificate=(str(files.certificate("apiserver")), str(files.key("apiserver"))),
        client_ca=str(files.authority),
    )
    with _serving(settings) as port:
        url = f"https://127.0.0.1:{port}"
        make_credentials(state, server=url, now=now)
        yield ApiServer(url, state.kubeconfig)


@contextmanager
def _serving(settings: Settings) -> Iterator[int]:
    started, ports, failures = threading.Event(), list[int](), list[BaseException]()
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        stop = asyncio.Event()
        stops.append((asyncio.get_running_loop(), stop))
        async with serve(settings) as port:
            ports.append(port)
            started.set()
            await stop.wait()

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # the test's thread raises it
            failures.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=work, name="api server", daemon=True)
    thread.start()
    started.wait()
    if failures:
        raise failures[0]
    try:
        yield ports[0]
    finally:
        loop, stop = stops[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join()


@pytest.fixture
def api_server(tmp_path: Path) -> Iterator[ApiServer]:
    """A fresh API server of the test's own."""
    with running_api_server(tmp_path / "api-server") as server:
        yield server
