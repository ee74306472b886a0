"""Log lines of programs: one JSON object a line, or plain text for people.

Knows the standard library's logging. Only `__main__` modules call it.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from katib_machinery.scalars import format_micro_time

# What every record has; the rest came as `extra` and belongs into the line.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: ts, level, logger, msg, the record's extras, and the exception if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "ts": format_micro_time(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        line.update((key, value) for key, value in record.__dict__.items() if key not in _STANDARD)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure_logging(level: str = "info", *, form: str = "json", stream: TextIO | None = None) -> None:
    """Let the program log to one stream (standard error), and nowhere else. Calling it again replaces the first call."""
    output = logging.StreamHandler(stream or sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    output.setFormatter(JsonFormatter() if form == "json" else text)
    logging.basicConfig(level=level.upper(), handlers=[output], force=True)
    # Its access log would print a line for every admission request.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
