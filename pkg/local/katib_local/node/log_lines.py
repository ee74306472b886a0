"""Log files of containers: which ones there are, their lines, and how a line is shown.

Knows files. Must not know who asks: whoever only looks must not load a server.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from katib_machinery.scalars import format_time


def select_lines(lines: list[bytes], query: dict[str, str]) -> Iterable[bytes]:
    """The lines that a query asks for: since a time, and of those the last ones."""
    since = query.get("sinceTime", "")
    if query.get("sinceSeconds", "").isdigit():
        since = format_time(datetime.now(UTC) - timedelta(seconds=int(query["sinceSeconds"])))
    if since:
        lines = [line for line in lines if line.split(b" ", 1)[0] >= since.encode()]
    tail = query.get("tailLines", "")
    if tail.isdigit():
        lines = lines[len(lines) - int(tail) :] if int(tail) < len(lines) else lines
    return lines


def split_lines(data: bytes) -> list[bytes]:
    """The lines of a log file; only a newline ends one: a progress bar's carriage returns are part of its text."""
    return [line for line in data.split(b"\n") if line]


def log_files(folder: Path, container: str) -> list[Path]:
    """A container's log files, `CONTAINER-ATTEMPT.log`, attempt after attempt."""
    files = [file for file in folder.glob("*.log") if file.stem.rpartition("-")[0] == container]
    return sorted(files, key=attempt_of)


def attempt_of(file: Path) -> int:
    """Which attempt of its container a log file tells of; 0 is the first."""
    return int(file.stem.rpartition("-")[2])


def last_attempts(folder: Path) -> dict[str, int]:
    """The last attempt of each container that has a log file."""
    files = sorted(folder.glob("*.log"), key=attempt_of)
    return {file.stem.rpartition("-")[0]: attempt_of(file) for file in files}


def render_line(line: bytes, stamps: bool) -> bytes:
    """A line of the log file, `TIME STREAM F TEXT`, as a caller sees it."""
    parts = line.split(b" ", 3)
    text = parts[3] if len(parts) == 4 else b""
    return (parts[0] + b" " if stamps else b"") + text + b"\n"
