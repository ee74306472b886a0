"""What every program of every distribution has in common on its command line."""

from __future__ import annotations

import subprocess
import tomllib

import pytest
from laptops import BIN, ROOT

PROGRAMS = sorted(
    name
    for file in ROOT.glob("pkg/*/pyproject.toml")
    for name in tomllib.loads(file.read_text())["project"].get("scripts", {})
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_version_is_one_line_with_the_programs_name(program: str) -> None:
    done = subprocess.run([str(BIN / program), "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{program} {(ROOT / 'VERSION').read_text().strip()}\n"


def test_every_program_of_a_cluster_and_the_laptops_command_is_among_them() -> None:
    cluster = {"katib-controller", "katib-db-manager", "katib-suggestion", "katib-file-metrics-collector"}
    assert {"katib", *cluster} <= set(PROGRAMS)
