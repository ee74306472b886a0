"""`katib doctor` finds what is wrong, goes on after it, and changes nothing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from katib_local.doctor import Finding, examine, find_damage
from katib_local.state import open_state

NOW = datetime(2099, 1, 1, tzinfo=UTC)
CHECKS = ["state", "disk", "clock", "ports", "isolation", "kubectl"]


def examined(path: Path) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(path, None, NOW)}


def test_a_directory_that_is_not_there_is_good_and_stays_away(tmp_path: Path) -> None:
    findings = examined(tmp_path / "state")
    assert list(findings) == CHECKS
    assert findings["state"].good and "not made yet" in findings["state"].found
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("below", ["", "below"])
def test_a_state_that_cannot_be_used_is_told_beside_everything_else(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("")
    findings = examined(tmp_path / "file" / below)
    assert list(findings) == CHECKS
    assert not findings["state"].good and "is a file, and the state needs a directory" in findings["state"].found


def test_a_directory_of_somebody_elses_files_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    tmp_path.chmod(0o1777)
    finding = examined(tmp_path)["state"]
    assert not finding.good and "holds other files" in finding.found
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777 and os.listdir(tmp_path) == ["thesis.tex"]


def test_a_damaged_database_is_named_with_the_cure(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    database = state.objects / "objects.sqlite"
    database.write_text("garbage " * 1000)
    finding = examined(tmp_path)["state"]
    assert not finding.good and finding.found == f"{database}: file is not a database"
    assert finding.cure == f"move {database} away, or restore a copy of it"


def test_a_good_database_is_looked_at_without_a_trace(tmp_path: Path) -> None:
    database = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (a)")
    assert find_damage(database) is None and find_damage(tmp_path / "none.sqlite") is None
    assert os.listdir(tmp_path) == ["a.sqlite"]
