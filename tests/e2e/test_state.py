"""State directories of other versions, and disks that fill up behind a laptop in the background."""

from __future__ import annotations

import re
import shlex
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from builders import an_experiment_file
from laptops import ROOT, Katib

FORMAT_1 = ROOT / "pkg/local/tests/apiserver/format-1.sql"


def test_an_experiment_of_the_previous_version_goes_on(katib: Katib, tmp_path: Path) -> None:
    folder = katib.state / "apiserver"
    folder.mkdir(parents=True)
    (katib.state / "version").write_text("1\n")
    with closing(sqlite3.connect(folder / "objects.sqlite")) as database:
        database.executescript(FORMAT_1.read_text())
    file = tmp_path / "old.yaml"
    count = ("maxTrialCount: 4", "maxTrialCount: 2")
    file.write_text(an_experiment_file("old", "echo score=${trialParameters.x}", count))
    done = katib("run", str(file))
    assert done.returncode == 0, done.stderr + katib.logs()
    assert "2 of 2 succeeded" in done.stderr and "old-2lwjd7lf" in done.stdout and "old-48v6d9p7" in done.stdout
    assert (katib.state / "version").read_text() == "2\n"


@pytest.mark.parametrize("action", ["up", "status", "get", "down"])
def test_state_of_a_newer_version_is_refused_by_every_command_with_the_cure(katib: Katib, action: str) -> None:
    katib.state.mkdir()
    (katib.state / "version").write_text("3\n")
    done = katib(action, *(["trials"] if action == "get" else []))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"katib: the state in {katib.state} was written by a newer Katib (version 3 of the format, this one knows 2): "
        "update Katib, or choose another directory with --state-dir\n"
    )
    assert [file.name for file in katib.state.iterdir()] == ["version"]


FULL = """
mount -t tmpfs -o size=900m disk {disk}
cd {disk}
{up} && {apply} || exit 1
until [ -e {disk}/runs ]; do sleep 0.1; done
for size in $(seq 100); do mount -o remount,size=${{size}}m disk . 2>/dev/null && break; done
head -c 100000000 /dev/zero 2>/dev/null >filling
touch {gate}
until {status} | grep 'not running'; do sleep 0.1; done
mount -o remount,size=900m disk .
rm filling
{run}
code=$?
cp {observations}* {kept}
{down}
exit $code
"""


def test_a_disk_that_is_filled_ends_a_laptop_in_the_background_which_says_so_and_goes_on_once_there_is_room(
    tmp_path: Path,
) -> None:
    disk, gate, file = tmp_path / "disk", tmp_path / "gate", tmp_path / "full.yaml"
    disk.mkdir()
    kept = tmp_path / "kept"
    kept.mkdir()
    command = f"touch {disk}/runs; until [ -e {gate} ]; do sleep 0.1; done; echo score=${{trialParameters.x}}"
    file.write_text(an_experiment_file("full", command))
    katib = Katib(disk / "state")
    script = FULL.format(
        disk=disk,
        gate=gate,
        observations=katib.state / "observations.sqlite",
        kept=kept,
        up=shlex.join(katib.command("up")),
        apply=shlex.join(katib.kubectl_command("create", "-f", str(file))),
        **{name: shlex.join(katib.command(name)) for name in ("status", "down")},
        run=shlex.join(katib.command("run", str(file))),
    )
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = f"Katib is not running on {katib.state}: the disk of the state directory {katib.state} is full"
    assert told in done.stdout
    assert "4 of 4 succeeded" in done.stderr and "Traceback" not in done.stderr
    with closing(sqlite3.connect(kept / "observations.sqlite")) as rows:
        reported = set(rows.execute("SELECT trial_name, value FROM observation_logs"))
        assert rows.execute("SELECT count(*) FROM observation_logs").fetchone() == (4,)
    assert reported == set(re.findall(r"^(full-\w+)  (\S+)", done.stdout, re.MULTILINE))
