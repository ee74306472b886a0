"""This machine as a Node: what it can give, and how it stands."""

from __future__ import annotations

import glob
import os
import platform
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from katib_local.node.options import NodeOptions
from katib_local.node.states import text
from katib_local.node.status import LOOPBACK

OS = "linux"  # also on macOS: what is written for a cluster asks for it
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386", "armv6l": "arm", "armv7l": "arm"}
"""What Kubernetes calls processors that the kernel calls otherwise."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
SYSTEM_ID = Path("/sys/class/dmi/id/product_uuid")


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
        "metadata": {"name": options.name, "labels": labels(options.name)},
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            "addresses": [{"type": "InternalIP", "address": LOOPBACK}, {"type": "Hostname", "address": options.name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": options.log_port}},
            "nodeInfo": node_info(options.isolation),
            "conditions": conditions(now),
        },
    }


def labels(name: str) -> dict[str, str]:
    """What a kubelet tells of its machine, for pods to be placed by."""
    words = {"os": OS, "arch": architecture()}
    places = ("kubernetes.io", "beta.kubernetes.io")
    return {
        "kubernetes.io/hostname": name,
        **{f"{place}/{key}": word for place in places for key, word in words.items()},
    }


def architecture() -> str:
    """This machine's processor, as Kubernetes calls it."""
    name = platform.machine()
    return ARCHITECTURES.get(name, name)


def node_info(isolation: str) -> dict[str, str]:
    """The system of this machine; what cannot be read is empty."""
    machine = next(filter(None, map(_read, MACHINE_IDS)), "")
    return {
        "machineID": machine,
        "systemUUID": _read(SYSTEM_ID) or machine,
        "bootID": _read(BOOT_ID),
        "kernelVersion": platform.release(),
        "osImage": _system_name(),
        "containerRuntimeVersion": f"process://{isolation}",
        "kubeletVersion": "v1.37.0+katib",
        "kubeProxyVersion": "",
        "operatingSystem": OS,
        "architecture": architecture(),
    }


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _system_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.platform(terse=True)


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
