"""The SQLite file of a gateway's journal: two connections, one lock, any thread."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from scrub_pixels.store.atomic import StoreFailed
from scrub_pixels.store.database import connect, database_explained

SCHEMA = """
CREATE TABLE IF NOT EXISTS instances (
    id INTEGER PRIMARY KEY,
    token TEXT NOT NULL UNIQUE,
    sop TEXT NOT NULL,
    sop_class TEXT NOT NULL,
    study TEXT NOT NULL,
    series TEXT NOT NULL DEFAULT '',
    size INTEGER NOT NULL,
    received REAL NOT NULL,
    state TEXT NOT NULL,
    code TEXT NOT NULL DEFAULT '',
    output TEXT NOT NULL DEFAULT '',
    digest TEXT NOT NULL DEFAULT '',
    policy TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try REAL NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS instances_state ON instances (state, next_try, id);
CREATE INDEX IF NOT EXISTS instances_sop ON instances (sop);
CREATE INDEX IF NOT EXISTS instances_study ON instances (study, state);
CREATE INDEX IF NOT EXISTS instances_output ON instances (output) WHERE output != '';
CREATE TABLE IF NOT EXISTS commitments (
    id INTEGER PRIMARY KEY,
    peer TEXT NOT NULL,
    request TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try REAL NOT NULL DEFAULT 0
) STRICT;
"""

SERIES = "ALTER TABLE instances ADD COLUMN series TEXT NOT NULL DEFAULT ''"
"""What journals of earlier versions lack."""

OF_SERIES = "CREATE INDEX IF NOT EXISTS instances_series ON instances (series, state, received)"


ENTER = ("INSERT OR IGNORE INTO instances (token, sop, sop_class, study, series, size, received, state) "
         "VALUES (?,?,?,?,?,?,?,?)")

MOST_SOON = 256
"""Rows that may wait to be written."""


class JournalFile:
    """The file.

    Parameters
    ----------
    file
        Where, made with mode 0600 if new.
    """

    def __init__(self, file: Path) -> None:
        self._db = connect(file, SCHEMA, threads=True)
        self._arrivals = connect(file, SCHEMA, threads=True)
        self._arrivals.execute("PRAGMA synchronous = NORMAL")
        self._lock = threading.Lock()
        self._soon: dict[str, tuple[object, ...]] = {}
        self._bring_up_to_date()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            with suppress(StoreFailed):  # they are made again from the files
                self._enter()
            self._arrivals.close()
            self._db.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for one transaction, durable when the block ends."""
        with self._lock, database_explained():
            self._enter()
            with self._db:
                yield self._db

    def enter_soon(self, token: str, row: tuple[object, ...]) -> None:
        """Take the row of an instance that has come; it is written with others, before anything is asked.

        Each row alone costs as many pages as some dozens of them together. A crash may take those that
        are not written: they are made again from the files.
        """
        with self._lock:
            self._soon[token] = row
            if len(self._soon) >= MOST_SOON:
                self._enter()

    def knows(self, token: str) -> bool:
        """Tell whether an instance has a row, written or not."""
        with self._lock, database_explained():
            query = "SELECT 1 FROM instances WHERE token = ?"
            return token in self._soon or self._db.execute(query, (token,)).fetchone() is not None

    def read(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query."""
        with self._lock, database_explained():
            with suppress(StoreFailed):  # on a full disk there are still answers
                self._enter()
            return self._db.execute(query, values).fetchall()

    def _enter(self) -> None:
        """Write the rows that wait for it; with the lock held. They stay if that fails."""
        if self._soon:
            with database_explained(), self._arrivals:
                self._arrivals.executemany(ENTER, self._soon.values())
            self._soon.clear()

    def _bring_up_to_date(self) -> None:
        if "series" not in {row["name"] for row in self.read("PRAGMA table_info(instances)")}:
            with self.writing() as database:
                database.execute(SERIES)
        with self.writing() as database:
            database.execute(OF_SERIES)
