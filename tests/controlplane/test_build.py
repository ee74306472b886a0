"""`nox -s kube`: what is built, what is not built again, and what it says when it cannot. Needs no Go: one stands in for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from controlplane.binaries import CONTROL_PLANE, Module, newest, versions
from controlplane.processes import HEEDING

ROOT = Path(__file__).parents[2]
GO = """#!/bin/sh
case "$1" in
  env) [ "$TOO_OLD" ] && { echo "go: go.mod requires go >= 1.26.0 (running go 1.22.1)" >&2; exit 1; }; echo go1.26.99 ;;
  version) echo "go version go1.22.1 linux/amd64" ;;
  build)
    while [ "$1" != -o ]; do shift; done
    echo half > "$2"
    if [ "$FAILS" ]; then echo "go: module lookup disabled" >&2; exit 1; fi
    [ "$GATE" ] && cat "$GATE" > /dev/null
    echo "$3" >> "$GO_LOG"
    echo whole > "$2"
    chmod +x "$2" ;;
esac
"""


class Builds:
    """Builds into a cache of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "go.log"
        self.cache = folder / "cache/katib/kube"
        (folder / "bin").mkdir()
        (folder / "bin/go").write_text(GO)
        (folder / "bin/go").chmod(0o755)
        self.environment = {"PYTHONPATH": str(ROOT / "tests"), "XDG_CACHE_HOME": str(folder / "cache")}
        self.with_go = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "GO_LOG": str(self.log)}

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        command = [*HEEDING, sys.executable, str(ROOT / "hack/kube/build.py"), *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command,
            stdout=pipe,
            stderr=pipe,
            text=True,
            env={**self.environment, **self.with_go, **environment},
        )

    def __call__(self, *words: str, **environment: str) -> tuple[int, str]:
        with self.start(*words, **environment) as process:
            output, errors = process.communicate()
        return process.returncode, output + errors

    def built(self) -> list[str]:
        """The packages that were compiled."""
        return self.log.read_text().split() if self.log.exists() else []

    def files(self) -> set[str]:
        """Names of all files in the cache, but for locks."""
        return {path.name for path in self.cache.glob("*/*")}


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    return Builds(tmp_path)


def test_two_versions_are_pinned_the_oldest_and_the_newest_that_are_supported() -> None:
    assert versions() == ["1.34", "1.37"] and newest() == "1.37"
    for version in versions():
        module = Module(version)
        assert module.release.startswith(f"v{version}.")
        assert {*CONTROL_PLANE, "kubelet", "kube-proxy", "kubectl"} == set(module.packages)


def test_the_control_plane_is_built_into_a_folder_of_its_sources_and_its_go(builds: Builds) -> None:
    code, output = builds()
    assert code == 0, output
    module = Module(newest())
    folder = builds.cache / f"{module.release}-{module.digest}-go1.26.99"
    assert {path.name for path in folder.iterdir()} == set(CONTROL_PLANE)
    assert f"kube-scheduler {module.release}: built in" in output and str(folder) in output


def test_what_is_there_is_not_built_again_also_without_go(builds: Builds) -> None:
    builds()
    assert builds()[0] == 0 and builds(PATH="/nowhere")[0] == 0
    assert builds("kubelet")[0] == 0
    packages = Module(newest()).packages
    assert builds.built() == [packages[name] for name in (*CONTROL_PLANE, "kubelet")]


def test_another_version_has_a_folder_of_its_own(builds: Builds) -> None:
    assert builds()[0] == builds("1.34")[0] == 0
    assert len(builds.built()) == 2 * len(CONTROL_PLANE)


def test_without_go_it_says_what_to_install(builds: Builds) -> None:
    code, output = builds(PATH="/nowhere")
    assert code == 1 and len(output.strip().splitlines()) == 1
    assert "no `go` on the PATH" in output and "install Go from https://go.dev/dl/" in output


def test_an_old_go_is_named_with_the_one_that_is_wanted(builds: Builds) -> None:
    code, output = builds(TOO_OLD="1")
    assert code == 1 and "go1.22.1" in output and f"Go {Module(newest()).oldest_go} or newer" in output


def test_a_build_that_fails_leaves_nothing_that_looks_whole(builds: Builds) -> None:
    code, output = builds(FAILS="1")
    assert code == 1 and "etcd does not build:\ngo: module lookup disabled" in output and "GOPROXY" in output
    assert builds.files() == set()
    assert builds()[0] == 0


def test_a_build_that_was_killed_is_not_taken_for_a_whole_one(builds: Builds, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    with builds.start(GATE=str(tmp_path / "gate")) as killed:
        with open(tmp_path / "gate", "w"):  # the compiler is in the middle of it
            killed.kill()
        killed.communicate()
    assert not builds.files() & set(CONTROL_PLANE)
    assert builds()[0] == 0 and len(builds.built()) >= len(CONTROL_PLANE)


def test_a_build_that_is_interrupted_says_that_it_goes_on_later(builds: Builds, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    with builds.start(GATE=str(tmp_path / "gate")) as interrupted:
        with open(tmp_path / "gate", "w"):  # the compiler is in the middle of it
            interrupted.send_signal(signal.SIGINT)
            _, errors = interrupted.communicate()
    assert interrupted.returncode == 1 and errors.startswith("ended: ") and "Traceback" not in errors
    assert builds.files() == set()


def test_of_two_builds_at_once_the_second_waits_and_builds_nothing(builds: Builds, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with builds.start(GATE=str(gate)) as first, open(gate, "w") as held, builds.start() as second:
        assert second.stdout is not None
        assert second.stdout.readline().startswith("waiting for another build")
        gate.unlink()
        gate.touch()  # later compilers find nothing to wait for
        held.close()
        assert first.wait() == second.wait() == 0
        first.communicate()
        second.communicate()
    assert len(builds.built()) == len(CONTROL_PLANE)


def test_a_word_that_is_neither_version_nor_command_is_refused_with_the_choice(builds: Builds) -> None:
    code, output = builds("1.33")
    assert code == 1 and "'1.33'" in output and "1.34, 1.37" in output and "kubelet" in output
