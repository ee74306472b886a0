"""Changes of objects: who replaces one says which it is, and of some kinds which version he has seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import JSON_PATCH, MERGE, SPACE, STRATEGIC, Answer, Server, a_config_map, a_pizza

Json = dict[str, Any]
Fresh = Callable[[], str]
MAPS = f"{SPACE}/configmaps"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
UNVERSIONED = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"


def said(answer: Answer) -> tuple[int, str, str]:
    """Code, reason and message of a refusal."""
    return answer.code, answer.body.get("reason", ""), answer.body["message"]


def test_custom_kinds_leases_and_webhooks_are_replaced_by_who_says_the_version_he_has_seen(
    server: Server, pizzas: str, fresh: Fresh
) -> None:
    name = fresh()
    for path, kind, document in (
        (pizzas, "pizzas.food.example.com", a_pizza(name)),
        (LEASES, "leases.coordination.k8s.io", {"metadata": {"name": name}}),
        (HOOKS, "validatingwebhookconfigurations.admissionregistration.k8s.io", {"metadata": {"name": name}}),
    ):
        created = server.good("POST", path, document)
        place, refused = f"{path}/{name}", (422, "Invalid", f'{kind} "{name}" is invalid: {UNVERSIONED}')
        for version in ({}, {"resourceVersion": "0"}):
            metadata = {"name": name, "labels": {"a": "b"}, **version}
            assert said(server.call("PUT", place, {**created.body, "metadata": metadata})) == refused
        unseen = {"metadata": {"resourceVersion": None, "labels": {"a": "b"}}}
        assert said(server.call("PATCH", place, unseen, MERGE)) == refused
        assert server.good("GET", place).version == created.version
        server.good("PUT", place, created.body)
        server.good("DELETE", place)


@pytest.mark.parametrize("version", ["abc", "-5"])
def test_a_version_of_an_object_that_is_no_number_is_named(server: Server, fresh: Fresh, version: str) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    change: Json = {"metadata": {"name": name, "resourceVersion": version}, "data": {"a": "b"}}
    refused = (500, "", f'strconv.ParseUint: parsing "{version}": invalid syntax')
    assert said(server.call("PUT", f"{MAPS}/{name}", change)) == refused
    assert said(server.call("PATCH", f"{MAPS}/{name}", change, MERGE)) == refused


NAMELESS: dict[str, tuple[str, Any, str]] = {
    "an empty object": ("PUT", {}, "application/json"),
    "data alone": ("PUT", {"data": {"b": "2"}}, "application/json"),
    "a name that is taken away": ("PATCH", [{"op": "remove", "path": "/metadata/name"}], JSON_PATCH),
    "a name that is merged away": ("PATCH", {"metadata": {"name": None}}, MERGE),
    "all metadata taken away": ("PATCH", [{"op": "remove", "path": "/metadata"}], JSON_PATCH),
    "all replaced by a name": (
        "PATCH",
        [{"op": "replace", "path": "", "value": {"metadata": {"name": "x"}}}],
        JSON_PATCH,
    ),
}


@pytest.mark.parametrize("case", NAMELESS)
def test_a_change_that_names_no_object_leaves_the_object_as_it_is(server: Server, fresh: Fresh, case: str) -> None:
    method, body, content = NAMELESS[case]
    name = fresh()
    server.good("POST", MAPS, a_config_map(name, a="1"))
    answer = server.call(method, f"{MAPS}/{name}", body, content)
    why = f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
    assert said(answer) == (400, "BadRequest", why)
    assert server.good("GET", f"{MAPS}/{name}").body["data"] == {"a": "1"}


def test_nothing_is_neither_an_object_nor_a_patch(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, a_config_map(name, a="1"))
    why = "couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"
    refused = (400, "BadRequest", f"the object provided is unrecognized (must be of type ConfigMap): {why}")
    assert said(server.call("POST", MAPS, "")) == refused
    assert said(server.call("PUT", f"{MAPS}/{name}", "")) == refused
    for content in (MERGE, JSON_PATCH, STRATEGIC):
        assert said(server.call("PATCH", f"{MAPS}/{name}", "", content)) == (400, "BadRequest", "invalid JSON patch")
    assert server.good("GET", f"{MAPS}/{name}").body["data"] == {"a": "1"}
