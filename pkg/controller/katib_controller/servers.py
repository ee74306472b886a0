"""The controller's two small HTTP servers: Prometheus metrics, and health with readiness."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from katib_apis.v1beta1 import names
from katib_controller.metrics import Metrics


def parse_address(address: str) -> tuple[str, int] | None:
    """Read ``host:port``, ``:port``, or "0", which switches a server off (None). Raises ValueError."""
    if address in ("", "0"):
        return None
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdigit():
        raise ValueError(f"{address!r} is no address: write host:port or :port, or 0 for none")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - a pod's own network


@asynccontextmanager
async def serve(
    metrics_address: str, health_address: str, metrics: Metrics, is_ready: Callable[[], bool]
) -> AsyncIterator[None]:
    """Serve /metrics at one address, /healthz and /readyz at the other, until the block is left."""

    async def show_metrics(request: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def show_health(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def show_readiness(request: web.Request) -> web.Response:
        return web.Response(text="ok") if is_ready() else web.Response(status=500, text="not ready yet")

    async with AsyncExitStack() as stack:
        await _start(stack, metrics_address, [web.get(names.HTTP_PATH_METRICS, show_metrics)])
        health = [web.get(names.HTTP_PATH_HEALTH, show_health), web.get(names.HTTP_PATH_READINESS, show_readiness)]
        await _start(stack, health_address, health)
        yield


async def _start(stack: AsyncExitStack, address: str, routes: list[web.RouteDef]) -> None:
    place = parse_address(address)
    if place is None:
        return
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, *place).start()
