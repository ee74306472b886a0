"""What a container may be told of itself: limits and requests in divisors, by Kubernetes' rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_local.node.containers import ContainerError, Surroundings, desired_process
from katib_local.node.downward import DownwardError, resource_value
from katib_local.node.images import Image

Json = dict[str, Any]
NODE = {"cpu": "8", "memory": "2Gi", "ephemeral-storage": "1Gi"}


def a_pod(**resources: Json) -> Json:
    other = {"name": "other", "resources": {"limits": {"cpu": "3"}}}
    main = {"name": "main", "command": ["x"], "resources": resources}
    return {"metadata": {"name": "p"}, "spec": {"initContainers": [other], "containers": [main]}}


@pytest.mark.parametrize(
    ("resource", "divisor", "expected"),
    [
        ("limits.cpu", None, "2"),
        ("limits.cpu", "0", "2"),
        ("limits.cpu", "1m", "1500"),
        ("limits.memory", None, "134217728"),
        ("limits.memory", "1Mi", "128"),
        ("limits.memory", "1Gi", "1"),
        ("limits.ephemeral-storage", "1Mi", "1024"),
        ("requests.cpu", "1m", "250"),
        ("requests.memory", "1Mi", "128"),
        ("requests.ephemeral-storage", None, "0"),
        ("limits.hugepages-2Mi", None, "0"),
    ],
)
def test_resources_are_told_in_whole_divisors(resource: str, divisor: str | None, expected: str) -> None:
    pod = a_pod(limits={"cpu": "1500m", "memory": "128Mi"}, requests={"cpu": 0.25})
    assert resource_value(pod, {"resource": resource, "divisor": divisor}, NODE, "main") == expected


def test_without_a_limit_a_container_may_use_the_whole_node_and_asks_for_nothing() -> None:
    told = [resource_value(a_pod(), {"resource": f"{part}.cpu"}, NODE, "main") for part in ("limits", "requests")]
    assert told == ["8", "0"]


def test_a_container_may_ask_for_another_one() -> None:
    assert resource_value(a_pod(), {"resource": "limits.cpu", "containerName": "other"}, NODE, "main") == "3"


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ({"resource": "limits.gpu"}, "resourceFieldRef.resource 'limits.gpu' is not known: use limits. or requests."),
        ({}, "resource '' is not known"),
        (
            {"resource": "limits.cpu", "containerName": "c"},
            "containerName 'c' is no container .*: name one of other, main",
        ),
        ({"resource": "limits.cpu", "divisor": "one"}, "of limits.cpu cannot be read: 'one' should be a quantity"),
        ({"resource": "limits.cpu", "divisor": "-1"}, "divisor must not be negative"),
    ],
)
def test_a_reference_to_nothing_names_the_cure(reference: Json, words: str) -> None:
    with pytest.raises(DownwardError, match=words):
        resource_value(a_pod(), reference, NODE, "main")


@given(amount=st.integers(0, 10**12), divisor=st.integers(1, 10**9))
def test_what_is_told_is_the_least_that_holds_the_amount(amount: int, divisor: int) -> None:
    pod = a_pod(limits={"memory": amount})
    told = int(resource_value(pod, {"resource": "limits.memory", "divisor": divisor}, NODE, "main"))
    assert (told - 1) * divisor < amount <= told * divisor


def around() -> Surroundings:
    return Surroundings(Image(), {"PATH": "/bin"}, (), "mount", "/work", allocatable=NODE)


def test_a_containers_environment_tells_its_resources() -> None:
    pod = a_pod(limits={"cpu": "1500m"})
    main = pod["spec"]["containers"][0]
    main["env"] = [{"name": "CPUS", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}}]
    assert desired_process(pod, main, around()).environment["CPUS"] == "1500"


def test_a_container_that_asks_for_an_unknown_resource_does_not_start() -> None:
    pod = a_pod()
    main = pod["spec"]["containers"][0]
    main["env"] = [{"name": "GPUS", "valueFrom": {"resourceFieldRef": {"resource": "limits.nvidia.com/gpu"}}}]
    with pytest.raises(ContainerError, match="is not known") as caught:
        desired_process(pod, main, around())
    assert caught.value.reason == "CreateContainerConfigError"
