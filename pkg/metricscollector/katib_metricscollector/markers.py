"""Marker files: how the wrapped training command and its collector tell each other how training ended (collectors.md §5)."""

from __future__ import annotations

import os
from pathlib import Path

from katib_apis.v1beta1 import names


def find_marker(directory: Path, content: str) -> Path | None:
    """A marker file with this content, whichever process wrote it (COL-1)."""
    try:
        files = sorted(directory.glob(f"*{names.SUFFIX_MARKER}"))
    except OSError:
        return None
    return next((file for file in files if read_marker(file) == content), None)


def read_marker(file: Path) -> str:
    """The content of a marker file; empty when there is none."""
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""


def write_marker(file: Path, content: str) -> None:
    """Write a marker whole, readable and replaceable by the training's user (COL-9)."""
    temporary = file.with_name(f".{file.name}.new")
    temporary.write_text(f"{content}\n")
    os.chmod(temporary, 0o666)  # noqa: S103 - the training may run as another user, who replaces it
    os.replace(temporary, file)
