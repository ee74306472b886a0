"""Objects: created, read, changed and deleted by the rules that every client relies on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from contracts.kubernetes.servers import (
    APPLY,
    JSON_PATCH,
    MERGE,
    SPACE,
    STRATEGIC,
    Server,
    a_config_map,
    a_pizza,
    until,
)

MAPS = f"{SPACE}/configmaps"
Fresh = Callable[[], str]


def test_a_created_object_gets_what_the_server_owns(server: Server, fresh: Fresh) -> None:
    name = fresh()
    created = server.call("POST", MAPS, a_config_map(name, key="value"))
    metadata = created.body["metadata"]
    assert created.code == 201
    assert metadata["name"] == name and metadata["namespace"] == "default"
    assert len(metadata["uid"]) == 36 and metadata["creationTimestamp"].endswith("Z") and metadata["resourceVersion"]
    assert server.good("GET", f"{MAPS}/{name}").body == created.body


def test_a_name_is_taken_once(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    again = server.call("POST", MAPS, a_config_map(name))
    assert again.code == 409
    assert again.body["reason"] == "AlreadyExists" and again.body["kind"] == "Status"
    assert again.body["message"] == f'configmaps "{name}" already exists'
    assert again.body["details"] == {"name": name, "kind": "configmaps"}


def test_a_generated_name_begins_as_asked_for(server: Server, fresh: Fresh) -> None:
    document = {**a_config_map(""), "metadata": {"generateName": f"{fresh()}-"}}
    names = {server.good("POST", MAPS, document).body["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(
        name.startswith(document["metadata"]["generateName"]) and len(name.split("-")[-1]) == 5 for name in names
    )


def test_a_name_that_is_taken_beside_one_that_could_be_generated_may_be_tried_again(
    server: Server, fresh: Fresh
) -> None:
    """So ends a creation too for which the server has found no free name."""
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    document = a_config_map(name)
    document["metadata"]["generateName"] = f"{name}-"
    answer = server.call("POST", MAPS, document)
    said = f'configmaps "{name}" already exists, the server was not able to generate a unique name for the object'
    assert (answer.code, answer.body["reason"], answer.body["message"]) == (409, "AlreadyExists", said)
    assert answer.body["details"] == {"name": name, "kind": "configmaps", "retryAfterSeconds": 1}
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("name", ["Upper", "under_score", "-dash", "a" * 254, ""])
def test_a_bad_name_is_invalid(server: Server, name: str) -> None:
    answer = server.call("POST", MAPS, a_config_map(name))
    assert answer.code == 422 and answer.body["reason"] == "Invalid"
    assert answer.body["details"]["causes"][0]["field"] == "metadata.name"


def test_what_is_not_there_is_not_found(server: Server, fresh: Fresh) -> None:
    name = fresh()
    for method in ("GET", "DELETE"):
        answer = server.call(method, f"{MAPS}/{name}")
        assert answer.code == 404 and answer.body["reason"] == "NotFound"
        assert answer.body["message"] == f'configmaps "{name}" not found'


def test_a_namespace_must_exist(server: Server) -> None:
    answer = server.call("POST", "/api/v1/namespaces/nowhere/configmaps", a_config_map("a"))
    assert answer.code == 404 and 'namespaces "nowhere" not found' in answer.body["message"]


def test_an_outdated_write_is_a_conflict(server: Server, fresh: Fresh) -> None:
    name = fresh()
    first = server.good("POST", MAPS, a_config_map(name)).body
    second = server.good("PUT", f"{MAPS}/{name}", {**first, "data": {"a": "1"}})
    assert second.version != first["metadata"]["resourceVersion"]
    late = server.call("PUT", f"{MAPS}/{name}", {**first, "data": {"a": "2"}})
    assert late.code == 409 and late.body["reason"] == "Conflict"
    assert "the object has been modified; please apply your changes to the latest version" in late.body["message"]
    assert server.good("GET", f"{MAPS}/{name}").body["data"] == {"a": "1"}


def test_a_write_that_changes_nothing_is_no_new_version(server: Server, fresh: Fresh) -> None:
    name = fresh()
    created = server.good("POST", MAPS, a_config_map(name, a="1"))
    assert server.good("PUT", f"{MAPS}/{name}", created.body).version == created.version
    assert server.good("PATCH", f"{MAPS}/{name}", {"data": {"a": "1"}}, MERGE).version == created.version


def test_twenty_writers_lose_nothing(server: Server, fresh: Fresh) -> None:
    """Read, change, write, and again after a conflict: every writer's entry is there in the end."""
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))

    def write(number: int) -> None:
        while True:
            held = server.good("GET", f"{MAPS}/{name}").body
            held["data"] = {**held.get("data", {}), f"w{number}": "x"}
            answer = server.call("PUT", f"{MAPS}/{name}", held)
            if answer.code == 200:
                return
            assert answer.code == 409

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(write, range(20)))
    assert len(server.good("GET", f"{MAPS}/{name}").body["data"]) == 20


def test_patches_of_each_kind(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name, a="1", b="2"))
    path = f"{MAPS}/{name}"
    assert server.good("PATCH", path, {"data": {"a": None, "c": "3"}}, MERGE).body["data"] == {"b": "2", "c": "3"}
    operations = [{"op": "test", "path": "/data/b", "value": "2"}, {"op": "replace", "path": "/data/b", "value": "9"}]
    assert server.good("PATCH", path, operations, JSON_PATCH).body["data"] == {"b": "9", "c": "3"}
    failed = server.call("PATCH", path, operations, JSON_PATCH)
    assert failed.code == 422
    assert server.good("PATCH", path, {"data": {"d": "4"}}, STRATEGIC).body["data"]["d"] == "4"


def test_a_strategic_patch_merges_lists_by_their_keys(server: Server, fresh: Fresh) -> None:
    name = fresh()
    containers = [{"name": "a", "image": "i:1", "command": ["x"]}, {"name": "b", "image": "i:1"}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers}}
    server.good("POST", f"{SPACE}/pods", pod)
    change = {"spec": {"containers": [{"name": "a", "image": "i:2"}]}}
    found = server.good("PATCH", f"{SPACE}/pods/{name}", change, STRATEGIC).body["spec"]["containers"]
    assert [(entry["name"], entry["image"]) for entry in found] == [("a", "i:2"), ("b", "i:1")]


def test_applied_fields_that_are_left_out_go(server: Server, fresh: Fresh) -> None:
    """Server-side apply: a manager owns what it applied, and nothing of others."""
    name = fresh()
    path = f"{MAPS}/{name}"
    wanted = a_config_map(name, mine="1", gone="1")
    first = server.call("PATCH", path, wanted, APPLY, fieldManager="me", force="true")
    assert first.code == 201
    server.good("PATCH", path, {"data": {"theirs": "2"}}, MERGE)
    again = server.good("PATCH", path, a_config_map(name, mine="3"), APPLY, fieldManager="me", force="true")
    assert again.code == 200 and again.body["data"] == {"mine": "3", "theirs": "2"}


def test_a_dry_run_stores_nothing(server: Server, fresh: Fresh) -> None:
    name = fresh()
    assert server.good("POST", MAPS, a_config_map(name), dryRun="All").code == 201
    assert server.call("GET", f"{MAPS}/{name}").code == 404
    server.good("POST", MAPS, a_config_map(name))
    server.good("DELETE", f"{MAPS}/{name}", dryRun="All")
    assert server.call("GET", f"{MAPS}/{name}").code == 200


def test_generation_counts_changes_of_the_spec_only(server: Server, pizzas: str, fresh: Fresh) -> None:
    path = f"{pizzas}/{fresh()}"
    name = path.rpartition("/")[2]
    assert server.good("POST", pizzas, a_pizza(name)).body["metadata"]["generation"] == 1
    server.good("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, MERGE)
    server.good("PATCH", f"{path}/status", {"status": {"eaten": True}}, MERGE)
    assert server.good("GET", path).body["metadata"]["generation"] == 1
    assert server.good("PATCH", path, {"spec": {"size": 40}}, MERGE).body["metadata"]["generation"] == 2


def test_status_and_the_rest_have_one_way_each(server: Server, pizzas: str, fresh: Fresh) -> None:
    name = fresh()
    path = f"{pizzas}/{name}"
    created = server.good("POST", pizzas, {**a_pizza(name), "status": {"eaten": True}}).body
    assert "status" not in created
    told = server.good("PUT", f"{path}/status", {**created, "spec": {"size": 1}, "status": {"eaten": True}}).body
    assert told["status"] == {"eaten": True} and told["spec"]["size"] == 30
    changed = server.good("PUT", path, {**told, "spec": {"size": 2}, "status": {"eaten": False}}).body
    assert changed["status"] == {"eaten": True} and changed["spec"]["size"] == 2


def test_a_finalizer_holds_an_object_until_it_is_taken_off(server: Server, fresh: Fresh) -> None:
    name = fresh()
    document = a_config_map(name)
    document["metadata"]["finalizers"] = ["example.com/hold"]
    server.good("POST", MAPS, document)
    marked = server.good("DELETE", f"{MAPS}/{name}").body
    assert marked["metadata"]["deletionTimestamp"] and marked["metadata"]["deletionGracePeriodSeconds"] == 0
    assert server.good("GET", f"{MAPS}/{name}").body["metadata"]["finalizers"] == ["example.com/hold"]
    server.good("PATCH", f"{MAPS}/{name}", {"metadata": {"finalizers": None}}, MERGE)
    assert server.call("GET", f"{MAPS}/{name}").code == 404


def test_a_pod_that_is_ending_stays_until_its_node_says_so(server: Server, fresh: Fresh) -> None:
    """Whatever else is written to it meanwhile."""
    name = fresh()
    spec = {"containers": [{"name": "a", "image": "i:1"}], "terminationGracePeriodSeconds": 30}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    path = f"{SPACE}/pods/{name}"
    server.good("POST", f"{SPACE}/pods", pod)
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}}
    server.good("POST", f"{path}/binding", {**binding, "target": {"kind": "Node", "name": f"node-{name}"}})
    assert server.good("DELETE", path).body["metadata"]["deletionGracePeriodSeconds"] == 30
    server.good("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, MERGE)
    server.good("PATCH", f"{path}/status", {"status": {"message": "one container has ended"}}, MERGE)
    assert server.good("GET", path).body["metadata"]["deletionTimestamp"]
    server.good("DELETE", path, {"gracePeriodSeconds": 0})
    assert server.call("GET", path).code == 404


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
def test_a_deletion_of_something_else_is_a_conflict(server: Server, fresh: Fresh, field: str) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    answer = server.call("DELETE", f"{MAPS}/{name}", {"preconditions": {field: "12345"}})
    assert answer.code == 409 and answer.body["reason"] == "Conflict"
    assert server.call("GET", f"{MAPS}/{name}").code == 200


def owned(name: str, owner: dict[str, Any], *, blocks: bool = False) -> dict[str, Any]:
    document = a_config_map(name)
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"]}
    reference |= {"uid": owner["metadata"]["uid"], "blockOwnerDeletion": blocks}
    document["metadata"]["ownerReferences"] = [reference]
    return document


def test_what_an_object_owns_goes_with_it(server: Server, fresh: Fresh) -> None:
    owner, child = fresh(), fresh()
    held = server.good("POST", MAPS, a_config_map(owner)).body
    server.good("POST", MAPS, owned(child, held))
    server.good("DELETE", f"{MAPS}/{owner}", {"propagationPolicy": "Background"})
    until(lambda: server.call("GET", f"{MAPS}/{child}").code == 404)


def test_in_foreground_the_owner_goes_last(server: Server, fresh: Fresh) -> None:
    owner, child = fresh(), fresh()
    held = server.good("POST", MAPS, a_config_map(owner)).body
    document = owned(child, held, blocks=True)
    document["metadata"]["finalizers"] = ["example.com/hold"]
    server.good("POST", MAPS, document)
    server.good("DELETE", f"{MAPS}/{owner}", {"propagationPolicy": "Foreground"})
    until(lambda: "deletionTimestamp" in server.good("GET", f"{MAPS}/{child}").body["metadata"])
    assert "foregroundDeletion" in server.good("GET", f"{MAPS}/{owner}").body["metadata"]["finalizers"]
    server.good("PATCH", f"{MAPS}/{child}", {"metadata": {"finalizers": None}}, MERGE)
    until(lambda: server.call("GET", f"{MAPS}/{owner}").code == 404)


def test_orphans_stay_without_their_owner(server: Server, fresh: Fresh) -> None:
    owner, child = fresh(), fresh()
    held = server.good("POST", MAPS, a_config_map(owner)).body
    server.good("POST", MAPS, owned(child, held))
    server.good("DELETE", f"{MAPS}/{owner}", {"propagationPolicy": "Orphan"})
    until(lambda: server.call("GET", f"{MAPS}/{owner}").code == 404)
    until(lambda: not server.good("GET", f"{MAPS}/{child}").body["metadata"].get("ownerReferences"))


def test_an_object_whose_owner_is_not_there_goes(server: Server, fresh: Fresh) -> None:
    name = fresh()
    ghost = {"metadata": {"name": "ghost", "uid": "00000000-0000-0000-0000-000000000000"}}
    server.good("POST", MAPS, owned(name, ghost))
    until(lambda: server.call("GET", f"{MAPS}/{name}").code == 404)


def test_a_namespace_takes_its_objects_along(server: Server, fresh: Fresh) -> None:
    space = fresh()
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
    server.good("POST", "/api/v1/namespaces", document)
    server.good("POST", f"/api/v1/namespaces/{space}/configmaps", a_config_map("inside"))
    server.good("DELETE", f"/api/v1/namespaces/{space}")
    until(lambda: server.call("GET", f"/api/v1/namespaces/{space}").code == 404)
    assert server.good("GET", "/api/v1/configmaps", fieldSelector=f"metadata.namespace={space}").body["items"] == []


BAD_REQUESTS: dict[str, tuple[str, str, Any, str, int, str]] = {
    "no JSON": ("POST", MAPS, "{", "application/json", 400, "BadRequest"),
    "no object": ("POST", MAPS, [], "application/json", 400, "BadRequest"),
    "another kind": ("POST", MAPS, {"apiVersion": "v1", "kind": "Secret"}, "application/json", 400, "BadRequest"),
    "another form": ("POST", MAPS, "x", "application/cbor", 415, "UnsupportedMediaType"),
    "no such version": ("GET", "/apis/apps/v9/things", None, "application/json", 404, "NotFound"),
    "no such resource": ("GET", "/api/v1/nothing", None, "application/json", 404, "NotFound"),
    "no such subresource": ("GET", f"{MAPS}/a/nothing", None, "application/json", 404, "NotFound"),
    "no such verb": ("PUT", MAPS, {}, "application/json", 405, "MethodNotAllowed"),
    "too large": ("POST", MAPS, b"x" * 3_145_729, "application/json", 413, "RequestEntityTooLarge"),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_bad_request_gets_a_status_that_names_it(server: Server, case: str) -> None:
    method, path, body, content, code, reason = BAD_REQUESTS[case]
    answer = server.call(method, path, body, content)
    assert (answer.code, answer.body["kind"], answer.body["reason"]) == (code, "Status", reason), answer.body
    assert answer.body["status"] == "Failure" and answer.body["code"] == code and answer.body["message"]


@pytest.mark.parametrize("path", ["/nothing", "/apis/nothing.example.com", "/apis/nothing.example.com/v1/things"])
def test_a_path_of_no_api_is_not_found_without_a_status(server: Server, path: str) -> None:
    answer = server.call("GET", path)
    assert (answer.code, answer.body) == (404, "404 page not found\n")


def test_a_deletion_without_a_policy_takes_dependents_along_except_a_jobs(server: Server, fresh: Fresh) -> None:
    """Of Jobs it orphans them, for the sake of the first clients; kubectl therefore names a policy."""
    name = fresh()
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i:1"}]}
    job = {"metadata": {"name": name}, "spec": {"suspend": True, "template": {"spec": pod}}}
    jobs = "/apis/batch/v1/namespaces/default/jobs"
    uid = server.good("POST", jobs, job).body["metadata"]["uid"]
    document = a_config_map(name)
    document["metadata"]["ownerReferences"] = [{"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}]
    server.good("POST", MAPS, document)
    deleted = server.good("DELETE", f"{jobs}/{name}").body
    assert deleted["kind"] == "Job" and "orphan" in deleted["metadata"]["finalizers"]
    until(lambda: server.call("GET", f"{jobs}/{name}").code == 404)
    assert not server.good("GET", f"{MAPS}/{name}").body["metadata"].get("ownerReferences")


SHORT_LIVED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a pod": (f"{SPACE}/pods", {"containers": [{"name": "a", "image": "i:1"}], "schedulerName": "nobody"}, "Pod"),
    "a service": (f"{SPACE}/services", {"ports": [{"port": 1}]}, "Service"),
    "a service account": (f"{SPACE}/serviceaccounts", {}, "ServiceAccount"),
    "a secret": (f"{SPACE}/secrets", {}, "Status"),
    "a lease": ("/apis/coordination.k8s.io/v1/namespaces/default/leases", {}, "Status"),
}


@pytest.mark.parametrize("case", SHORT_LIVED)
def test_a_deletion_answers_the_object_or_a_status_by_its_kind(server: Server, fresh: Fresh, case: str) -> None:
    path, spec, kind = SHORT_LIVED[case]
    name = fresh()
    created = server.good("POST", path, {"metadata": {"name": name}, **({"spec": spec} if spec else {})}).body
    answer = server.good("DELETE", f"{path}/{name}", gracePeriodSeconds="0").body
    assert answer["kind"] == kind
    assert (answer["details"] if kind == "Status" else answer["metadata"])["uid"] == created["metadata"]["uid"]
