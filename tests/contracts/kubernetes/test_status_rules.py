"""What a status of Kubernetes' own kinds may not say, and how a Status says so, in the words of a real server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contracts.kubernetes.servers import MERGE, SPACE, Answer, Json, Server

JOBS = "/apis/batch/v1/namespaces/default/jobs"
AT, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
TEMPLATE: Json = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "i:1"}]}}
SOLE: Json = {"managedBy": "example.com/nobody"}
Fresh = Callable[[], str]


def true(*types: str) -> list[Json]:
    return [{"type": name, "status": "True", "lastProbeTime": AT, "lastTransitionTime": AT} for name in types]


def said(answer: Answer) -> list[str]:
    """What is wrong, in any order; nothing of what is taken."""
    if answer.code == 200:
        return []
    assert (answer.code, answer.body["reason"]) == (422, "Invalid"), answer.body
    return sorted(f"{cause['field']}: {cause['message']}" for cause in answer.body["details"]["causes"])


def conditions(*texts: str) -> list[str]:
    return sorted(f"status.conditions: Invalid value: cannot {text}" for text in texts)


DONE: Json = {"startTime": AT, "completionTime": AT, "conditions": true("Complete", "SuccessCriteriaMet")}
FAILED: Json = {"startTime": AT, "conditions": true("Failed", "FailureTarget")}
NEGATIVE = "Invalid value: -1: must be greater than or equal to 0"
COMPLETION, START = "status.completionTime", "status.startTime"
FIXED_START = "field is immutable for unsuspended job once set"
WRONG_JOBS: dict[str, tuple[Json, Json, Json, list[str]]] = {
    "success and failure": (
        {},
        {},
        {**DONE, "conditions": true("Complete", "SuccessCriteriaMet", "Failed", "FailureTarget")},
        conditions(
            "set Complete=True and Failed=true conditions",
            "set Complete=True and FailureTarget=true conditions",
            "set SuccessCriteriaMet=True and Failed=true conditions",
            "set SuccessCriteriaMet=True and FailureTarget=true conditions",
        ),
    ),
    "complete without a criterion": (
        {},
        {},
        {**DONE, "conditions": true("Complete")},
        conditions("set Complete=True condition without the SuccessCriteriaMet=true condition"),
    ),
    "failed without a target": (
        {},
        {},
        {**FAILED, "conditions": true("Failed")},
        conditions("set Failed=True condition without the FailureTarget=true condition"),
    ),
    "complete at no time": (
        {},
        {},
        {"conditions": DONE["conditions"]},
        [
            f"{COMPLETION}: Required value: completionTime is required for Complete jobs",
            f"{START}: Required value: startTime is required for finished job",
        ],
    ),
    "complete before its start": (
        {},
        {},
        {**DONE, "startTime": LATER},
        [f'{COMPLETION}: Invalid value: "{AT}": must be equal to or after `startTime`'],
    ),
    "a time without completion": (
        {},
        {},
        {"completionTime": AT},
        [f'{COMPLETION}: Invalid value: "{AT}": cannot set completionTime when there is no Complete=True condition'],
    ),
    "another time of completion": (
        {},
        DONE,
        {"completionTime": LATER},
        [f'{COMPLETION}: Invalid value: "{LATER}": field is immutable'],
    ),
    "active though it is over": (
        {},
        FAILED,
        {"active": 1},
        ["status.active: Invalid value: 1: active>0 is invalid for finished job"],
    ),
    "ending though it is over": (
        {},
        {},
        {**DONE, "terminating": 1},
        ["status.terminating: Invalid value: 1: terminating>0 is invalid for finished job"],
    ),
    "uncounted though it is over": (
        {},
        {},
        {**DONE, "uncountedTerminatedPods": {"succeeded": ["a"]}},
        [
            'status.uncountedTerminatedPods: Invalid value: {"Succeeded":["a"],"Failed":null}: '
            "must be empty for finished job"
        ],
    ),
    "failure is taken back": (
        {},
        FAILED,
        {"conditions": []},
        conditions("disable the terminal Failed=True condition", "disable the terminal FailureTarget=True condition"),
    ),
    "success is taken back": (
        {},
        DONE,
        {"conditions": [], "completionTime": None},
        conditions("disable the terminal Complete=True condition", "disable the SuccessCriteriaMet=True condition"),
    ),
    "fewer have succeeded": (
        {},
        {"succeeded": 2},
        {"succeeded": 1},
        ["status.succeeded: Invalid value: 1: cannot decrease the succeeded counter"],
    ),
    "fewer have failed": (
        {},
        {"failed": 2},
        {"failed": 1},
        ["status.failed: Invalid value: 1: cannot decrease the failed counter"],
    ),
    "fewer of a job that can shrink": (
        {"completionMode": "Indexed", "completions": 3, "parallelism": 3},
        {"succeeded": 2},
        {"succeeded": 1},
        [],
    ),
    "another start": (
        {},
        {"startTime": AT},
        {"startTime": LATER},
        [f'{START}: Invalid value: "{LATER}": {FIXED_START}'],
    ),
    "no start any more": ({}, {"startTime": AT}, {"startTime": None}, [f"{START}: Invalid value: null: {FIXED_START}"]),
    "no start of one that waits": ({"suspend": True}, {"startTime": AT}, {"startTime": None}, []),
    "complete with nothing to do": (
        {"suspend": True, "completions": 0},
        {},
        {"completionTime": AT, "conditions": DONE["conditions"]},
        [],
    ),
    "more ready than active": (
        {},
        {},
        {"ready": 2, "active": 1},
        ["status.ready: Invalid value: 2: cannot set more ready pods than active"],
    ),
    "indexes of a job that has none": (
        {},
        {},
        {"completedIndexes": "0", "failedIndexes": "1"},
        [
            'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed '
            "completion mode",
            'status.failedIndexes: Invalid value: "1": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
        ],
    ),
    "fewer than none": (
        {},
        {},
        {"active": -1, "ready": -1, "terminating": -1},
        [f"status.{name}: {NEGATIVE}" for name in ("active", "ready", "terminating")],
    ),
    "success, and then failure": (
        {},
        DONE,
        {"conditions": true("Failed", "FailureTarget"), "completionTime": None},
        conditions("disable the terminal Complete=True condition", "disable the SuccessCriteriaMet=True condition"),
    ),
    "complete as it should be": ({}, {"startTime": AT, "active": 1}, {**DONE, "active": 0, "succeeded": 1}, []),
    "failed as it should be": ({}, {"startTime": AT, "active": 1}, {**FAILED, "active": 0, "failed": 1}, []),
}


@pytest.mark.parametrize("case", WRONG_JOBS)
def test_a_job_is_not_said_to_be_what_it_cannot_be(server: Server, fresh: Fresh, case: str) -> None:
    (spec, before, status, causes), name = WRONG_JOBS[case], fresh()
    template = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
    server.good("POST", JOBS, {"metadata": {"name": name}, "spec": {"template": template, **SOLE, **spec}})
    place = f"{JOBS}/{name}/status"
    server.good("PATCH", place, {"status": before}, MERGE)
    assert said(server.call("PATCH", place, {"status": status}, MERGE)) == causes


MORE = "cannot be greater than status.replicas"
WRONG_REPLICAS: dict[str, tuple[str, Json, set[str]]] = {
    "fewer than none": ("deployments", {"replicas": -1}, {f"status.replicas: {NEGATIVE}"}),
    "fewer than none of a set": ("replicasets", {"replicas": -1}, {f"status.replicas: {NEGATIVE}"}),
    "unavailable": ("deployments", {"unavailableReplicas": -1}, {f"status.unavailableReplicas: {NEGATIVE}"}),
    "seen": ("deployments", {"observedGeneration": -1}, {f"status.observedGeneration: {NEGATIVE}"}),
    "more than all": (
        "deployments",
        {"replicas": 1, "updatedReplicas": 2, "readyReplicas": 2},
        {f"status.updatedReplicas: Invalid value: 2: {MORE}", f"status.readyReplicas: Invalid value: 2: {MORE}"},
    ),
    "more labelled than all": (
        "replicasets",
        {"replicas": 1, "fullyLabeledReplicas": 2},
        {f"status.fullyLabeledReplicas: Invalid value: 2: {MORE}"},
    ),
    "more available than ready": (
        "replicasets",
        {"replicas": 3, "readyReplicas": 1, "availableReplicas": 2},
        {"status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas"},
    ),
}


@pytest.mark.parametrize("case", WRONG_REPLICAS)
def test_replicas_are_counted_and_not_more_than_there_are(server: Server, fresh: Fresh, case: str) -> None:
    (plural, status, causes), name = WRONG_REPLICAS[case], fresh()
    path = f"/apis/apps/v1/namespaces/default/{plural}"
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}
    server.good("POST", path, {"metadata": {"name": name}, "spec": spec})
    assert causes <= set(said(server.call("PATCH", f"{path}/{name}/status", {"status": status}, MERGE)))


ENDED = "Forbidden: may not be transitioned to non-terminated state"
ONCE, AGAIN = {"initContainers": [{"name": "b", "image": "i:1"}]}, {"initContainers": [{"name": "b", "image": "i:1"}]}
AGAIN["initContainers"][0]["restartPolicy"] = "Always"
RETURNS: dict[str, tuple[str, Json, str, int, bool]] = {
    "Never, failed": ("Never", {}, "a", 1, False),
    "Never, succeeded": ("Never", {}, "a", 0, False),
    "OnFailure, failed": ("OnFailure", {}, "a", 1, True),
    "OnFailure, succeeded": ("OnFailure", {}, "a", 0, False),
    "Always, succeeded": ("Always", {}, "a", 0, True),
    "before the others": ("Never", ONCE, "b", 1, False),
    "before the others, Always": ("Always", ONCE, "b", 0, True),
    "a sidecar": ("Never", AGAIN, "b", 0, True),
}


@pytest.mark.parametrize("case", RETURNS)
def test_a_container_that_has_ended_runs_again_only_where_it_may(server: Server, fresh: Fresh, case: str) -> None:
    (policy, more, container, code, may), name = RETURNS[case], fresh()
    containers = [{"name": "a", "image": "i:1"}]
    spec = {"restartPolicy": policy, "nodeName": "nowhere", "containers": containers, **more}
    server.good("POST", f"{SPACE}/pods", {"metadata": {"name": name}, "spec": spec})
    field = "containerStatuses" if container == "a" else "initContainerStatuses"

    def report(state: Json) -> Answer:
        entry = {"name": container, "image": "i:1", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        return server.call("PATCH", f"{SPACE}/pods/{name}/status", {"status": {field: [entry]}}, MERGE)

    assert report({"terminated": {"exitCode": code, "startedAt": AT, "finishedAt": AT}}).code == 200
    assert said(report({"running": {"startedAt": AT}})) == ([] if may else [f"status.{field}[0].state: {ENDED}"])


WRONG_NODES = {
    "a negative capacity": (
        {"capacity": {"cpu": "-1"}},
        f'status.capacity.cpu: {NEGATIVE.replace("-1", chr(34) + "-1" + chr(34))}',
    ),
    "half a GPU": (
        {"capacity": {"example.com/gpu": "1500m"}},
        'status.capacity.example.com/gpu: Invalid value: "1500m": must be an integer',
    ),
    "half a pod": (
        {"allocatable": {"pods": "1500m"}},
        'status.allocatable.pods: Invalid value: "1500m": must be an integer',
    ),
}


@pytest.mark.parametrize("case", WRONG_NODES)
def test_a_node_has_no_less_than_nothing(server: Server, fresh: Fresh, case: str) -> None:
    (status, cause), name = WRONG_NODES[case], fresh()
    assert cause in said(server.call("POST", "/api/v1/nodes", {"metadata": {"name": name}, "status": status}))
    server.good("POST", "/api/v1/nodes", {"metadata": {"name": name}})
    assert cause in said(server.call("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, MERGE))
    server.good("DELETE", f"/api/v1/nodes/{name}")
