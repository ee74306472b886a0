"""Which pods go to the node next: those that fit into what is left of it, oldest first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from katib_local.workloads.job import ENDED, phase
from katib_machinery.objects import Unstructured
from katib_machinery.types import parse_quantity

COUNTED = ("cpu", "memory", "ephemeral-storage")


@dataclass(frozen=True)
class Placement:
    """Pods that fit, and why the others do not."""

    fitting: tuple[Unstructured, ...]
    waiting: tuple[tuple[Unstructured, str], ...]


def place(node: Unstructured | None, pods: Sequence[Unstructured]) -> Placement:
    """Admit pods by their requests against what the node can give, as a scheduler does."""
    unbound = [pod for pod in pods if not _node_of(pod) and phase(pod) == "Pending" and pod.deletion_timestamp is None]
    unbound.sort(key=lambda pod: (pod.raw["metadata"].get("creationTimestamp") or "", pod.namespace, pod.name))
    if node is None:
        return Placement(
            (), tuple((pod, "0/0 nodes are available: the node has not registered yet") for pod in unbound)
        )
    free = _amounts((node.raw.get("status") or {}).get("allocatable") or {})
    for pod in pods:
        if _node_of(pod) == node.name and phase(pod) not in ENDED:
            free.subtract(requests(pod))
    fitting: list[Unstructured] = []
    waiting: list[tuple[Unstructured, str]] = []
    for pod in unbound:
        problem = _selector_problem(node, pod) or _lack(free, requests(pod))
        if problem:
            waiting.append((pod, f"0/1 nodes are available: {problem}."))
            continue
        free.subtract(requests(pod))
        fitting.append(pod)
    return Placement(tuple(fitting), tuple(waiting))


def _node_of(pod: Unstructured) -> str:
    return str((pod.raw.get("spec") or {}).get("nodeName") or "")


def requests(pod: Unstructured) -> Counter[str]:
    """What a pod asks for: the sum of its containers, or its largest init container if that is more."""
    spec = pod.raw.get("spec") or {}
    total: Counter[str] = Counter()
    for container in spec.get("containers") or []:
        total.update(_requests_of(container))
    for container in spec.get("initContainers") or []:
        asked = _requests_of(container)
        if container.get("restartPolicy") == "Always":
            total.update(asked)
        else:
            total |= asked
    return total


def _requests_of(container: Mapping[str, Any]) -> Counter[str]:
    resources = container.get("resources") or {}
    return _amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _amounts(quantities: Mapping[str, Any]) -> Counter[str]:
    """Quantities in thousandths, which are whole numbers for all that is counted."""
    return Counter({name: int(parse_quantity(str(quantity)) * Decimal(1000)) for name, quantity in quantities.items()})


def _lack(free: Counter[str], asked: Counter[str]) -> str:
    lacking = [name for name in sorted(asked) if asked[name] > 0 and asked[name] > free.get(name, 0)]
    return ", ".join(f"1 Insufficient {name}" for name in lacking)


def _selector_problem(node: Unstructured, pod: Unstructured) -> str:
    wanted = (pod.raw.get("spec") or {}).get("nodeSelector") or {}
    if all(node.labels.get(key) == value for key, value in wanted.items()):
        return ""
    return "1 node(s) didn't match Pod's node affinity/selector"
