"""The scheduler and a pod's other writers: what it says of a pod takes nothing away from what they say."""

from __future__ import annotations

import asyncio
from pathlib import Path

from katib_local.testing import running_api_server
from katib_local.workloads.binder import EVERYTHING, Binder
from katib_local.workloads.reconciler import follow
from katib_machinery.cluster import Cluster
from katib_machinery.kube import connect
from katib_machinery.objects import NAMESPACES, NODES, PODS, Unstructured
from katib_machinery.transport import Transport

READY = {"type": "Ready", "status": "False", "reason": "Mine"}


def a_pod() -> Unstructured:
    spec = {"containers": [{"name": "main", "image": "i:1"}]}
    return Unstructured(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "waits", "namespace": "default"}, "spec": spec}
    )


async def seen(cluster: Cluster) -> None:
    """Take into the caches what is there, once."""
    following = asyncio.ensure_future(cluster.run())
    await cluster.wait_synced()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def types_of(cluster: Cluster) -> list[str]:
    pod = await cluster.client(PODS).get("default", "waits")
    return [condition["type"] for condition in pod.raw["status"]["conditions"]]


async def a_binder(transport: Transport) -> tuple[Cluster, Binder]:
    cluster = Cluster(transport)
    for resource in (PODS, NODES, NAMESPACES):
        follow(cluster, resource)
    binder = Binder(cluster, "nowhere")
    await seen(cluster)
    return cluster, binder


async def test_a_pod_that_has_changed_keeps_what_others_said_of_it(tmp_path: Path) -> None:
    with running_api_server(tmp_path) as server:
        async with connect(str(server.kubeconfig)) as transport:
            pods = Cluster(transport).client(PODS)
            await pods.create(a_pod())
            cluster, binder = await a_binder(transport)
            await pods.patch("default", "waits", {"status": {"conditions": [READY]}}, subresource="status")
            await binder.reconcile(EVERYTHING)
            assert await types_of(cluster) == ["Ready"]
            cluster, binder = await a_binder(transport)
            await binder.reconcile(EVERYTHING)
            assert await types_of(cluster) == ["Ready", "PodScheduled"]
