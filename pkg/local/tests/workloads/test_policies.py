"""Rules that a Job brings for its pods' failures and successes, and limits of its indexes."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from katib_local.workloads import indexed, job, job_world, verdict
from katib_local.workloads.policies import match_failure, met_success
from katib_machinery.plan import Requeue

Json = dict[str, Any]
DISRUPTED = {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}
SECONDS = timedelta(seconds=1)


def on_codes(action: str, *values: int, operator: str = "In", **more: str) -> Json:
    return {"action": action, "onExitCodes": {"operator": operator, "values": list(values), **more}}


def on_condition(action: str, status: str = "True") -> Json:
    return {"action": action, "onPodConditions": [{"type": "DisruptionTarget", "status": status}]}


RULES: dict[str, tuple[list[Json], str]] = {
    "the first rule that is about it": ([on_codes("Ignore", 1), on_codes("Count", 3), on_codes("FailJob", 3)], "Count"),
    "all other codes": ([on_codes("FailIndex", 1, operator="NotIn")], "FailIndex"),
    "a container": (
        [on_codes("Ignore", 3, containerName="other"), on_codes("FailJob", 3, containerName="main")],
        "FailJob",
    ),
    "a condition": ([on_condition("Ignore")], "Ignore"),
    "a condition that does not hold": ([on_condition("Ignore", "False")], ""),
    "nothing": ([on_codes("FailJob", 4), on_codes("FailJob", 3, operator="NotIn")], ""),
}


@pytest.mark.parametrize("case", RULES)
def test_the_first_rule_about_a_failed_pod_decides(build: SimpleNamespace, case: str) -> None:
    rules, action = RULES[case]
    found = match_failure({"rules": rules}, build.pod("a", "Failed", code=3, status=DISRUPTED))
    assert (found.action if found is not None else "") == action


@pytest.mark.parametrize(
    ("rules", "succeeded", "expected"),
    [
        ([{"succeededIndexes": "0,2-3"}], {0, 2}, ""),
        ([{"succeededIndexes": "0,2-3"}], {0, 1, 2, 3}, "Matched rules at index 0"),
        ([{"succeededIndexes": "0-3", "succeededCount": 2}], {2, 3, 9}, "Matched rules at index 0"),
        ([{"succeededIndexes": "0-3", "succeededCount": 2}], {3, 9}, ""),
        ([{"succeededIndexes": ""}, {"succeededCount": 1}], {5}, "Matched rules at index 1"),
        ([{"succeededCount": 0}], set(), ""),
    ],
)
def test_a_job_succeeds_by_the_first_rule_that_is_met(rules: list[Json], succeeded: set[int], expected: str) -> None:
    assert met_success({"rules": rules}, succeeded) == expected


@pytest.mark.parametrize(("rule", "counts"), [(on_condition("Count"), True), (on_condition("Ignore"), False)])
def test_an_interruption_counts_only_when_a_rule_says_so(build: SimpleNamespace, rule: Json, counts: bool) -> None:
    held = build.pod("a", "Failed", code=137, status=DISRUPTED)
    world = job_world.World(build.job(podFailurePolicy={"rules": [rule]}), (held,))
    assert bool(world.failures) is counts and world.unsuccessful == [held]


def test_a_rule_that_fails_the_job_comes_before_its_limit(build: SimpleNamespace) -> None:
    held = [build.pod(name, "Failed", code=3) for name in ("b", "a")]
    rules = {"rules": [on_codes("FailJob", 3)]}
    found = verdict.judge(job_world.World(build.job(backoffLimit=0, podFailurePolicy=rules), held), build.now)
    assert (found.fate, found.reason) == (verdict.Fate.FAILING, "PodFailurePolicy")
    assert found.message == "Container main for pod default/a failed with exit code 3 matching FailJob rule at index 0"


def test_an_ignored_failure_is_followed_by_a_pause(build: SimpleNamespace) -> None:
    world = build.world(build.job(backoffLimit=0, podFailurePolicy={"rules": [on_codes("Ignore", 1)]}))
    pauses = []
    for _ in range(3):
        world.step()
        world.end(world.running()[0], "Failed")
        world.step()
        plan = job.decide_pods(world.world(), world.now)
        assert not plan.actions and plan.requeue is not None
        pauses.append(plan.requeue.after)
        world.wait(plan.requeue.after)
    world.step()
    assert pauses == [10 * SECONDS, 20 * SECONDS, 40 * SECONDS]
    assert "failed" not in world.job.raw["status"] and len(world.running()) == 1


def indexes(world: Any) -> dict[int, str]:
    """Running pods by their index."""
    return {indexed.index_of(world.pods[name]): name for name in world.running()}


def test_each_index_with_a_limit_of_its_own_has_its_own_pause(build: SimpleNamespace) -> None:
    world = build.world(build.job(completionMode="Indexed", completions=3, parallelism=3, backoffLimitPerIndex=2))
    world.step()
    world.end(indexes(world)[0], "Failed")
    world.step()
    world.wait(6 * SECONDS)
    world.end(indexes(world)[2], "Failed")
    assert job.decide_pods(world.world(), world.now).requeue.after == 4 * SECONDS
    for seconds, expected in ((4, [0, 1]), (6, [0, 1, 2])):
        world.wait(seconds * SECONDS)
        world.step()
        assert sorted(indexes(world)) == expected
    world.end(indexes(world)[1], "Succeeded")
    for failures, seconds in ((1, 20), (2, 0)):
        name = indexes(world)[0]
        assert world.pods[name].annotations[indexed.FAILURES] == str(failures)
        world.end(name, "Failed")
        world.step()
        plan = job.decide_pods(world.world(), world.now)
        assert plan.requeue == (Requeue(seconds * SECONDS) if seconds else None)
        world.wait(seconds * SECONDS)
        world.step()
    assert world.job.raw["status"]["failedIndexes"] == "0" and not world.conditions()
    world.end(indexes(world)[2], "Succeeded")
    world.step()
    assert world.conditions() == {"FailureTarget": "FailedIndexes", "Failed": "FailedIndexes"}


def test_an_index_knows_also_failures_that_were_ignored(build: SimpleNamespace) -> None:
    rules = {"rules": [on_codes("Ignore", 1)]}
    spec = {"completionMode": "Indexed", "backoffLimitPerIndex": 0, "podFailurePolicy": rules}
    world = build.world(build.job(**spec))
    for ignored, seconds in enumerate((10, 20), start=1):
        world.step()
        world.end(indexes(world)[0], "Failed")
        world.step()
        assert not world.running()
        world.wait(seconds * SECONDS)
        world.step()
        notes = world.pods[indexes(world)[0]].annotations
        assert (notes[indexed.FAILURES], notes[indexed.IGNORED]) == ("0", str(ignored))


@pytest.mark.parametrize(("replacement", "made"), [("Failed", 0), ("TerminatingOrFailed", 1)])
@pytest.mark.parametrize("mode", ["Indexed", "NonIndexed"])
def test_a_pod_that_ends_is_replaced_as_the_job_says(
    build: SimpleNamespace, replacement: str, made: int, mode: str
) -> None:
    metadata = {"deletionTimestamp": "2026-01-01T12:00:00Z", "annotations": {indexed.INDEX: "0"}}
    held = build.pod("train-0-a", metadata=metadata)
    owner = build.job(completionMode=mode, completions=2, podReplacementPolicy=replacement)
    created = [action.obj for action in job.decide_pods(job_world.World(owner, (held,)), build.now).actions[:1]]
    assert len(created) == made
    if made and mode == "Indexed":
        assert indexed.index_of(created[0]) == 0


LIMITS = st.fixed_dictionaries(
    {
        "completions": st.integers(1, 5),
        "parallelism": st.integers(1, 5),
        "backoffLimitPerIndex": st.integers(0, 2),
        "backoffLimit": st.just(2**31 - 1),
    },
    optional={
        "maxFailedIndexes": st.integers(0, 2),
        "successPolicy": st.sampled_from(
            [{"rules": [{"succeededCount": 1}]}, {"rules": [{"succeededIndexes": "0,2"}]}]
        ),
    },
)
ENDS = st.lists(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=3), max_size=30)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=LIMITS, steps=ENDS)
def test_no_history_breaks_the_limits_of_indexes(build: SimpleNamespace, spec: Json, steps: list[Any]) -> None:
    """No index has two pods at once, none is tried after its limit or its success, and what is said stays said."""
    world = build.world(build.job(completionMode="Indexed", **spec))
    failed: dict[int, int] = {}
    for ends in steps:
        world.step()
        running = [indexed.index_of(world.pods[name]) for name in world.running()]
        assert len(running) == len(set(running)) <= spec["parallelism"]
        assert all(failed.get(index, 0) <= spec["backoffLimitPerIndex"] for index in running)
        done = indexed.parse(world.job.raw["status"].get("completedIndexes", ""))
        given_up = indexed.parse(world.job.raw["status"]["failedIndexes"])
        assert not (done | given_up) & set(running) and not done & given_up
        for place, good in ends:
            if names := world.running():
                name = names[place % len(names)]
                index = indexed.index_of(world.pods[name])
                failed[index] = failed.get(index, 0) + (not good)
                world.end(name, "Succeeded" if good else "Failed")
        world.wait(timedelta(minutes=2))
    for _ in range(2):
        world.step()
    if world.conditions():
        assert len(world.conditions()) == 2 and not world.running()
