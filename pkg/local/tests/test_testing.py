"""The fixture: a real API server, reached by another client than ours, and gone afterwards."""

import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from kubernetes import client, config

from katib_local import testing
from katib_local.testing import ApiServer, running_api_server

# As `pytest_plugins = ("katib_local.testing",)` does in the conftest.py at the root of somebody's tests.
api_server = testing.api_server


def trials_at(server: ApiServer) -> list[Any]:
    """What a stranger's client sees."""
    with config.new_client_from_config(str(server.kubeconfig)) as connection:
        custom = client.CustomObjectsApi(connection)
        return custom.list_namespaced_custom_object("kubeflow.org", "v1beta1", "default", "trials")["items"]  # type: ignore[no-any-return]


def test_a_fresh_server_serves_katibs_kinds(api_server: ApiServer) -> None:
    api_server.install_katib()
    document = {"apiVersion": "kubeflow.org/v1beta1", "kind": "Trial", "metadata": {"name": "a"}}
    with config.new_client_from_config(str(api_server.kubeconfig)) as connection:
        custom = client.CustomObjectsApi(connection)
        custom.create_namespaced_custom_object("kubeflow.org", "v1beta1", "default", "trials", document)
    assert [trial["metadata"]["name"] for trial in trials_at(api_server)] == ["a"]


def test_a_server_is_gone_after_its_block_and_its_objects_stay(tmp_path: Path) -> None:
    with running_api_server(tmp_path / "state") as server:
        server.install_katib()
        place = urlsplit(server.url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((place.hostname, place.port))
    with running_api_server(tmp_path / "state") as again:
        assert trials_at(again) == []
