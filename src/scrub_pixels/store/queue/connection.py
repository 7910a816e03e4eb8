"""Where the queue lies: a private SQLite file, or PostgreSQL for a team; one implementation for both."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from scrub_pixels.errors import MissingDependency, UsageError, WorkspaceError
from scrub_pixels.store.atomic import StoreFailed
from scrub_pixels.store.queue.schema import create

BUSY_SECONDS = 10
ONE_AT_A_TIME = 0x5C52  # any number that all who create the tables agree on


class QueueDatabase:
    """An engine with the tables in it; safe to use from several threads.

    Parameters
    ----------
    where
        A SQLite file (made with mode 0600 if new), or a ``postgresql+psycopg://`` URL.

    Raises
    ------
    UsageError
        If the URL is none, or of another database.
    MissingDependency
        If PostgreSQL is named and psycopg is not installed.
    WorkspaceError
        If the database cannot be reached or used.
    """

    def __init__(self, where: Path | str) -> None:
        self.engine = _sqlite(where) if isinstance(where, Path) else _postgresql(where)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        try:
            with self.engine.begin() as connection:
                if not self.is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": ONE_AT_A_TIME})
                create(connection)
        except (SQLAlchemyError, sqlite3.Error) as error:
            self.engine.dispose()
            raise _unusable(where, error) from None

    def __repr__(self) -> str:
        return f"QueueDatabase({self.engine.dialect.name})"

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one moment of the queue and changes nothing."""
        with explained(), self.engine.connect() as connection:
            yield connection.execution_options(scrub_reading=True)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection whose changes become durable together, or not at all."""
        with explained(), self.engine.begin() as connection:
            yield connection

    def now(self, connection: Connection) -> float:
        """Return the time that leases are measured by: the server's, which all reviewers share."""
        if self.is_sqlite:
            return time.time()
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())


@contextmanager
def explained() -> Iterator[None]:
    """Turn what a database reports into `StoreFailed`, without the statement, its values or its URL."""
    try:
        yield
    except SQLAlchemyError as error:
        name = getattr(getattr(error, "orig", None), "sqlite_errorname", type(error).__name__)
        raise StoreFailed(f"The review queue cannot be used ({name}).",
                          remedy="Check the database, free space and permissions, then try again.") from None


def _sqlite(file: Path) -> Engine:
    try:
        # SQLite gives its -wal and -shm files the mode of the database
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        raise _unusable(file, error) from None
    url = URL.create("sqlite", database=os.fspath(file))
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin`, not by the driver
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Take the right to write at once: a transaction that asks for it later may be refused."""
    reading = connection.get_execution_options().get("scrub_reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _postgresql(address: str) -> Engine:
    url = _url(address)
    try:
        return create_engine(url, hide_parameters=True, pool_pre_ping=True)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise MissingDependency("PostgreSQL needs the package psycopg.",
                                remedy="pip install 'scrub-pixels[postgresql]'") from None


def _url(address: str) -> URL:
    with suppress(ArgumentError):
        url = make_url(address)
        if url.drivername in ("postgresql", "postgresql+psycopg"):
            return url.set(drivername="postgresql+psycopg")
    raise UsageError("The queue's address is not understood.",
                     remedy="Write postgresql+psycopg://user@host/database, or leave it out for SQLite.")


def _unusable(where: Path | str, error: Exception) -> WorkspaceError:
    name = f"The file {where.name} of the workspace" if isinstance(where, Path) else "The review queue"
    remedy = "Check permissions and space, or restore a copy." if isinstance(where, Path) else \
        "Check that the server runs, and the address, user and password."
    kind = type(getattr(error, "orig", None) or error).__name__
    return WorkspaceError(f"{name} cannot be used ({kind}).", remedy=remedy)
