"""What the observation log holds and is asked for: rows, queries and their identities.

Pure. Must not know databases or gRPC.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from katib_domain.timestamps import format_rfc3339, parse_rfc3339

SENTINEL = datetime(1, 1, 1, tzinfo=UTC)
LONGEST_NAME = 255
LONGEST_NAMESPACE = 63


class RequestError(ValueError):
    """A request that cannot be carried out, whatever the database holds; the message names the field."""


class StoreUnavailable(Exception):
    """The database cannot be reached or cannot take a change now; trying again may help."""


class StoreError(Exception):
    """The database has refused for another reason."""


@dataclass(frozen=True)
class Row:
    """One value of one metric. `time` is UTC, microseconds; the sentinel when it is not known."""

    time: datetime
    metric_name: str
    value: str


@dataclass(frozen=True)
class TrialKey:
    """Whose rows: an empty namespace means "not said", as older peers do (DB-2)."""

    namespace: str
    trial_name: str


@dataclass(frozen=True)
class Cursor:
    """The last row of a page."""

    time: datetime
    id: int

    def token(self) -> str:
        text = json.dumps([format_rfc3339(self.time), self.id])
        return base64.urlsafe_b64encode(text.encode()).decode()


@dataclass(frozen=True)
class Page:
    """Rows in order, and where the next page starts if there is one."""

    rows: Sequence[Row]
    next: Cursor | None = None


@dataclass(frozen=True)
class Query:
    """Which rows of a trial; bounds are inclusive; a limit of 0 means all."""

    metric_name: str = ""
    start: datetime | None = None
    end: datetime | None = None
    limit: int = 0
    after: Cursor | None = None


def parse_cursor(token: str) -> Cursor:
    """The page token of an earlier reply; raises RequestError."""
    try:
        time, identity = json.loads(base64.urlsafe_b64decode(token.encode()))
        return Cursor(parse_rfc3339(time), int(identity))
    except (ValueError, TypeError) as error:
        raise RequestError("page_token is not one that this server gave out: start again without it") from error


def identified(key: TrialKey, rows: Iterable[Row]) -> Iterator[tuple[str, Row]]:
    """Each row with its identity: a row that is sent again has the same one, two equal rows in one report differ (DB-4)."""
    seen: Counter[Row] = Counter()
    for row in rows:
        parts = (key.namespace, key.trial_name, row.metric_name, format_rfc3339(row.time), row.value, str(seen[row]))
        seen[row] += 1
        yield hashlib.sha256(json.dumps(parts).encode()).hexdigest(), row
