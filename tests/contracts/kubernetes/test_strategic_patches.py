"""Strategic merge patches, which kubectl sends: lists merge by what tells their entries apart, directives are obeyed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import SPACE, STRATEGIC, Json, Server

PODS, SERVICES = f"{SPACE}/pods", f"{SPACE}/services"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
Fresh = Callable[[], str]


def a_deployment(name: str, *containers: Json) -> Json:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": list(containers)}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def a_service(name: str, *ports: Json) -> Json:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": list(ports)}}


A, B, C = ({"name": name, "image": "i:1"} for name in "abc")
CASES: dict[str, tuple[list[Json], Json, list[str]]] = {
    "a change": ([A, B], {"containers": [{"name": "b", "image": "i:2"}]}, ["a i:1", "b i:2"]),
    "a new one comes first": ([A, B], {"containers": [C]}, ["c i:1", "a i:1", "b i:1"]),
    "a deletion": ([A, B], {"containers": [{"name": "a", "$patch": "delete"}]}, ["b i:1"]),
    "a replacement of all": ([A, B], {"containers": [{"$patch": "replace"}, C]}, ["c i:1"]),
    "another order": ([A, B], {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}, ["b i:1", "a i:1"]),
    "an order with a new one": (
        [A, B],
        {"$setElementOrder/containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}], "containers": [C]},
        ["a i:1", "b i:1", "c i:1"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_containers_merge_by_their_names(server: Server, fresh: Fresh, case: str) -> None:
    held, change, expected = CASES[case]
    name = fresh()
    server.good("POST", DEPLOYMENTS, a_deployment(name, *held))
    patch = {"spec": {"template": {"spec": change}}}
    body = server.good("PATCH", f"{DEPLOYMENTS}/{name}", patch, STRATEGIC).body
    assert [f"{entry['name']} {entry['image']}" for entry in body["spec"]["template"]["spec"]["containers"]] == expected


def test_ports_of_a_service_merge_by_their_number(server: Server, fresh: Fresh) -> None:
    """And those of containers by the container's."""
    name = fresh()
    server.good("POST", SERVICES, a_service(name, {"name": "a", "port": 1}, {"name": "b", "port": 2}))
    change = {"spec": {"ports": [{"port": 2, "targetPort": 9}]}}
    ports = server.good("PATCH", f"{SERVICES}/{name}", change, STRATEGIC).body["spec"]["ports"]
    assert [(entry["name"], entry["port"], entry["targetPort"]) for entry in ports] == [("a", 1, 1), ("b", 2, 9)]
    server.good("DELETE", f"{SERVICES}/{name}")


def test_kubectl_applies_a_service_with_two_ports(server: Server, fresh: Fresh) -> None:
    name = fresh()
    for second in (2, 3):
        text = json.dumps(a_service(name, {"name": "a", "port": 1}, {"name": "b", "port": second}))
        done = server.kubectl("apply", "-f", "-", stdin=text)
        assert done.returncode == 0, done.stderr
    ports = server.good("GET", f"{SERVICES}/{name}").body["spec"]["ports"]
    assert [(entry["name"], entry["port"]) for entry in ports] == [("a", 1), ("b", 3)]
    server.good("DELETE", f"{SERVICES}/{name}")


def test_finalizers_are_a_set(server: Server, fresh: Fresh) -> None:
    name = fresh()
    pod: dict[str, Any] = {"metadata": {"name": name, "finalizers": ["example.com/a"]}, "spec": {"containers": [A]}}
    server.good("POST", PODS, pod)
    path = f"{PODS}/{name}"
    more = server.good("PATCH", path, {"metadata": {"finalizers": ["example.com/b"]}}, STRATEGIC).body["metadata"]
    assert sorted(more["finalizers"]) == ["example.com/a", "example.com/b"]
    fewer = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a", "example.com/b"]}}
    assert not server.good("PATCH", path, fewer, STRATEGIC).body["metadata"].get("finalizers")


UNMERGEABLE: dict[str, tuple[dict[str, Any], int]] = {
    "an entry without its key": ({"ports": [{"name": "a"}]}, 500),
    "a deletion without its key": ({"ports": [{"$patch": "delete"}]}, 500),
    "an entry that is a number": ({"ports": [5]}, 500),
    "an unknown directive": ({"$patch": "bogus"}, 500),
    "an unknown directive of an entry": ({"ports": [{"port": 1, "$patch": "bogus"}]}, 500),
    "an order that is a number": ({"$setElementOrder/ports": 5}, 500),
    "an order of texts": ({"$setElementOrder/ports": ["a"]}, 500),
    "an order without what changes": (
        {"$setElementOrder/ports": [{"port": 2}], "ports": [{"port": 1, "name": "b"}]},
        500,
    ),
    "keys to retain that are a number": ({"$retainKeys": 5}, 400),
}


@pytest.mark.parametrize("case", UNMERGEABLE)
def test_a_strategic_patch_that_cannot_be_merged_is_refused(server: Server, fresh: Fresh, case: str) -> None:
    """Most are an error of the server's own to a real one too."""
    change, code = UNMERGEABLE[case]
    name = fresh()
    created = server.good("POST", SERVICES, a_service(name, {"name": "a", "port": 1}))
    answer = server.call("PATCH", f"{SERVICES}/{name}", {"spec": change}, STRATEGIC)
    assert answer.code == code and answer.body["kind"] == "Status", answer.body
    assert server.good("GET", f"{SERVICES}/{name}").version == created.version
