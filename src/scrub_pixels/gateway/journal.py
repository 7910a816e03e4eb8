"""The journal of a gateway: where each instance stands between the sender and the destination.

A row is written when an instance lies safely in the spool, before its sender is told so, and goes
``waiting -> held | refused | due -> done``. Instances are known by keyed tokens; the journal holds
no identifier but the UIDs of storage commitment requests that are not answered yet.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from scrub_pixels.gateway.journal_file import JournalFile
from scrub_pixels.gateway.parcels import Parcels
from scrub_pixels.gateway.promises import Promises


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
    sop, study, series
        Stand for SOP Instance UID, Study Instance UID and Series Instance UID; empty if there is none.
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
    series: str = ""


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


class Journal:
    """The journal of one gateway; any thread may use it.

    Parameters
    ----------
    file
        The SQLite file, made with mode 0600 if new.

    Attributes
    ----------
    parcels
        What is to be delivered.
    promises
        Storage commitment requests.
    """

    def __init__(self, file: Path) -> None:
        self._file = JournalFile(file)
        self.parcels, self.promises = Parcels(self._file), Promises(self._file)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def knows(self, token: str) -> bool:
        """Tell whether this very instance has been received before."""
        return self._file.knows(token)

    def receive(self, arrival: Arrival) -> None:
        """Enter an instance that lies in the spool.

        This needs no sync of its own: a row that a crash takes is made again from the file.
        """
        row = (arrival.token, arrival.sop, arrival.sop_class, arrival.study, arrival.series, arrival.size,
               time.time(), Stage.WAITING.value)
        self._file.enter_soon(arrival.token, row)

    def waiting(self, most: int, quiet: float = 0.0) -> list[str]:
        """Return tokens of instances to scrub, in the order they came.

        Parameters
        ----------
        most
            Most to return.
        quiet
            Seconds in which nothing of the same Series may have come.
        """
        condition, values = _if_quiet(quiet)
        query = (f"SELECT token FROM instances one WHERE state = 'waiting' {condition}"
                 "ORDER BY next_try, id LIMIT ?")
        return [row["token"] for row in self._file.read(query, (*values, most))]

    def siblings(self, most: int, quiet: float = 0.0) -> list[tuple[str, str]]:
        """Return tokens of instances to scrub with what stands for their Series, Series by Series."""
        condition, values = _if_quiet(quiet)
        query = ("SELECT token, series, min(id) OVER (PARTITION BY iif(series = '', token, series)) AS first "
                 f"FROM instances one WHERE state = 'waiting' {condition}"
                 "ORDER BY next_try, first, id LIMIT ?")
        return [(row["token"], row["series"]) for row in self._file.read(query, (*values, most))]

    def settle(self, endings: Iterable[Ending], policy: str) -> None:
        """Enter how the work on instances ended, all or none."""
        rows = [(e.stage.value, e.code, e.output, e.digest, policy, e.token) for e in endings]
        with self._file.writing() as database:
            database.executemany("UPDATE instances SET state = ?, code = ?, output = ?, digest = ?, "
                                 "policy = ?, attempts = 0, next_try = 0 WHERE token = ?", rows)

    def reopen(self, policy: str, codes: Iterable[str]) -> int:
        """Let refused instances wait again if the policy changed or the reason may have passed."""
        wanted = tuple(codes)
        marks = ",".join("?" * len(wanted))
        with self._file.writing() as database:
            return database.execute("UPDATE instances SET state = 'waiting' WHERE state = 'refused' AND "
                                    f"(policy != ? OR code IN ({marks}))", (policy, *wanted)).rowcount

    def held(self, after: str = "", most: int = 500) -> list[str]:
        """Return a page of tokens of held instances."""
        query = "SELECT token FROM instances WHERE state = 'held' AND token > ? ORDER BY token LIMIT ?"
        return [row["token"] for row in self._file.read(query, (after, most))]

    def stages(self, sop: str) -> list[tuple[str, Stage]]:
        """Return SOP class and stage of every instance with a SOP Instance UID."""
        rows = self._file.read("SELECT sop_class, state FROM instances WHERE sop = ?", (sop,))
        return [(row["sop_class"], Stage(row["state"])) for row in rows]

    def finished(self, token: str) -> bool:
        """Tell whether an instance needs its file in the spool no more."""
        query = "SELECT 1 FROM instances WHERE token = ? AND state IN ('due', 'done')"
        return bool(self._file.read(query, (token,)))

    def counts(self) -> dict[str, int]:
        """Return how many instances stand in each stage."""
        rows = self._file.read("SELECT state, count(*) AS number FROM instances GROUP BY state")
        counts = {row["state"]: int(row["number"]) for row in rows}
        return {stage.value: counts.get(stage.value, 0) for stage in Stage}


def _if_quiet(seconds: float) -> tuple[str, tuple[float, ...]]:
    """Return the condition that nothing of an instance's Series has come lately, and its values.

    What came in the future came before the clock was set back.
    """
    if not seconds:
        return "", ()
    now = time.time()
    return ("AND (series = '' OR NOT EXISTS (SELECT 1 FROM instances other WHERE other.state = 'waiting' AND "
            "other.series = one.series AND other.received BETWEEN ? AND ?)) ", (now - seconds, now))
