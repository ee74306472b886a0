"""The tables of the observation log, and how an older database becomes one of ours without losing a row (DB-17).

The five columns of Katib v1beta1 keep their names and meanings, so that its own DB manager can still use the table.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass

import sqlalchemy
from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.exc import SQLAlchemyError

from katib_db.dialects import give_room_back

log = logging.getLogger(__name__)

VERSION = 1
metadata = MetaData()
_TIME = (
    DateTime()
    .with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    .with_variant(postgresql.TIMESTAMP(precision=6), "postgresql")
)
logs = Table(
    "observation_logs",
    metadata,
    Column("trial_name", String(255), nullable=False),
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("time", _TIME, nullable=True),
    Column("metric_name", String(255), nullable=False),
    Column("value", Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb"), nullable=False),
    Column("namespace", String(63), nullable=False, server_default=""),
    Column("dedup_key", String(64), nullable=True),
    mysql_charset="utf8mb4",
)
versions = Table("katib_schema", metadata, Column("version", Integer, primary_key=True, autoincrement=False))
INDEXES = (
    Index(
        "observation_logs_by_trial",
        *(logs.c[name] for name in ("namespace", "trial_name", "metric_name", "time", "id")),
    ),
    Index("observation_logs_by_trial_name", logs.c.trial_name),
    Index("observation_logs_dedup", logs.c.dedup_key, unique=True),
)
LEGACY_COLUMNS = ("trial_name", "id", "time", "metric_name", "value")


@dataclass(frozen=True)
class Features:
    """What the table at hand can do: an untouched table of the original knows neither namespaces nor identities."""

    namespaces: bool = True
    identities: bool = True


def initialize(engine: sqlalchemy.Engine) -> Features:
    """Create or migrate the tables; every step only adds, and can be taken again after a crash."""
    with engine.begin() as connection:
        existed = sqlalchemy.inspect(connection).has_table(logs.name)
        metadata.create_all(connection, checkfirst=True)
        if existed:
            _add_columns(connection)
        if connection.execute(sqlalchemy.select(versions.c.version)).first() is None:
            connection.execute(sqlalchemy.insert(versions).values(version=VERSION))
    if existed:
        _add_indexes(engine)
        _give_room_back(engine)
    return probe(engine)


def _add_columns(connection: sqlalchemy.Connection) -> None:
    held = {column["name"] for column in sqlalchemy.inspect(connection).get_columns(logs.name)}
    types = {"namespace": "VARCHAR(63) NOT NULL DEFAULT ''", "dedup_key": "VARCHAR(64)"}
    for name, kind in types.items():
        if name not in held:
            connection.execute(sqlalchemy.text(f"ALTER TABLE {logs.name} ADD COLUMN {name} {kind}"))


def _add_indexes(engine: sqlalchemy.Engine) -> None:
    """Indexes of a migrated table; one that cannot be made costs speed, not service (DB-1)."""
    for index in INDEXES:
        try:
            index.create(engine, checkfirst=True)
        except SQLAlchemyError as error:
            log.warning("index %s was not created: %s", index.name, error)


def _give_room_back(engine: sqlalchemy.Engine) -> None:
    """Where it cannot be done, because there is no room or somebody else is in the file, that costs room, not service."""
    try:
        give_room_back(engine)
    except sqlite3.Error as error:
        log.warning("the database keeps the room of deleted rows: %s", error)


def probe(engine: sqlalchemy.Engine) -> Features:
    """Find out what the table can do, without changing anything; raises when its five columns cannot be read."""
    with engine.connect() as connection:
        connection.execute(sqlalchemy.select(*(logs.c[name] for name in LEGACY_COLUMNS)).limit(1)).all()
        inspector = sqlalchemy.inspect(connection)
        columns = {column["name"] for column in inspector.get_columns(logs.name)}
        indexed = {
            name for index in inspector.get_indexes(logs.name) if index["unique"] for name in index["column_names"]
        }
    features = Features("namespace" in columns, "dedup_key" in columns and "dedup_key" in indexed)
    if not (features.namespaces and features.identities):
        log.warning("the table %s is an older one: %s", logs.name, features)
    return features
