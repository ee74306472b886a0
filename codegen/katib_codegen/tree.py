"""Compares what is printed with the tree, and makes the tree what is printed. The only room of the press that writes files.

Knows folders, links and files that cannot be read; knows nothing of what is printed but its mark.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import unified_diff
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from katib_codegen.errors import SourceError
from katib_codegen.marks import is_marked
from katib_codegen.replace import is_left_behind, replace

# What no source of ours lies in, besides the folders of .gitignore.
_NEVER_OURS = (".git/", "__pycache__/")


@dataclass(frozen=True)
class Difference:
    """How the tree differs from what the sources say."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    orphaned: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.changed or self.orphaned)

    def lines(self) -> Iterator[str]:
        """One line per file, by path."""
        found = [(path, "missing") for path in self.missing]
        found += [(path, "changed") for path in self.changed]
        found += [(path, "orphaned") for path in self.orphaned]
        return (f"{state:8} {path}" for path, state in sorted(found))


def compare(root: Path, printed: Mapping[str, bytes]) -> Difference:
    """What is missing from the tree, what differs, and what lies there without a source.

    Raises SourceError where something stands in the way that is not for the press to remove, or that it cannot read.
    """
    faults = list(_obstacles(root, printed))
    if faults:
        raise SourceError("\n".join(faults))
    # A link is no printed file, wherever it leads.
    missing = [path for path in printed if not (root / path).is_symlink() and not (root / path).is_file()]
    present = [path for path in printed if path not in missing]
    changed = [path for path in present if (root / path).is_symlink() or _content(root, path) != printed[path]]
    return Difference(tuple(missing), tuple(changed), tuple(_orphans(root, printed)))


def differences(root: Path, printed: Mapping[str, bytes]) -> Iterator[str]:
    """The lines in which the tree differs from what would be printed, as a patch to it."""
    difference = compare(root, printed)
    for path in sorted((*difference.missing, *difference.changed, *difference.orphaned)):
        before = _content(root, path).decode("utf-8", "replace") if path not in difference.missing else ""
        after = printed[path].decode() if path in printed else ""
        names = ("/dev/null" if path in difference.missing else f"a/{path}", f"b/{path}" if after else "/dev/null")
        yield from unified_diff(_lines(before), _lines(after), *names, lineterm="")


def write(root: Path, printed: Mapping[str, bytes]) -> Difference:
    """Makes the tree what the sources say; returns what had to be done."""
    difference = compare(root, printed)
    for path in (*difference.missing, *difference.changed):
        # In one step: somebody may be importing the module right now.
        with _told(path, "written"):
            replace(root / path, printed[path])
    for path in difference.orphaned:
        with _told(path, "removed"):
            _remove(root, root / path)
    return difference


def _lines(text: str) -> list[str]:
    """Lines as a patch shows them: ends that differ differ, and so does a last line without one."""
    lines = text.split("\n")
    last = lines.pop()
    return [*lines, *([f"{last}\n\\ No newline at end of file"] if last else [])]


def _obstacles(root: Path, printed: Mapping[str, bytes]) -> Iterator[str]:
    """Folders where a file is printed, and files where a folder is needed: somebody's work may be in them."""
    for path in printed:
        if (root / path).is_dir() and not (root / path).is_symlink():
            yield f"{path}: a folder stands where a file is printed; move it away"
    for folder in sorted({str(parent) for path in printed for parent in PurePosixPath(path).parents}):
        if (root / folder).exists() and not (root / folder).is_dir():
            yield f"{folder}: a file stands where a folder of printed files belongs; move it away"


def _content(root: Path, path: str) -> bytes:
    """What stands in a file; of a link, where it leads."""
    place = root / path
    with _told(path, "read"):
        return os.fsencode(place.readlink()) if place.is_symlink() else place.read_bytes()


@contextmanager
def _told(path: str, done: str) -> Iterator[None]:
    """What the system refuses, as a line about this file."""
    try:
        yield
    except OSError as error:
        cure = "give yourself the right to it, or move it away"
        raise SourceError(f"{path}: it cannot be {done} ({error.strerror}); {cure}") from error


def _remove(root: Path, path: Path) -> None:
    """Remove a file, and the folders that it leaves empty."""
    path.unlink()
    for folder in path.parents:
        if folder == root or any(entry.name != "__pycache__" for entry in folder.iterdir()):
            return
        shutil.rmtree(folder)


def _orphans(root: Path, printed: Mapping[str, bytes]) -> Iterator[str]:
    """Printed files that nothing prints any more, and what an interrupted run has left, anywhere; sorted by folder."""
    for path in _files(root, root, _ignored(root)):
        name = path.relative_to(root).as_posix()
        if name not in printed and path.is_file() and not path.is_symlink():
            with _told(name, "read"):
                found = is_left_behind(path) or is_marked(_beginning(path))
            if found:
                yield name


def _ignored(root: Path) -> list[str]:
    """The patterns of folders that are not the repository's."""
    file = root / ".gitignore"
    said = file.read_text("utf-8").split("\n") if file.is_file() else []
    return [line.removesuffix("/") for line in (*_NEVER_OURS, *said) if line.endswith("/")]


def _files(root: Path, folder: Path, ignored: list[str]) -> Iterator[Path]:
    """Every file below the folder; links are files, and nobody follows them."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_dir():
            yield path
        elif not any(_fits(path, root, pattern) for pattern in ignored):
            yield from _files(root, path, ignored)


def _fits(path: Path, root: Path, pattern: str) -> bool:
    """Whether a line of .gitignore means the folder: by its path if it has a slash, else by its name."""
    whole = path.relative_to(root).as_posix()
    return fnmatch(whole, pattern.removeprefix("/")) if "/" in pattern else fnmatch(path.name, pattern)


def _beginning(path: Path) -> bytes:
    """The first two lines: JSON has the mark in the second."""
    with path.open("rb") as file:
        return file.readline(400) + file.readline(400)
