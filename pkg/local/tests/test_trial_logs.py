"""`katib logs`: which words name a trial, and what of its kept logs is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from katib_local.node.kept_logs import KeptLog
from katib_local.state import open_state
from katib_local.trial_logs import LogWords, find_log, last_words, parse_logs, trial_lines


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


def test_the_pod_that_is_not_gone_says_more_than_one_that_is_kept(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    kept, running = state.kept_logs / "ns" / "old", state.pods / "pods" / "uid-1" / "logs"
    for folder in (kept, running):
        folder.mkdir(parents=True)
    (kept / "labels.json").write_text('{"katib.kubeflow.org/trial": "t-1"}')
    a_log(kept, main="before")
    a_log(running, main="now")
    pod = {"metadata": {"namespace": "ns", "name": "new", "uid": "uid-1"}}
    assert last_words(state, "t-1", [pod]) == ["now"]
    assert last_words(state, "t-1", []) == ["before"]
    assert last_words(state, "t-2", []) == [] and find_log(state, "t-2", []) is None


def test_the_words_of_a_collector_are_not_the_trials(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    logs = state.pods / "pods" / "uid-1" / "logs"
    logs.mkdir(parents=True)
    told = "2026-01-01T00:00:00Z stdout F sh: no-such-program: not found\n2026-01-01T00:00:00Z stderr F training has failed\n"
    (logs / "metrics-logger-and-collector-0.log").write_text(told)
    pod = {"metadata": {"namespace": "ns", "name": "new", "uid": "uid-1"}}
    assert last_words(state, "t-1", [pod]) == ["sh: no-such-program: not found"]
