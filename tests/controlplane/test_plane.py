"""The real control plane of the tests: who may call it, that it ends whole, and what it says when it does not start."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path

import pytest
from controlplane.binaries import versions
from controlplane.commands import LOOPBACK
from controlplane.credentials import User
from controlplane.plane import ControlPlane, ControlPlaneFailed, running
from controlplane.processes import HEEDING
from laptops import BIN, ROOT, eventually

STARTER = """
import sys
from pathlib import Path
from controlplane.plane import ControlPlane
plane = ControlPlane(Path(sys.argv[1]), Path(sys.argv[2]), controllers=False)
plane.start()
print(*(process.popen.pid for process in plane.processes.values()), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def plane(kubernetes_binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with running(kubernetes_binaries, tmp_path_factory.mktemp("plane")) as plane:
        yield plane


def kubectl(user: User, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "kubectl"), f"--kubeconfig={user.kubeconfig}", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_it_runs_jobs_as_far_as_a_cluster_without_nodes_does(plane: ControlPlane) -> None:
    assert kubectl(plane.admin, "create", "job", "a", "--image=i:1").returncode == 0
    eventually(lambda: kubectl(plane.admin, "get", "pods", "-l", "job-name=a", "-o", "name").stdout)


def test_a_user_may_do_what_a_role_grants_and_nothing_else(plane: ControlPlane) -> None:
    user = plane.user("reader", ["readers"])
    refused = kubectl(user, "get", "configmaps")
    assert 'User "reader" cannot list resource "configmaps"' in refused.stderr
    kubectl(plane.admin, "create", "rolebinding", "readers", "--clusterrole=view", "--group=readers")
    eventually(lambda: kubectl(user, "get", "configmaps").returncode == 0)
    assert kubectl(user, "create", "configmap", "a").returncode == 1


def test_a_node_may_register_itself_and_no_other(plane: ControlPlane) -> None:
    node = plane.user("system:node:one", ["system:nodes"])
    for name, code in (("one", 0), ("two", 1)):
        document = f"{{apiVersion: v1, kind: Node, metadata: {{name: {name}}}}}"
        command = [str(BIN / "kubectl"), f"--kubeconfig={node.kubeconfig}", "create", "-f", "-"]
        assert subprocess.run(command, input=document, capture_output=True, text=True).returncode == code


@pytest.mark.parametrize("port", ["etcd", "api"])
def test_its_servers_prove_who_they_are_and_want_to_know_who_calls(plane: ControlPlane, port: str) -> None:
    context = ssl.create_default_context(cafile=plane.credentials.ca)
    connection = HTTPSConnection(LOOPBACK, getattr(plane.ports, port), context=context)
    try:
        connection.request("GET", "/version")
        assert connection.getresponse().status == 401
    except ssl.SSLError as error:
        assert "certificate required" in str(error)  # from the server, after it had shown a good one
    finally:
        connection.close()


def test_objects_outlive_a_kill_of_the_api_server(plane: ControlPlane) -> None:
    kubectl(plane.admin, "create", "configmap", "kept")
    plane.kill("kube-apiserver")
    plane.start()
    assert kubectl(plane.admin, "get", "configmap", "kept").returncode == 0


def test_no_program_outlives_a_starter_that_is_killed(kubernetes_binaries: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTER, str(kubernetes_binaries), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as starter:
        assert starter.stdout is not None
        pids = [int(word) for word in starter.stdout.readline().split()]
        starter.kill()
    assert len(pids) == 2
    eventually(lambda: not any(alive(pid) for pid in pids))


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_start_that_fails_shows_what_each_program_said(tmp_path: Path) -> None:
    for name, ending in (("etcd", "exec sleep 600"), ("kube-apiserver", "exit 3")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {name} has read its flags\n{ending}\n")
        program.chmod(0o755)
    with pytest.raises(ControlPlaneFailed) as failed, running(tmp_path, tmp_path / "state"):
        pass
    for words in ("etcd, running", "kube-apiserver, ended with exit code 3", "kube-apiserver has read its flags"):
        assert words in str(failed.value)


def test_people_get_one_with_its_kubeconfig_until_they_end_it(kubernetes_binaries: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    command = [ROOT / "hack/kube/up", f"--state-dir={state}"]
    with subprocess.Popen([*HEEDING, *command, "--user=ada=readers"], stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        lines = [up.stdout.readline() for _ in range(3)]
        assert "is ready at https://127.0.0.1:" in lines[0] and lines[1] == f"export KUBECONFIG={state}/kubeconfig\n"
        assert kubectl(User("admin", state / "kubeconfig", None), "get", "namespaces").returncode == 0  # type: ignore[arg-type]
        ada = User("ada", Path(lines[2].removeprefix("ada: ").strip()), None)  # type: ignore[arg-type]
        assert "readers" in kubectl(ada, "auth", "whoami").stdout
        again = subprocess.run(command, capture_output=True, text=True)
        assert again.returncode == 1 and again.stderr.startswith(f"another control plane runs in {state}: ")
        assert kubectl(User("admin", state / "kubeconfig", None), "get", "namespaces").returncode == 0  # type: ignore[arg-type]
        up.send_signal(signal.SIGINT)
        assert up.stdout.read() == "ended\n"
    assert up.returncode == 0


def test_it_does_not_start_in_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    done = subprocess.run([ROOT / "hack/kube/up", f"--state-dir={tmp_path}"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith(f"{tmp_path} holds other files: ")


def told_to_mend(*arguments: str | Path, **environment: str) -> str:
    """What a start says that is refused: a last line, and no traceback."""
    done = subprocess.run(
        [ROOT / "hack/kube/up", *arguments], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode in (1, 2) and "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("user", ["", "=readers", "ada=readers,", "a" * 65])
def test_a_user_who_cannot_be_is_refused_in_a_line(user: str) -> None:
    assert f"{user!r}: a name and groups have 1 to 64 characters" in told_to_mend("--user", user)


def test_a_user_of_a_name_that_the_plane_has_too_takes_nobodys_place(plane: ControlPlane) -> None:
    for name in ("admin", "ca", "etcd"):
        assert name in kubectl(plane.user(name), "auth", "whoami").stdout
    assert "kubernetes-admin" in kubectl(plane.admin, "auth", "whoami").stdout


def test_a_folder_that_cannot_be_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place, why in ((tmp_path / "file", "Not a directory"), (Path("/proc/x"), "No such file or directory")):
        said = told_to_mend(f"--state-dir={place}")
        assert said == f"{place}: {why}: name a folder that you can write to with --state-dir"


def test_a_folder_of_another_version_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/ca.key").touch()
    (tmp_path / "etcd").mkdir()
    (tmp_path / "version").write_text("1.37\n")
    said = told_to_mend("--version=1.34", f"--state-dir={tmp_path}")
    assert said.startswith(f"{tmp_path} has the objects of Kubernetes 1.37: start it with --version=1.37, ")


def test_a_folder_in_which_nothing_could_start_is_free_for_every_version(tmp_path: Path) -> None:
    for version in versions():
        said = told_to_mend(f"--version={version}", f"--state-dir={tmp_path / 'new'}", XDG_CACHE_HOME=str(tmp_path))
        assert said.startswith(f"Kubernetes {version} is not built")


def test_a_temporary_folder_is_no_second_control_planes(kubernetes_binaries: Path) -> None:
    with subprocess.Popen([*HEEDING, ROOT / "hack/kube/up"], stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None and "is ready" in up.stdout.readline()
        folder = Path(up.stdout.readline().strip().removeprefix("export KUBECONFIG=")).parent
        assert told_to_mend(f"--state-dir={folder}").startswith(f"another control plane runs in {folder}: ")
        up.send_signal(signal.SIGINT)
    assert not folder.exists()
