"""The SQLite file of a gateway's journal: two connections, one lock, any thread."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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
        self._bring_up_to_date()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._arrivals.close()
            self._db.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for one transaction, durable when the block ends."""
        with self._lock, database_explained(), self._db:
            yield self._db

    @contextmanager
    def arriving(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection for one transaction that a power failure may take."""
        with self._lock, database_explained(), self._arrivals:
            yield self._arrivals

    def read(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query."""
        with self._lock, database_explained():
            return self._db.execute(query, values).fetchall()

    def _bring_up_to_date(self) -> None:
        if "series" not in {row["name"] for row in self.read("PRAGMA table_info(instances)")}:
            with self.writing() as database:
                database.execute(SERIES)
        with self.writing() as database:
            database.execute(OF_SERIES)
