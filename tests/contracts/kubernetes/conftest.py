"""The servers that keep the promise of a Kubernetes API, and names that no other case uses."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator

import pytest
from contracts.kubernetes.servers import PATIENCE, LaptopServer, Server, a_crd

PIZZAS = "/apis/food.example.com/v1/namespaces/default/pizzas"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all cases."""
    laptop = LaptopServer(tmp_path_factory.mktemp("api"))
    yield laptop.start()
    laptop.stop()


@pytest.fixture
def restartable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaptopServer]:
    """A server of the case's own, which it may kill."""
    laptop = LaptopServer(tmp_path_factory.mktemp("own"))
    yield laptop
    laptop.stop()


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
