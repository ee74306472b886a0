"""The programs that make up the laptop, as data: what is started, with which flags, environment and log.

Pure. Everything except the API server, the node and the workloads is started exactly as in a cluster.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from katib_apis.v1beta1 import names
from katib_local.algorithms import PREFIX, SERVICE
from katib_local.credentials import LOOPBACK, Credentials
from katib_local.state import StateDirectory

CORE_NAMESPACE = names.ENV_CORE_NAMESPACE_DEFAULT
# The Services that are no pods, and the ports under which they are known.
SERVICES = {
    names.OBJECT_DB_MANAGER: names.PORT_DB_MANAGER,
    SERVICE: names.PORT_SUGGESTION,
    names.OBJECT_EARLY_STOPPING: names.PORT_EARLY_STOPPING,
}
NODE_NAME = "laptop"


@dataclass(frozen=True)
class Ports:
    """TCP ports of one start, all on loopback."""

    apiserver: int
    webhook: int
    proxy: int

    @property
    def server(self) -> str:
        return f"https://{LOOPBACK}:{self.apiserver}"


@dataclass(frozen=True)
class Laptop:
    """What one start of the laptop is made of."""

    state: StateDirectory
    credentials: Credentials
    ports: Ports
    isolation: str = "auto"
    sockets: Path = Path()
    working_directory: Path = Path()
    algorithms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Program:
    """One child process of the laptop."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)

    def log(self, state: StateDirectory) -> Path:
        return state.logs / f"{self.name}.log"


def module(name: str) -> list[str]:
    """The command that runs a module of this environment."""
    return [sys.executable, "-m", name]


def service_proxy(laptop: Laptop) -> dict[str, str]:
    """Environment with which gRPC clients find Services by their names (see docs/laptop.md)."""
    url = f"http://katib:{laptop.credentials.service_token}@{LOOPBACK}:{laptop.ports.proxy}"
    return {"grpc_proxy": url, "no_grpc_proxy": f"localhost,{LOOPBACK}"}


def socket(laptop: Laptop, service: str) -> str:
    return f"unix:{laptop.sockets / service}.sock"


def desired_programs(laptop: Laptop) -> list[Program]:
    """Every program of the laptop; the first one serves the API that the others talk to."""
    parts = (_apiserver, _controller, _agent, _db_manager, _suggestion, _early_stopping)
    return [part(laptop) for part in parts]


def _apiserver(laptop: Laptop) -> Program:
    files = laptop.credentials
    arguments = [
        *module("katib_local.apiserver"),
        f"--state-dir={laptop.state.objects}",
        f"--host={LOOPBACK}",
        f"--port={laptop.ports.apiserver}",
        f"--tls-cert={files.certificate('apiserver')}",
        f"--tls-key={files.key('apiserver')}",
        f"--client-ca={files.authority}",
        f"--webhook-client-cert={files.certificate('apiserver-client')}",
        f"--webhook-client-key={files.key('apiserver-client')}",
    ]
    return Program("apiserver", arguments)


def _controller(laptop: Laptop) -> Program:
    files = laptop.credentials
    arguments = [
        *module("katib_controller"),
        f"--katib-config={laptop.state.rendered_config}",
        f"--kubeconfig={files.kubeconfig('controller')}",
        f"--cert-dir={files.certificate('webhook').parent}",
        f"--webhook-host={LOOPBACK}",
        f"--webhook-client-ca={files.authority}",
    ]
    return Program("controller", arguments, {names.ENV_CORE_NAMESPACE: CORE_NAMESPACE, **service_proxy(laptop)})


def _agent(laptop: Laptop) -> Program:
    files = laptop.credentials
    arguments = [
        *module("katib_local.agent"),
        f"--kubeconfig={files.kubeconfig('node')}",
        f"--state-dir={laptop.state.pods}",
        f"--config={laptop.state.rendered_config}",
        f"--isolation={laptop.isolation}",
        f"--workloads-after={laptop.state.ports}",
        f"--node-name={NODE_NAME}",
        f"--working-dir={laptop.working_directory}",
        f"--tls-cert={files.certificate('node')}",
        f"--tls-key={files.key('node')}",
        f"--client-ca={files.authority}",
        f"--proxy-port={laptop.ports.proxy}",
        f"--proxy-token-file={files.token_file}",
        *(f"--service={name}.{CORE_NAMESPACE}:{port}={socket(laptop, name)}" for name, port in SERVICES.items()),
    ]
    return Program("node", arguments)


def _db_manager(laptop: Laptop) -> Program:
    environment = {names.ENV_DB_NAME: "sqlite", names.ENV_SQLITE_PATH: str(laptop.state.observations)}
    listen = f"--listen-address={socket(laptop, names.OBJECT_DB_MANAGER)}"
    return Program("db-manager", [*module("katib_db"), listen], environment)


def _suggestion(laptop: Laptop) -> Program:
    listen = f"--listen-address={socket(laptop, SERVICE)}"
    # The directory of the claim that an algorithm's own service would have mounted.
    data = f"--data-dir={laptop.state.claims}/{{namespace}}/{{experiment}}-{{algorithm}}"
    own = [f"{PREFIX}{entry}" for entry in laptop.algorithms]
    return Program("suggestion", [*module("katib_suggestion"), listen, data, *own])


def _early_stopping(laptop: Laptop) -> Program:
    arguments = [
        *module("katib_suggestion.early_stopping"),
        f"--listen-address={socket(laptop, names.OBJECT_EARLY_STOPPING)}",
        f"--kubeconfig={laptop.credentials.kubeconfig(names.CONTAINER_EARLY_STOPPING)}",
    ]
    return Program(names.CONTAINER_EARLY_STOPPING, arguments, service_proxy(laptop))
