"""Custom kinds: defined at run time, checked and completed by their schemas, shown in tables; and discovery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import MERGE, STRATEGIC, Server, a_crd, a_pizza
from laptops import eventually

Fresh = Callable[[], str]
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def test_defaults_are_filled_in(server: Server, pizzas: str, fresh: Fresh) -> None:
    assert server.good("POST", pizzas, a_pizza(fresh())).body["spec"] == {"size": 30, "crust": "thin"}


INVALID: dict[str, tuple[dict[str, Any], str, str]] = {
    "too large": ({"size": 51}, "spec.size", "should be less than or equal to 50"),
    "too small": ({"size": 0}, "spec.size", "should be greater than or equal to 1"),
    "a wrong type": ({"size": "big"}, "spec.size", "must be of type integer"),
    "no such value": ({"crust": "none"}, "spec.crust", 'Unsupported value: "none"'),
    "nothing": ({"size": None}, "spec.size", ""),
    "a wrong entry": ({"toppings": ["ham", 3]}, "spec.toppings[1]", "must be of type string"),
}


@pytest.mark.parametrize("case", INVALID)
def test_what_breaks_the_schema_is_invalid_at_its_path(server: Server, pizzas: str, fresh: Fresh, case: str) -> None:
    change, path, words = INVALID[case]
    answer = server.call("POST", pizzas, a_pizza(fresh(), **change))
    assert answer.code == 422 and answer.body["reason"] == "Invalid", answer.body
    causes = answer.body["details"]["causes"]
    assert path in {cause["field"] for cause in causes}
    assert words in answer.body["message"]


def test_fields_that_no_schema_knows_are_pruned_with_a_warning(server: Server, pizzas: str, fresh: Fresh) -> None:
    answer = server.good("POST", pizzas, a_pizza(fresh(), diameter=3, notes={"free": [1]}))
    assert "diameter" not in answer.body["spec"] and answer.body["spec"]["notes"] == {"free": [1]}
    assert 'unknown field \\"spec.diameter\\"' in answer.headers["warning"]


def test_under_strict_validation_they_are_refused(server: Server, pizzas: str, fresh: Fresh) -> None:
    answer = server.call("POST", pizzas, a_pizza(fresh(), diameter=3), fieldValidation="Strict")
    assert answer.code == 400 and 'strict decoding error: unknown field "spec.diameter"' in answer.body["message"]


def test_custom_kinds_have_no_strategic_patch(server: Server, pizzas: str, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", pizzas, a_pizza(name))
    assert server.call("PATCH", f"{pizzas}/{name}", {"spec": {"size": 1}}, STRATEGIC).code == 415
    assert server.good("PATCH", f"{pizzas}/{name}", {"spec": {"size": 1}}, MERGE).body["spec"]["size"] == 1


def test_a_removed_definition_is_served_no_more_and_takes_its_objects_along(server: Server, pizzas: str) -> None:
    server.good("POST", CRDS, a_crd("pies", "Pie", "pi"))
    path = "/apis/food.example.com/v1/namespaces/default/pies"
    pie = {**a_pizza("apple"), "kind": "Pie"}
    eventually(lambda: server.call("GET", path).code == 200)
    server.good("POST", path, pie)
    server.good("DELETE", f"{CRDS}/pies.food.example.com")
    eventually(lambda: server.call("GET", f"{CRDS}/pies.food.example.com").code == 404)
    eventually(lambda: server.call("GET", path).code == 404)
    server.good("POST", CRDS, a_crd("pies", "Pie", "pi"))
    eventually(lambda: server.call("GET", path).code == 200)
    assert server.good("GET", path).body["items"] == []


def test_a_definition_says_that_it_is_established(server: Server, pizzas: str) -> None:
    status = server.good("GET", f"{CRDS}/pizzas.food.example.com").body["status"]
    conditions = {entry["type"]: entry["status"] for entry in status["conditions"]}
    assert conditions["Established"] == "True" and status["acceptedNames"]["plural"] == "pizzas"


def test_discovery_lists_groups_and_resources(server: Server, pizzas: str) -> None:
    groups = {group["name"] for group in server.good("GET", "/apis").body["groups"]}
    assert {"apps", "batch", "food.example.com"} <= groups
    resources = {entry["name"]: entry for entry in server.good("GET", "/apis/food.example.com/v1").body["resources"]}
    assert resources["pizzas"]["shortNames"] == ["pz"] and resources["pizzas"]["namespaced"]
    assert {"get", "list", "watch", "create", "update", "patch", "delete"} <= set(resources["pizzas"]["verbs"])
    assert "pizzas/status" in resources


def test_the_server_tells_its_version_and_health(server: Server) -> None:
    assert int(server.good("GET", "/version").body["major"]) == 1
    for path in ("/healthz", "/livez", "/readyz"):
        assert server.good("GET", path).body == "ok"


def test_columns_of_a_kind_are_shown(server: Server, pizzas: str, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", pizzas, a_pizza(name, size=17))
    header, row = server.kubectl("get", "pz", name).stdout.splitlines()
    assert header.split() == ["NAME", "SIZE"] and row.split() == [name, "17"]
