"""What a Job makes of its pods' failures and successes when it says so itself: its policies, without a node."""

from __future__ import annotations

import pytest
from contracts.kubernetes.jobs import (
    JOBS,
    LIMIT,
    MET,
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
from contracts.kubernetes.servers import SPACE, Json, Server, until

BOTH = {"containers": [{"name": "a", "image": "i:1"}, {"name": "b", "image": "i:1"}]}
INIT = {"initContainers": [{"name": "first", "image": "i:1"}]}
FAILURES, IGNORED = (
    "batch.kubernetes.io/job-index-failure-count",
    "batch.kubernetes.io/job-index-ignored-failure-count",
)
PARTS: Json = {"completionMode": "Indexed", "completions": 3, "parallelism": 3}


def on_codes(action: str, *values: int, operator: str = "In", **more: str) -> Json:
    return {"action": action, "onExitCodes": {"operator": operator, "values": list(values), **more}}


def on_condition(action: str, kind: str = "DisruptionTarget") -> Json:
    return {"action": action, "onPodConditions": [{"type": kind, "status": "True"}]}


def policy(*rules: Json) -> Json:
    return {"podFailurePolicy": {"rules": list(rules)}}


def by_rule(pod: Json, what: str, index: int) -> tuple[str, str]:
    """Reason and message of a Job that a rule has failed; `what` is said of the pod."""
    told = what.format(f"default/{pod['metadata']['name']}")
    return "PodFailurePolicy", f"{told} matching FailJob rule at index {index}"


# The rules, what the pod's spec has more, how the pod ends, what is told of it, and by which rule.
FAILING: dict[str, tuple[list[Json], Json, Json, str, int]] = {
    "a code": (
        [on_codes("FailJob", 41, 42)],
        {},
        {"codes": {"a": 42}},
        "Container a for pod {} failed with exit code 42",
        0,
    ),
    "any code but one": (
        [on_codes("FailJob", 1, operator="NotIn")],
        {},
        {"codes": {"a": 2}},
        "Container a for pod {} failed with exit code 2",
        0,
    ),
    "a code of a container": (
        [on_codes("Ignore", 1, containerName="b"), on_codes("FailJob", 1, containerName="a")],
        BOTH,
        {"codes": {"b": 2, "a": 1}},
        "Container a for pod {} failed with exit code 1",
        1,
    ),
    "the first container of any": (
        [on_codes("FailJob", 1, 2)],
        BOTH,
        {"codes": {"b": 2, "a": 1}},
        "Container b for pod {} failed with exit code 2",
        0,
    ),
    "a code of an init container": (
        [on_codes("FailJob", 3)],
        INIT,
        {"codes": {"first": 3}},
        "Container first for pod {} failed with exit code 3",
        0,
    ),
    "a condition": (
        [on_codes("Ignore", 9), on_condition("FailJob")],
        {},
        {"more": "DisruptionTarget"},
        "Pod {} has condition DisruptionTarget",
        1,
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_rule_fails_the_job_at_once(working: Server, fresh: Fresh, case: str) -> None:
    """With all of its pods, whatever is left of `backoffLimit`."""
    rules, pod, end, what, index = FAILING[case]
    name = fresh()
    start(working, name, completions=2, parallelism=2, pod=pod, **policy(*rules))
    bad = active(working, name, 2)[0]
    tell(working, bad, "Failed", **end)
    assert status_of(working, f"{JOBS}/{name}", "Failed") == failed(2, by_rule(bad, what, index))
    assert [pod["metadata"]["name"] for pod in pods_of(working, name)] == [bad["metadata"]["name"]]


def test_events_tell_which_rule_failed_the_job(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, **policy(on_codes("FailJob", 42)))
    (pod,) = active(working, name, 1)
    tell(working, pod, "Failed", codes={"a": 42})
    query = {"fieldSelector": f"involvedObject.kind=Job,involvedObject.name={name}"}
    look = lambda: working.good("GET", f"{SPACE}/events", **query).body["items"]  # noqa: E731
    until(lambda: len(look()) == 2)
    told = {(event["type"], *(event[field] for field in ("reason", "message"))) for event in look()}
    why = by_rule(pod, "Container a for pod {} failed with exit code 42", 0)
    assert ("Warning", *why) in told


NOT_FAILING: dict[str, tuple[list[Json], Json, Json]] = {
    "another code": ([on_codes("FailJob", 42)], {}, {}),
    "a code of another container": ([on_codes("FailJob", 1, containerName="b")], BOTH, {"codes": {"a": 1, "b": 0}}),
    "no code but zero": (
        [on_codes("FailJob", 1, operator="NotIn", containerName="b")],
        BOTH,
        {"codes": {"a": 1, "b": 0}},
    ),
    "a rule before it": ([on_codes("Count", 1), on_codes("FailJob", 1)], {}, {}),
    "another condition": ([on_condition("FailJob", "Odd")], {}, {}),
}


@pytest.mark.parametrize("case", NOT_FAILING)
def test_a_failure_that_no_rule_is_about_counts(working: Server, fresh: Fresh, case: str) -> None:
    rules, pod, end = NOT_FAILING[case]
    name = fresh()
    start(working, name, backoffLimit=0, pod=pod, **policy(*rules))
    tell(working, active(working, name, 1)[0], "Failed", **end)
    assert status_of(working, f"{JOBS}/{name}", "Failed") == failed(1, LIMIT)


@pytest.mark.parametrize("rule", [on_codes("Ignore", 42), on_condition("Ignore")], ids=["code", "condition"])
def test_an_ignored_failure_is_tried_again_and_not_counted(working: Server, fresh: Fresh, rule: Json) -> None:
    name = fresh()
    start(working, name, backoffLimit=0, **policy(rule))
    (pod,) = active(working, name, 1)
    tell(working, pod, "Failed", codes={"a": 42}, more="DisruptionTarget")
    (second,) = until(
        lambda: [held for held in active_now(working, name) if held["metadata"]["uid"] != pod["metadata"]["uid"]]
    )
    assert len(pods_of(working, name)) == 2
    tell(working, second, "Succeeded")
    assert status_of(working, f"{JOBS}/{name}", "Complete") == completed(1)


def active_now(server: Server, name: str) -> list[Json]:
    return [pod for pod in pods_of(server, name) if pod["status"]["phase"] in ("Pending", "Running")]


def test_failures_count_against_the_limit_of_their_part(working: Server, fresh: Fresh) -> None:
    """The others go on; a Job with a part that has failed fails when nothing more can be done."""
    name = fresh()
    start(working, name, backoffLimitPerIndex=0, **PARTS)
    found = by_index(active(working, name, 3))
    assert all(pod["metadata"]["annotations"][FAILURES] == "0" for pod in found.values())
    assert until(lambda: told_of(working, name, active=3))["failedIndexes"] == ""
    tell(working, found[1], "Failed")
    status = until(lambda: told_of(working, name, active=2, failed=1, failedIndexes="1"))
    assert status["conditions"] == []
    tell(working, found[0], "Succeeded")
    tell(working, found[2], "Succeeded")
    expected = failed(
        1, ("FailedIndexes", "Job has failed indexes"), succeeded=2, completedIndexes="0,2", failedIndexes="1"
    )
    assert status_of(working, f"{JOBS}/{name}", "Failed") == expected
    assert len(pods_of(working, name)) == 3


def test_a_part_is_tried_again_as_often_as_it_may(working: Server, fresh: Fresh) -> None:
    """Its pods know how often that was."""
    name = fresh()
    start(working, name, backoffLimitPerIndex=1, **{**PARTS, "completions": 2, "parallelism": 1})
    first = by_index(active(working, name, 1))[0]
    tell(working, first, "Failed")
    until(lambda: told_of(working, name, failed=1))
    again = by_index(until(lambda: [held for held in active_now(working, name) if _uid(held) != _uid(first)]))
    ((index, pod),) = again.items()
    assert (index, pod["metadata"]["annotations"][FAILURES]) == (0, "1")
    tell(working, pod, "Failed")
    until(lambda: told_of(working, name, failedIndexes="0", failed=2))
    tell(working, by_index(active(working, name, 1))[1], "Succeeded")
    assert status_of(working, f"{JOBS}/{name}", "Failed")["completedIndexes"] == "1"


def _uid(pod: Json) -> str:
    uid: str = pod["metadata"]["uid"]
    return uid


def test_too_many_failed_parts_fail_the_job(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, backoffLimitPerIndex=0, maxFailedIndexes=1, **PARTS)
    found = by_index(active(working, name, 3))
    tell(working, found[0], "Failed")
    until(lambda: told_of(working, name, failedIndexes="0"))
    tell(working, found[2], "Failed")
    why = ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
    assert status_of(working, f"{JOBS}/{name}", "Failed") == failed(3, why, failedIndexes="0,2")
    assert sorted(by_index(pods_of(working, name))) == [0, 2]


def test_a_rule_gives_a_part_up_at_once(working: Server, fresh: Fresh) -> None:
    name = fresh()
    rules = policy(on_codes("FailIndex", 42), on_codes("Ignore", 43))
    start(working, name, backoffLimitPerIndex=5, **{**PARTS, "completions": 2, "parallelism": 2}, **rules)
    found = by_index(active(working, name, 2))
    tell(working, found[0], "Failed", codes={"a": 42})
    until(lambda: told_of(working, name, failedIndexes="0", failed=1, active=1))
    tell(working, found[1], "Failed", codes={"a": 43})
    second = by_index(until(lambda: [held for held in active_now(working, name) if _uid(held) != _uid(found[1])]))[1]
    notes = second["metadata"]["annotations"]
    assert (notes[FAILURES], notes[IGNORED]) == ("0", "1")
    tell(working, second, "Succeeded")
    expected = failed(
        1, ("FailedIndexes", "Job has failed indexes"), succeeded=1, completedIndexes="1", failedIndexes="0"
    )
    assert status_of(working, f"{JOBS}/{name}", "Failed") == expected


# The rules, which parts succeed, and which rule is met.
MEETING: dict[str, tuple[list[Json], list[int], int]] = {
    "parts": ([{"succeededIndexes": "0,2"}], [0, 2], 0),
    "a number of parts": ([{"succeededCount": 2}], [1, 3], 0),
    "some of some parts": ([{"succeededIndexes": "0"}, {"succeededIndexes": "1-3", "succeededCount": 2}], [3, 1], 1),
}


@pytest.mark.parametrize("case", MEETING)
def test_a_job_succeeds_with_the_parts_that_it_needs(working: Server, fresh: Fresh, case: str) -> None:
    rules, parts, index = MEETING[case]
    name = fresh()
    start(working, name, successPolicy={"rules": rules}, **{**PARTS, "completions": 4, "parallelism": 4})
    found = by_index(active(working, name, 4))
    for part in parts:
        tell(working, found[part], "Succeeded")
    why = ("SuccessPolicy", f"Matched rules at index {index}")
    conditions = [(MET, "True", *why), ("Complete", "True", *why)]
    done = ",".join(map(str, sorted(parts)))
    expected = completed(2, conditions=conditions, completedIndexes=done)
    assert status_of(working, f"{JOBS}/{name}", "Complete") == expected
    assert sorted(by_index(pods_of(working, name))) == sorted(parts)


def test_a_job_whose_parts_are_all_done_needs_no_rule(working: Server, fresh: Fresh) -> None:
    name = fresh()
    rules = [{"succeededIndexes": "0-1", "succeededCount": 2}]
    start(working, name, successPolicy={"rules": rules}, backoffLimitPerIndex=0, **PARTS)
    found = by_index(active(working, name, 3))
    tell(working, found[0], "Failed")
    until(lambda: told_of(working, name, failedIndexes="0"))
    tell(working, found[1], "Succeeded")
    tell(working, found[2], "Succeeded")
    why = ("FailedIndexes", "Job has failed indexes")
    expected = failed(1, why, succeeded=2, completedIndexes="1,2", failedIndexes="0")
    assert status_of(working, f"{JOBS}/{name}", "Failed") == expected


def test_a_pod_that_is_about_to_end_is_replaced(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, podReplacementPolicy="TerminatingOrFailed", **{**PARTS, "completions": 2, "parallelism": 1})
    (pod,) = active(working, name, 1)
    path = place(working, pod)
    working.good("DELETE", path)
    until(lambda: told_of(working, name, terminating=1, active=1))
    assert by_index(active(working, name, 1)).keys() == {0}
    release(working, path)
    until(lambda: told_of(working, name, terminating=0, active=1))


def test_a_pod_is_not_replaced_before_it_has_ended(working: Server, fresh: Fresh) -> None:
    name = fresh()
    start(working, name, podReplacementPolicy="Failed", **{**PARTS, "completions": 2, "parallelism": 1})
    (pod,) = active(working, name, 1)
    path = place(working, pod)
    working.good("DELETE", path)
    status = until(lambda: told_of(working, name, terminating=1))
    assert "active" not in status and "failed" not in status and len(pods_of(working, name)) == 1
    tell(working, pod, "Failed")
    release(working, path)
    assert by_index(active(working, name, 1)).keys() == {0}
    assert until(lambda: told_of(working, name, terminating=0, active=1))["failed"] == 1


@pytest.mark.parametrize(
    ("end", "first", "last"), [("Failed", "FailureTarget", "Failed"), ("Succeeded", MET, "Complete")]
)
def test_a_job_has_ended_when_its_last_pod_has(working: Server, fresh: Fresh, end: str, first: str, last: str) -> None:
    """What it comes to is told before."""
    name = fresh()
    rules = {"successPolicy": {"rules": [{"succeededCount": 1}]}}
    start(working, name, backoffLimit=0, **{**PARTS, "completions": 2, "parallelism": 2}, **rules)
    found = active(working, name, 2)
    path = place(working, found[1])
    tell(working, found[0], end)
    status = until(lambda: told_of(working, name, terminating=1))
    assert [condition[0] for condition in status["conditions"]] == [first] and "active" not in status
    release(working, path)
    assert [condition[0] for condition in status_of(working, f"{JOBS}/{name}", last)["conditions"]] == [first, last]


def test_policies_have_the_defaults_of_kubernetes(working: Server, fresh: Fresh) -> None:
    parts = start(working, fresh(), suspend=True, backoffLimitPerIndex=1, **PARTS).body["spec"]
    assert (parts["backoffLimit"], parts["podReplacementPolicy"]) == (2**31 - 1, "TerminatingOrFailed")
    rules = policy({"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]})
    ruled = start(working, fresh(), suspend=True, **rules).body["spec"]
    assert (ruled["backoffLimit"], ruled["podReplacementPolicy"]) == (6, "Failed")
    (rule,) = ruled["podFailurePolicy"]["rules"]
    assert rule["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]


def test_a_job_of_another_controller_is_left_alone(working: Server, fresh: Fresh) -> None:
    foreign, name = fresh(), fresh()
    start(working, foreign, managedBy="example.com/else")
    start(working, name, managedBy="kubernetes.io/job-controller")
    active(working, name, 1)
    assert working.good("GET", f"{JOBS}/{foreign}").body.get("status") == {}
    assert pods_of(working, foreign) == []
