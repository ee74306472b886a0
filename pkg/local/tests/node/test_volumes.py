"""A pod's volumes as files: what they hold, with which modes, and what is refused."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from katib_local.node.containers import ContainerError, Mount
from katib_local.node.volumes import Supply, make_source, make_volumes

Json = dict[str, Any]
MAP: Json = {"data": {"k": "x"}}
MAIN: Json = {"name": "main", "resources": {"limits": {"cpu": "1500m"}, "requests": {"memory": "64Mi"}}}
A_POD: Json = {"metadata": {"name": "p", "namespace": "ns"}}


def filled(folder: Path, volume: Json, found: Json | None = MAP) -> Path:
    """The place of a volume, where every ConfigMap and Secret is `found`."""
    spec = {"volumes": [{"name": "v", **volume}], "containers": [MAIN]}
    supply = Supply({**A_POD, "spec": spec}, lambda kind, name: found, {"cpu": "8", "memory": "2Gi"})
    return Path(make_volumes(supply, folder)["v"])


def modes(place: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in place.iterdir()}


def host_path(path: Path, kind: str, folder: Path) -> str:
    """The place of a volume with a hostPath."""
    return str(filled(folder, {"hostPath": {"path": str(path), "type": kind}}))


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


def test_a_volumes_file_cannot_leave_its_volume(tmp_path: Path) -> None:
    source = {"configMap": {"name": "m", "items": [{"key": "k", "path": "../../out"}]}}
    with pytest.raises(ContainerError, match="leaves its volume"):
        filled(tmp_path / "volumes", source)
    assert not (tmp_path / "out").exists()


def test_files_have_the_modes_that_the_volume_names(tmp_path: Path) -> None:
    items = [{"key": "k", "path": "a", "mode": 0o400}, {"key": "k", "path": "b"}]
    place = filled(tmp_path, {"configMap": {"name": "m", "items": items, "defaultMode": 0o640}})
    assert modes(place) == {"a": 0o400, "b": 0o640}


def test_the_default_mode_of_a_projected_volume_is_that_of_all_its_sources(tmp_path: Path) -> None:
    item = {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}
    sources = [{"configMap": {"name": "m"}}, {"downwardAPI": {"items": [item, {**item, "path": "b", "mode": 0o444}]}}]
    place = filled(tmp_path, {"projected": {"sources": sources, "defaultMode": 0o600}})
    assert modes(place) == {"k": 0o600, "name": 0o600, "b": 0o444}


@pytest.mark.parametrize("found", [None, {"data": {"other": "x"}}], ids=["no map", "no key"])
def test_an_optional_source_that_is_not_there_is_an_empty_volume(tmp_path: Path, found: Json | None) -> None:
    source = {"name": "m", "optional": True, "items": [{"key": "k", "path": "a"}]}
    assert not list(filled(tmp_path, {"configMap": source}, found).iterdir())


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        ({"nfs": {}}, "has the kind nfs, which this machine does not have: use emptyDir"),
        ({}, "has the kind none"),
        ({"projected": {"sources": [{"clusterTrustBundle": {}}]}}, "has the projected source clusterTrustBundle"),
        ({"downwardAPI": {"items": [{"path": "a"}]}}, "item 'a' has neither fieldRef nor resourceFieldRef"),
        (
            {"downwardAPI": {"items": [{"path": "a", "resourceFieldRef": {"resource": "limits.cpu"}}]}},
            "item 'a': resourceFieldRef.containerName '' is no container of the pod: name one of main",
        ),
    ],
)
def test_a_volume_that_cannot_be_filled_says_why(tmp_path: Path, volume: Json, words: str) -> None:
    with pytest.raises(ContainerError, match=words) as caught:
        filled(tmp_path, volume)
    assert caught.value.reason == "FailedMount"


def test_a_volume_tells_of_resources(tmp_path: Path) -> None:
    references = {
        "limit": {"resource": "limits.cpu", "divisor": "1m"},
        "request": {"resource": "requests.memory", "divisor": "1Mi"},
    }
    items = [
        {"path": path, "resourceFieldRef": {"containerName": "main", **found}} for path, found in references.items()
    ]
    place = filled(tmp_path, {"downwardAPI": {"items": items}})
    assert {file.name: file.read_text() for file in place.iterdir()} == {"limit": "1500", "request": "64"}


def test_a_claim_is_a_directory_that_outlives_the_pod_and_belongs_to_a_namespace(tmp_path: Path) -> None:
    """So the checkpoints of a population are where the algorithm's service keeps them."""

    def mounted(pod: str, namespace: str = "ns") -> Path:
        spec = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "exp-pbt"}}]}
        supply = Supply({"metadata": {"namespace": namespace}, "spec": spec}, lambda *_: None, {}, tmp_path / "claims")
        return Path(make_volumes(supply, tmp_path / pod)["v"])

    (mounted("first") / "kept").touch()
    assert mounted("second") == tmp_path / "claims/ns/exp-pbt"
    assert (mounted("second") / "kept").exists() and not (mounted("third", "other") / "kept").exists()


def test_a_part_of_a_volume_that_links_out_of_it_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "v"
    place.mkdir()
    (place / "out").symlink_to(tmp_path)
    make_source(Mount(f"{place}/made/deep", "/v", volume=str(place)))
    assert (place / "made/deep").is_dir()
    with pytest.raises(ContainerError, match="leaves its volume"):
        make_source(Mount(f"{place}/out/made", "/v", volume=str(place)))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", ["..", "../../x", "/etc"])
def test_a_claim_is_no_path(tmp_path: Path, name: str) -> None:
    spec = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": name}}]}
    supply = Supply({**A_POD, "spec": spec}, lambda kind, name: None, claims=tmp_path / "claims")
    with pytest.raises(ContainerError, match="not found"):
        make_volumes(supply, tmp_path / "volumes")
    assert not (tmp_path / "x").exists()
