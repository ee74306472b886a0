"""Server-side apply: what a manager is told who would take what others own, or whose words have the wrong form."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import (
    APPLY,
    MERGE,
    PATIENCE,
    SPACE,
    Answer,
    Json,
    Server,
    a_config_map,
    a_crd,
    by_version,
)

MAPS, SERVICES = f"{SPACE}/configmaps", f"{SPACE}/services"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
TACOS = "/apis/food.example.com/v1/namespaces/default/tacos"
Fresh = Callable[[], str]
Make = Callable[[str], Json]


def applied(server: Server, path: str, wanted: Any, manager: str, **query: str) -> Answer:
    return server.call("PATCH", path, wanted, APPLY, fieldManager=manager, **query)


def a_deployment(name: str, *containers: Any, **spec: Any) -> Json:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": list(containers)}}
    whole = {"selector": {"matchLabels": {"app": name}}, "template": template, "replicas": 0, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": whole}


def with_container(**container: Any) -> Make:
    return lambda name: a_deployment(name, {"name": "c", "image": "i", **container})


def with_port(**port: Any) -> Make:
    return lambda name: {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"port": 80, **port}]},
    }


def with_spec(**spec: Any) -> Make:
    return lambda name: {
        "apiVersion": "food.example.com/v1",
        "kind": "Taco",
        "metadata": {"name": name},
        "spec": spec,
    }


def with_labels(**metadata: Any) -> Make:
    return lambda name: {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


def a_list_of(*keys: str, **properties: Json) -> Json:
    found = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}, **properties}}
    return {"type": "array", "items": found, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


@pytest.fixture(scope="module")
def tacos(server: Server) -> str:
    """The path of a custom kind with every form of list and map, when the kind is served."""
    crd = a_crd("tacos", "Taco", "tc")
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    number = {"type": "integer", "default": 7}
    schema["spec"] = {
        "type": "object",
        "properties": {
            "pairs": a_list_of("b", "a", b=number, v={"type": "string"}),
            "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
            "list": {"type": "array", "items": {"type": "string"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    server.good("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
    deadline = time.monotonic() + PATIENCE
    while server.call("GET", TACOS).code != 200:
        assert time.monotonic() < deadline
    return TACOS


IN_CONTAINER = '.spec.template.spec.containers[name="c"]'
TAKEN: dict[str, tuple[str, Make, Make, list[str]]] = {
    "a container": (DEPLOYMENTS, with_container(), with_container(image="j"), [f"{IN_CONTAINER}.image"]),
    "a port, by number and protocol": (
        DEPLOYMENTS,
        with_container(ports=[{"containerPort": 80, "name": "x"}]),
        with_container(ports=[{"containerPort": 80, "name": "y", "protocol": "TCP"}]),
        [f'{IN_CONTAINER}.ports[containerPort=80,protocol="TCP"].name'],
    ),
    "a field before what is inside another": (
        DEPLOYMENTS,
        with_container(env=[{"name": "A", "value": "1"}]),
        with_container(image="j", env=[{"name": "A", "value": "2"}]),
        [f"{IN_CONTAINER}.image", f'{IN_CONTAINER}.env[name="A"].value'],
    ),
    "a quantity of two writings": (
        DEPLOYMENTS,
        with_container(resources={"limits": {"cpu": "1"}}),
        with_container(resources={"limits": {"cpu": "1000m"}}),
        [f"{IN_CONTAINER}.resources.limits.cpu"],
    ),
    "a service's port": (
        SERVICES,
        with_port(name="a"),
        with_port(name="b"),
        ['.spec.ports[port=80,protocol="TCP"].name'],
    ),
    "a label of a domain": (
        MAPS,
        with_labels(labels={"a.b/c": "d"}, finalizers=["a.b/c"]),
        with_labels(labels={"a.b/c": "e"}, finalizers=["a.b/c", "d.b/c"]),
        [".metadata.labels.a.b/c"],
    ),
    "an entry of several keys, of which one has a default": (
        TACOS,
        with_spec(pairs=[{"a": "q", "v": "1"}, {"a": "q", "b": 1, "v": "1"}]),
        with_spec(pairs=[{"a": "q", "v": "2"}, {"a": "q", "b": 1, "v": "1"}]),
        ['.spec.pairs[a="q",b=7].v'],
    ),
    "a list and a map that are owned as a whole": (
        TACOS,
        with_spec(list=["a"], whole={"a": "b"}, tags=["x"]),
        with_spec(list=["b"], whole={"b": "c"}, tags=["y"]),
        [".spec.list", ".spec.whole"],
    ),
    "a field that no schema knows": (
        TACOS,
        with_spec(free={"a": {"b": 1}}),
        with_spec(free={"a": {"b": 2}}),
        [".spec.free.a.b"],
    ),
}


def conflicts(fields: list[str], manager: str) -> str:
    if len(fields) == 1:
        return f"Apply failed with 1 conflict: conflict with {manager}: {fields[0]}"
    return f"Apply failed with {len(fields)} conflicts: conflicts with {manager}:" + "".join(f"\n- {f}" for f in fields)


@pytest.mark.parametrize("case", TAKEN)
def test_a_conflict_names_each_field_by_its_place(server: Server, tacos: str, fresh: Fresh, case: str) -> None:
    collection, first, second, fields = TAKEN[case]
    name = fresh()
    path = f"{collection}/{name}"
    assert applied(server, path, first(name), "one").code == 201
    late = applied(server, path, second(name), "two")
    assert (late.code, late.body["message"]) == (409, conflicts(fields, '"one"'))
    causes = {(field, "FieldManagerConflict", 'conflict with "one"') for field in fields}
    assert late.causes == causes and late.body["details"].keys() == {"causes"}


def test_a_conflict_names_each_manager_and_how_it_wrote(server: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{DEPLOYMENTS}/{name}"
    for manager in ("one", "b"):
        applied(server, path, with_container()(name), manager)
    server.good("PATCH", path, {"spec": {"paused": True}}, MERGE, fieldManager="ed")
    server.good("PATCH", f"{path}/scale", {"spec": {"replicas": 1}}, MERGE, fieldManager="sc")
    late = applied(server, path, a_deployment(name, {"name": "c", "image": "j"}, replicas=2, paused=False), "two")
    image = f"{IN_CONTAINER}.image"
    told = {
        f'conflicts with "b":\n- {image}',
        f'conflicts with "one":\n- {image}',
        'conflicts with "ed" using apps/v1:\n- .spec.paused',
        'conflicts with "sc" with subresource "scale" using apps/v1:\n- .spec.replicas',
    }
    first, *rest = late.body["message"].split("conflicts with ")
    assert first == "Apply failed with 4 conflicts: " and {f"conflicts with {text}".strip() for text in rest} == told
    assert {field for field, _, _ in late.causes} == {image, ".spec.paused", ".spec.replicas"}


def test_a_conflict_about_the_status_names_the_subresource(server: Server, tacos: str, fresh: Fresh) -> None:
    name = fresh()
    path = f"{tacos}/{name}"
    applied(server, path, with_spec(list=["a"])(name), "one")
    server.good("PATCH", f"{path}/status", {"status": {"eaten": True}}, MERGE, fieldManager="st")
    wanted = {
        "apiVersion": "food.example.com/v1",
        "kind": "Taco",
        "metadata": {"name": name},
        "status": {"eaten": False},
    }
    late = applied(server, f"{path}/status", wanted, "two")
    assert late.body["message"] == conflicts(
        [".status.eaten"], '"st" with subresource "status" using food.example.com/v1'
    )


WRONG: dict[str, tuple[str, Make, list[str]]] = {
    "an entry twice": (
        DEPLOYMENTS,
        with_container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
        [f'{IN_CONTAINER}.env: duplicate entries for key [name="A"]'],
    ),
    "an element of a set twice": (TACOS, with_spec(tags=["x", "x"]), ['.spec.tags: duplicate entries for key [="x"]']),
    "a field that nobody knows": (
        DEPLOYMENTS,
        with_container(imag="j"),
        [f"{IN_CONTAINER}.imag: field not declared in schema"],
    ),
    "a field that a schema does not know": (TACOS, with_spec(nope=1), [".spec.nope: field not declared in schema"]),
    "a number for a text": (
        DEPLOYMENTS,
        with_container(env=[{"name": "A", "value": 1}]),
        [f'{IN_CONTAINER}.env[name="A"].value: expected string, got &value.valueUnstructured{{Value:1}}'],
    ),
    "texts for everything": (
        DEPLOYMENTS,
        lambda name: a_deployment(name, {"name": "c", "command": "x", "tty": "y", "resources": "z"}, replicas="w"),
        [
            ".spec.replicas: expected numeric (int or float), got string",
            f"{IN_CONTAINER}.command: expected list, got &{{x}}",
            f"{IN_CONTAINER}.resources: expected map, got &{{z}}",
            f"{IN_CONTAINER}.tty: expected boolean, got &{{y}}",
        ],
    ),
    "nothing in a list": (
        DEPLOYMENTS,
        lambda name: a_deployment(name, None),
        [".spec.template.spec.containers: element 0: associative list with keys may not have a null element"],
    ),
    "a text in a list of objects": (
        DEPLOYMENTS,
        lambda name: a_deployment(name, "x"),
        [".spec.template.spec.containers: element 0: associative list with keys may not have non-map elements"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_applied_in_the_wrong_form_is_refused_by_its_place(
    server: Server, tacos: str, fresh: Fresh, case: str
) -> None:
    collection, make, told = WRONG[case]
    name = fresh()
    document = make(name)
    answer = applied(server, f"{collection}/{name}", document, "one")
    place = f"(/{name}; {document['apiVersion']}, Kind={document['kind']})"
    lines = [f"{'errors:' if len(told) > 1 else told[0]}", *(f"  {text}" for text in told if len(told) > 1)]
    first, *rest = answer.body["message"].split("\n")
    assert (answer.code, first) == (500, f"failed to create typed patch object {place}: {lines[0]}")
    assert sorted(rest) == sorted(lines[1:])


def test_what_is_applied_is_meant_for_the_object_of_the_url(server: Server, fresh: Fresh) -> None:
    name = fresh()
    answer = applied(server, f"{MAPS}/{name}", a_config_map("other"), "one")
    said = f"the name of the object (other) does not match the name on the URL ({name})"
    assert (answer.code, answer.body["message"]) == (400, said)
    answer = applied(server, f"{MAPS}/{name}", "[]", "one")
    why = "json: cannot unmarshal array into Go value of type map[string]interface {}"
    what = by_version(server, newest="patch", oldest="YAML")
    said = f"error decoding {what}: error unmarshaling JSON: while decoding JSON: {why}"
    assert (answer.code, answer.body["message"]) == (400, said)
