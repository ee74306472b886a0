"""Each pod of a Job is counted once, whatever becomes of it, and held until then: without a node."""

from __future__ import annotations

from typing import Any

import pytest
from contracts.kubernetes.jobs import (
    JOBS,
    LIMIT,
    MET,
    PODS,
    Fresh,
    active,
    by_index,
    completed,
    failed,
    place,
    pods_of,
    release,
    start,
    status_of,
    tell,
    told_of,
)
from contracts.kubernetes.servers import JSON_PATCH, MERGE, SPACE, Json, Server, until

TRACKING, OWN = "batch.kubernetes.io/job-tracking", "example.com/mine"
NAMESPACES = "/api/v1/namespaces"


def held_by(pod: Json) -> list[str]:
    found: list[str] = pod["metadata"].get("finalizers", [])
    return found


def path_of(pod: Json) -> str:
    return f"{PODS}/{pod['metadata']['name']}"


def next_pod(server: Server, name: str, *before: Json) -> Json:
    """The one active pod of a Job once it is none of these."""
    uids = {pod["metadata"]["uid"] for pod in before}
    (found,) = until(lambda: [pod for pod in active(server, name, 1) if pod["metadata"]["uid"] not in uids])
    return dict(found)


def gone(server: Server, path: str) -> None:
    until(lambda: server.call("GET", path).code == 404)


@pytest.mark.parametrize(("end", "expected"), [("Succeeded", completed(1)), ("Failed", failed(1, LIMIT))])
def test_a_pod_is_held_until_it_is_counted(working: Server, fresh: Fresh, end: str, expected: Json) -> None:
    name = fresh()
    start(working, name, backoffLimit=0)
    (pod,) = active(working, name, 1)
    assert held_by(pod) == [TRACKING]
    tell(working, pod, end)
    assert status_of(working, f"{JOBS}/{name}", expected["conditions"][-1][0]) == expected
    assert held_by(working.good("GET", path_of(pod)).body) == []


@pytest.mark.parametrize(
    ("end", "outcome", "conditions"),
    [("Succeeded", "succeeded", [MET, "Complete"]), ("Failed", "failed", ["FailureTarget", "Failed"])],
)
def test_the_end_of_a_pod_is_told_first_and_counted_then(
    working: Server, fresh: Fresh, end: str, outcome: str, conditions: list[str]
) -> None:
    name = fresh()
    version = start(working, name, backoffLimit=0).version
    (pod,) = active(working, name, 1)
    uid = pod["metadata"]["uid"]
    query = {"fieldSelector": f"metadata.name={name}", "resourceVersion": version}
    seen: list[tuple[Any, ...]] = []
    with working.watch(JOBS, **query) as events:
        tell(working, pod, end)
        for event in events:
            status = event["object"].get("status") or {}
            types = [condition["type"] for condition in status.get("conditions") or ()]
            state = (status.get("uncountedTerminatedPods"), status.get(outcome), types)
            seen += [state] if types and state not in seen else []
            if conditions[-1] in types:
                break
    assert seen == [({outcome: [uid]}, None, conditions[:1]), ({}, 1, conditions)]


@pytest.mark.parametrize("mode", ["NonIndexed", "Indexed"])
def test_a_success_stays_counted_when_its_pod_is_deleted(working: Server, fresh: Fresh, mode: str) -> None:
    name = fresh()
    start(working, name, completions=2, parallelism=1, completionMode=mode)
    (pod,) = active(working, name, 1)
    tell(working, pod, "Succeeded")
    until(lambda: told_of(working, name, succeeded=1, active=1, uncountedTerminatedPods={}))
    working.good("DELETE", path_of(pod))
    gone(working, path_of(pod))
    tell(working, next_pod(working, name, pod), "Succeeded")
    more = {"completedIndexes": "0,1"} if mode == "Indexed" else {}
    assert status_of(working, f"{JOBS}/{name}", "Complete") == completed(2, **more)


def test_a_failure_stays_counted_when_its_pod_is_deleted(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, backoffLimit=1)
    (pod,) = active(working, name, 1)
    tell(working, pod, "Failed")
    until(lambda: told_of(working, name, failed=1))
    working.good("DELETE", path_of(pod))
    gone(working, path_of(pod))
    tell(working, next_pod(working, name, pod), "Failed")
    assert status_of(working, f"{JOBS}/{name}", "Failed") == failed(2, LIMIT)


@pytest.mark.parametrize("arguments", [[], ["--force"], ["--grace-period=1"]], ids=["", "force", "grace"])
def test_a_pod_that_is_deleted_before_its_end_has_failed(working: Server, fresh: Fresh, arguments: list[str]) -> None:
    """And goes: the next one has another name."""
    name = fresh()
    start(working, name, backoffLimit=1)
    (pod,) = active(working, name, 1)
    assert working.kubectl("delete", "pod", pod["metadata"]["name"], *arguments).returncode == 0
    gone(working, path_of(pod))
    until(lambda: told_of(working, name, failed=1, uncountedTerminatedPods={}))
    second = next_pod(working, name, pod)
    assert second["metadata"]["name"] != pod["metadata"]["name"]
    working.good("DELETE", path_of(second))
    assert status_of(working, f"{JOBS}/{name}", "Failed") == failed(2, LIMIT)


def test_a_pod_that_takes_its_grace_is_counted_at_once_and_once(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, completions=2, parallelism=2)
    first, second = active(working, name, 2)
    path = place(working, first)
    working.good("DELETE", path)
    until(lambda: told_of(working, name, failed=1, terminating=1, uncountedTerminatedPods={}))
    assert held_by(working.good("GET", path).body) == []
    tell(working, first, "Failed")
    release(working, path)
    gone(working, path)
    others = active(working, name, 2)
    for pod in others:
        tell(working, pod, "Succeeded")
    assert second["metadata"]["uid"] in {pod["metadata"]["uid"] for pod in others}
    assert status_of(working, f"{JOBS}/{name}", "Complete") == completed(2, failed=1)


def test_pods_that_a_job_needs_no_more_do_not_count(working: Server, fresh: Fresh) -> None:
    name = fresh()
    path = f"{JOBS}/{name}"
    start(working, name, completions=3, parallelism=3)
    active(working, name, 3)
    working.good("PATCH", path, {"spec": {"parallelism": 1}}, MERGE)
    until(lambda: len(pods_of(working, name)) == 1)
    working.good("PATCH", path, {"spec": {"suspend": True}}, MERGE)
    until(lambda: not pods_of(working, name))
    status = status_of(working, path, "Suspended")
    assert "failed" not in status and status["uncountedTerminatedPods"] == {}


def test_others_hold_a_pod_longer(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name)
    (pod,) = active(working, name, 1)
    working.good("PATCH", path_of(pod), {"metadata": {"finalizers": [*held_by(pod), OWN]}}, MERGE)
    tell(working, pod, "Succeeded")
    status_of(working, f"{JOBS}/{name}", "Complete")
    assert held_by(working.good("GET", path_of(pod)).body) == [OWN]
    working.good("DELETE", f"{JOBS}/{name}", {"propagationPolicy": "Background"})
    until(lambda: "deletionTimestamp" in working.good("GET", path_of(pod)).body["metadata"])
    working.good("PATCH", path_of(pod), [{"op": "remove", "path": "/metadata/finalizers"}], JSON_PATCH)
    gone(working, path_of(pod))


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_pods_go_with_their_job_also_those_that_have_ended(working: Server, fresh: Fresh, policy: str) -> None:
    name = fresh()
    start(working, name, completions=2, parallelism=2)
    tell(working, active(working, name, 2)[0], "Failed")
    working.good("DELETE", f"{JOBS}/{name}", {"propagationPolicy": policy})
    gone(working, f"{JOBS}/{name}")
    until(lambda: not pods_of(working, name))


def test_pods_that_their_job_leaves_are_let_go(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name)
    (pod,) = active(working, name, 1)
    working.good("DELETE", f"{JOBS}/{name}", {"propagationPolicy": "Orphan"})
    gone(working, f"{JOBS}/{name}")
    until(lambda: not held_by(working.good("GET", path_of(pod)).body))
    assert "deletionTimestamp" not in working.good("GET", path_of(pod)).body["metadata"]


def test_nobody_else_is_held_for_a_job(working: Server, fresh: Fresh) -> None:
    name = fresh()
    metadata = {"name": name, "finalizers": [TRACKING]}
    pod = working.good("POST", PODS, {"metadata": metadata, "spec": {"containers": [{"name": "a", "image": "i:1"}]}})
    until(lambda: not held_by(working.good("GET", path_of(pod.body)).body))


def test_a_namespace_goes_with_its_jobs(working: Server, fresh: Fresh) -> None:
    name = fresh()
    working.good("POST", NAMESPACES, {"metadata": {"name": name}})
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i:1"}]}}
    until(lambda: working.call("GET", f"{NAMESPACES}/{name}/serviceaccounts/default").code == 200)
    jobs, pods = (
        SPACE.replace("/api/v1", "/apis/batch/v1").replace("default", name) + "/jobs",
        f"{NAMESPACES}/{name}/pods",
    )
    working.good("POST", jobs, {"metadata": {"name": name}, "spec": {"template": template}})
    until(lambda: working.good("GET", pods).body["items"])
    working.good("DELETE", f"{NAMESPACES}/{name}")
    gone(working, f"{NAMESPACES}/{name}")


@pytest.mark.parametrize("end", ["Running", "Failed"])
def test_the_next_pod_of_a_part_knows_of_one_that_is_deleted(working: Server, fresh: Fresh, end: str) -> None:
    """Also of one that had failed: it is held until then."""
    name = fresh()
    start(working, name, completions=1, parallelism=1, completionMode="Indexed", backoffLimitPerIndex=1)
    (pod,) = active(working, name, 1)
    tell(working, pod, end)
    working.good("DELETE", path_of(pod))
    second = next_pod(working, name, pod)
    assert by_index([second])[0]["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] == "1"
    gone(working, path_of(pod))
    working.good("DELETE", path_of(second))
    expected = failed(2, ("FailedIndexes", "Job has failed indexes"), failedIndexes="0")
    assert status_of(working, f"{JOBS}/{name}", "Failed") == expected
