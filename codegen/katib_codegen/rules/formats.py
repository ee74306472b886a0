"""Whether a text is one of its format, as kube-apiserver reads it."""

import re
from collections.abc import Mapping
from datetime import datetime

from katib_codegen.dialect import DURATION

# Of each format what a text looks like, and what is told of one that does not.
_FORMATS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "byte": (
        re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"),
        "which is no base64; write bytes like aGFt",
    ),
    "date": (re.compile(r"\d{4}-\d\d-\d\d"), "which is no date; write one like 2026-01-31"),
    "date-time": (
        re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
        "which is no RFC 3339 time; write one like 2026-01-31T12:00:00Z",
    ),
    "duration": (
        re.compile(DURATION),
        "which is no duration; write one like 1h30m, 1.5s or 300ms",
    ),
    "uuid": (
        re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
        "which is no UUID; write one like 123e4567-e89b-42d3-a456-426614174000",
    ),
}


def format_fault(form: str | None, value: str) -> str:
    """Why the text is none of the format, as `which …`; empty when it is one, and of formats that say nothing of texts."""
    pattern, fault = _FORMATS.get(str(form), (None, ""))
    if pattern is None:
        return ""
    if not pattern.fullmatch(value):
        return fault
    try:
        if form in ("date", "date-time"):
            datetime.fromisoformat(value)
    except ValueError:
        return fault  # No such day, or no such hour.
    return ""
