"""Admission webhooks, real ones over HTTPS: who is asked, in which order, and what becomes of their answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from contracts.kubernetes.servers import MERGE, PATIENCE, SPACE, Answer, Server
from contracts.kubernetes.webhooks import (
    CONFIGURATIONS,
    CREATIONS,
    MAPS,
    Think,
    Webhooks,
    a_map,
    a_patch,
    configuration,
    serving,
)

Fresh = Callable[[], str]
Json = dict[str, Any]


@pytest.fixture(scope="module")
def serving_webhooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webhooks]:
    with serving(tmp_path_factory.mktemp("webhooks")) as webhooks:
        yield webhooks


@pytest.fixture
def webhooks(server: Server, serving_webhooks: Webhooks) -> Iterator[Webhooks]:
    """Webhooks of one case: no configuration of an earlier one is left."""
    serving_webhooks.answers.clear()
    serving_webhooks.seen.clear()
    yield serving_webhooks
    for kind in ("mutating", "validating"):
        server.good("DELETE", f"{CONFIGURATIONS}/{kind}webhookconfigurations")


def asked(server: Server, webhooks: Webhooks, name: str, think: Think, **more: Any) -> Answer:
    """The answer to a creation that one validating webhook is asked about."""
    webhooks.answers["/w"] = think
    webhooks.configure(server, name, {"path": "/w", **more})
    return server.call("POST", MAPS, a_map(name))


DENIALS: dict[str, tuple[Json, int, str | None, str]] = {
    "without a word": ({}, 400, None, "denied the request without explanation"),
    "with a message": ({"message": "no way"}, 400, None, "denied the request: no way"),
    "with a reason only": ({"reason": "because"}, 400, "because", "denied the request: because"),
    "with a code": ({"code": 418, "message": "tea"}, 418, None, "denied the request: tea"),
    "with a code of success": ({"code": 200, "message": "fine"}, 400, None, "denied the request: fine"),
    "with code and reason": (
        {"code": 409, "reason": "Conflict", "message": "clash"},
        409,
        "Conflict",
        "request: clash",
    ),
}


@pytest.mark.parametrize("case", DENIALS)
def test_a_denial_is_told_as_the_webhook_tells_it(server: Server, webhooks: Webhooks, fresh: Fresh, case: str) -> None:
    status, code, reason, words = DENIALS[case]
    answer = asked(server, webhooks, name := fresh(), lambda _: {"allowed": False, "status": status})
    assert (answer.code, answer.body.get("reason")) == (code, reason)
    assert (
        answer.body["message"].startswith(f'admission webhook "w0.{name}.example.com" denied')
        and words in answer.body["message"]
    )


def test_a_denials_details_reach_the_caller(server: Server, webhooks: Webhooks, fresh: Fresh) -> None:
    causes = [{"field": "data.a", "message": "bad"}]
    status = {"code": 422, "reason": "Invalid", "details": {"causes": causes}}
    answer = asked(server, webhooks, fresh(), lambda _: {"allowed": False, "status": status})
    assert answer.body["details"]["causes"] == [{"message": "bad", "field": "data.a"}]


@pytest.mark.parametrize("allowed", [True, False])
def test_warnings_reach_the_caller_whether_or_not_the_request_is_allowed(
    server: Server, webhooks: Webhooks, fresh: Fresh, allowed: bool
) -> None:
    answer = asked(server, webhooks, fresh(), lambda _: {"allowed": allowed, "warnings": ["one", 'two "q"']})
    assert answer.warnings == ["one", 'two "q"']


def test_audit_annotations_change_nothing_that_is_seen(server: Server, webhooks: Webhooks, fresh: Fresh) -> None:
    answer = asked(server, webhooks, fresh(), lambda _: {"auditAnnotations": {"k": "v"}})
    assert answer.code == 201 and "annotations" not in answer.body["metadata"]


def reviewed(request: Json, version: str) -> bytes:
    response = {"uid": request["uid"], "allowed": True}
    return json.dumps({"apiVersion": version, "kind": "AdmissionReview", "response": response}).encode()


FAILURES: dict[str, tuple[Think, str]] = {
    "rubbish": (lambda _: (200, b"rubbish"), "couldn't get version/kind; json parse error"),
    "an empty object": (lambda _: (200, b"{}"), "webhook response was absent"),
    "a server's error": (lambda _: (500, b"broken"), 'an error on the server ("broken") has prevented the request'),
    "another request's answer": (lambda _: {"uid": "other"}, 'got "other"'),
    "another version": (lambda request: (200, reviewed(request, "admission.k8s.io/v2")), "admission.k8s.io/v2"),
}


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
@pytest.mark.parametrize("case", FAILURES)
def test_a_webhook_that_fails_does_as_its_policy_says(
    server: Server, webhooks: Webhooks, fresh: Fresh, case: str, policy: str
) -> None:
    think, words = FAILURES[case]
    answer = asked(server, webhooks, name := fresh(), think, failurePolicy=policy)
    if policy == "Ignore":
        assert answer.code == 201
        return
    assert (answer.code, answer.body["reason"]) == (500, "InternalError")
    said = f'failed calling webhook "w0.{name}.example.com": '
    assert answer.body["message"].startswith(f"Internal error occurred: {said}") and words in answer.body["message"]
    assert answer.body["details"]["causes"][0]["message"].startswith(said)


def test_a_webhook_has_no_more_than_its_time(server: Server, webhooks: Webhooks, fresh: Fresh) -> None:
    released = threading.Event()

    def think(_: Json) -> tuple[int, bytes]:
        released.wait(PATIENCE)
        return 500, b""

    try:
        answer = asked(server, webhooks, fresh(), think, timeoutSeconds=1)
    finally:
        released.set()
    assert answer.code == 500 and "context deadline exceeded" in answer.body["message"]


def test_a_webhook_whose_authority_is_another_is_not_asked(server: Server, webhooks: Webhooks, fresh: Fresh) -> None:
    client = {"url": f"{webhooks.url}/w"}
    answer = asked(server, webhooks, fresh(), lambda _: {}, clientConfig=client)
    assert answer.code == 500 and "certificate" in answer.body["message"] and webhooks.paths() == []


def test_mutating_webhooks_are_asked_by_name_and_validating_ones_see_their_work(
    server: Server, webhooks: Webhooks, fresh: Fresh
) -> None:
    def append(text: str) -> Think:
        return lambda request: a_patch(
            {"op": "replace", "path": "/data/a", "value": request["object"]["data"]["a"] + text}
        )

    case = fresh()
    label = {"objectSelector": {"matchLabels": {"case": case}}}
    for letter in "zy":
        webhooks.answers[f"/{letter}"] = append(letter)
        webhooks.configure(server, f"{letter}-{case}", {"path": f"/{letter}", **label}, kind="Mutating")

    def tell(request: Json) -> Json:
        return {"allowed": False, "status": {"message": request["object"]["data"]["a"]}}

    answer = asked(server, webhooks, case, tell)
    assert answer.body["message"].endswith(": byz") and webhooks.paths() == ["/y", "/z", "/w"]


def test_a_webhook_that_asks_for_it_sees_what_later_ones_have_changed(
    server: Server, webhooks: Webhooks, fresh: Fresh
) -> None:
    def once(request: Json) -> Json:
        return {} if "once" in request["object"]["data"] else a_patch({"op": "add", "path": "/data/once", "value": "1"})

    webhooks.answers["/once"] = once
    webhooks.answers["/later"] = lambda _: a_patch({"op": "add", "path": "/data/later", "value": "1"})
    again = {"path": "/once", "reinvocationPolicy": "IfNeeded"}
    webhooks.configure(server, name := fresh(), again, {"path": "/later"}, kind="Mutating")
    created = server.good("POST", MAPS, a_map(name)).body
    assert created["data"] == {"a": "b", "once": "1", "later": "1"}
    assert webhooks.paths() == ["/once", "/later", "/once"]


BAD_PATCHES: dict[str, tuple[Json, str]] = {
    "that does not say what it is": ({"patch": "W10="}, "webhook returned response.patch but not response.patchType"),
    "that is no list": ({"patchType": "JSONPatch", "patch": "e30="}, "received undecodable patch in webhook response"),
    "that cannot be applied": (a_patch({"op": "remove", "path": "/data/zz"}), "/data/zz"),
}


@pytest.mark.parametrize("case", BAD_PATCHES)
def test_a_patch_fails_the_request(server: Server, webhooks: Webhooks, fresh: Fresh, case: str) -> None:
    response, words = BAD_PATCHES[case]
    webhooks.answers["/w"] = lambda _: response
    webhooks.configure(server, name := fresh(), {"path": "/w"}, kind="Mutating")
    answer = server.call("POST", MAPS, a_map(name))
    assert (answer.code, answer.body["reason"]) == (500, "InternalError") and words in answer.body["message"]


CONDITIONS: dict[str, tuple[tuple[str, ...], bool]] = {
    "of the object": (("object.data.a == 'b'",), True),
    "that does not hold": (("object.data.a == 'c'",), False),
    "of the name, given by the server": (("object.metadata.name.startsWith('case')",), True),
    "of the operation": (("request.operation == 'CREATE'", "oldObject == null"), True),
    "of the caller's groups": (("'system:masters' in request.userInfo.groups",), True),
    "of the namespace": (("request.namespace == 'default' && !has(object.metadata.labels.x)",), True),
    "of which one does not hold": (("true", "false"), False),
    "that fails beside one that does not hold": (("object.nosuch == 1", "false"), False),
}


@pytest.mark.parametrize("case", CONDITIONS)
def test_a_webhook_is_asked_when_all_its_conditions_hold(
    server: Server, webhooks: Webhooks, fresh: Fresh, case: str
) -> None:
    texts, called = CONDITIONS[case]
    listed = [{"name": f"c{index}", "expression": text} for index, text in enumerate(texts)]
    assert asked(server, webhooks, fresh(), lambda _: {}, matchConditions=listed).code == 201
    assert webhooks.paths() == ["/w"] * called


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
def test_a_condition_that_cannot_be_told_is_a_failure(
    server: Server, webhooks: Webhooks, fresh: Fresh, policy: str
) -> None:
    listed = [{"name": "c", "expression": "object.nosuch == 1"}]
    answer = asked(server, webhooks, fresh(), lambda _: {}, matchConditions=listed, failurePolicy=policy)
    assert answer.code == (201 if policy == "Ignore" else 403) and webhooks.paths() == []
    if policy == "Fail":
        assert "expression 'object.nosuch == 1' resulted in error: no such key: nosuch" in answer.body["message"]


SCOPES: dict[str, tuple[Json, bool]] = {
    "of every operation": ({"operations": ["*"]}, True),
    "of another operation": ({"operations": ["UPDATE"]}, False),
    "of another group": ({"apiGroups": ["apps"]}, False),
    "of every group and version": ({"apiGroups": ["*"], "apiVersions": ["*"]}, True),
    "of everything with subresources": ({"resources": ["*/*"]}, True),
    "of all resources": ({"resources": ["*"]}, True),
    "of subresources only": ({"resources": ["configmaps/*"]}, True),
    "of what has a namespace": ({"scope": "Namespaced"}, True),
    "of what has none": ({"scope": "Cluster"}, False),
}


@pytest.mark.parametrize("case", SCOPES)
def test_rules_say_what_a_webhook_is_asked_about(server: Server, webhooks: Webhooks, fresh: Fresh, case: str) -> None:
    change, called = SCOPES[case]
    asked(server, webhooks, fresh(), lambda _: {}, rules=[{**CREATIONS, **change}])
    assert webhooks.paths() == ["/w"] * called


def test_a_namespaces_labels_say_whether_a_webhook_is_asked(server: Server, webhooks: Webhooks, fresh: Fresh) -> None:
    inside, outside = fresh(), fresh()
    labels = {"watched": inside}
    for name, own in ((inside, labels), (outside, {})):
        server.good("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": own}})
    selector = {"namespaceSelector": {"matchExpressions": [{"key": "watched", "operator": "In", "values": [inside]}]}}
    label = {"objectSelector": {"matchLabels": {"case": inside}}}
    webhooks.configure(server, fresh(), {"path": "/w", **selector, **label})
    for name in (inside, outside):
        server.good("POST", f"/api/v1/namespaces/{name}/configmaps", a_map(inside))
    assert [request["namespace"] for _, request in webhooks.seen] == [inside]


def test_a_change_is_asked_about_if_the_old_or_the_new_labels_are_selected(
    server: Server, webhooks: Webhooks, fresh: Fresh
) -> None:
    rule = {**CREATIONS, "operations": ["UPDATE"]}
    webhooks.configure(server, name := fresh(), {"path": "/w", "rules": [rule]})
    path = f"{MAPS}/{server.good('POST', MAPS, a_map(name)).body['metadata']['name']}"
    server.good("PATCH", path, {"metadata": {"labels": {"case": "other"}}}, MERGE)
    server.good("PATCH", path, {"data": {"c": "d"}}, MERGE)
    assert len(webhooks.seen) == 1


def test_a_review_says_who_does_what_with_which_object(server: Server, webhooks: Webhooks, fresh: Fresh) -> None:
    rule = {**CREATIONS, "operations": ["CREATE", "UPDATE", "DELETE"]}
    webhooks.configure(server, name := fresh(), {"path": "/w", "rules": [rule]})
    created = server.good("POST", MAPS, a_map(name)).body["metadata"]["name"]
    server.good("PATCH", f"{MAPS}/{created}", {"data": {"c": "d"}}, MERGE)
    server.good("DELETE", f"{MAPS}/{created}")
    requests = [request for _, request in webhooks.seen]
    assert [request["operation"] for request in requests] == ["CREATE", "UPDATE", "DELETE"]
    assert [request["options"]["kind"] for request in requests] == ["CreateOptions", "UpdateOptions", "DeleteOptions"]
    kind = {"group": "", "version": "v1", "kind": "ConfigMap"}
    resource = {"group": "", "version": "v1", "resource": "configmaps"}
    for request in requests:
        assert (request["kind"], request["requestKind"]) == (kind, kind)
        assert (request["resource"], request["requestResource"]) == (resource, resource)
        assert (request["namespace"], request["name"], request["dryRun"]) == ("default", created, False)
        assert {"system:masters", "system:authenticated"} <= set(request["userInfo"]["groups"])
    held = [((request["oldObject"] or {}).get("data"), (request["object"] or {}).get("data")) for request in requests]
    assert held == [(None, {"a": "b"}), ({"a": "b"}, {"a": "b", "c": "d"}), ({"a": "b", "c": "d"}, None)]


def test_mutating_webhooks_come_before_a_generated_name_and_a_uid(
    server: Server, webhooks: Webhooks, fresh: Fresh
) -> None:
    webhooks.configure(server, name := fresh(), {"path": "/w"}, kind="Mutating")
    server.good("POST", MAPS, a_map(name))
    [(_, request)] = webhooks.seen
    assert "name" not in request and not {"name", "uid", "creationTimestamp"} & set(request["object"]["metadata"])


def test_an_object_that_a_webhook_names_takes_nobodys_place(server: Server, webhooks: Webhooks, fresh: Fresh) -> None:
    name = fresh()
    held = server.good("POST", MAPS, {"metadata": {"name": f"{name}-held"}}).body
    webhooks.answers["/w"] = lambda _: a_patch({"op": "add", "path": "/metadata/name", "value": f"{name}-held"})
    webhooks.configure(server, name, {"path": "/w"}, kind="Mutating")
    answer = server.call("POST", MAPS, a_map(name))
    assert (answer.code, answer.body["reason"]) == (409, "AlreadyExists")
    assert server.good("GET", f"{MAPS}/{name}-held").body == held


def test_no_webhook_moves_an_object(server: Server, webhooks: Webhooks, fresh: Fresh) -> None:
    name = fresh()
    created = server.good("POST", MAPS, a_map(name)).body["metadata"]["name"]
    webhooks.answers["/space"] = lambda _: a_patch(
        {"op": "replace", "path": "/metadata/namespace", "value": "kube-system"}
    )
    webhooks.answers["/name"] = lambda _: a_patch({"op": "replace", "path": "/metadata/name", "value": f"{name}-other"})
    updates = {"path": "/name", "rules": [{**CREATIONS, "operations": ["UPDATE"]}]}
    webhooks.configure(server, name, {"path": "/space"}, updates, kind="Mutating")
    assert server.call("POST", MAPS, a_map(name)).code == 400
    moved = server.call("PATCH", f"{MAPS}/{created}", {"data": {"c": "d"}}, MERGE)
    assert moved.code == 422 and "name" in moved.body["message"], moved.body
    assert server.call("GET", f"{MAPS}/{name}-other").code == 404
    assert server.good("GET", f"{MAPS}/{created}").body["data"] == {"a": "b"}


def test_the_account_that_a_webhook_gives_a_pod_is_looked_for(server: Server, webhooks: Webhooks, fresh: Fresh) -> None:
    webhooks.answers["/w"] = lambda _: a_patch({"op": "replace", "path": "/spec/serviceAccountName", "value": "nobody"})
    pods = {"path": "/w", "rules": [{**CREATIONS, "resources": ["configmaps", "pods"]}]}
    webhooks.configure(server, name := fresh(), pods, kind="Mutating")
    spec = {"containers": [{"name": "a", "image": "i:1"}]}
    pod = {"metadata": {"name": name, "labels": {"case": name}}, "spec": spec}
    answer = server.call("POST", f"{SPACE}/pods", pod)
    why = 'error looking up service account default/nobody: serviceaccount "nobody" not found'
    assert (answer.code, answer.body["message"]) == (403, f'pods "{name}" is forbidden: {why}')


def test_mutating_webhooks_are_asked_about_deletions_but_cannot_change_anything(
    server: Server, webhooks: Webhooks, fresh: Fresh
) -> None:
    rule = {**CREATIONS, "operations": ["DELETE"]}
    webhooks.configure(server, name := fresh(), {"path": "/w", "rules": [rule]}, kind="Mutating")
    path = f"{MAPS}/{server.good('POST', MAPS, a_map(name)).body['metadata']['name']}"
    webhooks.answers["/w"] = lambda _: {"allowed": False, "status": {"message": "not yet"}}
    denied = server.call("DELETE", path)
    said = f'admission webhook "w0.{name}.example.com" '
    assert (denied.code, denied.body["message"]) == (400, f"{said}denied the request: not yet")
    webhooks.answers["/w"] = lambda _: a_patch({"op": "add", "path": "/metadata", "value": {}})
    failed = server.call("DELETE", path)
    unsupported = f"{said}attempted to modify the object, which is not supported for this operation"
    assert (failed.code, failed.body["message"]) == (500, f"Internal error occurred: {unsupported}")
    del webhooks.answers["/w"]
    assert server.good("DELETE", path).body["status"] == "Success"


def test_a_dry_run_is_asked_about_and_says_so(server: Server, webhooks: Webhooks, fresh: Fresh) -> None:
    webhooks.configure(server, name := fresh(), {"path": "/w", "sideEffects": "NoneOnDryRun"})
    server.good("POST", MAPS, a_map(name), dryRun="All")
    assert [request["dryRun"] for _, request in webhooks.seen] == [True]


def test_a_status_is_asked_about_as_a_subresource(
    server: Server, webhooks: Webhooks, fresh: Fresh, pizzas: str
) -> None:
    rule = {
        "operations": ["*"],
        "apiGroups": ["food.example.com"],
        "apiVersions": ["*"],
        "resources": ["pizzas/status"],
    }
    name = fresh()
    webhooks.configure(server, name, {"path": "/w", "rules": [rule]})
    body = {"apiVersion": "food.example.com/v1", "kind": "Pizza", "spec": {"size": 1}}
    server.good("POST", pizzas, {**body, "metadata": {"name": name, "labels": {"case": name}}})
    server.good("PATCH", f"{pizzas}/{name}", {"spec": {"size": 2}}, MERGE)
    server.good("PATCH", f"{pizzas}/{name}/status", {"status": {"eaten": True}}, MERGE)
    [(_, request)] = webhooks.seen
    assert (request["subResource"], request["object"]["status"]) == ("status", {"eaten": True})


def test_a_mutated_object_of_a_custom_kind_is_checked_by_its_schema(
    server: Server, webhooks: Webhooks, fresh: Fresh, pizzas: str
) -> None:
    rule = {"operations": ["CREATE"], "apiGroups": ["food.example.com"], "apiVersions": ["v1"], "resources": ["pizzas"]}
    webhooks.answers["/w"] = lambda _: a_patch({"op": "replace", "path": "/spec/size", "value": 51})
    webhooks.configure(server, name := fresh(), {"path": "/w", "rules": [rule]}, kind="Mutating")
    body = {"apiVersion": "food.example.com/v1", "kind": "Pizza", "spec": {"size": 1}}
    answer = server.call("POST", pizzas, {**body, "metadata": {"name": name, "labels": {"case": name}}})
    assert answer.code == 422 and {field for field, _, _ in answer.causes} == {"spec.size"}


def test_a_configuration_gets_its_defaults(server: Server, webhooks: Webhooks, fresh: Fresh) -> None:
    service = {"clientConfig": {"service": {"name": "a", "namespace": "b"}}, "objectSelector": None}
    body = configuration("Mutating", name := fresh(), [webhooks.complete(name, 0, {"path": "/w", **service})])
    [webhook] = server.good("POST", f"{CONFIGURATIONS}/mutatingwebhookconfigurations", body).body["webhooks"]
    assert webhook["clientConfig"] == {"service": {"name": "a", "namespace": "b", "port": 443}}
    assert webhook["rules"] == [{**CREATIONS, "scope": "*"}]
    assert {key: value for key, value in webhook.items() if key not in ("clientConfig", "rules", "name")} == {
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "reinvocationPolicy": "Never",
        "sideEffects": "None",
        "timeoutSeconds": 10,
    }


CONDITION = "matchConditions[0].expression"
BAD: dict[str, tuple[Json, str, str, str]] = {
    "side effects": (
        {"sideEffects": "Some"},
        "sideEffects",
        "NotSupported",
        'supported values: "None", "NoneOnDryRun"',
    ),
    "no version": ({"admissionReviewVersions": []}, "admissionReviewVersions", "Required", "must specify one of v1"),
    "another version": (
        {"admissionReviewVersions": ["v9"]},
        "admissionReviewVersions",
        "Invalid",
        'Invalid value: ["v9"]: must include at least one of v1, v1beta1',
    ),
    "too much time": ({"timeoutSeconds": 31}, "timeoutSeconds", "Invalid", "must be between 1 and 30 seconds"),
    "an unknown policy": ({"failurePolicy": "Maybe"}, "failurePolicy", "NotSupported", '"Fail", "Ignore"'),
    "an unknown operation": (
        {"rules": [{**CREATIONS, "operations": ["SING"]}]},
        "rules[0].operations[0]",
        "NotSupported",
        'supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
    ),
    "all operations and one": (
        {"rules": [{**CREATIONS, "operations": ["*", "CREATE"]}]},
        "rules[0].operations",
        "Invalid",
        "if '*' is present, must not specify other operations",
    ),
    "an unknown scope": (
        {"rules": [{**CREATIONS, "scope": "Planet"}]},
        "rules[0].scope",
        "NotSupported",
        'supported values: "*", "Cluster", "Namespaced"',
    ),
    "no TLS": (
        {"clientConfig": {"url": "http://x"}},
        "clientConfig.url",
        "Invalid",
        "'https' is the only allowed URL scheme",
    ),
    "no address": ({"clientConfig": {}}, "clientConfig", "Required", "exactly one of url or service is required"),
    "a short name": ({"name": "short"}, "name", "Invalid", "should be a domain with at least three segments"),
    "a condition that ends early": (
        {"matchConditions": [{"name": "c", "expression": "object.data.a =="}]},
        CONDITION,
        "Invalid",
        "compilation failed: ERROR: <input>:1:17: Syntax error",
    ),
    "a condition that is no question": (
        {"matchConditions": [{"name": "c", "expression": "1"}]},
        CONDITION,
        "Invalid",
        "must evaluate to bool but got int",
    ),
    "two conditions of one name": (
        {"matchConditions": [{"name": "c", "expression": "true"}, {"name": "c", "expression": "false"}]},
        "matchConditions[1].name",
        "Duplicate",
        'Duplicate value: "c"',
    ),
    "65 conditions": (
        {"matchConditions": [{"name": f"c{number}", "expression": "true"} for number in range(65)]},
        "matchConditions",
        "TooMany",
        "Too many: 65: must have at most 64 items",
    ),
    "a condition without a name": (
        {"matchConditions": [{"expression": "true"}]},
        "matchConditions[0].name",
        "Required",
        "Required value",
    ),
    "values of what is there or not": (
        {"objectSelector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}},
        "objectSelector.matchExpressions[0].values",
        "Forbidden",
        "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ),
    "an unknown operator": (
        {"objectSelector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}},
        "objectSelector.matchExpressions[0].operator",
        "Invalid",
        'Invalid value: "Near": not a valid selector operator',
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_configuration_that_cannot_be_is_refused_by_name(
    server: Server, webhooks: Webhooks, fresh: Fresh, case: str
) -> None:
    change, field, reason, words = BAD[case]
    body = configuration("Validating", name := fresh(), [webhooks.complete(name, 0, {"path": "/w", **change})])
    answer = server.call("POST", f"{CONFIGURATIONS}/validatingwebhookconfigurations", body)
    assert answer.code == 422, answer.body
    [(place, why, text)] = answer.causes
    assert (place, why) == (f"webhooks[0].{field}", f"FieldValue{reason}") and words in text
