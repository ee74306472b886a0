"""`katib-suggestion`: serves the algorithms. Reads arguments, wires, and serves until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence

from katib_apis.v1beta1 import defaults, names
from katib_machinery.flags import BAD_INPUT, FlagParser, ShowVersion, parse_listen_address
from katib_machinery.footprint import share_heap

log = logging.getLogger("katib-suggestion")
GRACE = 5.0
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Linear algebra on one thread, unless the environment says otherwise: sums then have one order, so that seeds repeat."""


def build_parser() -> FlagParser:
    parser = FlagParser(
        prog="katib-suggestion", description="Suggests parameters for the trials of experiments, behind gRPC."
    )
    listen = f"0.0.0.0:{names.PORT_SUGGESTION}"
    parser.add_argument(
        "--listen-address",
        type=parse_listen_address,
        default=listen,
        help=f"host:port or unix:/path (default: {listen})",
    )
    parser.add_argument(
        "--strict-count",
        action="store_true",
        help="for Katib's own controller: when too few new points are left, fill the reply up with the best known ones",
    )
    parser.add_argument(
        "--algorithm",
        action="append",
        default=[],
        metavar="[NAME=]MODULE:CLASS",
        help="serve an algorithm of yours too, under NAME or the `name` of its class; may be given more than once",
    )
    volume = defaults.SUGGESTION_CONFIG_VOLUME_MOUNT_PATH
    parser.add_argument(
        "--data-dir",
        default=volume if os.path.isdir(volume) else None,
        metavar="DIRECTORY",
        help="where pbt keeps the checkpoints of trials; {namespace}, {experiment} and {algorithm} in it make it "
        f"another one for each experiment (default: {volume}, if it is there)",
    )
    parser.add_argument("--version", action=ShowVersion, distribution="katib-suggestion")
    return parser


async def serve(parsed: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT; raises OSError for an address that cannot be had, ValueError for an algorithm."""
    from katib_suggestion.checkpoints import Checkpoints
    from katib_suggestion.registry import build_registry
    from katib_suggestion.service import SuggestionService, build_server

    registry = build_registry(parsed.algorithm)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    checkpoints = Checkpoints(parsed.data_dir) if parsed.data_dir else None
    server = build_server(SuggestionService(registry, strict_count=parsed.strict_count, checkpoints=checkpoints))
    try:
        server.add_insecure_port(parsed.listen_address)
    except RuntimeError as error:
        raise OSError(
            f"cannot listen on {parsed.listen_address}: is it in use? Choose another --listen-address"
        ) from error
    await server.start()
    log.info("listening on %s with %s", parsed.listen_address, ", ".join(registry.names))
    await stopping.wait()
    await server.stop(GRACE)


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = build_parser().parse_args(arguments)
    if parsed.algorithm and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` does: modules of the user's are found beside
    for variable in ONE_THREAD:
        os.environ.setdefault(variable, "1")
    share_heap()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        asyncio.run(serve(parsed))
    except (OSError, ValueError) as error:
        print(f"katib-suggestion: {error}", file=sys.stderr)
        return BAD_INPUT if isinstance(error, ValueError) else 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
