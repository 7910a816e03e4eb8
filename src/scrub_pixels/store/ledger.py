"""The ledger: one row per input, how it ended, and why; the journal that makes a run resumable.

An input is *begun* when it is handed to a worker and *settled* when its Account has arrived. Rows
are committed together, at most half a second or 500 rows late, so a crash can lose the end of the
journal but never a part of a row. What was lost shows: the input is still begun (it is done
again) and its output, if it was written, stands in OUT without a row (`unaccounted` names it).

Input paths are kept as the bytes the file system has, since not every name is Unicode.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from scrub_pixels import __version__
from scrub_pixels.errors import WorkspaceError
from scrub_pixels.store.accounts import PLACE, Account, Input, Outcome
from scrub_pixels.store.database import Batched, connect, database_explained

SCHEMA = """
CREATE TABLE IF NOT EXISTS targets (
    id INTEGER PRIMARY KEY,
    folder BLOB NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY,
    started REAL NOT NULL,
    finished REAL,
    source BLOB NOT NULL,
    target INTEGER NOT NULL REFERENCES targets(id),
    policy_digest TEXT NOT NULL,
    policy TEXT NOT NULL,
    versions TEXT NOT NULL,
    layout TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS inputs (
    id INTEGER PRIMARY KEY,
    target INTEGER NOT NULL REFERENCES targets(id),
    path BLOB NOT NULL,
    member INTEGER NOT NULL,
    relative BLOB NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    digest TEXT NOT NULL DEFAULT '',
    run INTEGER NOT NULL REFERENCES runs(id),
    attempts INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,
    code TEXT NOT NULL DEFAULT '',
    stage TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    reasons TEXT NOT NULL DEFAULT '[]',
    output TEXT NOT NULL DEFAULT '',
    frames INTEGER NOT NULL DEFAULT 0,
    frames_masked INTEGER NOT NULL DEFAULT 0,
    text_lines INTEGER NOT NULL DEFAULT 0,
    text_masked INTEGER NOT NULL DEFAULT 0,
    started REAL NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0,
    policy_digest TEXT NOT NULL DEFAULT '',
    facts TEXT NOT NULL DEFAULT '{}',
    UNIQUE (target, path, member)
) STRICT;
CREATE INDEX IF NOT EXISTS inputs_outcome ON inputs (target, outcome);
CREATE UNIQUE INDEX IF NOT EXISTS output_owner ON inputs (target, output) WHERE output != '';
"""

PLAIN = ("id", "size", "modified", "digest", "run", "attempts", "code", "stage", "message", "output",
         "started", "seconds", "policy_digest")
COUNTS = ("frames", "frames_masked", "text_lines", "text_masked")


@dataclass(frozen=True, slots=True)
class Totals:
    """How many inputs ended how; `pending` have begun and not ended."""

    inputs: int
    released: int
    held: int
    refused: int
    not_dicom: int
    pending: int

    @property
    def closed(self) -> bool:
        """True if every input has exactly one end."""
        return self.pending == 0 and self.inputs == self.released + self.held + self.refused + self.not_dicom


@dataclass(frozen=True, slots=True)
class Row:
    """One input in the ledger. Private: it names the input; its repr does not."""

    id: int
    path: str
    member: int | None
    relative: str
    size: int
    modified: int
    digest: str
    run: int
    attempts: int
    outcome: Outcome | None
    code: str
    stage: str
    message: str
    reasons: tuple[str, ...]
    output: str
    started: float
    seconds: float
    policy_digest: str
    facts: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Row(id={self.id}, outcome={self.outcome})"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run was asked to do; private where it names folders."""

    id: int
    started: float
    finished: float | None
    policy_digest: str
    policy: Mapping[str, Any]
    versions: Mapping[str, str]


class Ledger:
    """The ledger of a workspace, for one output folder; one process writes, any number may read.

    Parameters
    ----------
    file
        The SQLite file, made with mode 0600 if new.
    out
        The output folder whose inputs are meant; by default that of the last run.
    first
        Commits what the ledger must never be ahead of: the review queue.

    Raises
    ------
    WorkspaceError
        If the file cannot be used, or there was no run yet and `out` is not given.
    """

    def __init__(self, file: Path, out: Path | str | None = None,
                 first: Callable[[], None] | None = None) -> None:
        self._db = connect(file, SCHEMA)
        _bring_up_to_date(self._db)
        self._batch = Batched(self._db, first)
        self._target = _target(self._db, out)
        self.runs = Runs(self._db, self._target)

    @property
    def folder(self) -> str:
        """The output folder whose inputs are meant, resolved, or its URL."""
        row = self._db.execute("SELECT folder FROM targets WHERE id = ?", (self._target,)).fetchone()
        return os.fsdecode(row[0])

    def close(self) -> None:
        """Commit what is open and close the file."""
        try:
            self._batch.commit()
        finally:
            self._db.close()

    def commit(self) -> None:
        """Make everything written so far durable now."""
        self._batch.commit()

    def begin(self, run: int, source: Input) -> int:
        """Enter an input that is about to be worked on, and return its number; attempts are counted."""
        with database_explained():
            row = self._db.execute(
                "INSERT INTO inputs (target, path, member, relative, size, modified, run, attempts) "
                "VALUES (?,?,?,?,?,?,?,1) ON CONFLICT (target, path, member) DO UPDATE SET "
                "size = excluded.size, modified = excluded.modified, run = excluded.run, "
                "relative = excluded.relative, attempts = attempts + 1, outcome = NULL RETURNING id",
                (*self._key(source), _text_bytes(source.relative), source.size, source.modified, run)
            ).fetchone()
            self._batch.wrote()
        return int(row[0])

    def settle(self, number: int, account: Account, policy_digest: str) -> Account:
        """Enter how an input ended.

        Parameters
        ----------
        number
            What `begin` returned.
        account
            How it ended.
        policy_digest
            The policy under which it ended so.

        Returns
        -------
        Account
            The same, or, if another input owns the output file already, the account of a duplicate.
        """
        with database_explained():
            try:
                self._update(number, account, policy_digest)
            except sqlite3.IntegrityError:
                account = _as_duplicate(account)
                self._update(number, account, policy_digest)
            self._batch.wrote()
        return replace(account, ref=number)

    def touch(self, number: int, source: Input) -> None:
        """Enter that an input has another time, and the content it had."""
        with database_explained():
            self._db.execute("UPDATE inputs SET modified = ? WHERE id = ?", (source.modified, number))
            self._batch.wrote()

    def forget(self, numbers: Iterable[int] | None = None) -> None:
        """Drop inputs of which nothing stands any more; all of this output folder if none are named."""
        with database_explained():
            if numbers is None:
                self._db.execute("DELETE FROM inputs WHERE target = ?", (self._target,))
            else:
                self._db.executemany("DELETE FROM inputs WHERE id = ?", [(number,) for number in numbers])
            self._batch.wrote()

    def reopen(self, number: int) -> None:
        """Enter that an input has no end any more: what was released of it is withdrawn."""
        with database_explained():
            self._db.execute("UPDATE inputs SET outcome = NULL, output = '' WHERE id = ?", (number,))
            self._batch.wrote()

    def _update(self, number: int, account: Account, policy_digest: str) -> None:
        counts = tuple(int(account.facts.get(name, 0)) for name in COUNTS)
        self._db.execute(
            "UPDATE inputs SET outcome=?, code=?, stage=?, message=?, reasons=?, output=?, started=?, "
            "seconds=?, policy_digest=?, digest=?, facts=?, frames=?, frames_masked=?, text_lines=?, "
            "text_masked=? WHERE id=?",
            (account.outcome.value, account.code, account.stage, account.message,
             json.dumps(account.reasons), account.output, account.started, account.seconds, policy_digest,
             account.digest, json.dumps(account.facts, separators=(",", ":")), *counts, number))

    def find(self, source: Input) -> Row | None:
        """Return the row of an input, or None."""
        return next(self._rows("AND path = ? AND member = ?", self._key(source)[1:]), None)

    def done(self, source: Input, policy_digest: str) -> Row | None:
        """Return the row of an input that, unchanged in size and time, has ended under this policy."""
        row = self.find(source)
        if row is None or row.outcome is None:
            return None
        now, then = (source.size, source.modified, policy_digest), (row.size, row.modified, row.policy_digest)
        return row if now == then else None

    def pending(self) -> Iterator[Row]:
        """Yield the inputs that have begun and not ended: what a crash interrupted."""
        yield from self._rows("AND outcome IS NULL", ())

    def twins(self) -> Iterator[list[Row]]:
        """Yield the inputs that would have one name in OUT, group by group: copies, and equal UIDs."""
        query = "AND code IN ('duplicate', 'duplicate-uid') AND outcome = 'released'"
        groups: dict[str, list[Row]] = {}
        for row in self._rows(query, ()):
            groups.setdefault(str(row.facts.get(PLACE, "")), []).append(row)
        groups.pop("", None)
        for place, rows in groups.items():
            yield [*self._rows("AND output = ?", (place,)), *rows]

    def stale(self, policy_digest: str) -> Iterator[Row]:
        """Yield rows whose output was made under another policy: it goes before they are done again."""
        yield from self._rows("AND output != '' AND policy_digest != ?", (policy_digest,))

    def rows(self, outcomes: Iterable[Outcome] = ()) -> Iterator[Row]:
        """Yield rows in the order they were entered, of some outcomes only if any are named."""
        wanted = tuple(outcome.value for outcome in outcomes)
        yield from self._rows(f"AND outcome IN ({','.join('?' * len(wanted))})" if wanted else "", wanted)

    def count(self, run: int) -> int:
        """Return how many inputs a run has worked on last."""
        query = "SELECT count(*) FROM inputs WHERE target = ? AND run = ?"
        return int(self._db.execute(query, (self._target, run)).fetchone()[0])

    def _rows(self, condition: str, values: tuple[Any, ...]) -> Iterator[Row]:
        query = f"SELECT * FROM inputs WHERE target = ? {condition} ORDER BY id"
        for row in self._db.execute(query, (self._target, *values)):
            yield _row(row)

    def _key(self, source: Input) -> tuple[int, bytes, int]:
        return self._target, os.fsencode(source.path), -1 if source.member is None else source.member

    def totals(self) -> Totals:
        """Count how the inputs ended."""
        counts = dict(self._db.execute("SELECT coalesce(outcome, 'pending'), count(*) FROM inputs "
                                       "WHERE target = ? GROUP BY 1", (self._target,)).fetchall())
        released, held, refused, other = (counts.get(outcome.value, 0) for outcome in Outcome)
        return Totals(sum(counts.values()), released, held, refused, other, counts.get("pending", 0))

    def sums(self) -> Mapping[str, float]:
        """Return frames, frames_masked, text_lines, text_masked and seconds, summed over all inputs."""
        columns = ", ".join(f"coalesce(sum({c}), 0) AS {c}" for c in (*COUNTS, "seconds"))
        query = f"SELECT {columns} FROM inputs WHERE target = ?"
        return dict(self._db.execute(query, (self._target,)).fetchone())

    def unaccounted(self, files: Iterable[str]) -> list[str]:
        """Return those of `files` (paths below OUT) that no input owns: what a crash left unentered."""
        rows = self._db.execute("SELECT output FROM inputs WHERE target = ?", (self._target,))
        owned = {row[0] for row in rows}
        return [name for name in files if name not in owned]


class Runs:
    """The runs of a workspace that wrote to one output folder."""

    def __init__(self, database: sqlite3.Connection, target: int) -> None:
        self._db = database
        self._target = target

    def begin(self, source: Path | str, policy_digest: str, policy: Mapping[str, Any],
              layout: str = "") -> int:
        """Record the start of a run (IN, every effective setting, package versions); return its number."""
        row = (time.time(), os.fsencode(source), self._target, policy_digest,
               json.dumps(policy, sort_keys=True), json.dumps(package_versions(), sort_keys=True), layout)
        with database_explained():
            cursor = self._db.execute("INSERT INTO runs (started, source, target, policy_digest, policy, "
                                      "versions, layout) VALUES (?,?,?,?,?,?,?)", row)
            self._db.commit()
        return int(cursor.lastrowid or 0)

    def finish(self, run: int) -> None:
        """Record the end of a run."""
        with database_explained():
            self._db.execute("UPDATE runs SET finished = ? WHERE id = ?", (time.time(), run))
            self._db.commit()

    def layout(self) -> str:
        """Return how the last run named files, or an empty string if none has said so."""
        query = "SELECT layout FROM runs WHERE target = ? ORDER BY id DESC LIMIT 1"
        row = self._db.execute(query, (self._target,)).fetchone()
        return row[0] if row else ""

    def last(self) -> RunRecord:
        """Return the last run.

        Raises
        ------
        WorkspaceError
            If there is none.
        """
        query = "SELECT * FROM runs WHERE target = ? ORDER BY id DESC LIMIT 1"
        row = self._db.execute(query, (self._target,)).fetchone()
        if row is None:
            raise _no_run()
        return RunRecord(row["id"], row["started"], row["finished"], row["policy_digest"],
                         json.loads(row["policy"]), json.loads(row["versions"]))


@contextmanager
def open_ledger(file: Path, out: Path | str | None = None,
                first: Callable[[], None] | None = None) -> Iterator[Ledger]:
    """Open a ledger and close it at the end, whatever happens."""
    ledger = Ledger(file, out, first)
    try:
        yield ledger
    finally:
        ledger.close()


def package_versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of all it requires that is installed."""
    versions = {"python": platform.python_version(), "scrub-pixels": __version__}
    for requirement in metadata.requires("scrub-pixels") or ():
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def _no_run() -> WorkspaceError:
    return WorkspaceError("This workspace has seen no run yet.", remedy="Run scrub-pixels IN OUT first.")


def _target(database: sqlite3.Connection, out: Path | str | None) -> int:
    if out is None:
        row = database.execute("SELECT target FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        if row is None:
            raise _no_run()
        return int(row[0])
    folder = os.fsencode(out if isinstance(out, str) else os.path.realpath(out))
    with database_explained():
        database.execute("INSERT OR IGNORE INTO targets (folder) VALUES (?)", (folder,))
        database.commit()
    return int(database.execute("SELECT id FROM targets WHERE folder = ?", (folder,)).fetchone()[0])


def _text_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _bring_up_to_date(database: sqlite3.Connection) -> None:
    """Add what ledgers of earlier versions have no column for."""
    columns = {row["name"] for row in database.execute("PRAGMA table_info(runs)")}
    if "layout" not in columns:
        with database_explained():
            database.execute("ALTER TABLE runs ADD COLUMN layout TEXT NOT NULL DEFAULT ''")


def _as_duplicate(account: Account) -> Account:
    facts = {PLACE: account.output, **account.facts}
    return replace(account, code="duplicate", output="", facts=facts,
                   message="A copy of another input, whose output serves for both.")


def _row(row: sqlite3.Row) -> Row:
    plain = {name: row[name] for name in PLAIN}
    return Row(
        path=os.fsdecode(row["path"]),
        member=None if row["member"] < 0 else row["member"],
        relative=row["relative"].decode("utf-8", "surrogateescape"),
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        reasons=tuple(json.loads(row["reasons"])),
        facts=json.loads(row["facts"]),
        **plain,
    )
