"""Command lines that say what is wrong in one line.

Knows argparse; knows no program.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

BAD_INPUT = 2


class FlagParser(argparse.ArgumentParser):
    """An ArgumentParser that answers a wrong command line with one line, which names the cure, and exit code 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}; see {self.prog} --help\n")


class ShowVersion(argparse.Action):
    """Looks the version of a distribution up only when it is asked for: that costs more than all other flags."""

    def __init__(self, option_strings: Sequence[str], dest: str, *, distribution: str) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help="show the version and exit")
        self._distribution = distribution

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"{parser.prog} {version(self._distribution)}")
        parser.exit()
