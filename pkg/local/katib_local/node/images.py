"""What an image stands for on this machine: a Python environment, a command, or a directory (KatibConfig local.images). Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CURE = "map the image in local.images of the KatibConfig (python, command or root)"


@dataclass(frozen=True)
class Image:
    """What is known of an image; empty values mean "nothing"."""

    python: str = ""
    command: tuple[str, ...] = ()
    root: str = ""


def parse_images(config: Mapping[str, Any]) -> list[tuple[str, Image]]:
    """The images of a KatibConfig, in their order; what is no mapping is passed over."""
    local = config.get("local")
    entries = local.get("images") if isinstance(local, Mapping) else None
    found = []
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, Mapping) and entry.get("image"):
            command = tuple(str(word) for word in entry.get("command") or ())
            found.append(
                (str(entry["image"]), Image(str(entry.get("python") or ""), command, str(entry.get("root") or "")))
            )
    return found


def find_image(images: Sequence[tuple[str, Image]], name: str) -> Image:
    """The first entry that matches; one without a tag matches every tag. An unknown image is an empty one."""
    for known, image in images:
        if name == known or (not _tagged(known) and _untagged(name) == known):
            return image
    return Image()


def _tagged(name: str) -> bool:
    return ":" in name.rpartition("/")[2] or "@" in name


def _untagged(name: str) -> str:
    name = name.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def search_path(image: Image, own_bin: str, inherited: str) -> str:
    """The PATH of a container: first the image's Python environment, or the one that Katib runs in."""
    first = own_bin
    if image.python:
        first = (
            os.path.dirname(image.python)
            if os.path.basename(image.python).startswith("python")
            else os.path.join(image.python, "bin")
        )
    if image.root:
        return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return os.pathsep.join([first, inherited or os.defpath])
