"""No history of changes, ends and interruptions brings a ReplicaSet or a Deployment to do what it must not."""

from __future__ import annotations

import copy
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from katib_local.workloads import deployment, pods, replica_set
from katib_local.workloads.replica_set import PAUSE, REPLICA_SETS, replicas
from katib_local.workloads.rolling import bounds
from katib_machinery.objects import DEPLOYMENTS, PODS, Unstructured
from katib_machinery.plan import Create, Delete, Plan, Update, UpdateStatus
from katib_machinery.scalars import format_time

Json = dict[str, Any]
TEMPLATE = {"metadata": {"labels": {"app": "s"}}, "spec": {"containers": [{"name": "main", "image": "i:0"}]}}
SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def an_owner(kind: str, wanted: int, **spec: Any) -> Unstructured:
    metadata = {"name": "serve", "namespace": "default", "uid": "u2", "generation": 1}
    body = {"selector": {"matchLabels": {"app": "s"}}, "template": copy.deepcopy(TEMPLATE), "replicas": wanted, **spec}
    return Unstructured({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": body, "status": {}})


def changed(obj: Unstructured, **spec: Any) -> Unstructured:
    return Unstructured({**obj.raw, "spec": {**obj.raw["spec"], **spec}})


class ReplicaSetWorld:
    """A ReplicaSet and its pods; plans are carried out at once."""

    def __init__(self, build: SimpleNamespace, owner: Unstructured) -> None:
        self.build, self.owner, self.now = build, owner, build.now
        self.pods: dict[str, Unstructured] = {}

    @property
    def world(self) -> replica_set.World:
        return replica_set.World(self.owner, tuple(self.pods.values()))

    @property
    def wanted(self) -> int:
        return replicas(self.owner)

    def step(self) -> Plan:
        plan = replica_set.decide_pods(self.world, self.now)
        assert plan == replica_set.decide_pods(self.world, self.now)
        self.check(plan)
        for action in plan.actions:
            match action:
                case Create(resource, obj):
                    assert resource == PODS and obj.name not in self.pods
                    self.pods[obj.name] = self.build.pod(obj.name)
                case Delete(resource, obj):
                    assert resource == PODS
                    del self.pods[obj.name]
                case _:
                    pass
        (write,) = [action for action in replica_set.decide_status(self.world, self.now).actions]
        assert isinstance(write, UpdateStatus)
        self.owner = write.obj  # type: ignore[assignment]
        return plan

    def check(self, plan: Plan) -> None:
        """What is deleted is too much or has ended; nobody who is ready goes while somebody stays who is not."""
        gone = [action.obj.name for action in plan.actions if isinstance(action, Delete)]
        made = [action.obj.name for action in plan.actions if isinstance(action, Create)]
        active = [pod for pod in self.pods.values() if pods.is_active(pod)]
        ended = [name for name in gone if not pods.is_active(self.pods[name])]
        assert all(pods.is_finished(self.pods[name]) for name in ended)
        assert len(gone) - len(ended) == max(0, len(active) - self.wanted)
        assert len(made) in (0, max(0, self.wanted - len(active)))
        if {pod.name for pod in active if pods.is_ready(pod)} & set(gone):
            assert all(pods.is_ready(pod) for pod in active if pod.name not in gone)

    def has_failed_lately(self) -> bool:
        """Whether a pod has ended just now, and not because its node was interrupted."""
        ended = [pod for pod in self.pods.values() if pods.is_finished(pod) and not pods.was_disrupted(pod)]
        return any((pods.finished_at(pod) or self.now) > self.now - PAUSE for pod in ended)

    def change(self, number: int, what: str) -> None:
        """Something happens to one of the pods."""
        active = [name for name, pod in sorted(self.pods.items()) if pods.is_active(pod)]
        if not active:
            return
        name = active[number % len(active)]
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": format_time(self.now)}
        disrupted = {"type": "DisruptionTarget", "status": "True"}
        match what:
            case "ready":
                self.pods[name] = self.build.pod(name, status={"conditions": [ready]})
            case "interrupted":
                status = {"conditions": [disrupted]}
                self.pods[name] = self.build.pod(name, "Failed", code=137, ended=self.now, status=status)
            case "gone":
                del self.pods[name]
            case phase:
                self.pods[name] = self.build.pod(name, phase, code=int(phase == "Failed"), ended=self.now)


POD_CHANGES = st.tuples(
    st.integers(0, 4),
    st.integers(0, 4),
    st.sampled_from(["ready", "interrupted", "gone", "Failed", "Succeeded"]),
    st.integers(0, 30),
)


@SETTINGS
@given(wanted=st.integers(0, 4), seconds=st.integers(0, 20), changes=st.lists(POD_CHANGES, max_size=20))
def test_a_replica_set_never_has_too_many_and_always_gets_enough(
    build: SimpleNamespace, wanted: int, seconds: int, changes: list[Any]
) -> None:
    world = ReplicaSetWorld(build, an_owner("ReplicaSet", wanted, minReadySeconds=seconds))
    for wanted, number, what, passed in changes:
        world.owner = changed(world.owner, replicas=wanted)
        plan = world.step()
        active, status = world.world.active, world.owner.raw["status"]
        assert len(active) == wanted or (
            plan.requeue is not None and len(active) < wanted and world.has_failed_lately()
        )
        assert status["replicas"] == len(active)
        ready = status.get("readyReplicas", 0)
        assert status.get("availableReplicas", 0) <= ready <= len(active)
        world.change(number, what)
        world.now += timedelta(seconds=passed)
    world.now += PAUSE
    world.step()
    assert len(world.pods) == len(world.world.active) == world.wanted
    assert world.step() == Plan()


class DeploymentWorld:
    """A Deployment and its ReplicaSets; plans are carried out at once, pods come and go when a test says so."""

    def __init__(self, build: SimpleNamespace, owner: Unstructured) -> None:
        self.owner, self.now = owner, build.now
        self.sets: dict[str, Unstructured] = {}

    @property
    def world(self) -> deployment.World:
        return deployment.World(self.owner, tuple(self.sets.values()))

    def step(self) -> Plan:
        plan = deployment.decide_replica_sets(self.world, self.now)
        assert plan == deployment.decide_replica_sets(self.world, self.now)
        self.check(plan)
        for action in plan.actions:
            match action:
                case Update(resource, obj) if resource == DEPLOYMENTS:
                    self.owner = obj  # type: ignore[assignment]
                case Create(_, obj) | Update(_, obj):
                    self.sets[obj.name] = obj  # type: ignore[assignment]
                case Delete(_, obj):
                    del self.sets[obj.name]
                case _:
                    pass
        (write,) = deployment.decide_status(self.world, self.now).actions
        assert isinstance(write, UpdateStatus)
        self.owner = write.obj  # type: ignore[assignment]
        return plan

    def check(self, plan: Plan) -> None:
        """Only the template's own ReplicaSet is made or grows; nobody who is needed goes, and who is forgotten is empty."""
        name, wanted = deployment.replica_set_name(self.owner), replicas(self.owner)
        recreates = self.owner.raw["spec"]["strategy"]["type"] == "Recreate"
        allowed = bounds(self.owner.raw["spec"], wanted)
        sizes = {held: replicas(self.sets[held]) for held in self.sets}
        before = sum(sizes.values())
        for action in plan.actions:
            match action:
                case Create(resource, obj):
                    assert (resource, obj.name) == (REPLICA_SETS, name) and name not in self.sets
                    assert not recreates or not any(map(self.populated, self.sets))
                    sizes[name] = replicas(obj)  # type: ignore[arg-type]
                case Update(resource, obj) if resource == REPLICA_SETS:
                    assert obj.name == name or replicas(obj) <= sizes[obj.name]  # type: ignore[arg-type]
                    sizes[obj.name] = replicas(obj)  # type: ignore[arg-type]
                case Delete(_, obj):
                    assert obj.name != name and self.available(name) >= wanted and not self.populated(obj.name)
                case _:
                    pass
        assert sum(sizes.values()) <= max(before, allowed.most)
        serving = {held: min(size, self.available(held)) for held, size in sizes.items()}
        if not recreates and any(sizes[held] < replicas(self.sets[held]) for held in self.sets if held != name):
            assert sum(serving.values()) >= min(allowed.least, sum(map(self.available, self.sets)))

    def populated(self, name: str) -> bool:
        return replicas(self.sets[name]) > 0 or self.sets[name].raw.get("status", {}).get("replicas", 0) > 0

    def available(self, name: str) -> int:
        return int(self.sets[name].raw.get("status", {}).get("availableReplicas", 0)) if name in self.sets else 0

    def work(self, number: int) -> None:
        """One of the ReplicaSets gets the pods that it wants, and they are available."""
        for name in sorted(self.sets)[number : number + 1]:
            count = replicas(self.sets[name])
            status = {"replicas": count, "readyReplicas": count, "availableReplicas": count}
            self.sets[name] = Unstructured({**self.sets[name].raw, "status": status})

    def update(self, image: int) -> None:
        """Another template, or an earlier one again."""
        template = copy.deepcopy(TEMPLATE)
        template["spec"]["containers"][0]["image"] = f"i:{image}"  # type: ignore[index]
        self.owner = changed(self.owner, template=template)


UPDATES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans(), st.integers(0, 3), st.integers(0, 700)), max_size=20
)


@SETTINGS
@given(
    strategy=st.sampled_from(["RollingUpdate", "Recreate"]),
    history=st.one_of(st.none(), st.integers(0, 2)),
    steps=UPDATES,
)
def test_a_deployment_never_serves_less_for_an_update_and_always_comes_to_rest(
    build: SimpleNamespace, strategy: str, history: int | None, steps: list[Any]
) -> None:
    owner = an_owner("Deployment", 1, strategy={"type": strategy}, revisionHistoryLimit=history)
    world = DeploymentWorld(build, owner)
    for image, wanted, paused, number, seconds in steps:
        world.update(image)
        world.owner = changed(world.owner, replicas=wanted, paused=paused)
        plan = world.step()
        assert not paused or plan == Plan()
        status = world.owner.raw["status"]
        assert status.get("availableReplicas", 0) <= status.get("replicas", 0)
        types = [condition["type"] for condition in status["conditions"]]
        assert sorted(types) == ["Available", "Progressing"]
        world.work(number)
        world.now += timedelta(seconds=seconds)
    world.owner = changed(world.owner, paused=False)
    for _ in range(3 * len(world.sets) + 6):
        world.step()
        for number in range(len(world.sets)):
            world.work(number)
    assert world.step() == Plan()
    name = deployment.replica_set_name(world.owner)
    assert {held.name: replicas(held) for held in world.sets.values() if world.populated(held.name)} == (
        {name: replicas(world.owner)} if replicas(world.owner) else {}
    )
    assert len(world.sets) <= 1 + (10 if history is None else history)
    conditions = {entry["type"]: entry for entry in world.owner.raw["status"]["conditions"]}
    assert conditions["Progressing"]["reason"] == "NewReplicaSetAvailable"
    assert conditions["Available"]["status"] == "True"
