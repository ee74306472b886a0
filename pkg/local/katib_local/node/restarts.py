"""Which containers of a pod are started again, when, and when nothing more will run: its restart policy. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from katib_local.node.states import ContainerState

Json = Mapping[str, Any]
FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 300.0
FORGIVEN_AFTER = 2 * LONGEST_BACKOFF
"""A container that has run for so long, in seconds, has not failed in a row."""


class Backoff:
    """How long containers wait before they start again. As in a cluster, no node knows how long they waited on another."""

    def __init__(self, again: Iterable[str] = ()) -> None:
        """`again` names containers of which the first start here is not their first one."""
        self._starts = dict.fromkeys(again, 1)

    def pause_after(self, name: str, ran: float) -> float:
        """Seconds until the next start of a container that has ended after it ran for `ran` seconds."""
        starts = 0 if ran > FORGIVEN_AFTER else self._starts.get(name, 0)
        self._starts[name] = starts + 1
        return pause_before(starts)


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


def render_span(seconds: float) -> str:
    """A pause as a cluster writes it: `10s`, `1m20s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


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
