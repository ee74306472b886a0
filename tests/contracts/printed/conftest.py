"""The printed APIs that keep the promise: Katib's own, and a foreign one that the press has never heard of."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from contracts.printed.apis import KATIB, PIZZA, PrintedKind
from controlplane.plane import running

from katib_codegen.press import render_all
from katib_codegen.tree import write
from katib_local.bootstrap import shipped
from katib_local.kubectl import find_kubectl
from katib_local.testing import ApiServer, running_api_server
from katib_machinery.kube import KubeTransport, connect

PIZZA_SOURCES = Path(__file__).parents[3] / "codegen/tests/pizza"


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The foreign API, pressed into a workspace of its own whose packages can be imported."""
    root = tmp_path_factory.mktemp("pizza")
    shutil.copytree(PIZZA_SOURCES, root, dirs_exist_ok=True)
    write(root, render_all(root))
    paths = [str(root / "pkg/apis"), str(root / "pkg/client")]
    sys.path[:0] = paths
    importlib.invalidate_caches()
    yield root
    for path in paths:
        sys.path.remove(path)


@pytest.fixture(scope="session", params=[*KATIB, PIZZA], ids=lambda kind: kind.name)
def printed(request: pytest.FixtureRequest, foreign: Path) -> PrintedKind:
    """One printed kind after the other."""
    kind: PrintedKind = request.param
    return kind


@contextmanager
def an_api_server(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[ApiServer]:
    """A server of the wanted kind that serves nothing but Kubernetes' own kinds."""
    if kind == "laptop":
        with running_api_server(folder) as server:
            yield server
    else:
        with running(request.getfixturevalue("kubernetes_binaries"), folder, controllers=False) as plane:
            yield ApiServer(plane.url, plane.kubeconfig)


@pytest.fixture(scope="session")
def server(
    server_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, foreign: Path
) -> Iterator[ApiServer]:
    """An API server that serves all of them."""
    with an_api_server(server_kind, tmp_path_factory.mktemp("server"), request) as server:
        install(server, [*shipped("crds"), *documents(foreign / "manifests/v1/components/crd/pizza.yaml")])
        yield server


@pytest.fixture
def api_server(server_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ApiServer]:
    """A fresh API server of the test's own."""
    with an_api_server(server_kind, tmp_path / "own", request) as server:
        yield server


def install(server: ApiServer, crds: list[dict[str, Any]]) -> None:
    """Define these kinds, and wait until they are served."""
    server.install(crds)
    done = subprocess.run(
        [
            *(find_kubectl() or "kubectl", f"--kubeconfig={server.kubeconfig}", "wait", "--for=condition=Established"),
            *(f"crd/{crd['metadata']['name']}" for crd in crds),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
async def transport(server: ApiServer) -> AsyncIterator[KubeTransport]:
    """A connection to it."""
    async with connect(str(server.kubeconfig)) as transport:
        yield transport


def documents(file: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(file.read_text()) if document]
