"""Brings one laptop up and takes it down: state, credentials, programs, cluster contents.

Knows all rooms of katib_local. Must not know command lines or what experiments are.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from katib_apis.v1beta1 import names
from katib_local.algorithms import configured, find_algorithms
from katib_local.credentials import LOOPBACK, make_credentials
from katib_local.programs import Laptop, Ports, desired_programs
from katib_local.room import check_room
from katib_local.state import StateDirectory, StateError, owned, raise_version, taken_back, write_private
from katib_local.supervisor import ProgramFailed, Supervisor, supervised
from katib_local.waiting import unless
from katib_machinery.transport import UnreachableError

READY_WITHIN, ENDS_WITHIN = 60.0, 5.0
FIRST_LOOK = 0.02


@dataclass(frozen=True)
class Options:
    """How a laptop is started."""

    command: str
    port: int | None = None
    isolation: str = "auto"
    working_directory: Path = Path()
    algorithms: tuple[str, ...] = ()
    """Algorithms of the user's own, each as `[name=]module:Class`."""


@contextlib.asynccontextmanager
async def serve_laptop(state: StateDirectory, options: Options) -> AsyncIterator[Supervisor]:
    """Own the state directory and run the laptop while the block runs; it is ready when the block starts.

    Raises StateInUse, StateError or ProgramFailed; a start that is refused leaves nothing behind.
    """
    async with contextlib.AsyncExitStack() as stack:
        with taken_back(state):
            supervisor = await stack.enter_async_context(_started(state, options))
        yield supervisor


@contextlib.asynccontextmanager
async def _started(state: StateDirectory, options: Options) -> AsyncIterator[Supervisor]:
    check_room(state)
    with owned(state, options.command):
        raise_version(state)
        state.ending.unlink(missing_ok=True)
        laptop = prepare(state, options)
        config = state.rendered_config.read_text()
        async with supervised(state, desired_programs(laptop)) as supervisor:
            await _unless_failed(supervisor, _make_ready(laptop, config))
            chosen = {"isolation": laptop.isolation, "algorithms": laptop.algorithms}
            write_private(state.ports, json.dumps({**vars(laptop.ports), **chosen}).encode())
            try:
                yield supervisor
            finally:
                state.ports.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def serve_objects(state: StateDirectory, options: Options) -> AsyncIterator[Supervisor]:
    """Own the state directory and run nothing but the API server while the block runs: objects are shown, none moves."""
    check_room(state)
    with owned(state, options.command):
        raise_version(state)
        laptop = prepare(state, options)
        async with supervised(state, desired_programs(laptop)[:1]) as supervisor:
            await _unless_failed(supervisor, listening(laptop.ports.apiserver))
            yield supervisor


def prepare(state: StateDirectory, options: Options) -> Laptop:
    """Choose addresses and write this start's credentials and configuration."""
    state.ports.unlink(missing_ok=True)  # of a start that was killed
    algorithms = find_algorithms(options.algorithms, options.working_directory.absolute())
    try:
        ports = choose_ports(state, options.port)
        credentials = make_credentials(state, server=ports.server, now=datetime.now(UTC))
        sockets = state.sockets()
        for stale in sockets.glob("*.sock"):
            stale.unlink()
        write_private(state.rendered_config, render_config(user_config(state), ports, algorithms).encode())
    except OSError as error:
        cause = error.strerror or str(error)
        raise StateError(
            f"cannot write to the state directory {state.path}: {cause}. Choose another one with --state-dir"
        ) from error
    laptop = Laptop(state, credentials, ports, options.isolation, sockets)
    return replace(laptop, working_directory=options.working_directory.absolute(), algorithms=options.algorithms)


def user_config(state: StateDirectory) -> str:
    """The user's KatibConfig, or the one that ships."""
    if state.user_config.exists():
        return state.user_config.read_text()
    return Path(__file__).with_name("katib_config.yaml").read_text()


def render_config(text: str, ports: Ports, algorithms: Sequence[str] = ()) -> str:
    """A KatibConfig with the addresses of one start, and entries for algorithms of the user's own.

    Raises StateError when it is no YAML mapping.
    """
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise StateError(
            f"{names.OBJECT_CONFIG_KEY} in the state directory is not YAML: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(config, Mapping):
        raise StateError(
            f"{names.OBJECT_CONFIG_KEY} in the state directory is not a mapping with"
            f" apiVersion and kind: {names.OBJECT_CONFIG_KIND}"
        )
    init: dict[str, Any] = dict(config.get("init") or {})
    addresses = {"webhookPort": ports.webhook, "metricsAddr": "0", "healthzAddr": "0"}
    init["controller"] = {**(init.get("controller") or {}), **addresses}
    rendered = {**config, "init": init}
    if algorithms:
        rendered["runtime"] = configured(config.get("runtime") or {}, algorithms)
    return yaml.safe_dump(rendered, sort_keys=False)


def choose_ports(state: StateDirectory, wanted: int | None) -> Ports:
    """Free loopback ports; the API server keeps the one of the last start when it can."""
    last = _last_port(state)
    with contextlib.ExitStack() as stack:
        if wanted:
            apiserver = _bound(stack, wanted)
            if apiserver is None:
                raise StateError(f"port {wanted} is in use: choose another one with --port, or leave it out")
        else:
            apiserver = (_bound(stack, last) if last else None) or _bound(stack, 0)
        webhook, proxy = _bound(stack, 0), _bound(stack, 0)
    write_private(state.path / "run" / "last-port", f"{apiserver}\n".encode())
    return Ports(apiserver or 0, webhook or 0, proxy or 0)


def _bound(stack: contextlib.ExitStack, port: int) -> int | None:
    listener = stack.enter_context(socket.socket())
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError:
        return None
    return int(listener.getsockname()[1])


def _last_port(state: StateDirectory) -> int:
    try:
        return int((state.path / "run" / "last-port").read_text())
    except (OSError, ValueError):
        return 0


async def _unless_failed(supervisor: Supervisor, ready: Coroutine[Any, Any, None]) -> None:
    """Wait for readiness, but no longer than the programs live."""
    try:
        async with asyncio.timeout(READY_WITHIN):
            await unless(supervisor.failure(), ready)
    except UnreachableError as error:
        raise await cause_of(error, supervisor) from error
    except TimeoutError:
        raise ProgramFailed(
            f"the laptop is not ready after {READY_WITHIN:.0f} s; its logs are in {supervisor.state.logs}"
        ) from None


async def cause_of(error: Exception, supervisor: Supervisor) -> Exception:
    """A server that does not answer has ended: that says more than that it does not answer."""
    if not isinstance(error, UnreachableError):
        return error
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(supervisor.failure(), ENDS_WITHIN)
    return error


async def _make_ready(laptop: Laptop, config: str) -> None:
    await listening(laptop.ports.apiserver)
    from katib_local.bootstrap import install
    from katib_machinery.kube import connect

    async with connect(str(laptop.state.kubeconfig)) as transport:
        await install(transport, laptop, config)
    await listening(laptop.ports.webhook)


async def listening(port: int) -> None:
    """Wait until something accepts connections on a loopback port."""
    pause = FIRST_LOOK
    while True:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            await asyncio.sleep(pause)
            pause = min(0.1, pause * 1.2)
        else:
            writer.close()
            return
