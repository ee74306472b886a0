"""`katib-db-manager`: serves the observation log. Reads arguments and environment, wires, and serves until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grpc import aio

from katib_apis.v1beta1 import api_pb2_grpc, names
from katib_db.service import KNOWN_SERVICES, SERVICE, DBManager, Gate, Health
from katib_machinery.flags import FlagParser, ShowVersion, parse_listen_address

log = logging.getLogger("katib-db-manager")
UNLIMITED = -1
LONGEST_PAUSE = 10.0
GRACE = 5.0
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Settings:
    """How the program was started."""

    listen_address: str
    connect_timeout: float
    initialize: bool


def duration(text: str) -> float:
    """Seconds of a duration such as 60s, 1m30s or 500ms; raises ArgumentTypeError."""
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", text)
    if "".join(number + unit for number, unit in parts) != text or not text:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 60s or 1m30s")
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def build_parser() -> FlagParser:
    parser = FlagParser(prog="katib-db-manager", description="Keeps the metrics of trials in a database, behind gRPC.")
    parser.add_argument("--version", action=ShowVersion, distribution="katib-db")
    listen = f"0.0.0.0:{names.PORT_DB_MANAGER}"
    parser.add_argument(
        "--listen-address",
        type=parse_listen_address,
        default=listen,
        help=f"host:port or unix:/path (default: {listen})",
    )
    parser.add_argument(
        "--connect-timeout",
        type=duration,
        default=60.0,
        metavar="DURATION",
        help="limit of one attempt to connect to the database (default: 60s)",
    )
    return parser


async def connect(gate: Gate, environment: Mapping[str, str], settings: Settings) -> None:
    """Connect, for as long as it takes, with growing pauses; the first attempt is made at once (DB-8)."""
    from katib_db.dialects import open_engine, read_address
    from katib_db.schema import initialize, probe
    from katib_db.store import Store

    engine = open_engine(read_address(environment), settings.connect_timeout)
    pause = 0.2
    while gate.store is None:
        try:
            features = await asyncio.to_thread(initialize if settings.initialize else probe, engine)
        except Exception as error:  # whatever a driver raises: it is shown to callers and tried again
            gate.problem = f"not connected to the database: {' '.join(str(error).split())}"
            log.warning("%s; next attempt in %.1f s", gate.problem, pause)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        else:
            gate.store = Store(engine, features)
            log.info("connected to the database")


def build_server(gate: Gate) -> aio.Server:
    """All services of the DB manager, not listening yet."""
    options = [("grpc.max_receive_message_length", UNLIMITED), ("grpc.max_send_message_length", UNLIMITED)]
    server = aio.server(options=options)
    api_pb2_grpc.add_DBManagerServicer_to_server(DBManager(gate), server)
    from grpc_health.v1 import health_pb2_grpc

    health_pb2_grpc.add_HealthServicer_to_server(Health(gate), server)
    _reflect(server)
    return server


def _reflect(server: aio.Server) -> None:
    from grpc_reflection.v1alpha import reflection

    reflection.enable_server_reflection([SERVICE, KNOWN_SERVICES[1], reflection.SERVICE_NAME], server)


async def serve(environment: Mapping[str, str], settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; raises OSError when the address cannot be had."""
    gate = Gate()
    server = build_server(gate)
    try:
        server.add_insecure_port(settings.listen_address)
    except RuntimeError as error:
        raise OSError(
            f"cannot listen on {settings.listen_address}: is it in use? Choose another --listen-address"
        ) from error
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await server.start()
    log.info("listening on %s", settings.listen_address)
    connecting = asyncio.ensure_future(connect(gate, environment, settings))
    await stopping.wait()
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    await server.stop(GRACE)
    if gate.store is not None:
        gate.store.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    skip = os.environ.get(names.ENV_SKIP_DB_INITIALIZATION, names.ENV_SKIP_DB_INITIALIZATION_DEFAULT)
    settings = Settings(parsed.listen_address, parsed.connect_timeout, initialize=skip == "false")
    try:
        check_environment(os.environ)
        asyncio.run(serve(os.environ, settings))
    except (ValueError, OSError) as error:
        print(f"katib-db-manager: {error}", file=sys.stderr)
        return 1
    return 0


def check_environment(environment: Mapping[str, str]) -> None:
    """Fail at once when no database is named, without loading any driver."""
    kind = environment.get(names.ENV_DB_NAME, "")
    if kind not in (names.DATABASE_MYSQL, names.DATABASE_POSTGRES, names.DATABASE_SQLITE):
        said = f"is {kind!r}" if kind else "is not set"
        raise ValueError(
            f"Invalid DB Name: {names.ENV_DB_NAME} {said}; it must be {names.DATABASE_MYSQL}, {names.DATABASE_POSTGRES} or {names.DATABASE_SQLITE}"
        )
    if kind == names.DATABASE_SQLITE and not environment.get(names.ENV_SQLITE_PATH):
        raise ValueError(f"{names.ENV_SQLITE_PATH} is not set: name the file of the SQLite database")


if __name__ == "__main__":
    raise SystemExit(main())
