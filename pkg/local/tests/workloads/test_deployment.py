"""Deployments and ReplicaSets: as many pods as wanted, a new template replaces the old one, and the status tells."""

from __future__ import annotations

import copy
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from katib_local.workloads import deployment, indexed, replica_set
from katib_local.workloads.revisions import DESIRED, MOST, REVISION
from katib_local.workloads.rolling import Bounds, bounds, counts_of_old
from katib_machinery.objects import PODS, Unstructured
from katib_machinery.plan import Create, Delete, Plan, Update, UpdateStatus

TEMPLATE = {"metadata": {"labels": {"app": "s"}}, "spec": {"containers": [{"name": "main", "image": "i:1"}]}}


def an_owner(kind: str, replicas: int | None = 1, **spec: Any) -> Unstructured:
    wanted = {"selector": {"matchLabels": {"app": "s"}}, "template": copy.deepcopy(TEMPLATE), **spec}
    if replicas is not None:
        wanted["replicas"] = replicas
    metadata = {"name": "serve", "namespace": "default", "uid": "u2", "generation": 3}
    return Unstructured({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": wanted})


def created(plan: Plan) -> list[Unstructured]:
    return [action.obj for action in plan.actions if isinstance(action, Create)]


def written(plan: Plan) -> dict[str, Any]:
    status: dict[str, Any] = next(
        action.obj.raw["status"] for action in plan.actions if isinstance(action, UpdateStatus)
    )
    return status


@pytest.mark.parametrize(("replicas", "expected"), [(None, 1), (0, 0), (3, 3)])
def test_a_replica_set_makes_what_is_missing(build: SimpleNamespace, replicas: int | None, expected: int) -> None:
    owner = an_owner("ReplicaSet", replicas)
    pods = created(replica_set.decide_pods(replica_set.World(owner, ()), build.now))
    assert len(pods) == expected == len({pod.name for pod in pods})
    again = created(replica_set.decide_pods(replica_set.World(owner, ()), build.now))
    assert [pod.name for pod in again] == [pod.name for pod in pods]


def test_a_replica_set_deletes_what_is_too_much_the_unready_first(build: SimpleNamespace) -> None:
    ready = build.pod("a", status={"conditions": [{"type": "Ready", "status": "True"}]})
    plan = replica_set.decide_pods(replica_set.World(an_owner("ReplicaSet", 1), (ready, build.pod("b"))), build.now)
    assert [action.obj.name for action in plan.actions if isinstance(action, Delete)] == ["b"]


def test_a_pod_that_ends_is_replaced_after_a_pause(build: SimpleNamespace) -> None:
    world = replica_set.World(an_owner("ReplicaSet"), (build.pod("a", "Failed", code=1),))
    waiting = replica_set.decide_pods(world, build.now)
    assert not waiting.actions and waiting.requeue is not None
    plan = replica_set.decide_pods(world, build.now + waiting.requeue.after)
    assert len(created(plan)) == 1
    assert [action.obj.name for action in plan.actions if isinstance(action, Delete)] == ["a"]


def test_a_replica_set_counts_ready_pods_as_available_after_a_while(build: SimpleNamespace) -> None:
    since = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T12:00:00Z"}
    world = replica_set.World(
        an_owner("ReplicaSet", minReadySeconds=30), (build.pod("a", status={"conditions": [since]}),)
    )
    plan = replica_set.decide_status(world, build.now)
    assert written(plan)["readyReplicas"] == 1 and "availableReplicas" not in written(plan)
    assert plan.requeue is not None and plan.requeue.after == timedelta(seconds=30)
    later = written(replica_set.decide_status(world, build.now + timedelta(seconds=30)))
    assert later["availableReplicas"] == 1 and later["observedGeneration"] == 3


def test_a_refused_pod_is_told_in_the_status(build: SimpleNamespace) -> None:
    world = replica_set.World(an_owner("ReplicaSet"), (), failure="quota is used up")
    (condition,) = written(replica_set.decide_status(world, build.now))["conditions"]
    assert (condition["type"], condition["reason"], condition["message"]) == (
        "ReplicaFailure",
        "FailedCreate",
        "quota is used up",
    )


def test_a_deployment_makes_one_replica_set_for_each_template(build: SimpleNamespace) -> None:
    owner = an_owner("Deployment", 2)
    (made,) = created(deployment.decide_replica_sets(deployment.World(owner, ()), build.now))
    assert made.raw["spec"]["replicas"] == 2
    label = made.raw["metadata"]["labels"]["pod-template-hash"]
    assert made.name == f"serve-{label}"
    assert made.raw["spec"]["selector"]["matchLabels"]["pod-template-hash"] == label
    other = an_owner("Deployment", 2)
    other.raw["spec"]["template"]["spec"]["containers"][0]["image"] = "i:2"
    assert deployment.replica_set_name(other) != made.name


def of(owner: Unstructured, status: dict[str, Any], number: int = 1) -> Unstructured:
    """The Deployment's ReplicaSet as it may look later."""
    made = deployment.desired_replica_set(owner, replica_set.replicas(owner), {REVISION: str(number)})
    return Unstructured({**made.raw, "status": status})


def test_the_lowest_revisions_are_forgotten_whatever_they_are_called(build: SimpleNamespace) -> None:
    owner = an_owner("Deployment", 0, revisionHistoryLimit=2)
    old = []
    for name, number in (("a", 4), ("b", 3), ("c", 2), ("d", 10)):
        made = of(owner, {}, number).to_dict()
        made["metadata"]["name"] = name
        made["spec"]["template"]["spec"]["containers"][0]["image"] = f"i:{number}"
        old.append(Unstructured(made))
    plan = deployment.decide_replica_sets(deployment.World(owner, [*old, of(owner, {}, 11)]), build.now)
    assert [action.obj.name for action in plan.actions if isinstance(action, Delete)] == ["c", "b"]


def resized(plan: Plan) -> list[Unstructured]:
    return [
        action.obj
        for action in plan.actions
        if isinstance(action, Update) and action.resource == replica_set.REPLICA_SETS
    ]


def test_the_old_replica_set_goes_down_when_the_new_one_is_available(build: SimpleNamespace) -> None:
    before = an_owner("Deployment")
    after = an_owner("Deployment")
    after.raw["spec"]["template"]["spec"]["containers"][0]["image"] = "i:2"
    old = of(before, {"replicas": 1, "availableReplicas": 1})
    coming, there = of(after, {}, 2), of(after, {"replicas": 1, "availableReplicas": 1}, 2)
    waiting = deployment.decide_replica_sets(deployment.World(after, (old, coming)), build.now)
    assert not resized(waiting)
    plan = deployment.decide_replica_sets(deployment.World(after, (old, there)), build.now)
    (scaled,) = resized(plan)
    assert scaled.name == old.name and scaled.raw["spec"]["replicas"] == 0


def test_recreate_ends_the_old_pods_first(build: SimpleNamespace) -> None:
    before = an_owner("Deployment", strategy={"type": "Recreate"})
    after = an_owner("Deployment", strategy={"type": "Recreate"})
    after.raw["spec"]["template"]["spec"]["containers"][0]["image"] = "i:2"
    plan = deployment.decide_replica_sets(deployment.World(after, (of(before, {"replicas": 1}),)), build.now)
    assert not created(plan)
    assert [held.raw["spec"]["replicas"] for held in resized(plan)] == [0]


@pytest.mark.parametrize(
    ("surge", "missing", "wanted", "expected"),
    [
        ("25%", "25%", 2, Bounds(3, 2)),
        ("25%", "25%", 10, Bounds(13, 8)),
        (0, 0, 3, Bounds(3, 2)),
        (1, 5, 3, Bounds(4, 0)),
        (1, 1, 0, Bounds(1, 0)),
    ],
)
def test_parts_of_pods_are_more_pods_and_no_fewer(surge: Any, missing: Any, wanted: int, expected: Bounds) -> None:
    spec = {"strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": missing}}}
    assert bounds(spec, wanted) == expected


def test_of_old_pods_those_that_serve_nobody_go_first() -> None:
    old = [of(an_owner("Deployment", 2), {"availableReplicas": 2}), of(an_owner("Deployment", 3), {})]
    for number, held in enumerate(old):
        held.raw["metadata"]["name"] = str(number)
    assert counts_of_old(old, 0, 4) == {"0": 2, "1": 2}
    assert counts_of_old(old, 2, 3) == {"0": 1, "1": 0}


@pytest.mark.parametrize(("available", "status"), [(0, "False"), (1, "True")])
def test_a_deployment_is_available_when_its_pods_are(build: SimpleNamespace, available: int, status: str) -> None:
    owner = an_owner("Deployment")
    held = of(owner, {"replicas": 1, "readyReplicas": available, "availableReplicas": available})
    told = written(deployment.decide_status(deployment.World(owner, (held,)), build.now))
    conditions = {entry["type"]: entry["status"] for entry in told["conditions"]}
    assert conditions["Available"] == status and told["observedGeneration"] == 3


def test_a_still_world_comes_to_rest_and_nothing_is_done_for_what_is_deleted(build: SimpleNamespace) -> None:
    owner = an_owner("Deployment")
    owner.raw["metadata"]["annotations"] = {REVISION: "1"}
    held = of(owner, {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1})
    world = deployment.World(owner, (held,))
    told = deployment.World(
        Unstructured({**owner.raw, "status": written(deployment.decide_status(world, build.now))}), (held,)
    )
    assert not deployment.decide_replica_sets(told, build.now).actions
    assert written(deployment.decide_status(told, build.now + timedelta(hours=1))) == told.deployment.raw["status"]
    owner.raw["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    assert not deployment.decide_replica_sets(deployment.World(owner, ()), build.now).actions
    assert not deployment.decide_status(deployment.World(owner, ()), build.now).actions
    assert all(action.resource != PODS for action in deployment.decide_replica_sets(told, build.now).actions)


@pytest.mark.parametrize(("indexes", "text"), [(set(), ""), ({0}, "0"), ({0, 1}, "0,1"), ({0, 2, 3, 4, 7}, "0,2-4,7")])
def test_indexes_are_written_as_short_as_can_be(indexes: set[int], text: str) -> None:
    assert indexed.render(indexes) == text and indexed.parse(text) == indexes


def test_a_replica_set_bears_the_sizes_that_were_wanted_when_it_was_scaled(build: SimpleNamespace) -> None:
    owner = an_owner("Deployment", 4)
    (made,) = created(deployment.decide_replica_sets(deployment.World(owner, ()), build.now))
    borne = made.raw["metadata"]["annotations"]
    assert (borne[DESIRED], borne[MOST]) == ("4", "5")
    unscaled = deployment.World(an_owner("Deployment", 4, strategy={"type": "Recreate"}), (made,))
    assert not resized(deployment.decide_replica_sets(unscaled, build.now))
    (grown,) = resized(deployment.decide_replica_sets(deployment.World(an_owner("Deployment", 8), (made,)), build.now))
    assert (grown.raw["metadata"]["annotations"][DESIRED], grown.raw["metadata"]["annotations"][MOST]) == ("8", "10")


def test_pods_that_are_going_are_counted(build: SimpleNamespace) -> None:
    going = build.pod("b", metadata={"deletionTimestamp": "2026-01-01T12:00:00Z"})
    world = replica_set.World(an_owner("ReplicaSet"), (build.pod("a"), going))
    status = written(replica_set.decide_status(world, build.now))
    assert (status["replicas"], status["terminatingReplicas"]) == (1, 1)
    owner = an_owner("Deployment")
    served = deployment.World(owner, (of(owner, status),))
    assert written(deployment.decide_status(served, build.now))["terminatingReplicas"] == 1
