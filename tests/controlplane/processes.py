"""One program of a control plane: started with its log, and ended with whoever started it, however that one ends.

Knows processes (Linux). Must not know Kubernetes.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
LAST_BYTES = 4000
STOP_AFTER = 8.0
HEEDING = ("/usr/bin/env", "--default-signal=INT")
"""Before a command: Ctrl-C ends it also where the tests run in the background of a shell, which lets its jobs ignore that."""


@dataclass(frozen=True)
class Process:
    """A running program and the file that has what it says."""

    name: str
    log: Path
    popen: subprocess.Popen[bytes]

    @property
    def ended(self) -> bool:
        return self.popen.poll() is not None

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        self.popen.terminate()
        try:
            self.popen.wait(STOP_AFTER)
        except subprocess.TimeoutExpired:
            self.kill()

    def last_words(self) -> str:
        """The end of the log, below a line that says whose it is and how it ended."""
        code = self.popen.poll()
        state = "running" if code is None else f"ended with exit code {code}"
        return f"--- {self.name}, {state}, {self.log}\n{self.log.read_bytes()[-LAST_BYTES:].decode(errors='replace')}"


def start(command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> Process:
    """Start a program; Ctrl-C at the terminal is for its starter alone."""
    parent = os.getpid()
    libc = ctypes.CDLL(None)

    def die_with_parent() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # it ended before it could be told

    with log.open("ab") as output:
        popen = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
            preexec_fn=die_with_parent,
        )
    return Process(Path(command[0]).name, log, popen)
