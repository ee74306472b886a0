"""Programs that end: which ones is said, and none outlives who has started it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from laptops import eventually

from katib_local.programs import Program
from katib_local.state import StateDirectory, open_state
from katib_local.supervisor import Supervisor, _die_with, supervised
from katib_local.waiting import until_stopped

SLEEP = "import time; time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEP}"


def a_program(name: str, text: str = SLEEP) -> Program:
    return Program(name, [sys.executable, "-c", text])


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return open_state(tmp_path / "state")


async def told_of(supervisor: Supervisor, *numbers: int) -> str:
    """What is said when these programs have ended."""
    for number in numbers:
        await supervisor.children[number].process.wait()
    return str(await supervisor.failure())


async def test_of_programs_that_end_at_once_every_one_is_named(state: StateDirectory) -> None:
    async with supervised(state, [a_program("one"), a_program("two"), a_program("three")]) as supervisor:
        for number in (2, 0):
            supervisor.children[number].process.kill()
        assert await told_of(supervisor, 2, 0) == (
            "one has ended (killed by SIGKILL) and three has ended (killed by SIGKILL); the same command continues. "
            f"Their logs are {state.logs / 'one.log'} and {state.logs / 'three.log'}"
        )


async def test_a_program_that_ends_by_itself_is_named_with_its_last_words(state: StateDirectory) -> None:
    async with supervised(state, [a_program("one"), a_program("two", "raise SystemExit('no room')")]) as supervisor:
        assert await told_of(supervisor, 1) == (
            f"two has ended (exit code 1: no room); the same command continues. Its log is {state.logs / 'two.log'}"
        )


async def test_programs_that_are_deaf_or_halted_are_ended_too(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("katib_local.supervisor.STOP_AFTER", 0.1)
    async with supervised(state, [a_program("deaf", DEAF), a_program("halted")]) as supervisor:
        processes = [child.process for child in supervisor.children]
        eventually(lambda: b"deaf" in (state.logs / "deaf.log").read_bytes())
        processes[1].send_signal(signal.SIGSTOP)
    assert processes[0].returncode == -signal.SIGKILL and processes[1].returncode is not None


@pytest.mark.parametrize(("parent", "code"), [(os.getpid, 0), (lambda: 1, -signal.SIGKILL)], ids=["lives", "gone"])
def test_a_program_whose_starter_has_just_gone_does_not_begin(parent: object, code: int) -> None:
    assert callable(parent)
    started = subprocess.run([sys.executable, "-c", ""], preexec_fn=partial(_die_with, parent()))
    assert started.returncode == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_does_not_disturb_who_cleans_up_after_the_first(number: signal.Signals) -> None:
    told = []

    async def work() -> None:
        os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), number)
            await asyncio.to_thread(told.append, "begins to clean up")
            await asyncio.to_thread(told.append, "is clean")

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(until_stopped(work()))
    assert told == ["begins to clean up", "is clean"]
