"""Who takes in what, who lets it go, and what new pods are called: the rules, then a controller whose cache is late."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from katib_local.testing import ApiServer, running_api_server
from katib_local.workloads import deployment, job, job_world, replica_set
from katib_local.workloads.adoption import Claiming, claim, counted
from katib_local.workloads.names import Names
from katib_local.workloads.pods import is_active, owner_reference
from katib_local.workloads.reconciler import Reconciler, follow, informer_of
from katib_local.workloads.replica_set import REPLICA_SETS
from katib_local.workloads.revisions import REVISION
from katib_local.workloads.run import RULES
from katib_machinery.cluster import Cluster
from katib_machinery.kube import connect
from katib_machinery.objects import PODS, Resource, Unstructured
from katib_machinery.plan import Create, Requeue, UpdateStatus

LABELS = {"app": "s"}
DELETED = {"deletionTimestamp": "2026-01-01T12:00:00Z"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "main", "image": "i:1"}]}}


def an_owner(kind: str = "ReplicaSet", **more: Any) -> Unstructured:
    metadata = {"name": "serve", "namespace": "default", "uid": "u2", **more.pop("metadata", {})}
    spec = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": copy.deepcopy(TEMPLATE), **more}
    return Unstructured({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec})


@pytest.mark.parametrize(
    ("owner", "pod", "adopted"),
    [
        ({}, {}, True),
        ({}, {"labels": {"app": "other"}}, False),
        ({}, {"namespace": "other"}, False),
        ({}, DELETED, False),
        ({"metadata": DELETED}, {}, False),
        ({"selector": {}}, {}, False),
        ({"selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}, {}, True),
        ({"selector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["s"]}]}}, {}, False),
    ],
    ids=["taken", "labels", "namespace", "deleted", "owner-deleted", "no-selector", "expression", "excluded"],
)
def test_an_owner_takes_in_what_it_selects(
    build: SimpleNamespace, owner: dict[str, Any], pod: dict[str, Any], adopted: bool
) -> None:
    found = build.pod("a", metadata={"labels": LABELS, **pod})
    assert list(claim(an_owner(**owner), (), [found], Claiming()).adopted) == [found] * adopted


@pytest.mark.parametrize(
    ("owner", "pod", "released"),
    [
        ({}, {}, True),
        ({}, {"labels": LABELS}, False),
        ({"metadata": DELETED}, {}, False),
        ({"selector": None}, {}, False),
    ],
    ids=["let-go", "selected", "owner-deleted", "no-selector"],
)
def test_an_owner_lets_go_and_counts_no_more_what_it_does_not_select(
    build: SimpleNamespace, owner: dict[str, Any], pod: dict[str, Any], released: bool
) -> None:
    found = build.pod("a", metadata=pod)
    assert list(claim(an_owner(**owner), [found], (), Claiming()).released) == [found] * released
    assert list(counted(an_owner(**owner), [found], Claiming())) == [found] * (not released)


def test_only_what_is_claimable_changes_hands(build: SimpleNamespace) -> None:
    ended, other = build.pod("a", "Failed", metadata={"labels": LABELS}), build.pod("b", "Failed")
    claims = claim(an_owner(), [other], [ended], Claiming(claimable=is_active))
    assert (
        not claims.adopted and not claims.released and not counted(an_owner(), [other], Claiming(claimable=is_active))
    )


@pytest.mark.parametrize(
    ("status", "spec"),
    [
        ({"conditions": [{"type": "Complete", "status": "True"}]}, {}),
        ({"conditions": [{"type": "Failed", "status": "True"}]}, {}),
        ({}, {"managedBy": "example.com/other"}),
    ],
    ids=["complete", "failed", "foreign"],
)
def test_a_job_that_has_ended_or_is_anothers_claims_nothing(
    build: SimpleNamespace, status: dict[str, Any], spec: dict[str, Any]
) -> None:
    selector = {"matchLabels": LABELS}
    free, owned = build.pod("a", metadata={"labels": LABELS}), build.pod("b")
    going_on = claim(build.job(selector=selector), [owned], [free], job.CLAIMING)
    assert (going_on.adopted, going_on.released) == ([free], [owned])
    over = claim(build.job(status, selector=selector, **spec), [owned], [free], job.CLAIMING)
    assert not over.adopted and not over.released


def new_names(world: replica_set.World, now: Any) -> list[str]:
    plan = replica_set.decide_pods(world, now)
    return [action.obj.name for action in plan.actions if isinstance(action, Create)]


def test_a_replica_set_gives_no_name_twice(build: SimpleNamespace) -> None:
    """Not of a pod that is gone, nor of one that is another's; and the same for the same world."""
    owner = an_owner(replicas=2)
    first, second = new_names(replica_set.World(owner, ()), build.now)
    left = replica_set.World(owner, [build.pod(second)], names=Names(gone=1))
    (third,) = new_names(left, build.now)
    assert third not in (first, second) and new_names(left, build.now) == [third]
    (fourth,) = new_names(replica_set.World(owner, left.pods, names=Names(1, 0, lambda name: name == third)), build.now)
    (passed,) = new_names(replica_set.World(owner, left.pods, names=Names(1, 1)), build.now)
    assert fourth == passed and fourth not in (first, second, third)


def test_a_job_passes_over_names_of_others(build: SimpleNamespace) -> None:
    def name(names: Names) -> str:
        plan = job.decide_pods(job_world.World(build.job(), (), names=names), build.now)
        (made,) = [action.obj for action in plan.actions if isinstance(action, Create)]
        return str(made.name)

    first = name(Names())
    assert name(Names(is_taken=lambda held: held == first)) == name(Names(passed=1)) != first


def a_set(owner: Unstructured, name: str, number: int, image: str = "i:1", created: str = "") -> Unstructured:
    """A ReplicaSet without pods of a Deployment."""
    made = deployment.desired_replica_set(owner, 0, {REVISION: str(number)}).to_dict()
    made["metadata"] |= {"name": name, "creationTimestamp": created or "2026-01-01T12:00:00Z"}
    made["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return Unstructured(made)


def test_the_oldest_replica_set_of_the_template_is_in_charge(build: SimpleNamespace) -> None:
    owner = an_owner("Deployment")
    sets = [
        a_set(owner, "a", 1, "i:2"),
        a_set(owner, deployment.replica_set_name(owner), 3),
        a_set(owner, "z", 2, created="2026-01-01T11:00:00Z"),
    ]
    world = deployment.World(owner, sets)
    assert world.current == sets[2] and world.outdated == sets[:2]


def test_a_deployment_finds_another_name_when_one_is_anothers(build: SimpleNamespace) -> None:
    owner = an_owner("Deployment")
    taken = deployment.replica_set_name(owner)
    names = Names(is_taken=lambda name: name == taken)
    plan = deployment.decide_replica_sets(deployment.World(owner, (), names=names), build.now)
    (write,) = plan.actions
    assert isinstance(write, UpdateStatus) and plan.requeue is not None
    told = Unstructured(write.obj.to_dict())
    assert told.raw["status"] == {"collisionCount": 1} and deployment.replica_set_name(told) != taken
    made = deployment.decide_replica_sets(deployment.World(told, (), names=names), build.now).actions[0]
    assert isinstance(made, Create) and made.obj.name == deployment.replica_set_name(told)
    kept, *_ = deployment.decide_status(deployment.World(told, (), names=names), build.now).actions
    assert isinstance(kept, UpdateStatus) and kept.obj.to_dict()["status"]["collisionCount"] == 1


@pytest.fixture(scope="module")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with running_api_server(tmp_path_factory.mktemp("state")) as server:
        yield server


@dataclass(frozen=True)
class Late:
    """The controller of ReplicaSets whose cache has what a test has put into it, and what it wrote itself."""

    cluster: Cluster
    reconciler: Reconciler

    async def make(self, resource: Resource, document: dict[str, Any]) -> Unstructured:
        made: Unstructured = await self.cluster.client(resource).create(Unstructured(document))
        return made

    def see(self, resource: Resource, obj: Unstructured) -> None:
        informer_of(self.cluster, resource).put_own(obj)

    async def owner_of(self, pod: Unstructured) -> str:
        """Name of the owner that a pod has on the server."""
        found = await self.cluster.client(PODS).get(pod.namespace, pod.name)
        return found.controller_owner.name if found.controller_owner else ""

    async def pods(self, name: str) -> list[Unstructured]:
        return list(await self.cluster.client(PODS).list("default", label_selector=f"app={name}"))


@pytest.fixture
async def late(api_server: ApiServer) -> AsyncIterator[Late]:
    async with connect(str(api_server.kubeconfig)) as transport:
        cluster = Cluster(transport)
        for resource in (REPLICA_SETS, PODS):
            follow(cluster, resource)
        (rules,) = [rules for rules in RULES if rules.resource == REPLICA_SETS]
        yield Late(cluster, Reconciler(cluster, rules))


def a_pod(label: str, **metadata: Any) -> dict[str, Any]:
    whole = {"name": f"{label}-pod", "namespace": "default", "labels": {"app": label}, **metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": whole, "spec": copy.deepcopy(TEMPLATE["spec"])}


def a_replica_set(name: str, **metadata: Any) -> dict[str, Any]:
    template = {**TEMPLATE, "metadata": {"labels": {"app": name}}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
    whole = {"name": name, "namespace": "default", **metadata}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": whole, "spec": spec}


async def test_who_is_being_deleted_takes_nothing_in_also_when_the_cache_does_not_know(late: Late) -> None:
    owner = await late.make(REPLICA_SETS, a_replica_set("leaving", finalizers=["example.com/mine"]))
    pod = await late.make(PODS, a_pod("leaving"))
    await late.cluster.client(REPLICA_SETS).delete("default", "leaving")
    late.see(REPLICA_SETS, owner)
    late.see(PODS, pod)
    assert await late.reconciler.reconcile(owner.key) == Requeue()
    assert await late.owner_of(pod) == "" and len(await late.pods("leaving")) == 1


async def test_a_pod_that_has_taken_the_name_of_another_is_left_alone(late: Late) -> None:
    owner = await late.make(REPLICA_SETS, a_replica_set("namesake"))
    before = await late.make(PODS, a_pod("namesake"))
    await late.cluster.client(PODS).delete("default", before.name)
    pod = await late.make(PODS, a_pod("namesake"))
    late.see(REPLICA_SETS, owner)
    late.see(PODS, before)
    assert await late.reconciler.reconcile(owner.key) == Requeue()
    assert await late.owner_of(pod) == "" and len(await late.pods("namesake")) == 1


async def test_a_pod_that_another_has_taken_in_meanwhile_stays_his(late: Late) -> None:
    owner = await late.make(REPLICA_SETS, a_replica_set("second"))
    pod = await late.make(PODS, a_pod("second"))
    first = await late.make(REPLICA_SETS, a_replica_set("first"))
    theirs = {"metadata": {"ownerReferences": [owner_reference(first)]}}
    taken = await late.cluster.client(PODS).patch("default", pod.name, theirs)
    late.see(REPLICA_SETS, owner)
    late.see(PODS, pod)
    assert await late.reconciler.reconcile(owner.key) == Requeue()
    assert await late.owner_of(pod) == "first"
    late.see(PODS, taken)
    await late.reconciler.reconcile(owner.key)
    assert len(await late.pods("second")) == 2


async def test_a_name_that_turns_out_to_be_anothers_is_passed_over(late: Late) -> None:
    owner = await late.make(REPLICA_SETS, a_replica_set("named"))
    (name,) = new_names(replica_set.World(owner, ()), late.cluster.clock.now())
    await late.make(PODS, a_pod("named", name=name))
    late.see(REPLICA_SETS, owner)
    assert await late.reconciler.reconcile(owner.key) == Requeue()
    await late.reconciler.reconcile(owner.key)
    assert sorted(bool(pod.controller_owner) for pod in await late.pods("named")) == [False, True]


async def test_a_pod_that_is_gone_needs_not_be_taken_in(late: Late) -> None:
    owner = await late.make(REPLICA_SETS, a_replica_set("gone"))
    pod = await late.make(PODS, a_pod("gone"))
    await late.cluster.client(PODS).delete("default", pod.name)
    late.see(REPLICA_SETS, owner)
    late.see(PODS, pod)
    await late.reconciler.reconcile(owner.key)
    assert [held.controller_owner is not None for held in await late.pods("gone")] == [True]
