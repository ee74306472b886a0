"""What a person sees while an experiment runs and when it has ended."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from katib_local.attempts import Retry, Waits
from katib_local.progress import (
    finished,
    ranked,
    render_attempts,
    render_end,
    render_failures,
    render_progress,
    render_result,
    render_span,
    retry_reasons,
)
from katib_local.screen import Screen

OBJECTIVE = {
    "type": "maximize",
    "objectiveMetricName": "accuracy",
    "metricStrategies": [{"name": "accuracy", "value": "max"}],
}


def experiment(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "one"}, "spec": {"objective": OBJECTIVE, "maxTrialCount": 12}, "status": status}


def observation(value: str) -> dict[str, Any]:
    return {"metrics": [{"name": "accuracy", "min": "0", "max": value, "latest": "0.1"}]}


def trial(name: str, value: str, **status: Any) -> dict[str, Any]:
    times = {"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:01:05Z"}
    assignments = [{"name": "lr", "value": "0.1"}]
    return {
        "metadata": {"name": name},
        "spec": {"parameterAssignments": assignments},
        "status": {"observation": observation(value), **times, **status},
    }


def test_progress_counts_what_runs_and_names_the_best_so_far() -> None:
    running = experiment(
        trialsSucceeded=3,
        trialsRunning=2,
        trialsPending=1,
        trialsFailed=1,
        trialMetricsUnavailable=1,
        currentOptimalTrial={"bestTrialName": "a", "observation": observation("0.93")},
    )
    assert (
        render_progress(running, timedelta(seconds=75))
        == "3 of 12 succeeded, 3 running, 2 failed, best accuracy 0.93, 1m15s"
    )


def test_progress_tells_trials_that_wait_from_those_that_run() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    retries = (
        Retry("a", 1, 7, now + timedelta(seconds=34)),
        Retry("b", 2, 7),
        Retry("c", 1, 7, now + timedelta(seconds=9)),
    )
    waits = Waits(("CPU", "CPU", "GPU"), retries)
    line = render_progress(experiment(trialsRunning=6, trialsPending=1), timedelta(seconds=2), waits, now)
    assert line == (
        "0 of 12 succeeded, 2 running, 2 waiting for CPU, 1 waiting for GPU, 2 to be tried again in 9s, 0 failed, "
        "no accuracy yet, 2s"
    )
    assert "2 to be tried again, " in render_progress(experiment(trialsRunning=6), timedelta(), waits)


def test_who_sees_a_trial_fail_learns_how_long_that_goes_on_and_how_to_end_it() -> None:
    words = render_attempts(Retry("a", 1, 7))
    assert words.startswith("attempt 1 of 7 has failed (backoffLimit 6)")
    assert "Ctrl-C" in words and "backoffLimit: 0 in the template's Job (spec.trialTemplate.trialSpec.spec)" in words


def test_progress_without_a_value_says_so() -> None:
    assert (
        render_progress(experiment(), timedelta(seconds=2))
        == "0 of 12 succeeded, 0 running, 0 failed, no accuracy yet, 2s"
    )


def test_progress_says_what_a_stalled_experiment_waits_for() -> None:
    stalled = experiment(
        conditions=[{"type": "Stalled", "status": "True", "message": "the DB manager does not answer"}]
    )
    assert render_progress(stalled, timedelta()).endswith("| waiting: the DB manager does not answer")


@pytest.mark.parametrize(
    ("kind", "status", "over"),
    [("Succeeded", "True", True), ("Failed", "True", True), ("Succeeded", "False", False), ("Running", "True", False)],
)
def test_an_experiment_is_finished_when_it_succeeded_or_failed(kind: str, status: str, over: bool) -> None:
    assert finished(experiment(conditions=[{"type": kind, "status": status}])) is over


def test_trials_are_ranked_by_the_objective_and_those_without_a_number_are_left_out() -> None:
    trials = [trial("b", "0.5"), trial("a", "0.5"), trial("c", "0.9"), trial("d", "unavailable"), trial("e", "nan")]
    trials[3]["status"]["observation"]["metrics"][0]["latest"] = "unavailable"
    assert [row.name for row in ranked(experiment(), trials)] == ["c", "a", "b"]


def test_where_no_trial_has_a_number_those_with_a_text_are_the_result() -> None:
    """algorithms.md §14: what darts reports is a genotype."""
    trials = [trial("b", "Genotype(2)"), trial("a", "Genotype(1)"), trial("e", "nan")]
    assert [(row.name, row.text) for row in ranked(experiment(), trials)] == [
        ("a", "Genotype(1)"),
        ("b", "Genotype(2)"),
    ]
    assert [row.name for row in ranked(experiment(), [*trials, trial("c", "0.5")])] == ["c"]


def test_the_result_is_a_table_of_the_best() -> None:
    assert render_result(experiment(), [trial("one-a", "0.5"), trial("one-b", "0.91")]) == (
        "TRIAL  ACCURACY  lr   TIME\n" "one-b  0.91      0.1  1m05s\n" "one-a  0.5       0.1  1m05s"
    )


def test_failures_are_told_once_per_reason() -> None:
    def failed(name: str) -> dict[str, Any]:
        return trial(name, "0", conditions=[{"type": "Failed", "status": "True", "message": "exit code 1"}])

    assert render_failures([failed("a"), failed("b"), trial("c", "1")]) == [("a", "a and 1 more: exit code 1")]


def test_a_reason_is_one_whatever_pod_tells_it_and_is_not_told_twice() -> None:
    def failed(name: str) -> dict[str, Any]:
        message = f"Trial has failed. pod {name}-pod: container main exited with code 3"
        return trial(name, "x", conditions=[{"type": "Failed", "status": "True", "message": message}])

    trials = [failed("a"), failed("b")]
    told = "Trial has failed. container main exited with code 3"
    assert render_failures(trials) == [("a", f"a and 1 more: {told}")]
    end = "max failed count has reached"
    assert render_end(f"{end}. Trial b: Trial has failed. pod b-pod: container main exited with code 3", trials) == end
    assert render_end("Suggestion has failed: gone", trials) == "Suggestion has failed: gone"


def test_trials_that_were_stopped_early_are_counted_apart() -> None:
    line = render_progress(experiment(trialsSucceeded=3, trialsEarlyStopped=2), timedelta())
    assert line == "3 of 12 succeeded, 2 stopped early, 0 running, 0 failed, no accuracy yet, 0s"


def test_a_reason_to_try_again_is_told_once_for_the_trials_of_this_experiment() -> None:
    def retried(name: str, failed: int, words: str) -> dict[str, Any]:
        text = f"Trial is running. Job message: {failed} of its pods failed and were tried again{words}"
        return {"involvedObject": {"kind": "Trial", "name": name}, "message": text}

    events = [
        retried("one-a", 1, ""),
        retried("one-a", 2, ". pod one-a-x: container main exited with code 3: Error"),
        retried("one-b", 5, ". pod one-b-y: container main exited with code 3: Error"),
        retried("other", 1, ". pod other-z: container main exited with code 4: Error"),
    ]
    reasons = retry_reasons(events, {"one-a", "one-b"})
    assert reasons == {"container main exited with code 3: Error": "one-a"}


def test_a_line_end_in_a_value_does_not_break_the_table() -> None:
    broken = trial("one-a", "0.5")
    broken["spec"]["parameterAssignments"] = [{"name": "text", "value": "a\nb"}]
    assert render_result(experiment(), [broken]).splitlines()[1:] == ["one-a  0.5       a\\nb  1m05s"]


def test_a_line_is_cut_to_the_terminal_and_a_note_stays_above_it() -> None:
    controller, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 30, 0, 0))
    with os.fdopen(terminal, "w") as stream:
        screen = Screen(stream)
        screen.update("a" * 100, "a")
        screen.note("b" * 40)
        screen.end()
        shown = ""
        while not shown.endswith("\r\n\r\n"):  # a terminal gives what it has, which may be a part
            shown += os.read(controller, 1000).decode()
    os.close(controller)
    assert shown.replace("\r\x1b[2K", "<") == f"<{'a' * 28}…<{'b' * 40}\r\n\r\n"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59.9, "59s"), (60, "1m00s"), (3725, "62m05s")])
def test_spans_are_short(seconds: float, text: str) -> None:
    assert render_span(timedelta(seconds=seconds)) == text
