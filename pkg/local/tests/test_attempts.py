"""What trials wait for, as their pods and Jobs tell it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from katib_apis.v1beta1 import names
from katib_local.attempts import Retry, Waits, active_trials, find_waits
from katib_machinery.scalars import format_time

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def a_pod(trial: str, phase: str = "Running", message: str = "", ended: datetime = NOW) -> dict[str, Any]:
    metadata = {"name": f"{trial}-{phase}-{ended:%M%S}", "namespace": "default", "labels": {names.LABEL_TRIAL: trial}}
    placed = {"type": "PodScheduled", "status": "False" if message else "True", "message": message}
    status: dict[str, Any] = {"phase": phase, "conditions": [placed]}
    if phase == "Failed":
        status["containerStatuses"] = [{"state": {"terminated": {"exitCode": 1, "finishedAt": format_time(ended)}}}]
    return {"metadata": metadata, "status": status}


def a_job(trial: str, failed: int, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": trial, "namespace": "default"}, "spec": spec, "status": {"failed": failed}}


LACKING = {
    "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims": "CPU",
    "0/1 nodes are available: 1 Insufficient memory, 1 Insufficient nvidia.com/gpu.": "memory",
    "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. It asks for more than laptop has": "GPU",
    "0/1 nodes are available: 1 node(s) were not ready.": "a node",
}


@pytest.mark.parametrize(("message", "word"), LACKING.items(), ids=LACKING.values())
def test_a_pod_that_is_not_placed_waits_for_what_it_lacks(message: str, word: str) -> None:
    pods = [a_pod("a"), a_pod("b", "Pending", message), a_pod("stranger", "Pending", message)]
    assert find_waits({"a", "b"}, pods, []) == Waits((word,))


def test_a_failed_trial_is_tried_again_when_the_jobs_pause_is_over() -> None:
    pods = [a_pod("a", "Failed"), a_pod("a", "Failed", ended=NOW + timedelta(seconds=15))]
    (retry,) = find_waits({"a"}, pods, [a_job("a", 2)]).retries
    assert retry == Retry("a", failed=2, most=7, at=NOW + timedelta(seconds=35))


def test_an_attempt_that_has_begun_is_not_waited_for() -> None:
    waits = find_waits({"a"}, [a_pod("a", "Failed"), a_pod("a")], [a_job("a", 1, backoffLimit=2)])
    assert waits.retries == (Retry("a", failed=1, most=3),)


def test_jobs_of_others_and_jobs_that_never_failed_are_not_tried_again() -> None:
    assert find_waits({"a"}, [a_pod("b", "Failed")], [a_job("a", 0), a_job("b", 1)]) == Waits()


def test_trials_that_are_not_over_stand_in_the_experiments_status() -> None:
    assert active_trials({"status": {"runningTrialList": ["a"], "pendingTrialList": ["b"]}}) == {"a", "b"}
    assert active_trials({}) == set()
