"""Times, durations and quantities of the Kubernetes API, as text and as values. Pure, and without Pydantic, which takes long to load."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal


def format_time(at: datetime) -> str:
    """RFC 3339 in UTC with whole seconds: the form in which Kubernetes keeps times."""
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def format_micro_time(at: datetime) -> str:
    """RFC 3339 in UTC with exactly six digits of a second: leases and new events."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


_SUFFIXES = {
    "": Decimal(1),
    **{text: Decimal(10) ** power for text, power in zip("num", (-9, -6, -3), strict=True)},
    **{text: Decimal(1000) ** (index + 1) for index, text in enumerate("kMGTPE")},
    **{f"{text}i": Decimal(1024) ** (index + 1) for index, text in enumerate("KMGTPE")},
}
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?[0-9]+))?")


def parse_quantity(value: int | float | str) -> Decimal:
    """The number that a resource quantity stands for (`500m` is 0.5, `1Ki` is 1024); ValueError names a wrong one."""
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        raise ValueError(f"{value!r} should be a quantity such as 500m, 2 or 1Gi")
    number, suffix, exponent = match.groups()
    return Decimal(number) * (Decimal(10) ** int(exponent) if exponent else _SUFFIXES[suffix or ""])


# In nanoseconds.
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = rf"([0-9]+\.?[0-9]*|\.[0-9]+)({'|'.join(_UNITS)})"
_DURATION = re.compile(rf"([+-]?)(?:0|((?:{_PART})+))")


def parse_duration(text: str) -> timedelta:
    """The span that Go writes like this (`1h30m`, `1.5s`, `300ms`, `0`), to the microsecond; ValueError names a wrong one."""
    match = _DURATION.fullmatch(text)
    parts = re.findall(_PART, match[2] or "") if match else ()
    nanoseconds = sum((Decimal(number) * _UNITS[unit] for number, unit in parts), Decimal(0))
    if match is None or nanoseconds >= 2**63:
        raise ValueError(f"{text!r} should be a duration such as 1h30m, 1.5s or 300ms")
    return timedelta(microseconds=int(nanoseconds / 1000)) * (-1 if match[1] == "-" else 1)
