"""Laptops for the tests: one of each test's own, or one shared by many."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from builders import an_experiment_file
from laptops import Katib


@pytest.fixture
def katib(tmp_path: Path) -> Iterator[Katib]:
    """A state directory of the test's own; whatever runs on it is ended afterwards."""
    command = Katib(tmp_path / "state")
    yield command
    command("down")
    for process in command.processes():
        os.kill(process, signal.SIGKILL)


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Katib]:
    """A laptop that is up, shared by the tests that do not stop it."""
    command = Katib(tmp_path_factory.mktemp("laptop") / "state")
    command.good("up")
    yield command
    command("down")


@pytest.fixture
def experiment_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes an Experiment whose trials run one shell command, with texts of it replaced."""

    def write(name: str, command: str = "echo score=${trialParameters.x}", *changes: tuple[str, str]) -> Path:
        file = tmp_path / f"{name}.yaml"
        file.write_text(an_experiment_file(name, command, *changes))
        return file

    return write
