"""From a pod's spec to processes: words, environment, images, paths, kept logs. Without starting anything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from katib_local.node.containers import ContainerError, Surroundings, desired_process, expand, mount_list
from katib_local.node.images import Image, find_image, parse_images, search_path
from katib_local.node.isolation import rewrite_paths
from katib_local.node.kept_logs import MOST_PODS, find_kept_logs, keep_logs
from katib_local.node.log_lines import log_files, render_line, split_lines

Json = dict[str, Any]
POD: Json = {"metadata": {"name": "p", "namespace": "ns", "labels": {"a": "b"}}, "spec": {}}


def around(image: Image | None = None, **more: Any) -> Surroundings:
    return Surroundings(image or Image(), {"PATH": "/bin", "HOME": "/h"}, (), "mount", "/work", **more)


EXPANSIONS = [
    ("$(A)", "1"),
    ("x$(A)y$(B)", "x1y2"),
    ("$$(A)", "$(A)"),
    ("$$$(A)", "$1"),
    ("$(C)", "$(C)"),
    ("$A", "$A"),
    ("$$", "$"),
    ("$(A", "$(A"),
    ("$(head -n 1)", "$(head -n 1)"),
]


@pytest.mark.parametrize(("text", "expected"), EXPANSIONS)
def test_references_are_expanded_as_kubernetes_does(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


def test_a_container_starts_from_the_nodes_environment() -> None:
    container = {"name": "c", "command": ["x", "$(HOME)"], "args": ["y"], "env": [{"name": "A", "value": "$(HOME)/a"}]}
    process = desired_process(POD, container, around())
    assert process.command == ("x", "/h", "y") and process.directory == "/work"
    assert process.environment["A"] == "/h/a" and process.environment["PATH"] == "/bin"


def test_an_images_command_is_the_entrypoint() -> None:
    process = desired_process(POD, {"name": "c", "args": ["y"]}, around(Image(command=("tool", "-v"))))
    assert process.command == ("tool", "-v", "y")


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"name": "c", "image": "i:1"}, ["no command", "i:1", "local.images"]),
        (
            {
                "name": "c",
                "command": ["x"],
                "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}],
            },
            ["key k", "ConfigMap m"],
        ),
        ({"name": "c", "command": ["x"], "envFrom": [{"secretRef": {"name": "s"}}]}, ['secret "s" not found']),
    ],
    ids=["no command", "no key", "no secret"],
)
def test_a_container_that_cannot_start_says_why(container: Json, words: list[str]) -> None:
    with pytest.raises(ContainerError) as caught:
        desired_process(POD, container, around())
    assert all(word in caught.value.message for word in words)


def test_a_mount_of_no_volume_is_refused() -> None:
    with pytest.raises(ContainerError, match="'v' of container c is not in the pod"):
        mount_list({"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}, {}, {})


def mounted(**mount: str) -> str:
    """What of a volume at /place is mounted, in a container with A=a and UP=.. in its environment."""
    entry = {"name": "v", "mountPath": "/v", **mount}
    (found,) = mount_list({"name": "c", "volumeMounts": [entry]}, {"v": "/place"}, {"A": "a", "UP": ".."})
    return found.source


def test_a_part_of_a_volume_may_be_named_by_the_environment() -> None:
    assert mounted() == "/place" and mounted(subPath="x/..y") == "/place/x/..y"
    assert mounted(subPathExpr="$(A)/$$(A)") == "/place/a/$(A)"


@pytest.mark.parametrize(
    ("mount", "words"),
    [
        ({"subPath": "../x"}, "subPath of the volume mount 'v': '../x' leaves its volume"),
        ({"subPath": "/etc"}, "'/etc' leaves its volume"),
        ({"subPathExpr": "a/$(UP)/$(UP)"}, "'a/../..' leaves its volume"),
        ({"subPathExpr": "$(NOBODY)"}, "names NOBODY, which is not in the container's env"),
    ],
)
def test_a_part_of_a_volume_is_inside_it(mount: dict[str, str], words: str) -> None:
    with pytest.raises(ContainerError) as caught:
        mounted(**mount)
    assert words in caught.value.message and caught.value.reason == "CreateContainerConfigError"


IMAGES = parse_images(
    {"local": {"images": [{"image": "a/train", "python": "/venv"}, {"image": "b:2", "command": ["t"]}, "nonsense", {}]}}
)


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("a/train", Image(python="/venv")),
        ("a/train:3", Image(python="/venv")),
        ("a/train@sha256:1", Image(python="/venv")),
        ("b:2", Image(command=("t",))),
        ("b:3", Image()),
        ("host:5000/a/train", Image()),
    ],
)
def test_an_image_is_found_by_its_name_with_or_without_tag(name: str, image: Image) -> None:
    assert find_image(IMAGES, name) == image


@pytest.mark.parametrize("python", ["/venv", "/venv/bin/python", "/venv/bin/python3.12"])
def test_an_images_python_comes_first_on_the_path(python: str) -> None:
    assert search_path(Image(python=python), "/own", "/usr/bin") == f"/venv/bin{os.pathsep}/usr/bin"
    assert search_path(Image(), "/own", "/usr/bin") == f"/own{os.pathsep}/usr/bin"


REWRITES = [
    ("/data/x", "/real/x"),
    ("--in=/data --out=/data/sub/o", "--in=/real --out=/deep/o"),
    ("/database", "/database"),
    ("/my/data", "/my/data"),
    ("cat /data; ls /data", "cat /real; ls /real"),
    ("1>/data/m.log", "1>/real/m.log"),
]


@pytest.mark.parametrize(("text", "expected"), REWRITES)
def test_only_whole_mount_paths_are_rewritten(text: str, expected: str) -> None:
    assert rewrite_paths(text, {"/data": "/real", "/data/sub": "/deep"}) == expected


def a_pods_folder(folder: Path, text: str) -> Path:
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "main-0.log").write_text(f"2026-01-01T00:00:00.000000000Z stdout F {text}\n")
    return folder


def test_logs_of_a_pod_that_is_gone_are_found_by_its_labels_the_latest_first(tmp_path: Path) -> None:
    kept = tmp_path / "ended"
    for number in range(2):
        folder = a_pods_folder(tmp_path / str(number), f"try {number}")
        keep_logs(kept, folder, ("ns", f"p{number}"), {"trial": "t"})
        os.utime(kept / "ns" / f"p{number}", (number, number))
    found = list(find_kept_logs(kept, "trial", "t"))
    assert [log.pod for log in found] == ["p1", "p0"]
    assert found[0].containers() == ["main"] and found[0].lines("main")[0].endswith(b"try 1")
    assert not list(find_kept_logs(kept, "trial", "other"))
    assert not list(find_kept_logs(tmp_path / "nowhere", "trial", "t"))


def test_only_the_latest_pods_are_kept(tmp_path: Path) -> None:
    kept = tmp_path / "ended"
    for number in range(MOST_PODS):
        (kept / "ns" / f"old{number:04}").mkdir(parents=True)
        os.utime(kept / "ns" / f"old{number:04}", (number, number))
    keep_logs(kept, a_pods_folder(tmp_path / "new", "x"), ("ns", "new"), {})
    names = {folder.name for folder in (kept / "ns").iterdir()}
    assert len(names) == MOST_PODS and "new" in names and "old0000" not in names


def test_a_containers_files_are_its_own_attempt_after_attempt(tmp_path: Path) -> None:
    for name in ("main-10", "main-2", "main-2-0", "other-0"):
        (tmp_path / f"{name}.log").touch()
    assert [file.stem for file in log_files(tmp_path, "main")] == ["main-2", "main-10"]
    assert [file.stem for file in log_files(tmp_path, "main-2")] == ["main-2-0"]


def test_only_a_newline_ends_a_line() -> None:
    """A progress bar stays one line with its text."""
    bar = b"2026-01-01T00:00:00Z stdout F 10%\r50%\r100%"
    assert split_lines(bar + b"\n" + bar + b"\n") == [bar, bar]
    assert render_line(split_lines(bar)[0], stamps=False) == b"10%\r50%\r100%\n"
