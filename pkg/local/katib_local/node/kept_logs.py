"""Logs of pods that are gone: a trial's Job is deleted when the trial has ended, what it printed is still wanted.

Knows files. Must not know Katib's kinds: pods are found by their labels.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from katib_local.node.log_lines import log_files, split_lines

MOST_PODS = 1000
"""How many pods' logs are kept; the oldest go first."""
LABELS = "labels.json"


@dataclass(frozen=True)
class KeptLog:
    """The logs of one pod that is gone."""

    namespace: str
    pod: str
    folder: Path

    def containers(self) -> list[str]:
        return sorted({file.stem.rpartition("-")[0] for file in self.folder.glob("*.log")})

    def lines(self, container: str) -> list[bytes]:
        """The lines of a container's log files, attempt after attempt, each `TIME STREAM F TEXT`."""
        return [line for file in log_files(self.folder, container) for line in split_lines(file.read_bytes())]


def keep_logs(kept: Path, folder: Path, place: tuple[str, str], labels: Mapping[str, str]) -> None:
    """Move a pod's log files from its folder to the kept ones. `place` is its namespace and name."""
    logs = folder / "logs"
    if not logs.is_dir():
        return
    target = kept.joinpath(*place)
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    (logs / LABELS).write_text(json.dumps(dict(labels)))
    logs.rename(target)
    for old in _by_age(kept)[:-MOST_PODS]:
        shutil.rmtree(old, ignore_errors=True)


def _by_age(kept: Path) -> list[Path]:
    return sorted(kept.glob("*/*/"), key=lambda folder: (folder.stat().st_mtime_ns, folder.name))


def find_kept_logs(kept: Path, label: str, value: str) -> Iterator[KeptLog]:
    """Pods that had a label of that value, the latest first."""
    for folder in reversed(_by_age(kept)):
        try:
            labels = json.loads((folder / LABELS).read_text())
        except (OSError, ValueError):
            continue
        if labels.get(label) == value:
            yield KeptLog(folder.parent.name, folder.name, folder)
