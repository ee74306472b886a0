"""The life of one pod on this node: volumes, containers in their order, restarts, its end.

One task a pod. Tells the API what it sees through `Reporter`; must not know what the pod is for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from katib_local.node.containers import ContainerError, Process, desired_look
from katib_local.node.groundwork import Groundwork
from katib_local.node.health import Probe, Watcher, watch_health
from katib_local.node.images import CURE
from katib_local.node.options import NodeOptions
from katib_local.node.probes import Reach, look
from katib_local.node.reporter import Reporter
from katib_local.node.restarts import Backoff, is_done, is_sidecar, next_to_end, policy_of, render_span, starts_again
from katib_local.node.sandboxes import Event, SandboxError, SandboxHandle
from katib_local.node.services import Backend, backend_of
from katib_local.node.states import ContainerState
from katib_local.node.status import gates_met, others_conditions, render_status
from katib_local.node.takeover import render_concluded

log = logging.getLogger(__name__)
Json = Mapping[str, Any]
START_ERROR = 128
NOT_FOUND_CODE = 127
NOT_FOUND = f"its command names a program that image {{}} does not have on this machine: install it, or {CURE}"


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
        self.ground = Groundwork(self.pod, self.options, self.gpus)
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.sandbox: SandboxHandle | None = None
        self.stopping = False
        self.over = False
        self.kill_at = math.inf
        self.asked: set[str] = set()
        self.ended: dict[str, str] = {}
        self.processes: dict[str, Process] = {}
        self.health: dict[str, asyncio.Task[None]] = {}
        self.unhealthy: set[str] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self._report_lock = asyncio.Lock()
        for container in [*self.inits, *self.mains]:
            self.states.setdefault(
                container["name"], ContainerState(container["name"], str(container.get("image") or ""))
            )
        self.backoff = Backoff(name for name, state in self.states.items() if state.begun)
        self.began_at: dict[str, float] = {}

    @property
    def backend(self) -> Backend:
        """The pod as Services see it."""
        states = [self.states[container["name"]] for container in self.mains]
        serving = not self.stopping and all(state.running and state.ready for state in states)
        return backend_of(self.pod, self.ground.ports, serving and gates_met(self.pod).holds)

    async def run(self) -> None:
        """The whole life; the last status is written when this returns. Cancelled with its node it ends without one:
        that its containers have ended then is not the pod's doing, and is for the next node to tell.
        """
        abandoned = False
        try:
            if (seconds := self.pod["spec"].get("activeDeadlineSeconds")) is not None:
                self._spawn(self._end_after(float(seconds)))
            if not self._done():
                await self._prepare()
                await self._run_inits()
            if not self._done():
                for container in self.mains:
                    if not self.states[container["name"]].ended:
                        self._start(container)
                await self._report()
            while not self._over():
                await self._handle(await self.events.get())
        except (SandboxError, ContainerError) as error:
            self._fail(error)
        except asyncio.CancelledError:
            abandoned = True
            raise
        finally:
            await self._end()
            if not abandoned:
                await self._report()

    async def _prepare(self) -> None:
        self._spawn(await self.ground.prepare(self.reporter))
        self.sandbox = await SandboxHandle.start(
            self.options.isolation, self.ground.folder / "scratch", self.events.put_nowait
        )

    async def _run_inits(self) -> None:
        """Init containers one after the other; one that always restarts is a sidecar and need only have started up."""
        for container in self.inits:
            sidecar = is_sidecar(self.pod, container)
            self._start(container)
            await self._report()
            while not self._settled(container["name"], sidecar):
                await self._handle(await self.events.get())
            if self._done():
                return

    def _settled(self, name: str, sidecar: bool) -> bool:
        state = self.states[name]
        if sidecar:
            return self.stopping or state.started
        return self.stopping or (state.ended and (state.exit_code == 0 or self.policy == "Never"))

    def _done(self) -> bool:
        """Whether nothing of the pod is to start any more."""
        return self.stopping or is_done(self.pod, self.states)

    def _over(self) -> bool:
        return self._done() and not any(state.running for state in self.states.values())

    def _start(self, container: Json) -> None:
        name = container["name"]
        self.states[name] = self.states[name].begin()
        try:
            process = self.ground.process_of(container)
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
        self.processes[name] = process
        self.sandbox.start_container(process, self.ground.log_file(name, self.states[name].restarts))

    def writes(self, container: str, attempt: int) -> bool:
        """Whether an attempt of a container may still add to its log."""
        return not self.over and container in self.states and self.states[container].may_write(attempt)

    def learn(self, pod: Json) -> None:
        """Take over the conditions that others have written: the pod may be ready by them."""
        held, found = self.pod.get("status") or {}, others_conditions(pod.get("status") or {})
        if found != others_conditions(held):
            own = [entry for entry in held.get("conditions") or [] if entry not in others_conditions(held)]
            self.pod = {**self.pod, "status": {**held, "conditions": [*found, *own]}}
            self.events.put_nowait({"event": "learned"})

    async def _handle(self, event: Event) -> None:
        match event["event"]:
            case "started":
                self._started(event)
            case "exited":
                self._exited(event)
            case "broken":
                self._broken(event)
            case "probed":
                self._probed(event)
            case "gone":
                for name, state in self.states.items():
                    if state.running:
                        self.states[name] = state.end(now(), 137, 9)
                self.stopping = True
            case "learned" | "settled":
                pass
            case _:
                return
        self._go_on_ending()
        await self._report()

    def _started(self, event: Event) -> None:
        name = event["container"]
        container = self._container(name)
        begun = Probe.STARTUP.find(container) is None
        ready = begun and Probe.READINESS.find(container) is None
        state = self.states[name].start(now(), f"process://{event['pid']}", started=begun, ready=ready)
        self.states[name] = state
        self.began_at[name] = asyncio.get_running_loop().time()
        self.reporter.emit(self.pod, "Normal", "Started", f"Started container {name}")
        watching = watch_health(container, lambda probe: look(probe, self._reach(container)), self._watcher(state))
        self.health[name] = asyncio.ensure_future(watching)

    def _reach(self, container: Json) -> Reach:
        async def execute(command: Sequence[str]) -> tuple[int, str]:
            assert self.sandbox is not None
            process = self.processes[container["name"]]
            return await self.sandbox.look(process, desired_look(container, process, command))

        return Reach(container, self.ground.ports, execute)

    def _watcher(self, state: ContainerState) -> Watcher:
        """Who is told of the health of one start of a container."""

        def decide(probe: Probe, good: bool) -> None:
            told = {"container": state.name, "identity": state.identity, "probe": probe, "good": good}
            self.events.put_nowait({"event": "probed", **told})

        return Watcher(lambda message: self.reporter.emit(self.pod, "Warning", "Unhealthy", message), decide)

    def _probed(self, event: Event) -> None:
        name, good = event["container"], event["good"]
        state = self.states[name]
        if not state.running or state.identity != event["identity"]:
            return
        match event["probe"], good:
            case Probe.READINESS, _:
                self.states[name] = replace(state, ready=good)
            case Probe.STARTUP, True:
                ready = Probe.READINESS.find(self._container(name)) is None
                self.states[name] = replace(state, started=True, ready=ready)
            case (Probe.STARTUP | Probe.LIVENESS) as probe, False if not self.stopping:
                self._end_unhealthy(state, probe)
            case _:
                return

    def _end_unhealthy(self, state: ContainerState, probe: Probe) -> None:
        """End a container that has failed a probe for good; another start of it is its policy's business."""
        container = self._container(state.name)
        again = ", will be restarted" if policy_of(self.pod, container) != "Never" else ""
        message = f"Container {state.name} failed {probe.value} probe{again}"
        self.reporter.emit(self.pod, "Normal", "Killing", message)
        self.unhealthy.add(state.name)
        grace = (probe.find(container) or {}).get("terminationGracePeriodSeconds")
        assert self.sandbox is not None
        self.sandbox.signal(signal.SIGTERM, state.name)
        self._spawn(self._kill_after(float(self.grace if grace is None else grace), state))

    @property
    def grace(self) -> float:
        """How many seconds processes have between being asked to end and being killed."""
        return float(self.pod["spec"].get("terminationGracePeriodSeconds", 30))

    def _container(self, name: str) -> Json:
        return next(entry for entry in [*self.inits, *self.mains] if entry["name"] == name)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _exited(self, event: Event) -> None:
        name, code = event["container"], int(event["code"])
        message = NOT_FOUND.format(self.states[name].image) if code == NOT_FOUND_CODE else ""
        self.states[name] = self.states[name].end(now(), code, int(event["signal"]), message=message)
        self.health.pop(name).cancel()
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
        good = state.exit_code == 0 and name not in self.unhealthy
        self.unhealthy.discard(name)
        if self.stopping or not starts_again(self.pod, container, self.states, good):
            return
        now_at = asyncio.get_running_loop().time()
        pause = self.backoff.pause_after(name, now_at - self.began_at.pop(name, now_at))
        if not pause:
            self.states[name] = state.wait("", "")
            self._start(container)
            return
        pod = "{name}_{namespace}({uid})".format_map(self.metadata)
        message = f"back-off {render_span(pause)} restarting failed container={name} pod={pod}"
        self.states[name] = state.wait("CrashLoopBackOff", message)
        self.reporter.emit(self.pod, "Warning", "BackOff", f"Back-off restarting failed container {name} in pod {pod}")
        self._spawn(self._restart(container, pause))

    async def _restart(self, container: Json, pause: float) -> None:
        await asyncio.sleep(pause)
        await self.ground.look_again(self.reporter)
        if not self.stopping:
            self._start(container)

    def stop(self, grace: float) -> None:
        """End the pod, and within this grace period also one that is ending already."""
        if not self.over:
            self._wind_down(grace)
            self.events.put_nowait({"event": "wake"})

    def _wind_down(self, grace: float) -> None:
        """Ask one container after the other to end, and kill what is left after the grace period."""
        self.stopping = True
        kill_at = asyncio.get_running_loop().time() + grace
        if kill_at < self.kill_at:
            self.kill_at = kill_at
            self._spawn(self._kill_after(grace))
        self._ask_to_end()

    def _go_on_ending(self) -> None:
        if self.stopping:
            self._ask_to_end()
        elif self._done():
            self._wind_down(self.grace)

    def _ask_to_end(self) -> None:
        in_time = asyncio.get_running_loop().time() < self.kill_at
        for name in next_to_end(self.pod, self.states):
            identity = self.states[name].identity
            if self.sandbox is not None and identity not in self.asked:
                self.asked.add(identity)
                self.reporter.emit(self.pod, "Normal", "Killing", f"Stopping container {name}")
                self.sandbox.signal(signal.SIGTERM if in_time else signal.SIGKILL, name)

    async def _end_after(self, seconds: float) -> None:
        """A pod may be active for so long and no longer."""
        await asyncio.sleep(seconds)
        self.ended = {
            "phase": "Failed",
            "reason": "DeadlineExceeded",
            "message": "Pod was active on the node longer than the specified deadline",
        }
        self.stop(self.grace)

    async def _kill_after(self, grace: float, state: ContainerState | None = None) -> None:
        """Kill everything, or one start of a container, if it still runs then."""
        await asyncio.sleep(grace)
        if self.sandbox is None:
            return
        if state is None:
            self.sandbox.signal(signal.SIGKILL)
        elif (held := self.states[state.name]).running and held.identity == state.identity:
            self.sandbox.signal(signal.SIGKILL, state.name)

    def _fail(self, error: Exception) -> None:
        reason = error.reason if isinstance(error, ContainerError) else "CreateContainerError"
        for name, state in self.states.items():
            if not state.ended:
                self.states[name] = replace(state, started_at=now()).end(now(), START_ERROR, 0, reason, str(error))

    async def _end(self) -> None:
        """Nothing of the pod runs on after its end, whatever it has started."""
        self.over = True
        tasks = [*self.health.values(), *self.tasks]
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                log.error("a task of pod %s has failed", self.metadata["name"], exc_info=outcome)
        if self.sandbox is not None:
            await self.sandbox.close()
        for name, state in self.states.items():
            if state.running:
                self.states[name] = state.end(now(), 137, 9)
        self.ground.remove()

    async def _report(self) -> None:
        """Write what is known now, in order."""
        async with self._report_lock:
            concluded = self.over or self._over()
            end = self.ended if concluded else None
            status = render_status(self.pod, self.states, now(), ending=self.stopping, end=end)
            if concluded:
                status = render_concluded(self.pod, status)
            if json.dumps(status, sort_keys=True) == json.dumps(self.pod.get("status"), sort_keys=True):
                return
            self.pod = {**self.pod, "status": status}
            await self.reporter.write_status(self.pod, status)


def now() -> datetime:
    return datetime.now(UTC)
