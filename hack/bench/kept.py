"""Results that a bench keeps as JSON lines: one line for each run, and before them the command that made them."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]


def read_kept(path: Path) -> list[Row]:
    """Its runs; a last line that was cut off is none."""
    lines = path.read_text().splitlines() if path.exists() else []
    rows = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    return [row for row in rows if "algorithm" in row]


def keep(path: Path, rows: Iterable[Row]) -> None:
    """Add runs, each as soon as it is done; nothing, and no command, when there are none."""
    with path.open("a") as file:
        for number, row in enumerate(rows):
            if not number:
                print(json.dumps({"command": shlex.join(["python", *sys.argv])}), file=file)
            print(json.dumps(row), file=file, flush=True)
