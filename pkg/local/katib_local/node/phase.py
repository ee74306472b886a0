"""The phase of a pod, by a cluster's rules: what has begun, what runs, what starts again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from katib_local.node.restarts import is_sidecar, policy_of
from katib_local.node.states import ContainerState

Json = Mapping[str, Any]


def phase_of(pod: Json, states: Mapping[str, ContainerState], *, ending: bool = False) -> str:
    """Pending, Running, Succeeded or Failed; `ending` if nothing of the pod starts again, whatever its policy says.

    A pod runs as long as a sidecar does, also after its main containers; how a sidecar ends is of no consequence.
    """
    inits, mains = pod["spec"].get("initContainers") or [], pod["spec"]["containers"]
    sidecars = [states[entry["name"]] for entry in inits if is_sidecar(pod, entry)]
    before = [entry for entry in inits if not is_sidecar(pod, entry)]
    beside = [*sidecars, *(states[entry["name"]] for entry in mains)]
    if any(_has_failed(pod, entry, states[entry["name"]]) for entry in before):
        return "Failed"
    if _initializes([states[entry["name"]] for entry in before], sidecars, [states[entry["name"]] for entry in mains]):
        return "Pending"
    if not all(state.begun for state in beside):
        return "Pending"
    if any(state.running for state in beside):
        return "Running"
    if not ending and any(_starts_again(pod, entry, states[entry["name"]]) for entry in mains):
        return "Running"
    return "Succeeded" if all(states[entry["name"]].succeeded for entry in mains) else "Failed"


def _initializes(
    before: Sequence[ContainerState], sidecars: Sequence[ContainerState], mains: Sequence[ContainerState]
) -> bool:
    """Whether something that comes before the main containers is still to be done; a sidecar that begins again is not."""
    if any(state.running or not state.begun for state in before):
        return True
    initialized = any(state.identity for state in mains)
    return not initialized and any(not state.begun or (state.running and not state.started) for state in sidecars)


def _has_failed(pod: Json, container: Json, state: ContainerState) -> bool:
    """Whether an init container has failed and is not tried again."""
    return _exit_code(state) not in (None, 0) and not _starts_again(pod, container, state)


def _starts_again(pod: Json, container: Json, state: ContainerState) -> bool:
    policy = policy_of(pod, container)
    return policy == "Always" or (policy == "OnFailure" and _exit_code(state) != 0)


def _exit_code(state: ContainerState) -> int | None:
    """How a container that does not run has ended; None for one that has not."""
    return None if state.running else state.exit_code if state.ended else state.last.get("exitCode")
