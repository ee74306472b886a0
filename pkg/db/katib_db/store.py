"""The observation log in a database: report, read, delete, ping.

Obligations of a store: a report is stored whole or not at all; a row that was stored before is stored once (DB-4);
rows come back by time, then in the order of their reports (DB-5). Must not know gRPC.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from katib_db.dialects import insert_if_absent
from katib_db.rows import SENTINEL, Cursor, Page, Query, Row, StoreError, StoreUnavailable, TrialKey, identified
from katib_db.schema import Features, logs

CHUNK = 1000


class Store:
    """One observation log. Calls block: they are made from threads."""

    def __init__(self, engine: sqlalchemy.Engine, features: Features) -> None:
        self._engine = engine
        self._features = features
        self._insert = insert_if_absent(engine.dialect.name, logs) if features.identities else sqlalchemy.insert(logs)

    def report(self, key: TrialKey, rows: Sequence[Row]) -> None:
        """Store the rows of one report, in chunks inside one transaction (DB-3)."""
        values = [self._values(key, identity, row) for identity, row in identified(key, rows)]
        with self._transaction() as connection:
            for start in range(0, len(values), CHUNK):
                connection.execute(self._insert, values[start : start + CHUNK])

    def _values(self, key: TrialKey, identity: str, row: Row) -> dict[str, Any]:
        values: dict[str, Any] = {
            "trial_name": key.trial_name,
            "time": row.time.astimezone(UTC).replace(tzinfo=None),
            "metric_name": row.metric_name,
            "value": row.value,
        }
        if self._features.namespaces:
            values["namespace"] = key.namespace
        if self._features.identities:
            values["dedup_key"] = identity
        return values

    def read(self, key: TrialKey, query: Query) -> Page:
        """Rows of a trial: those of its namespace and those of older peers, who say none (DB-2)."""
        statement = (
            sqlalchemy.select(logs.c.id, logs.c.time, logs.c.metric_name, logs.c.value)
            .where(*self._conditions(key, query))
            .order_by(logs.c.time.asc().nulls_first() if self._nulls_last() else logs.c.time, logs.c.id)
        )
        if query.limit:
            statement = statement.limit(query.limit + 1)
        with self._transaction() as connection:
            found = connection.execute(statement).all()
        page = found[: query.limit] if query.limit else found
        rows = [Row(_utc(time), name, value) for _, time, name, value in page]
        last = Cursor(rows[-1].time, page[-1].id) if len(found) > len(page) else None
        return Page(rows, last)

    def _nulls_last(self) -> bool:
        return self._engine.dialect.name == "postgresql"

    def _conditions(self, key: TrialKey, query: Query) -> Iterator[ColumnElement[bool]]:
        yield logs.c.trial_name == key.trial_name
        if key.namespace and self._features.namespaces:
            yield logs.c.namespace.in_([key.namespace, ""])
        if query.metric_name:
            yield logs.c.metric_name == query.metric_name
        if query.start is not None:
            yield logs.c.time >= _naive(query.start)
        if query.end is not None:
            yield _at_most(query.end)
        if query.after is not None:
            yield _behind(query.after)

    def delete(self, key: TrialKey) -> None:
        """Delete a trial's rows; those of older peers only when no other namespace has rows of that name (DB-2)."""
        mine = logs.c.trial_name == key.trial_name
        with self._transaction() as connection:
            if not key.namespace or not self._features.namespaces:
                connection.execute(sqlalchemy.delete(logs).where(mine))
                return
            others = mine & logs.c.namespace.not_in([key.namespace, ""])
            shared = connection.execute(sqlalchemy.select(logs.c.id).where(others).limit(1)).first() is not None
            namespaces = [key.namespace] if shared else [key.namespace, ""]
            connection.execute(sqlalchemy.delete(logs).where(mine, logs.c.namespace.in_(namespaces)))

    def ping(self) -> None:
        """Raise StoreUnavailable when the database does not answer."""
        with self._transaction() as connection:
            connection.execute(sqlalchemy.text("SELECT 1"))

    def close(self) -> None:
        self._engine.dispose()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlalchemy.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            if isinstance(error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError):
                raise StoreUnavailable(f"the database does not work: {error.orig}") from error
            raise StoreError(str(error.orig)) from error
        except SQLAlchemyError as error:
            raise StoreUnavailable(f"the database does not work: {error}") from error


def _naive(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(tzinfo=None)


def _utc(time: datetime | None) -> datetime:
    """A time as it is returned: rows without one have the sentinel (DB-11)."""
    return SENTINEL if time is None else time.replace(tzinfo=UTC)


def _at_most(end: datetime) -> ColumnElement[bool]:
    return or_(logs.c.time <= _naive(end), logs.c.time.is_(None))


def _behind(cursor: Cursor) -> ColumnElement[bool]:
    time = _naive(cursor.time)
    same = and_(or_(logs.c.time == time, logs.c.time.is_(None)), logs.c.id > cursor.id)
    return or_(logs.c.time > time, same)
