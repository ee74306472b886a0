"""Experiments through kubectl, wherever Katib runs: what is applied, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from laptops import Katib

Json = dict[str, Any]
SCORE = "echo score=${trialParameters.x}"
OWNED = "katib.kubeflow.org/experiment"


def apply(cluster: Katib, file: Path) -> None:
    done = cluster.kubectl("apply", "-f", str(file))
    assert done.returncode == 0, done.stderr


def create(cluster: Katib, *documents: Json) -> None:
    done = cluster.kubectl("create", "-f", "-", stdin="\n---\n".join(map(json.dumps, documents)))
    assert done.returncode == 0, done.stderr


def finished(cluster: Katib, name: str, condition: str = "Succeeded", namespace: str = "default") -> Json:
    """The status of an Experiment when it has ended so."""
    place = [f"experiment/{name}", "-n", namespace]
    waited = cluster.kubectl("wait", f"--for=condition={condition}", *place, "--timeout=120s")
    assert waited.returncode == 0, waited.stderr + cluster.logs()
    status: Json = cluster.get("experiment", name, "-n", namespace)["status"]
    return status


def trials_of(cluster: Katib, name: str, namespace: str = "default") -> list[Json]:
    """Its Trials, in the order of their making."""
    found: list[Json] = cluster.get("trials", "-l", f"{OWNED}={name}", "-n", namespace)["items"]
    return sorted(found, key=lambda trial: trial["metadata"]["creationTimestamp"])


def values_of(trial: Json) -> dict[str, str]:
    """What it was assigned."""
    return {entry["name"]: entry["value"] for entry in trial["spec"]["parameterAssignments"]}
