"""RFC 3339 time stamps of metric rows: text to time and back, to the microsecond. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from katib_apis.v1beta1 import names

NO_TIME = names.VALUE_NO_TIME
_RFC3339 = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(?:Z|([+-])(\d{2}):(\d{2}))", re.ASCII
)


class TimestampError(ValueError):
    """A text is no RFC 3339 time stamp; the message names it."""


def parse_rfc3339(text: str) -> datetime:
    """The time in UTC, truncated to microseconds; raises TimestampError.

    The grammar is that of collectors.md §3: `T` and `Z` in upper case, a fraction after `.` or `,`, any offset.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise TimestampError(f"{text!r} is no RFC 3339 time stamp such as 2006-01-02T15:04:05Z")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    microsecond = int((found[7] or "0")[:6].ljust(6, "0"))
    try:
        local = datetime(year, month, day, hour, minute, second, microsecond, _zone(found[8], found[9], found[10]))
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise TimestampError(f"{text!r} is no time that exists: {error}") from error


def _zone(sign: str | None, hours: str | None, minutes: str | None) -> timezone:
    if sign is None or hours is None or minutes is None:
        return UTC
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError("offset out of range")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if sign == "-" else offset)


def is_rfc3339(text: str) -> bool:
    """Whether a text is a time stamp."""
    try:
        parse_rfc3339(text)
    except TimestampError:
        return False
    return True


def format_rfc3339(time: datetime) -> str:
    """UTC text with `Z`; a fraction only when it is not zero, without trailing zeros."""
    time = time.astimezone(UTC)
    whole = f"{time.year:04d}-{time:%m-%dT%H:%M:%S}"
    fraction = f".{time.microsecond:06d}".rstrip("0") if time.microsecond else ""
    return f"{whole}{fraction}Z"
