"""Jobs and Deployments without a node: the cases say what becomes of pods, the controllers what that comes to."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from contracts.kubernetes.jobs import (
    INDEX,
    JOBS,
    LIMIT,
    NOTHING,
    PODS,
    Fresh,
    active,
    completed,
    failed,
    pods_of,
    shown,
    start,
    status_of,
    tell,
)
from contracts.kubernetes.servers import MERGE, SPACE, STRATEGIC, Json, Server, by_version, until

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
LATE = ("DeadlineExceeded", "Job was active longer than specified deadline")


def test_a_job_completes_with_its_pod(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name)
    (pod,) = active(working, name, 1)
    tell(working, pod, "Running", ready="True")
    until(lambda: working.good("GET", f"{JOBS}/{name}").body["status"].get("ready") == 1)
    tell(working, pod, "Succeeded")
    assert status_of(working, f"{JOBS}/{name}", "Complete") == completed(1)


def test_a_pod_of_a_job_says_whose_it_is(working: Server, fresh: Fresh) -> None:
    name = fresh()
    uid = start(working, name).body["metadata"]["uid"]
    metadata = active(working, name, 1)[0]["metadata"]
    assert metadata["labels"] == {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}
    assert metadata["ownerReferences"] == [{**owner, "controller": True, "blockOwnerDeletion": True}]
    assert metadata["generateName"] == f"{name}-" and metadata["name"].startswith(f"{name}-")


def test_a_pod_of_a_job_with_a_selector_of_its_own_has_the_labels_of_the_template(
    working: Server, fresh: Fresh
) -> None:
    name = fresh()
    spec = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i:1"}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    chosen = {"manualSelector": True, "selector": {"matchLabels": {"app": name}}, "template": template}
    working.good("POST", JOBS, {"metadata": {"name": name}, "spec": chosen})
    (pod,) = until(lambda: pods_of(working, name, "app"))
    assert pod["metadata"]["labels"] == {"app": name}


def test_a_job_runs_as_many_pods_side_by_side_as_it_may(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, completions=3, parallelism=2)
    tell(working, active(working, name, 2)[0], "Succeeded")
    until(lambda: len(pods_of(working, name)) == 3)
    for pod in active(working, name, 2):
        tell(working, pod, "Succeeded")
    assert status_of(working, f"{JOBS}/{name}", "Complete") == completed(3)
    assert len(pods_of(working, name)) == 3


def test_a_job_of_nothing_is_complete(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, completions=0)
    expected = completed(0)
    del expected["succeeded"]
    assert status_of(working, f"{JOBS}/{name}", "Complete") == expected


def test_a_failure_beyond_the_limit_fails_the_job(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, backoffLimit=0)
    tell(working, active(working, name, 1)[0], "Failed")
    assert status_of(working, f"{JOBS}/{name}", "Failed") == failed(1, LIMIT)
    assert len(pods_of(working, name)) == 1


@pytest.mark.parametrize("limit", [0, 1])
def test_restarts_inside_a_pod_fail_the_job_which_makes_no_other(working: Server, fresh: Fresh, limit: int) -> None:
    name = fresh()
    start(working, name, backoffLimit=limit, pod={"restartPolicy": "OnFailure"})
    (pod,) = active(working, name, 1)
    container = {"name": "a", "image": "i:1", "imageID": "", "ready": False, "restartCount": 1, "state": {}}
    status = {"phase": "Running", "containerStatuses": [container]}
    working.good("PATCH", f"{PODS}/{pod['metadata']['name']}/status", {"status": status}, MERGE)
    assert status_of(working, f"{JOBS}/{name}", "Failed") == failed(1, LIMIT)
    assert pods_of(working, name) == []


def test_the_other_pods_of_a_failed_job_are_ended_and_count(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, completions=2, parallelism=2, backoffLimit=0)
    tell(working, active(working, name, 2)[0], "Failed")
    assert status_of(working, f"{JOBS}/{name}", "Failed") == failed(2, LIMIT)
    assert [pod["status"]["phase"] for pod in pods_of(working, name)] == ["Failed"]


def test_a_job_that_is_late_fails_with_its_pod(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, activeDeadlineSeconds=1)
    assert status_of(working, f"{JOBS}/{name}", "Failed") == failed(1, LATE)
    assert pods_of(working, name) == []


def test_a_failed_pod_is_tried_again(working: Server, fresh: Fresh) -> None:
    """After a pause: what counts is that the first failure is told at once."""
    name = fresh()
    start(working, name, backoffLimit=1)
    tell(working, active(working, name, 1)[0], "Failed")
    until(lambda: working.good("GET", f"{JOBS}/{name}").body["status"].get("failed") == 1)
    tell(working, active(working, name, 1)[0], "Succeeded")
    assert status_of(working, f"{JOBS}/{name}", "Complete") == completed(1, failed=1)


def test_a_suspended_job_has_no_pods_until_it_is_resumed(working: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{JOBS}/{name}"
    start(working, name, suspend=True)
    held = {**NOTHING, "conditions": [("Suspended", "True", "JobSuspended", "Job suspended")]}
    assert status_of(working, path, "Suspended") == held and pods_of(working, name) == []
    working.good("PATCH", path, {"spec": {"suspend": False}}, MERGE)
    active(working, name, 1)
    resumed = [("Suspended", "False", "JobResumed", "Job resumed")]
    assert status_of(working, path, "Suspended", "False")["conditions"] == resumed
    working.good("PATCH", path, {"spec": {"suspend": True}}, MERGE)
    until(lambda: not pods_of(working, name))
    kept = by_version(working, newest={}, oldest={"startTime": ""})  # 1.34 keeps when it began
    until(lambda: shown(working.good("GET", path).body["status"]) == {**held, **kept})


def test_a_job_goes_when_its_time_after_the_end_is_over(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, ttlSecondsAfterFinished=0)
    tell(working, active(working, name, 1)[0], "Succeeded")
    until(lambda: working.call("GET", f"{JOBS}/{name}").code == 404 and not pods_of(working, name))


def test_a_job_of_no_side_by_side_waits(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, parallelism=0)
    status = until(lambda: working.good("GET", f"{JOBS}/{name}").body["status"])
    assert shown(status) == {**NOTHING, "startTime": "", "conditions": []} and pods_of(working, name) == []


def test_an_indexed_job_counts_which_parts_are_done(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, completions=3, parallelism=3, completionMode="Indexed")
    found = sorted(active(working, name, 3), key=lambda pod: pod["metadata"]["annotations"][INDEX])
    for index in (0, 2):
        tell(working, found[index], "Succeeded")
    status = until(lambda: _with(working, name, "completedIndexes", "0,2"))
    assert (status["succeeded"], status["active"]) == (2, 1)
    tell(working, found[1], "Succeeded")
    assert status_of(working, f"{JOBS}/{name}", "Complete") == completed(3, completedIndexes="0-2")


def _with(server: Server, name: str, field: str, value: Any) -> Json | None:
    status: Json = server.good("GET", f"{JOBS}/{name}").body["status"]
    return status if status.get(field) == value else None


def test_a_pod_of_an_indexed_job_knows_its_part(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, completions=2, parallelism=2, completionMode="Indexed")
    pod = max(active(working, name, 2), key=lambda found: found["metadata"]["annotations"][INDEX])
    metadata, spec = pod["metadata"], pod["spec"]
    assert metadata["labels"][INDEX] == "1" and spec["hostname"] == f"{name}-1"
    assert metadata["generateName"] == f"{name}-1-" and metadata["name"].startswith(f"{name}-1-")
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    assert spec["containers"][0]["env"] == [{"name": "JOB_COMPLETION_INDEX", "valueFrom": source}]


def test_a_number_of_workers_alone_is_a_queue(working: Server, fresh: Fresh) -> None:
    """Completions have no default then; without either, both are one."""
    queue, single = start(working, fresh(), parallelism=2, suspend=True), start(working, fresh(), suspend=True)
    assert "completions" not in queue.body["spec"] and queue.body["spec"]["parallelism"] == 2
    assert (single.body["spec"]["completions"], single.body["spec"]["parallelism"]) == (1, 1)


def test_a_job_has_the_defaults_and_labels_of_kubernetes(working: Server, fresh: Fresh) -> None:
    name = fresh()
    body = start(working, name, suspend=True).body
    spec = {key: value for key, value in body["spec"].items() if key not in ("template", "selector")}
    assert spec == {
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "completions": 1,
        "manualSelector": False,
        "parallelism": 1,
        "podReplacementPolicy": "TerminatingOrFailed",
        "suspend": True,
    }
    uid = body["metadata"]["uid"]
    assert body["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert body["metadata"]["labels"]["job-name"] == name and body["metadata"]["generation"] == 1


def test_a_pod_that_somebody_deletes_is_replaced(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name)
    (first,) = active(working, name, 1)
    working.good("DELETE", f"{PODS}/{first['metadata']['name']}")
    uid = first["metadata"]["uid"]
    second = until(lambda: [pod for pod in active(working, name, 1) if pod["metadata"]["uid"] != uid])
    tell(working, second[0], "Succeeded")
    assert status_of(working, f"{JOBS}/{name}", "Complete") == completed(1, failed=1)


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_a_job_takes_its_pods_along(working: Server, fresh: Fresh, policy: str) -> None:
    name = fresh()
    start(working, name)
    active(working, name, 1)
    working.good("DELETE", f"{JOBS}/{name}", {"propagationPolicy": policy})
    until(lambda: working.call("GET", f"{JOBS}/{name}").code == 404 and not pods_of(working, name))


def test_events_tell_what_a_job_did(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name)
    (pod,) = active(working, name, 1)
    tell(working, pod, "Succeeded")
    status_of(working, f"{JOBS}/{name}", "Complete")
    query = {"fieldSelector": f"involvedObject.kind=Job,involvedObject.name={name}"}
    look = lambda: working.good("GET", f"{SPACE}/events", **query).body["items"]  # noqa: E731
    until(lambda: len(look()) == 2)
    told = {(event["type"], event["reason"], event["message"]) for event in look()}
    created = ("Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
    assert told == {created, ("Normal", "Completed", "Job completed")}


ENOUGH = ("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
LACKING = ("Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")


def test_a_deployment_is_available_while_its_pods_are_ready(working: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{DEPLOYMENTS}/{name}"
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "a", "image": "i:1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    working.good("POST", DEPLOYMENTS, {"metadata": {"name": name}, "spec": spec})
    found = until(lambda: len(pods_of(working, name, "app")) == 2 and pods_of(working, name, "app"))
    until(
        lambda: _conditions(working, path, unavailable=2) == [LACKING[:3], ("Progressing", "True", "ReplicaSetUpdated")]
    )
    for pod in found:
        tell(working, pod, "Running", ready="True")
    whole = ("Progressing", "True", "NewReplicaSetAvailable")
    until(lambda: _conditions(working, path, available=2) == [ENOUGH[:3], whole])
    told = working.good("GET", path).body["status"]
    assert (told["readyReplicas"], told["updatedReplicas"], told["observedGeneration"]) == (2, 2, 1)
    tell(working, found[0], "Running")
    # What has changed comes last.
    until(lambda: _conditions(working, path, available=1) == [whole, LACKING[:3]])
    change = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "i:2"}]}}}}
    assert working.good("PATCH", path, change, STRATEGIC).body["metadata"]["generation"] == 2
    until(lambda: working.good("GET", path).body["status"]["observedGeneration"] == 2)


def _conditions(server: Server, path: str, **counts: int) -> list[tuple[str, ...]]:
    """A Deployment's conditions, once its status has these counts of replicas."""
    status = shown(server.good("GET", path).body["status"])
    found = all(status.get(f"{name}Replicas") == count for name, count in counts.items())
    return [entry[:3] for entry in status["conditions"]] if found else []


REVISION, CAUSE = "deployment.kubernetes.io/revision", "kubernetes.io/change-cause"


def test_updates_of_a_deployment_keep_to_its_surge_and_are_numbered(working: Server, fresh: Fresh) -> None:
    """Its pods never get ready: of 2 with a surge of 25% there are 3, however often the template changes."""
    name = fresh()
    path = f"{DEPLOYMENTS}/{name}"
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "a", "image": "i:1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    working.good("POST", DEPLOYMENTS, {"metadata": {"name": name}, "spec": spec})
    until(lambda: _rolled_out(working, name) == {"1": (2, "")})
    for number in (2, 3, 4):
        image = f"i:{number}"
        change = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": image}]}}}}
        working.good("PATCH", path, {**change, "metadata": {"annotations": {CAUSE: image}}}, STRATEGIC)
        found = until(partial(_all_rolled_out, working, name, str(number)))
        assert sum(count for count, _ in found.values()) == 3
        assert {revision: cause for revision, (_, cause) in found.items()} == {
            "1": "",
            **{str(earlier): f"i:{earlier}" for earlier in range(2, number + 1)},
        }
    until(lambda: working.good("GET", path).body["status"]["replicas"] == 3)
    # What was there before is new again.
    again = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "i:2"}]}}}}
    working.good("PATCH", path, again, STRATEGIC)
    until(lambda: sorted(_rolled_out(working, name)) == ["1", "3", "4", "5"])


def _all_rolled_out(server: Server, name: str, newest: str) -> Json | None:
    """The revisions once the newest has got its one pod, and the Deployment bears its number."""
    found, deployment = _rolled_out(server, name), server.good("GET", f"{DEPLOYMENTS}/{name}").body
    return found if _revision(deployment) == newest and found.get(newest, (0, ""))[0] == 1 else None


def _revision(obj: Json) -> str:
    found: str = (obj["metadata"].get("annotations") or {}).get(REVISION, "")
    return found


def _rolled_out(server: Server, name: str) -> dict[str, tuple[int, str]]:
    """How many pods each revision of a Deployment is to have, and why it was made."""
    path = DEPLOYMENTS.replace("deployments", "replicasets")
    sets = server.good("GET", path, labelSelector=f"app={name}").body["items"]
    return {
        _revision(held): (held["spec"]["replicas"], held["metadata"].get("annotations", {}).get(CAUSE, ""))
        for held in sets
    }
