"""What Services may not say. Pure. Yields pairs of field and text; forms are known to be right."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.errors import shown, unsupported
from katib_local.apiserver.metadata import LABEL, LABEL_NAME_WORDS, SUBDOMAIN, SUBDOMAIN_WORDS, label_problems
from katib_local.apiserver.port_rules import (
    ADDRESS_WORDS,
    is_address,
    outside_address_problems,
    port_or_name_problems,
    port_problems,
    range_problems,
)

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
PROTOCOLS = ("SCTP", "TCP", "UDP")
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
OPEN_TYPES = ("LoadBalancer", "NodePort")
AFFINITIES = ("ClientIP", "None")
WHERE = ("Cluster", "Local")
FAMILIES = ("IPv4", "IPv6")
FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
HEADLESS = "None"
LONGEST_AFFINITY = 86400


def service_problems(spec: Json) -> Problems:
    """What is wrong with a Service."""
    yield from unsupported("spec.type", spec.get("type"), TYPES)
    yield from _reached(spec)
    yield from _ports(spec)
    yield from label_problems(spec.get("selector") or {}, "spec.selector")
    yield from _affinity(spec)
    yield from _outside(spec)
    yield from _families(spec)


def _ports(spec: Json) -> Problems:
    ports = spec.get("ports") or []
    seen: list[tuple[Any, Any]] = []
    names: list[str] = []
    for index, port in enumerate(ports):
        place, name = f"spec.ports[{index}]", port.get("name") or ""
        yield from unsupported(f"{place}.protocol", port.get("protocol"), PROTOCOLS)
        yield from port_problems(f"{place}.port", port.get("port"))
        if len(ports) > 1 and not name:
            yield f"{place}.name", "Required value"
        elif name and (len(name) > 63 or not LABEL.fullmatch(name)):
            why = "must be no more than 63 characters" if len(name) > 63 else LABEL_NAME_WORDS
            yield f"{place}.name", f'Invalid value: "{name}": {why}'
        elif name and name in names:
            yield f"{place}.name", f'Duplicate value: "{name}"'
        names.append(name)
        yield from port_or_name_problems(f"{place}.targetPort", port.get("targetPort"))
        if port.get("nodePort") and spec.get("type") not in OPEN_TYPES:
            yield f"{place}.nodePort", f"Forbidden: may not be used when `type` is '{spec.get('type')}'"
        pair = (port.get("protocol", "TCP"), port.get("port"))
        if pair in seen:
            yield place, f"Duplicate value: {_as_key(*pair)}"
        seen.append(pair)


def _as_key(protocol: str, port: int) -> str:
    """A port as a cluster prints the part of it that must be unique."""
    nothing = {"AppProtocol": None, "Port": port, "TargetPort": 0, "NodePort": 0}
    return json.dumps({"Name": "", "Protocol": protocol, **nothing}, separators=(",", ":"))


def _reached(spec: Json) -> Problems:
    """Where a service leads: to ports behind an address or none, or to another name."""
    address, name = spec.get("clusterIP") or "", (spec.get("externalName") or "").removesuffix(".")
    if spec.get("type") == "ExternalName":
        if not name:
            yield "spec.externalName", "Required value"
        elif not SUBDOMAIN.fullmatch(name):
            yield "spec.externalName", f"Invalid value: {shown(name)}: {SUBDOMAIN_WORDS}"
    elif not spec.get("ports") and address != HEADLESS:
        yield "spec.ports", "Required value"
    if address not in ("", HEADLESS) and not is_address(address):
        yield "spec.clusterIPs[0]", f"Invalid value: {shown(address)}: {ADDRESS_WORDS}"


def _affinity(spec: Json) -> Problems:
    yield from unsupported("spec.sessionAffinity", spec.get("sessionAffinity") or "None", AFFINITIES)
    config = spec.get("sessionAffinityConfig")
    if config is None:
        return
    path = "spec.sessionAffinityConfig"
    if spec.get("sessionAffinity") != "ClientIP":
        yield path, "Forbidden: must not be set when session affinity is None"
        return
    seconds = (config.get("clientIP") or {}).get("timeoutSeconds")
    if seconds is None:
        yield f"{path}.clientIP.timeoutSeconds", "Required value"
    elif not 0 < seconds <= LONGEST_AFFINITY:
        text = f"must be greater than 0 and less than {LONGEST_AFFINITY}"
        yield f"{path}.clientIP.timeoutSeconds", f"Invalid value: {seconds}: {text}"


def _outside(spec: Json) -> Problems:
    """How those reach a service who are outside."""
    for index, address in enumerate(spec.get("externalIPs") or []):
        yield from outside_address_problems(f"spec.externalIPs[{index}]", address)
    for index, text in enumerate(spec.get("loadBalancerSourceRanges") or []):
        yield from range_problems(f"spec.LoadBalancerSourceRanges[{index}]", text)
    policy = spec.get("externalTrafficPolicy")
    if policy and spec.get("type") not in OPEN_TYPES and not spec.get("externalIPs"):
        text = "may only be set for externally-accessible services"
        yield "spec.externalTrafficPolicy", f"Invalid value: {shown(policy)}: {text}"
    else:
        yield from unsupported("spec.externalTrafficPolicy", policy, WHERE)
    yield from unsupported("spec.internalTrafficPolicy", spec.get("internalTrafficPolicy"), WHERE)


def _families(spec: Json) -> Problems:
    for index, family in enumerate(spec.get("ipFamilies") or []):
        yield from unsupported(f"spec.ipFamilies[{index}]", family, FAMILIES)
    yield from unsupported("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), FAMILY_POLICIES)
