"""The processes of the training, as /proc shows them in the pod's shared process namespace (collectors.md §5, COL-1).

The main process is known by its command line only: the wrapped command ends with writing its marker.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from katib_apis.v1beta1 import names

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process and what tells it from a later one of the same number."""

    pid: int
    parent: int
    started: int
    command: str

    def alive(self) -> bool:
        found = find_process(self.pid)
        return found is not None and found.started == self.started


def find_process(pid: int) -> Process | None:
    """One process, or None when it has gone or is a zombie."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(errors="replace")
        command = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return None
    return Process(pid, int(fields[1]), int(fields[19]), command)


def all_processes() -> Iterator[Process]:
    """Every process that can be seen, by number."""
    try:
        pids = sorted(int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    except OSError:
        return
    for pid in pids:
        found = find_process(pid)
        if found is not None:
            yield found


def find_main(directory: Path) -> Process | None:
    """The shell that runs the training and writes its marker into this directory."""
    text = f"echo {names.MARKER_COMPLETED} > {str(directory).rstrip('/')}/"
    return next((found for found in all_processes() if text in found.command and found.pid != os.getpid()), None)


def descendants(main: Process) -> list[Process]:
    """Everything that the main process has started and that still runs, parents before children."""
    processes = list(all_processes())
    found: list[Process] = []
    parents = {main.pid}
    while True:
        more = [one for one in processes if one.parent in parents and one not in found and one.pid != main.pid]
        if not more:
            return found
        found += more
        parents = {one.pid for one in more}


def send(processes: list[Process], number: signal.Signals) -> None:
    """Signal each process that is still the one that was seen."""
    for process in processes:
        if process.alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, number)
