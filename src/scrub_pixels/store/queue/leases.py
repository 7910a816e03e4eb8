"""Leases: who works on which entry, decided by the database, so that two never get the same."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, or_, select, update

from scrub_pixels.errors import ScrubError
from scrub_pixels.store.queue.entries import ReviewQueue
from scrub_pixels.store.queue.listing import SUMMARY, entry_of, selected
from scrub_pixels.store.queue.schema import APPROVALS, ENTRIES
from scrub_pixels.store.queue.values import Entry, NoSuchEntry, ReviewConflict, State, Wanted

_E = ENTRIES.c
TRIES = 20
PENDING = _E.state == State.PENDING.value


class Leases:
    """Taking, prolonging and giving back entries of a queue."""

    def __init__(self, queue: ReviewQueue) -> None:
        self.queue = queue

    def claim(self, key: str, who: str, seconds: float) -> float:
        """Take an entry until the time returned, or prolong what one has.

        Raises
        ------
        NoSuchEntry, ReviewConflict
            If there is none, it is decided already, or someone else has it.
        """
        with self.queue.database.writing() as connection:
            now = self.queue.database.now(connection)
            if self._take(connection, self._of(key) & self._mine(who, now), who, now + seconds):
                return now + seconds
            taken = self._take(connection, self._of(key) & _free(now), who, now + seconds)
            if taken:
                self.queue.write_log(connection, taken.id, who, "claimed", {})
                return now + seconds
            raise self._why_not(connection, key)

    def renew(self, key: str, who: str, seconds: float) -> float:
        """Prolong what one has.

        Raises
        ------
        NoSuchEntry, ReviewConflict
            If one does not have it.
        """
        with self.queue.database.writing() as connection:
            until = self.queue.database.now(connection) + seconds
            if self._take(connection, self._of(key) & (_E.claimed_by == who), who, until):
                return until
            raise self._why_not(connection, key)

    def claim_next(self, who: str, wanted: Wanted, seconds: float) -> Entry | None:
        """Take the first pending entry that nobody has and `who` has not accepted yet, or None."""
        for _ in range(TRIES):
            with self.queue.database.writing() as connection:
                now = self.queue.database.now(connection)
                first = selected(select(_E.id), self.queue.owner, wanted)
                first = first.where(PENDING, _free(now), ~_accepted_by(who)).limit(1)
                if not self.queue.database.is_sqlite:
                    first = first.with_for_update(skip_locked=True, of=ENTRIES)
                number = connection.execute(first).scalar()
                if number is None:
                    return None
                taken = self._take(connection, and_(_E.id == number, _free(now)), who, now + seconds)
                if taken:
                    self.queue.write_log(connection, number, who, "claimed", {})
                    return entry_of(taken)
        return None

    def leave(self, key: str, who: str) -> None:
        """Give a lease back; nothing happens if there is none."""
        with self.queue.database.writing() as connection:
            given = update(ENTRIES).where(self._of(key), _E.claimed_by == who)
            connection.execute(given.values(claimed_by="", claimed_until=0.0))

    def held_by(self, connection: Connection, key: str, who: str) -> Entry:
        """Return a pending entry that `who` has, locked until the transaction ends.

        A lease that has run out still counts until somebody else takes the entry.

        Raises
        ------
        NoSuchEntry, ReviewConflict
            If `who` does not have it.
        """
        entry = self.locked(connection, key)
        if entry.state is not State.PENDING or entry.claimed_by != who:
            raise self._why_not(connection, key)
        return entry

    def locked(self, connection: Connection, key: str) -> Entry:
        """Return an entry, locked until the transaction ends.

        Raises
        ------
        NoSuchEntry
            If there is none.
        """
        query = select(*SUMMARY).where(self._of(key)).with_for_update()
        row = connection.execute(query).first()
        if row is None:
            raise _none()
        return entry_of(row)

    def _of(self, key: str) -> ColumnElement[bool]:
        return and_(_E.owner == self.queue.owner, _E.key == key)

    def _mine(self, who: str, now: float) -> ColumnElement[bool]:
        return and_(_E.claimed_by == who, _E.claimed_until >= now)

    def _take(self, connection: Connection, which: ColumnElement[bool], who: str,
              until: float) -> Row[Any] | None:
        taken = update(ENTRIES).where(which, PENDING)
        taken = taken.values(claimed_by=who, claimed_until=until, changed=time.time())
        return connection.execute(taken.returning(*SUMMARY)).first()

    def _why_not(self, connection: Connection, key: str) -> ScrubError:
        row = connection.execute(select(_E.state, _E.claimed_by).where(self._of(key))).first()
        if row is None:
            return _none()
        if row.state != State.PENDING.value:
            return ReviewConflict("This entry is decided already.", remedy="Open it again to change that.")
        if not row.claimed_by:
            return ReviewConflict("Nobody has claimed this entry.", remedy="Claim it first.")
        return ReviewConflict("Someone else is working on this entry.", remedy="Take another one.")


def _none() -> NoSuchEntry:
    return NoSuchEntry("There is no such entry.", remedy="Load the list again.")


def _free(now: float) -> ColumnElement[bool]:
    return or_(_E.claimed_by == "", _E.claimed_until < now)


def _accepted_by(who: str) -> ColumnElement[bool]:
    approved = APPROVALS.c
    return exists().where(approved.entry == _E.id, approved.round == _E.round, approved.draft == _E.draft,
                          approved.who == who)
