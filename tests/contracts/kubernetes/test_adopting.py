"""What the controllers of workloads take in and let go by its labels, without a node."""

from __future__ import annotations

from typing import Any

import pytest
from contracts.kubernetes.jobs import JOBS, PODS, Fresh, active, pods_of, start, status_of, tell, told_of
from contracts.kubernetes.servers import MERGE, Json, Server, until

APPS = "/apis/apps/v1/namespaces/default"
DEPLOYMENTS, SETS = f"{APPS}/deployments", f"{APPS}/replicasets"
TRACKING = "batch.kubernetes.io/job-tracking"
REVISION = "deployment.kubernetes.io/revision"
CONTAINERS = {"containers": [{"name": "a", "image": "i:1"}]}


def a_bare_pod(server: Server, name: str, **metadata: Any) -> Json:
    """A pod that nobody controls, labelled `app`."""
    spec = {"restartPolicy": metadata.pop("restart", "Always"), **CONTAINERS}
    whole = {"name": f"{name}-bare", "labels": {"app": name}, **metadata}
    found: Json = server.good("POST", PODS, {"metadata": whole, "spec": spec}).body
    return found


def of(name: str, count: int = 1, **spec: Any) -> Json:
    """The spec of a ReplicaSet or a Deployment whose pods are labelled `app`."""
    template = {"metadata": {"labels": {"app": name}}, "spec": CONTAINERS}
    return {"replicas": count, "selector": {"matchLabels": {"app": name}}, "template": template, **spec}


def make(server: Server, path: str, name: str, spec: Json) -> Json:
    found: Json = server.good("POST", path, {"metadata": {"name": name}, "spec": spec}).body
    return found


def owners(server: Server, path: str) -> list[tuple[str, str, Any, Any]]:
    """Kind, name and marks of each owner of an object."""
    held = server.good("GET", path).body["metadata"].get("ownerReferences") or ()
    return [(entry["kind"], entry["name"], entry.get("controller"), entry.get("blockOwnerDeletion")) for entry in held]


def path_of(pod: Json) -> str:
    return f"{PODS}/{pod['metadata']['name']}"


def labelled(server: Server, name: str, count: int) -> list[Json]:
    """That many pods of a label, when there are so many."""
    found: list[Json] = until(lambda: len(pods_of(server, name, "app")) == count and pods_of(server, name, "app"))
    return found


def replicas_told(server: Server, name: str, count: int) -> Json:
    status = lambda: server.good("GET", f"{SETS}/{name}").body.get("status") or {}  # noqa: E731
    found: Json = until(lambda: status().get("observedGeneration") and status().get("replicas") == count and status())
    return found


def sets_of(server: Server, name: str) -> list[Json]:
    found: list[Json] = server.good("GET", SETS, labelSelector=f"app={name}").body["items"]
    return found


def test_a_replica_set_takes_in_a_pod_that_is_nobodys(working: Server, fresh: Fresh) -> None:
    name = fresh()
    pod = a_bare_pod(working, name)
    make(working, SETS, name, of(name, 2))
    replicas_told(working, name, 2)
    assert len(labelled(working, name, 2)) == 2
    assert owners(working, path_of(pod)) == [("ReplicaSet", name, True, True)]


def test_a_pod_that_comes_later_is_taken_in_and_is_one_too_many(working: Server, fresh: Fresh) -> None:
    name = fresh()
    make(working, SETS, name, of(name, 1))
    (first,) = labelled(working, name, 1)
    tell(working, first, "Running", ready="True")
    until(lambda: working.good("GET", f"{SETS}/{name}").body["status"].get("readyReplicas") == 1)
    a_bare_pod(working, name)
    until(lambda: [held["metadata"]["uid"] for held in pods_of(working, name, "app")] == [first["metadata"]["uid"]])


def test_a_label_makes_a_pod_one_of_a_replica_set(working: Server, fresh: Fresh) -> None:
    name = fresh()
    pod = a_bare_pod(working, name, labels={"other": name})
    make(working, SETS, name, of(name, 0))
    replicas_told(working, name, 0)
    assert owners(working, path_of(pod)) == []
    working.good("PATCH", path_of(pod), {"metadata": {"labels": {"app": name}}}, MERGE)
    until(lambda: working.call("GET", path_of(pod)).code == 404)


@pytest.mark.parametrize("end", ["Succeeded", "Failed"])
def test_a_replica_set_leaves_what_has_ended(working: Server, fresh: Fresh, end: str) -> None:
    name = fresh()
    pod = a_bare_pod(working, name, restart="Never")
    tell(working, pod, end)
    make(working, SETS, name, of(name, 1))
    replicas_told(working, name, 1)
    assert owners(working, path_of(pod)) == [] and len(pods_of(working, name, "app")) == 2


def test_a_pod_of_another_is_not_taken_in(working: Server, fresh: Fresh) -> None:
    name = fresh()
    first, second = f"{name}-1", f"{name}-2"
    make(working, SETS, first, of(name, 1))
    replicas_told(working, first, 1)
    make(working, SETS, second, of(name, 1))
    replicas_told(working, second, 1)
    found = labelled(working, name, 2)
    assert sorted(owners(working, path_of(pod))[0][1] for pod in found) == [first, second]


def test_a_replica_set_lets_go_whom_it_does_not_select(working: Server, fresh: Fresh) -> None:
    name = fresh()
    make(working, SETS, name, of(name, 1))
    (pod,) = labelled(working, name, 1)
    working.good("PATCH", path_of(pod), {"metadata": {"labels": {"app": None, "was": name}}}, MERGE)
    (second,) = labelled(working, name, 1)
    assert second["metadata"]["name"] != pod["metadata"]["name"]
    assert owners(working, path_of(pod)) == []
    working.good("PATCH", path_of(pod), {"metadata": {"labels": {"app": name}}}, MERGE)
    labelled(working, name, 1)


def test_a_pod_that_its_owner_was_taken_from_is_taken_in_again(working: Server, fresh: Fresh) -> None:
    name = fresh()
    make(working, SETS, name, of(name, 1))
    (pod,) = labelled(working, name, 1)
    working.good("PATCH", path_of(pod), {"metadata": {"ownerReferences": None}}, MERGE)
    until(lambda: owners(working, path_of(pod)) == [("ReplicaSet", name, True, True)])
    assert [held["metadata"]["uid"] for held in pods_of(working, name, "app")] == [pod["metadata"]["uid"]]


def test_the_next_pod_of_a_replica_set_has_another_name(working: Server, fresh: Fresh) -> None:
    name = fresh()
    make(working, SETS, name, of(name, 1))
    names = set()
    for _ in range(3):
        (pod,) = until(lambda: [pod for pod in labelled(working, name, 1) if pod["metadata"]["name"] not in names])
        names.add(pod["metadata"]["name"])
        assert working.kubectl("delete", "pod", pod["metadata"]["name"], "--force").returncode == 0
    assert len(names) == 3


def test_pods_that_their_replica_set_left_are_those_of_the_next(working: Server, fresh: Fresh) -> None:
    name = fresh()
    make(working, SETS, name, of(name, 2))
    before = {pod["metadata"]["uid"] for pod in labelled(working, name, 2)}
    working.good("DELETE", f"{SETS}/{name}", {"propagationPolicy": "Orphan"})
    until(lambda: working.call("GET", f"{SETS}/{name}").code == 404)
    make(working, SETS, name, of(name, 2))
    replicas_told(working, name, 2)
    assert {pod["metadata"]["uid"] for pod in labelled(working, name, 2)} == before


def test_a_deployment_that_left_its_replica_set_is_made_again(working: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{DEPLOYMENTS}/{name}"
    make(working, DEPLOYMENTS, name, of(name, 2))
    before = {pod["metadata"]["uid"] for pod in labelled(working, name, 2)}
    assert working.kubectl("delete", "deployment", name, "--cascade=orphan").returncode == 0
    (held,) = sets_of(working, name)
    set_path = f"{SETS}/{held['metadata']['name']}"
    assert owners(working, set_path) == []
    make(working, DEPLOYMENTS, name, of(name, 2))
    until(lambda: (working.good("GET", path).body.get("status") or {}).get("updatedReplicas") == 2)
    assert owners(working, set_path) == [("Deployment", name, True, True)]
    assert {pod["metadata"]["uid"] for pod in pods_of(working, name, "app")} == before
    assert working.good("GET", path).body["metadata"]["annotations"][REVISION] == "1"
    working.good("DELETE", path, {"propagationPolicy": "Background"})
    until(lambda: not sets_of(working, name) and not pods_of(working, name, "app"))


def test_a_replica_set_of_the_same_template_is_a_deployments_newest(working: Server, fresh: Fresh) -> None:
    name = fresh()
    own = f"{name}-own"
    spec = of(name, 1)
    labels = {"app": name}
    working.good("POST", SETS, {"metadata": {"name": own, "labels": labels}, "spec": spec})
    replicas_told(working, own, 1)
    make(working, DEPLOYMENTS, name, of(name, 1))
    path = f"{DEPLOYMENTS}/{name}"
    until(lambda: (working.good("GET", path).body.get("status") or {}).get("updatedReplicas") == 1)
    assert [held["metadata"]["name"] for held in sets_of(working, name)] == [own]


def test_a_deployment_lets_go_a_replica_set_and_makes_another(working: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{DEPLOYMENTS}/{name}"
    make(working, DEPLOYMENTS, name, of(name, 1))
    labelled(working, name, 1)
    (first,) = sets_of(working, name)
    first_path = f"{SETS}/{first['metadata']['name']}"
    working.good("PATCH", first_path, {"metadata": {"labels": {"app": None}}}, MERGE)
    (second,) = until(lambda: sets_of(working, name))
    assert second["metadata"]["name"] != first["metadata"]["name"] and owners(working, first_path) == []
    status = until(lambda: _status(working, path, updatedReplicas=1))
    assert status["collisionCount"] == 1


def _status(server: Server, path: str, **fields: int) -> Json | None:
    status: Json = server.good("GET", path).body.get("status") or {}
    return status if all(status.get(field) == value for field, value in fields.items()) else None


def test_a_job_takes_in_a_pod_that_is_nobodys(working: Server, fresh: Fresh) -> None:
    name = fresh()
    pod = a_bare_pod(working, name, restart="Never")
    manual(working, name)
    until(lambda: told_of(working, name, active=1))
    assert owners(working, path_of(pod)) == [("Job", name, True, True)]
    assert working.good("GET", path_of(pod)).body["metadata"]["finalizers"] == [TRACKING]
    assert len(pods_of(working, name, "app")) == 1
    tell(working, pod, "Succeeded")
    assert status_of(working, f"{JOBS}/{name}", "Complete")["succeeded"] == 1
    assert "finalizers" not in working.good("GET", path_of(pod)).body["metadata"]


def manual(server: Server, name: str, **spec: Any) -> None:
    """A Job that selects its pods by the label `app`."""
    template = {"metadata": {"labels": {"app": name}}, "spec": {"restartPolicy": "Never", **CONTAINERS}}
    chosen = {"manualSelector": True, "selector": {"matchLabels": {"app": name}}}
    make(server, JOBS, name, {**chosen, "template": template, **spec})


def test_a_job_counts_a_pod_that_it_takes_in_after_its_end(working: Server, fresh: Fresh) -> None:
    name = fresh()
    pod = a_bare_pod(working, name, restart="Never")
    tell(working, pod, "Succeeded")
    manual(working, name)
    assert status_of(working, f"{JOBS}/{name}", "Complete")["succeeded"] == 1
    assert owners(working, path_of(pod)) == [("Job", name, True, True)]
    assert len(pods_of(working, name, "app")) == 1


@pytest.mark.parametrize("end", ["Running", "Succeeded"])
def test_a_job_lets_go_whom_it_does_not_select(working: Server, fresh: Fresh, end: str) -> None:
    """And counts him no more, if it has not yet."""
    name = fresh()
    start(working, name, completions=2, parallelism=1)
    (pod,) = active(working, name, 1)
    labels = {"batch.kubernetes.io/controller-uid": None}
    working.good("PATCH", path_of(pod), {"metadata": {"labels": labels}}, MERGE)
    until(lambda: owners(working, path_of(pod)) == [])
    tell(working, pod, end)
    held = working.good("GET", path_of(pod)).body["metadata"]
    assert "finalizers" not in held
    others = lambda: [new for new in active(working, name, 2) if new["metadata"]["uid"] != held["uid"]]  # noqa: E731
    if end == "Succeeded":
        others = lambda: active(working, name, 1)  # noqa: E731
    (second,) = until(others)
    assert second["metadata"]["name"] != held["name"] and "failed" not in (told_of(working, name) or {})
