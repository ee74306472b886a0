"""The laptop's API server beside a real one (nox -s kube), in one run: what each does in the same time, and the ratios.

Both keep their objects on the same disk and are called in the same way: HTTPS, one connection per caller.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import ssl
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from contracts.kubernetes.servers import LaptopServer
from controlplane.binaries import get_folder, newest
from controlplane.plane import ControlPlane

MAPS = "/api/v1/namespaces/default/configmaps"
MORE, LISTS, EVENTS = 500, 3, 100
SLOWEST = 5.0
"""Milliseconds that the median write may take at the most objects."""


@dataclass(frozen=True)
class Server:
    """A running server: how it is called, and the processes that are it."""

    connect: Callable[[], http.client.HTTPSConnection]
    processes: tuple[int, ...]
    start_seconds: float

    @property
    def memory(self) -> float:
        """Resident MiB of all its processes."""
        return sum(_resident(process) for process in self.processes) / 1024

    @property
    def busy(self) -> float:
        """Milliseconds of CPU that all its processes have used: other work on the machine hardly changes them."""
        return sum(_ticks(process) for process in self.processes) * 1000 / os.sysconf("SC_CLK_TCK")


def _resident(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:")))


def _ticks(process: int) -> int:
    """Ticks of a process's CPU, its own and the kernel's for it."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _connector(url: str, authority: Path, pair: tuple[Path, Path]) -> Callable[[], http.client.HTTPSConnection]:
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(*pair)
    address = urlsplit(url)
    return lambda: http.client.HTTPSConnection(address.hostname or "", address.port, context=context, timeout=300)


@contextmanager
def laptop(folder: Path) -> Iterator[Server]:
    server = LaptopServer(folder)
    started = time.perf_counter()
    answer = server.start()
    seconds = time.perf_counter() - started
    assert server.process is not None and answer.certificate is not None
    try:
        connect = _connector(answer.url, answer.authority, answer.certificate)
        yield Server(connect, (server.process.pid,), seconds)
    finally:
        server.kill()


@contextmanager
def real(folder: Path, version: str) -> Iterator[Server]:
    """etcd and kube-apiserver, which together are what the laptop's server is."""
    plane = ControlPlane(get_folder(version, os.environ), folder, controllers=False)
    started = time.perf_counter()
    try:
        plane.start()
        seconds = time.perf_counter() - started
        pair = (plane.admin.pair.certificate, plane.admin.pair.key)
        connect = _connector(plane.url, plane.credentials.ca, pair)
        yield Server(connect, tuple(process.popen.pid for process in plane.processes.values()), seconds)
    finally:
        plane.stop()


def call(connection: http.client.HTTPSConnection, method: str, path: str, body: Any = None) -> bytes:
    """One request on a kept connection; raises SystemExit when it is refused."""
    data = None if body is None else json.dumps(body)
    connection.request(method, path, data, {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read()
    if response.status >= 300:
        raise SystemExit(f"{method} {path}: {response.status} {text[:300]!r}")
    return text


def a_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"text": "x" * 500}}


def write(server: Server, prefix: str, count: int) -> list[float]:
    """Seconds of each of `count` creations, one after the other."""
    connection, spans = server.connect(), []
    for number in range(count):
        started = time.perf_counter()
        call(connection, "POST", MAPS, a_map(f"{prefix}-{number}"))
        spans.append(time.perf_counter() - started)
    connection.close()
    return spans


def list_all(server: Server) -> float:
    """Seconds until all objects are here, as one list."""
    connection = server.connect()
    started = time.perf_counter()
    call(connection, "GET", MAPS)
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def fan_out(server: Server, watchers: int, count: int) -> float:
    """Events per second that reach all watchers together, while one writes."""
    connection = server.connect()
    version = json.loads(call(connection, "GET", f"{MAPS}?limit=1"))["metadata"]["resourceVersion"]
    ready = threading.Barrier(watchers + 1)

    def watch() -> None:
        watching = server.connect()
        watching.request("GET", f"{MAPS}?watch=1&resourceVersion={version}&timeoutSeconds=300")
        response = watching.getresponse()
        ready.wait()
        for _ in range(count):
            response.readline()
        watching.close()

    threads = [threading.Thread(target=watch, daemon=True) for _ in range(watchers)]
    for thread in threads:
        thread.start()
    ready.wait()
    started = time.perf_counter()
    write(server, "seen", count)
    for thread in threads:
        thread.join()
    return watchers * count / (time.perf_counter() - started)


def measure(server: Server, objects: int, watchers: int) -> dict[str, float]:
    """What one server does."""
    found = {"start, s": server.start_seconds, "memory empty, MiB": server.memory}
    first = write(server, "first", objects)
    found["writes, 1/s"] = len(first) / sum(first)
    busy = server.busy
    last = write(server, "last", MORE)
    found[f"median write at {objects}, ms"] = statistics.median(last) * 1000
    found[f"CPU of a write at {objects}, ms"] = (server.busy - busy) / MORE
    busy = server.busy
    found[f"list of {objects}, s"] = min(list_all(server) for _ in range(LISTS))
    found[f"CPU of a list of {objects}, ms"] = (server.busy - busy) / LISTS
    found["memory full, MiB"] = server.memory
    busy = server.busy
    found[f"events to {watchers} watchers, 1/s"] = fan_out(server, watchers, EVENTS)
    found[f"CPU of an event to {watchers} watchers, ms"] = (server.busy - busy) / EVENTS
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--watchers", type=int, default=50)
    parser.add_argument("--kube", default=newest(), help="which real Kubernetes (default: the newest)")
    parser.add_argument("--alone", action="store_true", help="the laptop's only, which needs no Go")
    parser.add_argument(
        "--check", action="store_true", help=f"end with 1 when its median write takes over {SLOWEST} ms"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="katib-bench-") as folder:
        with laptop(Path(folder, "laptop")) as server:
            ours = measure(server, options.objects, options.watchers)
        if options.alone:
            print(*(f"{name:38} {value:10.2f}" for name, value in ours.items()), sep="\n")
        else:
            with real(Path(folder, "real"), options.kube) as server:
                print_beside(ours, measure(server, options.objects, options.watchers))
    median = ours[f"median write at {options.objects}, ms"]
    if options.check and median > SLOWEST:
        sys.exit(f"the median write at {options.objects} objects takes {median:.2f} ms, not {SLOWEST} ms at most")


def print_beside(ours: dict[str, float], theirs: dict[str, float]) -> None:
    print(f"{'':38} {'laptop':>10} {'real':>10} {'laptop/real':>12}")
    for name, value in ours.items():
        print(f"{name:38} {value:10.2f} {theirs[name]:10.2f} {value / theirs[name]:12.2f}")


if __name__ == "__main__":
    main()
