"""SQLite files of the workspace: private, journaled, and committed in batches."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scrub_pixels.errors import WorkspaceError
from scrub_pixels.store.atomic import StoreFailed

ROWS_PER_COMMIT = 500
SECONDS_PER_COMMIT = 0.5


def connect(file: Path, schema: str, *, threads: bool = False) -> sqlite3.Connection:
    """Open or make a SQLite file of mode 0600 with write-ahead log.

    Parameters
    ----------
    file, schema
        The database, and the statements that make its tables if they are missing.
    threads
        True if several threads will use the connection, one at a time: the caller has a lock.

    Raises
    ------
    WorkspaceError
        If it is no database, damaged, or locked by another process for more than ten seconds.
    """
    try:
        # SQLite gives its -wal and -shm files the mode of the database
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        database = sqlite3.connect(file, timeout=10.0, isolation_level="DEFERRED",
                                   check_same_thread=not threads)
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
        database.executescript(schema)
    except (sqlite3.Error, OSError) as error:
        what = f"The file {file.name} of the workspace cannot be used ({type(error).__name__})."
        raise WorkspaceError(what, remedy="Check permissions and space, or restore a copy.") from None
    return database


@contextmanager
def database_explained() -> Iterator[None]:
    """Turn what SQLite reports about the disk into `StoreFailed` with a remedy."""
    try:
        yield
    except sqlite3.OperationalError as error:
        name = getattr(error, "sqlite_errorname", "SQLite error")
        remedy = "Check free space and permissions, then start again with --resume."
        raise StoreFailed(f"The workspace cannot be written ({name}).", remedy=remedy) from None


class Batched:
    """Commit a connection every so many rows or so long after the last commit, whichever is first.

    Parameters
    ----------
    database
        What to commit.
    first
        Commits what this database must never be ahead of.
    """

    def __init__(self, database: sqlite3.Connection, first: Callable[[], None] | None = None) -> None:
        self._database = database
        self._first = first
        self._rows = 0
        self._last = time.monotonic()

    def wrote(self) -> None:
        """Count a written row, and commit if it is time."""
        self._rows += 1
        if self._rows >= ROWS_PER_COMMIT or time.monotonic() - self._last >= SECONDS_PER_COMMIT:
            self.commit()

    def commit(self) -> None:
        """Commit now; what has to be durable before it, first."""
        if self._first:
            self._first()
        with database_explained():
            self._database.commit()
        self._rows = 0
        self._last = time.monotonic()
