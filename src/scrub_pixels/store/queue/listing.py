"""The reading half of the queue: one entry, pages of them, counts, and the log."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, select

from scrub_pixels.decisions.findings import Decision
from scrub_pixels.store.queue.connection import QueueDatabase
from scrub_pixels.store.queue.forms import decision_from
from scrub_pixels.store.queue.schema import DRAFTS, ENTRIES, LOG, REASONS
from scrub_pixels.store.queue.values import Entry, Facets, Kind, LogLine, State, Wanted

_E = ENTRIES.c

SUMMARY = tuple(_E[name] for name in (
    "id", "key", "path", "member", "relative", "size", "modified", "state", "kind", "created", "modality",
    "device", "series", "rows", "columns", "frames", "reasons", "naming", "claimed_by", "claimed_until",
    "booked", "round", "draft", "digest"))

SOME = 500
"""Values that go into one statement."""


class QueueReader:
    """What can be asked of the entries of one workspace and output folder.

    Parameters
    ----------
    database
        Where they are.
    owner
        Token of workspace and output folder: others in the same database are never seen.
    """

    def __init__(self, database: QueueDatabase, owner: str) -> None:
        self.database, self.owner = database, owner

    def history(self, number: int) -> list[LogLine]:
        """Return the log of an entry, oldest first."""
        query = select(LOG).where(LOG.c.entry == number).order_by(LOG.c.id)
        with self.database.reading() as connection:
            return [_log_line(row) for row in connection.execute(query)]

    def whole_log(self) -> Iterator[tuple[LogLine, str]]:
        """Yield every line of the log, oldest first, with the key of its entry or an empty string."""
        query = (select(LOG, _E.key).outerjoin(ENTRIES, _E.id == LOG.c.entry)
                 .where(LOG.c.owner == self.owner).order_by(LOG.c.id).limit(SOME))
        last = 0
        while True:
            with self.database.reading() as connection:
                rows = connection.execute(query.where(LOG.c.id > last)).all()
            if not rows:
                return
            yield from ((_log_line(row), row.key or "") for row in rows)
            last = rows[-1].id

    def get(self, key: str) -> Entry | None:
        """Return the entry of a key, or None."""
        query = select(*SUMMARY).where(_E.owner == self.owner, _E.key == key)
        with self.database.reading() as connection:
            row = connection.execute(query).first()
        return entry_of(row) if row else None

    def decision(self, number: int) -> Decision:
        """Return findings and proposed redactions of an entry. Private: it holds readings.

        Raises
        ------
        KeyError
            If there is no such entry.
        """
        query = select(_E.reasons, _E.findings, _E.redactions).where(_E.id == number)
        with self.database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise KeyError(number)
        return decision_from(row.reasons, row.findings, row.redactions)

    def entries(self, wanted: Wanted | None = None) -> list[Entry]:
        """Return a page of entries in the order they came, without their findings."""
        wanted = wanted or Wanted()
        query = selected(select(*SUMMARY), self.owner, wanted).limit(wanted.limit)
        with self.database.reading() as connection:
            return [entry_of(row) for row in connection.execute(query)]

    def drafted(self, entries: Sequence[Entry]) -> list[tuple[Entry, Decision, str]]:
        """Return entries with what was decided about them and the JSON of their draft, if they have one."""
        columns = (_E.id, _E.reasons, _E.findings, _E.redactions, DRAFTS.c.content)
        query = select(*columns).outerjoin(DRAFTS, DRAFTS.c.id == _E.draft)
        found: dict[int, Any] = {}
        with self.database.reading() as connection:
            for start in range(0, len(entries), SOME):
                some = [entry.id for entry in entries[start : start + SOME]]
                found |= {row.id: row for row in connection.execute(query.where(_E.id.in_(some)))}
        rows = [(entry, found[entry.id]) for entry in entries if entry.id in found]
        return [(entry, decision_from(row.reasons, row.findings, row.redactions), row.content or "")
                for entry, row in rows]

    def siblings(self, entry: Entry) -> tuple[int, int]:
        """Return how many other pending entries are of the same Series, and of the same device and size."""
        with self.database.reading() as connection:
            def number(condition: Iterable[ColumnElement[bool]]) -> int:
                query = select(func.count()).select_from(ENTRIES)
                return int(connection.execute(query.where(self._beside(entry), *condition)).scalar_one())

            series, layout = _likes(entry)
            return number(series), number(layout)

    def beside(self, entry: Entry, by_series: bool, limit: int) -> list[Entry]:
        """Return other pending entries of the same Series, or of the same device and size."""
        condition = _likes(entry)[0 if by_series else 1]
        query = select(*SUMMARY).where(self._beside(entry), *condition).order_by(_E.id).limit(limit)
        with self.database.reading() as connection:
            return [entry_of(row) for row in connection.execute(query)]

    def _beside(self, entry: Entry) -> ColumnElement[bool]:
        return and_(_E.owner == self.owner, _E.state == State.PENDING.value, _E.id != entry.id)

    def counts(self) -> Mapping[str, int]:
        """Return how many entries stand in each state."""
        return self.facets().states

    def reasons(self, state: State = State.PENDING) -> Mapping[str, int]:
        """Return how many entries of a state have each reason, most frequent first."""
        with self.database.reading() as connection:
            return self._reasons(connection, state)

    def _reasons(self, connection: Connection, state: State) -> Mapping[str, int]:
        number = func.count().label("number")
        query = (select(REASONS.c.reason, number)
                 .where(REASONS.c.owner == self.owner, REASONS.c.state == state.value)
                 .group_by(REASONS.c.reason).order_by(number.desc(), REASONS.c.reason))
        return {row.reason: row.number for row in connection.execute(query)}

    def facets(self) -> Facets:
        """Return how many entries there are of each kind."""
        columns = (_E.state, _E.kind, _E.device, _E.modality)
        query = select(*columns, func.count()).where(_E.owner == self.owner).group_by(*columns)
        states, kinds, devices, modalities = (Counter[str]() for _ in columns)
        with self.database.reading() as connection:
            for state, kind, device, modality, number in connection.execute(query):
                states[state] += number
                if state == State.PENDING.value:
                    kinds[kind] += number
                    devices[device] += number
                    modalities[modality] += number
            return Facets(states, kinds, self._reasons(connection, State.PENDING),
                          dict(sorted(devices.items())), dict(sorted(modalities.items())))


def selected(query: Select[Any], owner: str, wanted: Wanted) -> Select[Any]:
    """Return a query of the entries that are wanted, in order; its limit is left to the caller."""
    order = REASONS.c.entry if wanted.reason else _E.id
    if wanted.reason:
        # Walked in the order of the reason's own index, so that a page reads no more than its rows.
        query = query.join(REASONS, _E.id == order)
        query = query.where(REASONS.c.owner == owner, REASONS.c.reason == wanted.reason)
        if wanted.state:
            query = query.where(REASONS.c.state == wanted.state.value)
    equal = {"state": wanted.state.value if wanted.state else "",
             "kind": wanted.kind.value if wanted.kind else "", "modality": wanted.modality,
             "device": wanted.device, "series": wanted.series}
    conditions = [_E[name] == value for name, value in equal.items() if value]
    return query.where(_E.owner == owner, order > wanted.after, *conditions).order_by(order)


def entry_of(row: Row[Any]) -> Entry:
    """Return the entry of a row of `SUMMARY` columns."""
    values = dict(row._mapping)
    return Entry(**{
        **values,
        "path": os.fsdecode(values["path"]),
        "relative": values["relative"].decode("utf-8", "surrogateescape"),
        "member": None if values["member"] < 0 else values["member"],
        "state": State(values["state"]), "kind": Kind(values["kind"]),
        "reasons": tuple(json.loads(values["reasons"])), "booked": bool(values["booked"]),
    })


def _likes(entry: Entry) -> tuple[tuple[ColumnElement[bool], ...], tuple[ColumnElement[bool], ...]]:
    """Return what makes entries siblings: an empty Series or device is nobody's."""
    series = (_E.series == entry.series, _E.series != "")
    layout = (_E.device == entry.device, _E.device != "", _E.rows == entry.rows, _E.columns == entry.columns)
    return series, layout


def _log_line(row: Row[Any]) -> LogLine:
    return LogLine(row.at, row.who, row.what, json.loads(row.detail))
