"""A shared machine: nobody else may call, nothing outlives, nothing is lost or counted twice."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from laptops import Katib, eventually

Writer = Callable[..., Path]
CALL = """
import grpc, sys
from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
stub = api_pb2_grpc.DBManagerStub(grpc.insecure_channel("katib-db-manager.kubeflow:6789"))
try:
    stub.GetObservationLog(api_pb2.GetObservationLogRequest(trial_name="t"), timeout=10)
    print("OK")
except grpc.RpcError as error:
    print(error.code().name, error.details())
"""


NOBODY = 65534
STRANGER = f"""
import os, socket, ssl, sys, urllib.error, urllib.request
import grpc
from katib_apis.v1beta1 import api_pb2, api_pb2_grpc
state, apiserver, proxy, webhook, program = sys.argv[1:]
"".encode("idna")
if os.getuid() == 0:
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
print("user", os.getuid())

def tell(name, attempt):
    try:
        print(name, attempt())
    except urllib.error.HTTPError as error:
        print(name, error.code)
    except Exception as error:
        print(name, type(error).__name__)

def call(port, path, token=""):
    headers = {{"Authorization": "Bearer " + token}} if token else {{}}
    request = urllib.request.Request(f"https://127.0.0.1:{{port}}{{path}}", headers=headers)
    return urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=10).status

def ask():
    os.environ["grpc_proxy"] = f"http://katib:guess@127.0.0.1:{{proxy}}"
    stub = api_pb2_grpc.DBManagerStub(grpc.insecure_channel("katib-db-manager.kubeflow:6789"))
    try:
        stub.GetObservationLog(api_pb2.GetObservationLogRequest(trial_name="t"), timeout=10)
    except grpc.RpcError as error:
        return error.code().name
    return "OK"

tell("anonymous", lambda: call(apiserver, "/api/v1/namespaces"))
tell("guessed", lambda: call(apiserver, "/api/v1/namespaces", "guess"))
tell("webhook", lambda: call(webhook, "/validate-experiment"))
tell("proxy", ask)
tell("directory", lambda: os.listdir(state))
tell("kubeconfig", lambda: open(f"{{state}}/kubeconfig").read(1))
tell("rows", lambda: open(f"{{state}}/observations.sqlite", "rb").read(1))
tell("socket", lambda: socket.socket(socket.AF_UNIX).connect(f"{{state}}/run/katib-db-manager.sock"))
tell("environment", lambda: open(f"/proc/{{program}}/environ", "rb").read(1))
"""
"""What a process does that is not the owner's: it has loaded its modules before, in case the owner's are closed to others."""


def ports(katib: Katib) -> dict[str, int]:
    answer: dict[str, int] = json.loads((katib.state / "run" / "ports.json").read_text())
    return answer


def test_an_anonymous_call_to_the_api_is_refused(laptop: Katib) -> None:
    authority = (laptop.state / "credentials" / "ca.crt").read_text()
    context = ssl.create_default_context(cadata=authority)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"https://127.0.0.1:{ports(laptop)['apiserver']}/api/v1/namespaces", context=context)
    with caught.value as answer:
        assert answer.code == 401


def call_db_manager(laptop: Katib, credentials: str) -> str:
    proxy = f"http://{credentials}127.0.0.1:{ports(laptop)['proxy']}"
    environment = {**os.environ, "grpc_proxy": proxy, "no_grpc_proxy": "localhost"}
    return subprocess.run([sys.executable, "-c", CALL], env=environment, capture_output=True, text=True).stdout


def test_a_grpc_call_without_the_token_of_this_start_is_refused(laptop: Katib) -> None:
    token = (laptop.state / "credentials" / "service-token").read_text()
    assert call_db_manager(laptop, f"katib:{token}@") == "OK\n"
    for credentials in ("", "katib:guess@"):
        assert "UNAVAILABLE" in call_db_manager(laptop, credentials)


def test_a_webhook_call_without_a_certificate_is_refused(laptop: Katib) -> None:
    context = ssl.create_default_context(cadata=(laptop.state / "credentials" / "ca.crt").read_text())
    request = urllib.request.Request(f"https://127.0.0.1:{ports(laptop)['webhook']}/validate-experiment", data=b"{}")
    with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
        urllib.request.urlopen(request, context=context)


def test_everything_that_listens_listens_on_loopback(laptop: Katib) -> None:
    inodes = {os.readlink(descriptor) for process in laptop.processes() for descriptor in _descriptors(process)}
    lines = [line.split() for file in ("tcp", "tcp6") for line in Path("/proc/net", file).read_text().splitlines()[1:]]
    listening = {line[1].split(":")[0] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in inodes}
    assert listening == {"0100007F"}


def _descriptors(process: int) -> list[Path]:
    try:
        return [path for path in Path(f"/proc/{process}/fd").iterdir() if path.is_symlink()]
    except OSError:
        return []


def test_sockets_and_files_are_the_owners_alone(laptop: Katib) -> None:
    places = [laptop.state, *laptop.state.iterdir(), *(laptop.state / "apiserver").iterdir()]
    assert not [place for place in places if place.lstat().st_mode & 0o077]


def test_another_user_is_refused_whatever_they_try(laptop: Katib) -> None:
    """Root becomes another user for this; nobody else can, but whoever runs this has to be refused without credentials."""
    laptop.state.parent.chmod(0o711)  # so that it is the state directory itself that keeps them out
    numbers = ports(laptop)
    program, *_ = laptop.processes()
    arguments = [laptop.state.name, *(str(numbers[name]) for name in ("apiserver", "proxy", "webhook")), str(program)]
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, *arguments],
        cwd=laptop.state.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert (told["anonymous"], told["guessed"]) == ("401", "401")
    assert told["webhook"] != "200" and "UNAVAILABLE" in told["proxy"]
    if os.getuid() == 0:
        assert told["user"] == str(NOBODY)
        files = ("directory", "kubeconfig", "rows", "socket", "environment")
        assert {file: told[file] for file in files} == dict.fromkeys(files, "PermissionError")


@pytest.mark.parametrize("isolation", ["mount", "rewrite"])
def test_killing_everything_in_the_middle_loses_and_doubles_nothing(
    katib: Katib, experiment_file: Writer, tmp_path: Path, isolation: str
) -> None:
    changes = ("maxTrialCount: 4", "maxTrialCount: 8"), ("parallelTrialCount: 2", "parallelTrialCount: 3")
    command = "sleep 0.$(( $$$$ % 10 )); echo score=${trialParameters.x}"
    file = str(experiment_file("killed", command, *changes))
    running = katib.start("run", file, f"--isolation={isolation}")
    eventually(lambda: _succeeded(katib) >= 2)
    for process in katib.processes():
        _kill(process)
    running.communicate(timeout=30)
    eventually(lambda: not katib.processes(), within=10)
    done = katib("run", file, f"--isolation={isolation}")
    assert done.returncode == 0, done.stderr + katib.logs()
    assert len(done.stdout.splitlines()) == 9
    assert "8 of 8 succeeded" in done.stderr
    katib.good("up")
    trials = katib.get("trials")["items"]
    status = katib.get("experiment", "killed")["status"]
    assert len(trials) == status["trials"] == status["trialsSucceeded"] == 8
    assert sorted(status["succeededTrialList"]) == sorted(trial["metadata"]["name"] for trial in trials)
    with sqlite3.connect(katib.state / "observations.sqlite") as database:
        rows = database.execute("SELECT trial_name, value FROM observation_logs").fetchall()
    database.close()
    assert dict(rows) == {
        trial["metadata"]["name"]: trial["spec"]["parameterAssignments"][0]["value"] for trial in trials
    }
    assert len(rows) == 8


def _succeeded(katib: Katib) -> int:
    done = katib.kubectl("get", "experiment", "killed", "-o", "jsonpath={.status.trialsSucceeded}")
    return int(done.stdout or 0) if done.returncode == 0 else 0


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


@pytest.mark.parametrize("isolation", ["mount", "rewrite"])
def test_no_process_outlives_katib_killed_with_9(
    katib: Katib, experiment_file: Writer, tmp_path: Path, isolation: str
) -> None:
    """Also not a daemon that the trial started in a session of its own."""
    mark = f"86399.{os.getpid()}"
    command = f"setsid sleep {mark} & sleep {mark}; echo score=${{trialParameters.x}}"
    running = katib.start("run", str(experiment_file("outlived", command)), f"--isolation={isolation}")
    eventually(lambda: len(_sleepers(mark)) >= 4)
    running.kill()
    running.communicate(timeout=30)
    eventually(lambda: not katib.processes() and not _sleepers(mark), within=15)


def _sleepers(mark: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes() == f"sleep\0{mark}\0".encode():
                found.append(folder.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("isolation", ["mount", "rewrite"])
def test_an_unprivileged_user_needs_nothing(katib: Katib, experiment_file: Writer, isolation: str) -> None:
    """User 1000 without any capability; whoever runs the tests is that user for the time of one command."""
    command = katib.command("run", str(experiment_file("plain")), f"--isolation={isolation}")
    as_user = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    rights = subprocess.run([*as_user, "grep", "CapEff", "/proc/self/status"], capture_output=True, text=True)
    assert int(rights.stdout.split()[1], 16) == 0, "no right of root is left, whoever runs the tests"
    done = subprocess.run([*as_user, *command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr + katib.logs()
    assert len(done.stdout.splitlines()) == 5


def test_a_program_that_is_killed_is_named_and_the_same_command_continues(
    katib: Katib, experiment_file: Writer, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    command = f"until [ -e {gate} ]; do sleep 0.1; done; echo score=${{trialParameters.x}}"
    file = str(experiment_file("broken-off", command))
    running = katib.start("run", file)
    eventually(lambda: "Running" in katib.kubectl("get", "pods", "--no-headers").stdout)
    (controller,) = [number for number in katib.processes() if _runs(number, b"katib_controller")]
    _kill(controller)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 1
    last = errors.splitlines()[-1]
    assert last.startswith("katib: controller has ended (killed by SIGKILL); the same command continues. Its log is ")
    gate.touch()
    done = katib("run", file)
    assert done.returncode == 0 and "4 of 4 succeeded" in done.stderr


def test_a_program_that_is_killed_in_the_background_is_named_to_whoever_waits_and_whoever_asks_later(
    katib: Katib, experiment_file: Writer
) -> None:
    katib.good("up")
    running = katib.start("run", str(experiment_file("broken-off", "sleep 600; echo score=${trialParameters.x}")))
    eventually(lambda: "Running" in katib.kubectl("get", "pods", "--no-headers").stdout)
    (service,) = [number for number in katib.processes() if _runs(number, b"katib_db")]
    _kill(service)
    _, errors = running.communicate(timeout=60)
    cause = "db-manager has ended (killed by SIGKILL)"
    assert running.returncode == 1
    assert errors.splitlines()[-1].startswith(f"katib: Katib on {katib.state} was stopped: {cause}")
    asked = katib("status")
    assert asked.returncode == 1
    assert asked.stdout.startswith(f"Katib is not running on {katib.state}: {cause}") and "katib up" in asked.stdout
    katib.good("up")
    katib.good("down")
    assert katib("status").stdout.startswith(f"Katib is not running on {katib.state}; ")


def _runs(process: int, module: bytes) -> bool:
    try:
        return module in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False
