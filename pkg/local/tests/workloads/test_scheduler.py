"""Pods go to the node when their requests fit into what is left of it, as a scheduler counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from katib_local.requirements import meets
from katib_local.workloads.scheduler import allocatable, place, requests
from katib_machinery.objects import Unstructured

READY = [{"type": "Ready", "status": "True"}]


def a_node(**allocatable: str) -> Unstructured:
    status = {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "10", **allocatable}, "conditions": READY}
    metadata = {"name": "laptop", "labels": {"kubernetes.io/hostname": "laptop"}}
    return Unstructured({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}, "status": status})


def asking(**amounts: str) -> dict[str, Any]:
    return {"containers": [{"name": "main", "resources": {"requests": amounts}}]}


def test_pods_that_fit_are_taken_oldest_first(build: SimpleNamespace) -> None:
    pods = [
        build.pod("young", "Pending", spec=asking(cpu="1"), metadata={"creationTimestamp": "2026-01-01T12:00:09Z"}),
        build.pod("old", "Pending", spec=asking(cpu="1500m"), metadata={"creationTimestamp": "2026-01-01T11:00:00Z"}),
        build.pod("small", "Pending", spec=asking(cpu="500m"), metadata={"creationTimestamp": "2026-01-01T12:00:10Z"}),
    ]
    placement = place(a_node(), pods)
    assert [pod.name for pod in placement.fitting] == ["old", "small"]
    ((waiting, reason),) = placement.waiting
    assert waiting.name == "young" and reason == (
        "0/1 nodes are available: 1 Insufficient cpu. "
        "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
    )


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (asking(memory="64Gi"), ["Insufficient memory", "more than laptop has", "ask for less"]),
        (asking(**{"nvidia.com/gpu": "1"}), ["Insufficient nvidia.com/gpu", "1 of 0"]),
        ({"nodeSelector": {"disk": "ssd"}}, ["didn't match Pod's node affinity/selector"]),
        (asking(cpu="much"), ["cannot read the pod's requests", "much"]),
    ],
    ids=["memory", "gpu", "selector", "no number"],
)
def test_a_pod_that_waits_is_told_why(build: SimpleNamespace, spec: dict[str, Any], words: list[str]) -> None:
    ((_, reason),) = place(a_node(), [build.pod("a", "Pending", spec=spec)]).waiting
    assert all(word in reason for word in words), reason


def test_gpus_are_handed_out_as_they_are_counted(build: SimpleNamespace) -> None:
    pods = [build.pod(name, "Pending", spec=asking(**{"nvidia.com/gpu": "1"})) for name in ("a", "b", "c")]
    placement = place(a_node(**{"nvidia.com/gpu": "2"}), pods)
    assert [pod.name for pod in placement.fitting] == ["a", "b"]


def test_bound_and_assumed_pods_take_their_part_and_finished_ones_give_it_back(build: SimpleNamespace) -> None:
    bound = build.pod("bound", spec={**asking(cpu="1"), "nodeName": "laptop"})
    assumed = build.pod("assumed", "Pending", spec=asking(cpu="1"))
    new = build.pod("new", "Pending", spec=asking(cpu="1"))
    assert not place(a_node(), [bound, assumed, new], {assumed.uid}).fitting
    ended = build.pod("bound", "Succeeded", spec={**asking(cpu="1"), "nodeName": "laptop"})
    assert place(a_node(), [ended, assumed, new], {assumed.uid}).fitting == (new,)


def test_pods_of_one_decision_see_each_other(build: SimpleNamespace) -> None:
    """Two that would take one port, or be alone, are not both bound because neither was there yet."""
    port = {"containers": [{"name": "a", "ports": [{"containerPort": 80, "hostPort": 80}]}]}
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "a"}}}
    alone = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
    for spec in (port, alone):
        pods = [build.pod(name, "Pending", spec=spec, metadata={"labels": {"app": "a"}}) for name in "ab"]
        assert [pod.name for pod in place(a_node(), pods).fitting] == ["a"]


def test_pods_of_the_host_network_take_the_ports_of_their_containers(build: SimpleNamespace) -> None:
    spec = {"hostNetwork": True, "containers": [{"name": "a", "ports": [{"containerPort": 80}]}]}
    pods = [build.pod("bound", spec={**spec, "nodeName": "laptop"}), build.pod("new", "Pending", spec=spec)]
    ((_, reason),) = place(a_node(), pods).waiting
    assert "free ports" in reason


def test_a_full_node_takes_no_more_pods(build: SimpleNamespace) -> None:
    pods = [build.pod(name, "Pending") for name in "ab"]
    ((_, reason),) = place(a_node(pods="1"), pods).waiting
    assert reason.startswith("0/1 nodes are available: 1 Too many pods. ")


def test_a_node_that_is_not_ready_takes_nothing(build: SimpleNamespace) -> None:
    node = a_node()
    node.raw["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    ((_, reason),) = place(node, [build.pod("a", "Pending")]).waiting
    assert "1 node(s) were not ready" in reason


@pytest.mark.parametrize(
    ("operator", "values", "met"),
    [
        ("Gt", ["7"], True),
        ("Gt", ["8"], False),
        ("Lt", ["9"], True),
        ("Gt", ["much"], False),
        ("Gt", [], False),
        ("Near", ["8"], False),
    ],
)
def test_requirements_that_no_server_takes_are_not_met(operator: str, values: list[str], met: bool) -> None:
    assert meets({"key": "cores", "operator": operator, "values": values}, {"cores": "8"}) is met


def test_without_a_node_everybody_waits(build: SimpleNamespace) -> None:
    ((_, reason),) = place(None, [build.pod("a", "Pending")]).waiting
    assert reason == "no nodes available to schedule pods"


def test_other_schedulers_and_gates_are_respected(build: SimpleNamespace) -> None:
    pods = [
        build.pod("a", "Pending", spec={"schedulerName": "other"}),
        build.pod("b", "Pending", spec={"schedulingGates": [{"name": "wait"}]}),
    ]
    placement = place(a_node(), pods)
    assert not placement.fitting and not placement.waiting


def test_init_containers_count_by_their_largest_and_sidecars_beside_all(build: SimpleNamespace) -> None:
    spec = {
        "initContainers": [
            {"name": "sidecar", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}},
            {"name": "init", "resources": {"requests": {"cpu": "2"}}},
        ],
        "containers": [{"name": "main", "resources": {"limits": {"cpu": "1"}}}],
        "overhead": {"cpu": "50m"},
    }
    asked = requests(build.pod("a", "Pending", spec=spec))
    assert asked["cpu"] in (2100, 2150)
    assert asked["pods"] == 1000


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.tuples(st.integers(0, 3000), st.booleans()), max_size=15))
def test_the_node_is_never_promised_twice(build: SimpleNamespace, sizes: list[tuple[int, bool]]) -> None:
    node = a_node()
    pods = [
        build.pod(f"p{number}", "Pending", spec={**asking(cpu=f"{size}m"), **({"nodeName": "laptop"} if bound else {})})
        for number, (size, bound) in enumerate(sizes)
    ]
    placement = place(node, pods)
    bound = sum(size for size, is_bound in sizes if is_bound)
    taken = sum(requests(pod)["cpu"] for pod in placement.fitting)
    assert taken <= max(0, allocatable(node)["cpu"] - bound)
    assert place(node, pods) == placement
