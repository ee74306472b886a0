"""API servers of both kinds that serve Katib's kinds, and a client of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import kubernetes
import pytest
import yaml
from contracts.kubernetes.servers import PATIENCE, LaptopServer, RealServer

CRDS = sorted((Path(__file__).parents[3] / "manifests/v1beta1/components/crd").glob("*.yaml"))


@pytest.fixture(scope="session")
def api_client(
    server_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[kubernetes.client.ApiClient]:
    """Kubernetes' own client, set up from a kubeconfig."""
    folder = tmp_path_factory.mktemp("sdk")
    if server_kind == "laptop":
        running: LaptopServer | RealServer = LaptopServer(folder)
    else:
        running = RealServer(request.getfixturevalue("kubernetes_binaries"), folder, controllers=False)
    server = running.start()
    for file in CRDS:
        crd = yaml.safe_load(file.read_text())
        if server.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd).code not in (201, 409):
            raise AssertionError(f"{file.name} is not accepted")
        path = f"/apis/{crd['spec']['group']}/v1beta1/{crd['spec']['names']['plural']}"
        deadline = time.monotonic() + PATIENCE
        while server.call("GET", path).code != 200:
            assert time.monotonic() < deadline
    with kubernetes.config.new_client_from_config(str(server.kubeconfig)) as client:
        yield client
    running.stop()
