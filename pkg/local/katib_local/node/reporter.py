"""What a pod's life asks of the API, whoever answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Json = Mapping[str, Any]


class Reporter(Protocol):
    """What a pod needs of the API."""

    async def write_status(self, pod: Json, status: dict[str, Any]) -> None:
        """Write a pod's status; a pod that has gone is nothing to complain about."""
        ...

    def emit(self, pod: Json, type: str, reason: str, message: str) -> None:
        """Tell of something that happened to the pod."""
        ...

    async def fetch(self, kind: str, namespace: str, name: str) -> Json | None:
        """A ConfigMap or Secret, or None when there is none."""
        ...

    async def mint(self, pod: Json, audience: str, seconds: float) -> str:
        """A token of the pod's service account; raises ContainerError."""
        ...
