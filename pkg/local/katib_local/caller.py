"""How `katib` was called: a printed cure repeats it, so that it works when it is pasted into the same terminal. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Caller:
    """What every further command has to say again; `state_dir` only where it is not the default."""

    state_dir: Path | None = None

    def command(self, *words: str) -> str:
        """A command in quotes, such as "`katib up --state-dir=/tmp/one`"."""
        flags = [] if self.state_dir is None else [f"--state-dir={self.state_dir}"]
        return f"`{shlex.join(['katib', *words, *flags])}`"
