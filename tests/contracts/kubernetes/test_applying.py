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


def switches(document: Json) -> list[Any]:
    """Fields of a Deployment that are not stored when they are false or 0; then one that is."""
    template = document["spec"]["template"]["spec"]
    (container,) = template["containers"]
    places = [(document["spec"], "paused"), (document["spec"], "minReadySeconds"), (template, "hostNetwork")]
    places += [(container, name) for name in ("tty", "stdin", "stdinOnce")]
    places += [(container["ports"][0], "hostPort"), (container["volumeMounts"][0], "readOnly")]
    return [part.get(name) for part, name in [*places, (template, "shareProcessNamespace")]]


def test_who_applies_a_false_or_0_that_is_not_stored_owns_it(server: Server, fresh: Fresh) -> None:
    """Who creates an object with it does not; and who takes a field's true away leaves nothing there."""
    name = fresh()
    off = {"tty": False, "stdin": False, "stdinOnce": False}
    ports, mounts = [{"containerPort": 80, "hostPort": 0}], [{"name": "v", "mountPath": "/v", "readOnly": False}]
    container: Json = {"name": "a", "image": "i:1", **off, "ports": ports, "volumeMounts": mounts}
    wanted = a_deployment(name, container, replicas=0, paused=False, minReadySeconds=0)
    wanted["spec"]["template"]["spec"] |= {"hostNetwork": False, "shareProcessNamespace": False}
    wanted["spec"]["template"]["spec"]["volumes"] = [{"name": "v", "emptyDir": {}}]
    path = f"{DEPLOYMENTS}/{name}"
    first = applied(server, path, wanted, "one")
    assert (first.code, switches(first.body)) == (201, [None] * 8 + [False])
    assert str(first.body["metadata"]["managedFields"][0]["fieldsV1"]).count("f:tty") == 1
    late = applied(server, path, wanted, "two")
    fields = ["minReadySeconds", "paused", "template.spec.hostNetwork"]
    inside = [*("stdin", "stdinOnce", "tty"), 'ports[containerPort=80,protocol="TCP"].hostPort']
    inside.append('volumeMounts[mountPath="/v"].readOnly')
    fields += [f'template.spec.containers[name="a"].{field}' for field in inside]
    assert [cause["field"] for cause in late.body["details"]["causes"]] == [f".spec.{field}" for field in fields]
    container["tty"] = True
    on = applied(server, path, wanted, "one")
    assert (on.code, switches(on.body)[3]) == (200, True)
    container["tty"] = False
    other = applied(server, path, wanted, "two", force="true")
    assert (other.code, switches(other.body)) == (200, [None] * 8 + [False])
    wanted["metadata"]["name"] = fresh()
    created = server.good("POST", f"{DEPLOYMENTS}?fieldManager=three", wanted).body
    assert switches(created) == [None] * 8 + [False]
    assert "f:tty" not in str(created["metadata"]["managedFields"])
    patched = server.good("PATCH", f"{DEPLOYMENTS}/{wanted['metadata']['name']}", {"spec": {"paused": True}}, MERGE)
    assert patched.body["spec"]["paused"] is True
    patched = server.good("PATCH", f"{DEPLOYMENTS}/{wanted['metadata']['name']}", {"spec": {"paused": False}}, MERGE)
    assert "paused" not in patched.body["spec"]


def test_a_word_that_is_a_fields_too_is_kept(server: Server, fresh: Fresh) -> None:
    made = a_config_map(fresh(), tty="", paused="")
    assert server.good("POST", MAPS, made).body["data"] == {"tty": "", "paused": ""}


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
