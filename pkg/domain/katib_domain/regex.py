"""Regular expressions of metric filters: exactly RE2's dialect, as Katib v1beta1 reads it (WH-16, COL-16). Pure."""

from __future__ import annotations

from collections.abc import Iterator

import re2


class RegexError(ValueError):
    """A text is no RE2 expression; the message says what is wrong and where."""


class Pattern:
    """A compiled expression. Classes such as `\\w` are ASCII; the first alternative that matches wins."""

    def __init__(self, text: str) -> None:
        options = re2.Options()
        options.log_errors = False
        options.never_nl = False
        try:
            self._compiled = re2.compile(text, options=options)
        except re2.error as error:
            raise RegexError(f"{text!r} is no RE2 expression: {_readable(error)}") from error
        self.text = text
        self.groups: int = self._compiled.groups

    def pairs(self, line: str) -> Iterator[tuple[str, str]]:
        """Groups 1 and 2 of each match that does not overlap the one before it, trimmed."""
        for found in self._compiled.finditer(line):
            name, value = found.group(1), found.group(2)
            yield (name or "").strip(), (value or "").strip()


def compile_re2(text: str) -> Pattern:
    """Compile an expression; raises RegexError."""
    return Pattern(text)


def capture_groups(text: str) -> int:
    """How many real capture groups an expression has; raises RegexError."""
    return Pattern(text).groups


def _readable(error: Exception) -> str:
    cause = error.args[0] if error.args else ""
    return cause.decode(errors="replace") if isinstance(cause, bytes) else str(cause)
