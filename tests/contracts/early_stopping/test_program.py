"""The program `katib-early-stopping`: its flags, its start and its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
from katib_local.testing import ApiServer

PROGRAM = str(Path(sys.executable).parent / "katib-early-stopping")
PATIENCE = 60


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *flags], capture_output=True, text=True, timeout=PATIENCE)


def test_it_serves_from_its_start_to_its_end(api: ApiServer, tmp_path: Path) -> None:
    flags = [f"--listen-address=unix:{tmp_path}/s", f"--kubeconfig={api.kubeconfig}"]
    with subprocess.Popen([PROGRAM, *flags], stderr=subprocess.PIPE, text=True) as process:
        with grpc.insecure_channel(f"unix:{tmp_path}/s") as channel:
            grpc.channel_ready_future(channel).result(timeout=PATIENCE)
            with pytest.raises(grpc.RpcError) as error:
                api_pb2_grpc.EarlyStoppingStub(channel).SetTrialStatus(
                    api_pb2.SetTrialStatusRequest(trial_name="nobody")
                )
            assert error.value.code() is grpc.StatusCode.NOT_FOUND
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and "Traceback" not in errors


def test_help_names_every_flag_and_version_the_version() -> None:
    words = run("--help").stdout
    assert all(flag in words for flag in ("--listen-address", "0.0.0.0:6788", "--kubeconfig", "--version"))
    assert run("--version").stdout.startswith("katib-early-stopping ")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--listen-address=nowhere.invalid:1"], "cannot listen on nowhere.invalid:1"),
        (["--kubeconfig=/nowhere/config"], "/nowhere/config"),
        (["--what"], "unrecognized arguments: --what; see katib-early-stopping --help"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(api: ApiServer, flags: list[str], words: str) -> None:
    done = run(f"--kubeconfig={api.kubeconfig}", *flags)
    lines = [line for line in done.stderr.splitlines() if line.startswith("katib-early-stopping: ")]
    assert done.returncode != 0 and len(lines) == 1 and words in lines[0]
    assert "Traceback" not in done.stderr
