"""What was released and is to be delivered: the part of the journal behind the pipeline."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from scrub_pixels.gateway.journal_file import JournalFile


@dataclass(frozen=True, slots=True)
class Parcel:
    """A released instance that is to be delivered."""

    token: str
    output: str
    attempts: int


class Parcels:
    """Instances that are ``due`` or ``done``.

    Parameters
    ----------
    file
        The journal's file.
    """

    def __init__(self, file: JournalFile) -> None:
        self._file = file

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
        rows = self._file.read("SELECT token, output, attempts FROM instances one WHERE state = 'due' AND "
                               f"(next_try <= ? OR next_try > ?) {stable}ORDER BY study, id LIMIT ?", values)
        return [Parcel(row["token"], row["output"], row["attempts"]) for row in rows]

    def delivered(self, tokens: Iterable[str]) -> None:
        """Enter that the destination has acknowledged instances."""
        with self._file.writing() as database:
            database.executemany("UPDATE instances SET state = 'done', code = '' WHERE token = ?",
                                 [(token,) for token in tokens])

    def postpone(self, failures: Iterable[tuple[str, str, float]]) -> None:
        """Enter failed deliveries: token, PHI-free reason, seconds until the next try."""
        now = time.time()
        rows = [(code, now + wait, token) for token, code, wait in failures]
        with self._file.writing() as database:
            database.executemany("UPDATE instances SET attempts = attempts + 1, code = ?, next_try = ? "
                                 "WHERE token = ?", rows)

    def sharing(self, output: str) -> int:
        """Return how many instances still need a file of the outbox."""
        query = "SELECT count(*) FROM instances WHERE state = 'due' AND output = ?"
        return int(self._file.read(query, (output,))[0][0])

    def on_its_way(self, output: str, digest: str) -> bool:
        """Tell whether this very file is due or was delivered for another instance."""
        query = "SELECT 1 FROM instances WHERE output = ? AND digest = ? AND state IN ('due', 'done')"
        return bool(self._file.read(query, (output, digest)))

    def is_behind(self, output: str) -> bool:
        """Tell whether a file of the outbox was delivered and nobody waits for it."""
        rows = self._file.read("SELECT state FROM instances WHERE output = ?", (output,))
        return {row["state"] for row in rows} == {"done"}
