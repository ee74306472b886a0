"""Pods for the tests of a node: what is created, and how it ends, through kubectl."""

from __future__ import annotations

import json
from typing import Any

from laptops import Katib, eventually

Json = dict[str, Any]


def a_pod(name: str, command: str = "true", **spec: Any) -> Json:
    """A pod of one container that runs a shell command; `main` adds to the container, all else to the pod's spec."""
    container = {"name": "main", "image": "i:1", "command": ["sh", "-c", command], **spec.pop("main", {})}
    containers = [container, *spec.pop("others", [])]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}, "annotations": {"note": "hello"}},
        "spec": {"restartPolicy": "Never", "containers": containers, **spec},
    }


def a_job(name: str, command: str, **spec: Any) -> Json:
    template = a_pod(name, command)
    del template["apiVersion"], template["kind"], template["metadata"]["name"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": template, **spec}}


def create(node: Katib, *documents: Json) -> None:
    text = "\n---\n".join(map(json.dumps, documents))
    done = node.kubectl("create", "-f", "-", stdin=text)
    assert done.returncode == 0, done.stderr


def ended(node: Katib, name: str) -> Json:
    """The pod when it has ended."""

    def look() -> Json | None:
        pod = node.get("pod", name)
        return pod if pod["status"].get("phase") in ("Succeeded", "Failed") else None

    pod: Json = eventually(look, within=60)
    return pod


def printed(node: Katib, name: str, *arguments: str) -> str:
    ended(node, name)
    done = node.kubectl("logs", name, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def terminated(pod: Json, container: int = 0) -> Json:
    state: Json = pod["status"]["containerStatuses"][container]["state"]["terminated"]
    return state
