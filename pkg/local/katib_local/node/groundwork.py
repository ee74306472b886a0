"""What a pod's containers stand on: folder, sources, volumes, sockets; and the process that each of them is to be.

Must not know which containers run, or when.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from katib_apis.v1beta1 import names
from katib_local.node.containers import (
    ContainerError,
    Process,
    Surroundings,
    declared,
    desired_process,
    gpu_request,
    mount_list,
)
from katib_local.node.images import find_image, search_path
from katib_local.node.machine import capacity
from katib_local.node.options import NodeOptions
from katib_local.node.reporter import Reporter
from katib_local.node.sources import Sources
from katib_local.node.tokens import bring_tokens
from katib_local.node.volumes import Supply, make_source, make_volumes, remove_volumes
from katib_machinery.transport import ApiError

Json = Mapping[str, Any]


class Groundwork:
    """One pod's ground on this node."""

    def __init__(self, pod: Json, options: NodeOptions, gpus: Sequence[int]) -> None:
        self.pod = pod
        self.options = options
        self.gpus = gpus
        self.metadata = pod["metadata"]
        self.folder = options.state_dir / "pods" / self.metadata["uid"]
        self.sources = Sources({})
        self.places: dict[str, str] = {}
        self.allocatable = capacity(options)

    @property
    def ports(self) -> dict[int, str]:
        """The real address of each port that a container declares."""
        containers = self.pod["spec"].get("containers") or []
        ports = [port.get("containerPort") for container in containers for port in container.get("ports") or []]
        return {int(port): f"unix:{self._socket(int(port))}" for port in ports if port}

    def _socket(self, port: int) -> str:
        return str(self.options.state_dir / "s" / f"{self.metadata['uid'][:8]}-{port}")

    async def prepare(self, reporter: Reporter) -> Coroutine[Any, Any, None]:
        """Make everything; returns what keeps tokens fresh while the pod runs. Raises ContainerError, which is told."""
        await self._fetch_sources(reporter)
        try:
            supply = Supply(self.pod, self.sources.find, self.allocatable, self.options.claims)
            self.places = make_volumes(supply, self.folder / "volumes")
            refreshing = await bring_tokens(self.pod, self.folder / "volumes", reporter)
        except ContainerError as error:
            reporter.emit(self.pod, "Warning", error.reason, error.message)
            raise
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        (self.options.state_dir / "s").mkdir(mode=0o700, exist_ok=True)
        return refreshing

    async def _fetch_sources(self, reporter: Reporter) -> None:
        namespace = self.metadata["namespace"]
        self.sources = await Sources.fetch(self.pod["spec"], lambda kind, name: reporter.fetch(kind, namespace, name))

    async def look_again(self, reporter: Reporter) -> None:
        """Get the sources anew: one that a container lacked may be there by now. What cannot be had stays as it was."""
        with contextlib.suppress(ApiError, OSError):
            await self._fetch_sources(reporter)

    def process_of(self, container: Json) -> Process:
        """The process of a container; raises ContainerError."""
        return desired_process(self.pod, container, self._around(container))

    def _around(self, container: Json) -> Surroundings:
        image = find_image(self.options.images, str(container.get("image") or ""))
        environment = dict(self.options.environment)
        environment["PATH"] = search_path(image, self.options.own_bin, environment.get("PATH", ""))
        environment |= {f"{names.ENV_PREFIX_LISTEN}{port}": address for port, address in self.ports.items()}
        environment["HOSTNAME"] = self.metadata["name"]
        if self.options.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, self.gpus)) if gpu_request(container) else ""
        directory = self.options.working_directory
        around = Surroundings(
            image, environment, (), self.options.isolation, directory, self.sources.find_text, self.allocatable
        )
        mounts = mount_list(container, self.places, declared(self.pod, container, around))
        for mount in mounts:
            make_source(mount)
        return replace(around, mounts=mounts)

    def log_file(self, container: str, attempt: int) -> Path:
        return Path(self.folder, "logs", f"{container}-{attempt}.log")

    def remove(self) -> None:
        """Remove what only running containers need; logs stay."""
        for port in self.ports:
            with contextlib.suppress(OSError):
                os.unlink(self._socket(port))
        remove_volumes(self.folder / "volumes")
