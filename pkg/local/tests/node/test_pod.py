"""One pod's life with a real sandbox and real processes, told to somebody who only listens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from katib_local.node.containers import ContainerError, gpu_count
from katib_local.node.images import CURE
from katib_local.node.isolation import probe_mount_isolation
from katib_local.node.options import NodeOptions
from katib_local.node.pod import PodRunner
from katib_local.node.states import ContainerState

Json = dict[str, Any]
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Listener:
    """Keeps what a pod tells; it has no ConfigMaps."""

    def __init__(self) -> None:
        self.statuses: list[Json] = []
        self.events: list[str] = []
        self.messages: list[str] = []
        self.is_running = asyncio.Event()
        self.has_news = asyncio.Event()

    async def write_status(self, pod: Mapping[str, Any], status: Json) -> None:
        self.statuses.append(status)
        self.has_news.set()
        if status["phase"] == "Running":
            self.is_running.set()

    def emit(self, pod: Mapping[str, Any], type: str, reason: str, message: str) -> None:
        self.events.append(reason)
        self.messages.append(message)
        self.has_news.set()

    async def has_seen(self, what: Callable[[], bool]) -> None:
        """Wait until something is true of what was told."""
        async with asyncio.timeout(30):
            while not what():
                self.has_news.clear()
                await self.has_news.wait()

    async def fetch(self, kind: str, namespace: str, name: str) -> None:
        return None

    async def mint(self, pod: Mapping[str, Any], audience: str, seconds: float) -> str:
        if audience == "nobody":
            raise ContainerError("FailedMount", "no token for nobody")
        return f"token for {audience}"


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


async def test_a_pod_whose_node_ends_ends_too_and_leaves_it_to_the_next_node_to_tell(tmp_path: Path) -> None:
    mark = f"9876.{os.getpid()}"
    runner, listener = a_runner(tmp_path, a_pod(["sleep", mark]))
    life = asyncio.ensure_future(runner.run())
    await listener.is_running.wait()
    told = len(listener.statuses)
    life.cancel()
    await asyncio.wait({life})
    assert life.cancelled() and not processes_with(mark)
    assert len(listener.statuses) == told and phases(listener)[-1] == "Running"


async def test_a_pod_that_has_ended_says_at_once_why(tmp_path: Path) -> None:
    """Who waits for its end looks no second time."""
    runner, listener = a_runner(tmp_path, a_pod(["sleep", "1000"], ["sleep", "1000"], activeDeadlineSeconds=0.2))
    await asyncio.wait_for(runner.run(), 30)
    ends = [status for status in listener.statuses if status["phase"] == "Failed"]
    assert ends and {status.get("reason") for status in ends} == {"DeadlineExceeded"}


@pytest.mark.parametrize("isolation", isolations())
async def test_nothing_that_a_container_started_outlives_its_pod(tmp_path: Path, isolation: str) -> None:
    """Not even a daemon in a session of its own."""
    mark = f"8765.{os.getpid()}"
    started = f"until grep -lz '^{mark}$' /proc/[0-9]*/cmdline; do :; done"
    runner, _ = a_runner(tmp_path, a_pod(["sh", "-c", f"setsid sleep {mark} & {started}"]), isolation)
    await runner.run()
    assert not processes_with(mark)


@pytest.mark.parametrize(("audience", "phase"), [("vault", "Succeeded"), ("nobody", "Failed")])
async def test_a_pod_has_the_token_that_it_wants_or_says_that_it_has_none(
    tmp_path: Path, audience: str, phase: str
) -> None:
    pod = a_pod(["grep", "-q", f"^token for {audience}$", "/mnt/katib/token"])
    source = {"serviceAccountToken": {"path": "token", "audience": audience}}
    pod["spec"]["volumes"] = [{"name": "v", "projected": {"sources": [source]}}]
    pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/mnt/katib"}]
    runner, listener = a_runner(tmp_path, pod)
    await asyncio.wait_for(runner.run(), 30)
    assert listener.statuses[-1]["phase"] == phase
    assert ("no token for nobody" in listener.messages) is (phase == "Failed")


@pytest.mark.parametrize("isolation", isolations())
async def test_a_volume_may_stand_beside_the_pods_own_files(tmp_path: Path, isolation: str) -> None:
    """As metrics below /tmp, with the state directory there too."""
    place = tmp_path.parent / f"beside-{tmp_path.name}" / "metrics"
    pod = a_pod(["sh", "-c", f"echo a > {place}/file && test -d {tmp_path}"])
    pod["spec"]["volumes"] = [{"name": "v", "emptyDir": {}}]
    pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": str(place)}]
    runner, listener = a_runner(tmp_path, pod, isolation)
    await asyncio.wait_for(runner.run(), 30)
    assert listener.statuses[-1]["phase"] == "Succeeded"
    assert not place.parent.exists()


@pytest.mark.parametrize("isolation", isolations())
async def test_containers_share_a_volume_inside_of_which_one_has_another_volume(tmp_path: Path, isolation: str) -> None:
    """As checkpoints in a directory of the metrics' volume."""
    writer = "echo a > /mnt/katib/outer; echo b > /mnt/katib/inner/file"
    pod = a_pod(["sh", "-c", writer], ["sh", "-c", "until [ -e /mnt/katib/outer ]; do sleep 0.02; done"])
    pod["spec"]["volumes"] = [{"name": "v", "emptyDir": {}}, {"name": "w", "persistentVolumeClaim": {"claimName": "c"}}]
    outer, inner = {"name": "v", "mountPath": "/mnt/katib"}, {"name": "w", "mountPath": "/mnt/katib/inner/"}
    pod["spec"]["containers"][0]["volumeMounts"] = [inner, outer]
    pod["spec"]["containers"][1]["volumeMounts"] = [outer]
    runner, listener = a_runner(tmp_path, pod, isolation)
    await asyncio.wait_for(runner.run(), 30)
    assert listener.statuses[-1]["phase"] == "Succeeded"
    assert (tmp_path / "claims/ns/c/file").read_text() == "b\n"


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


def states(listener: Listener) -> list[tuple[bool, bool]]:
    """Whether the first container has started up and is ready, each time that this changed."""
    found = [
        (entry["started"], entry["ready"]) for status in listener.statuses for entry in status["containerStatuses"]
    ]
    return [state for state, before in zip(found, [None, *found], strict=False) if state != before]


def a_probed_pod(script: str, policy: str = "Never", **probes: Json) -> Json:
    pod = a_pod(["sh", "-c", script], restartPolicy=policy, terminationGracePeriodSeconds=20)
    main = pod["spec"]["containers"][0]
    main["env"] = [{"name": "MARK", "value": "here"}]
    for name, probe in probes.items():
        main[f"{name}Probe"] = {"periodSeconds": 0.01, "timeoutSeconds": 20, **probe}
    return pod


def command(script: str, **more: Any) -> Json:
    return {"exec": {"command": ["sh", "-c", script]}, **more}


@pytest.mark.parametrize("isolation", isolations())
async def test_a_command_that_probes_sees_what_its_container_sees(tmp_path: Path, isolation: str) -> None:
    """Its volumes, its environment and its working directory; and the container sees what the command does."""
    script = "echo hello > /mnt/katib/greeting; until [ -e /mnt/katib/seen ]; do sleep 0.02; done"
    check = "grep -q hello /mnt/katib/greeting && [ $MARK = $(MARK) ] && [ $PWD = /tmp ] && touch /mnt/katib/seen"
    pod = a_probed_pod(script, readiness=command(check))
    pod["spec"]["volumes"] = [{"name": "v", "emptyDir": {}}]
    pod["spec"]["containers"][0] |= {"volumeMounts": [{"name": "v", "mountPath": "/mnt/katib"}], "workingDir": "/tmp"}
    runner, listener = a_runner(tmp_path, pod, isolation)
    await asyncio.wait_for(runner.run(), 30)
    assert listener.statuses[-1]["phase"] == "Succeeded"


async def test_a_container_is_ready_only_while_its_probe_says_so(tmp_path: Path) -> None:
    file = tmp_path / "ready"
    runner, listener = a_runner(
        tmp_path, a_probed_pod("exec sleep 1000", readiness=command(f"[ -e {file} ]", failureThreshold=1))
    )
    running = asyncio.ensure_future(runner.run())
    for ready in (False, True, False):
        file.touch() if ready else file.unlink(missing_ok=True)
        await listener.has_seen(lambda ready=ready: states(listener)[-1:] == [(True, ready)])
    runner.stop(0)
    await asyncio.wait_for(running, 30)
    assert states(listener) == [(False, False), (True, False), (True, True), (True, False), (False, False)]


@pytest.mark.parametrize("isolation", isolations())
@pytest.mark.parametrize("policy", ["Never", "OnFailure"])
async def test_a_container_that_is_not_alive_is_ended_and_restarted_as_its_pod_says(
    tmp_path: Path, policy: str, isolation: str
) -> None:
    """Also one that ends well when it is asked to."""
    file = tmp_path / "once"
    script = f"[ -e {file} ] && exit 0; trap 'exit 0' TERM; touch {file}; while :; do sleep 0.02; done"
    runner, listener = a_runner(
        tmp_path,
        a_probed_pod(script, policy, liveness=command(f"echo out of order; [ ! -e {file} ]", failureThreshold=2)),
        isolation,
    )
    await asyncio.wait_for(runner.run(), 30)
    (state,) = listener.statuses[-1]["containerStatuses"]
    assert state["state"]["terminated"]["exitCode"] == 0 and state["restartCount"] == int(policy != "Never")
    again = "" if policy == "Never" else ", will be restarted"
    assert f"Container c0 failed liveness probe{again}" in listener.messages
    assert listener.messages.count("Liveness probe failed: out of order") >= 2
    assert listener.events.count("Started") == (1 if policy == "Never" else 2)


async def test_a_container_that_does_not_end_when_it_is_not_alive_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "deaf"
    script = f"trap '' TERM; touch {file}; while :; do sleep 0.02; done"
    pod = a_probed_pod(script, liveness=command(f"[ ! -e {file} ]", failureThreshold=1))
    pod["spec"]["containers"][0]["livenessProbe"]["terminationGracePeriodSeconds"] = 0
    runner, listener = a_runner(tmp_path, pod)
    await asyncio.wait_for(runner.run(), 30)
    (state,) = listener.statuses[-1]["containerStatuses"]
    assert state["state"]["terminated"]["exitCode"] == 137


async def test_a_container_that_does_not_start_up_is_ended(tmp_path: Path) -> None:
    pod = a_probed_pod("exec sleep 1000", startup=command("false", failureThreshold=1), readiness=command("true"))
    runner, listener = a_runner(tmp_path, pod)
    await asyncio.wait_for(runner.run(), 30)
    assert listener.statuses[-1]["phase"] == "Failed"
    assert "Container c0 failed startup probe" in listener.messages
    assert not any(started or ready for started, ready in states(listener))


async def test_a_container_waits_for_a_sidecar_to_start_up(tmp_path: Path) -> None:
    file = tmp_path / "up"
    sidecar = {
        "name": "sidecar",
        "image": "i",
        "restartPolicy": "Always",
        "command": ["sh", "-c", f"touch {file}; exec sleep 1000"],
        "startupProbe": {**command(f"[ -e {file} ]"), "periodSeconds": 0.01, "failureThreshold": 10**6},
    }
    runner, listener = a_runner(tmp_path, a_pod(["test", "-e", str(file)], initContainers=[sidecar]))
    await asyncio.wait_for(runner.run(), 30)
    assert listener.statuses[-1]["phase"] == "Succeeded"


def a_sidecar(name: str, file: Path, *, deaf: bool = False) -> Json:
    """A sidecar that writes its name into a file when it is asked to end, and ends then unless it is deaf."""
    answer = f"echo {name} >> {file}" + ("" if deaf else "; exit 0")
    script = f"trap '{answer}' TERM; touch {file}.{name}; while :; do sleep 0.02; done"
    check = {**command(f"[ -e {file}.{name} ]"), "periodSeconds": 0.01, "failureThreshold": 10**6}
    return {"name": name, "image": "i", "restartPolicy": "Always", "command": ["sh", "-c", script]} | {
        "startupProbe": {**check, "timeoutSeconds": 20}
    }


@pytest.mark.parametrize("isolation", isolations())
async def test_sidecars_are_asked_to_end_after_the_main_container_the_last_one_first(
    tmp_path: Path, isolation: str
) -> None:
    """And until then the pod runs, with whatever they still have to do."""
    file = tmp_path / "asked"
    sidecars = [a_sidecar("first", file), a_sidecar("second", file)]
    runner, listener = a_runner(tmp_path, a_pod(["true"], initContainers=sidecars), isolation)
    await asyncio.wait_for(runner.run(), 30)
    assert file.read_text().split() == ["second", "first"]
    after = [status for status in listener.statuses if "terminated" in status["containerStatuses"][0]["state"]]
    told = [["running" in entry["state"] for entry in status["initContainerStatuses"]] for status in after]
    assert list(dict.fromkeys(map(tuple, told))) == [(True, True), (True, False), (False, False)]
    assert [status["phase"] for status in after] == ["Running" if any(states) else "Succeeded" for states in told]
    stopped = [message for message in listener.messages if message.startswith("Stopping")]
    assert stopped == ["Stopping container second", "Stopping container first"]


async def test_a_sidecar_that_does_not_end_is_killed_and_is_not_what_a_pod_fails_by(tmp_path: Path) -> None:
    sidecars = [a_sidecar("deaf", tmp_path / "asked", deaf=True)]
    pod = a_pod(["true"], initContainers=sidecars, terminationGracePeriodSeconds=1)
    runner, listener = a_runner(tmp_path, pod)
    await asyncio.wait_for(runner.run(), 30)
    (state,) = listener.statuses[-1]["initContainerStatuses"]
    assert (listener.statuses[-1]["phase"], state["state"]["terminated"]["exitCode"]) == ("Succeeded", 137)


async def test_a_pod_that_is_stopped_asks_its_sidecars_last(tmp_path: Path) -> None:
    file = tmp_path / "asked"
    main = f"trap 'echo main >> {file}; exit 0' TERM; touch {file}.main; while :; do sleep 0.02; done"
    pod = a_pod(["sh", "-c", main], restartPolicy="Always", initContainers=[a_sidecar("side", file)])
    pod["spec"]["containers"][0]["readinessProbe"] = {**command(f"[ -e {file}.main ]"), "periodSeconds": 0.01}
    runner, listener = a_runner(tmp_path, pod)
    running = asyncio.ensure_future(runner.run())
    await listener.has_seen(lambda: states(listener)[-1:] == [(True, True)])
    runner.stop(20)
    await asyncio.wait_for(running, 30)
    assert file.read_text().split() == ["main", "side"]
    assert listener.statuses[-1]["phase"] == "Succeeded"


async def test_a_pod_that_ends_can_be_given_less_time(tmp_path: Path) -> None:
    pod = a_pod(["true"], initContainers=[a_sidecar("deaf", tmp_path / "asked", deaf=True)])
    pod["spec"]["terminationGracePeriodSeconds"] = 10**6
    runner, listener = a_runner(tmp_path, pod)
    running = asyncio.ensure_future(runner.run())
    await listener.has_seen(lambda: "Stopping container deaf" in listener.messages)
    runner.stop(0)
    await asyncio.wait_for(running, 30)
    assert listener.statuses[-1]["phase"] == "Succeeded"


async def test_a_pod_is_ready_by_conditions_that_others_have_written(tmp_path: Path) -> None:
    pod = a_pod(["sleep", "1000"], readinessGates=[{"conditionType": "example.com/a"}])
    runner, listener = a_runner(tmp_path, pod)
    running = asyncio.ensure_future(runner.run())

    def told() -> tuple[str, ...]:
        (entry,) = (entry for entry in listener.statuses[-1]["conditions"] if entry["type"] == "Ready")
        return entry["status"], entry.get("reason", "")

    await listener.has_seen(lambda: states(listener)[-1:] == [(True, True)])
    assert told() == ("False", "ReadinessGatesNotReady") and not runner.backend.is_ready
    theirs = {"type": "example.com/a", "status": "True"}
    runner.learn({**pod, "status": {"conditions": [theirs]}})
    await listener.has_seen(lambda: told() == ("True", ""))
    assert theirs in listener.statuses[-1]["conditions"] and runner.backend.is_ready
    count = len(listener.statuses)
    runner.learn({**pod, "status": {"conditions": [theirs]}})
    runner.stop(0)
    await asyncio.wait_for(running, 30)
    assert not any(entry["phase"] == "Running" for entry in listener.statuses[count:])


async def test_a_pod_that_is_taken_up_counts_on_and_keeps_the_logs(tmp_path: Path) -> None:
    pod = a_pod(["sh", "-c", "echo again; exit 1"], ["true"], ["sleep", "1000"], restartPolicy="OnFailure")
    before = {"exitCode": 137, "reason": "NodeRestarted"}
    done = {"exit_code": 0, "reason": "Completed", "started_at": NOW, "finished_at": NOW}
    known = [ContainerState("c0", restarts=2, last=before), replace(ContainerState("c1"), **done)]
    runner, listener = a_runner(tmp_path, pod)
    runner = PodRunner(pod, runner.options, listener, [], {state.name: state for state in known})
    running = asyncio.ensure_future(runner.run())
    await listener.has_seen(lambda: "BackOff" in listener.events and listener.statuses[-1]["phase"] == "Running")
    first, second, _ = listener.statuses[-1]["containerStatuses"]
    message = "back-off 10s restarting failed container=c0 pod=p_ns(12345678-0000)"
    assert first["state"]["waiting"] == {"reason": "CrashLoopBackOff", "message": message}
    assert (first["restartCount"], first["lastState"]["terminated"]["exitCode"]) == (3, 1)
    assert second["state"]["terminated"]["reason"] == "Completed"
    counts = [status["containerStatuses"][0] for status in listener.statuses]
    assert {"exitCode": 137, "reason": "NodeRestarted"} in [entry["lastState"].get("terminated") for entry in counts]
    assert {file.name for file in (tmp_path / "pods/12345678-0000/logs").iterdir()} == {"c0-3.log", "c2-0.log"}
    runner.stop(0)
    await asyncio.wait_for(running, 30)


async def test_a_pod_whose_containers_have_done_their_work_is_over_when_it_is_taken_up(tmp_path: Path) -> None:
    pod = a_pod(["false"], restartPolicy="OnFailure", initContainers=[a_sidecar("side", tmp_path / "asked")])
    done = {"exit_code": 0, "reason": "Completed", "started_at": NOW, "finished_at": NOW}
    runner, listener = a_runner(tmp_path, pod)
    known = {"c0": replace(ContainerState("c0"), **done), "side": replace(ContainerState("side"), **done)}
    await asyncio.wait_for(PodRunner(pod, runner.options, listener, [], known).run(), 30)
    assert listener.statuses[-1]["phase"] == "Succeeded" and not listener.events


async def test_a_pod_that_is_stopped_before_all_of_it_has_begun_says_so(tmp_path: Path) -> None:
    init = {"name": "init", "image": "i", "command": ["sleep", "1000"]}
    runner, listener = a_runner(tmp_path, a_pod(["true"], initContainers=[init]))
    running = asyncio.ensure_future(runner.run())
    await listener.has_seen(lambda: "Started" in listener.events)
    runner.stop(0)
    await asyncio.wait_for(running, 30)
    status = listener.statuses[-1]
    assert (status["phase"], status["conditions"][2]["reason"]) == ("Failed", "PodFailed")
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}


async def test_a_probe_that_cannot_be_tried_is_told_and_ends_nothing(tmp_path: Path) -> None:
    probes = {"liveness": {"tcpSocket": {"port": "web"}}, "readiness": {"exec": {"command": ["no-such-program"]}}}
    vain = "probe errored and resulted in unknown state"
    no_port = (
        f"Liveness {vain}: port 'web' is not in the ports of container c0: give the port a name there, or use a number"
    )
    no_program = (
        f"Readiness {vain}: exec.command names no-such-program, which is not on this machine: install it, or {CURE}"
    )
    runner, listener = a_runner(tmp_path, a_probed_pod("exec sleep 1000", **probes))
    running = asyncio.ensure_future(runner.run())
    await listener.has_seen(lambda: all(listener.messages.count(text) > 1 for text in (no_port, no_program)))
    runner.stop(0)
    await asyncio.wait_for(running, 30)
    assert not any("failed liveness probe" in message for message in listener.messages)
    assert (True, True) not in states(listener)


async def test_a_probe_that_hangs_is_killed_and_nothing_of_it_stays(tmp_path: Path) -> None:
    mark = f"8764.{os.getpid()}"
    probe = command(f"exec sleep {mark}", timeoutSeconds=0.2, failureThreshold=2)
    runner, listener = a_runner(tmp_path, a_probed_pod("exec sleep 1000", liveness=probe))
    await asyncio.wait_for(runner.run(), 30)
    assert listener.messages.count("Liveness probe failed: no answer within timeoutSeconds (0.2)") == 2
    assert not processes_with(mark)


async def test_the_first_of_what_a_probe_prints_is_told(tmp_path: Path) -> None:
    """Also when something that it has started goes on to print."""
    probe = command("yes 12345678 & exit 1", failureThreshold=1)
    runner, listener = a_runner(tmp_path, a_probed_pod("exec sleep 1000", liveness=probe))
    await asyncio.wait_for(runner.run(), 30)
    (message,) = [message for message in listener.messages if message.startswith("Liveness probe failed: ")]
    assert len(message) < 10300
