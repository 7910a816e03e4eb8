"""What waits to be scrubbed, in the units in which it is worked on.

Instances of one Series that wait at the same time are one unit, so that they teach each other as they
do in a run. With a time of stability a Series is left alone until nothing of it has come for so long:
then all of it is one unit, or several if it is long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from scrub_pixels.gateway.journal import Journal
from scrub_pixels.gateway.spool import Spool
from scrub_pixels.run.series import MOST_SIBLINGS

Piece = list[tuple[str, int]]
"""Tokens of a unit, each with the number of its group; 0 is of none."""


class WaitingRoom:
    """What waits in journal and spool.

    Parameters
    ----------
    journal, spool
        Where it waits.
    siblings
        True if instances of one Series can teach each other.
    quiet
        Seconds in which nothing of a Series may have come before it is worked on.
    """

    def __init__(self, journal: Journal, spool: Spool, siblings: bool, quiet: float) -> None:
        self._journal, self._spool, self._siblings = journal, spool, siblings
        self._quiet = quiet if siblings else 0.0
        self._group = 0

    def any(self) -> bool:
        """Tell whether something is ready."""
        return bool(self._journal.waiting(1, self._quiet))

    def path(self, token: str) -> Path:
        """Return where a spooled instance lies."""
        return self._spool.path(token)

    def units(self, room: int, idle: int, without: set[str], size: int) -> list[Piece]:
        """Return units to begin.

        Parameters
        ----------
        room
            Most units to begin.
        idle
            How many of them find hands that have nothing else to do. Only these may be smaller than
            `size`: what comes while all work gathers, and shares the syncs of one unit.
        without
            Tokens that are in work.
        size
            Instances that make a unit where they are not siblings.
        """
        if room <= 0:
            return []
        if self._siblings:
            return self._by_series(room, without)
        tokens = self._fresh(room * size, without)
        share = min(size, -(-len(tokens) // idle)) if idle > 0 else size
        pieces = [[(token, 0) for token in tokens[start : start + share]]
                  for start in range(0, len(tokens), max(1, share))]
        return [piece for number, piece in enumerate(pieces) if number < idle or len(piece) == size]

    def _fresh(self, most: int, without: set[str]) -> list[str]:
        waiting = self._journal.waiting(most + len(without), self._quiet)
        return [token for token in waiting if token not in without][:most]

    def _by_series(self, room: int, without: set[str]) -> list[Piece]:
        rows = self._journal.siblings((room + 1) * MOST_SIBLINGS + len(without), self._quiet)
        fresh = ((token, series) for token, series in rows if token not in without)
        return list(islice(self._numbered(fresh), room))

    def _numbered(self, waiting: Iterable[tuple[str, str]]) -> Iterator[Piece]:
        for siblings in in_series(waiting):
            self._group += 1
            yield [(token, self._group) for token in siblings]


def in_series(waiting: Iterable[tuple[str, str]]) -> Iterator[list[str]]:
    """Yield tokens in the order of their series' first; what names no series goes alone."""
    series: dict[str, list[str]] = {}
    for token, name in waiting:
        series.setdefault(name or f"\0{token}", []).append(token)
    for tokens in series.values():
        for start in range(0, len(tokens), MOST_SIBLINGS):
            yield tokens[start : start + MOST_SIBLINGS]
