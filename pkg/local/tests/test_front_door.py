"""The first moments of the `katib` command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from controlplane.processes import HEEDING

COMMAND = "import sys; from katib_local.front_door import main; sys.argv[1:] = {arguments}; sys.exit(main())"


def begin(*arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    command = [*HEEDING, sys.executable, "-c", COMMAND.format(arguments=list(arguments))]
    return subprocess.run(command, env={"PYTHONPATH": str(path), "HOME": str(path)}, capture_output=True, text=True)


def test_ctrl_c_while_modules_are_loaded_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "yaml.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = begin("status", path=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("slow", ["aiohttp", "grpc", "pydantic", "sqlalchemy"])
def test_who_only_looks_loads_no_large_library(tmp_path: Path, slow: str) -> None:
    (tmp_path / f"{slow}.py").write_text("raise SystemExit('it was loaded')\n")
    done = begin("status", f"--state-dir={tmp_path / 'state'}", path=tmp_path)
    assert (done.returncode, done.stderr) == (1, "") and "Katib is not running" in done.stdout
