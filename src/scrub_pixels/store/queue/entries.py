"""The writing half of the queue: what the pipeline enters, and the log."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    case,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from scrub_pixels.store.accounts import Account, Input
from scrub_pixels.store.queue.connection import QueueDatabase
from scrub_pixels.store.queue.forms import decision_columns
from scrub_pixels.store.queue.listing import QueueReader
from scrub_pixels.store.queue.schema import ENTRIES, LOG, REASONS, WORDS
from scrub_pixels.store.queue.values import Kind, State

_E = ENTRIES.c

_FRESH = {"round": _E.round + 1, "draft": 0, "claimed_by": "", "claimed_until": 0.0}
"""What a new hold does away with: drafts and approvals were about what the input was before."""

_JUDGED = ("kind", "size", "modified", "findings", "redactions")
"""If none of these is new, the draft stays, and whoever works on the entry goes on undisturbed."""


class ReviewQueue(QueueReader):
    """The entries of one workspace and output folder, to write to as well.

    Parameters
    ----------
    where
        A SQLite file, or the URL of a PostgreSQL database; see `QueueDatabase`.
    owner
        Token of workspace and output folder: others in the same database are never seen.
    """

    def __init__(self, where: Path | str, owner: str = "") -> None:
        super().__init__(QueueDatabase(where), owner)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def commit(self) -> None:
        """Make everything written so far durable now: every change is, at once."""

    def add(self, key: str, source: Input, account: Account, kind: Kind = Kind.HELD) -> int:
        """Enter an Instance, and return its number; the same key again renews the entry.

        Parameters
        ----------
        key
            PHI-free token of the Instance (`Books.key`): safe in a URL.
        source
            Where it lies.
        account
            Its reasons, origin and decision.
        kind
            Held, or drawn for quality control.
        """
        values = {"key": key, "owner": self.owner, "kind": kind.value, **_row_of(source, account)}
        with self.database.writing() as connection:
            number = self._upsert(connection, values)
            self.give_reasons(connection, number, account.reasons)
            self._remember_words(connection, account.origin.words)
            what = "held" if kind is Kind.HELD else "drawn for quality control"
            self.write_log(connection, number, "pipeline", what, {"reasons": list(account.reasons)})
        return number

    def _upsert(self, connection: Connection, values: Mapping[str, Any]) -> int:
        dialect = sqlite if self.database.is_sqlite else postgresql
        statement: Any = dialect.insert(ENTRIES).values(**values)
        new = statement.excluded
        renewed = {name: new[name] for name in values if name not in ("key", "created")}
        same = and_(*(_E[name] == new[name] for name in _JUDGED))
        waiting = and_(same, _E.state == State.PENDING.value)
        begun = {name: case((same if name == "draft" else waiting, _E[name]), else_=fresh)
                 for name, fresh in _FRESH.items()}
        statement = statement.on_conflict_do_update(index_elements=["key"], set_={**renewed, **begun})
        return int(connection.execute(statement.returning(_E.id)).scalar_one())

    def give_reasons(self, connection: Connection, number: int, reasons: Iterable[str]) -> None:
        """Let an entry have these reasons and no others, within a transaction."""
        given = list(dict.fromkeys(reasons))
        connection.execute(update(ENTRIES).where(_E.id == number).values(reasons=json.dumps(given)))
        connection.execute(delete(REASONS).where(REASONS.c.entry == number))
        if given:
            connection.execute(insert(REASONS), [{"reason": reason, "entry": number} for reason in given])

    def _remember_words(self, connection: Connection, words: Iterable[str]) -> None:
        rows = [{"owner": self.owner, "word": word} for word in sorted(words)]
        dialect = sqlite if self.database.is_sqlite else postgresql
        if rows:
            connection.execute(dialect.insert(WORDS).on_conflict_do_nothing(), rows)

    def keys(self) -> set[str]:
        """Return the keys of all entries, whatever became of them."""
        with self.database.reading() as connection:
            return set(connection.execute(select(_E.key).where(_E.owner == self.owner)).scalars())

    def supersede(self, key: str) -> None:
        """Close a pending entry whose input has ended otherwise in a later run."""
        with self.database.writing() as connection:
            found = connection.execute(
                update(ENTRIES).where(_E.key == key, _E.state == State.PENDING.value)
                .values(state=State.SUPERSEDED.value, changed=time.time()).returning(_E.id)).scalar()
            if found is not None:
                self.write_log(connection, found, "pipeline", "superseded", {})

    def log(self, number: int | None, who: str, what: str, detail: Mapping[str, Any]) -> None:
        """Append a line to the log of an entry (None: of the queue), at once and for good."""
        with self.database.writing() as connection:
            self.write_log(connection, number, who, what, detail)

    def write_log(self, connection: Connection, number: int | None, who: str, what: str,
                  detail: Mapping[str, Any]) -> None:
        """Append a line within a transaction."""
        connection.execute(insert(LOG).values(owner=self.owner, entry=number, at=time.time(), who=who,
                                              what=what, detail=json.dumps(detail)))

@contextmanager
def open_queue(where: Path | str, owner: str = "") -> Iterator[ReviewQueue]:
    """Open a review queue and close it at the end, whatever happens."""
    queue = ReviewQueue(where, owner)
    try:
        yield queue
    finally:
        queue.close()


def _row_of(source: Input, account: Account) -> dict[str, Any]:
    now, origin = time.time(), account.origin
    return {
        "path": os.fsencode(source.path), "member": -1 if source.member is None else source.member,
        "relative": source.relative.encode("utf-8", "surrogateescape"),
        "size": source.size, "modified": source.modified, "state": State.PENDING.value, "booked": 1,
        "created": now, "changed": now, "modality": origin.modality, "device": origin.device,
        "series": origin.series, "naming": origin.naming,
        "digest": getattr(account, "digest", ""), "rows": origin.rows, "columns": origin.columns,
        "frames": origin.frames, "reasons": json.dumps(account.reasons), **decision_columns(account.decision),
    }
