"""Where `katib run` shows its progress: a terminal, or whatever stderr is. Must not know what is shown."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TextIO

NARROWEST = 20


@dataclass
class Screen:
    """Where progress goes: one line that is rewritten on a terminal, a line per change elsewhere."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    shown: str = ""

    def update(self, line: str, key: str) -> None:
        """Show a line; off a terminal only when `key`, the part that is not time, has changed."""
        if self.stream.isatty():
            self.stream.write(f"\r\x1b[2K{self._cut(line)}")
        elif key != self.shown:
            self.stream.write(f"{line}\n")
        self.shown = key
        self.stream.flush()

    def note(self, line: str) -> None:
        """Say something that stays, above the progress."""
        self.stream.write(f"\r\x1b[2K{line}\n" if self.stream.isatty() else f"{line}\n")
        self.stream.flush()

    def end(self) -> None:
        if self.stream.isatty() and self.shown:
            self.stream.write("\n")
            self.stream.flush()

    def _cut(self, line: str) -> str:
        """As much as one row of the terminal takes: a longer line could not be taken back."""
        width = max(NARROWEST, os.get_terminal_size(self.stream.fileno()).columns or 80)
        return line if len(line) < width else f"{line[: width - 2]}…"
