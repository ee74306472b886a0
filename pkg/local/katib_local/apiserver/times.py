"""Times in the one form in which Kubernetes keeps each: UTC, in whole seconds or in microseconds. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from katib_local.apiserver.errors import shown
from katib_machinery.scalars import format_micro_time, format_time

PLAIN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
FORM = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)T(?P<hour>\d\d?):(?P<minute>\d\d):(?P<second>\d\d)"
    r"(?:[.,](?P<fraction>\d+))?(?:Z|(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>\d\d))",
    re.ASCII,
)
LAYOUT = "2006-01-02T15:04:05{fraction}Z07:00"
SIX = ".000000"
PARTS = (
    *(("2006", r"\d{4}"), ("-", "-"), ("01", r"\d\d"), ("-", "-"), ("02", r"\d\d"), ("T", "T")),
    *(("15", r"\d\d?"), (":", ":"), ("04", r"\d\d"), (":", ":"), ("05", r"\d\d")),
)
ZONE = ("Z07:00", r"Z|[+-]\d\d:\d\d")
RANGES = {"month": (1, 12), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}


def canonical_time(text: str, *, micro: bool = False) -> str:
    """A time of RFC 3339 as it is kept, with `micro` one that has six digits of a second; ValueError says what is wrong."""
    found = FORM.fullmatch(text)
    if found is None or (micro and len(found["fraction"] or "") != len(SIX) - 1):
        raise ValueError(f"parsing time {shown(text)}{_misread(text, SIX if micro else '')}")
    number = {name: int(found[name]) for name in ("year", "month", "day", "hour", "minute", "second")}
    for name, (least, most) in RANGES.items():
        if not least <= number[name] <= most:
            raise ValueError(f"parsing time {shown(text)}: {name} out of range")
    try:
        at = datetime(**number, microsecond=int(found["fraction"]) if micro else 0, tzinfo=_zone(found))
        at = at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"parsing time {shown(text)}: day out of range") from error
    if not micro and PLAIN.fullmatch(text):
        return text
    return format_micro_time(at) if micro else format_time(at)


def _zone(found: re.Match[str]) -> timezone:
    if not found["sign"]:
        return UTC
    east = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    return timezone(east if found["sign"] == "+" else -east)


def _misread(text: str, fraction: str) -> str:
    """Where the reading of a text stops, and what should be there."""
    layout, rest = LAYOUT.format(fraction=fraction), text
    seconds = (fraction, r"[.,]\d{6}") if fraction else ("", r"([.,]\d+)?")
    for name, form in (*PARTS, seconds, ZONE):
        match = re.match(form, rest, re.ASCII)
        if match is None:
            return f" as {shown(layout)}: cannot parse {shown(rest)} as {shown(name)}"
        rest = rest[match.end() :]
    return f": extra text: {shown(rest)}"
