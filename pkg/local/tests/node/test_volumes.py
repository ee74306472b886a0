"""A pod's volumes as files: what they hold, with which modes, and what is refused."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from katib_local.node.containers import ContainerError
from katib_local.node.volumes import make_volumes

Json = dict[str, Any]


def a_pod_with(volume: Json) -> Json:
    return {"metadata": {"name": "p", "namespace": "ns"}, "spec": {"volumes": [{"name": "v", **volume}]}}


def nothing(kind: str, name: str) -> None:
    return None


def host_path(path: Path, kind: str, folder: Path) -> str:
    """The place of a volume with a hostPath."""
    return make_volumes(a_pod_with({"hostPath": {"path": str(path), "type": kind}}), folder, nothing)["v"]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Path]:
    """A folder with one path of each kind, named after it."""
    (tmp_path / "Directory").mkdir()
    (tmp_path / "File").touch()
    (tmp_path / "CharDevice").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "Socket"))
        yield tmp_path


HOST_PATHS = ["Directory", "File", "Socket", "CharDevice"]


@pytest.mark.parametrize("found", HOST_PATHS)
@pytest.mark.parametrize("kind", [*HOST_PATHS, "BlockDevice", "DirectoryOrCreate", "FileOrCreate", ""])
def test_a_host_path_is_what_its_type_says(host: Path, kind: str, found: str) -> None:
    if kind.removesuffix("OrCreate") in ("", found):
        assert host_path(host / found, kind, host / "volumes") == str(host / found)
        return
    with pytest.raises(
        ContainerError, match=rf"{found} is a .*, not a .* as hostPath.type {kind} says: name a"
    ) as caught:
        host_path(host / found, kind, host / "volumes")
    assert caught.value.reason == "FailedMount"


def test_a_host_path_is_made_where_its_type_says_so(tmp_path: Path) -> None:
    host_path(tmp_path / "a" / "b", "DirectoryOrCreate", tmp_path / "volumes")
    host_path(tmp_path / "a" / "b" / "file", "FileOrCreate", tmp_path / "volumes")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b""


def test_what_a_host_path_holds_is_kept_when_it_need_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    host_path(tmp_path / "file", "FileOrCreate", tmp_path / "volumes")
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize(
    ("kind", "cure"),
    [
        ("", "make it, or use the type DirectoryOrCreate"),
        ("Directory", "make it, or use the type DirectoryOrCreate"),
        ("File", "make it, or use the type FileOrCreate"),
        ("Socket", "does not exist: make it$"),
        ("FileOrCreate", "cannot be made: No such file or directory: make .*/none, or name a path"),
        ("SocketOrCreate", "hostPath.type SocketOrCreate is not known: use one of Directory, File, Socket"),
        ("directory", "hostPath.type directory is not known"),
    ],
)
def test_a_host_path_that_cannot_be_had_names_the_cure(tmp_path: Path, kind: str, cure: str) -> None:
    with pytest.raises(ContainerError, match=f"SetUp failed for volume 'v': .*{cure}"):
        host_path(tmp_path / "none" / "path", kind, tmp_path / "volumes")
    assert not (tmp_path / "none").exists()
