"""The two kinds of Kubernetes that one suite runs against: the laptop's, and a real control plane.

Whatever asks for `server_kind` runs once for each; `--server` chooses, and what it does not choose is deselected.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from controlplane.binaries import BinariesMissing, get_folder, newest, versions

LAPTOP, REAL = "laptop", "real"


@pytest.fixture(scope="session", params=(LAPTOP, REAL))
def server_kind(request: pytest.FixtureRequest) -> str:
    """`laptop`, then `real`."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def kubernetes_binaries(pytestconfig: pytest.Config) -> Path:
    """The folder with the real Kubernetes' commands. What asks for it without `server_kind` runs with the real one only."""
    return _binaries(pytestconfig)


def _binaries(config: pytest.Config) -> Path:
    version = config.getoption("--kube") or newest()
    if version not in versions():
        raise pytest.UsageError(f"--kube={version}: hack/kube has {', '.join(versions())}")
    try:
        return get_folder(version, os.environ)
    except BinariesMissing as error:
        raise pytest.UsageError(str(error)) from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("--server")
    dropped = [item for item in items if wanted not in ("both", _kind(item) or wanted)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in set(dropped)]
    if any(_kind(item) == REAL for item in items):
        _binaries(config)


def _kind(item: pytest.Item) -> str | None:
    """The one server that a test needs; None for a test of anything else."""
    callspec = getattr(item, "callspec", None)
    if callspec is not None and "server_kind" in callspec.params:
        return str(callspec.params["server_kind"])
    return REAL if "kubernetes_binaries" in getattr(item, "fixturenames", ()) else None
