"""docs/new-algorithm.md, followed to the letter."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from laptops import ROOT, Katib
from pages import Block, blocks

PAGE = "new-algorithm.md"


def block(language: str, note: str = "") -> Block:
    (found,) = (entry for entry in blocks(PAGE) if (entry.language, entry.note) == (language, note))
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the page has one make."""
    for entry in blocks(PAGE):
        if entry.note.startswith("file="):
            (tmp_path / entry.note.removeprefix("file=")).write_text(entry.text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def python(*arguments: str, **environment: str) -> str:
    """Run Python where we are; returns what it prints."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_class_searches_in_python(folder: Path) -> None:
    python("-c", block("python").text)


def test_the_experiment_runs_without_an_image(folder: Path, katib: Katib) -> None:
    name, *words = shlex.split(block("sh").text)
    assert name == "katib"
    assert "climb" in katib.good(*words)
    trials = katib.good("get", "trials")
    assert trials.count("Succeeded") == 8
    done = katib("run", "climb.yaml", "--algorithm", "my_search:HillWalking")
    assert done.returncode == 2 and done.stderr == (
        "katib: my_search:HillWalking: my_search has no HillWalking: check the spelling\n"
    )


def test_a_katib_that_is_up_serves_the_algorithms_it_was_started_with(folder: Path, katib: Katib) -> None:
    katib.good("up", "--algorithm", "my_search:HillClimbing")
    katib.good("run", "climb.yaml", "--algorithm", "my_search:HillClimbing")
    done = katib("run", "climb.yaml", "--algorithm", "other:Search")
    assert done.returncode == 2 and "Katib runs without the algorithm other:Search: `katib down" in done.stderr


def test_the_contracts_suite_accepts_the_class(folder: Path) -> None:
    variable, *command = shlex.split(block("sh", "suite").text)
    key, _, value = variable.partition("=")
    assert command[0] == "python"
    words = [str(ROOT / word) if word.startswith("tests/") else word for word in command[1:]]
    assert " passed" in python(*words, "-p", "no:cacheprovider", **{key: value, "PYTHONPATH": str(folder)})
