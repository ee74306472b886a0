"""`katib logs`: which words name a trial, and what of its kept logs is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from katib_local.kubectl import LogWords, parse_logs, trial_lines
from katib_local.node.kept_logs import KeptLog


@pytest.mark.parametrize(
    ("words", "trial"),
    [
        (["t-1"], "t-1"),
        (["t-1", "-f"], "t-1"),
        (["t-1", "-n", "ns"], "t-1"),
        (["-f", "t-1"], "t-1"),
        (["-n", "ns", "t-1"], "t-1"),
        (["--since", "1h", "--previous", "t-1"], "t-1"),
        (["job/t-1"], None),
        (["t-1", "-c", "main"], None),
        (["-l", "a=b"], None),
        (["t-1", "--container=main"], None),
        ([], None),
    ],
)
def test_a_plain_name_is_a_trials_and_anything_else_is_for_kubectl(words: list[str], trial: str | None) -> None:
    found = parse_logs(words)
    assert (found.trial if found else None) == trial


def test_what_kept_logs_can_answer_is_understood() -> None:
    words = ["--tail=2", "t-1", "--timestamps", "--namespace", "ns"]
    assert parse_logs(words) == LogWords("t-1", "ns", "2", timestamps=True)


def a_log(folder: Path, **texts: str) -> KeptLog:
    for container, text in texts.items():
        name = container.replace("_", "-")
        (folder / f"{name}-0.log").write_text(f"2026-01-01T00:00:00Z stdout F {text}\n" if text else "")
    return KeptLog("ns", "p", folder)


def test_a_trials_own_output_comes_before_what_its_collector_repeats(tmp_path: Path) -> None:
    redirected = a_log(tmp_path, main="", metrics_logger_and_collector="loss=1")
    assert [line.split()[-1] for line in trial_lines(redirected)] == [b"loss=1"]
    own = a_log(tmp_path, main="hello", metrics_logger_and_collector="loss=1")
    assert [line.split()[-1] for line in trial_lines(own)] == [b"hello"]
