"""What comes with a request beside its object: options that cannot be are told as a real server tells them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import JSON_PATCH, SPACE, Json, Server, a_config_map, a_pizza, by_version

MAPS, PODS = f"{SPACE}/configmaps", f"{SPACE}/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
SPANS = "invalid timeout specified in the request URL - time:"
Fresh = Callable[[], str]

UNCREATED: dict[str, tuple[dict[str, str], str]] = {
    "a try of another kind": ({"dryRun": "Foo"}, 'dryRun: Unsupported value: ["Foo"]: supported values: "All"'),
    "a long manager": ({"fieldManager": "a" * 129}, "fieldManager: Too long: may not be more than 128 bytes"),
    "a manager of two lines": (
        {"fieldManager": "a\nb"},
        'fieldManager: Invalid value: "a\\nb": invalid character U+000A (at position 1)',
    ),
}


@pytest.mark.parametrize("case", UNCREATED)
def test_who_creates_in_a_way_that_there_is_not_is_told_so(server: Server, case: str) -> None:
    query, told = UNCREATED[case]
    answer = server.call("POST", MAPS, a_config_map("x"), **{"dryRun": "All", **query})
    assert (answer.code, answer.body["message"]) == (422, f'CreateOptions.meta.k8s.io "" is invalid: {told}')


@pytest.mark.parametrize(("text", "why"), [("x", 'invalid duration "x"'), ("5", 'missing unit in duration "5"')])
def test_a_time_to_wait_has_a_unit(server: Server, text: str, why: str) -> None:
    answer = server.call("POST", MAPS, a_config_map("x"), dryRun="All", timeout=text)
    assert (answer.code, answer.body["message"]) == (400, f"{SPANS} {why}")
    assert server.call("POST", MAPS, a_config_map("x"), dryRun="All", timeout="1m30s").code == 201


@pytest.mark.parametrize("name", ["limit", "timeoutSeconds"])
@pytest.mark.parametrize("watch", [{}, {"watch": "1"}], ids=["list", "watch"])
def test_a_number_is_one(server: Server, name: str, watch: dict[str, str]) -> None:
    for text, why in (("x", "invalid syntax"), ("1.5", "invalid syntax"), ("9" * 20, "value out of range")):
        answer = server.call("GET", MAPS, **watch, **{name: text})
        assert (answer.code, answer.body["message"]) == (400, f'strconv.ParseInt: parsing "{text}": {why}')


def test_a_custom_kind_is_selected_by_fields_that_it_has(server: Server, pizzas: str) -> None:
    for field in ("spec.size", "status.phase", "foo"):
        answer = server.call("GET", pizzas, fieldSelector=f"{field}=1")
        assert (answer.code, answer.body["message"]) == (400, f"field label not supported: {field}")
    assert server.call("GET", pizzas, fieldSelector="metadata.name=1").code == 200


POLICIES = '"Foreground", "Background", "Orphan", "nil"'
UNDELETED: dict[str, tuple[Json, int, str]] = {
    "a policy": ({"propagationPolicy": "x"}, 422, f'Unsupported value: "x": supported values: {POLICIES}'),
    "two policies": (
        {"propagationPolicy": "Orphan", "orphanDependents": True},
        422,
        'Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
    ),
    "a text for a number": (
        {"gracePeriodSeconds": "x"},
        400,
        "string into Go struct field DeleteOptions.gracePeriodSeconds of type int64",
    ),
    "a number for a policy": (
        {"propagationPolicy": 5},
        400,
        "number into Go struct field DeleteOptions.propagationPolicy of type v1.DeletionPropagation",
    ),
    "a text for a list": ({"dryRun": "All"}, 400, "string into Go struct field DeleteOptions.dryRun of type []string"),
    "a number for a version": (
        {"preconditions": {"resourceVersion": 5}},
        400,
        "number into Go struct field Preconditions.preconditions.resourceVersion of type string",
    ),
}


@pytest.mark.parametrize("case", UNDELETED)
def test_who_deletes_in_a_way_that_there_is_not_is_told_so(server: Server, fresh: Fresh, case: str) -> None:
    options, code, told = UNDELETED[case]
    invalid, name = code == 422, fresh()
    server.good("POST", MAPS, a_config_map(name))
    answer = server.call("DELETE", f"{MAPS}/{name}", options)
    code = by_version(server, newest=code, oldest=500 if code == 400 else code)
    start = 'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: ' if invalid else "json: cannot unmarshal "
    assert (answer.code, answer.body["message"]) == (code, start + told)
    assert server.call("GET", f"{MAPS}/{name}").code == 200


def test_a_deletion_that_is_meant_for_another_names_the_kind_with_its_group(
    server: Server, pizzas: str, fresh: Fresh
) -> None:
    name = fresh()
    server.good("POST", pizzas, a_pizza(name))
    answer = server.call("DELETE", f"{pizzas}/{name}", {"preconditions": {"uid": "u"}})
    assert answer.body["message"].startswith(
        f'Operation cannot be fulfilled on Pizza.food.example.com "{name}": the UID '
    )
    assert answer.body["details"] == {"name": name, "group": "food.example.com", "kind": "Pizza"}


def test_an_object_of_a_namespace_is_not_found_outside(server: Server, pizzas: str, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    server.good("POST", pizzas, a_pizza(name))
    answer = server.call("GET", f"/api/v1/configmaps/{name}")
    assert (answer.code, answer.body["message"]) == (404, "the server could not find the requested resource")
    answer = server.call("GET", f"/apis/food.example.com/v1/pizzas/{name}")
    assert (answer.code, answer.body) == (404, "404 page not found\n")


UNKNOWN: dict[str, tuple[Any, int, str]] = {
    "no kind": (
        '{"metadata": {"name": "y"}, "spec": {"size": 3}}',
        400,
        'the object provided is unrecognized (must be of type Pizza): Object \'Kind\' is missing in \'{"metadata": {"name": '
        '"y"}, "spec": {"size": 3}}\' ({"metadata": {"name": "y"}, "s ...)',
    ),
    "no version": (
        {"kind": "Pizza", "metadata": {"name": "y"}},
        400,
        "the API version in the data () does not match the expected API version (food.example.com/v1)",
    ),
    "another's version": (
        {**a_pizza("y"), "apiVersion": "v1"},
        400,
        "the API version in the data (v1) does not match the expected API version (food.example.com/v1)",
    ),
    "another kind": (
        {**a_pizza("y"), "kind": "Cake"},
        422,
        'Cake.food.example.com "y" is invalid: kind: Invalid value: "Cake": must be Pizza',
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_custom_object_says_what_it_is(server: Server, pizzas: str, case: str) -> None:
    body, code, message = UNKNOWN[case]
    answer = server.call("POST", pizzas, body, dryRun="All")
    assert (answer.code, answer.body["message"]) == (code, message)


@pytest.mark.parametrize(
    ("operations", "where"),
    [
        ([{"op": 1, "path": "/a"}], "number into Go struct field jsonPatchOp.op of type string"),
        ([[]], "array into Go value of type handlers.jsonPatchOp"),
    ],
)
def test_operations_of_a_patch_that_are_none(server: Server, fresh: Fresh, operations: Any, where: str) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    answer = server.call("PATCH", f"{MAPS}/{name}", operations, JSON_PATCH)
    assert (answer.code, answer.body["message"]) == (400, f"error decoding patch: json: cannot unmarshal {where}")


UNSCALED: dict[str, tuple[Json, str]] = {
    "nobody": (
        {"spec": {"replicas": 1}},
        "the name of the object ({name} based on URL) was undeterminable: name must be provided",
    ),
    "a text": (
        {"metadata": {"name": "{name}"}, "spec": {"replicas": "x"}},
        'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal string into Go struct field '
        "ScaleSpec.spec.replicas of type int32",
    ),
    "metadata that are none": (
        {"metadata": "x"},
        'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal string into Go struct field '
        "Scale.metadata of type v1.ObjectMeta",
    ),
}


@pytest.mark.parametrize("case", UNSCALED)
def test_a_scale_that_is_none(server: Server, fresh: Fresh, case: str) -> None:
    body, message = UNSCALED[case]
    name = fresh()
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    server.good("POST", DEPLOYMENTS, {"metadata": {"name": name}, "spec": spec})
    answer = server.call("PUT", f"{DEPLOYMENTS}/{name}/scale", body)
    assert (answer.code, answer.body["message"]) == (400, message.replace("{name}", name))


def test_a_pod_is_bound_by_its_name_and_not_for_a_try(server: Server, fresh: Fresh) -> None:
    name = fresh()
    containers = [{"name": "a", "image": "i"}]
    server.good("POST", PODS, {"metadata": {"name": name}, "spec": {"containers": containers, "schedulerName": "none"}})
    target = {"target": {"kind": "Node", "name": "n"}}
    answer = server.call("POST", f"{PODS}/{name}/binding", target)
    assert (answer.code, answer.body["message"]) == (400, "name in URL does not match name in Binding object")
    server.good("POST", f"{PODS}/{name}/binding", {"metadata": {"name": name}, **target}, dryRun="All")
    assert "nodeName" not in server.good("GET", f"{PODS}/{name}").body["spec"]
