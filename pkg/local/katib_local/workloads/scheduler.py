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
from katib_local.workloads.node_filters import Objection, find_objection, spec_of
from katib_local.workloads.pod_affinity import Namespaces, find_dislike
from katib_machinery.objects import Unstructured
from katib_machinery.scalars import parse_quantity

DEFAULT_SCHEDULER = "default-scheduler"
THOUSAND = Decimal(1000)
PODS = "pods"
NO_NODE = "no nodes available to schedule pods"
NONE = "0/1 nodes are available:"
HELPLESS = "Preemption is not helpful for scheduling"
NOBODY = "No preemption victims found for incoming pod"

Amounts = Counter[str]


@dataclass(frozen=True)
class Placement:
    """Pods that fit, and why the others do not."""

    fitting: tuple[Unstructured, ...] = ()
    waiting: tuple[tuple[Unstructured, str], ...] = ()


def place(
    node: Unstructured | None,
    found: Sequence[Unstructured],
    assumed: Collection[str] = (),
    namespaces: Namespaces | None = None,
) -> Placement:
    """Admit pods by what they ask of the node, of what it can give, and of the pods that it has.

    `assumed` are uids of pods that were bound just now, `namespaces` the labels of each namespace.
    """
    unbound = sorted((pod for pod in found if _wants_node(pod) and pod.uid not in assumed), key=_age)
    if node is None:
        return Placement(waiting=tuple((pod, NO_NODE) for pod in unbound))
    there = [pod for pod in found if _is_there(pod, node, assumed)]
    whole = allocatable(node)
    free = whole.copy()
    for pod in there:
        free.subtract(_readable_requests(pod))
    fitting: list[Unstructured] = []
    waiting: list[tuple[Unstructured, str]] = []
    for pod in unbound:
        objection, hint = find_objection(pod, node, there), ""
        if objection is None:
            objection, hint = _lack(node, pod, whole, free)
        objection = objection or find_dislike(pod, node, there, namespaces or {})
        if objection is not None:
            waiting.append((pod, _said(objection) + hint))
        else:
            free.subtract(requests(pod))
            there.append(pod)
            fitting.append(pod)
    return Placement(tuple(fitting), tuple(waiting))


def _wants_node(pod: Unstructured) -> bool:
    spec = spec_of(pod)
    ours = (spec.get("schedulerName") or DEFAULT_SCHEDULER) == DEFAULT_SCHEDULER
    return ours and pods.is_active(pod) and not node_of(pod) and not spec.get("schedulingGates")


def _is_there(pod: Unstructured, node: Unstructured, assumed: Collection[str]) -> bool:
    return (node_of(pod) == node.name or pod.uid in assumed) and not pods.is_finished(pod)


def _age(pod: Unstructured) -> tuple[str, str, str]:
    return (str(pod.raw["metadata"].get("creationTimestamp") or ""), pod.namespace, pod.name)


def node_of(pod: Unstructured) -> str:
    """The node that a pod is bound to; empty when there is none yet."""
    return str(spec_of(pod).get("nodeName") or "")


def _lack(node: Unstructured, pod: Unstructured, whole: Amounts, free: Amounts) -> tuple[Objection | None, str]:
    """What there is too little of, and what to do about it when there will never be enough."""
    try:
        asked = requests(pod)
    except ValueError as error:
        return Objection((f"node(s) cannot read the pod's requests: {error}",)), ""
    lacking = [name for name in sorted(asked) if asked[name] > max(free[name], 0)]
    if not lacking:
        return None, ""
    never = [f"{name}: {_text(asked[name])} of {_text(whole[name])}" for name in lacking if asked[name] > whole[name]]
    hint = f" It asks for more than {node.name} has ({', '.join(never)}): ask for less." if never else ""
    reasons = tuple("Too many pods" if name == PODS else f"Insufficient {name}" for name in lacking)
    return Objection(reasons, lasting=bool(never)), hint


def _said(objection: Objection) -> str:
    """In the words of Kubernetes' scheduler, which then looks for pods to end in favour of this one: here there are none."""
    reasons = ", ".join(sorted(f"1 {reason}" for reason in objection.reasons))
    return f"{NONE} {reasons}. preemption: {NONE} 1 {HELPLESS if objection.lasting else NOBODY}."


def _text(thousandths: int) -> str:
    return f"{Decimal(thousandths) / THOUSAND:f}"


def allocatable(node: Unstructured) -> Amounts:
    """What pods can have of a node."""
    return amounts((node.raw.get("status") or {}).get("allocatable") or {})


def requests(pod: Unstructured) -> Amounts:
    """What a pod asks for: its containers together, or its largest init container if that is more; raises ValueError."""
    spec = spec_of(pod)
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
