"""Wraps a training command, so that its output is collected and its end is marked (webhooks.md §6, WH-9, WH-10). Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from katib_apis.v1beta1 import names

SHELLS = ("sh", "bash", "dash", "ash", "zsh", "ksh")
OPTION = re.compile(r"-[a-zA-Z]*c[a-zA-Z]*")
SEVERAL = re.compile(r"[\n;&|]")
LEADING_EXEC = re.compile(r"\s*exec\b")
# It would swallow whatever is added on its line.
COMMENT = re.compile(r"(?<!\S)#")
OWN_PID, OWN_PID_LATER = "$$$$", "$$"


@dataclass(frozen=True)
class Wrapping:
    """How a kind of collector needs the command: where its metrics file or directory is, and who writes it."""

    path: str
    directory: bool = False
    redirect: bool = False
    early_stopping: bool = False

    @property
    def folder(self) -> str:
        """Where marker files stand."""
        place = self.path if self.directory else posixpath.dirname(self.path)
        return place.rstrip("/") or ("/" if place else ".")


@dataclass(frozen=True)
class Wrapped:
    """The new command and arguments of a container."""

    command: list[str]
    arguments: list[str]


def wrap_command(command: Sequence[str], arguments: Sequence[str], wrapping: Wrapping) -> Wrapped | None:
    """The wrapped command, or None when the container names none: an image's entrypoint is never looked up (WH-9)."""
    if not command:
        return None
    words = [*command, *arguments]
    shell = _shell(words)
    script = " ".join(words[2:] if shell else words)
    if COMMENT.search(script) or (shell and not _simple(script)):
        script = f"(\n{script}\n)"
    pieces = [script]
    if wrapping.redirect:
        pieces.append(f"1>{wrapping.path} 2>&1")
    if wrapping.early_stopping:
        pieces.append(f"|| {_early_stop_clause(wrapping.folder)}")
    marker = f"{wrapping.folder}/{OWN_PID}{names.SUFFIX_MARKER}"
    pieces.append(f"&& echo {names.MARKER_COMPLETED} > {_cleaned(marker)}")
    return Wrapped(words[:2] if shell else ["sh", "-c"], [" ".join(pieces)])


def _cleaned(path: str) -> str:
    """A path below the current directory is written without `./`."""
    return path.removeprefix("./")


def _shell(words: Sequence[str]) -> bool:
    """Whether the words begin with a shell that runs a script: known by base name, with an option that holds `c`."""
    return len(words) > 2 and posixpath.basename(words[0]) in SHELLS and OPTION.fullmatch(words[1]) is not None


def _simple(script: str) -> bool:
    """One simple command, which the redirect and the marker cover as it is."""
    return not SEVERAL.search(script) and not LEADING_EXEC.match(script)


def _early_stop_clause(folder: str) -> str:
    marker, read = f"{folder}/{OWN_PID}{names.SUFFIX_MARKER}", f"{folder}/{OWN_PID_LATER}{names.SUFFIX_MARKER}"
    return (
        f'if test -f {marker} && test "$(head -n 1 {read})" = {names.MARKER_EARLY_STOPPED}; '
        "then echo Training Container was Early Stopped; else echo Training Container was Failed; exit 1; fi"
    )
