"""A real Kubernetes control plane on loopback: etcd, API server, controllers and scheduler of one version.

It has its own state directory, its own authority, verified TLS everywhere, RBAC, and a user for each component; further
users are made by name. There is no node: Pods stay Pending until a node registers and runs them. No program of it outlives
the process that started it.
"""

from __future__ import annotations

import http.client
import random
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc
from controlplane import commands, etcd
from controlplane.audit import Audit
from controlplane.commands import LOOPBACK, Ports
from controlplane.credentials import ADMIN, Credentials, User
from controlplane.processes import Process, start

PATIENCE = 120.0
DEFAULT_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"


class ControlPlaneFailed(Exception):
    """It does not start; the message has the last words of every program."""


class ControlPlane:
    """One control plane. `binaries` has the commands; `folder` keeps objects, credentials and logs."""

    def __init__(self, binaries: Path, folder: Path, *, controllers: bool = True, audit: bool = False) -> None:
        self.binaries = binaries
        self.folder = folder
        self.controllers = controllers
        self.audit = Audit(folder) if audit else None
        self.logs = folder / "logs"
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "users").mkdir(mode=0o700, exist_ok=True)
        self.credentials = Credentials.open(folder / "credentials")
        self.ports = Ports(*free_ports(3))
        self.url = f"https://{LOOPBACK}:{self.ports.api}"
        self.processes: dict[str, Process] = {}
        self.admin = self._user(ADMIN)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.admin.kubeconfig

    def user(self, name: str, groups: Sequence[str] = ()) -> User:
        """A user of this name in these groups, who may do what RBAC says.

        A node is `system:node:NAME` in the group `system:nodes`.
        """
        file = "user-" + name.replace(":", "-").replace("/", "-")  # no name takes the place of the plane's own
        self.credentials.issue(file, name, groups)
        return self._user(file)

    def _user(self, name: str) -> User:
        pair = self.credentials.pair(name)
        file = self.folder / ("kubeconfig" if name == ADMIN else f"users/{name}.kubeconfig")
        return User(name, self.credentials.write_kubeconfig(file, pair, self.url), pair)

    def start(self) -> None:
        """Start what does not run, and wait until it is ready; raises ControlPlaneFailed."""
        self._run("etcd", commands.etcd(self.folder / "etcd", self.credentials, self.ports))
        audit = self.audit.prepare() if self.audit else []
        self._run("kube-apiserver", [*commands.api_server(self.credentials, self.ports), *audit])
        self._wait(lambda: self._code("/readyz") == http.client.OK)
        if not self.controllers:
            return
        files = {name: self._user(name).kubeconfig for name in ("kube-controller-manager", "kube-scheduler")}
        self._run(
            "kube-controller-manager",
            commands.controller_manager(files["kube-controller-manager"], self.credentials),
        )
        self._run("kube-scheduler", commands.scheduler(files["kube-scheduler"]))
        self._wait(lambda: self._code(DEFAULT_ACCOUNT) == http.client.OK)

    def _run(self, name: str, words: Sequence[str]) -> None:
        running = self.processes.get(name)
        if running is None or running.ended:
            self.processes[name] = start([self.binaries / name, *words], self.logs / f"{name}.log")

    def _wait(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not ready():
            if time.monotonic() > deadline or any(process.ended for process in self.processes.values()):
                words = "\n".join(process.last_words() for process in self.processes.values())
                self.stop()
                raise ControlPlaneFailed(f"the control plane in {self.folder} does not start:\n{words}")
            time.sleep(0.05)

    def compact(self, version: int) -> None:
        """Let etcd forget every version before this one, as it does every few minutes by itself."""
        self._ask_etcd("Compact", etcd.compaction(version))

    def put(self, entries: Mapping[str, bytes]) -> None:
        """Write to etcd directly: what a test needs much of, and does not test."""
        left = list(entries.items())
        while left:
            self._ask_etcd("Txn", etcd.puts(left[: etcd.MOST_PUTS]))
            del left[: etcd.MOST_PUTS]

    def _ask_etcd(self, method: str, request: bytes) -> None:
        pair = self.credentials.pair("etcd-client")
        files = (self.credentials.ca, pair.key, pair.certificate)
        credentials = grpc.ssl_channel_credentials(*(file.read_bytes() for file in files))
        with grpc.secure_channel(f"{LOOPBACK}:{self.ports.etcd}", credentials) as channel:
            channel.unary_unary(f"/etcdserverpb.KV/{method}")(request, timeout=PATIENCE)

    def _code(self, path: str) -> int:
        """What the API server answers the administrator; 0 for nothing."""
        context = ssl.create_default_context(cafile=self.credentials.ca)
        context.load_cert_chain(self.admin.pair.certificate, self.admin.pair.key)
        connection = http.client.HTTPSConnection(LOOPBACK, self.ports.api, context=context, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def kill(self, name: str) -> None:
        """End one program without a warning; `start` starts it again."""
        self.processes.pop(name).kill()

    def stop(self) -> None:
        """End every program. A kill breaks nothing: what was acknowledged is in etcd's files."""
        for process in reversed(self.processes.values()):
            process.kill()
        self.processes.clear()

    def wait_for_end(self) -> Process:
        """Wait until a program ends that nobody asked to."""
        while True:
            for process in self.processes.values():
                if process.ended:
                    return process
            time.sleep(0.2)


@contextmanager
def running(binaries: Path, folder: Path, *, controllers: bool = True, audit: bool = False) -> Iterator[ControlPlane]:
    """A control plane while the block runs; `audit` keeps what Katib's programs ask of it."""
    plane = ControlPlane(binaries, folder, controllers=controllers, audit=audit)
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()


def free_ports(number: int) -> list[int]:
    """Loopback ports that nobody has, from below those that the system gives away by itself."""
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 1_000):
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == number:
            return found
    raise ControlPlaneFailed("no port is free on loopback: end some programs")
