"""One seeded Experiment on the laptop and on a real control plane: what everybody can see of it at the end is the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from contracts.kubernetes.servers import OLDEST
from experiments import Json, apply, finished
from laptops import Katib, eventually

Writer = Callable[..., Path]
KINDS = (
    *("experiments", "suggestions", "trials", "jobs", "pods"),
    *("deployments", "replicasets", "services", "persistentvolumeclaims", "persistentvolumes"),
)
# What is ignored: uid, resourceVersion, times, generated suffixes (a container's number too), managedFields, IPs, node names.
TIMES = {"lastProbeTime"}  # a time that a cluster shows as null where there is none
ADDRESSES = {"hostIP", "hostIPs", "podIP", "podIPs", "clusterIP", "clusterIPs"}
IGNORED = {"uid", "resourceVersion", "managedFields", "nodeName"} | ADDRESSES | TIMES
# The real one takes no endpoint at an address of this machine's own, which is where the node's pods are; and it may see a
# claim before the volume that was made ahead of it, and a pod before its claim is bound.
BY_CHANCE = ("FailedToUpdateEndpoint", "FailedToUpdateEndpointSlices", "ProvisioningFailed")
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
# And what docs/laptop.md has in its rows "pods", "claims" and "events": what a cluster's own admission and controllers add.
NEWER = "terminatingReplicas"  # 1.34 does not tell it yet
PROTECTION = {"kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"}
UNUSED = "Unused"
TOKEN = "kube-api-access-"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PROCESS = re.compile(r"process://\d+")
SEED = {"random_state": "7"}
POPULATION = {"n_population": "5", "truncation_threshold": "0.2", "suggestion_trial_dir": "/opt/checkpoints"}
# What is served by the service that is shared, by one of the Experiment's own, and by one with a volume.
SEARCHES = [
    ("random", "Never", SEED),
    ("multivariate-tpe", "LongRunning", SEED),
    ("tpe", "LongRunning", SEED),
    ("pbt", "FromVolume", SEED | POPULATION),
]


@pytest.fixture
def both(laptop_katib: Katib, real_katib: Katib) -> Mapping[str, Katib]:
    """The laptop, and a real control plane, side by side."""
    return {"laptop": laptop_katib, "real": real_katib}


@pytest.mark.parametrize(("algorithm", "policy", "settings"), SEARCHES, ids=[search[0] for search in SEARCHES])
def test_a_seeded_experiment_ends_the_same_on_both(
    both: Mapping[str, Katib], experiment_file: Writer, algorithm: str, policy: str, settings: Mapping[str, str]
) -> None:
    name = f"seeded-{algorithm}"
    listed = json.dumps([{"name": key, "value": value} for key, value in settings.items()])
    chosen = f"    algorithmName: {algorithm}\n    algorithmSettings: {listed}\n  resumePolicy: {policy}\n"
    file = experiment_file(
        name,
        "echo score=${trialParameters.x}",
        ("    algorithmName: random\n", chosen),
        ("parallelTrialCount: 2", "parallelTrialCount: 1"),
        ("maxTrialCount: 4", "maxTrialCount: 3"),
        ("  trialTemplate:\n", "  trialTemplate:\n    retain: true\n"),
    )
    seen = {kind: seen_of(cluster, name, file) for kind, cluster in both.items()}
    if is_oldest(both["real"]):
        seen["laptop"] = {what: without(NEWER, here) for what, here in seen["laptop"].items()}
    assert seen["laptop"].keys() == seen["real"].keys()
    for what, here in seen["laptop"].items():
        assert here == seen["real"][what], what


def is_oldest(cluster: Katib) -> bool:
    """Whether this is the oldest Kubernetes that is supported."""
    version = json.loads(cluster.kubectl("version", "-o", "json").stdout)["serverVersion"]
    return int(version["minor"]) <= OLDEST


def without(field: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without(field, part) for key, part in value.items() if key != field}
    return [without(field, part) for part in value] if isinstance(value, list) else value


def seen_of(cluster: Katib, name: str, file: Path) -> Json:
    """Run the Experiment; everything that belongs to it when all is quiet."""
    apply(cluster, file)
    finished(cluster, name)
    eventually(lambda: _quiet(cluster, name))
    return scrubbed({kind: _objects(cluster, kind, name) for kind in (*KINDS, "events")})


def _quiet(cluster: Katib, name: str) -> bool:
    """Whether the last events are written, and what ends with the Experiment has ended."""
    reasons = [entry["reason"] for entry in _objects(cluster, "events", name)]
    left = [entry for kind in ("pods", "deployments", "services") for entry in _objects(cluster, kind, name)]
    policy = cluster.get("experiment", name)["spec"]["resumePolicy"]
    served = any(entry["kind"] == "Service" for entry in left)
    gone = all("deletionTimestamp" not in entry["metadata"] for entry in left)
    return (
        reasons.count("JobSucceeded") == reasons.count("Completed") == 3
        and gone
        and (policy == "LongRunning" or not served)
    )


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
    for name in {_about(entry) for entry in found["events"] if entry["involvedObject"]["kind"] == "ReplicaSet"}:
        text = (
            re.sub(rf"{name}-[a-z0-9]{{5}}\b", "set-pod", text)
            .replace(name, "set")
            .replace(name.rpartition("-")[2], "hash")
        )
    objects: Json = json.loads(text)
    seen: Json = {
        f"{kind}/{entry['metadata']['name']}": without_ignored(entry) for kind in KINDS for entry in objects[kind]
    }
    events = sorted(
        f"{entry['involvedObject']['kind']} {_about(entry)}: {entry['type']} {entry['reason']} {entry['message']}"
        for entry in objects["events"]
        if entry["reason"] not in BY_CHANCE and UNBOUND not in entry["message"]
    )
    return {**seen, "events": events}


def _is_added(part: Any) -> bool:
    """Whether this is the volume, or the mount, of a token that nobody asked for; or what guards a claim."""
    if isinstance(part, dict):
        return str(part.get("name", "")).startswith(TOKEN) or part.get("type") == UNUSED
    return part in PROTECTION


def without_ignored(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: without_ignored(part) for key, part in value.items() if key not in IGNORED}
        # A list of which nothing is left would not be there.
        kept = {key: part for key, part in kept.items() if part != [] or value[key] == []}
        # Trials that were made in one second stand there in the order of their generated suffixes.
        return {key: sorted(part) if key.endswith("TrialList") else part for key, part in kept.items()}
    if isinstance(value, list):
        return [without_ignored(part) for part in value if not _is_added(part)]
    if isinstance(value, str):
        return PROCESS.sub("process", UID.sub("uid", TIME.sub("time", value)))
    return value
