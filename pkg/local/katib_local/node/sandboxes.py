"""The node's end of one pod's sandbox: commands go in, events come out."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from katib_local.node.containers import Process
from katib_local.node.isolation import SANDBOX

Event = dict[str, Any]


class SandboxError(Exception):
    """A sandbox could not be started; the message says why."""


class SandboxHandle:
    """A running sandbox. It ends with this process, however that ends."""

    def __init__(self, process: asyncio.subprocess.Process, on_event: Callable[[Event], None]) -> None:
        self._process = process
        self._on_event = on_event
        self._numbers = itertools.count()
        self._looks: dict[int, asyncio.Future[Event]] = {}
        self._listening = asyncio.ensure_future(self._listen())

    @classmethod
    async def start(cls, isolation: str, scratch: Path, on_event: Callable[[Event], None]) -> SandboxHandle:
        """Start a sandbox and wait until it is ready; raises SandboxError."""
        await asyncio.to_thread(scratch.mkdir, parents=True, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            *SANDBOX,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=1 << 20,
        )
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdin.write(json.dumps({"isolation": isolation, "scratch": str(scratch)}).encode() + b"\n")
        if not await process.stdout.readline():
            words = (await process.stderr.read()).decode(errors="replace").strip().splitlines()
            raise SandboxError(f"the pod's sandbox has not started: {words[-1] if words else 'no message'}")
        return cls(process, on_event)

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            event: Event = json.loads(line)
            if event["event"] == "looked":
                self._answer(event)
            else:
                self._on_event(event)
        for number in list(self._looks):
            self._answer({"number": number, "missing": False, "message": "the pod's sandbox has gone"})
        self._on_event({"event": "gone"})

    def _answer(self, event: Event) -> None:
        waiting = self._looks.get(event["number"])
        if waiting is not None and not waiting.done():
            waiting.set_result(event)

    def start_container(self, process: Process, log: Path) -> None:
        mounts = [{"source": one.source, "target": one.target, "read_only": one.read_only} for one in process.mounts]
        self._write(
            {
                "command": "start",
                "name": process.name,
                "log": str(log),
                "directory": process.directory,
                "environment": dict(process.environment),
                "root": process.root,
                "mounts": mounts,
                "words": list(process.command),
            }
        )

    async def look(self, process: Process, words: Sequence[str]) -> tuple[int, str]:
        """Run a command beside a container's process, where it sees the same; exit code and first output.

        Raises FileNotFoundError for a program that is not there, SandboxError when it cannot run for another reason.
        A command whose caller gives up is killed.
        """
        number = next(self._numbers)
        self._looks[number] = asyncio.get_running_loop().create_future()
        self._write(
            {
                "command": "look",
                "number": number,
                "name": process.name,
                "directory": process.directory,
                "environment": dict(process.environment),
                "words": list(words),
            }
        )
        try:
            event = await self._looks[number]
        except asyncio.CancelledError:
            self._write({"command": "give up", "number": number})
            raise
        finally:
            del self._looks[number]
        if "message" in event:
            raise FileNotFoundError(event["message"]) if event["missing"] else SandboxError(event["message"])
        return int(event["code"]), str(event["output"])

    def signal(self, number: int, container: str = "") -> None:
        """Signal one container, or all."""
        self._write({"command": "signal", "signal": number, "container": container})

    def _write(self, command: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def close(self) -> None:
        """End everything in it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
