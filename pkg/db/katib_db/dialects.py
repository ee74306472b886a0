"""What differs between databases: how a row that is there already is passed over, and how each one is set up."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy
from sqlalchemy import Table
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from katib_apis.v1beta1 import names

BUSY_SECONDS = 30.0
DRIVERS = {names.DATABASE_MYSQL: "mysql+pymysql", names.DATABASE_POSTGRES: "postgresql+psycopg"}


@dataclass(frozen=True)
class Address:
    """Where a database is and who asks; passed on as separate parts, never as one text (DB-15)."""

    dialect: str
    database: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""


def open_engine(address: Address, connect_timeout: float) -> sqlalchemy.Engine:
    """An engine with its pool; connects on first use, `connect_timeout` seconds at most."""
    if address.dialect == names.DATABASE_SQLITE:
        url = sqlalchemy.URL.create("sqlite", database=address.database)
        engine = sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_SECONDS}, pool_size=4, max_overflow=0)
        sqlalchemy.event.listen(engine, "do_connect", _make_private)
        sqlalchemy.event.listen(engine, "connect", _prepare_sqlite)
        return engine
    url = sqlalchemy.URL.create(
        DRIVERS[address.dialect],
        username=address.user,
        password=address.password,
        host=address.host,
        port=address.port,
        database=address.database,
        query={"charset": "utf8mb4"} if address.dialect == names.DATABASE_MYSQL else {},
    )
    arguments = {"connect_timeout": max(1, int(connect_timeout))}
    return sqlalchemy.create_engine(url, connect_args=arguments, pool_pre_ping=True, pool_size=10)


def _make_private(dialect: object, record: object, arguments: Sequence[str], options: object) -> None:
    """Nobody but the owner reads a new file; SQLite gives those that it puts beside it the same mode."""
    with contextlib.suppress(OSError):  # SQLite says better what is wrong
        os.close(os.open(arguments[0], os.O_WRONLY | os.O_CREAT, 0o600))


def _prepare_sqlite(connection: Any, _: object) -> None:
    """Readers beside one writer, no committed row lost when the process is killed, and the room of deleted rows given back.

    The last can only be said before there is a table.
    """
    cursor = connection.cursor()
    for pragma in ("auto_vacuum=FULL", "journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def give_room_back(engine: sqlalchemy.Engine) -> None:
    """Write an SQLite database anew that an older version has made: it kept the room of deleted rows. Others are left alone."""
    if engine.dialect.name != "sqlite":
        return
    with contextlib.closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        if cursor.execute("PRAGMA auto_vacuum").fetchone()[0] == 0:
            # In a write-ahead log the file keeps what it was told first.
            for statement in ("PRAGMA journal_mode=DELETE", "PRAGMA auto_vacuum=FULL", "VACUUM"):
                cursor.execute(statement)
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()


def insert_if_absent(dialect: str, table: Table) -> Insert:
    """An INSERT that does nothing for a row whose dedup_key is there already."""
    match dialect:
        case "sqlite":
            return sqlite.insert(table).on_conflict_do_nothing(index_elements=["dedup_key"])
        case "postgresql":
            return postgresql.insert(table).on_conflict_do_nothing(index_elements=["dedup_key"])
        case "mysql" | "mariadb":
            return mysql.insert(table).prefix_with("IGNORE")
        case _:
            raise ValueError(f"no dialect for {dialect!r}")


def read_address(environment: Mapping[str, str]) -> Address:
    """The database that the environment names; raises ValueError whose text names the variable and the cure.

    A variable that is set but empty overrides its default (db-manager.md §2).
    """
    kind = environment.get(names.ENV_DB_NAME, "")
    password = environment.get(names.ENV_DB_PASSWORD, "")
    if kind == names.DATABASE_SQLITE:
        path = environment.get(names.ENV_SQLITE_PATH, "")
        if not path:
            raise ValueError(f"{names.ENV_SQLITE_PATH} is not set: name the file of the SQLite database")
        return Address(names.DATABASE_SQLITE, path)
    if kind == names.DATABASE_MYSQL:
        return Address(
            names.DATABASE_MYSQL,
            environment.get(names.ENV_MYSQL_DATABASE, names.ENV_MYSQL_DATABASE_DEFAULT),
            environment.get(names.ENV_MYSQL_HOST, names.ENV_MYSQL_HOST_DEFAULT),
            _port(environment, names.ENV_MYSQL_PORT, names.ENV_MYSQL_PORT_DEFAULT),
            environment.get(names.ENV_DB_USER, names.DATABASE_USER_MYSQL),
            password,
        )
    if kind == names.DATABASE_POSTGRES:
        return Address(
            names.DATABASE_POSTGRES,
            environment.get(names.ENV_POSTGRES_DATABASE, names.ENV_POSTGRES_DATABASE_DEFAULT),
            environment.get(names.ENV_POSTGRES_HOST, names.ENV_POSTGRES_HOST_DEFAULT),
            _port(environment, names.ENV_POSTGRES_PORT, names.ENV_POSTGRES_PORT_DEFAULT),
            environment.get(names.ENV_DB_USER, names.DATABASE_USER_POSTGRES),
            password,
        )
    said = f"is {kind!r}" if kind else "is not set"
    raise ValueError(
        f"Invalid DB Name: {names.ENV_DB_NAME} {said}; it must be {names.DATABASE_MYSQL}, {names.DATABASE_POSTGRES} or {names.DATABASE_SQLITE}"
    )


def _port(environment: Mapping[str, str], name: str, default: str) -> int:
    text = environment.get(name, default)
    if not text.isdigit():
        raise ValueError(f"{name} is {text!r}: it must be a port number")
    return int(text)
