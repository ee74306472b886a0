"""How Deployments roll out, without a node: what is late, what waits, what is begun anew."""

from __future__ import annotations

from typing import Any

from contracts.kubernetes.jobs import PODS, Fresh, pods_of, shown, tell
from contracts.kubernetes.servers import MERGE, STRATEGIC, Json, Server, until

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
SETS = DEPLOYMENTS.replace("deployments", "replicasets")


def roll(server: Server, name: str, **spec: Any) -> str:
    """A Deployment of one pod; its path."""
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "a", "image": "i:1"}]}}
    whole = {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    server.good("POST", DEPLOYMENTS, {"metadata": {"name": name}, "spec": whole})
    return f"{DEPLOYMENTS}/{name}"


def pods_now(server: Server, name: str, count: int = 1) -> list[Json]:
    found: list[Json] = until(lambda: len(pods_of(server, name, "app")) == count and pods_of(server, name, "app"))
    return found


def progress(server: Server, path: str) -> tuple[str, ...]:
    """What its condition Progressing says."""
    conditions = shown(server.good("GET", path).body["status"])["conditions"]
    return next((entry[1:] for entry in conditions if entry[0] == "Progressing"), ())


def _sets(server: Server, name: str) -> list[Json]:
    found: list[Json] = server.good("GET", SETS, labelSelector=f"app={name}").body["items"]
    return found


def newest(server: Server, name: str) -> str:
    """The name of the ReplicaSet with the highest revision."""
    revision = lambda held: int(held["metadata"]["annotations"]["deployment.kubernetes.io/revision"])  # noqa: E731
    return str(max(_sets(server, name), key=revision)["metadata"]["name"])


def another_image(server: Server, path: str, image: str = "i:2", **more: int) -> None:
    change = {"spec": {**more, "template": {"spec": {"containers": [{"name": "a", "image": image}]}}}}
    server.good("PATCH", path, change, STRATEGIC)


def test_an_update_that_takes_too_long_says_so_until_it_is_done(working: Server, fresh: Fresh) -> None:
    name = fresh()
    path = roll(working, name, progressDeadlineSeconds=1)
    (pod,) = pods_now(working, name)
    what = f'ReplicaSet "{newest(working, name)}"'
    late = ("False", "ProgressDeadlineExceeded", f"{what} has timed out progressing.")
    until(lambda: progress(working, path) == late)
    waited = working.kubectl("rollout", "status", f"deployment/{name}")
    assert waited.returncode == 1 and "exceeded its progress deadline" in waited.stderr
    tell(working, pod, "Running", ready="True")
    until(lambda: progress(working, path) == ("True", "NewReplicaSetAvailable", f"{what} has successfully progressed."))
    waited = working.kubectl("rollout", "status", f"deployment/{name}")
    assert (waited.returncode, waited.stdout) == (0, f'deployment "{name}" successfully rolled out\n')


def test_a_late_update_is_late_no_more_when_there_is_another(working: Server, fresh: Fresh) -> None:
    name = fresh()
    path = roll(working, name, progressDeadlineSeconds=1)
    pods_now(working, name)
    until(lambda: progress(working, path)[1:2] == ("ProgressDeadlineExceeded",))
    another_image(working, path, progressDeadlineSeconds=600)
    what = f'ReplicaSet "{until(lambda: _second(working, name))}"'
    until(lambda: progress(working, path) == ("True", "ReplicaSetUpdated", f"{what} is progressing."))


def _second(server: Server, name: str) -> str:
    """The second ReplicaSet of a Deployment, when there is one."""
    return newest(server, name) if len(_sets(server, name)) == 2 else ""


def test_a_pod_is_available_when_it_has_been_ready_for_a_while(working: Server, fresh: Fresh) -> None:
    name = fresh()
    path = roll(working, name, minReadySeconds=3)
    (pod,) = pods_now(working, name)
    tell(working, pod, "Running", ready="True")
    status = until(lambda: _status(working, path, readyReplicas=1))
    assert "availableReplicas" not in status and progress(working, path)[1] == "ReplicaSetUpdated"
    until(lambda: _status(working, path, availableReplicas=1))
    until(lambda: progress(working, path)[1] == "NewReplicaSetAvailable")


def _status(server: Server, path: str, **fields: int) -> Json | None:
    status: Json = server.good("GET", path).body["status"]
    return status if all(status.get(field) == value for field, value in fields.items()) else None


def test_pods_that_cannot_be_side_by_side_end_first(working: Server, fresh: Fresh) -> None:
    name = fresh()
    path = roll(working, name, strategy={"type": "Recreate"})
    (pod,) = pods_now(working, name)
    first = newest(working, name)
    place = f"{PODS}/{pod['metadata']['name']}"
    target = {"apiVersion": "v1", "kind": "Node", "name": "nowhere"}
    working.good("POST", f"{place}/binding", {"metadata": {"name": pod["metadata"]["name"]}, "target": target})
    another_image(working, path)
    until(lambda: "deletionTimestamp" in working.good("GET", place).body["metadata"])
    until(lambda: working.good("GET", path).body["status"].get("observedGeneration") == 2)
    assert newest(working, name) == first and len(pods_of(working, name, "app")) == 1
    working.good("DELETE", place, {"gracePeriodSeconds": 0})
    (second,) = until(
        lambda: [held for held in pods_of(working, name, "app") if held["metadata"]["uid"] != pod["metadata"]["uid"]]
    )
    assert second["spec"]["containers"][0]["image"] == "i:2" and newest(working, name) != first


def test_what_is_paused_is_not_updated_and_says_so(working: Server, fresh: Fresh) -> None:
    name = fresh()
    path = roll(working, name)
    (pod,) = pods_now(working, name)
    tell(working, pod, "Running", ready="True")
    until(lambda: progress(working, path)[1:2] == ("NewReplicaSetAvailable",))
    first = newest(working, name)
    working.good("PATCH", path, {"spec": {"paused": True}}, MERGE)
    until(lambda: progress(working, path) == ("Unknown", "DeploymentPaused", "Deployment is paused"))
    another_image(working, path)
    until(lambda: working.good("GET", path).body["status"].get("observedGeneration") == 3)
    assert newest(working, name) == first
    working.good("PATCH", path, {"spec": {"paused": False}}, MERGE)
    until(lambda: newest(working, name) != first and progress(working, path)[1] == "ReplicaSetUpdated")


def test_what_is_paused_goes_on_where_it_was(working: Server, fresh: Fresh) -> None:
    name = fresh()
    path = roll(working, name)
    pods_now(working, name)
    working.good("PATCH", path, {"spec": {"paused": True}}, MERGE)
    until(lambda: progress(working, path)[1] == "DeploymentPaused")
    working.good("PATCH", path, {"spec": {"paused": False}}, MERGE)
    until(lambda: progress(working, path) == ("Unknown", "DeploymentResumed", "Deployment is resumed"))


def test_an_update_is_undone(working: Server, fresh: Fresh) -> None:
    name = fresh()
    path = roll(working, name)
    pods_now(working, name)
    first = newest(working, name)
    another_image(working, path)
    until(lambda: newest(working, name) != first)
    undone = working.kubectl("rollout", "undo", f"deployment/{name}")
    assert undone.returncode == 0, undone.stderr
    until(lambda: newest(working, name) == first)
    told = lambda: working.kubectl("rollout", "history", f"deployment/{name}").stdout.splitlines()[2:]  # noqa: E731
    until(lambda: [line.split()[0] for line in told() if line] == ["2", "3"])


def test_the_lowest_revisions_are_forgotten(working: Server, fresh: Fresh) -> None:
    """However quickly one came after the other."""
    name = fresh()
    path = roll(working, name, replicas=0, revisionHistoryLimit=2)
    for number in range(2, 6):
        another_image(working, path, f"i:{number}")
        until(lambda: number in _revisions(working, name))  # noqa: B023
    until(lambda: _revisions(working, name) == [3, 4, 5])


def _revisions(server: Server, name: str) -> list[int]:
    revision = "deployment.kubernetes.io/revision"
    return sorted(int(held["metadata"]["annotations"][revision]) for held in _sets(server, name))
