"""One seeded Experiment on the laptop and on a real control plane: what everybody can see of it at the end is the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from experiments import Json, apply, finished
from laptops import Katib, eventually

Writer = Callable[..., Path]
KINDS = ("experiments", "suggestions", "trials", "jobs", "pods")
# What is ignored: uid, resourceVersion, times, generated suffixes (a container's number too), managedFields, IPs, node names.
TIMES = {"lastProbeTime"}  # a time that a cluster shows as null where there is none
IGNORED = {"uid", "resourceVersion", "managedFields", "hostIP", "hostIPs", "podIP", "podIPs", "nodeName"} | TIMES
# And what docs/laptop.md has in its row "pods": what a cluster's own admission adds to each.
ADDED = {"priority", "preemptionPolicy", "serviceAccount", "serviceAccountName", "tolerations"}
TOKEN = "kube-api-access-"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PROCESS = re.compile(r"process://\d+")
SETTINGS = """    algorithmSettings:
      - {name: random_state, value: "7"}
"""


@pytest.fixture
def both(laptop: Katib, real_katib: Katib) -> Mapping[str, Katib]:
    """The laptop, and a real control plane, side by side."""
    return {"laptop": laptop, "real": real_katib}


@pytest.mark.parametrize(("algorithm", "policy"), [("random", "Never"), ("multivariate-tpe", "LongRunning")])
def test_a_seeded_experiment_ends_the_same_on_both(
    both: Mapping[str, Katib], experiment_file: Writer, algorithm: str, policy: str
) -> None:
    name = f"seeded-{algorithm}"
    file = experiment_file(
        name,
        "echo score=${trialParameters.x}",
        ("    algorithmName: random\n", f"    algorithmName: {algorithm}\n{SETTINGS}  resumePolicy: {policy}\n"),
        ("parallelTrialCount: 2", "parallelTrialCount: 1"),
        ("maxTrialCount: 4", "maxTrialCount: 3"),
        ("  trialTemplate:\n", "  trialTemplate:\n    retain: true\n"),
    )
    seen = {kind: seen_of(cluster, name, file) for kind, cluster in both.items()}
    assert seen["laptop"].keys() == seen["real"].keys()
    for what, here in seen["laptop"].items():
        assert here == seen["real"][what], what


def seen_of(cluster: Katib, name: str, file: Path) -> Json:
    """Run the Experiment; everything that belongs to it when all is quiet."""
    apply(cluster, file)
    finished(cluster, name)
    eventually(lambda: _quiet(cluster, name))
    return scrubbed({kind: _objects(cluster, kind, name) for kind in (*KINDS, "events")})


def _quiet(cluster: Katib, name: str) -> bool:
    """Whether the last events are written."""
    reasons = [entry["reason"] for entry in _objects(cluster, "events", name)]
    return reasons.count("JobSucceeded") == reasons.count("Completed") == 3


def _objects(cluster: Katib, kind: str, name: str) -> list[Json]:
    return [entry for entry in cluster.get(kind)["items"] if _about(entry).startswith(name)]


def _about(entry: Json) -> str:
    name: str = (entry.get("involvedObject") or entry["metadata"])["name"]
    return name


def scrubbed(found: Json) -> Json:
    """Objects by names that are the same everywhere, without what is ignored; events by their objects."""
    text = json.dumps(found)
    (suggestion,) = found["suggestions"]
    # In the order in which they were suggested: several may be made in one second.
    for number, name in enumerate(entry["name"] for entry in suggestion["status"]["suggestions"]):
        text = re.sub(rf"{name}-[a-z0-9]{{5}}\b", f"pod-{number}", text).replace(name, f"trial-{number}")
    objects: Json = json.loads(text)
    seen: Json = {
        f"{kind}/{entry['metadata']['name']}": without_ignored(entry) for kind in KINDS for entry in objects[kind]
    }
    events = sorted(
        f"{entry['involvedObject']['kind']} {_about(entry)}: {entry['type']} {entry['reason']} {entry['message']}"
        for entry in objects["events"]
    )
    return {**seen, "events": events}


def _mounts_token(part: Any) -> bool:
    """Whether this is the volume, or the mount, of a token that nobody asked for."""
    return isinstance(part, dict) and str(part.get("name", "")).startswith(TOKEN)


def without_ignored(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: without_ignored(part) for key, part in value.items() if key not in IGNORED | ADDED}
        # Trials that were made in one second stand there in the order of their generated suffixes.
        return {key: sorted(part) if key.endswith("TrialList") else part for key, part in kept.items()}
    if isinstance(value, list):
        return [without_ignored(part) for part in value if not _mounts_token(part)]
    if isinstance(value, str):
        return PROCESS.sub("process", UID.sub("uid", TIME.sub("time", value)))
    return value
