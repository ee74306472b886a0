"""Which pods go to the node next: those that fit into what is left of it, oldest first. Pure.

Requests are counted as a scheduler counts them. A pod that does not fit does not hold up a smaller one behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from katib_local.workloads import pods
from katib_machinery.objects import Unstructured
from katib_machinery.scalars import parse_quantity

DEFAULT_SCHEDULER = "default-scheduler"
THOUSAND = Decimal(1000)
PODS = "pods"

Amounts = Counter[str]


@dataclass(frozen=True)
class Placement:
    """Pods that fit, and why the others do not."""

    fitting: tuple[Unstructured, ...] = ()
    waiting: tuple[tuple[Unstructured, str], ...] = ()


def place(node: Unstructured | None, found: Sequence[Unstructured], assumed: Collection[str] = ()) -> Placement:
    """Admit pods by their requests against what the node can give. `assumed` are uids of pods that were bound just now."""
    unbound = sorted((pod for pod in found if _wants_node(pod) and pod.uid not in assumed), key=_age)
    if node is None or (problem := _node_problem(node)):
        reason = "0/0 nodes are available: the node has not registered yet." if node is None else _said(problem)
        return Placement(waiting=tuple((pod, reason) for pod in unbound))
    whole = allocatable(node)
    free = whole.copy()
    for pod in found:
        if (node_of(pod) == node.name or pod.uid in assumed) and not pods.is_finished(pod):
            free.subtract(_readable_requests(pod))
    fitting: list[Unstructured] = []
    waiting: list[tuple[Unstructured, str]] = []
    for pod in unbound:
        reason = _pod_problem(node, pod, whole, free)
        if reason:
            waiting.append((pod, reason))
        else:
            free.subtract(requests(pod))
            fitting.append(pod)
    return Placement(tuple(fitting), tuple(waiting))


def _wants_node(pod: Unstructured) -> bool:
    spec = pod.raw.get("spec") or {}
    ours = (spec.get("schedulerName") or DEFAULT_SCHEDULER) == DEFAULT_SCHEDULER
    return ours and pods.is_active(pod) and not node_of(pod) and not spec.get("schedulingGates")


def _age(pod: Unstructured) -> tuple[str, str, str]:
    return (str(pod.raw["metadata"].get("creationTimestamp") or ""), pod.namespace, pod.name)


def node_of(pod: Unstructured) -> str:
    """The node that a pod is bound to; empty when there is none yet."""
    return str((pod.raw.get("spec") or {}).get("nodeName") or "")


def _node_problem(node: Unstructured) -> str:
    if (node.raw.get("spec") or {}).get("unschedulable"):
        return "1 node(s) were unschedulable"
    if pods.condition_status(node, "Ready") in ("False", "Unknown"):
        return "1 node(s) were not ready"
    return ""


def _pod_problem(node: Unstructured, pod: Unstructured, whole: Amounts, free: Amounts) -> str:
    wanted = (pod.raw.get("spec") or {}).get("nodeSelector") or {}
    if any(node.labels.get(key) != value for key, value in wanted.items()):
        return _said("1 node(s) didn't match Pod's node affinity/selector")
    try:
        asked = requests(pod)
    except ValueError as error:
        return _said(f"1 node(s) cannot read the pod's requests: {error}")
    lacking = [name for name in sorted(asked) if asked[name] > max(free[name], 0)]
    if not lacking:
        return ""
    never = [f"{name}: {_text(asked[name])} of {_text(whole[name])}" for name in lacking if asked[name] > whole[name]]
    hint = f" It asks for more than {node.name} has ({', '.join(never)}): ask for less." if never else ""
    return _said(", ".join(f"1 Insufficient {name}" for name in lacking)) + hint


def _said(problem: str) -> str:
    return f"0/1 nodes are available: {problem}."


def _text(thousandths: int) -> str:
    return f"{Decimal(thousandths) / THOUSAND:f}"


def allocatable(node: Unstructured) -> Amounts:
    """What pods can have of a node."""
    return amounts((node.raw.get("status") or {}).get("allocatable") or {})


def requests(pod: Unstructured) -> Amounts:
    """What a pod asks for: its containers together, or its largest init container if that is more; raises ValueError."""
    spec = pod.raw.get("spec") or {}
    total = amounts(spec.get("overhead") or {})
    for container in spec.get("containers") or ():
        total.update(_requests_of(container))
    beside: Amounts = Counter()
    for container in spec.get("initContainers") or ():
        asked = _requests_of(container)
        if container.get("restartPolicy") == "Always":
            # It goes on beside everything that is started after it.
            total.update(asked)
            beside.update(asked)
        else:
            total |= asked + beside
    total[PODS] = 1000
    return +total


def _readable_requests(pod: Unstructured) -> Amounts:
    """What a bound pod asks for; one that somebody else has bound must not stop the scheduler."""
    try:
        return requests(pod)
    except ValueError:
        return Counter({PODS: 1000})


def _requests_of(container: Mapping[str, Any]) -> Amounts:
    resources = container.get("resources") or {}
    return amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def amounts(quantities: Mapping[str, Any]) -> Amounts:
    """Quantities in thousandths, rounded up: whole numbers for all that is counted."""
    thousandths = {name: parse_quantity(str(quantity)) * THOUSAND for name, quantity in quantities.items()}
    return Counter({name: int(amount.to_integral_value(ROUND_CEILING)) for name, amount in thousandths.items()})
