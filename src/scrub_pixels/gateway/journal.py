"""The journal of a gateway: where each instance stands between the sender and the destination.

A row is written when an instance lies safely in the spool, before its sender is told so, and goes
``waiting -> held | refused | due -> done``. Instances are known by keyed tokens; the journal holds
no identifier but the UIDs of storage commitment requests that are not answered yet.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from scrub_pixels.store.database import connect, database_explained

SCHEMA = """
CREATE TABLE IF NOT EXISTS instances (
    id INTEGER PRIMARY KEY,
    token TEXT NOT NULL UNIQUE,
    sop TEXT NOT NULL,
    sop_class TEXT NOT NULL,
    study TEXT NOT NULL,
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


class Stage(str, Enum):
    """Where an instance stands."""

    WAITING = "waiting"
    HELD = "held"
    REFUSED = "refused"
    DUE = "due"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Arrival:
    """An instance that lies in the spool.

    Parameters
    ----------
    token
        Stands for SOP Instance UID, transfer syntax and content.
    sop, study
        Stand for SOP Instance UID and Study Instance UID.
    sop_class
        SOP Class UID.
    size
        Bytes.
    """

    token: str
    sop: str
    sop_class: str
    study: str
    size: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """A released instance that is to be delivered."""

    token: str
    output: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Ending:
    """How the work on an instance ended.

    Parameters
    ----------
    token, stage
        Which one, and where it stands now.
    code
        PHI-free word for why it was refused.
    output, digest
        Path below OUT of what was released, and the SHA-256 of that file.
    """

    token: str
    stage: Stage
    code: str = ""
    output: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Commitment:
    """A storage commitment request that has to be reported on."""

    id: int
    peer: str
    request: Mapping[str, object]
    attempts: int


class Journal:
    """The journal of one gateway; any thread may use it.

    Parameters
    ----------
    file
        The SQLite file, made with mode 0600 if new.
    """

    def __init__(self, file: Path) -> None:
        self._db = connect(file, SCHEMA, threads=True)
        self._arrivals = connect(file, SCHEMA, threads=True)
        self._arrivals.execute("PRAGMA synchronous = NORMAL")
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._arrivals.close()
            self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for one transaction, durable when the block ends."""
        with self._lock, database_explained(), self._db:
            yield self._db

    def _read(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        with self._lock, database_explained():
            return self._db.execute(query, values).fetchall()

    def knows(self, token: str) -> bool:
        """Tell whether this very instance has been received before."""
        return bool(self._read("SELECT 1 FROM instances WHERE token = ?", (token,)))

    def receive(self, arrival: Arrival) -> None:
        """Enter an instance that lies in the spool.

        This needs no sync of its own: a row that a power failure takes is made again from the file.
        """
        row = (arrival.token, arrival.sop, arrival.sop_class, arrival.study, arrival.size, time.time(),
               Stage.WAITING.value)
        with self._lock, database_explained(), self._arrivals as database:
            database.execute("INSERT OR IGNORE INTO instances (token, sop, sop_class, study, size, received, "
                             "state) VALUES (?,?,?,?,?,?,?)", row)

    def waiting(self, most: int) -> list[str]:
        """Return tokens of instances to scrub, in the order they came."""
        query = "SELECT token FROM instances WHERE state = 'waiting' ORDER BY next_try, id LIMIT ?"
        return [row["token"] for row in self._read(query, (most,))]

    def settle(self, endings: Iterable[Ending], policy: str) -> None:
        """Enter how the work on instances ended, all or none."""
        rows = [(e.stage.value, e.code, e.output, e.digest, policy, e.token) for e in endings]
        with self._writing() as database:
            database.executemany("UPDATE instances SET state = ?, code = ?, output = ?, digest = ?, "
                                 "policy = ?, attempts = 0, next_try = 0 WHERE token = ?", rows)

    def reopen(self, policy: str, codes: Iterable[str]) -> int:
        """Let refused instances wait again if the policy changed or the reason may have passed."""
        wanted = tuple(codes)
        marks = ",".join("?" * len(wanted))
        with self._writing() as database:
            return database.execute("UPDATE instances SET state = 'waiting' WHERE state = 'refused' AND "
                                    f"(policy != ? OR code IN ({marks}))", (policy, *wanted)).rowcount

    def held(self, after: str = "", most: int = 500) -> list[str]:
        """Return a page of tokens of held instances."""
        query = "SELECT token FROM instances WHERE state = 'held' AND token > ? ORDER BY token LIMIT ?"
        return [row["token"] for row in self._read(query, (after, most))]

    def due(self, most: int, quiet: float, patience: float) -> list[Parcel]:
        """Return released instances whose delivery is due.

        Parameters
        ----------
        most
            Most to return.
        quiet
            Seconds in which nothing of the same study may have come; what waits to be scrubbed
            keeps its study back too.
        patience
            The longest time between tries; a next try later than that is a clock that jumped.
        """
        now = time.time()
        stable = ("AND NOT EXISTS (SELECT 1 FROM instances other WHERE other.study = one.study AND "
                  "(other.state = 'waiting' OR other.received BETWEEN ? AND ?)) " if quiet else "")
        values = (now, now + patience, *((now - quiet, now) if quiet else ()), most)
        rows = self._read("SELECT token, output, attempts FROM instances one WHERE state = 'due' AND "
                          f"(next_try <= ? OR next_try > ?) {stable}ORDER BY study, id LIMIT ?", values)
        return [Parcel(row["token"], row["output"], row["attempts"]) for row in rows]

    def delivered(self, tokens: Iterable[str]) -> None:
        """Enter that the destination has acknowledged instances."""
        with self._writing() as database:
            database.executemany("UPDATE instances SET state = 'done', code = '' WHERE token = ?",
                                 [(token,) for token in tokens])

    def postpone(self, failures: Iterable[tuple[str, str, float]]) -> None:
        """Enter failed deliveries: token, PHI-free reason, seconds until the next try."""
        now = time.time()
        rows = [(code, now + wait, token) for token, code, wait in failures]
        with self._writing() as database:
            database.executemany("UPDATE instances SET attempts = attempts + 1, code = ?, next_try = ? "
                                 "WHERE token = ?", rows)

    def stages(self, sop: str) -> list[tuple[str, Stage]]:
        """Return SOP class and stage of every instance with a SOP Instance UID."""
        rows = self._read("SELECT sop_class, state FROM instances WHERE sop = ?", (sop,))
        return [(row["sop_class"], Stage(row["state"])) for row in rows]

    def sharing(self, output: str) -> int:
        """Return how many instances still need a file of the outbox."""
        query = "SELECT count(*) FROM instances WHERE state = 'due' AND output = ?"
        return int(self._read(query, (output,))[0][0])

    def on_its_way(self, output: str, digest: str) -> bool:
        """Tell whether this very file is due or was delivered for another instance."""
        query = "SELECT 1 FROM instances WHERE output = ? AND digest = ? AND state IN ('due', 'done')"
        return bool(self._read(query, (output, digest)))

    def is_behind(self, output: str) -> bool:
        """Tell whether a file of the outbox was delivered and nobody waits for it."""
        rows = self._read("SELECT state FROM instances WHERE output = ?", (output,))
        return {row["state"] for row in rows} == {"done"}

    def finished(self, token: str) -> bool:
        """Tell whether an instance needs its file in the spool no more."""
        query = "SELECT 1 FROM instances WHERE token = ? AND state IN ('due', 'done')"
        return bool(self._read(query, (token,)))

    def counts(self) -> dict[str, int]:
        """Return how many instances stand in each stage."""
        rows = self._read("SELECT state, count(*) AS number FROM instances GROUP BY state")
        counts = {row["state"]: int(row["number"]) for row in rows}
        return {stage.value: counts.get(stage.value, 0) for stage in Stage}

    # -- storage commitment

    def promise(self, peer: str, request: Mapping[str, object]) -> None:
        """Enter a storage commitment request; durable when this returns."""
        row = (peer, json.dumps(request))
        with self._writing() as database:
            database.execute("INSERT INTO commitments (peer, request) VALUES (?, ?)", row)

    def promises(self, most: int = 20) -> list[Commitment]:
        """Return storage commitment requests that are to be reported on now."""
        query = "SELECT * FROM commitments WHERE next_try <= ? ORDER BY id LIMIT ?"
        return [Commitment(row["id"], row["peer"], json.loads(row["request"]), row["attempts"])
                for row in self._read(query, (time.time(), most))]

    def reported(self, number: int) -> None:
        """Enter that a storage commitment request has been reported on, or was given up."""
        with self._writing() as database:
            database.execute("DELETE FROM commitments WHERE id = ?", (number,))

    def report_later(self, number: int, wait: float) -> None:
        """Enter that a report could not be sent."""
        with self._writing() as database:
            database.execute("UPDATE commitments SET attempts = attempts + 1, next_try = ? WHERE id = ?",
                             (time.time() + wait, number))
