"""One pod's life with a real sandbox and real processes, told to somebody who only listens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from katib_local.node.isolation import probe_mount_isolation
from katib_local.node.options import NodeOptions
from katib_local.node.pod import PodRunner, gpu_count

Json = dict[str, Any]


class Listener:
    """Keeps what a pod tells; it has no ConfigMaps."""

    def __init__(self) -> None:
        self.statuses: list[Json] = []
        self.events: list[str] = []
        self.is_running = asyncio.Event()

    async def write_status(self, pod: Mapping[str, Any], status: Json) -> None:
        self.statuses.append(status)
        if status["phase"] == "Running":
            self.is_running.set()

    def emit(self, pod: Mapping[str, Any], type: str, reason: str, message: str) -> None:
        self.events.append(reason)

    async def fetch(self, kind: str, namespace: str, name: str) -> None:
        return None


def a_pod(*commands: list[str], **spec: Any) -> Json:
    containers = [{"name": f"c{number}", "image": "i", "command": command} for number, command in enumerate(commands)]
    metadata = {"name": "p", "namespace": "ns", "uid": "12345678-0000"}
    return {"metadata": metadata, "spec": {"restartPolicy": "Never", "containers": containers, **spec}}


def a_runner(folder: Path, pod: Json, isolation: str = "rewrite", **options: Any) -> tuple[PodRunner, Listener]:
    listener = Listener()
    environment = {"PATH": "/usr/bin:/bin"}
    own_bin = str(Path(sys.executable).parent)
    node = NodeOptions("laptop", folder, isolation, str(folder), environment=environment, own_bin=own_bin, **options)
    return PodRunner(pod, node, listener, [1]), listener


def processes_with(text: str) -> list[bytes]:
    """Command lines of running processes that hold a text."""
    commands = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            commands.append(file.read_bytes())
    return [command for command in commands if text.encode() in command]


def phases(listener: Listener) -> list[str]:
    return list(dict.fromkeys(status["phase"] for status in listener.statuses))


def isolations() -> list[str]:
    return ["rewrite"] if probe_mount_isolation() else ["rewrite", "mount"]


@pytest.mark.parametrize("isolation", isolations())
async def test_a_pod_runs_and_ends_with_its_containers(tmp_path: Path, isolation: str) -> None:
    runner, listener = a_runner(tmp_path, a_pod(["sh", "-c", "echo hello; exit 3"], ["true"]), isolation)
    await runner.run()
    assert phases(listener)[-2:] == ["Running", "Failed"]
    states = [entry["state"]["terminated"]["exitCode"] for entry in listener.statuses[-1]["containerStatuses"]]
    assert states == [3, 0]
    assert (tmp_path / "pods" / "12345678-0000" / "logs" / "c0-0.log").read_text().endswith(" stdout F hello\n")


@pytest.mark.parametrize("isolation", isolations())
async def test_nothing_that_a_container_started_outlives_its_pod(tmp_path: Path, isolation: str) -> None:
    """Not even a daemon in a session of its own."""
    mark = f"8765.{os.getpid()}"
    started = f"until grep -lz '^{mark}$' /proc/[0-9]*/cmdline; do :; done"
    runner, _ = a_runner(tmp_path, a_pod(["sh", "-c", f"setsid sleep {mark} & {started}"]), isolation)
    await runner.run()
    assert not processes_with(mark)


async def test_a_pod_that_is_stopped_ends_its_processes(tmp_path: Path) -> None:
    runner, listener = a_runner(tmp_path, a_pod(["sleep", "1000"]))
    running = asyncio.ensure_future(runner.run())
    await asyncio.wait_for(listener.is_running.wait(), 20)
    runner.stop(0)
    await asyncio.wait_for(running, 20)
    (state,) = listener.statuses[-1]["containerStatuses"]
    assert state["state"]["terminated"]["exitCode"] == 137 and "Killing" in listener.events


async def test_a_long_line_and_a_last_one_without_an_end_are_kept_whole(tmp_path: Path) -> None:
    script = "import sys; sys.stdout.write('x' * 300000 + '\\n' + 'last')"
    runner, _ = a_runner(tmp_path, a_pod([sys.executable, "-c", script]))
    await runner.run()
    first, last = (tmp_path / "pods" / "12345678-0000" / "logs" / "c0-0.log").read_text().splitlines()
    assert first.endswith(" F " + "x" * 300000) and last.endswith(" F last")


@pytest.mark.parametrize(("gpus", "asked", "seen"), [(2, "1", "1"), (2, "", ""), (0, "", "unset")])
async def test_found_gpus_are_handed_out_by_their_numbers(tmp_path: Path, gpus: int, asked: str, seen: str) -> None:
    pod = a_pod(["sh", "-c", "echo ${CUDA_VISIBLE_DEVICES-unset}"])
    if asked:
        pod["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": asked}}
    runner, _ = a_runner(tmp_path, pod, gpus=gpus)
    await runner.run()
    text = (tmp_path / "pods" / "12345678-0000" / "logs" / "c0-0.log").read_text()
    assert text.rstrip("\n").rpartition(" F ")[2] == seen and gpu_count(pod) == int(asked or 0)
