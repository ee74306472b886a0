"""Paths of this machine as volumes: what a hostPath's `type` asks for is checked, and made where it says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from katib_local.node.containers import ContainerError

FAILED_MOUNT = "FailedMount"
FOLDER_MODE, FILE_MODE = 0o755, 0o644
CHECKS: Mapping[str, tuple[str, Callable[[Path], bool]]] = {
    "Directory": ("a directory", Path.is_dir),
    "File": ("a file", Path.is_file),
    "Socket": ("a socket", Path.is_socket),
    "CharDevice": ("a character device", Path.is_char_device),
    "BlockDevice": ("a block device", Path.is_block_device),
}
"""By type: what the path must be, and how to see that it is."""
MADE = "OrCreate"
MAKEABLE = ("Directory", "File")


def find_host_path(name: str, source: Mapping[str, Any]) -> str:
    """The path of a hostPath volume, made if its type says so; raises ContainerError when it is not what the type says."""
    path, kind = Path(source["path"]), str(source.get("type") or "")
    wanted = kind.removesuffix(MADE)
    if kind and (wanted not in CHECKS or (kind != wanted and wanted not in MAKEABLE)):
        known = ", ".join([*CHECKS, "DirectoryOrCreate", "FileOrCreate"])
        raise _refused(name, f"hostPath.type {kind} is not known", f"use one of {known}, or leave it out")
    if kind != wanted and not os.path.lexists(path):
        _make(name, path, wanted)
    if not path.exists():
        cure = f"make it, or use the type {wanted or 'Directory'}{MADE}" if wanted in ("", *MAKEABLE) else "make it"
        raise _refused(name, f"hostPath.path {path} does not exist", cure)
    if kind and not CHECKS[wanted][1](path):
        what = CHECKS[wanted][0]
        found = next((other for other, is_one in CHECKS.values() if is_one(path)), "something else")
        cure = f"name {what} in hostPath.path, or mend hostPath.type"
        raise _refused(
            name, f"hostPath type check failed: {path} is {found}, not {what} as hostPath.type {kind} says", cure
        )
    return str(path)


def _make(name: str, path: Path, wanted: str) -> None:
    """What kubelet makes: folders with those above them, but a file only in a folder that is there."""
    try:
        if wanted == "Directory":
            path.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        else:
            path.touch(FILE_MODE)
    except OSError as error:
        problem = f"hostPath.path {path} cannot be made: {error.strerror}"
        raise _refused(name, problem, f"make {path.parent}, or name a path that you may write to") from error


def _refused(name: str, problem: str, cure: str) -> ContainerError:
    return ContainerError(FAILED_MOUNT, f"MountVolume.SetUp failed for volume {name!r}: {problem}: {cure}")
