"""Drafts and decisions of reviewers, each an appended row; what they decided is carried out elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from scrub_pixels.store.queue.entries import ReviewQueue
from scrub_pixels.store.queue.forms import draft_from, draft_json
from scrub_pixels.store.queue.leases import Leases
from scrub_pixels.store.queue.listing import SUMMARY, entry_of
from scrub_pixels.store.queue.sample import CLEAN, MISSED, Sample
from scrub_pixels.store.queue.schema import APPROVALS, DRAFTS, ENTRIES
from scrub_pixels.store.queue.values import Draft, Entry, Kind, ReviewConflict, State

_E, _D, _A = ENTRIES.c, DRAFTS.c, APPROVALS.c

LEFT: Mapping[str, Any] = MappingProxyType({"claimed_by": "", "claimed_until": 0.0})

NOTHING: Mapping[str, Any] = MappingProxyType({})

MISSED_TEXT = "quality control found text that was missed"


class Drafts:
    """What reviewers would have masked, step by step; every step stays."""

    def __init__(self, queue: ReviewQueue, leases: Leases) -> None:
        self.queue, self.leases = queue, leases

    def current(self, entry: Entry) -> Draft | None:
        """Return the draft that stands, or None for what was proposed."""
        with self.queue.database.reading() as connection:
            content = connection.execute(select(_D.content).where(_D.id == entry.draft)).scalar()
        return draft_from(json.loads(content)) if content else None

    def save(self, key: str, who: str, draft: Draft) -> None:
        """Append a draft; it stands from now on."""
        with self.queue.database.writing() as connection:
            entry = self.leases.held_by(connection, key, who)
            number = connection.execute(insert(DRAFTS).values(
                entry=entry.id, round=entry.round, parent=entry.draft, at=time.time(), who=who,
                content=json.dumps(draft_json(draft))).returning(_D.id)).scalar_one()
            self._stands(connection, entry, number)
            self.queue.write_log(connection, entry.id, who, "drafted", {"draft": number})

    def undo(self, key: str, who: str) -> None:
        """Let the draft before stand again; nothing happens at the first."""
        with self.queue.database.writing() as connection:
            entry = self.leases.held_by(connection, key, who)
            parent = connection.execute(select(_D.parent).where(_D.id == entry.draft)).scalar()
            if parent is not None:
                self._stands(connection, entry, parent)
                self.queue.write_log(connection, entry.id, who, "undone", {"draft": entry.draft})

    def redo(self, key: str, who: str) -> None:
        """Let the last draft that was undone stand again; nothing happens without one."""
        with self.queue.database.writing() as connection:
            entry = self.leases.held_by(connection, key, who)
            child = self._after(connection, entry)
            if child is not None:
                self._stands(connection, entry, child)
                self.queue.write_log(connection, entry.id, who, "redone", {"draft": child})

    def can_redo(self, entry: Entry) -> bool:
        """Tell whether there is a draft after the one that stands."""
        with self.queue.database.reading() as connection:
            return self._after(connection, entry) is not None

    def _after(self, connection: Connection, entry: Entry) -> int | None:
        query = select(func.max(_D.id)).where(_D.entry == entry.id, _D.parent == entry.draft)
        if not entry.draft:
            query = query.where(_D.round == entry.round)
        return connection.execute(query).scalar()

    def _stands(self, connection: Connection, entry: Entry, number: int) -> None:
        stands = update(ENTRIES).where(_E.id == entry.id).values(draft=number, changed=time.time())
        connection.execute(stands)


class Verdicts:
    """Accepting, rejecting and taking back; each is durable before it is carried out."""

    def __init__(self, queue: ReviewQueue, leases: Leases, sample: Sample) -> None:
        self.queue, self.leases, self.sample = queue, leases, sample

    def accept(self, key: str, who: str, needed: int, drawn: bool) -> Entry:
        """Approve the draft that stands; with enough approvals, the entry is decided.

        Parameters
        ----------
        key, who
            Which entry, and who has it.
        needed
            How many different reviewers it takes.
        drawn
            True if the draft masks more than was proposed: then quality control found a miss.
        """
        with self.queue.database.writing() as connection:
            entry = self.leases.held_by(connection, key, who)
            approvals = self._approve(connection, entry, who)
            detail = {"draft": entry.draft, "approvals": approvals, "needed": needed}
            self.queue.write_log(connection, entry.id, who, "accepted", detail)
            if approvals < needed:
                return self._set(connection, entry, **LEFT)
            if entry.kind is Kind.QA and not drawn:
                self.sample.judge(connection, key, CLEAN)
                return self._set(connection, entry, state=State.PASSED.value, **LEFT)
            if entry.kind is Kind.QA:
                self.sample.judge(connection, key, MISSED)
            return self._decide(connection, entry, State.ACCEPTED)

    def _approve(self, connection: Connection, entry: Entry, who: str) -> int:
        dialect = sqlite if self.queue.database.is_sqlite else postgresql
        row = {"entry": entry.id, "round": entry.round, "draft": entry.draft, "who": who, "at": time.time()}
        connection.execute(dialect.insert(APPROVALS).on_conflict_do_nothing(), row)
        of_draft = (_A.entry == entry.id, _A.round == entry.round, _A.draft == entry.draft)
        return int(connection.execute(select(func.count()).where(*of_draft)).scalar_one())

    def approvals(self, entry: Entry) -> tuple[str, ...]:
        """Return who accepted the draft that stands."""
        query = select(_A.who).where(_A.entry == entry.id, _A.round == entry.round, _A.draft == entry.draft)
        with self.queue.database.reading() as connection:
            return tuple(connection.execute(query.order_by(_A.at)).scalars())

    def reject(self, key: str, who: str, reason: str) -> Entry:
        """Decide that an Instance is never released."""
        with self.queue.database.writing() as connection:
            entry = self.leases.held_by(connection, key, who)
            self.queue.write_log(connection, entry.id, who, "rejected", {"reason": reason})
            if entry.kind is Kind.QA:
                self.sample.judge(connection, key, MISSED)
            return self._decide(connection, entry, State.REJECTED)

    def missed(self, key: str, who: str) -> Entry:
        """Decide that a released Instance shows text that was missed: held again.

        Raises
        ------
        ReviewConflict
            If the entry is not one of quality control.
        """
        with self.queue.database.writing() as connection:
            entry = self.leases.held_by(connection, key, who)
            if entry.kind is not Kind.QA:
                raise ReviewConflict("This is no entry of quality control.", remedy="Accept or reject it.")
            self.sample.judge(connection, key, MISSED)
            self.queue.write_log(connection, entry.id, who, "missed", {})
            self.queue.give_reasons(connection, entry.id, (MISSED_TEXT,))
            return self._set(connection, entry, kind=Kind.HELD.value, booked=0)

    def reopen(self, key: str, who: str) -> Entry:
        """Take a decision back; what was done for it is undone when decisions are carried out.

        Raises
        ------
        ReviewConflict
            If the entry is pending, or its input ended otherwise.
        """
        with self.queue.database.writing() as connection:
            entry = self.leases.locked(connection, key)
            if entry.state in (State.PENDING, State.SUPERSEDED):
                raise ReviewConflict("There is no decision to take back.", remedy="Load the list again.")
            self.queue.write_log(connection, entry.id, who, "opened again", {"was": entry.state.value})
            if entry.kind is Kind.QA:
                self.sample.judge(connection, key, "")
            stands = 1 if entry.state is State.PASSED else 0
            return self._set(connection, entry, state=State.PENDING.value, booked=stands,
                             round=entry.round + 1, **LEFT)

    def undecided_on_disk(self) -> list[Entry]:
        """Return the entries whose decision is not carried out yet, the oldest first."""
        query = select(*SUMMARY).where(_E.owner == self.queue.owner, _E.booked == 0).order_by(_E.id)
        with self.queue.database.reading() as connection:
            return [entry_of(row) for row in connection.execute(query)]

    def booked(self, entry: Entry, state: State, what: str,
               detail: Mapping[str, Any] = NOTHING) -> bool:
        """Enter that a decision was carried out, if it still stands; say whether it did."""
        stands = (_E.id == entry.id, _E.state == entry.state.value, _E.round == entry.round,
                  _E.draft == entry.draft)
        with self.queue.database.writing() as connection:
            done = update(ENTRIES).where(*stands).values(state=state.value, booked=1, changed=time.time())
            found = connection.execute(done.returning(_E.id)).scalar()
            if found is not None and what:
                self.queue.write_log(connection, entry.id, "pipeline", what, dict(detail))
        return found is not None

    def changed(self, entry: Entry, who: str) -> None:
        """Enter that the input of an entry is not what was held: it has to be searched again."""
        with self.queue.database.writing() as connection:
            self.queue.write_log(connection, entry.id, who, "input has changed", {})
            self._set(connection, entry, booked=0, **LEFT)

    def looked_at(self, entry: Entry, digest: str) -> None:
        """Enter the digest of the bytes that are looked at first: only these may be released."""
        with self.queue.database.writing() as connection:
            first = update(ENTRIES).where(_E.id == entry.id, _E.digest == "")
            connection.execute(first.values(digest=digest))

    def _decide(self, connection: Connection, entry: Entry, state: State) -> Entry:
        return self._set(connection, entry, state=state.value, kind=Kind.HELD.value, booked=0, **LEFT)

    def _set(self, connection: Connection, entry: Entry, **values: Any) -> Entry:
        changed = update(ENTRIES).where(_E.id == entry.id).values(changed=time.time(), **values)
        return entry_of(connection.execute(changed.returning(*SUMMARY)).one())
