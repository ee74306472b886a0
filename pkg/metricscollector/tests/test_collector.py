"""The collector beside real training processes, reporting over real gRPC (collectors.md §5 to §7)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc

Rows = list[tuple[str, str]]


class Recorder(api_pb2_grpc.DBManagerServicer, api_pb2_grpc.EarlyStoppingServicer):
    """A real server that keeps what it is told; the first `refusals` calls are answered UNAVAILABLE."""

    def __init__(self) -> None:
        self.reports: list[api_pb2.ReportObservationLogRequest] = []
        self.stopped: list[str] = []
        self.refusals = 0
        self.lock = threading.Lock()

    def ReportObservationLog(self, request: Any, context: Any) -> Any:
        with self.lock:
            if self.refusals:
                self.refusals -= 1
                context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
            self.reports.append(request)
        return api_pb2.ReportObservationLogReply()

    def SetTrialStatus(self, request: Any, context: Any) -> Any:
        self.stopped.append(request.trial_name)
        return api_pb2.SetTrialStatusReply()

    @property
    def rows(self) -> Rows:
        logs = [entry for report in self.reports for entry in report.observation_log.metric_logs]
        return [(entry.metric.name, entry.metric.value) for entry in logs]


class Pod:
    """A training command wrapped as the webhook does it, and its collector."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder / "metrics"
        self.folder.mkdir()
        self.file = self.folder / "metrics.log"
        self.address = address

    def train(self, script: str, *, early_stopping: bool = False, redirect: bool = True) -> subprocess.Popen[bytes]:
        marker = f"{self.folder}/$$.pid"
        stopped = (
            f'|| if test -f {marker} && test "$(head -n 1 {marker})" = early-stopped; '
            "then echo Training Container was Early Stopped; else echo Training Container was Failed; exit 1; fi"
        )
        text = f"{script} {f'1>{self.file} 2>&1' if redirect else ''} {stopped if early_stopping else ''} && echo completed > {marker}"
        return subprocess.Popen(["sh", "-c", text])

    def collect(self, *flags: str, format: str = "TEXT") -> subprocess.CompletedProcess[bytes]:
        words = ["-t", "t1", "-m", "loss;acc", "-o-type", "minimize", "-s-db", self.address, "-path", str(self.file)]
        command = [
            sys.executable,
            "-m",
            "katib_metricscollector",
            *words,
            "-format",
            format,
            "-s-earlystop",
            self.address,
            *flags,
        ]
        environment = {**os.environ, "KATIB_TRIAL_NAMESPACE": "team"}
        return subprocess.run(command, capture_output=True, timeout=60, env=environment)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def pod(tmp_path: Path, recorder: Recorder) -> Iterator[Pod]:
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
    api_pb2_grpc.add_DBManagerServicer_to_server(recorder, server)
    api_pb2_grpc.add_EarlyStoppingServicer_to_server(recorder, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield Pod(tmp_path, f"127.0.0.1:{port}")
    server.stop(None)


def test_all_rows_are_reported_once_and_the_output_is_echoed_as_it_is(pod: Pod, recorder: Recorder) -> None:
    """COL-18; the trial's namespace goes along (GRPC-7)."""
    with pod.train("printf 'hello\\nloss=0.5 acc=1\\nloss=0.4'"):
        done = pod.collect()
    assert (done.returncode, done.stdout) == (0, b"hello\nloss=0.5 acc=1\nloss=0.4\n")
    assert recorder.rows == [("loss", "0.5"), ("acc", "1"), ("loss", "0.4")]
    assert [(report.trial_name, report.namespace) for report in recorder.reports] == [("t1", "team")]


def test_training_that_had_ended_before_the_collector_started_is_collected(pod: Pod, recorder: Recorder) -> None:
    """COL-1: the markers are the truth."""
    pod.train("echo loss=0.5").wait()
    assert pod.collect().returncode == 0
    assert recorder.rows == [("loss", "0.5")]


def test_lines_are_echoed_while_training_runs(pod: Pod, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with pod.train(f"(echo first; until [ -e {gate} ]; do sleep 0.05; done; echo loss=1)"):
        command = [
            sys.executable,
            "-m",
            "katib_metricscollector",
            "-t",
            "t",
            "-m",
            "loss",
            "-path",
            str(pod.file),
            "-format=TEXT",
            f"-s-db={pod.address}",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as collector:
            assert collector.stdout is not None
            assert collector.stdout.readline() == b"first\n"
            gate.touch()
            assert collector.stdout.read() == b"loss=1\n"


def test_without_the_objective_one_row_says_unavailable(pod: Pod, recorder: Recorder) -> None:
    with pod.train("echo acc=1"):
        assert pod.collect().returncode == 0
    assert recorder.rows == [("loss", "unavailable")]


def test_failed_training_reports_what_it_had_and_fails_the_pod(pod: Pod, recorder: Recorder) -> None:
    """COL-20."""
    with pod.train("(echo loss=0.5; sleep 0.5; exit 3)"):
        done = pod.collect()
    assert done.returncode == 255
    assert recorder.rows == [("loss", "0.5")]
    assert b"katib-collector: training has failed" in done.stderr


def test_training_that_had_failed_before_the_collector_started_is_noticed(pod: Pod, recorder: Recorder) -> None:
    pod.train("(echo lost; exit 3)").wait()
    assert pod.collect().returncode == 255
    assert recorder.rows == []


def test_json_lines_are_read_and_a_bad_one_is_skipped(pod: Pod, recorder: Recorder) -> None:
    """COL-6, ES-07."""
    lines = '{"loss": "0.5"}\nnot json\n{"loss": 0.25}\n'
    with pod.train(f"printf '%s' '{lines}'"):
        done = pod.collect(format="JSON")
    assert recorder.rows == [("loss", "0.5"), ("loss", "0.25")]
    assert b"a line is skipped" in done.stderr


def test_a_file_that_never_comes_is_like_an_empty_one(pod: Pod, recorder: Recorder) -> None:
    """COL-15."""
    with pod.train("true", redirect=False):
        assert pod.collect().returncode == 0
    assert recorder.rows == [("loss", "unavailable")]


def test_a_report_is_tried_until_it_is_accepted(pod: Pod, recorder: Recorder) -> None:
    """COL-3."""
    recorder.refusals = 2
    with pod.train("echo loss=1"):
        assert pod.collect().returncode == 0
    assert recorder.rows == [("loss", "1")]


def test_large_reports_are_split(pod: Pod, recorder: Recorder) -> None:
    """COL-14."""
    with pod.train("seq -f 'loss=%.0f' 1 25000"):
        assert pod.collect().returncode == 0
    assert [len(report.observation_log.metric_logs) for report in recorder.reports] == [10_000, 10_000, 5_000]
    assert recorder.rows[-1] == ("loss", "25000")


def test_broken_text_stops_nothing(pod: Pod, recorder: Recorder) -> None:
    """COL-17."""
    with pod.train(r"printf '\377\376 loss=1\r\nloss=2\n'"):
        done = pod.collect()
    assert done.stdout == b"\xff\xfe loss=1\r\nloss=2\n"
    assert recorder.rows == [("loss", "1"), ("loss", "2")]


def test_an_early_stop_ends_the_training_but_not_its_shell(pod: Pod, recorder: Recorder) -> None:
    """§6, COL-9, ES-07, ES-09: all its processes; reported first, told then; the wrapped shell ends well."""
    with pod.train("(echo loss=9; sleep 600 & sleep 600)", early_stopping=True) as training:
        done = pod.collect("-stop-rule", "loss;1;greater;0")
        assert training.wait(timeout=20) == 0
    assert done.returncode == 0
    assert recorder.rows == [("loss", "9")]
    assert recorder.stopped == ["t1"]
    assert [file.read_text() for file in pod.folder.glob("*.pid")] == ["completed\n"]


def test_a_time_out_ends_the_wait(pod: Pod, recorder: Recorder) -> None:
    started = time.monotonic()
    with pod.train("(echo loss=1; sleep 600)") as training:
        done = pod.collect("-timeout", "500ms")
        subprocess.run(["pkill", "-P", str(training.pid)])
        training.kill()
    assert done.returncode == 0 and recorder.rows == [("loss", "1")]
    assert time.monotonic() - started > 0.5


def test_a_wrong_filter_is_told_and_the_others_used(pod: Pod, recorder: Recorder) -> None:
    """COL-16."""
    with pod.train("echo loss is 0.5"):
        done = pod.collect("-filter", "(", "-filter", r"(loss) is ([\d.]+)")
    assert recorder.rows == [("loss", "0.5")]
    assert b"a filter is ignored" in done.stderr
