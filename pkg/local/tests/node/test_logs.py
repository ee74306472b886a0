"""What a follower of a log sees, whenever he comes."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path

from katib_local.node.log_lines import log_files
from katib_local.node.logs import follow_lines
from katib_local.node.states import ContainerState

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_log_may_grow_before_the_start_is_known_and_until_the_end_is() -> None:
    waiting = ContainerState("main")
    running = waiting.start(AT, "process://7", started=True, ready=True)
    ended = running.end(AT, 1, 0)
    assert [state.may_write(0) for state in (waiting, running, ended)] == [True, True, False]


def test_only_the_newest_attempts_log_may_grow() -> None:
    ended = ContainerState("main", restarts=1).start(AT, "process://7", started=True, ready=True).end(AT, 1, 0)
    again = ContainerState("main", restarts=2)
    assert [state.may_write(1) for state in (ended, again)] == [False, False]
    assert [state.may_write(2) for state in (ended, again)] == [False, True]


async def test_a_follower_sees_every_line_whole_to_the_last_one(tmp_path: Path) -> None:
    file = tmp_path / "main-0.log"
    turns = iter([b"one\ntw", b"o\n", b"three\n"])

    def grow() -> bool:
        """Each look finds more, and nothing is told to come after the third."""
        more = next(turns)
        with file.open("ab") as stream:
            stream.write(more)
        return more != b"three\n"

    assert [line async for line in follow_lines(file, 0, grow)] == [b"one", b"two", b"three"]


def test_a_containers_log_files_come_attempt_after_attempt(tmp_path: Path) -> None:
    for name, attempt in itertools.product(("main", "main-2"), (0, 10, 9)):
        (tmp_path / f"{name}-{attempt}.log").touch()
    assert [file.name for file in log_files(tmp_path, "main")] == ["main-0.log", "main-9.log", "main-10.log"]
