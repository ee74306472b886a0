"""What the tests look at: laptops, one of each test's own or one shared by many; nodes; Katib on either Kubernetes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

import pytest
import yaml
from builders import an_experiment_file
from controlplane.audit import Grant, Use, unused
from katibs import RestartingNode, Setup, all_grants, katib_running, node_running
from laptops import ROOT, Katib
from pages import blocks

from katib_apis.v1beta1 import names

PARTS = ("suggestions", "earlyStoppings")
USED = pytest.StashKey[dict[str, set[Use]]]()


@pytest.fixture
def katib(tmp_path: Path) -> Iterator[Katib]:
    """A state directory of the test's own; whatever runs on it is ended afterwards."""
    command = Katib(tmp_path / "state")
    yield command
    command("down")
    for process in command.processes():
        os.kill(process, signal.SIGKILL)


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Katib]:
    """A laptop that is up, shared by the tests that do not stop it."""
    command = Katib(tmp_path_factory.mktemp("laptop") / "state")
    command.good("up")
    yield command
    command("down")


@pytest.fixture(scope="session")
def used_verbs(pytestconfig: pytest.Config) -> dict[str, set[Use]]:
    """What Katib's programs have used of their grants; the rest is told at the end of the run."""
    return pytestconfig.stash.setdefault(USED, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    used = config.stash.get(USED, None)
    if used:
        left = unused(all_grants(), used)
        terminalreporter.section("verbs that are granted and were not used")
        terminalreporter.line(f"{count(left)} of {count(all_grants())}")
        for grant in left:
            terminalreporter.line(str(grant))


def count(grants: list[Grant]) -> int:
    return sum(len(grant.uses) for grant in grants)


@pytest.fixture(scope="session")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    """How Katib is set up on either Kubernetes: with docs/new-algorithm.md's algorithm beside ours."""
    modules = tmp_path_factory.mktemp("modules")
    (source,) = (block for block in blocks("new-algorithm.md") if block.note == "file=my_search.py")
    (modules / "my_search.py").write_text(source.text)
    return Setup(config=a_config(), algorithms=("my_search:HillClimbing",), modules=modules)


@pytest.fixture(scope="session")
def real_katib(
    kubernetes_binaries: Path,
    used_verbs: dict[str, set[Use]],
    setup: Setup,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Katib]:
    """Katib on a real control plane, shared by the tests that do not stop it."""
    with katib_running(kubernetes_binaries, tmp_path_factory.mktemp("real"), used_verbs, setup) as real:
        yield real.katib


@pytest.fixture(scope="session")
def laptop_katib(setup: Setup, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Katib]:
    """Katib on a laptop that is set up as the real control plane's, shared by the tests that do not stop it."""
    katib = Katib(tmp_path_factory.mktemp("both") / "state")
    katib.state.mkdir()
    (katib.state / names.OBJECT_CONFIG_KEY).write_text(setup.config)
    with chdir(setup.modules):
        katib.good("up", *(f"--algorithm={name}" for name in setup.algorithms))
    yield katib
    katib("down")


@pytest.fixture(scope="session")
def cluster(server_kind: str, request: pytest.FixtureRequest) -> Iterator[Katib]:
    """Katib on the laptop, then on a real control plane, shared by the tests that do not stop it."""
    yield request.getfixturevalue("real_katib" if server_kind == "real" else "laptop_katib")


def a_config() -> str:
    """The shipped KatibConfig with what a cluster's may have: services of each Experiment's own, and a leader election.

    tpe and pbt are served by a Deployment for each Experiment, pbt's with a volume; patience by a companion of it, whose
    program only sleeps.
    """
    config = yaml.safe_load((ROOT / "pkg/local/katib_local/katib_config.yaml").read_text())
    services = {entry["algorithmName"]: entry for part in PARTS for entry in config["runtime"][part]}
    for name in ("tpe", "pbt", "patience"):
        del services[name]["endpoint"]
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}, "storageClassName": "own"}
    volume = {key: claim[key] for key in ("accessModes", "storageClassName")}
    volume |= {"capacity": {"storage": "1Mi"}, "hostPath": {"path": "/nobody/looks/there"}}
    services["pbt"] |= {"persistentVolumeClaimSpec": claim, "persistentVolumeSpec": volume}
    services["patience"]["image"] = "localhost/sleeper"
    config["local"]["images"].append({"image": "localhost/sleeper", "command": ["sleep", "1000"]})
    config["init"]["controller"]["enableLeaderElection"] = True
    return yaml.safe_dump(config, sort_keys=False)


@pytest.fixture
def experiment_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes an Experiment whose trials run one shell command, with texts of it replaced."""

    def write(name: str, command: str = "echo score=${trialParameters.x}", *changes: tuple[str, str]) -> Path:
        file = tmp_path / f"{name}.yaml"
        file.write_text(an_experiment_file(name, command, *changes))
        return file

    return write


@pytest.fixture(scope="session", params=["mount", "rewrite"])
def node(server_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Katib]:
    """A node with each isolation: the laptop's, and the same program as the kubelet of a real control plane."""
    folder = tmp_path_factory.mktemp(request.param)
    if server_kind == "real":
        with node_running(request.getfixturevalue("kubernetes_binaries"), folder, request.param) as real:
            yield real.katib
        return
    katib = Katib(folder / "state")
    katib.good("up", f"--isolation={request.param}")
    yield katib
    katib("down")


@pytest.fixture
def restarting_node(
    server_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RestartingNode]:
    """A laptop of the test's own, or the process node of a real control plane, which goes on without it."""
    folder = tmp_path_factory.mktemp("restarting")
    if server_kind == "real":
        with node_running(request.getfixturevalue("kubernetes_binaries"), folder, "auto") as real:
            yield RestartingNode(real.katib, real.stop, real.start_node)
        return
    katib = Katib(folder / "state")
    katib.good("up")
    yield RestartingNode(katib, lambda: katib.good("down"), lambda: katib.good("up"))
    katib("down")
