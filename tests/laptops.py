"""Katib as its users see it: the `katib` command and kubectl against one state directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controlplane.processes import HEEDING

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PATIENCE = 120.0


def eventually(look: Callable[[], Any], *, within: float = PATIENCE) -> Any:
    """Look until there is something to see; the last look's answer is returned."""
    deadline = time.monotonic() + within
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing within {within:.0f} s")
        time.sleep(0.05)
    return seen


@dataclass(frozen=True)
class Katib:
    """The command against one state directory; `kind` is the Kubernetes below it, as in tests/conftest.py."""

    state: Path
    kind: str = "laptop"

    def command(self, *arguments: str) -> list[str]:
        return [str(BIN / "katib"), arguments[0], f"--state-dir={self.state}", *arguments[1:]]

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=PATIENCE)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command without waiting for it."""
        command = [*HEEDING, *self.command(*arguments)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def good(self, *arguments: str) -> str:
        """Run a command that must succeed; returns what it prints."""
        done = self(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr + self.logs()
        return done.stdout

    def kubectl_command(self, *arguments: str) -> list[str]:
        return [str(BIN / "kubectl"), f"--kubeconfig={self.state / 'kubeconfig'}", *arguments]

    def kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = self.kubectl_command(*arguments)
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=PATIENCE)

    def get(self, *arguments: str) -> dict[str, Any]:
        """An object or list as kubectl gives it."""
        done = self.kubectl("get", *arguments, "-o", "json")
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def logs(self) -> str:
        """The ends of all programs' logs, for a failing test's message."""
        files = sorted((self.state / "logs").glob("*.log"))
        return "".join(f"\n--- {file.name}\n{file.read_text(errors='replace')[-3000:]}" for file in files)

    def processes(self) -> list[int]:
        """Every process that belongs to this state directory, by its command line or environment."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                text = (folder / "cmdline").read_bytes() + b"\0" + (folder / "environ").read_bytes()
                stat = (folder / "stat").read_text()
            except OSError:
                continue
            if (
                str(self.state).encode() in text
                and stat.rpartition(")")[2].split()[0] != "Z"
                and int(folder.name) != os.getpid()
            ):
                found.append(int(folder.name))
        return found
