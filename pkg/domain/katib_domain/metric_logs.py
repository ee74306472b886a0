"""Metric rows in a trial's output: what a line of text or JSON reports, and what is reported when nothing does. Pure.

Contract: collectors.md §3, §4, §4.1 with COL-5 to COL-8, COL-16, COL-17.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from katib_apis.v1beta1 import names
from katib_domain.regex import Pattern, RegexError, compile_re2
from katib_domain.timestamps import NO_TIME, is_rfc3339

DEFAULT_FILTER = r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST_SECONDS = Decimal(253402300800)
NANOSECOND = 9


@dataclass(frozen=True)
class MetricRow:
    """One value of one metric; `time` is RFC 3339 text as it was written, or the sentinel "no time"."""

    time: str
    name: str
    value: str


class JsonLineError(ValueError):
    """A line of a JSON metrics file is no JSON object."""


def parse_filters(texts: Iterable[str]) -> tuple[list[Pattern], list[str]]:
    """The usable filters, or the default one when none was given, and what is wrong with the others (COL-16)."""
    given, patterns, problems = list(texts), [], []
    for text in given or [DEFAULT_FILTER]:
        try:
            pattern = compile_re2(text)
        except RegexError as error:
            problems.append(str(error))
            continue
        if pattern.groups < 2:
            problems.append(f"{text!r} has {pattern.groups} capture groups; two are needed: name and value")
        else:
            patterns.append(pattern)
    return patterns, problems


def parse_text_line(line: str, metric_names: Sequence[str], filters: Sequence[Pattern]) -> list[MetricRow]:
    """Rows that one line of text reports, in the order of filters and matches."""
    if not any(name in line for name in metric_names):
        return []
    first = line.split(" ", 1)[0]
    time = first if is_rfc3339(first) else NO_TIME
    wanted = set(metric_names)
    pairs = (pair for pattern in filters for pair in pattern.pairs(line))
    return [MetricRow(time, name, value) for name, value in pairs if name in wanted and value]


class _Number(str):
    """The source text of a JSON number (COL-5)."""

    __slots__ = ()


def parse_json_line(line: str, metric_names: Sequence[str]) -> list[MetricRow]:
    """Rows that one line of JSON reports, in the order of the metric names; raises JsonLineError. Blank: no rows."""
    if not line.strip():
        return []
    try:
        document = json.loads(line, parse_float=_Number, parse_int=_Number, parse_constant=_Number)
    except ValueError as error:
        raise JsonLineError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise JsonLineError("not JSON: nested too deeply") from error
    if not isinstance(document, dict):
        raise JsonLineError("not a JSON object")
    time = _json_time(document.get("timestamp"))
    values = ((name, document.get(name)) for name in metric_names)
    return [
        MetricRow(time, name, _whole(value.strip()))
        for name, value in values
        if isinstance(value, str) and value.strip()
    ]


def _whole(text: str) -> str:
    """Text that can be sent: JSON may escape half of a character."""
    return text.encode(errors="replace").decode()


def _json_time(value: object) -> str:
    if isinstance(value, _Number):
        return _seconds_text(str(value))
    return value if isinstance(value, str) and is_rfc3339(value) else NO_TIME


def _seconds_text(text: str) -> str:
    """Seconds since 1970 as RFC 3339 text: the decimal fraction exactly as given, nine digits at most (COL-7)."""
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        return NO_TIME
    if not seconds.is_finite() or not 0 <= seconds < LARGEST_SECONDS:
        return NO_TIME
    whole = int(seconds)
    digits = f"{seconds - whole:.{NANOSECOND + 3}f}".partition(".")[2][:NANOSECOND].rstrip("0")
    time = EPOCH + timedelta(seconds=whole)
    return f"{time:%Y-%m-%dT%H:%M:%S}{'.' + digits if digits else ''}Z"


def is_numeric(value: str) -> bool:
    """Whether a value is a finite number (COL-8)."""
    try:
        return math.isfinite(float(value)) and value.isascii()
    except ValueError:
        return False


def is_not_finite(value: str) -> bool:
    """Whether a value is a number that says nothing: nan or an infinity."""
    try:
        return not math.isfinite(float(value))
    except ValueError:
        return False


def reported_rows(rows: Sequence[MetricRow], objective: str) -> list[MetricRow]:
    """What is reported at the end: the rows, or the one row "unavailable" when none carries the objective (§4.1)."""
    if any(row.name == objective and not is_not_finite(row.value) for row in rows):
        return list(rows)
    return [MetricRow(NO_TIME, objective, names.VALUE_UNAVAILABLE)]
