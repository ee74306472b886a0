"""katib-controller: the one module that reads flags and environment, and wires what they mean."""

import asyncio
import logging
import os
import signal
import socket
import sys
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from katib_controller.options import Options, OptionsError, parse_options
from katib_controller.program import Program, running
from katib_controller.servers import serve
from katib_machinery.cluster import Cluster
from katib_machinery.election import LeaderElection, LeadershipLostError
from katib_machinery.footprint import limit_footprint
from katib_machinery.kube import KubeconfigError, load_transport
from katib_machinery.logs import configure_logging
from katib_machinery.objects import ObjectKey
from katib_machinery.transport import Transport
from katib_webhook.reader import CachedReader
from katib_webhook.server import WebhookServer, WebhookSettings

log = logging.getLogger("katib_controller")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; 1 when the program cannot be started or cannot go on."""
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    try:
        options = parse_options(sys.argv[1:] if arguments is None else arguments, os.environ, identity=identity)
    except OptionsError as error:
        print(f"katib-controller: {error}", file=sys.stderr)
        return 1
    configure_logging(options.log_level, form=options.log_format)
    limit_footprint()
    try:
        return asyncio.run(_run(options))
    except (KubeconfigError, OSError, ValueError) as error:
        log.error("cannot start: %s", error)
        return 1


async def _run(options: Options) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(await load_transport(options.kubeconfig, environ=os.environ))
        program = Program(transport, options)
        await stack.enter_async_context(_webhooks(program.cluster, options).serving())
        stack.push_async_callback(program.close)
        await stack.enter_async_context(
            serve(options.metrics_address, options.health_address, program.metrics, lambda: True)
        )
        tasks = await stack.enter_async_context(running((program.follow, lambda: _lead(program, transport, options))))
        stopped = asyncio.ensure_future(stop.wait())
        done, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        for task in done - {stopped}:
            _complain(task)
        return 0 if stop.is_set() else 1


def _webhooks(cluster: Cluster, options: Options) -> WebhookServer:
    """Admission, served by every replica; ready before this program says that it is."""
    client_ca = Path(options.webhook_client_ca) if options.webhook_client_ca else None
    settings = WebhookSettings(
        options.webhook_host, options.webhook_port, Path(options.cert_dir), options.db_manager, client_ca
    )
    return WebhookServer(CachedReader(cluster, options.core_namespace), settings)


async def _lead(program: Program, transport: Transport, options: Options) -> None:
    """Work; with leader election only while this replica is the leader.

    The lease goes past the limit on requests: a leader that is held back must not lose it.
    """
    if not options.controller.enable_leader_election:
        await program.work()
        return
    key = ObjectKey(options.core_namespace, options.election_id)
    await LeaderElection(transport, key, options.identity).run(program.work)


def _complain(task: "asyncio.Task[None]") -> None:
    error = task.exception()
    if isinstance(error, LeadershipLostError):
        log.error("%s: another replica may work now", error)
    elif error is not None:
        log.error("the program cannot go on", exc_info=error)


if __name__ == "__main__":
    sys.exit(main())
