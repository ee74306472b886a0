"""Deletion: what it writes on an object, when the object goes, and what its answer says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contracts.kubernetes.servers import MERGE, SPACE, Answer, Json, Server, a_config_map, a_crd, a_pizza, by_version

MAPS, PODS = f"{SPACE}/configmaps", f"{SPACE}/pods"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
UID = "00000000-0000-0000-0000-000000000001"
HOLD = "example.com/hold"
Fresh = Callable[[], str]


def held(name: str) -> Json:
    document = a_config_map(name)
    document["metadata"]["finalizers"] = [HOLD]
    return document


def marks(answer: Answer) -> Json:
    """What a deletion has written."""
    metadata = answer.body["metadata"]
    assert bool(metadata.get("deletionTimestamp")) is ("deletionGracePeriodSeconds" in metadata)
    names = ("deletionGracePeriodSeconds", "finalizers", "generation")
    return {name: metadata[name] for name in names if name in metadata}


def test_an_object_that_goes_is_answered_with_a_status(server: Server, fresh: Fresh) -> None:
    name = fresh()
    uid = server.good("POST", MAPS, a_config_map(name)).body["metadata"]["uid"]
    body = server.good("DELETE", f"{MAPS}/{name}").body
    assert (body["kind"], body["status"]) == ("Status", "Success")
    assert body["details"] == {"name": name, "kind": "configmaps", "uid": uid}


def test_a_second_deletion_of_what_is_held_changes_nothing(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, held(name))
    first, second = server.good("DELETE", f"{MAPS}/{name}"), server.good("DELETE", f"{MAPS}/{name}")
    assert first.body["kind"] == "ConfigMap" and marks(first) == {"deletionGracePeriodSeconds": 0, "finalizers": [HOLD]}
    assert first.body == second.body


def test_the_name_of_what_is_held_is_not_free_yet(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, held(name))
    server.good("DELETE", f"{MAPS}/{name}")
    again = server.call("POST", MAPS, a_config_map(name))
    assert (again.code, again.body["reason"]) == (409, "AlreadyExists")
    assert again.body["message"] == f'object is being deleted: configmaps "{name}" already exists'


def test_the_last_finalizer_takes_the_object_along_and_no_deletion_is_taken_back(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, held(name))
    server.good("DELETE", f"{MAPS}/{name}")
    undone = server.good(
        "PATCH", f"{MAPS}/{name}", {"metadata": {"deletionTimestamp": None}, "data": {"a": "1"}}, MERGE
    )
    assert undone.body["metadata"]["deletionTimestamp"] and undone.body["data"] == {"a": "1"}
    last = server.good("PATCH", f"{MAPS}/{name}", {"metadata": {"finalizers": []}}, MERGE)
    assert marks(last) == {"deletionGracePeriodSeconds": 0}
    assert server.call("GET", f"{MAPS}/{name}").code == 404


def test_a_finalizer_that_comes_too_late_is_named(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", MAPS, held(name))
    server.good("DELETE", f"{MAPS}/{name}")
    late = server.call("PATCH", f"{MAPS}/{name}", {"metadata": {"finalizers": ["example.com/late"]}}, MERGE)
    cause, *again = late.body["details"]["causes"]
    assert again == by_version(server, newest=[], oldest=[cause])
    assert (late.code, cause["reason"], cause["field"]) == (422, "FieldValueForbidden", "metadata.finalizers")
    assert cause["message"].endswith('found new finalizers []string{"example.com/late"}')


UNMET = {
    "uid": (UID, "the UID in the precondition ({}) does not match the UID in record", "deleted and then recreated"),
    "resourceVersion": (
        "1",
        "the ResourceVersion in the precondition ({}) does not match the ResourceVersion in record",
        "modified",
    ),
}


@pytest.mark.parametrize("field", UNMET)
def test_a_precondition_that_is_not_met_says_what_was_asked(server: Server, fresh: Fresh, field: str) -> None:
    asked, words, end = UNMET[field]
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    body = server.call("DELETE", f"{MAPS}/{name}", {"preconditions": {field: asked}}).body
    start = f'Operation cannot be fulfilled on ConfigMap "{name}": {words.format(asked)}'
    assert body["message"].startswith(start) and body["message"].endswith(f"The object might have been {end}")
    assert body["details"] == {"name": name, "kind": "ConfigMap"}


def test_preconditions_that_are_met_delete(server: Server, fresh: Fresh) -> None:
    name = fresh()
    metadata = server.good("POST", MAPS, a_config_map(name)).body["metadata"]
    wanted = {field: metadata[field] for field in ("uid", "resourceVersion")}
    server.good("DELETE", f"{MAPS}/{name}", {"preconditions": wanted})
    assert server.call("GET", f"{MAPS}/{name}").code == 404


def test_the_next_object_of_a_name_is_another(server: Server, fresh: Fresh) -> None:
    name = fresh()
    first = server.good("POST", MAPS, a_config_map(name)).body
    server.good("DELETE", f"{MAPS}/{name}")
    second = server.good("POST", MAPS, a_config_map(name)).body
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    late = server.call("PUT", f"{MAPS}/{name}", {**first, "metadata": {"name": name, "uid": first["metadata"]["uid"]}})
    assert (late.code, late.body["reason"]) == (409, "Conflict") and "Precondition failed: UID" in late.body["message"]


def test_a_collection_answers_with_what_it_deletes(server: Server, fresh: Fresh) -> None:
    name = fresh()
    for number in range(3):
        server.good("POST", MAPS, a_config_map(f"{name}-{number}", {"gone": name}))
    query = {"labelSelector": f"gone={name}"}
    assert len(server.good("DELETE", MAPS, **query, dryRun="All").body["items"]) == 3
    page = server.good("DELETE", MAPS, **query, limit="2").body
    assert page["kind"] == "ConfigMapList" and page["metadata"].keys() == {"resourceVersion", "continue"}
    assert [item["metadata"]["name"] for item in page["items"]] == [f"{name}-0", f"{name}-1"]
    left = server.good("GET", MAPS, **query).body["items"]
    assert [item["metadata"]["name"] for item in left] == [f"{name}-2"]
    unmet = server.call("DELETE", MAPS, {"preconditions": {"uid": UID}}, **query)
    assert (unmet.code, unmet.body["reason"]) == (409, "Conflict")


def test_a_collection_is_deleted_in_one_namespace(server: Server) -> None:
    for method in ("DELETE", "POST"):
        answer = server.call(method, "/api/v1/configmaps", {})
        assert (answer.code, answer.body["reason"]) == (405, "MethodNotAllowed")


def test_a_policy_is_said_in_one_way(server: Server, fresh: Fresh) -> None:
    options = {"orphanDependents": True, "propagationPolicy": "Background"}
    answer = server.call("DELETE", f"{MAPS}/{fresh()}", options)
    assert (answer.code, answer.body["details"]["causes"][0]["field"]) == (422, "propagationPolicy")


def test_what_owns_nothing_goes_by_every_policy(server: Server, fresh: Fresh) -> None:
    """In foreground and as an orphan's owner a moment later: somebody has to look first."""
    for policy, finalizers in (("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"]), ("Background", None)):
        name = fresh()
        server.good("POST", MAPS, a_config_map(name))
        answer = server.good("DELETE", f"{MAPS}/{name}", {"propagationPolicy": policy})
        assert answer.body["metadata"].get("finalizers") == finalizers
        with server.watch(MAPS, fieldSelector=f"metadata.name={name}", resourceVersion="0") as events:
            while server.call("GET", f"{MAPS}/{name}").code != 404:
                next(events)


@pytest.fixture
def pod(server: Server, fresh: Fresh) -> str:
    """The path of a pod on a node that nobody runs."""
    name = fresh()
    spec = {"containers": [{"name": "a", "image": "i:1"}], "terminationGracePeriodSeconds": 20, "nodeName": f"n-{name}"}
    server.good("POST", PODS, {"metadata": {"name": name}, "spec": spec})
    return f"{PODS}/{name}"


def test_a_pod_gets_its_time_and_never_more(server: Server, pod: str) -> None:
    """Its generation rises once; a shorter time is a change, a longer one is not."""
    seen = [marks(server.good("DELETE", pod, {"gracePeriodSeconds": seconds})) for seconds in (None, 25, 5)]
    assert [mark["deletionGracePeriodSeconds"] for mark in seen] == [20, 20, 5]
    assert [mark["generation"] for mark in seen] == [2, 2, 2]


def test_a_pod_that_is_deleted_at_once_is_answered_as_it_ended(server: Server, pod: str) -> None:
    answer = server.good("DELETE", pod, {"gracePeriodSeconds": 0})
    assert answer.body["kind"] == "Pod" and marks(answer) == {"deletionGracePeriodSeconds": 0, "generation": 2}
    assert server.call("GET", pod).code == 404


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_needs_no_time(server: Server, pod: str, phase: str) -> None:
    server.good("PATCH", f"{pod}/status", {"status": {"phase": phase}}, MERGE)
    assert marks(server.good("DELETE", pod))["deletionGracePeriodSeconds"] == 0
    assert server.call("GET", pod).code == 404


def test_a_pod_without_a_node_needs_no_time(server: Server, fresh: Fresh) -> None:
    name = fresh()
    spec = {"containers": [{"name": "a", "image": "i:1"}], "schedulerName": "nobody"}
    server.good("POST", PODS, {"metadata": {"name": name}, "spec": spec})
    assert marks(server.good("DELETE", f"{PODS}/{name}"))["deletionGracePeriodSeconds"] == 0
    assert server.call("GET", f"{PODS}/{name}").code == 404


def test_a_deletion_cannot_be_written_by_its_object(server: Server, fresh: Fresh) -> None:
    name = fresh()
    document = a_config_map(name)
    claims: dict[str, Any] = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 3, "uid": UID}
    document["metadata"] |= {**claims, "creationTimestamp": "2020-01-01T00:00:00Z"}
    metadata = server.good("POST", MAPS, document).body["metadata"]
    assert metadata.keys().isdisjoint(("deletionTimestamp", "deletionGracePeriodSeconds"))
    assert metadata["uid"] != UID and not metadata["creationTimestamp"].startswith("2020")


PRESERVED = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)
SAID: dict[str, Json] = {
    "in the background": {"propagationPolicy": "Background"},
    "as orphans": {"propagationPolicy": "Orphan"},
    "as orphans, as it was said before": {"orphanDependents": True},
    "not as orphans": {"orphanDependents": False},
}


def a_job(name: str) -> Json:
    pods = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i:1"}]}}
    return {"metadata": {"name": name, "labels": {"job": name}}, "spec": {"parallelism": 0, "template": pods}}


def test_who_deletes_a_job_and_says_nothing_of_its_pods_is_told_that_they_stay(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", JOBS, a_job(name))
    assert server.good("DELETE", f"{JOBS}/{name}", {"dryRun": ["All"]}).warnings == [PRESERVED]
    assert server.good("DELETE", JOBS, {"dryRun": ["All"]}, labelSelector=f"job={name}").warnings == [PRESERVED]
    assert server.good("DELETE", JOBS, labelSelector="job=none").warnings == [PRESERVED]
    for options in SAID.values():
        assert server.good("DELETE", f"{JOBS}/{name}", {**options, "dryRun": ["All"]}).warnings == []


def test_the_pods_of_a_job_go_where_they_are_said_to_be_no_orphans(server: Server, fresh: Fresh) -> None:
    name = fresh()
    server.good("POST", JOBS, a_job(name))
    assert "finalizers" not in server.good("DELETE", f"{JOBS}/{name}", {"orphanDependents": False}).body["metadata"]


def test_the_query_of_a_deletion_counts_only_without_a_body(server: Server, fresh: Fresh) -> None:
    """Clients that send an empty DeleteOptions and a policy in the query delete by the default policy."""
    name = fresh()
    server.good("POST", MAPS, a_config_map(name))
    for body in ({"propagationPolicy": "Orphan", "dryRun": ["All"]}, {"dryRun": ["All"]}):
        answer = server.good("DELETE", f"{MAPS}/{name}", body, propagationPolicy="Foreground")
        assert answer.body.get("metadata", {}).get("finalizers") == (["orphan"] if len(body) == 2 else None)
    server.good("DELETE", f"{MAPS}/{name}", {}, dryRun="All")
    assert server.call("GET", f"{MAPS}/{name}").code == 404


PREFERRED = "prefer a domain-qualified finalizer name"
OTHERS = "to avoid accidental conflicts with other finalizer writers"


def test_a_new_finalizer_of_a_custom_object_that_others_may_choose_too_is_warned_of(
    server: Server, pizzas: str, fresh: Fresh
) -> None:
    name = fresh()
    whole = {**a_pizza(name), "metadata": {"name": name, "finalizers": ["foo", "a.b", "a.b/c", "orphan"]}}
    assert server.good("POST", pizzas, whole).warnings == [
        f'metadata.finalizers: "a.b": {PREFERRED} including a path (/) {OTHERS}',
        f'metadata.finalizers: "foo": {PREFERRED} {OTHERS}',
    ]
    place = f"{pizzas}/{name}"
    assert server.good("PATCH", place, {"metadata": {"labels": {"a": "b"}}}, MERGE).warnings == []
    more = server.good("PATCH", place, {"metadata": {"finalizers": ["foo", "bar"]}}, MERGE)
    assert more.warnings == [f'metadata.finalizers: "bar": {PREFERRED} {OTHERS}']
    server.good("PATCH", place, {"metadata": {"finalizers": None}}, MERGE)


def test_dependents_are_waited_for_or_let_go(server: Server, pizzas: str, fresh: Fresh) -> None:
    finalizers = ["orphan", "foregroundDeletion"]
    text = 'Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set'
    for path, document in ((MAPS, a_config_map(fresh())), (pizzas, a_pizza(fresh()))):
        document["metadata"]["finalizers"] = finalizers
        answer = server.call("POST", path, document)
        assert (answer.code, answer.causes) == (422, {("metadata.finalizers", "FieldValueInvalid", text)})


def test_a_definition_may_have_a_finalizer_without_a_domain(server: Server) -> None:
    crd = a_crd("bowls", "Bowl", "bw")
    crd["metadata"]["finalizers"] = ["foo"]
    assert server.good("POST", CRDS, crd, dryRun="All").warnings == []
