"""Starts the laptop's programs, waits until they are ready, and ends them: none outlives the process that runs this.

Knows processes. Must not know Kubernetes objects.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import IO

from katib_local.programs import Program
from katib_local.state import StateDirectory

PR_SET_PDEATHSIG = 1
STOP_AFTER, GONE_AFTER = 8.0, 4.0
"""Seconds for a program to end when it is asked to, and when it is killed: one that the system holds is not waited for."""
TAIL = 5


class ProgramFailed(Exception):
    """A program has ended although nobody asked it to; the message has its last words.

    `ending` says the same to who comes later and cannot give the same command again.
    """

    def __init__(self, message: str, ending: str = "") -> None:
        super().__init__(message)
        self.ending = ending or message


@dataclass
class Child:
    """A started program."""

    program: Program
    process: asyncio.subprocess.Process
    log: IO[bytes]


@dataclass
class Supervisor:
    """The running programs of one laptop."""

    state: StateDirectory
    children: list[Child] = field(default_factory=list)

    async def start(self, programs: Sequence[Program]) -> None:
        for program in programs:
            self.children.append(await self._spawn(program))

    async def _spawn(self, program: Program) -> Child:
        log = open(program.log(self.state), "ab", buffering=0)  # noqa: ASYNC230
        os.chmod(log.name, 0o600)
        process = await asyncio.create_subprocess_exec(
            *program.arguments,
            env={**_inherited(), **program.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=partial(_die_with, os.getpid()) if sys.platform == "linux" else None,
        )
        return Child(program, process, log)

    async def failure(self) -> ProgramFailed:
        """Wait until any program ends and say which one, or which ones, with their last words."""
        waits = [asyncio.ensure_future(child.process.wait()) for child in self.children]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        ended = [child for child, wait in zip(self.children, waits, strict=True) if wait.done()]
        told = " and ".join(f"{child.program.name} has ended ({self._cause(child)})" for child in ended)
        logs = " and ".join(str(child.program.log(self.state)) for child in ended)
        its, are = ("Its log", "is") if len(ended) == 1 else ("Their logs", "are")
        return ProgramFailed(
            f"{told}; the same command continues. {its} {are} {logs}", f"{told}, as {its.lower()} {logs} may explain"
        )

    def _cause(self, child: Child) -> str:
        code = child.process.returncode
        if code is not None and code < 0:  # whoever is killed has no last words
            return _exit(code)
        words = last_words(child.program.log(self.state).read_bytes())
        return f"{_exit(code)}: {words}" if words else _exit(code)

    async def stop(self) -> None:
        """Ask every program to end, last started first, and end those that do not."""
        for child in reversed(self.children):
            with contextlib.suppress(ProcessLookupError):
                child.process.terminate()
        waits = [asyncio.ensure_future(child.process.wait()) for child in self.children]
        if waits:
            await asyncio.wait(waits, timeout=STOP_AFTER)
            for child in self.children:
                if child.process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(child.process.pid, signal.SIGKILL)
            await asyncio.wait(waits, timeout=GONE_AFTER)
        for child in self.children:
            child.log.close()
        self.children.clear()


@contextlib.asynccontextmanager
async def supervised(state: StateDirectory, programs: Sequence[Program]) -> AsyncIterator[Supervisor]:
    """Run the programs while the block runs; raises ProgramFailed in the block when one of them ends."""
    supervisor = Supervisor(state)
    try:
        await supervisor.start(programs)
        yield supervisor
    finally:
        await supervisor.stop()


def last_words(log: bytes) -> str:
    """The last line of a log that says something: what a person needs first."""
    lines = [line.strip() for line in log.decode(errors="replace").splitlines()[-TAIL:] if line.strip()]
    return _said(lines[-1]) if lines else ""


def _said(line: str) -> str:
    """What a line says to a person, also when it is a record for machines."""
    try:
        record = json.loads(line)
    except ValueError:
        return line
    return str(record.get("msg") or line) if isinstance(record, dict) else line


def _exit(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def _inherited() -> dict[str, str]:
    """The caller's environment without what would steer our own programs."""
    ours = ("KATIB_", "DB_", "SKIP_DB_", "GRPC_PROXY", "NO_GRPC_PROXY")
    kept = {key: value for key, value in os.environ.items() if not key.upper().startswith(ours)}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def _die_with(parent: int) -> None:
    """In the child, before it runs its program: end with the parent, however that ends, if only just now (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
