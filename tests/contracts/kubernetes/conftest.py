"""The servers that keep the promise of a Kubernetes API, and names that no other case uses."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from contracts.kubernetes.servers import PATIENCE, LaptopServer, RealServer, Server, a_crd

PIZZAS = "/apis/food.example.com/v1/namespaces/default/pizzas"


@pytest.fixture(scope="session")
def make_server(server_kind: str, request: pytest.FixtureRequest) -> Callable[..., LaptopServer | RealServer]:
    """Makes a server of the wanted kind in a folder; `controllers=False` leaves out what only a real one has."""

    def make(folder: Path, *, controllers: bool = True) -> LaptopServer | RealServer:
        if server_kind == "laptop":
            return LaptopServer(folder)
        return RealServer(request.getfixturevalue("kubernetes_binaries"), folder, controllers=controllers)

    return make


@pytest.fixture(scope="session")
def server(
    make_server: Callable[..., LaptopServer | RealServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One server of each kind for all cases."""
    running = make_server(tmp_path_factory.mktemp("api"))
    yield running.start()
    running.stop()


@pytest.fixture(scope="session")
def working(
    server_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server of each kind beside which Jobs and Deployments are looked after; a real one always has its controllers."""
    if server_kind == "real":
        yield request.getfixturevalue("server")
        return
    own = LaptopServer(tmp_path_factory.mktemp("working"), controllers=True)
    yield own.start()
    own.stop()


@pytest.fixture
def restartable(
    make_server: Callable[..., LaptopServer | RealServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LaptopServer | RealServer]:
    """A server of the case's own, which it may kill; a real one without controllers."""
    own = make_server(tmp_path_factory.mktemp("own"), controllers=False)
    yield own
    own.stop()


@pytest.fixture(scope="session")
def pizzas(server: Server) -> str:
    """The path of a custom kind's collection, when the kind is served."""
    server.good("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", a_crd())
    deadline = time.monotonic() + PATIENCE
    while server.call("GET", PIZZAS).code != 200:
        assert time.monotonic() < deadline
    return PIZZAS


@pytest.fixture(scope="session")
def fresh() -> Callable[[], str]:
    """Names, each given once."""
    numbers = itertools.count()
    return lambda: f"case-{next(numbers)}"
