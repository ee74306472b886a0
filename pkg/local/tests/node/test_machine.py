"""This machine as a Node: what a kubelet would tell of it."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path

import pytest

from katib_local.node import machine
from katib_local.node.options import NodeOptions

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kernel", "word"),
    [("x86_64", "amd64"), ("aarch64", "arm64"), ("arm64", "arm64"), ("ppc64le", "ppc64le"), ("i686", "386")],
)
def test_a_processor_has_the_name_that_kubernetes_gives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: str, word: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: kernel)
    node = machine.desired_node(NodeOptions("laptop", tmp_path, "mount", "/"), NOW)
    assert node["metadata"]["labels"] == {
        "kubernetes.io/hostname": "laptop",
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": word,
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": word,
    }
    assert node["status"]["nodeInfo"]["architecture"] == word


def test_what_cannot_be_read_of_the_system_is_empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    monkeypatch.setattr(machine, "BOOT_ID", absent)
    monkeypatch.setattr(machine, "MACHINE_IDS", (absent,))
    monkeypatch.setattr(machine, "SYSTEM_ID", absent)
    info = machine.node_info("mount")
    assert {name for name, word in info.items() if not word} == {
        "machineID",
        "systemUUID",
        "bootID",
        "kubeProxyVersion",
    }


def test_a_machine_is_known_by_the_first_of_its_numbers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "machine-id"
    file.write_text("4f2a\n")
    monkeypatch.setattr(machine, "MACHINE_IDS", (tmp_path / "absent", file))
    monkeypatch.setattr(machine, "SYSTEM_ID", tmp_path / "absent")
    info = machine.node_info("mount")
    assert (info["machineID"], info["systemUUID"]) == ("4f2a", "4f2a")
