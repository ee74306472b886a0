"""The webhook server: HTTPS, three paths, one answer for every request, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from katib_apis.v1beta1 import names
from katib_webhook.experiment import admit_experiment, default_experiment
from katib_webhook.pod import Addresses, PodInjector
from katib_webhook.reader import ClusterReader
from katib_webhook.review import AdmissionRequest, ReviewError, Verdict, denied, render_review

log = logging.getLogger(__name__)
Admit = Callable[[AdmissionRequest, ClusterReader], Awaitable[Verdict]]
LOOK_EVERY = 5.0
LARGEST_REVIEW = 16 * 1024 * 1024


@dataclass(frozen=True)
class WebhookSettings:
    """Where the server listens, with which certificate, and who may call."""

    host: str
    port: int
    cert_dir: Path
    db_manager: str
    client_ca: Path | None = None


class WebhookServer:
    """Serves admission until it is closed. `async with server.serving():` listens while the block runs."""

    def __init__(self, reader: ClusterReader, settings: WebhookSettings) -> None:
        self._reader = reader
        self._settings = settings
        self.port = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[WebhookServer]:
        """Listen; raises OSError when the certificate or the address cannot be had."""
        context = self._tls()
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        reloading = asyncio.ensure_future(self._reload(context))
        try:
            await web.TCPSite(runner, self._settings.host or None, self._settings.port, ssl_context=context).start()
            self.port = int(runner.addresses[0][1])
            yield self
        finally:
            reloading.cancel()
            await asyncio.gather(reloading, return_exceptions=True)
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=LARGEST_REVIEW)
        injector = PodInjector(Addresses(self._settings.db_manager))
        for path, admit in (
            (names.WEBHOOK_PATH_EXPERIMENT_DEFAULTER, default_experiment),
            (names.WEBHOOK_PATH_EXPERIMENT_VALIDATOR, admit_experiment),
            (names.WEBHOOK_PATH_POD_INJECTOR, injector.admit),
        ):
            application.router.add_post(path, self._handler(admit))
        return application

    def _handler(self, admit: Admit) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                review = AdmissionRequest.parse(await request.read())
            except ReviewError as error:
                return web.Response(status=400, text=f"{error}\n")
            try:
                verdict = await admit(review, self._reader)
            except Exception as error:
                log.exception("admission of %s %s/%s has failed", request.path, review.namespace, review.name)
                verdict = denied(500, f"admission has failed: {type(error).__name__}: {error}")
            return web.json_response(render_review(review.uid, verdict))

        return handle

    def _files(self) -> tuple[Path, Path]:
        return self._settings.cert_dir / "tls.crt", self._settings.cert_dir / "tls.key"

    def _tls(self) -> ssl.SSLContext:
        authority = self._settings.client_ca
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority) if authority else None)
        if authority is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(*self._files())
        return context

    async def _reload(self, context: ssl.SSLContext) -> None:
        """Serve a renewed certificate from the next handshake on."""
        held = self._stamp()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            found = self._stamp()
            if found != held:
                with contextlib.suppress(OSError):  # half-written files: the next look sees them whole
                    context.load_cert_chain(*self._files())
                    held = found

    def _stamp(self) -> tuple[float, ...]:
        with contextlib.suppress(OSError):
            return tuple(file.stat().st_mtime for file in self._files())
        return ()
