"""The repository's own files, as the house tests look at them; each module is read once."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, whether committed yet or not; printed and ignored ones as git sees them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def hand_written(*patterns: str) -> Iterator[Path]:
    """Modules that a person writes."""
    return (path for path in tracked(*(patterns or ("*.py",))) if "DO NOT EDIT" not in path.read_text()[:200])


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Everything in a module; the first is the module itself."""
    return tuple(ast.walk(ast.parse(path.read_text())))
