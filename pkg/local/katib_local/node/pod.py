"""The life of one pod on this node: volumes, containers in their order, restarts, its end.

One task a pod. Tells the API what it sees through `Reporter`; must not know what the pod is for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from katib_apis.v1beta1 import names
from katib_local.node.containers import ContainerError, Surroundings, desired_process, mount_list
from katib_local.node.images import CURE, find_image, search_path
from katib_local.node.machine import capacity
from katib_local.node.options import NodeOptions
from katib_local.node.probes import await_ready
from katib_local.node.sandboxes import Event, SandboxError, SandboxHandle
from katib_local.node.sources import Sources
from katib_local.node.status import ContainerState, render_status
from katib_local.node.volumes import Supply, make_volumes, remove_volumes

log = logging.getLogger(__name__)
Json = Mapping[str, Any]
FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 300.0
START_ERROR = 128
NOT_FOUND_CODE = 127
NOT_FOUND = f"its command names a program that is not on this machine: install it, or {CURE}"


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


@dataclass
class PodRunner:
    """Runs one pod until its containers have ended for good, or it is told to stop."""

    pod: Json
    options: NodeOptions
    reporter: Reporter
    gpus: list[int] = field(default_factory=list)
    states: dict[str, ContainerState] = field(default_factory=dict)

    def __post_init__(self) -> None:
        spec = self.pod["spec"]
        self.metadata = self.pod["metadata"]
        self.policy = str(spec.get("restartPolicy") or "Always")
        self.inits = [entry for entry in spec.get("initContainers") or []]
        self.mains = list(spec.get("containers") or [])
        self.folder = self.options.state_dir / "pods" / self.metadata["uid"]
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.sandbox: SandboxHandle | None = None
        self.places: dict[str, str] = {}
        self.sources = Sources({})
        self.allocatable = capacity(self.options)
        self.stopping = False
        self.ended: dict[str, str] = {}
        self.probes: set[asyncio.Task[None]] = set()
        self.restarts: set[asyncio.Task[None]] = set()
        self._report_lock = asyncio.Lock()
        for container in [*self.inits, *self.mains]:
            self.states.setdefault(
                container["name"], ContainerState(container["name"], str(container.get("image") or ""))
            )

    @property
    def ports(self) -> dict[int, str]:
        """The real address of each port that a container declares."""
        declared = [port.get("containerPort") for container in self.mains for port in container.get("ports") or []]
        return {int(port): f"unix:{self._socket(int(port))}" for port in declared if port}

    def _socket(self, port: int) -> str:
        return str(self.options.state_dir / "s" / f"{self.metadata['uid'][:8]}-{port}")

    async def run(self) -> None:
        """The whole life; the last status is written when this returns."""
        try:
            if (seconds := self.pod["spec"].get("activeDeadlineSeconds")) is not None:
                self._spawn(self.restarts, self._end_after(float(seconds)))
            await self._prepare()
            await self._run_inits()
            if not self._over():
                for container in self.mains:
                    await self._start(container)
                await self._report()
            while not self._over():
                await self._handle(await self.events.get())
        except (SandboxError, ContainerError) as error:
            self._fail(error)
        finally:
            await self._end()

    async def _prepare(self) -> None:
        namespace = self.metadata["namespace"]
        self.sources = await Sources.fetch(
            self.pod["spec"], lambda kind, name: self.reporter.fetch(kind, namespace, name)
        )
        try:
            supply = Supply(self.pod, self.sources.find, self.allocatable)
            self.places = make_volumes(supply, self.folder / "volumes")
        except ContainerError as error:
            self.reporter.emit(self.pod, "Warning", error.reason, error.message)
            raise
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        (self.options.state_dir / "s").mkdir(mode=0o700, exist_ok=True)
        self.sandbox = await SandboxHandle.start(
            self.options.isolation, self.folder / "scratch", self.events.put_nowait
        )

    async def _run_inits(self) -> None:
        """Init containers one after the other; one that always restarts is a sidecar and is not waited for."""
        for container in self.inits:
            sidecar = container.get("restartPolicy") == "Always"
            await self._start(container)
            await self._report()
            while not sidecar and not self._settled(container["name"]):
                await self._handle(await self.events.get())
            if self._over():
                return

    def _settled(self, name: str) -> bool:
        state = self.states[name]
        return self.stopping or (state.ended and (state.exit_code == 0 or self.policy == "Never"))

    def _over(self) -> bool:
        """Whether nothing of the pod will run any more."""
        inits = [self.states[entry["name"]] for entry in self.inits if entry.get("restartPolicy") != "Always"]
        if self.policy == "Never" and any(state.ended and state.exit_code != 0 for state in inits):
            return True
        mains = [self.states[entry["name"]] for entry in self.mains]
        if self.stopping:
            return not any(state.running for state in self.states.values())
        if self.policy == "Always":
            return False
        return all(state.ended and (self.policy == "Never" or state.exit_code == 0) for state in mains)

    async def _start(self, container: Json) -> None:
        name = container["name"]
        try:
            process = desired_process(self.pod, container, self._around(container))
        except ContainerError as error:
            self._not_started(name, error.reason, error.message)
            return
        if process.rewritten:
            self.reporter.emit(
                self.pod,
                "Normal",
                "PathsRewritten",
                f"Paths of mounted volumes in container {name} were rewritten, since private mounts are not used here",
            )
        assert self.sandbox is not None
        self.sandbox.start_container(process, self.log_file(name, self.states[name].restarts))

    def _around(self, container: Json) -> Surroundings:
        image = find_image(self.options.images, str(container.get("image") or ""))
        environment = dict(self.options.environment)
        environment["PATH"] = search_path(image, self.options.own_bin, environment.get("PATH", ""))
        environment |= {f"{names.ENV_PREFIX_LISTEN}{port}": address for port, address in self.ports.items()}
        environment["HOSTNAME"] = self.metadata["name"]
        if self.options.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, self.gpus)) if _gpu_request(container) else ""
        mounts = mount_list(container, self.places)
        for mount in mounts:
            if not os.path.exists(mount.source):  # a subPath that nobody has made yet
                os.makedirs(mount.source)
        directory = self.options.working_directory
        return Surroundings(
            image, environment, mounts, self.options.isolation, directory, self.sources.find_text, self.allocatable
        )

    def log_file(self, container: str, attempt: int) -> Path:
        return Path(self.folder, "logs", f"{container}-{attempt}.log")

    async def _handle(self, event: Event) -> None:
        match event["event"]:
            case "started":
                self._started(event)
            case "exited":
                self._exited(event)
            case "broken":
                self._broken(event)
            case "gone":
                for name, state in self.states.items():
                    if state.running:
                        self.states[name] = state.end(now(), 137, 9)
                self.stopping = True
            case "wake":
                return
            case _:
                return
        await self._report()

    def _started(self, event: Event) -> None:
        name = event["container"]
        container = self._container(name)
        probe = container.get("readinessProbe") or container.get("startupProbe")
        identity = f"process://{event['pid']}"
        self.states[name] = self.states[name].start(now(), identity, ready=probe is None)
        self.reporter.emit(self.pod, "Normal", "Started", f"Started container {name}")
        if probe is not None:
            self._spawn(self.probes, self._probe(name, probe))

    def _container(self, name: str) -> Json:
        return next(entry for entry in [*self.inits, *self.mains] if entry["name"] == name)

    def _spawn(self, tasks: set[asyncio.Task[None]], work: Any) -> None:
        task = asyncio.ensure_future(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _probe(self, name: str, probe: Json) -> None:
        await await_ready(probe, self.ports)
        if self.states[name].running:
            self.states[name] = replace(self.states[name], ready=True)
            await self._report()

    def _exited(self, event: Event) -> None:
        name, code = event["container"], int(event["code"])
        message = NOT_FOUND if code == NOT_FOUND_CODE else ""
        self.states[name] = self.states[name].end(now(), code, int(event["signal"]), message=message)
        self._after_exit(name)

    def _broken(self, event: Event) -> None:
        """The process could not be started: the container ends with the reason and the cure."""
        name = event["container"]
        message = event["message"]
        if event["missing"]:
            message = (
                f"{message}: no such program for image {self.states[name].image} on this machine; install it, or {CURE}"
            )
        self._not_started(name, "StartError", message)

    def _not_started(self, name: str, reason: str, message: str) -> None:
        self.reporter.emit(self.pod, "Warning", "Failed", f"Error: {message}")
        state = replace(self.states[name], started_at=now())
        self.states[name] = state.end(now(), START_ERROR, 0, reason, message)
        self._after_exit(name)
        self.events.put_nowait({"event": "settled"})

    def _after_exit(self, name: str) -> None:
        state, container = self.states[name], self._container(name)
        sidecar = container in self.inits and container.get("restartPolicy") == "Always"
        policy = "Always" if sidecar else self.policy
        if self.stopping or policy == "Never" or (policy == "OnFailure" and state.exit_code == 0):
            return
        if container in self.inits and not sidecar and state.exit_code == 0:
            return
        if sidecar and all(self.states[entry["name"]].ended for entry in self.mains):
            return
        pause = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** max(0, state.restarts - 1)) if state.restarts else 0.0
        self.states[name] = replace(
            state.wait("CrashLoopBackOff", f"back-off {pause:.0f}s restarting failed container={name}"),
            restarts=state.restarts + 1,
        )
        if pause:
            self.reporter.emit(self.pod, "Warning", "BackOff", f"Back-off restarting failed container {name}")
        self._spawn(self.restarts, self._restart(container, pause))

    async def _restart(self, container: Json, pause: float) -> None:
        await asyncio.sleep(pause)
        if not self.stopping:
            await self._start(container)

    def stop(self, grace: float) -> None:
        """End the pod: SIGTERM now, SIGKILL after the grace period."""
        if self.stopping:
            return
        self.stopping = True
        self.reporter.emit(self.pod, "Normal", "Killing", "Stopping the pod's containers")
        self.events.put_nowait({"event": "wake"})
        if self.sandbox is not None:
            self.sandbox.signal(signal.SIGTERM if grace > 0 else signal.SIGKILL)
            self._spawn(self.restarts, self._kill_after(grace))

    async def _end_after(self, seconds: float) -> None:
        """A pod may be active for so long and no longer."""
        await asyncio.sleep(seconds)
        self.ended = {
            "phase": "Failed",
            "reason": "DeadlineExceeded",
            "message": "Pod was active on the node longer than the specified deadline",
        }
        self.stop(float(self.pod["spec"].get("terminationGracePeriodSeconds", 30)))

    async def _kill_after(self, grace: float) -> None:
        await asyncio.sleep(grace)
        if self.sandbox is not None:
            self.sandbox.signal(signal.SIGKILL)

    def _fail(self, error: Exception) -> None:
        reason = error.reason if isinstance(error, ContainerError) else "CreateContainerError"
        for name, state in self.states.items():
            if not state.ended:
                self.states[name] = replace(state, started_at=now()).end(now(), START_ERROR, 0, reason, str(error))

    async def _end(self) -> None:
        """Nothing of the pod runs on after its end, whatever it has started."""
        for task in [*self.probes, *self.restarts]:
            task.cancel()
        if self.sandbox is not None:
            await self.sandbox.close()
        for name, state in self.states.items():
            if state.running:
                self.states[name] = state.end(now(), 137, 9)
        for port in self.ports:
            with contextlib.suppress(OSError):
                os.unlink(self._socket(port))
        remove_volumes(self.folder / "volumes")
        await self._report()

    async def _report(self) -> None:
        """Write what is known now, in order."""
        async with self._report_lock:
            inits = [self.states[entry["name"]] for entry in self.inits]
            mains = [self.states[entry["name"]] for entry in self.mains]
            status = {**render_status(self.pod, inits, mains, now()), **self.ended}
            if json.dumps(status, sort_keys=True) == json.dumps(self.pod.get("status"), sort_keys=True):
                return
            self.pod = {**self.pod, "status": status}
            await self.reporter.write_status(self.pod, status)


def _gpu_request(container: Json) -> int:
    resources = container.get("resources") or {}
    asked = {**(resources.get("requests") or {}), **(resources.get("limits") or {})}
    return int(asked.get("nvidia.com/gpu") or 0)


def gpu_count(pod: Json) -> int:
    """How many GPUs a pod asks for in all."""
    return sum(_gpu_request(container) for container in (pod.get("spec") or {}).get("containers") or [])


def now() -> datetime:
    return datetime.now(UTC)
