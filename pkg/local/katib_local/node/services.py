"""Which pod answers for a Service, and at which of its ports. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Backend:
    """A pod as Services see it: its labels, its ports by name, and whether it wants to be asked."""

    namespace: str
    labels: Mapping[str, str]
    ports: Mapping[str, int]
    addresses: Mapping[int, str]
    is_ready: bool


def backend_of(pod: Json, addresses: Mapping[int, str], is_ready: bool) -> Backend:
    """A pod as Services see it; `addresses` are where its ports are really served."""
    metadata = pod["metadata"]
    declared = [port for container in pod["spec"]["containers"] for port in container.get("ports") or []]
    ports = {port["name"]: int(port["containerPort"]) for port in declared if port.get("name")}
    return Backend(metadata["namespace"], metadata.get("labels") or {}, ports, addresses, is_ready)


def find_backend(service: Json, port: int, backends: Iterable[Backend]) -> tuple[Backend, int] | None:
    """The first pod that a Service selects and that is ready, and the port that stands for the Service's one; or None.

    A port that the Service does not name is taken as the pod's own, as with headless Services in a cluster.
    """
    spec = service.get("spec") or {}
    selector = spec.get("selector")
    if not selector:
        return None
    targets = [entry.get("targetPort") for entry in spec.get("ports") or [] if entry.get("port") == port]
    target = str(next(filter(None, targets), port))
    for backend in backends:
        chosen = backend.namespace == service["metadata"]["namespace"] and selector.items() <= backend.labels.items()
        if chosen and (backend.is_ready or spec.get("publishNotReadyAddresses")):
            number = backend.ports.get(target, target)
            if not isinstance(number, str) or number.isdigit():
                return backend, int(number)
    return None
