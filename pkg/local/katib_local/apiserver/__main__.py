"""Runs the API server of the laptop until it is told to stop."""

from __future__ import annotations

import asyncio
import csv
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from katib_local.apiserver.server import Settings, serve
from katib_local.apiserver.store import StoreError
from katib_machinery.clock import SystemClock
from katib_machinery.flags import FlagParser
from katib_machinery.footprint import limit_footprint, tidy


def build_parser() -> FlagParser:
    parser = FlagParser(prog="katib_local.apiserver", description="A Kubernetes API server for one machine.")
    add = parser.add_argument
    add("--state-dir", type=Path, required=True, help="directory that keeps the objects")
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--port", type=int, default=0, help="port to listen on (default: a free one, printed on stdout)")
    add("--tls-cert", required=True, help="certificate of this server")
    add("--tls-key", required=True, help="key of that certificate")
    add("--client-ca", required=True, help="authority of the callers' certificates: name is the user, O are the groups")
    add("--token-file", type=Path, help='callers by token, one a line: token,user,uid,"group,group"')
    add("--webhook-client-cert", help="certificate with which webhooks and the node are called")
    add("--webhook-client-key", help="key of that certificate")
    add(
        "--service-address",
        action="append",
        default=[],
        metavar="NAME.NAMESPACE=HOST:PORT",
        help="where a webhook's Service is",
    )
    return parser


def read_tokens(file: Path | None) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Users by token."""
    if file is None:
        return {}
    with file.open(newline="") as stream:
        rows = [row for row in csv.reader(stream) if len(row) >= 3]
    return {row[0]: (row[1], tuple(row[3].split(",")) if len(row) > 3 else ()) for row in rows}


async def run(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with serve(settings) as port:
        print(port, flush=True)
        tidying = asyncio.ensure_future(tidy(SystemClock()))
        await stopping.wait()
        tidying.cancel()


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = build_parser().parse_args(arguments)
    client = (parsed.webhook_client_cert, parsed.webhook_client_key) if parsed.webhook_client_cert else None
    limit_footprint()
    try:
        settings = Settings(
            parsed.state_dir,
            parsed.host,
            parsed.port,
            (parsed.tls_cert, parsed.tls_key),
            parsed.client_ca,
            client,
            read_tokens(parsed.token_file),
            dict(entry.split("=", 1) for entry in parsed.service_address),
        )
        asyncio.run(run(settings))
    except (StoreError, OSError, ValueError) as error:
        print(f"katib_local.apiserver: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
