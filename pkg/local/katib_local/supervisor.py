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
from typing import IO

from katib_local.programs import Program
from katib_local.state import StateDirectory

PR_SET_PDEATHSIG = 1
STOP_AFTER = 8.0
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
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        return Child(program, process, log)

    async def failure(self) -> ProgramFailed:
        """Wait until any program ends and say which one, with its last words."""
        waits = {asyncio.ensure_future(child.process.wait()): child for child in self.children}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        child = waits[done.pop()]
        code = child.process.returncode
        log = child.program.log(self.state)
        killed = code is not None and code < 0
        words = "" if killed else last_words(log.read_bytes())  # whoever is killed has no last words
        cause = f"{_exit(code)}{': ' + words if words else ''}"
        ended = f"{child.program.name} has ended ({cause})"
        return ProgramFailed(
            f"{ended}; the same command continues. Its log is {log}", f"{ended}, as its log {log} may explain"
        )

    async def stop(self) -> None:
        """Ask every program to end, last started first, and end those that do not."""
        for child in reversed(self.children):
            with contextlib.suppress(ProcessLookupError):
                child.process.terminate()
        waits = [asyncio.ensure_future(child.process.wait()) for child in self.children]
        if waits:
            _, late = await asyncio.wait(waits, timeout=STOP_AFTER)
            for child in self.children if late else []:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.process.pid, signal.SIGKILL)
            await asyncio.gather(*waits)
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


def _die_with_parent() -> None:
    """In the child, before it runs its program: end with the parent, however that ends (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
