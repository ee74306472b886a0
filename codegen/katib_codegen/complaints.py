"""Where a fault stands in a source, and how it is told: file, line, what is wrong, what would be right.

Knows YAML's nodes, which remember their lines; knows nothing of what the sources mean.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import yaml

from katib_codegen.errors import SourceError

Path = tuple[str | int, ...]
"""The keys and positions that lead from the top of a document to a place in it."""


@dataclass(frozen=True)
class Complaint:
    """One fault. Its line is found by `path`, unless it is known already."""

    file: str
    path: Path
    text: str
    line: int = 0


@dataclass(frozen=True)
class Lines:
    """The lines of one document. They are looked up when a complaint asks for one, so a sound source pays nothing."""

    root: yaml.Node

    def at(self, path: Path) -> int:
        """The line of the key or item that the path leads to; of the nearest one above where it leads nowhere."""
        node, line = self.root, self.root.start_mark.line
        for step in path:
            found = _below(node, step)
            if found is None:
                break
            line, node = found
        return int(line) + 1


def _below(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line, node.value[step]
    return None


def told(complaints: Iterable[Complaint], folder: str, lines: Mapping[str, Lines]) -> list[str]:
    """One line of text per complaint, in the order of the sources."""
    placed = {(item.file, _line(item, lines), item.text) for item in complaints}
    return [f"{folder}/{file}:{line}: {text}" for file, line, text in sorted(placed)]


def refused(complaints: Iterable[Complaint], folder: str, lines: Mapping[str, Lines]) -> SourceError:
    """All complaints as one error."""
    return SourceError("\n".join(told(complaints, folder, lines)))


def near(word: Any, known: Any, alike: float = 0.6) -> str:
    """The word that was probably meant; empty where none is so much alike."""
    return next(iter(get_close_matches(str(word), [str(name) for name in known], 1, alike)), "")


def near_hint(word: Any, known: Any) -> str:
    """A hint at the word that was probably meant."""
    close = near(word, known)
    return f" ({close!r} comes close)" if close else ""


def _line(complaint: Complaint, lines: Mapping[str, Lines]) -> int:
    if complaint.line or complaint.file not in lines:
        return complaint.line or 1
    return lines[complaint.file].at(complaint.path)
