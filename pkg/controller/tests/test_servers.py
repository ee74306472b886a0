"""/metrics, /healthz and /readyz over real HTTP."""

import socket
from types import SimpleNamespace

import aiohttp

from katib_controller.metrics import Metrics
from katib_controller.servers import serve


def a_free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def test_health_metrics_and_readiness_are_served() -> None:
    metrics_address, health_address = a_free_address(), a_free_address()
    ready = SimpleNamespace(now=False)
    async with (
        serve(metrics_address, health_address, Metrics(), lambda: ready.now),
        aiohttp.ClientSession() as session,
    ):
        for url, status in (
            (f"http://{metrics_address}/metrics", 200),
            (f"http://{health_address}/healthz", 200),
            (f"http://{health_address}/readyz", 500),
        ):
            async with session.get(url) as answer:
                assert answer.status == status
        ready.now = True
        async with session.get(f"http://{health_address}/readyz") as answer:
            assert answer.status == 200


async def test_zero_switches_a_server_off() -> None:
    async with serve("0", "0", Metrics(), lambda: True):
        pass
