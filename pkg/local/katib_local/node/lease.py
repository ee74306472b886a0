"""The node's Lease: by it a cluster's controllers see that the node lives.

Knows Leases of `kube-node-lease`. Must not know pods.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from katib_machinery.client import ResourceClient
from katib_machinery.objects import LEASES, Unstructured
from katib_machinery.scalars import format_micro_time
from katib_machinery.transport import ApiError, Transport

NAMESPACE = "kube-node-lease"
SECONDS = 40
"""How long a cluster waits before it takes a silent node for lost; a kubelet's number."""


def desired_lease(node: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The Lease of a Node; it goes with the Node."""
    metadata = node["metadata"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": metadata["name"], "namespace": NAMESPACE, "ownerReferences": [owner]},
        "spec": {
            "holderIdentity": metadata["name"],
            "leaseDurationSeconds": SECONDS,
            "renewTime": format_micro_time(now),
        },
    }


async def renew_lease(transport: Transport, node: Mapping[str, Any], now: datetime) -> None:
    """Say that a Node lives; its Lease is made when there is none. Raises ApiError."""
    client = ResourceClient(transport, LEASES, Unstructured.from_dict)
    wanted = desired_lease(node, now)
    try:
        await client.patch(NAMESPACE, wanted["metadata"]["name"], {"spec": wanted["spec"]})
    except ApiError as error:
        if not error.not_found:
            raise
        await client.create(Unstructured(wanted))
