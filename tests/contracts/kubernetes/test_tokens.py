"""Tokens of service accounts: who they speak for, for how long, and of what they are the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from contracts.kubernetes.servers import SPACE, Answer, Server
from laptops import eventually

Json = dict[str, Any]
REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW_BODY = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


def ask(server: Server, account: str, **spec: Any) -> Answer:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    return server.call("POST", f"{SPACE}/serviceaccounts/{account}/token", body)


def said_of(server: Server, token: str) -> Answer:
    """Who the server takes the bearer of a token for."""
    return server.bearing(token).call("POST", REVIEW, REVIEW_BODY)


@pytest.fixture
def account(server: Server, fresh: Callable[[], str]) -> str:
    name = fresh()
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
    server.good("POST", f"{SPACE}/serviceaccounts", body)
    return name


def test_the_bearer_of_a_token_is_the_service_account(server: Server, account: str) -> None:
    answer = ask(server, account)
    assert answer.code == 201 and answer.body["kind"] == "TokenRequest"
    user = said_of(server, answer.body["status"]["token"]).body["status"]["userInfo"]
    assert user["username"] == f"system:serviceaccount:default:{account}"
    assert {"system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"} <= set(user["groups"])


def test_a_token_says_when_it_ends(server: Server, account: str) -> None:
    status = ask(server, account, expirationSeconds=7200).body["status"]
    ends_at = datetime.fromisoformat(status["expirationTimestamp"])
    assert 7000 < (ends_at - datetime.now(UTC)).total_seconds() <= 7200


def test_a_token_for_others_is_not_for_the_server(server: Server, account: str) -> None:
    answer = ask(server, account, audiences=["vault"])
    assert answer.body["spec"]["audiences"] == ["vault"]
    assert said_of(server, answer.body["status"]["token"]).code == 401


@pytest.mark.parametrize("change", [lambda token: token[:-4] + "AAAA", lambda token: "", lambda token: "a.b.c"])
def test_a_token_that_the_server_did_not_sign_is_nobodys(
    server: Server, account: str, change: Callable[[str], str]
) -> None:
    token = ask(server, account).body["status"]["token"]
    assert said_of(server, change(token)).code == 401


def test_a_token_ends_with_its_service_account(server: Server, account: str) -> None:
    token = ask(server, account).body["status"]["token"]
    server.good("DELETE", f"{SPACE}/serviceaccounts/{account}")
    assert said_of(server, token).code == 401


def test_a_token_ends_with_the_pod_that_it_is_bound_to(server: Server, account: str, fresh: Callable[[], str]) -> None:
    name = fresh()
    pod: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
    pod["spec"] = {"containers": [{"name": "main", "image": "i"}], "schedulerName": "nobody"}
    pod["spec"]["serviceAccountName"] = account
    uid = server.good("POST", f"{SPACE}/pods", pod).body["metadata"]["uid"]
    bound = {"kind": "Pod", "apiVersion": "v1", "name": name, "uid": uid}
    token = ask(server, account, boundObjectRef=bound).body["status"]["token"]
    assert said_of(server, token).code == 201
    assert ask(server, account, boundObjectRef={**bound, "uid": "another"}).code == 409
    refused = ask(server, "default", boundObjectRef=bound)
    assert refused.code == 400 and "pod running with different serviceaccount name" in refused.body["message"]
    assert ask(server, account, boundObjectRef={**bound, "kind": "ConfigMap"}).code == 400
    server.good("DELETE", f"{SPACE}/pods/{name}", gracePeriodSeconds="0")
    eventually(lambda: said_of(server, token).code == 401)  # Kubernetes remembers for ten seconds whom it has let in
    assert ask(server, account, boundObjectRef=bound).code == 404


def test_a_token_of_no_service_account_is_refused(server: Server) -> None:
    answer = ask(server, "nobody")
    assert answer.code == 404 and answer.body["message"] == 'serviceaccounts "nobody" not found'


LASTING = {0: "less than 10 minutes", 599: "less than 10 minutes", 2**32 + 1: "larger than 2^32 seconds"}


@pytest.mark.parametrize("seconds", LASTING)
def test_a_token_lasts_ten_minutes_or_more_and_not_for_ever(server: Server, account: str, seconds: int) -> None:
    answer = ask(server, account, expirationSeconds=seconds)
    text = f"Invalid value: {seconds}: may not specify a duration {LASTING[seconds]}"
    assert (answer.code, answer.causes) == (422, {("spec.expirationSeconds", "FieldValueInvalid", text)})


def test_who_wishes_nothing_of_a_token_is_told_what_it_is(server: Server, account: str) -> None:
    answer = server.good("POST", f"{SPACE}/serviceaccounts/{account}/token", {})
    assert (answer.body["apiVersion"], answer.body["kind"]) == ("authentication.k8s.io/v1", "TokenRequest")
    assert answer.body["metadata"]["name"] == account and answer.body["metadata"]["namespace"] == "default"
    assert answer.body["spec"]["expirationSeconds"] == 3600
    assert answer.body["spec"]["audiences"] == ["https://kubernetes.default.svc"]


NONSENSE: dict[str, tuple[Json, int, str]] = {
    "another account": ({"metadata": {"name": "x"}}, 422, "must match the service account name if specified"),
    "another namespace": ({"metadata": {"namespace": "x"}}, 400, "does not match the namespace sent on the request"),
    "another kind": ({"apiVersion": "v1", "kind": "ConfigMap"}, 400, "ConfigMap"),
    "a span that is a text": ({"spec": {"expirationSeconds": "1h"}}, 400, "cannot be handled as a TokenRequest"),
    "a pod without a name": ({"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod"}}}, 400, "Name parameter"),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_no_token_is_made_for(server: Server, account: str, case: str) -> None:
    more, code, words = NONSENSE[case]
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", **more}
    answer = server.call("POST", f"{SPACE}/serviceaccounts/{account}/token", body)
    assert answer.code == code and words in answer.body["message"]


def test_a_token_is_made_and_not_read(server: Server, account: str) -> None:
    answer = server.call("GET", f"{SPACE}/serviceaccounts/{account}/token")
    assert (answer.code, answer.body["reason"]) == (405, "MethodNotAllowed")


def test_kubectl_makes_a_token(server: Server, account: str) -> None:
    done = server.kubectl("create", "token", account, "--duration=20m")
    assert done.returncode == 0, done.stderr
    assert account in json.dumps(said_of(server, done.stdout.strip()).body)
