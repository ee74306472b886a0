"""Pods that nobody may place yet: what is told of them, and how their gates go. Pure.

Yields pairs of field and text, as kube-apiserver words them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from katib_local.apiserver.errors import shown
from katib_local.apiserver.metadata import qualified

Json = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]
FIELD = "schedulingGates"
ADDED = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"


def gates_of(spec: Json) -> list[str]:
    return [str(gate.get("name") or "") for gate in spec.get(FIELD) or ()]


def gated_condition(at: str) -> dict[str, Any]:
    """What a pod with gates says from its beginning; `at` is when that was."""
    return {
        "type": "PodScheduled",
        "status": "False",
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
        "lastProbeTime": None,
        "lastTransitionTime": at,
    }


def gate_problems(spec: Json) -> Problems:
    """What is wrong with a pod's gates."""
    gates = gates_of(spec)
    for index, name in enumerate(gates):
        yield from qualified(f"spec.{FIELD}[{index}]", name)
        if name in gates[:index]:
            yield f"spec.{FIELD}[{index}]", f"Duplicate value: {shown(name)}"
    if gates and spec.get("nodeName"):
        yield "spec.nodeName", "Forbidden: cannot be set until all schedulingGates have been cleared"


def changed_gate_problems(spec: Json, before: Json) -> Problems:
    """Gates go one by one or all at once; until they have gone, a pod may ask for more of its node."""
    held = gates_of(before)
    for index, name in enumerate(gates_of(spec)):
        if name not in held:
            text = f"Forbidden: only deletion is allowed, but found new scheduling gate '{name}'"
            yield f"spec.{FIELD}[{index}].name", text
    wanted, earlier = spec.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    if held and not earlier.items() <= wanted.items():
        yield "spec.nodeSelector", f"Invalid value: {shown(wanted)}: {ADDED}"


def why_unbindable(pod: Json) -> str:
    """Why a pod gets no node; empty when it may get one."""
    spec = pod.get("spec") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return "is being deleted, cannot be assigned to a host"
    if spec.get("nodeName"):
        return f'is already assigned to node "{spec["nodeName"]}"'
    return "has non-empty .spec.schedulingGates" if gates_of(spec) else ""
