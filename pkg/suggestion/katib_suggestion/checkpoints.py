"""Directories of trials that go on from one another's checkpoints: made before a reply is sent (algorithms.md §12).

Knows files, not why a trial has which parent. A trial finds its directory because its pod mounts the part
`<experiment>/<trial>` of the volume that is here the Experiment's root.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from katib_suggestion.problem import RefusedError
from katib_suggestion.search import Answer, Suggestion
from katib_suggestion.settings import shown

log = logging.getLogger(__name__)
EXPERIMENT, TRIAL = "metadata.name", "the name of a trial"
UNFINISHED = ".unfinished."
"""How the name of a directory begins that is still being written."""
LONGEST_PART = 255
"""How many bytes a file system takes for one part of a path."""
NO_NAMESPACE = "default"
"""What stands for the namespace of an older peer, which sends none."""


@dataclass(frozen=True)
class Owner:
    """The Experiment that checkpoints belong to."""

    namespace: str
    experiment: str
    algorithm: str

    def folder(self, root: str) -> Path:
        """The directory of all its trials; raises RefusedError for names that cannot be those of directories."""
        for name, (field, value) in self._parts.items():
            root = root.replace(f"{{{name}}}", _part(value, field))
        folder = Path(root) / _part(self.experiment, EXPERIMENT)
        if any(_size(part) > LONGEST_PART for part in folder.parts):  # several names may make one part
            field, value = max(self._parts.values(), key=lambda entry: _size(entry[1]))
            raise _refused(field, value, "is too long beside the other names in --data-dir")
        return folder

    @property
    def _parts(self) -> dict[str, tuple[str, str]]:
        return {
            "namespace": ("metadata.namespace", self.namespace or NO_NAMESPACE),
            "experiment": (EXPERIMENT, self.experiment),
            "algorithm": ("spec.algorithm.algorithmName", self.algorithm),
        }


@dataclass(frozen=True)
class Checkpoints:
    """Where checkpoints are: a directory, or one for each Experiment, with {namespace}, {experiment} and {algorithm}."""

    root: str

    def check(self, owner: Owner) -> None:
        """Raises RefusedError for an Experiment whose names cannot be those of directories."""
        owner.folder(self.root)

    def prepare(self, owner: Owner, answer: Answer, *, first: bool) -> None:
        """Make the directories of all suggestions that want one; `first` says that the Experiment has no trial yet.

        What the same name left behind is then removed. Later a directory that is there already stays as it is, so that
        a repeated request copies nothing twice. A lost checkpoint costs only itself: its child starts from nothing.
        Raises OSError when there is no place to write to.
        """
        wanted = [entry for entry in answer.suggestions if entry.checkpoint and entry.name]
        if not wanted:
            return
        folder = owner.folder(self.root)
        if first:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        for entry in wanted:
            _make(folder, entry)


def _part(name: str, field: str) -> str:
    """A name as one part of a path; raises RefusedError for one that would lead elsewhere, or is too long."""
    if name in ("", ".", "..") or "/" in name or "\0" in name or name.startswith(UNFINISHED):
        raise _refused(field, name, "is not one part of a path")
    if _size(name) > LONGEST_PART:
        raise _refused(field, name, f"has {_size(name)} bytes, and {LONGEST_PART} are the most")
    return name


def _size(name: str) -> int:
    return len(os.fsencode(name))


def _refused(field: str, name: str, why: str) -> RefusedError:
    return RefusedError(f"{field}: {shown(name)} cannot name a directory of checkpoints: it {why}: choose another name")


def _make(folder: Path, suggestion: Suggestion) -> None:
    place = folder / _part(suggestion.name, TRIAL)
    if place.exists():
        return
    unfinished = folder / f"{UNFINISHED}{uuid4()}"
    if not (suggestion.parent and _copied(folder, suggestion, unfinished)):
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
    _open_to_all(unfinished)
    try:
        unfinished.rename(place)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not place.is_dir():  # otherwise another call, which overlaps with this one, was faster
            raise


def _copied(folder: Path, suggestion: Suggestion, target: Path) -> bool:
    """Copy the parent's directory; False, and a line in the log, when there is nothing whole to copy."""
    try:
        shutil.copytree(folder / _part(suggestion.parent, TRIAL), target, symlinks=True)
    except (OSError, RefusedError) as error:
        log.warning("trial %s starts without the checkpoint of %s: %s", suggestion.name, suggestion.parent, error)
        return False
    return True


def _open_to_all(folder: Path) -> None:
    """Let trials write that run as another user than this service, or than the parent did."""
    for place, _, files in os.walk(folder):
        os.chmod(place, 0o777)  # noqa: S103 - nobody else sees an Experiment's volume
        for name in files:
            file = os.path.join(place, name)
            if not os.path.islink(file):
                os.chmod(file, os.stat(file).st_mode | 0o666)  # noqa: S103
