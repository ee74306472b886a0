"""Changes of objects: who replaces one says which it is, and of some kinds which version he has seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import (
    JSON_PATCH,
    MERGE,
    SPACE,
    STRATEGIC,
    Answer,
    Server,
    a_config_map,
    a_crd,
    a_pizza,
    by_version,
)

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
    end = "unexpected end of JSON input"
    once = {MERGE: f"error decoding patch: {end}", JSON_PATCH: f"error decoding patch: {end}", STRATEGIC: end}
    for content, older in once.items():
        text = by_version(server, newest="invalid JSON patch", oldest=older)
        assert said(server.call("PATCH", f"{MAPS}/{name}", "", content)) == (400, "BadRequest", text)
    assert server.good("GET", f"{MAPS}/{name}").body["data"] == {"a": "1"}


FIXED: dict[str, tuple[str, str, Any]] = {
    "a uid": (MERGE, "uid", "abc"),
    "a deletion": (MERGE, "deletionTimestamp", "2020-01-01T00:00:00Z"),
    "a grace": (MERGE, "deletionGracePeriodSeconds", 5),
    "a deletion in a replacement": ("application/json", "deletionTimestamp", "2020-01-01T00:00:00Z"),
}


@pytest.mark.parametrize("case", FIXED)
def test_what_only_the_server_sets_is_not_changed_by_a_request(server: Server, fresh: Fresh, case: str) -> None:
    content, field, value = FIXED[case]
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    change = {"metadata": {"name": name, field: value}}
    answer = server.call("PATCH" if content == MERGE else "PUT", f"{MAPS}/{name}", change, content)
    why = f"metadata.{field}: Invalid value: {json.dumps(value)}: field is immutable"
    assert said(answer) == (422, "Invalid", f'ConfigMap "{name}" is invalid: {why}')


def test_a_finalizer_of_kubernetes_own_kinds_has_a_domain(server: Server, fresh: Fresh) -> None:
    name = fresh()
    answer = server.call("POST", MAPS, {"metadata": {"name": name, "finalizers": ["kubernetes", "a.b/c", "foo"]}})
    why = "name is neither a standard finalizer name nor is it fully qualified"
    why = f'metadata.finalizers[2]: Invalid value: "foo": {why}'
    assert said(answer) == (422, "Invalid", f'ConfigMap "{name}" is invalid: {why}')


def test_who_creates_something_in_a_namespace_that_is_going_is_told_why_not(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    maps = f"/api/v1/namespaces/{name}/configmaps"
    server.good("POST", maps, {"metadata": {"name": "held", "finalizers": ["a.b/c"]}})
    server.good("DELETE", f"/api/v1/namespaces/{name}")
    answer = server.call("POST", maps, {"metadata": {"name": "late"}})
    why = f"unable to create new content in namespace {name} because it is being terminated"
    assert said(answer) == (403, "Forbidden", f'configmaps "late" is forbidden: {why}')
    assert answer.causes == {("metadata.namespace", "NamespaceTerminating", f"namespace {name} is being terminated")}
    server.good("PATCH", f"{maps}/held", {"metadata": {"finalizers": None}}, MERGE)


def test_a_field_keeps_what_nobody_knows_or_says_nothing_of_it(server: Server) -> None:
    crd = a_crd("soups", "Soup", "sp")
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["notes"]["x-kubernetes-preserve-unknown-fields"] = False
    answer = server.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
    place = "spec.validation.openAPIV3Schema.properties[spec].properties[notes].x-kubernetes-preserve-unknown-fields"
    assert answer.code == 422
    assert (place, "FieldValueInvalid", "Invalid value: false: must be true or undefined") in answer.causes


def test_the_log_of_a_pod_without_a_node_is_empty_and_is_cut_by_numbers_that_cut(server: Server, fresh: Fresh) -> None:
    name = fresh()
    spec = {"containers": [{"name": "c", "image": "i"}], "nodeSelector": {"no": "where"}}
    server.good("POST", f"{SPACE}/pods", {"metadata": {"name": name}, "spec": spec})
    log = f"{SPACE}/pods/{name}/log"
    assert server.call("GET", log).code == 204
    for field, value, words in (("tailLines", -1, "greater than or equal to 0"), ("limitBytes", 0, "greater than 0")):
        why = f"{field}: Invalid value: {value}: must be {words}"
        refused = (422, "Invalid", f'PodLogOptions "{name}" is invalid: {why}')
        assert said(server.call("GET", log, **{field: str(value)})) == refused
    server.good("DELETE", f"{SPACE}/pods/{name}")


def test_a_generated_name_does_not_begin_with_more_than_a_name_may_have(server: Server) -> None:
    prefix = "a" * 254
    answer = server.call("POST", MAPS, {"metadata": {"generateName": prefix}}, dryRun="All")
    why = f'Invalid value: "{prefix}": must be no more than 253 characters'
    assert (answer.code, answer.causes) == (422, {("metadata.generateName", "FieldValueInvalid", why)})


ROLES, LINKS = (
    f"/apis/rbac.authorization.k8s.io/v1/namespaces/default/{plural}" for plural in ("roles", "rolebindings")
)
BEGUN: dict[str, tuple[str, Json]] = {
    "an event": (
        f"{SPACE}/events",
        {"involvedObject": {"namespace": "default", "kind": "Pod", "name": "x"}, "reason": "A", "message": "b"},
    ),
    "a lease": (LEASES, {"spec": {"holderIdentity": "x"}}),
    "a role": (ROLES, {"rules": []}),
    "a role's link": (LINKS, {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"}}),
    "a service": (f"{SPACE}/services", {"spec": {"ports": [{"port": 80}], "clusterIP": "None"}}),
}


@pytest.mark.parametrize("case", BEGUN)
def test_what_is_not_there_is_made_by_who_replaces_it(server: Server, fresh: Fresh, case: str) -> None:
    (path, document), name = BEGUN[case], fresh()
    wanted = {**document, "metadata": {"name": name, "resourceVersion": "5"}}
    assert server.call("PUT", f"{path}/{name}", wanted, dryRun="All").code == 201
    assert server.call("GET", f"{path}/{name}").code == 404
    first = server.call("PUT", f"{path}/{name}", wanted)
    assert (first.code, first.body["metadata"]["name"]) == (201, name)
    assert server.call("PUT", f"{path}/{name}", first.body).code == 200
    server.good("DELETE", f"{path}/{name}")


@pytest.mark.parametrize("path", [MAPS, f"{SPACE}/secrets", f"{SPACE}/serviceaccounts", "/api/v1/nodes"])
def test_of_other_kinds_what_is_not_there_is_not_replaced(server: Server, fresh: Fresh, path: str) -> None:
    name = fresh()
    assert server.call("PUT", f"{path}/{name}", {"metadata": {"name": name}}).code == 404


def test_what_is_made_so_is_meant_for_its_place(server: Server, fresh: Fresh) -> None:
    name = fresh()
    others = {"metadata": {"name": f"{name}-other"}}, {"metadata": {}}
    assert [server.call("PUT", f"{LEASES}/{name}", other).code for other in others] == [400, 400]
    gone = {"metadata": {"name": name, "uid": "00000000-0000-0000-0000-000000000001"}}
    answer = server.call("PUT", f"{LEASES}/{name}", gone)
    assert (answer.code, answer.body["reason"]) == (409, "Conflict")
    nowhere = LEASES.replace("default", "nosuch")
    assert (
        said(server.call("PUT", f"{nowhere}/{name}", {"metadata": {"name": name}}))[2]
        == 'namespaces "nosuch" not found'
    )
