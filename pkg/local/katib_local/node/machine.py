"""This machine as a Node: what it can give, and how it stands."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from katib_local.node.options import NodeOptions
from katib_local.node.states import text
from katib_local.node.status import LOOPBACK


def capacity(options: NodeOptions) -> dict[str, str]:
    """Amounts of resources; all of them may be used by pods."""
    return {
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{_memory_bytes() // 1024}Ki",
        "ephemeral-storage": f"{shutil.disk_usage(options.state_dir).free // 1024}Ki",
        "pods": "1000",
        **({"nvidia.com/gpu": str(options.gpus)} if options.gpus else {}),
    }


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def count_gpus() -> int:
    """GPUs that this machine has, by their device files."""
    return len(glob.glob("/dev/nvidia[0-9]*"))


def desired_node(options: NodeOptions, now: datetime) -> dict[str, Any]:
    """This machine as a Node."""
    amounts = capacity(options)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": options.name,
            "labels": {"kubernetes.io/hostname": options.name, "kubernetes.io/os": "linux"},
        },
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            "addresses": [{"type": "InternalIP", "address": LOOPBACK}, {"type": "Hostname", "address": options.name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": options.log_port}},
            "nodeInfo": {
                "kubeletVersion": "v1.37.0+katib",
                "operatingSystem": "linux",
                "containerRuntimeVersion": f"process://{options.isolation}",
            },
            "conditions": conditions(now),
        },
    }


def conditions(now: datetime, node: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """A node that says anything at all is ready: since its Node first said so, if there is one."""
    at = text(now)
    held = ((node or {}).get("status") or {}).get("conditions") or ()
    since = next((entry["lastTransitionTime"] for entry in held if entry.get("type") == "Ready"), at)
    return [
        {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "pods run as processes",
            "lastHeartbeatTime": at,
            "lastTransitionTime": since,
        }
    ]
