"""Logs: of which node the server asks them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from contracts.kubernetes.servers import MERGE, SPACE, Server
from contracts.kubernetes.webhooks import serving


def test_no_log_is_asked_of_a_node_that_another_authority_vouches_for(
    server: Server, tmp_path: Path, fresh: Callable[[], str]
) -> None:
    name = fresh()
    with serving(tmp_path) as stranger:
        port = urlsplit(stranger.url).port
        server.good("POST", "/api/v1/nodes", {"metadata": {"name": name}})
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        server.good("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, MERGE)
        spec = {"nodeName": name, "containers": [{"name": "main", "image": "i"}]}
        server.good("POST", f"{SPACE}/pods", {"metadata": {"name": name}, "spec": spec})
        answer = server.call("GET", f"{SPACE}/pods/{name}/log")
        server.good("DELETE", f"/api/v1/nodes/{name}")
        server.good("DELETE", f"{SPACE}/pods/{name}", gracePeriodSeconds="0")
    asked = f'Get "https://127.0.0.1:{port}/containerLogs/default/{name}/main": '
    assert (answer.code, "reason" in answer.body) == (500, False)
    assert answer.body["message"].startswith(asked) and "certificate" in answer.body["message"]
