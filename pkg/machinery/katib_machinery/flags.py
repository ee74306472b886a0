"""Command lines that say what is wrong in one line.

Knows argparse; knows no program.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

BAD_INPUT = 2
HIGHEST_PORT = 65535


class FlagParser(argparse.ArgumentParser):
    """An ArgumentParser that answers a wrong command line with one line, which names the cure, and exit code 2.

    As in the original's programs, one dash is as good as two (install.md §5).
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        words = sys.argv[1:] if args is None else args
        return super().parse_known_args([self._with_two_dashes(word) for word in words], namespace)

    def _with_two_dashes(self, word: str) -> str:
        """`-name` or `-name=value` as `--name`, where this parser has such a flag; anything else as it is."""
        one_dash = word.startswith("-") and not word.startswith("--")
        return f"-{word}" if one_dash and f"-{word.partition('=')[0]}" in self._option_string_actions else word

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


def parse_listen_address(text: str) -> str:
    """An address to listen on as it is written, host:port or unix:/path; raises ArgumentTypeError.

    gRPC itself takes any number for a port, and listens on another one.
    """
    scheme, _, path = text.partition(":")
    if scheme.startswith("unix") and path:
        return text
    host, colon, port = text.rpartition(":")
    if not colon or any(map(str.isspace, host)) or not (port.isascii() and port.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no address: write host:port or unix:/path")
    if int(port) > HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r}: ports go up to {HIGHEST_PORT}: choose a lower one")
    return text
