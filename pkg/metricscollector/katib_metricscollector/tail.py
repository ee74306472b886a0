"""Follows the metrics file: every line is echoed as it is and searched for metrics once (COL-17, COL-18)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from katib_apis.v1beta1.enums import FileFormat
from katib_domain.metric_logs import JsonLineError, MetricRow, parse_filters, parse_json_line, parse_text_line
from katib_metricscollector.flags import Flags

CHUNK = 1 << 20
PREFIX = "katib-collector:"


def warn(text: str) -> None:
    """Say something of the collector's own, apart from the training's output."""
    print(f"{PREFIX} {text}", file=sys.stderr, flush=True)


def line_parser(flags: Flags) -> Callable[[str], list[MetricRow]]:
    """The function that finds the rows of one line; an invalid line of JSON is told and skipped (COL-6)."""
    if flags.format == FileFormat.JSON:
        return lambda line: _json_rows(line, flags)
    patterns, problems = parse_filters(flags.filters)
    for problem in problems:
        warn(f"a filter is ignored: {problem}")
    return lambda line: parse_text_line(line, flags.metrics, patterns)


def _json_rows(line: str, flags: Flags) -> list[MetricRow]:
    try:
        return parse_json_line(line, flags.metrics)
    except JsonLineError as error:
        warn(f"a line is skipped: {error}: {line[:200]!r}")
        return []


class Tail:
    """Reads what was added since the last look; the file may come into being or be replaced in between."""

    def __init__(self, path: Path, output: BinaryIO) -> None:
        self._path = path
        self._output = output
        self._file: BinaryIO | None = None
        self._inode = 0
        self._rest = b""

    @property
    def exists(self) -> bool:
        return self._file is not None

    def lines(self, *, last: bool = False) -> list[str]:
        """New whole lines; with `last` also one that was never ended."""
        data = self._read()
        self._output.write(data)
        self._output.flush()
        *lines, self._rest = (self._rest + data).split(b"\n")
        if last and self._rest:
            lines.append(self._rest)
            self._output.write(b"\n")
            self._output.flush()
            self._rest = b""
        return [line.decode("utf-8", errors="replace").rstrip("\r") for line in lines]

    def _read(self) -> bytes:
        try:
            inode = self._path.stat().st_ino
        except OSError:
            return self._drain()
        if self._file is None or inode != self._inode:
            rest = self._drain()
            self._open(inode)
            return rest + self._drain()
        return self._drain()

    def _open(self, inode: int) -> None:
        try:
            self._file = open(self._path, "rb", buffering=0)
            self._inode = inode
        except OSError as error:
            warn(f"{self._path} cannot be read: {error.strerror}")

    def _drain(self) -> bytes:
        if self._file is None:
            return b""
        if self._file.tell() > self._path_size():
            self._file.seek(0)
        parts = []
        while part := self._file.read(CHUNK):
            parts.append(part)
        return b"".join(parts)

    def _path_size(self) -> int:
        import os

        return os.fstat(self._file.fileno()).st_size if self._file is not None else 0
