"""What is there although nobody has made it: the first namespaces, an account in each, and what each pod is given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contracts.kubernetes.jobs import JOBS, active, start
from contracts.kubernetes.servers import MERGE, SPACE, Json, Server, until

NAMESPACES = "/api/v1/namespaces"
ACCOUNTS = "serviceaccounts"
CONTAINERS = [{"name": "a", "image": "i:1"}]
PRIORITY = {"priority": 0, "preemptionPolicy": "PreemptLowerPriority"}
PATIENCE = [
    {"key": f"node.kubernetes.io/{trouble}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for trouble in ("not-ready", "unreachable")
]


def accounts(server: Server, namespace: str) -> dict[str, str]:
    """Names and uids."""
    found = server.good("GET", f"{NAMESPACES}/{namespace}/{ACCOUNTS}").body["items"]
    return {account["metadata"]["name"]: account["metadata"]["uid"] for account in found}


def test_the_first_namespaces_are_there(server: Server) -> None:
    names = {found["metadata"]["name"] for found in server.good("GET", NAMESPACES).body["items"]}
    assert names >= {"default", "kube-node-lease", "kube-public", "kube-system"}
    for name in ("default", "kube-public"):
        until(lambda name=name: "default" in accounts(server, name))


def test_each_namespace_has_an_account_as_long_as_it_stands(server: Server, fresh: Callable[[], str]) -> None:
    name = fresh()
    server.good("POST", NAMESPACES, {"metadata": {"name": name}})
    first = until(lambda: accounts(server, name))
    assert list(first) == ["default"]
    server.good("DELETE", f"{NAMESPACES}/{name}/{ACCOUNTS}/default")
    second = until(lambda: accounts(server, name))
    assert list(second) == ["default"] and second != first
    server.good("DELETE", f"{NAMESPACES}/{name}")
    until(lambda: server.call("GET", f"{NAMESPACES}/{name}").code == 404)


def test_a_trial_run_makes_no_account(server: Server, fresh: Callable[[], str]) -> None:
    name = fresh()
    server.good("POST", NAMESPACES, {"metadata": {"name": name}}, dryRun="All")
    assert accounts(server, name) == {}


def tolerating(*entries: Json) -> Json:
    return {"tolerations": list(entries)}


EVERYTHING = {"operator": "Exists"}
HURRY = {**PATIENCE[0], "tolerationSeconds": 1}
OTHER = {"key": PATIENCE[1]["key"], "operator": "Exists", "effect": "NoSchedule"}
GIVEN: dict[str, tuple[Json, Json]] = {
    "nothing": ({}, tolerating(*PATIENCE)),
    "everything": (tolerating(EVERYTHING), tolerating(EVERYTHING)),
    "one trouble": (tolerating(HURRY), tolerating(HURRY, PATIENCE[1])),
    "another effect": (tolerating(OTHER), tolerating(OTHER, *PATIENCE)),
    "never preempting": ({"preemptionPolicy": "PreemptLowerPriority"}, tolerating(*PATIENCE)),
}


@pytest.mark.parametrize("case", GIVEN)
def test_a_pod_is_given_an_account_a_priority_and_patience(server: Server, fresh: Callable[[], str], case: str) -> None:
    more, expected = GIVEN[case]
    document = {"metadata": {"name": fresh()}, "spec": {"containers": CONTAINERS, **more}}
    spec = server.good("POST", f"{SPACE}/pods", document, dryRun="All").body["spec"]
    account = {"serviceAccountName": "default", "serviceAccount": "default"}
    wanted = {**PRIORITY, **account, **expected}
    assert {field: spec.get(field) for field in wanted} == wanted


@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
def test_an_account_has_two_names(server: Server, fresh: Callable[[], str], field: str) -> None:
    """Also in a template, which is given none."""
    name = fresh()
    server.good("POST", f"{SPACE}/{ACCOUNTS}", {"metadata": {"name": name}})
    spec = {"containers": CONTAINERS, "restartPolicy": "Never", field: name}
    pod = server.good("POST", f"{SPACE}/pods", {"metadata": {"name": name}, "spec": spec}, dryRun="All").body
    jobs = "/apis/batch/v1/namespaces/default/jobs"
    job = {"metadata": {"name": name}, "spec": {"template": {"spec": spec}}}
    made = server.good("POST", jobs, job, dryRun="All").body
    server.good("DELETE", f"{SPACE}/{ACCOUNTS}/{name}")
    for found in (pod["spec"], made["spec"]["template"]["spec"]):
        assert (found["serviceAccountName"], found["serviceAccount"]) == (name, name)
    del spec[field]
    bare = server.good("POST", jobs, job, dryRun="All").body["spec"]["template"]["spec"]
    assert not {"serviceAccountName", "serviceAccount", "tolerations", "priority"} & bare.keys()


@pytest.mark.parametrize(
    "metadata", [{"name": "nosa"}, {"generateName": "nosa-"}, {}], ids=["named", "generated", "bare"]
)
def test_a_pod_of_an_account_that_is_not_there_is_refused(server: Server, metadata: Json) -> None:
    """Whatever else is wrong with it; a template is not looked at."""
    spec = {"containers": [], "restartPolicy": "Never", "serviceAccountName": "nobody"}
    for query in ({}, {"dryRun": "All"}):
        answer = server.call("POST", f"{SPACE}/pods", {"metadata": metadata, "spec": spec}, **query)
        name = next(iter(metadata.values()), "Unknown")
        why = 'error looking up service account default/nobody: serviceaccount "nobody" not found'
        assert (answer.code, answer.body["reason"]) == (403, "Forbidden")
        assert answer.body["message"] == f'pods "{name}" is forbidden: {why}'
        assert answer.body["details"] == {"name": name, "kind": "pods"}
    template = {"spec": {**spec, "containers": CONTAINERS}}
    job = {"metadata": {"name": "nosa"}, "spec": {"template": template}}
    server.good("POST", "/apis/batch/v1/namespaces/default/jobs", job, dryRun="All")


def test_a_pod_is_let_in_while_its_account_comes_back(server: Server, fresh: Callable[[], str]) -> None:
    """A cluster waits a moment for the one that each namespace has."""
    name = fresh()
    server.good("POST", NAMESPACES, {"metadata": {"name": name}})
    until(lambda: accounts(server, name))
    server.good("DELETE", f"{NAMESPACES}/{name}/{ACCOUNTS}/default")
    server.good("POST", f"{NAMESPACES}/{name}/pods", {"metadata": {"name": name}, "spec": {"containers": CONTAINERS}})
    server.good("DELETE", f"{NAMESPACES}/{name}/pods/{name}", gracePeriodSeconds="0")
    server.good("DELETE", f"{NAMESPACES}/{name}")


def test_a_pod_needs_its_account_only_when_it_is_made(server: Server, fresh: Callable[[], str]) -> None:
    name = fresh()
    server.good("POST", f"{SPACE}/{ACCOUNTS}", {"metadata": {"name": name}})
    spec = {"containers": CONTAINERS, "serviceAccountName": name, "schedulerName": "nobody"}
    server.good("POST", f"{SPACE}/pods", {"metadata": {"name": name}, "spec": spec})
    server.good("DELETE", f"{SPACE}/{ACCOUNTS}/{name}")
    server.good("PATCH", f"{SPACE}/pods/{name}", {"metadata": {"labels": {"a": "b"}}}, MERGE)
    server.good("DELETE", f"{SPACE}/pods/{name}", gracePeriodSeconds="0")


def test_a_job_waits_for_its_account(working: Server, fresh: Callable[[], str]) -> None:
    name = fresh()
    start(working, name, pod={"serviceAccountName": name})
    events = f"{SPACE}/events"
    told = until(lambda: working.good("GET", events, fieldSelector=f"involvedObject.name={name}").body["items"])
    missing = f'error looking up service account default/{name}: serviceaccount "{name}" not found'
    assert told[0]["reason"] == "FailedCreate" and missing in told[0]["message"]
    working.good("POST", f"{SPACE}/{ACCOUNTS}", {"metadata": {"name": name}})
    active(working, name, 1)
    working.good("DELETE", f"{JOBS}/{name}", propagationPolicy="Background")
    working.good("DELETE", f"{SPACE}/{ACCOUNTS}/{name}")
