"""What a cluster and its users may expect of a node besides running pods: that it shows it lives, guards logs, looks after health."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
from datetime import datetime
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from controlplane.plane import free_ports
from laptops import Katib, eventually
from pods import Json, a_pod, create, ended, printed

from katib_apis.v1beta1 import names

LEASE = "kube-node-lease"


def test_the_node_renews_its_lease_which_belongs_to_it(node: Katib) -> None:
    made = node.kubectl("wait", "--for=create", "lease/laptop", "-n", LEASE, "--timeout=60s")
    assert made.returncode == 0, made.stderr
    held = node.get("lease", "laptop", "-n", LEASE)
    assert held["spec"]["holderIdentity"] == "laptop" and held["spec"]["leaseDurationSeconds"] == 40
    assert held["metadata"]["ownerReferences"][0]["uid"] == node.get("node", "laptop")["metadata"]["uid"]

    def renewed() -> bool:
        lease = node.get("lease", "laptop", "-n", LEASE)
        created, at = (lease["metadata"]["creationTimestamp"], lease["spec"]["renewTime"])
        return (datetime.fromisoformat(at) - datetime.fromisoformat(created)).total_seconds() > 2

    eventually(renewed)
    (condition,) = (entry for entry in node.get("node", "laptop")["status"]["conditions"] if entry["type"] == "Ready")
    assert condition["lastHeartbeatTime"] > condition["lastTransitionTime"]


def test_only_the_api_server_may_read_logs_from_the_node(node: Katib) -> None:
    """A certificate of the cluster's authority is not enough."""
    create(node, a_pod("guarded", "echo secret"))
    assert printed(node, "guarded") == "secret\n"
    credentials = node.state / "credentials"
    config = node.kubectl("config", "view", "--raw", "-o", "jsonpath={.users[0].user}").stdout
    context = ssl.create_default_context(cafile=credentials / "ca.crt")
    _load(context, config, credentials)
    port = node.get("node", "laptop")["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
    connection = HTTPSConnection("127.0.0.1", port, context=context)
    connection.request("GET", "/containerLogs/default/guarded/main")
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    assert response.status == 403 and text.endswith("may not read logs here: ask the API server")


def _load(context: ssl.SSLContext, user: str, folder: Path) -> None:
    """Be the administrator, as whom a kubeconfig names one."""
    pair = json.loads(user)
    file = folder / "caller.pem"
    texts = (base64.b64decode(pair[f"client-{part}-data"]) for part in ("certificate", "key"))
    file.write_bytes(b"".join(texts))
    context.load_cert_chain(file)


def test_a_forced_deletion_does_not_wait_for_processes(node: Katib) -> None:
    script = "trap '' TERM; echo ready; while true; do sleep 86.125; done"
    create(node, a_pod("forced", script, terminationGracePeriodSeconds=600))
    eventually(lambda: "ready" in node.kubectl("logs", "forced").stdout)
    assert node.kubectl("delete", "pod", "forced", "--force").returncode == 0
    assert node.kubectl("get", "pod", "forced").returncode == 1
    eventually(lambda: not _runs(b"86.125"))


def _runs(word: bytes) -> bool:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if word in (folder / "cmdline").read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


def test_nothing_is_said_to_be_killed_when_a_pod_that_has_ended_is_deleted(node: Katib) -> None:
    create(node, a_pod("past", "true"))
    node.kubectl("patch", "pod", "past", "-p", '{"metadata": {"finalizers": ["example.com/hold"]}}')
    ended(node, "past")
    node.kubectl("delete", "pod", "past", "--wait=false")
    create(node, a_pod("later", "true"))  # the node has seen the deletion when this has ended
    ended(node, "later")
    node.kubectl("patch", "pod", "past", "-p", '{"metadata": {"finalizers": null}}')
    eventually(lambda: node.kubectl("get", "pod", "past").returncode == 1)
    eventually(lambda: "Started" in _events(node, "later"))
    assert "Killing" not in _events(node, "past")


def _events(node: Katib, pod: str) -> str:
    return node.kubectl("get", "events", f"--field-selector=involvedObject.name={pod}").stdout


@pytest.mark.parametrize("kind", ["httpGet", "tcpSocket", "grpc"])
def test_a_pod_is_ready_when_its_port_answers(node: Katib, tmp_path: Path, kind: str) -> None:
    gate, (port,) = tmp_path / "gate", free_ports(1)
    serve = (
        f"exec python -m katib_suggestion --listen-address=127.0.0.1:{port}"
        if kind == "grpc"
        else f"exec python -m http.server {port} --bind 127.0.0.1 --directory {tmp_path}"
    )
    service = {"service": names.HEALTH_SERVICE_SUGGESTION} if kind == "grpc" else {}
    name = f"answers-{kind.lower()}"
    main: dict[str, Any] = {
        "readinessProbe": {kind: {"port": port, **service}, "periodSeconds": 1, "timeoutSeconds": 5}
    }
    create(node, a_pod(name, f"until [ -e {gate} ]; do sleep 0.1; done; {serve}", main=main))
    eventually(lambda: "Readiness probe failed" in node.kubectl("describe", "pod", name).stdout)
    assert _ready(node.get("pod", name)) is False
    gate.touch()
    eventually(lambda: _ready(node.get("pod", name)))
    node.kubectl("delete", "pod", name, "--grace-period=1", "--wait=false")


def test_a_pod_runs_until_its_sidecar_has_ended_too(node: Katib, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"trap 'until [ -e {gate} ]; do sleep 0.1; done; echo done; exit 0' TERM; touch {gate}.up; while :; do sleep 0.1; done"
    sidecar = {"name": "side", "image": "i:1", "restartPolicy": "Always", "command": ["sh", "-c", script]}
    sidecar["startupProbe"] = {"exec": {"command": ["test", "-e", f"{gate}.up"]}, "periodSeconds": 1}
    create(node, a_pod("accompanied", "true", initContainers=[sidecar], terminationGracePeriodSeconds=600))
    eventually(lambda: "Stopping container side" in node.kubectl("describe", "pod", "accompanied").stdout)
    status = node.get("pod", "accompanied")["status"]
    assert "terminated" in status["containerStatuses"][0]["state"] and status["phase"] == "Running"
    gate.touch()
    assert printed(node, "accompanied", "-c", "side") == "done\n"
    assert node.get("pod", "accompanied")["status"]["phase"] == "Succeeded"


def test_a_pod_is_ready_when_conditions_of_others_hold(node: Katib) -> None:
    gate = "example.com/checked"
    spec: Json = {"readinessGates": [{"conditionType": gate}], "terminationGracePeriodSeconds": 0}
    create(node, a_pod("gated", "exec sleep 1000", **spec))

    def told(kind: str) -> tuple[str, ...]:
        conditions = node.get("pod", "gated")["status"].get("conditions") or []
        found = next((entry for entry in conditions if entry["type"] == kind), {})
        return tuple(found[name] for name in ("status", "reason", "message") if found.get(name))

    def write(status: str) -> None:
        patch = {"status": {"conditions": [{"type": gate, "status": status}]}}
        done = node.kubectl("patch", "pod", "gated", "--subresource=status", "-p", json.dumps(patch))
        assert done.returncode == 0, done.stderr

    missing = f'corresponding condition of pod readiness gate "{gate}" does not exist.'
    eventually(lambda: told("ContainersReady") == ("True",))
    assert told("Ready") == ("False", "ReadinessGatesNotReady", missing)
    write("True")
    eventually(lambda: told("Ready") == ("True",))
    assert "1/1" in node.kubectl("get", "pod", "gated", "-o", "wide", "--no-headers").stdout.split()[-1]
    write("False")
    eventually(lambda: told("Ready")[:2] == ("False", "ReadinessGatesNotReady"))
    assert told(gate) == ("False",)
    node.kubectl("delete", "pod", "gated", "--wait=false")


def _ready(pod: Json) -> bool:
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in pod["status"]["conditions"])


def test_describe_shows_a_node_and_its_pods(node: Katib) -> None:
    create(node, a_pod("shown", "sleep 1000", terminationGracePeriodSeconds=0))
    eventually(lambda: _ready(node.get("pod", "shown")))
    described: subprocess.CompletedProcess[str] = node.kubectl("describe", "node", "laptop")
    assert described.returncode == 0, described.stderr
    assert "KubeletReady" in described.stdout and "shown" in described.stdout and LEASE not in described.stderr
    node.kubectl("delete", "pod", "shown")
