"""Which containers of a pod are started again, when, and when nothing more will run: its restart policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from katib_local.node.states import ContainerState

Json = Mapping[str, Any]
FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 300.0


def is_sidecar(pod: Json, container: Json) -> bool:
    """Whether a container runs on beside the others, although it starts before them."""
    return container in (pod["spec"].get("initContainers") or []) and container.get("restartPolicy") == "Always"


def policy_of(pod: Json, container: Json) -> str:
    """Sidecars are always started again, others as the pod says."""
    return "Always" if is_sidecar(pod, container) else str(pod["spec"].get("restartPolicy") or "Always")


def starts_again(pod: Json, container: Json, states: Mapping[str, ContainerState], good: bool) -> bool:
    """Whether a container that has ended, well or not, is started again."""
    policy = policy_of(pod, container)
    if policy == "Never" or (policy == "OnFailure" and good):
        return False
    if is_sidecar(pod, container):
        return not all(states[entry["name"]].ended for entry in pod["spec"]["containers"])
    return not (good and container in (pod["spec"].get("initContainers") or []))


def pause_before(restarts: int) -> float:
    """Seconds before the next start: none at first, then ever more."""
    return min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(restarts - 1, 10)) if restarts else 0.0


def is_done(pod: Json, states: Mapping[str, ContainerState]) -> bool:
    """Whether a pod has done what it is for, well or not; its sidecars may still run."""
    spec = pod["spec"]
    policy = str(spec.get("restartPolicy") or "Always")
    inits = [states[entry["name"]] for entry in spec.get("initContainers") or [] if not is_sidecar(pod, entry)]
    if policy == "Never" and any(state.ended and state.exit_code != 0 for state in inits):
        return True
    mains = [states[entry["name"]] for entry in spec["containers"]]
    return policy != "Always" and all(state.ended and (policy == "Never" or state.exit_code == 0) for state in mains)


def next_to_end(pod: Json, states: Mapping[str, ContainerState]) -> list[str]:
    """The containers of a pod that ends whose turn to end it is: sidecars after all others, the last one first."""
    inits = pod["spec"].get("initContainers") or []
    sidecars = [entry["name"] for entry in inits if is_sidecar(pod, entry)]
    others = [name for name in states if name not in sidecars]
    turns = [others, *([name] for name in reversed(sidecars))]
    return next((running for turn in turns if (running := [name for name in turn if states[name].running])), [])
