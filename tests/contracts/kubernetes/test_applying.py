"""Server-side apply: managers own what they apply; what others own is a conflict, what nobody wants goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import APPLY, MERGE, SPACE, Answer, Json, Server, a_config_map, a_pizza

MAPS = f"{SPACE}/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
Fresh = Callable[[], str]


def applied(server: Server, path: str, wanted: Json, manager: str, **query: str) -> Answer:
    return server.call("PATCH", path, wanted, APPLY, fieldManager=manager, **query)


def a_deployment(name: str, *containers: Json, **spec: Any) -> Json:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": list(containers)}}
    whole = {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": whole}


def test_what_another_manager_has_applied_is_a_conflict(server: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{MAPS}/{name}"
    assert applied(server, path, a_config_map(name, a="1"), "one").code == 201
    late = applied(server, path, a_config_map(name, a="2"), "two")
    assert (late.code, late.body["reason"]) == (409, "Conflict")
    assert late.body["message"] == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    assert late.body["details"]["causes"][0]["field"] == ".data.a"
    forced = applied(server, path, a_config_map(name, a="2"), "two", force="true")
    assert forced.body["data"] == {"a": "2"}
    both = applied(server, path, a_config_map(name, a="3", b="3"), "three", force="true")
    assert both.code == 200
    late = applied(server, path, a_config_map(name, a="1", b="1"), "one")
    assert late.body["message"] == 'Apply failed with 2 conflicts: conflicts with "three":\n- .data.a\n- .data.b'
    assert applied(server, path, a_config_map(name, a="1"), "one").code == 409


def test_the_same_value_is_no_conflict_and_stays_until_nobody_wants_it(server: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{MAPS}/{name}"
    for manager, code in (("one", 201), ("two", 200)):
        assert applied(server, path, a_config_map(name, a="1"), manager).code == code
    assert applied(server, path, a_config_map(name), "one").body["data"] == {"a": "1"}
    assert not applied(server, path, a_config_map(name), "two").body.get("data")


def test_what_somebody_else_has_written_is_a_conflict(server: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{MAPS}/{name}"
    applied(server, path, a_config_map(name, a="1"), "one")
    server.good("PATCH", path, {"data": {"a": "2"}}, MERGE, fieldManager="editor")
    late = applied(server, path, a_config_map(name, a="1"), "one")
    assert late.code == 409 and 'conflict with "editor" using v1: .data.a' in late.body["message"]


def test_an_object_that_was_never_applied_is_a_conflict_too(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name, a="1"))
    assert applied(server, f"{MAPS}/{name}", a_config_map(name, a="2"), "one").code == 409
    assert applied(server, f"{MAPS}/{name}", a_config_map(name, a="1"), "one").code == 200


def test_entries_of_lists_are_owned_one_by_one(server: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{DEPLOYMENTS}/{name}"
    a, b = ({"name": letter, "image": "i:1"} for letter in "ab")
    assert applied(server, path, a_deployment(name, a, b, replicas=0), "one").code == 201
    server.good("PATCH", path, {"metadata": {"labels": {"x": "y"}}}, MERGE)
    second = applied(server, path, a_deployment(name, {"name": "a", "image": "i:1", "args": ["x"]}), "two")
    assert second.code == 200, second.body
    containers = second.body["spec"]["template"]["spec"]["containers"]
    assert [(entry["name"], entry.get("args")) for entry in containers] == [("a", ["x"]), ("b", None)]
    fewer = applied(server, path, a_deployment(name, a, replicas=0), "one").body
    assert [entry["name"] for entry in fewer["spec"]["template"]["spec"]["containers"]] == ["a"]
    assert fewer["metadata"]["labels"] == {"x": "y"} and fewer["spec"]["replicas"] == 0


def test_applying_the_same_again_changes_nothing(server: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{DEPLOYMENTS}/{name}"
    wanted = a_deployment(name, {"name": "a", "image": "i:1", "resources": {"limits": {"cpu": 1}}}, replicas=0)
    applied(server, path, wanted, "one")
    before = server.good("GET", path).body
    again = applied(server, path, wanted, "one").body
    mine, mine_before = (
        [entry for entry in found["metadata"]["managedFields"] if entry["manager"] == "one"]
        for found in (again, before)
    )
    assert mine == mine_before and again["spec"] == before["spec"]


def test_a_status_is_applied_apart(server: Server, pizzas: str, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", pizzas, a_pizza(name))
    wanted = {**a_pizza(name), "spec": {"size": 1}, "status": {"eaten": True}}
    told = applied(server, f"{pizzas}/{name}/status", wanted, "one").body
    assert told["status"] == {"eaten": True} and told["spec"]["size"] == 30
    assert applied(server, f"{pizzas}/{fresh()}/status", wanted, "one").code == 404


WRONG: dict[str, tuple[dict[str, Any], dict[str, str], int]] = {
    "nobody": ({}, {}, 422),
    "another name": ({"name": "other"}, {"fieldManager": "one"}, 400),
    "an outdated version": ({"resourceVersion": "1"}, {"fieldManager": "one"}, 409),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_applied_is_refused(server: Server, fresh: Fresh, case: str) -> None:
    metadata, query, code = WRONG[case]
    name = fresh()
    created = server.good("POST", MAPS, a_config_map(name))
    wanted = a_config_map(name, a="1")
    wanted["metadata"] |= metadata
    assert server.call("PATCH", f"{MAPS}/{name}", wanted, APPLY, **query).code == code
    assert server.good("GET", f"{MAPS}/{name}").version == created.version


def test_owners_outlive_a_replacement(server: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{MAPS}/{name}"
    applied(server, path, a_config_map(name, a="1", b="1"), "one")
    server.good("PUT", path, a_config_map(name, a="1", b="2"), fieldManager="editor")
    managers = {entry["manager"] for entry in server.good("GET", path).body["metadata"]["managedFields"]}
    assert managers == {"one", "editor"}
    assert applied(server, path, a_config_map(name, a="2"), "one").body["data"] == {"a": "2", "b": "2"}


def test_kubectl_applies_on_the_server(server: Server, fresh: Fresh) -> None:
    name = fresh()
    text = json.dumps(a_config_map(name, a="1"))
    done = server.kubectl("apply", "--server-side", "-f", "-", stdin=text)
    assert done.stdout == f"configmap/{name} serverside-applied\n", done.stderr
    other = server.kubectl("apply", "--server-side", "--field-manager=x", "-f", "-", stdin=text.replace('"1"', '"2"'))
    assert other.returncode == 1 and "conflict" in other.stderr
