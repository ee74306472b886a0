"""The laptop's node, and the controllers of its workloads, in one process: reads flags and environment, and wires.

Without the workloads (`--workloads=off`) it is the node of a cluster that brings its own controllers and scheduler.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import yaml

from katib_local import workloads
from katib_local.node.images import parse_images
from katib_local.node.isolation import choose_isolation
from katib_local.node.logs import LogServer
from katib_local.node.machine import count_gpus
from katib_local.node.node import Node
from katib_local.node.options import NodeOptions
from katib_local.node.proxy import LOOPBACK, USER, ServiceProxy
from katib_machinery.flags import FlagParser
from katib_machinery.kube import connect

API_SERVERS = ("kube-apiserver", "kube-apiserver-kubelet-client")
"""What API servers are called by their certificates: the laptop's, and a cluster's as kubeadm makes it."""
LOOK_EVERY = 0.05
OURS = ("KATIB_", "DB_", "GRPC_PROXY", "NO_GRPC_PROXY", "PYTHONUNBUFFERED")


def build_parser() -> FlagParser:
    parser = FlagParser(
        prog="katib_local.agent", description="Runs pods as processes, and Jobs and Deployments as pods."
    )
    add = parser.add_argument
    add("--kubeconfig", required=True, help="how to reach the API server")
    add("--state-dir", type=Path, required=True, help="directory of volumes and logs")
    add("--config", type=Path, help="KatibConfig with local.images")
    add("--isolation", choices=["auto", "mount", "rewrite"], default="auto", help="how pods see their volumes")
    add("--workloads", choices=["on", "off"], default="on", help="off: Jobs and Deployments are somebody else's work")
    add(
        "--workloads-after",
        type=Path,
        metavar="FILE",
        help="leave Jobs and Deployments alone until this file is there (default: begin at once)",
    )
    add("--node-name", default="laptop", help="name of the Node (default: laptop)")
    add(
        "--working-dir",
        default=os.getcwd(),
        type=os.path.abspath,
        help="working directory of containers that name none",
    )
    add("--tls-cert", required=True, help="certificate of the log server")
    add("--tls-key", required=True, help="key of that certificate")
    add("--client-ca", required=True, help="authority of the log server's callers")
    add(
        "--client-name",
        action="append",
        metavar="NAME",
        help=f"who may read logs, by the certificate's common name (default: {' and '.join(API_SERVERS)})",
    )
    add("--proxy-port", type=int, default=0, help="port of the Services' proxy (default: a free one)")
    add("--proxy-token-file", type=Path, required=True, help="file with the token of the Services' proxy")
    add(
        "--service",
        action="append",
        default=[],
        metavar="NAME.NAMESPACE:PORT=ADDRESS",
        help="where a Service is that no pod serves",
    )
    return parser


def container_environment(inherited: Mapping[str, str], token: str, port: int) -> dict[str, str]:
    """What every container starts from: the user's environment, and the way to Services."""
    kept = {key: value for key, value in inherited.items() if not key.upper().startswith(OURS)}
    proxy = {"grpc_proxy": f"http://{USER}:{token}@{LOOPBACK}:{port}", "no_grpc_proxy": f"localhost,{LOOPBACK}"}
    return {**kept, **proxy, "PYTHONUNBUFFERED": "1", "KUBERNETES_SERVICE_HOST": ""}


async def run(parsed: argparse.Namespace) -> None:
    """Run until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    token = parsed.proxy_token_file.read_text().strip()
    config = yaml.safe_load(parsed.config.read_text()) if parsed.config else {}
    isolation = await asyncio.to_thread(choose_isolation, parsed.isolation)
    _clean(parsed.state_dir)
    async with connect(parsed.kubeconfig, environ=os.environ) as transport:
        holder: list[Node] = []
        readers = frozenset(parsed.client_name or API_SERVERS)
        logs = LogServer(readers, lambda *place: holder[0].find_log(*place) if holder else None)
        services = dict(entry.split("=", 1) for entry in parsed.service)
        proxy = ServiceProxy(token, lambda name, port: holder[0].resolve(name, port), services)
        proxy_port = await proxy.start(parsed.proxy_port)
        log_port = await logs.start(parsed.tls_cert, parsed.tls_key, parsed.client_ca)
        environment = container_environment(os.environ, token, proxy_port)
        options = NodeOptions(
            name=parsed.node_name,
            state_dir=parsed.state_dir,
            isolation=isolation,
            working_directory=parsed.working_dir,
            images=parse_images(config or {}),
            environment=environment,
            own_bin=str(Path(sys.executable).parent),
            log_port=log_port,
            gpus=count_gpus(),
        )
        holder.append(Node(transport, options))
        tasks = [asyncio.ensure_future(holder[0].run())]
        if parsed.workloads == "on":
            ready = partial(appeared, parsed.workloads_after) if parsed.workloads_after else None
            tasks.append(asyncio.ensure_future(workloads.run(transport, parsed.node_name, ready, options.claims)))
        await asyncio.wait([asyncio.ensure_future(stopping.wait()), *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done() and not stopping.is_set():
                task.result()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await proxy.close()
        await logs.close()


async def appeared(file: Path) -> None:
    """Wait until a file is there."""
    while not file.exists():  # noqa: ASYNC110, ASYNC240 - a file tells nobody that it has come
        await asyncio.sleep(LOOK_EVERY)


def _clean(state_dir: Path) -> None:
    """Remove what an earlier node left behind, apart from logs."""
    for volumes in (state_dir / "pods").glob("*/volumes"):
        shutil.rmtree(volumes, ignore_errors=True)
    for scratch in (state_dir / "pods").glob("*/scratch"):
        shutil.rmtree(scratch, ignore_errors=True)
    shutil.rmtree(state_dir / "s", ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        asyncio.run(run(parsed))
    except (OSError, ValueError) as error:
        print(f"katib_local.agent: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
