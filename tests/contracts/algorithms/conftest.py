"""One algorithm service for all cases, and a second process beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contracts.algorithms.questions import ALGORITHMS, POINT_ALGORITHMS, Service, serving


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("s")) as found:
        yield found


@pytest.fixture(scope="session")
def other_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Another process of the same program: what the first one remembers, this one does not know."""
    with serving(tmp_path_factory.mktemp("o")) as found:
        yield found


@pytest.fixture(params=POINT_ALGORITHMS)
def algorithm(request: pytest.FixtureRequest) -> str:
    """Every algorithm of the registry that names new points."""
    name: str = request.param
    return name


@pytest.fixture(params=ALGORITHMS)
def any_algorithm(request: pytest.FixtureRequest) -> str:
    """Every algorithm of the registry, also those that repeat points or search architectures."""
    name: str = request.param
    return name
