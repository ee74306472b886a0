"""Where objects are that were looked for in another namespace: what an Experiment's file says is easily forgotten. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ABSENT = re.compile(rb"\(NotFound\)|No resources found in ")
EVERYWHERE = ("-A", "--all-namespaces")
SELECTING = ("-l", "--selector", "--field-selector")
VALUED = (*SELECTING, "-n", "--namespace", "-o", "--output", "-c", "--container", "-L", "-f", "--filename", "--sort-by")
"""Flags of kubectl whose value may be a word of its own."""


@dataclass(frozen=True)
class Sought:
    """What a kubectl command was to find: objects of a kind, all of them or those with a name."""

    kind: str
    names: tuple[str, ...]


def parse_sought(action: str, rest: Sequence[str]) -> Sought | None:
    """What was looked for in one namespace; None where another one would not help."""
    flags = {word.partition("=")[0] for word in rest}
    if flags & {*EVERYWHERE, "-f", "--filename"}:
        return None
    words = [word for before, word in zip(["", *rest], rest, strict=False) if word[0:1] != "-" and before not in VALUED]
    if action == "logs" and words and "/" not in words[0]:
        return Sought("pods", (words[0],))
    kind, *names = words[0].split("/") if len(words) == 1 else words or [""]
    if not kind or (flags & set(SELECTING) and not names):
        return None
    return Sought(kind, tuple(names))


def render_elsewhere(sought: Sought, items: Sequence[Mapping[str, Any]]) -> str:
    """One line that names the namespaces in which the objects are; empty when they are in none."""
    places = sorted({item["metadata"]["namespace"] for item in items if _is_sought(item["metadata"], sought)})
    if not places:
        return ""
    what = " ".join((sought.kind, *sought.names))
    return f"{what}: found in the namespace {' and '.join(places)}; add -n {places[0]}"


def _is_sought(metadata: Mapping[str, Any], sought: Sought) -> bool:
    return "namespace" in metadata and (not sought.names or metadata["name"] in sought.names)
