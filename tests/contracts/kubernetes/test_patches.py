"""Patches of each kind, to the letter: what they do, and what is refused as what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import APPLY, JSON_PATCH, MERGE, SPACE, STRATEGIC, Answer, Json, Server, a_config_map

MAPS = f"{SPACE}/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
Fresh = Callable[[], str]


@pytest.fixture
def path(server: Server, fresh: Fresh) -> str:
    """A ConfigMap with two entries."""
    name = fresh()
    server.good("POST", MAPS, a_config_map(name, a="1", b="2"))
    return f"{MAPS}/{name}"


OPERATIONS: dict[str, tuple[list[Json], dict[str, str]]] = {
    "copies": ([{"op": "copy", "from": "/data/a", "path": "/data/c"}], {"a": "1", "b": "2", "c": "1"}),
    "moves": ([{"op": "move", "from": "/data/a", "path": "/data/c"}], {"b": "2", "c": "1"}),
    "replaces what is not there yet": (
        [{"op": "replace", "path": "/data/c", "value": "3"}],
        {"a": "1", "b": "2", "c": "3"},
    ),
    "adds nothing as an empty text": ([{"op": "add", "path": "/data/c"}], {"a": "1", "b": "2", "c": ""}),
    "of no operation": ([], {"a": "1", "b": "2"}),
}


@pytest.mark.parametrize("case", OPERATIONS)
def test_a_json_patch(server: Server, path: str, case: str) -> None:
    operations, data = OPERATIONS[case]
    assert server.good("PATCH", path, operations, JSON_PATCH).body["data"] == data


def test_a_json_patch_names_fields_with_a_slash_by_a_tilde(server: Server, path: str) -> None:
    labels = {"op": "add", "path": "/metadata/labels", "value": {}}
    label = {"op": "add", "path": "/metadata/labels/example.com~1team", "value": "x"}
    patched = server.good("PATCH", path, [labels, label], JSON_PATCH)
    assert patched.body["metadata"]["labels"] == {"example.com/team": "x"}


FAILING: dict[str, Json] = {
    "a test that fails": {"op": "test", "path": "/data/a", "value": "9"},
    "a test of nothing": {"op": "test", "path": "/data/c", "value": "9"},
    "a removal of nothing": {"op": "remove", "path": "/data/c"},
    "an addition to nothing": {"op": "add", "path": "/nothing/c", "value": "1"},
    "a move from nowhere": {"op": "move", "from": "/data/c", "path": "/data/d"},
    "an unknown operation": {"op": "swap", "path": "/data/a"},
    "no operation": {"path": "/data/a"},
    "a path without slash": {"op": "add", "path": "data", "value": {}},
}


@pytest.mark.parametrize("case", FAILING)
def test_a_json_patch_that_cannot_be_carried_out_is_invalid_and_changes_nothing(
    server: Server, path: str, case: str
) -> None:
    first = {"op": "replace", "path": "/data/b", "value": "3"}
    answer = server.call("PATCH", path, [first, FAILING[case]], JSON_PATCH)
    assert (answer.code, answer.body["reason"], answer.body["details"]) == (422, "Invalid", {})
    assert answer.body["message"].startswith("the server rejected our request due to an error in our request")
    assert server.good("GET", path).body["data"] == {"a": "1", "b": "2"}


def test_a_json_patch_has_ten_thousand_operations_at_most(server: Server, path: str) -> None:
    operation = {"op": "add", "path": "/data/c", "value": "1"}
    answer = server.call("PATCH", path, [operation] * 10_001, JSON_PATCH)
    assert (answer.code, answer.body["reason"]) == (413, "RequestEntityTooLarge")
    said = "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001"
    assert answer.body["message"] == said


@pytest.mark.parametrize("content", [MERGE, STRATEGIC])
def test_null_takes_a_field_away(server: Server, path: str, content: str) -> None:
    assert server.good("PATCH", path, {"data": {"a": None}}, content).body["data"] == {"b": "2"}
    assert "data" not in server.good("PATCH", path, {"data": {"b": None}}, content).body


WRONG_FORMS: dict[str, tuple[Any, str]] = {
    "a merge patch": ({"data": {"a": 1}}, MERGE),
    "a strategic patch": ({"data": {"a": 1}}, STRATEGIC),
    "a JSON patch": ([{"op": "add", "path": "/data/a", "value": 1}], JSON_PATCH),
    "a merge patch of the kind": ({"kind": "Secret"}, MERGE),
    "a merge patch of the version": ({"apiVersion": "v2"}, MERGE),
}


@pytest.mark.parametrize("case", WRONG_FORMS)
def test_a_patch_that_leaves_a_wrong_form_is_invalid(server: Server, path: str, case: str) -> None:
    """Not a bad request, as the same object in a body would be."""
    body, content = WRONG_FORMS[case]
    answer = server.call("PATCH", path, body, content)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid"), answer.body
    assert [cause["field"] for cause in answer.body["details"]["causes"]] == ["patch"]
    assert answer.body["message"].startswith(' "" is invalid: patch: Invalid value: ')


def test_a_patch_with_an_unknown_field_is_invalid_under_strict_validation(server: Server, path: str) -> None:
    assert server.good("PATCH", path, {"colour": "red"}, MERGE).body["data"] == {"a": "1", "b": "2"}
    answer = server.call("PATCH", path, {"colour": "red"}, MERGE, fieldValidation="Strict")
    assert answer.code == 422 and 'strict decoding error: unknown field "colour"' in answer.body["message"]


@pytest.mark.parametrize("metadata", [{"name": "other"}, {"namespace": "kube-system"}])
def test_a_patch_cannot_move_an_object(server: Server, path: str, metadata: Json) -> None:
    answer = server.call("PATCH", path, {"metadata": metadata}, MERGE)
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest") and "does not match" in answer.body["message"]


def test_a_patch_of_an_outdated_version_is_a_conflict(server: Server, path: str) -> None:
    answer = server.call("PATCH", path, {"metadata": {"resourceVersion": "1"}, "data": {"a": "2"}}, MERGE)
    assert (answer.code, answer.body["reason"]) == (409, "Conflict")


A, B = {"name": "a", "image": "i:1"}, {"name": "b", "image": "i:1"}
LISTS: dict[str, tuple[Json, list[tuple[str, str]]]] = {
    "deletes an entry": ({"containers": [{"name": "a", "$patch": "delete"}]}, [("b", "i:1")]),
    "replaces a list": ({"containers": [{"$patch": "replace"}, {"name": "c", "image": "i:3"}]}, [("c", "i:3")]),
    "puts a new entry first": (
        {"containers": [{"name": "c", "image": "i:3"}]},
        [("c", "i:3"), ("a", "i:1"), ("b", "i:1")],
    ),
    "orders entries": (
        {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [{"name": "b", "image": "i:2"}]},
        [("b", "i:2"), ("a", "i:1")],
    ),
    "replaces an object": ({"$patch": "replace", "containers": [{"name": "c", "image": "i:5"}]}, [("c", "i:5")]),
    "retains keys": (
        {"$retainKeys": ["containers"], "containers": [{"name": "a", "image": "i:9"}]},
        [("a", "i:9"), ("b", "i:1")],
    ),
}


@pytest.mark.parametrize("case", LISTS)
def test_a_strategic_patch(server: Server, fresh: Fresh, case: str) -> None:
    change, expected = LISTS[case]
    name = fresh()
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [A, B]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    server.good("POST", DEPLOYMENTS, {"metadata": {"name": name}, "spec": spec})
    patched = server.good("PATCH", f"{DEPLOYMENTS}/{name}", {"spec": {"template": {"spec": change}}}, STRATEGIC).body
    found = patched["spec"]["template"]["spec"]["containers"]
    assert [(entry["name"], entry["image"]) for entry in found] == expected


def test_a_directive_replaces_a_map(server: Server, path: str) -> None:
    patched = server.good("PATCH", path, {"data": {"$patch": "replace", "c": "3"}}, STRATEGIC)
    assert patched.body["data"] == {"c": "3"}


def applied(server: Server, name: str, wanted: Json, manager: str = "one", **query: str) -> Answer:
    return server.call("PATCH", f"{MAPS}/{name}", wanted, APPLY, fieldManager=manager, **query)


def owners(answer: Answer) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in answer.body["metadata"]["managedFields"]}


def test_managed_fields_say_who_owns_what(server: Server, fresh: Fresh) -> None:
    name = fresh()
    first = applied(server, name, a_config_map(name, {"l": "1"}, a="1", b="2"))
    labels = {"f:metadata": {"f:labels": {"f:l": {}}}}
    assert first.code == 201 and owners(first) == {"one": {"f:data": {"f:a": {}, "f:b": {}}, **labels}}
    entry = first.body["metadata"]["managedFields"][0]
    assert (entry["operation"], entry["apiVersion"], entry["fieldsType"]) == ("Apply", "v1", "FieldsV1")
    shared = owners(applied(server, name, a_config_map(name, a="1"), "two"))
    assert shared["two"] == {"f:data": {"f:a": {}}} and shared["one"] == owners(first)["one"]


def test_what_a_manager_leaves_out_goes_unless_another_wants_it(server: Server, fresh: Fresh) -> None:
    name = fresh()
    applied(server, name, a_config_map(name, {"l": "1"}, a="1", b="2"))
    applied(server, name, a_config_map(name, a="1"), "two")
    fewer = applied(server, name, a_config_map(name, b="2")).body
    assert fewer["data"] == {"a": "1", "b": "2"} and "labels" not in fewer["metadata"]


def test_force_takes_fields_from_their_owner(server: Server, fresh: Fresh) -> None:
    name = fresh()
    applied(server, name, a_config_map(name, a="1", b="2"))
    taken = applied(server, name, a_config_map(name, b="9"), "two", force="true")
    assert taken.body["data"] == {"a": "1", "b": "9"}
    assert owners(taken) == {"one": {"f:data": {"f:a": {}}}, "two": {"f:data": {"f:b": {}}}}


def test_a_conflict_names_each_field_of_each_owner(server: Server, fresh: Fresh) -> None:
    name = fresh()
    applied(server, name, a_config_map(name, a="1", b="2"))
    body = applied(server, name, a_config_map(name, a="2", b="3"), "two").body
    assert body["message"] == 'Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b'
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "one"'}
    assert body["details"] == {"causes": [{**cause, "field": ".data.a"}, {**cause, "field": ".data.b"}]}


UID = "00000000-0000-0000-0000-000000000001"
CONFIGURATIONS: dict[str, tuple[Json, int, str]] = {
    "no kind": ({"kind": ""}, 400, "invalid object type: /v1, Kind="),
    "no version": ({"apiVersion": ""}, 400, "invalid object type: /, Kind=ConfigMap"),
    "another version": ({"apiVersion": "v2"}, 400, "invalid object type: /v2, Kind=ConfigMap"),
    "owners": ({"metadata": {"managedFields": []}}, 400, "metadata.managedFields must be nil"),
    "another namespace": ({"metadata": {"namespace": "kube-system"}}, 400, "the namespace of the provided object"),
    "an unknown field": ({"colour": "red"}, 500, ".colour: field not declared in schema"),
    "the uid of nothing": ({"metadata": {"uid": UID}}, 409, f"specified uid {UID}, and no existing object was found"),
}


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_a_configuration_with(server: Server, fresh: Fresh, case: str) -> None:
    change, code, words = CONFIGURATIONS[case]
    name = fresh()
    wanted = {**a_config_map(name, a="1"), **change}
    wanted["metadata"] = {"name": name, **(change.get("metadata") or {})}
    answer = applied(server, name, wanted)
    assert answer.code == code and words in answer.body["message"], answer.body
    assert server.call("GET", f"{MAPS}/{name}").code == 404


def test_an_application_that_is_tried_out_changes_nothing(server: Server, fresh: Fresh) -> None:
    name = fresh()
    before = applied(server, name, a_config_map(name, a="1"))
    assert applied(server, name, a_config_map(name, a="2"), dryRun="All").body["data"] == {"a": "2"}
    assert server.good("GET", f"{MAPS}/{name}").body == before.body


def test_only_who_applies_may_use_force_and_must_say_who_he_is(server: Server, path: str) -> None:
    forced = server.call("PATCH", path, {"data": {}}, MERGE, force="true")
    nameless = server.call("PATCH", path, a_config_map(path.rpartition("/")[2]), APPLY)
    said = [(answer.code, answer.body["details"]["causes"][0]) for answer in (forced, nameless)]
    texts = ("Forbidden: may not be specified for non-apply patch", "Required value: is required for apply patch")
    assert said == [
        (422, {"reason": "FieldValueForbidden", "message": texts[0], "field": "force"}),
        (422, {"reason": "FieldValueRequired", "message": texts[1], "field": "fieldManager"}),
    ]
    assert forced.body["details"].keys() == {"group", "kind", "causes"}
