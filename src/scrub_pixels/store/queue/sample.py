"""Quality control of what was released: an even, keyed-random draw from every device and layout."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from scrub_pixels.errors import UsageError
from scrub_pixels.header import ProjectKey
from scrub_pixels.store.accounts import Origin
from scrub_pixels.store.queue.connection import QueueDatabase
from scrub_pixels.store.queue.schema import POPULATION, WORDS

_P = POPULATION.c

MOST_KNOWN = 1_000_000

CLEAN, MISSED = "clean", "missed"

_SHOWN = tuple(field.name for field in fields(Origin) if field.name != "words")


@dataclass(frozen=True, slots=True)
class Stratum:
    """What is known about the released Instances of one device and layout.

    Parameters
    ----------
    population
        How many were released.
    drawn, reviewed, missed
        How many were drawn; looked at; found with text left.
    """

    population: int
    drawn: int
    reviewed: int
    missed: int


class Sample:
    """The released Instances of one output folder, and which of them were drawn.

    Parameters
    ----------
    database, owner
        Of the queue.
    key
        The project key: it decides who is drawn, so that nobody can foresee it.
    """

    def __init__(self, database: QueueDatabase, owner: str, key: ProjectKey) -> None:
        self._database, self._owner, self._key = database, owner, key
        self._entered: dict[str, dict[str, Any]] = {}
        self._words: set[str] = set()
        self._known: set[str] = set()

    def enter(self, key: str, origin: Origin) -> None:
        """Enter a released Instance; durable with the next `commit`."""
        self._words |= origin.words - self._known
        kept = {name: getattr(origin, name) for name in _SHOWN}
        self._entered[key] = {"key": key, "owner": self._owner, "stratum": origin.stratum,
                              "rank": self._key.digest(key.encode(), "quality control"),
                              "origin": json.dumps(kept), "drawn": 0, "verdict": ""}

    def commit(self) -> None:
        """Make everything entered durable."""
        if not self._entered:
            return
        dialect = sqlite if self._database.is_sqlite else postgresql
        statement: Any = dialect.insert(POPULATION)
        renewed = {name: statement.excluded[name] for name in ("stratum", "origin", "drawn", "verdict")}
        with self._database.writing() as connection:
            rows = list(self._entered.values())
            connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=renewed), rows)
            words = [{"owner": self._owner, "word": word} for word in sorted(self._words)]
            if words:
                connection.execute(dialect.insert(WORDS).on_conflict_do_nothing(), words)
        self._known = self._words | (self._known if len(self._known) < MOST_KNOWN else set())
        self._words = set()
        self._entered.clear()

    def forget(self, key: str) -> None:
        """Take out an Instance that is not released any more, unless quality control has judged it."""
        self._entered.pop(key, None)
        with self._database.writing() as connection:
            connection.execute(POPULATION.delete().where(_P.key == key, _P.verdict == ""))

    def draw(self, share: float) -> Mapping[str, Origin]:
        """Draw a share of every stratum, at least one, and return what was not drawn before.

        Raises
        ------
        UsageError
            If `share` is not above 0 and at most 1.
        """
        if not 0 < share <= 1:
            raise UsageError("The share to draw is not above 0 % and at most 100 %.",
                             remedy="Write --qa-sample 2%.")
        with self._database.writing() as connection:
            drawn = {row.key: Origin(**json.loads(row.origin)) for row in self._lowest(connection, share)}
            keys = sorted(drawn)
            for start in range(0, len(keys), 500):
                some = _P.key.in_(keys[start : start + 500])
                connection.execute(update(POPULATION).where(some).values(drawn=1))
        return drawn

    def _lowest(self, connection: Connection, share: float) -> Iterator[Any]:
        sizes = select(_P.stratum, func.count()).where(_P.owner == self._owner).group_by(_P.stratum)
        for stratum, size in list(connection.execute(sizes)):
            query = (select(_P.key, _P.origin, _P.drawn)
                     .where(_P.owner == self._owner, _P.stratum == stratum)
                     .order_by(_P.rank).limit(max(1, math.ceil(share * size))))
            yield from (row for row in connection.execute(query) if not row.drawn)

    def judge(self, connection: Connection, key: str, verdict: str) -> None:
        """Record what quality control found, within a transaction."""
        connection.execute(update(POPULATION).where(_P.key == key).values(verdict=verdict))

    def strata(self) -> list[Stratum]:
        """Return what is known, one for every device and layout."""
        reviewed, missed = (func.sum(case((condition, 1), else_=0)) for condition in
                            (_P.verdict != "", _P.verdict == MISSED))
        query = (select(func.count(), func.sum(_P.drawn), reviewed, missed)
                 .where(_P.owner == self._owner).group_by(_P.stratum))
        with self._database.reading() as connection:
            return [Stratum(*(int(number) for number in row)) for row in connection.execute(query)]
