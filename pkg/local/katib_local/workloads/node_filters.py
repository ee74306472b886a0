"""Why a pod may not go to a node, whatever is left of it: cordon, taints, affinity to nodes, ports. Pure.

Each filter is a function of a pod, a node and the pods that are there. The words are those of Kubernetes' scheduler.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from katib_local.requirements import meets
from katib_local.workloads import pods
from katib_machinery.objects import Unstructured

Json = Mapping[str, Any]
Port = tuple[str, str, int]
UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
NAME = "metadata.name"
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - an address that pods ask for, not one that is listened on


@dataclass(frozen=True)
class Objection:
    """What speaks against a node; `lasting` says that it would also do so if every pod there ended."""

    reasons: tuple[str, ...]
    lasting: bool = True


def spec_of(obj: Unstructured) -> Json:
    return obj.raw.get("spec") or {}


def find_objection(pod: Unstructured, node: Unstructured, there: Sequence[Unstructured]) -> Objection | None:
    """The first thing that speaks against a node before its amounts are looked at."""
    if _is_elsewhere(pod, node):
        return Objection(("node(s) didn't satisfy plugin(s) [NodeAffinity]",))
    if spec_of(node).get("unschedulable") and not _tolerates(pod, UNSCHEDULABLE):
        return Objection(("node(s) were unschedulable",))
    if pods.condition_status(node, "Ready") in ("False", "Unknown"):
        return Objection(("node(s) were not ready",))
    if any(not _tolerates(pod, taint) for taint in _taints(node)):
        return Objection(("node(s) had untolerated taint(s)",))
    if not _likes(pod, node):
        return Objection(("node(s) didn't match Pod's node affinity/selector",))
    if _ports_clash(pod, there):
        return Objection(("node(s) didn't have free ports for the requested pod ports",), lasting=False)
    return None


def _taints(node: Unstructured) -> Iterator[Json]:
    """Those that keep pods away."""
    for taint in spec_of(node).get("taints") or ():
        if taint.get("effect") in ("NoSchedule", "NoExecute"):
            yield taint


def _tolerates(pod: Unstructured, taint: Json) -> bool:
    return any(_is_about(toleration, taint) for toleration in spec_of(pod).get("tolerations") or ())


def _is_about(toleration: Json, taint: Json) -> bool:
    """Whether a taint is tolerated: no key and no effect mean every one, and so does `Exists` of values."""
    for field in ("key", "effect"):
        if toleration.get(field) and toleration[field] != taint.get(field):
            return False
    match toleration.get("operator") or "Equal":
        case "Exists":
            return True
        case "Equal":
            return (toleration.get("value") or "") == (taint.get("value") or "")
    return False


def required(pod: Unstructured, kind: str) -> Any:
    """What a pod requires of one kind of affinity, or nothing."""
    return ((spec_of(pod).get("affinity") or {}).get(kind) or {}).get(REQUIRED)


def _is_elsewhere(pod: Unstructured, node: Unstructured) -> bool:
    """Whether every term names its nodes, and none of them this one."""
    terms = (required(pod, "nodeAffinity") or {}).get("nodeSelectorTerms") or ()
    named = [[field for field in term.get("matchFields") or () if _names_node(field)] for term in terms]
    return bool(named) and all(
        fields and not all(meets(field, {NAME: node.name}) for field in fields) for fields in named
    )


def _names_node(field: Json) -> bool:
    return field.get("key") == NAME and field.get("operator") == "In"


def _likes(pod: Unstructured, node: Unstructured) -> bool:
    """Whether a node has the labels that are selected, and one of the terms of an affinity, if there are any."""
    selected = spec_of(pod).get("nodeSelector") or {}
    if any(node.labels.get(key) != value for key, value in selected.items()):
        return False
    wanted = required(pod, "nodeAffinity")
    return wanted is None or any(_fits_term(term, node) for term in wanted.get("nodeSelectorTerms") or ())


def _fits_term(term: Json, node: Unstructured) -> bool:
    """A term that asks nothing is not met."""
    labels, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    return (
        bool(labels or fields)
        and all(meets(entry, node.labels) for entry in labels)
        and all(meets(entry, {NAME: node.name}) for entry in fields)
    )


def host_ports(pod: Unstructured) -> Iterator[Port]:
    """Address, protocol and number of the machine's ports that a pod takes, sidecars among its containers."""
    spec = spec_of(pod)
    sidecars = [entry for entry in spec.get("initContainers") or () if entry.get("restartPolicy") == "Always"]
    for container in (*(spec.get("containers") or ()), *sidecars):
        for port in container.get("ports") or ():
            number = port.get("hostPort") or (port.get("containerPort") if spec.get("hostNetwork") else None)
            if number:
                yield port.get("hostIP") or EVERY_ADDRESS, port.get("protocol") or "TCP", number


def _ports_clash(pod: Unstructured, there: Sequence[Unstructured]) -> bool:
    wanted = list(host_ports(pod))
    return bool(wanted) and any(
        _clash(port, taken) for other in there for taken in host_ports(other) for port in wanted
    )


def _clash(one: Port, other: Port) -> bool:
    return one[1:] == other[1:] and (one[0] == other[0] or EVERY_ADDRESS in (one[0], other[0]))
