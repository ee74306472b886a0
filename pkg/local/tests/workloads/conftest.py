"""Builders of Jobs, Deployments and pods for the tests of their controllers, and a world that acts on plans."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from katib_local.workloads import job, job_world
from katib_machinery.objects import JOBS, PODS, Unstructured
from katib_machinery.plan import Action, Create, Delete, Emit, Plan, SetFinalizers, UpdateStatus
from katib_machinery.scalars import format_time

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
TEMPLATE = {
    "metadata": {"labels": {"app": "train"}},
    "spec": {"restartPolicy": "Never", "containers": [{"name": "main"}]},
}


def a_job(status: dict[str, Any] | None = None, **spec: Any) -> Unstructured:
    """A Job of one pod; `spec` adds to its spec."""
    metadata = {"name": "train", "namespace": "default", "uid": "u1", "generation": 1}
    wanted = {"completions": 1, "parallelism": 1, "template": copy.deepcopy(TEMPLATE), **spec}
    document = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": wanted, "status": status or {}}
    return Unstructured(document)


def a_pod(
    name: str, phase: str = "Running", *, code: int = 0, ended: datetime | None = None, **more: Any
) -> Unstructured:
    """A pod in a phase; a finished one has a container that ended with a code."""
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "creationTimestamp": format_time(NOW)}
    metadata |= more.pop("metadata", {})
    status: dict[str, Any] = {"phase": phase, **more.pop("status", {})}
    if phase in ("Succeeded", "Failed"):
        state = {"terminated": {"exitCode": code, "finishedAt": format_time(ended or NOW)}}
        status["containerStatuses"] = [{"name": "main", "state": state}]
    spec = {"containers": [{"name": "main"}], **more.pop("spec", {})}
    return Unstructured({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status})


class JobWorld:
    """One Job and its pods; plans are carried out at once, pods end when a test says so.

    A pod that is deleted goes when nothing holds it, as from a server.
    """

    def __init__(self, owner: Unstructured) -> None:
        self.job: Unstructured | None = owner
        self.pods: dict[str, Unstructured] = {}
        self.now = NOW
        self.created = 0
        self.told: list[str] = []

    def world(self) -> job_world.World:
        assert self.job is not None
        return job_world.World(self.job, tuple(self.pods.values()))

    def step(self) -> None:
        """Both decisions, each carried out, until they come to nothing new: each change wakes the controller again."""
        for _ in range(20):
            before = self.seen()
            for decide in (job.decide_pods, job.decide_status):
                if self.job is not None:
                    self.carry_out(decide(self.world(), self.now))
            if self.seen() == before:
                return
        raise AssertionError("the controller does not come to rest")

    def seen(self) -> Any:
        return copy.deepcopy((self.job and self.job.raw, {name: pod.raw for name, pod in self.pods.items()}))

    def carry_out(self, plan: Plan) -> None:
        for action in plan.actions:
            self.do(action)

    def do(self, action: Action) -> None:
        match action:
            case Create(resource, obj) if resource == PODS:
                self.created += 1
                assert obj.name not in self.pods
                metadata = {"uid": f"uid-{self.created}", "creationTimestamp": format_time(self.now)}
                raw = {**obj.raw, "metadata": {**obj.raw["metadata"], **metadata}}
                self.pods[obj.name] = Unstructured({**raw, "status": {"phase": "Running"}})
            case Delete(resource, obj) if resource == PODS:
                self.delete(obj.name)
            case Delete(resource, _) if resource == JOBS:
                self.job = None
            case SetFinalizers(_, obj, finalizers):
                self._change(obj.name, finalizers=list(finalizers))
            case UpdateStatus(_, obj):
                self.job = obj
            case Emit(_, reason, _):
                self.told.append(reason)
            case _:
                pass

    def delete(self, name: str, grace: int = 0) -> None:
        """Delete a pod, as anybody may: it goes when its time is over and nothing holds it."""
        self._change(name, deletionTimestamp=format_time(self.now), deletionGracePeriodSeconds=grace)

    def _change(self, name: str, **changed: Any) -> None:
        held = self.pods[name].raw
        pod = Unstructured({**held, "metadata": {**held["metadata"], **changed}})
        self.pods[name] = pod
        if pod.deletion_timestamp is not None and not pod.finalizers and not pod.deletion_grace_period_seconds:
            del self.pods[name]

    def end(self, name: str, phase: str) -> None:
        """Let a pod end."""
        held = self.pods[name]
        state = {"terminated": {"exitCode": int(phase == "Failed"), "finishedAt": format_time(self.now)}}
        status = {"phase": phase, "containerStatuses": [{"name": "main", "state": state}]}
        self.pods[name] = Unstructured({**held.raw, "status": status})

    def running(self) -> list[str]:
        return [name for name, pod in self.pods.items() if pod.raw["status"]["phase"] == "Running"]

    def conditions(self) -> dict[str, str]:
        assert self.job is not None
        return {entry["type"]: entry["reason"] for entry in self.job.raw["status"].get("conditions") or []}

    def wait(self, span: timedelta) -> None:
        self.now += span


@pytest.fixture
def build() -> SimpleNamespace:
    """Builders: `build.job(...)`, `build.pod(...)`, `build.world(job)`; `build.now` is the time of all of them."""
    world: Callable[[Unstructured], JobWorld] = JobWorld
    return SimpleNamespace(job=a_job, pod=a_pod, world=world, now=NOW)
