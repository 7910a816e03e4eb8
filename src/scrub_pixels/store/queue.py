"""The review queue: what was held, why, what was read there, and what is proposed. Private.

Readings of text live here and nowhere else. The log of what happened to an entry can only grow:
the database itself refuses to change or delete a line of it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from scrub_pixels.decisions.findings import (
    Decision,
    Disposition,
    Evidence,
    EvidenceKind,
    Finding,
    Redaction,
    Verdict,
)
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.store.accounts import Account, Input
from scrub_pixels.store.database import Batched, connect, database_explained
from scrub_pixels.text.lines import TextLine

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    path BLOB NOT NULL,
    member INTEGER NOT NULL,
    relative BLOB NOT NULL,
    state TEXT NOT NULL,
    created REAL NOT NULL,
    changed REAL NOT NULL,
    modality TEXT NOT NULL DEFAULT '',
    device TEXT NOT NULL DEFAULT '',
    series TEXT NOT NULL DEFAULT '',
    frames INTEGER NOT NULL DEFAULT 0,
    reasons TEXT NOT NULL,
    findings TEXT NOT NULL,
    redactions TEXT NOT NULL,
    claimed_by TEXT NOT NULL DEFAULT '',
    claimed_until REAL NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS entries_state ON entries (state, id);
CREATE INDEX IF NOT EXISTS entries_series ON entries (series);
CREATE TABLE IF NOT EXISTS entry_reasons (
    entry INTEGER NOT NULL REFERENCES entries(id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    PRIMARY KEY (reason, entry)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (
    id INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL REFERENCES entries(id),
    at REAL NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX IF NOT EXISTS log_entry ON log (entry);
CREATE TRIGGER IF NOT EXISTS log_never_changes BEFORE UPDATE ON log
BEGIN SELECT RAISE(ABORT, 'the decision log only grows'); END;
CREATE TRIGGER IF NOT EXISTS log_never_shrinks BEFORE DELETE ON log
BEGIN SELECT RAISE(ABORT, 'the decision log only grows'); END;
"""

SUMMARY = "id, key, path, member, relative, state, created, modality, device, series, frames, reasons"


class State(str, Enum):
    """Where an entry stands."""

    PENDING = "pending"
    RELEASED = "released"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to list; what is None or empty does not restrict.

    Parameters
    ----------
    state, reason, modality, device, series
        Exact values.
    after
        Number of the last entry of the page before.
    limit
        Most entries to return.
    """

    state: State | None = None
    reason: str = ""
    modality: str = ""
    device: str = ""
    series: str = ""
    after: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One held Instance in short. Private: it names the input; its repr does not."""

    id: int
    key: str
    path: str = field(repr=False)
    member: int | None
    relative: str = field(repr=False)
    state: State
    created: float
    modality: str
    device: str
    series: str
    frames: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the append-only log of an entry."""

    at: float
    who: str
    what: str
    detail: Mapping[str, Any]


class ReviewQueue:
    """The held Instances of a workspace.

    Parameters
    ----------
    file
        The SQLite file, made with mode 0600 if new.
    """

    def __init__(self, file: Path) -> None:
        self._db = connect(file, SCHEMA)
        self._batch = Batched(self._db)

    def close(self) -> None:
        """Commit what is open and close the file."""
        try:
            self._batch.commit()
        finally:
            self._db.close()

    def commit(self) -> None:
        """Make everything written so far durable now."""
        self._batch.commit()

    def add(self, key: str, source: Input, account: Account) -> int:
        """Enter a held Instance, and return its number; the same key again renews the entry.

        Parameters
        ----------
        key
            PHI-free token of the Instance (`Workspace.token` of its path): safe in a URL.
        source
            Where it lies.
        account
            Its reasons, facts and decision.
        """
        with database_explained():
            number = self._upsert(key, source, account)
            self._db.execute("DELETE FROM entry_reasons WHERE entry = ?", (number,))
            self._db.executemany("INSERT OR IGNORE INTO entry_reasons (reason, entry) VALUES (?, ?)",
                                 [(reason, number) for reason in account.reasons])
            self._log(number, "pipeline", "held", {"reasons": list(account.reasons)})
            self._batch.wrote()
        return number

    def _upsert(self, key: str, source: Input, account: Account) -> int:
        facts, now = account.facts, time.time()
        values = {
            "key": key, "path": os.fsencode(source.path),
            "member": -1 if source.member is None else source.member,
            "relative": source.relative.encode("utf-8", "surrogateescape"), "state": State.PENDING.value,
            "created": now, "changed": now, "modality": str(facts.get("modality", "")),
            "device": str(facts.get("device", "")), "series": str(facts.get("series", "")),
            "frames": int(facts.get("frames", 0)), "reasons": json.dumps(account.reasons),
            **_decision_columns(account.decision),
        }
        names = ", ".join(values)
        renewed = ", ".join(f"{n} = excluded.{n}" for n in values if n not in ("key", "created"))
        return int(self._db.execute(
            f"INSERT INTO entries ({names}) VALUES ({', '.join('?' * len(values))}) "
            f"ON CONFLICT (key) DO UPDATE SET {renewed} RETURNING id", tuple(values.values())).fetchone()[0])

    def supersede(self, key: str) -> None:
        """Close a pending entry whose input has ended otherwise in a later run."""
        with database_explained():
            row = self._db.execute(
                "UPDATE entries SET state = ?, changed = ? WHERE key = ? AND state = ? RETURNING id",
                (State.SUPERSEDED.value, time.time(), key, State.PENDING.value)).fetchone()
            if row:
                self._log(int(row[0]), "pipeline", "superseded", {})
                self._batch.wrote()

    def log(self, number: int, who: str, what: str, detail: Mapping[str, Any]) -> None:
        """Append a line to the log of an entry, at once and for good."""
        with database_explained():
            self._log(number, who, what, detail)
        self._batch.commit()

    def _log(self, number: int, who: str, what: str, detail: Mapping[str, Any]) -> None:
        self._db.execute("INSERT INTO log (entry, at, who, what, detail) VALUES (?,?,?,?,?)",
                         (number, time.time(), who, what, json.dumps(detail)))

    def history(self, number: int) -> list[LogLine]:
        """Return the log of an entry, oldest first."""
        query = "SELECT at, who, what, detail FROM log WHERE entry = ? ORDER BY id"
        rows = self._db.execute(query, (number,))
        return [LogLine(row["at"], row["who"], row["what"], json.loads(row["detail"])) for row in rows]

    def entries(self, wanted: Wanted | None = None) -> list[Entry]:
        """Return a page of entries in the order they came, without their findings."""
        wanted = wanted or Wanted()
        source, conditions, values = _conditions(wanted)
        query = f"SELECT {SUMMARY} FROM {source} WHERE {' AND '.join(conditions)} ORDER BY id LIMIT ?"
        return [_entry(row) for row in self._db.execute(query, (*values, wanted.limit))]

    def get(self, key: str) -> Entry | None:
        """Return the entry of a key, or None."""
        row = self._db.execute(f"SELECT {SUMMARY} FROM entries WHERE key = ?", (key,)).fetchone()
        return _entry(row) if row else None

    def decision(self, number: int) -> Decision:
        """Return findings and proposed redactions of an entry. Private: it holds readings.

        Raises
        ------
        KeyError
            If there is no such entry.
        """
        query = "SELECT reasons, findings, redactions FROM entries WHERE id = ?"
        row = self._db.execute(query, (number,)).fetchone()
        if row is None:
            raise KeyError(number)
        return Decision(tuple(_finding(f) for f in json.loads(row["findings"])),
                        tuple(_redaction(r) for r in json.loads(row["redactions"])),
                        Disposition.HOLD, tuple(json.loads(row["reasons"])))

    def counts(self) -> Mapping[str, int]:
        """Return how many entries stand in each state."""
        return dict(self._db.execute("SELECT state, count(*) FROM entries GROUP BY state").fetchall())

    def reasons(self, state: State = State.PENDING) -> Mapping[str, int]:
        """Return how many entries of a state have each reason, most frequent first."""
        return dict(self._db.execute(
            "SELECT reason, count(*) AS n FROM entry_reasons JOIN entries ON entries.id = entry "
            "WHERE state = ? GROUP BY reason ORDER BY n DESC, reason", (state.value,)).fetchall())


@contextmanager
def open_queue(file: Path) -> Iterator[ReviewQueue]:
    """Open a review queue and close it at the end, whatever happens."""
    queue = ReviewQueue(file)
    try:
        yield queue
    finally:
        queue.close()


def _conditions(wanted: Wanted) -> tuple[str, list[str], list[Any]]:
    equal = {"state": wanted.state.value if wanted.state else "", "modality": wanted.modality,
             "device": wanted.device, "series": wanted.series, "reason": wanted.reason}
    chosen = {name: value for name, value in equal.items() if value}
    source = "entries JOIN entry_reasons ON entry = id" if wanted.reason else "entries"
    return source, ["id > ?", *(f"{name} = ?" for name in chosen)], [wanted.after, *chosen.values()]


def _entry(row: sqlite3.Row) -> Entry:
    member = None if row["member"] < 0 else row["member"]
    relative = row["relative"].decode("utf-8", "surrogateescape")
    return Entry(row["id"], row["key"], os.fsdecode(row["path"]), member, relative, State(row["state"]),
                 row["created"], row["modality"], row["device"], row["series"], row["frames"],
                 tuple(json.loads(row["reasons"])))


# -- Decision <-> JSON; the form `scrub-pixels review export` will document


def _decision_columns(decision: Decision | None) -> dict[str, str]:
    findings = [finding_json(f) for f in decision.findings] if decision else []
    redactions = [redaction_json(r) for r in decision.redactions] if decision else []
    return {"findings": json.dumps(findings), "redactions": json.dumps(redactions)}


def finding_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain JSON types; private, it holds the reading."""
    line = finding.line
    return {"region": _region_json(line.region), "frames": [line.frames.start, line.frames.stop],
            "reading": line.reading, "alternatives": list(line.alternatives), "confidence": line.confidence,
            "detection": line.detection, "rotation": line.rotation, "verdict": finding.verdict.value,
            "evidence": [[e.kind.value, e.detail, e.speaks_for_phi] for e in finding.evidence]}


def redaction_json(redaction: Redaction) -> dict[str, Any]:
    """Return a redaction as plain JSON types."""
    frames = [redaction.frames.start, redaction.frames.stop]
    return {"region": _region_json(redaction.region), "frames": frames, "reason": redaction.reason}


def _region_json(region: Region) -> list[int]:
    return [region.row, region.column, region.rows, region.columns]


def _finding(data: Mapping[str, Any]) -> Finding:
    line = TextLine(Region(*data["region"]), FrameSpan(*data["frames"]), data["reading"], data["confidence"],
                    data["detection"], data["rotation"], tuple(data["alternatives"]))
    return Finding(line, Verdict(data["verdict"]), _evidence(data["evidence"]))


def _evidence(items: Sequence[Sequence[Any]]) -> tuple[Evidence, ...]:
    return tuple(Evidence(EvidenceKind(kind), detail, bool(speaks)) for kind, detail, speaks in items)


def _redaction(data: Mapping[str, Any]) -> Redaction:
    return Redaction(Region(*data["region"]), FrameSpan(*data["frames"]), data["reason"])
