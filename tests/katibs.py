"""Katib on a real control plane: our programs as processes, each as a user that has only its printed roles, and one node.

The state directory has the laptop's form, so that whatever looks at a laptop looks at this one too.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from controlplane.audit import Audit, Grant, Use, check_allowed, parse_grants
from controlplane.plane import ControlPlane, free_ports, running
from controlplane.processes import Process, start
from laptops import ROOT, Katib, eventually

from katib_apis.v1beta1 import names
from katib_local.algorithms import find_algorithms
from katib_local.bootstrap import desired_config_map, desired_webhooks
from katib_local.credentials import CLIENTS, LOOPBACK, Credentials
from katib_local.laptop import render_config, user_config
from katib_local.programs import CORE_NAMESPACE, NODE_NAME, Laptop, Ports, Program, desired_programs
from katib_local.state import StateDirectory, open_state, write_private

CONTROLLER = CLIENTS["controller"][0]
ROLES = ("controller", names.CONTAINER_EARLY_STOPPING)
COMPONENTS = ROOT / "manifests/v1beta1/components"
READY = {names.LABEL_METRICS_COLLECTOR_INJECTION: names.LABEL_VALUE_INJECTION_ENABLED}
SERVERS = ("webhook", "node")
PROGRAMS = ("controller", "node", names.CONTAINER_EARLY_STOPPING)
OURS = ("KATIB_", "DB_", "SKIP_DB_", "GRPC_PROXY", "NO_GRPC_PROXY")


class KatibFailed(Exception):
    """A program of Katib has ended; the message has its last words."""


@dataclass(frozen=True)
class Setup:
    """How Katib is set up: its KatibConfig, and algorithms of the user's own with the folder of their modules."""

    isolation: str = "auto"
    config: str = ""
    algorithms: tuple[str, ...] = ()
    modules: Path = Path()


@dataclass(frozen=True)
class RestartingNode:
    """A node, and how it is stopped and started again."""

    katib: Katib
    stop: Callable[[], object]
    start: Callable[[], object]


class RealKatib:
    """Katib's programs and the process node on one control plane."""

    def __init__(self, plane: ControlPlane, folder: Path, setup: Setup) -> None:
        self.plane = plane
        self.state = open_state(folder / "state")
        self.setup = setup
        if setup.config:
            self.state.user_config.write_text(setup.config)
        ports = Ports(plane.ports.api, *free_ports(2))
        self.config = render_config(user_config(self.state), ports, find_algorithms(setup.algorithms, setup.modules))
        write_private(self.state.rendered_config, self.config.encode())
        credentials = make_credentials(plane, self.state)
        sockets = self.state.sockets()
        self.laptop = Laptop(self.state, credentials, ports, setup.isolation, sockets, folder, setup.algorithms)
        self.katib = Katib(self.state.path, kind="real")
        self.processes: list[Process] = []

    @property
    def audit(self) -> Audit:
        assert self.plane.audit is not None
        return self.plane.audit

    def start_node(self) -> None:
        """Start the node alone, and wait until it is ready."""
        self._spawn(next(program for program in desired_programs(self.laptop) if program.name == "node"))
        for state in ("create", "condition=Ready"):
            self._kubectl("wait", f"--for={state}", f"node/{NODE_NAME}", "--timeout=60s")

    def start(self) -> None:
        """Bring the cluster to what an install brings, start the programs, and wait until all is ready."""
        self.apply(*desired_namespaces())
        for folder in ("crd", *ROLES):
            self._kubectl("apply", "--warnings-as-errors", "-f", str(COMPONENTS / folder))
        self._kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(COMPONENTS / "crd"))
        self.apply(desired_config_map(self.config))
        for program in desired_programs(self.laptop):
            if program.name not in ("apiserver", "node"):
                self._spawn(program)
        self.start_node()
        eventually(self._admits)
        printed = yaml.safe_load_all((COMPONENTS / "webhook/webhooks.yaml").read_text())
        self.apply(*desired_webhooks(printed, self.laptop))

    def apply(self, *documents: Mapping[str, Any]) -> None:
        """Apply documents as an administrator; a warning is a failure."""
        text = "\n---\n".join(map(json.dumps, documents))
        self._kubectl("apply", "--warnings-as-errors", "-f", "-", stdin=text)

    def _kubectl(self, *arguments: str, stdin: str | None = None) -> None:
        done = self.katib.kubectl(*arguments, stdin=stdin)
        if done.returncode:
            raise KatibFailed(f"kubectl {' '.join(arguments)}: {done.stderr}{self.katib.logs()}")

    def _spawn(self, program: Program) -> None:
        # As in a cluster: its API server has no certificate for webhooks, and Jobs and Deployments are its own work.
        arguments = [word for word in program.arguments if not word.startswith("--webhook-client-ca=")]
        arguments += ["--workloads=off"] if program.name == "node" else []
        inherited = {key: value for key, value in os.environ.items() if not key.upper().startswith(OURS)}
        where = {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(self.setup.modules)}
        environment = {**inherited, **where, **program.environment}
        self.processes.append(start(arguments, program.log(self.state), environment))

    def _admits(self) -> bool:
        for process in self.processes:
            if process.ended:
                raise KatibFailed(process.last_words())
        try:
            socket.create_connection((LOOPBACK, self.laptop.ports.webhook)).close()
        except ConnectionRefusedError:
            return False
        return True

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.stop()
        self.processes.clear()


def desired_namespaces() -> list[dict[str, Any]]:
    """The namespaces that the laptop makes ready for trials."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": READY}}
        for name in ("default", CORE_NAMESPACE)
    ]


def make_credentials(plane: ControlPlane, state: StateDirectory) -> Credentials:
    """The laptop's files, of the control plane's authority: servers' certificates, a kubeconfig for each program."""
    files = Credentials(state.credentials, secrets.token_urlsafe(24))
    write_private(files.authority, plane.credentials.authority.certificate_pem)
    write_private(files.token_file, files.service_token.encode())
    for name in SERVERS:
        issued = plane.credentials.authority.issue_server(
            f"katib-{name}", now=datetime.now(UTC), dns_names=["localhost"], ip_addresses=[LOOPBACK]
        )
        files.key(name).parent.mkdir(mode=0o700)
        write_private(files.certificate(name), issued.certificate_pem)
        write_private(files.key(name), issued.key_pem)
    for name in PROGRAMS:
        user, groups = CLIENTS[name]
        known = [*groups, f"system:serviceaccounts:{CORE_NAMESPACE}"] if "serviceaccount" in user else groups
        files.kubeconfig(name).parent.mkdir(mode=0o700, exist_ok=True)
        write_private(files.kubeconfig(name), plane.user(user, known).kubeconfig.read_bytes())
    write_private(state.kubeconfig, plane.kubeconfig.read_bytes())
    return files


@contextmanager
def node_running(binaries: Path, folder: Path, isolation: str) -> Iterator[RealKatib]:
    """A control plane with the process node, and nothing of Katib, while the block runs."""
    with running(binaries, folder / "plane") as plane:
        real = RealKatib(plane, folder, Setup(isolation))
        try:
            real.start_node()
            yield real
        finally:
            real.stop()


@contextmanager
def katib_running(
    binaries: Path, folder: Path, used: dict[str, set[Use]], setup: Setup | None = None
) -> Iterator[RealKatib]:
    """A control plane with Katib on it while the block runs; what each program has used of its grants joins `used`.

    Raises VerbMissing at the end when a program was refused anything.
    """
    with running(binaries, folder / "plane", audit=True) as plane:
        real = RealKatib(plane, folder, setup or Setup())
        try:
            real.start()
            yield real
        finally:
            real.stop()
        requests = real.audit.requests()
        for program in ROLES:
            mine = (request for request in requests if request.user == CLIENTS[program][0])
            used.setdefault(program, set()).update(request.use for request in mine if request.allowed)
        check_allowed(requests)


def all_grants() -> list[Grant]:
    """What the printed roles grant."""
    return parse_grants(yaml.safe_load((ROOT / "apis/v1beta1/permissions.yaml").read_text()))
