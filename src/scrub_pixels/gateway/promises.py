"""Storage commitment requests that have to be reported on (PS3.4 J); they outlive a restart."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from scrub_pixels.gateway.journal_file import JournalFile


@dataclass(frozen=True, slots=True)
class Commitment:
    """A storage commitment request that has to be reported on."""

    id: int
    peer: str
    request: Mapping[str, object] = field(repr=False)
    attempts: int


class Promises:
    """Requests that are not answered yet.

    Parameters
    ----------
    file
        The journal's file.
    """

    def __init__(self, file: JournalFile) -> None:
        self._file = file

    def enter(self, peer: str, request: Mapping[str, object]) -> None:
        """Enter a storage commitment request; durable when this returns."""
        row = (peer, json.dumps(request))
        with self._file.writing() as database:
            database.execute("INSERT INTO commitments (peer, request) VALUES (?, ?)", row)

    def due(self, most: int = 20) -> list[Commitment]:
        """Return storage commitment requests that are to be reported on now."""
        query = "SELECT * FROM commitments WHERE next_try <= ? ORDER BY id LIMIT ?"
        return [Commitment(row["id"], row["peer"], json.loads(row["request"]), row["attempts"])
                for row in self._file.read(query, (time.time(), most))]

    def reported(self, number: int) -> None:
        """Enter that a storage commitment request has been reported on, or was given up."""
        with self._file.writing() as database:
            database.execute("DELETE FROM commitments WHERE id = ?", (number,))

    def report_later(self, number: int, wait: float) -> None:
        """Enter that a report could not be sent."""
        with self._file.writing() as database:
            database.execute("UPDATE commitments SET attempts = attempts + 1, next_try = ? WHERE id = ?",
                             (time.time() + wait, number))
