"""What a pod may not want of its host: names, ports and processes that it shares with it. Pure.

Yields pairs of field and text, as kube-apiserver words them; forms are known to be right.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.errors import shown
from katib_local.apiserver.metadata import SUBDOMAIN, SUBDOMAIN_WORDS

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
ADDRESS_WORDS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def host_problems(spec: Json, path: str) -> Problems:
    """What is wrong with how a pod stands to its host."""
    yield from _name_problems(spec, path)
    if spec.get("hostPID") and spec.get("shareProcessNamespace"):
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield f"{path}.shareProcessNamespace", f"Invalid value: true: {text}"
    yield from _port_problems(spec, path)
    runtime = spec.get("runtimeClassName")
    if runtime is not None and not SUBDOMAIN.fullmatch(runtime):
        yield f"{path}.runtimeClassName", f"Invalid value: {shown(runtime)}: {SUBDOMAIN_WORDS}"


def _name_problems(spec: Json, path: str) -> Problems:
    """A pod that takes no names of its host's has servers for them."""
    config, alone = spec.get("dnsConfig"), spec.get("dnsPolicy") == "None"
    servers = (config or {}).get("nameservers") or []
    if alone and config is None:
        yield f"{path}.dnsConfig", "Required value: must provide `dnsConfig` when `dnsPolicy` is None"
    elif alone and not servers:
        text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        yield f"{path}.dnsConfig.nameservers", f"Required value: {text}"
    for index, server in enumerate(servers):
        if not _is_address(server):
            yield f"{path}.dnsConfig.nameservers[{index}]", f"Invalid value: {shown(server)}: {ADDRESS_WORDS}"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _port_problems(spec: Json, path: str) -> Problems:
    """A port of the host belongs to one container, and is its own where the pod has no network but the host's."""
    taken: set[tuple[str, str, int]] = set()
    for index, container in enumerate(spec.get("containers") or []):
        for number, port in enumerate(container.get("ports") or []):
            field, wanted = f"{path}.containers[{index}].ports[{number}].hostPort", port.get("hostPort")
            if not wanted:
                continue
            if spec.get("hostNetwork") and wanted != port.get("containerPort"):
                text = "must match `containerPort` when `hostNetwork` is true"
                yield field, f"Invalid value: {wanted}: {text}"
            place = (port.get("protocol") or "TCP", port.get("hostIP") or "", wanted)
            if place in taken:
                yield field, f'Duplicate value: "{"/".join(str(part) for part in place)}"'
            taken.add(place)
