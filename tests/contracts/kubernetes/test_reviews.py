"""Reviews: what who asks may do, and everybody else; and the paths that there are."""

from __future__ import annotations

import pytest
from contracts.kubernetes.servers import Json, Server

AUTHORIZATION = "/apis/authorization.k8s.io/v1"
LOCAL = "namespaces/default/localsubjectaccessreviews"
OWN, OTHERS = "selfsubjectaccessreviews", "subjectaccessreviews"
PODS: Json = {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}
ROOT: Json = {"nonResourceAttributes": {"path": "/", "verb": "get"}}
MASTER: Json = {"user": "x", "groups": ["system:masters"]}
ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
NOTHING = ("spec", "FieldValueInvalid", f"Invalid value: null: {ONE}")
NOBODY = ("spec.user", "FieldValueInvalid", 'Invalid value: "": at least one of user or group must be specified')

TAKEN = {
    "what one may do oneself": (OWN, PODS),
    "where one may go oneself": (OWN, ROOT),
    "what a master may do": (OTHERS, {**PODS, **MASTER}),
    "what a master may do here": (LOCAL, {**PODS, **MASTER}),
}


@pytest.mark.parametrize("case", TAKEN)
def test_who_may_do_everything_is_told_so(server: Server, case: str) -> None:
    plural, spec = TAKEN[case]
    answer = server.call("POST", f"{AUTHORIZATION}/{plural}", {"spec": spec})
    assert (answer.code, answer.body["spec"], answer.body["status"]["allowed"]) == (201, spec, True)
    assert answer.body["metadata"].get("namespace") == ("default" if plural == LOCAL else None)


BOTH = ("spec", "FieldValueInvalid", f'Invalid value: {{"Path":"/","Verb":"get"}}: {ONE}')
ELSEWHERE = (
    "spec.resourceAttributes.namespace",
    "FieldValueInvalid",
    'Invalid value: "elsewhere": must match metadata.namespace',
)
NO_PATH = (
    "spec.nonResourceAttributes",
    "FieldValueInvalid",
    'Invalid value: {"Path":"/","Verb":"get"}: disallowed on this kind of request',
)
REFUSED = {
    "nothing": (OWN, {}, {NOTHING}),
    "two things": (OWN, {**PODS, **ROOT}, {BOTH}),
    "of nobody": (OTHERS, PODS, {NOBODY}),
    "nothing of nobody": (OTHERS, {}, {NOTHING, NOBODY}),
    "nothing of nobody here": (LOCAL, {}, {NOTHING, NOBODY}),
    "another namespace": (
        LOCAL,
        {"resourceAttributes": {**PODS["resourceAttributes"], "namespace": "elsewhere"}, **MASTER},
        {ELSEWHERE},
    ),
    "a path in a namespace": (LOCAL, {**ROOT, **MASTER}, {NO_PATH}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_who_asks_for_what_cannot_be_told_is_refused(server: Server, case: str) -> None:
    plural, spec, causes = REFUSED[case]
    answer = server.call("POST", f"{AUTHORIZATION}/{plural}", {"spec": spec})
    assert (answer.code, answer.body["reason"], answer.causes) == (422, "Invalid", causes)
    assert answer.body["message"].startswith('.authorization.k8s.io "" is invalid: ')


def test_a_review_has_no_name_and_a_spec(server: Server) -> None:
    answer = server.call("POST", f"{AUTHORIZATION}/{OWN}", {"metadata": {"name": "x"}, "spec": PODS})
    assert (answer.code, [field for field, _, _ in answer.causes]) == (422, ["metadata"])
    assert server.call("POST", f"{AUTHORIZATION}/{OWN}", {"spec": "x"}).code == 400
    assert server.call("GET", f"{AUTHORIZATION}/{OWN}").code == 405


def test_all_rights_in_a_namespace_are_listed(server: Server) -> None:
    path = f"{AUTHORIZATION}/selfsubjectrulesreviews"
    rules = server.good("POST", path, {"spec": {"namespace": "default"}}).body["status"]
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    assert everything in rules["resourceRules"]
    assert {"verbs": ["*"], "nonResourceURLs": ["*"]} in rules["nonResourceRules"]
    answer = server.call("POST", path, {"spec": {}})
    assert (answer.code, answer.body["message"]) == (400, "no namespace on request")


def test_kubectl_asks_what_one_may_do(server: Server) -> None:
    assert server.kubectl("auth", "can-i", "delete", "pods").stdout == "yes\n"
    listed = [line.split() for line in server.kubectl("auth", "can-i", "--list").stdout.splitlines()]
    assert ["*.*", "[]", "[]", "[*]"] in listed


def test_reviews_are_offered(server: Server) -> None:
    offered = server.good("GET", AUTHORIZATION).body["resources"]
    told = {(entry["name"], entry["singularName"], entry["namespaced"], *entry["verbs"]) for entry in offered}
    assert told == {
        ("localsubjectaccessreviews", "localsubjectaccessreview", True, "create"),
        ("selfsubjectaccessreviews", "selfsubjectaccessreview", False, "create"),
        ("selfsubjectrulesreviews", "selfsubjectrulesreview", False, "create"),
        ("subjectaccessreviews", "subjectaccessreview", False, "create"),
    }


def test_the_root_lists_paths(server: Server) -> None:
    listed = server.good("GET", "/").body["paths"]
    groups = ("apps", "batch", "authorization.k8s.io", "apiextensions.k8s.io")
    wanted = {"/api", "/api/v1", "/apis", "/apis/", "/healthz", "/livez/ping", "/metrics", "/openapi/v3", "/version"}
    wanted |= {f"/apis/{group}{version}" for group in groups for version in ("", "/v1")}
    assert wanted <= set(listed) and listed == sorted(listed)
