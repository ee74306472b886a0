"""A node that ends and begins again: what becomes of the pods that it ran, on either Kubernetes."""

from __future__ import annotations

from pathlib import Path

from katibs import RestartingNode
from laptops import eventually
from pods import Json, a_pod, create, ended, printed


def a_status(node: RestartingNode, name: str) -> Json:
    status: Json = node.katib.get("pod", name)["status"]
    return status


def main_of(node: RestartingNode, name: str) -> Json:
    found: Json = a_status(node, name)["containerStatuses"][0]
    return found


def shown(node: RestartingNode, name: str) -> list[str]:
    return node.katib.kubectl("get", "pod", name, "--no-headers").stdout.split()[1:4]


def test_pods_go_on_or_have_failed_and_count_on(restarting_node: RestartingNode, tmp_path: Path) -> None:
    node = restarting_node
    gate = tmp_path / "gate"
    wait = f"until [ -e {gate} ]; do sleep 0.1; done"
    done = {"name": "done", "image": "i:1", "command": ["sh", "-c", "echo once"]}
    create(
        node.katib,
        a_pod("going", f"echo begun; {wait}", restartPolicy="OnFailure", others=[done]),
        a_pod("once", wait, others=[done]),
        a_pod("unprepared", "true", initContainers=[{"name": "init", "image": "i:1", "command": ["sh", "-c", wait]}]),
    )
    names = ("going", "once")
    eventually(
        lambda: all("Completed" in node.katib.kubectl("get", "pod", name, "-o", "yaml").stdout for name in names)
    )
    eventually(lambda: shown(node, "unprepared")[1] == "Init:0/1" and _runs(a_status(node, "unprepared")))
    node.stop()
    node.start()
    eventually(lambda: shown(node, "going")[2] == "1" and "running" in main_of(node, "going")["state"])
    again, finished = a_status(node, "going")["containerStatuses"]
    assert finished["state"]["terminated"]["reason"] == "Completed" and finished["restartCount"] == 0
    last = again["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"], bool(last["startedAt"])) == (137, "NodeRestarted", True)
    assert ended(node.katib, "once")["status"]["reason"] == "NodeRestarted"
    assert shown(node, "once") == ["0/2", "NodeRestarted", "0"]
    ended(node.katib, "unprepared")
    assert main_of(node, "unprepared")["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert shown(node, "unprepared")[1] == "Init:NodeRestarted"
    gate.touch()
    assert printed(node.katib, "going", "-c", "main") == "begun\n"
    assert printed(node.katib, "going", "-c", "main", "--previous") == "begun\n"
    assert printed(node.katib, "going", "-c", "done") == "once\n"
    assert a_status(node, "going")["phase"] == "Succeeded"


def _runs(status: Json) -> bool:
    return "running" in status["initContainerStatuses"][0]["state"]
