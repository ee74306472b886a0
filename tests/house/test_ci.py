"""What people are told by the script that judges a change."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from house.sources import ROOT


def test_a_run_that_fails_tells_how_long_its_parts_took_and_which_one_failed(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\n[ "$1" = install ] || { echo "$KATIB_STATE_DIR"; exit 7; }\n')
    make.chmod(0o755)
    done = subprocess.run(
        [tmp_path / ".ci/run"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True
    )
    *_, state, failed, install = done.stdout.splitlines()
    assert done.returncode == 7, done.stderr
    assert failed.startswith("FAILED: README: run an experiment, after ") and install.endswith(" s  install")
    assert not Path(state).parent.exists()
