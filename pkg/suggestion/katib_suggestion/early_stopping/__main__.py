"""`katib-early-stopping`: serves early stopping. Reads arguments and environment, wires, and serves until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from katib_apis.v1beta1 import names
from katib_machinery.clock import SystemClock
from katib_machinery.flags import FlagParser, ShowVersion, parse_listen_address

if TYPE_CHECKING:
    from katib_machinery.kube import KubeTransport
    from katib_machinery.kubeconfig import Connection
    from katib_suggestion.early_stopping.trial_status import TrialMarker

log = logging.getLogger("katib-early-stopping")
GRACE = 5.0


def build_parser() -> FlagParser:
    parser = FlagParser(
        prog="katib-early-stopping", description="Says when trials are to stop, and marks those that were, behind gRPC."
    )
    listen = f"0.0.0.0:{names.PORT_EARLY_STOPPING}"
    parser.add_argument(
        "--listen-address",
        type=parse_listen_address,
        default=listen,
        help=f"host:port or unix:/path (default: {listen})",
    )
    parser.add_argument(
        "--kubeconfig",
        help="configuration of the cluster (default: that of the pod, or of KUBECONFIG or ~/.kube/config)",
    )
    parser.add_argument("--version", action=ShowVersion, distribution="katib-suggestion")
    return parser


class FirstUseMarker:
    """A TrialMarker that is loaded when the first Trial is stopped: it costs more than all else that is loaded."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._transport: KubeTransport | None = None
        self._marker: TrialMarker | None = None

    async def mark(self, namespace: str, name: str) -> None:
        if self._marker is None:
            from katib_client.v1beta1.trial import TrialClient
            from katib_machinery.kube import KubeTransport
            from katib_suggestion.early_stopping.trial_status import TrialMarker

            self._transport = KubeTransport(self._connection)
            self._marker = TrialMarker(TrialClient(self._transport), SystemClock())
        await self._marker.mark(namespace, name)

    async def close(self) -> None:
        if self._transport is not None:
            await self._transport.close()


async def serve(listen_address: str, connection: Connection) -> None:
    """Serve until SIGTERM or SIGINT; raises OSError when the address cannot be had."""
    from katib_suggestion.early_stopping.logs import ObservationLogs
    from katib_suggestion.early_stopping.service import EarlyStoppingService, build_server

    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    logs, marker = ObservationLogs(), FirstUseMarker(connection)
    server = build_server(EarlyStoppingService(logs, marker, connection.namespace))
    try:
        server.add_insecure_port(listen_address)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {listen_address}: is it in use? Choose another --listen-address") from error
    await server.start()
    log.info("listening on %s", listen_address)
    await stopping.wait()
    await server.stop(GRACE)
    await logs.close()
    await marker.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    from katib_machinery.kubeconfig import KubeconfigError, load_connection

    try:
        connection = load_connection(parsed.kubeconfig, environ=os.environ)
        asyncio.run(serve(parsed.listen_address, connection))
    except (OSError, KubeconfigError) as error:
        print(f"katib-early-stopping: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
