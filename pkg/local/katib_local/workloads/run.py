"""Wires the laptop's controllers of workloads and its scheduler over one set of caches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from katib_local.workloads import deployment, job, replica_set
from katib_local.workloads.binder import Binder
from katib_local.workloads.job_world import World as JobWorld
from katib_local.workloads.orphans import Orphans
from katib_local.workloads.reconciler import Reconciler, Rules, follow
from katib_local.workloads.replica_set import REPLICA_SETS
from katib_local.workloads.volume_binder import VolumeBinder
from katib_machinery.cluster import Cluster
from katib_machinery.objects import (
    DEPLOYMENTS,
    JOBS,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
)
from katib_machinery.transport import Transport

FOLLOWED = (JOBS, PODS, REPLICA_SETS, DEPLOYMENTS, NAMESPACES, NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES)
RULES = (
    Rules("job-controller", JOBS, PODS, JobWorld, job.decide_pods, job.decide_status, job.CLAIMING),
    Rules(
        "replicaset-controller",
        REPLICA_SETS,
        PODS,
        replica_set.World,
        replica_set.decide_pods,
        replica_set.decide_status,
        replica_set.CLAIMING,
    ),
    Rules(
        "deployment-controller",
        DEPLOYMENTS,
        REPLICA_SETS,
        deployment.World,
        deployment.decide_replica_sets,
        deployment.decide_status,
        deployment.CLAIMING,
    ),
)


async def run(
    transport: Transport,
    node_name: str,
    ready: Callable[[], Awaitable[None]] | None = None,
    storage: Path | None = None,
) -> None:
    """Run the controllers of Jobs, ReplicaSets, Deployments and claims, and the scheduler of one node, until cancelled.

    They begin once `ready` returns: pods that are made before its webhooks answer are refused, and the refusals told.
    `storage` is where the node has a directory for each claim; without it no volume is made for one.
    """
    cluster = Cluster(transport)
    for resource in FOLLOWED:
        follow(cluster, resource)
    jobs, *others = (Reconciler(cluster, rules) for rules in RULES)
    telling: list[Binder | Reconciler] = [Binder(cluster, node_name), jobs, *others]
    quiet: list[VolumeBinder | Orphans] = [VolumeBinder(cluster, storage), Orphans(cluster, jobs.recorder)]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(cluster.run())
        for worker in telling:
            tasks.create_task(worker.recorder.run())
        await cluster.wait_synced()
        if ready is not None:
            await ready()
        for runner in (*telling, *quiet):
            tasks.create_task(runner.run())
