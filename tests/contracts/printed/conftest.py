"""The printed APIs that keep the promise: Katib's own, and a foreign one that the press has never heard of."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from contracts.printed.apis import KATIB, PIZZA, PrintedKind

from katib_codegen.press import render_all, write
from katib_local import testing
from katib_local.testing import ApiServer, running_api_server
from katib_machinery.kube import KubeTransport, connect

api_server = testing.api_server
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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, foreign: Path) -> Iterator[ApiServer]:
    """An API server that serves all of them."""
    with running_api_server(tmp_path_factory.mktemp("server")) as server:
        server.install_katib()
        server.install(documents(foreign / "manifests/v1/components/crd/pizza.yaml"))
        yield server


@pytest.fixture
async def transport(server: ApiServer) -> AsyncIterator[KubeTransport]:
    """A connection to it."""
    async with connect(str(server.kubeconfig)) as transport:
        yield transport


def documents(file: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(file.read_text()) if document]
