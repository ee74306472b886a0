"""What goes into a cell of a table: the value at a path, a span of time. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

Json = Mapping[str, Any]
Cell = Callable[[Json, datetime], Any]
STEP = re.compile(
    r"\.?([\w/-]+(?:\\\.[\w/-]+)*)|\[\?\(@\.(\w+)==[\"']([^\"']*)[\"']\)\]|\[(-?\d*):?(-?\d*)\]|\['([^']+)'\]|\[\*\]"
)


def find(document: Any, path: str) -> Any:
    """The value at a JSONPath of the simple kind that printer columns use; None when there is none."""
    for step in STEP.finditer(path):
        field, key, value, start, _, quoted = step.groups()
        if field is not None or quoted is not None:
            name = quoted or field.replace("\\.", ".")
            document = document.get(name) if isinstance(document, Mapping) else None
        elif key is not None:
            entries = document if isinstance(document, list) else []
            document = next(
                (entry for entry in entries if isinstance(entry, Mapping) and str(entry.get(key)) == value), None
            )
        elif isinstance(document, list) and document and start:
            index = int(start)
            document = document[index] if -len(document) <= index < len(document) else None
        elif isinstance(document, list):
            document = document[0] if document else None
        else:
            document = None
        if document is None:
            return None
    return document


def age(text: Any, now: datetime) -> str:
    """How long ago it was."""
    try:
        seconds = int((now - datetime.fromisoformat(str(text))).total_seconds())
    except (ValueError, TypeError):
        return "<unknown>"
    return span(max(0, seconds))


def span(seconds: int) -> str:
    """A span as kubectl writes it: 5s, 3m10s, 2h5m, 4d1h, 3y20d."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    years = days // 365
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _parts((minutes, "m"), (seconds % 60, "s"))
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _parts((hours, "h"), (minutes % 60, "m"))
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _parts((days, "d"), (hours % 24, "h"))
    if years < 2:
        return f"{days}d"
    return _parts((years, "y"), (days % 365, "d")) if years < 8 else f"{years}y"


def _parts(*parts: tuple[int, str]) -> str:
    return "".join(f"{count}{unit}" for count, unit in parts if count)


def at(path: str, default: Any = "") -> Cell:
    """The cell with the value at a path."""

    def cell(document: Json, now: datetime) -> Any:
        found = find(document, path)
        return default if found is None else found

    return cell
