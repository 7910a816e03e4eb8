"""What accepted decisions said about devices and words, line by line, until enough of them agree.

A lesson is entered when an Instance is released. Lessons are private: a term in one may turn out to be a
name. `scrub_pixels.store.learned` makes what may be shared of those that agree.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import Enum

from sqlalchemy import insert, select, update

from scrub_pixels.geometry import Region
from scrub_pixels.store.queue.entries import ReviewQueue
from scrub_pixels.store.queue.listing import SOME
from scrub_pixels.store.queue.schema import LESSONS, WORDS
from scrub_pixels.store.queue.values import Entry

_L = LESSONS.c


class Kind(str, Enum):
    """What a lesson is about."""

    MASK = "mask"
    """A person masked this region in every frame."""

    KEEP = "keep"
    """What could not be read here was no text, or harmless."""

    TERM = "term"
    """This term is harmless on this device."""

    IMPORTED = "imported"
    """A whole catalogue that a person brought along."""


@dataclass(frozen=True, slots=True)
class Device:
    """A make of device and the size of its frames."""

    manufacturer: str = ""
    model: str = ""
    rows: int = 0
    columns: int = 0


@dataclass(frozen=True, slots=True)
class Lesson:
    """One thing that one decision said.

    Parameters
    ----------
    kind
        What it is about.
    device
        Where it holds.
    what
        ``row,column,rows,columns``, a term, or the text of a catalogue.
    patient
        Keyed token of the patient it was said about; all who have none count as one.
    """

    kind: Kind
    device: Device
    what: str
    patient: str = ""

    @property
    def region(self) -> Region:
        """The region of a MASK or KEEP."""
        row, column, rows, columns = (int(part) for part in self.what.split(","))
        return Region(row, column, rows, columns)


def spelt(region: Region) -> str:
    """Return a region as a lesson keeps it."""
    return f"{region.row},{region.column},{region.rows},{region.columns}"


class Lessons:
    """The lessons of a queue."""

    def __init__(self, queue: ReviewQueue) -> None:
        self._queue = queue

    def enter(self, entry: Entry | None, lessons: Iterable[Lesson]) -> None:
        """Enter what a released entry says; what it said before counts no more."""
        number = entry.id if entry else None
        rows = [{"owner": self._queue.owner, "entry": number, "at": time.time(), "kind": lesson.kind.value,
                 "what": lesson.what, "patient": lesson.patient, "dismissed": 0, **asdict(lesson.device)}
                for lesson in lessons]
        with self._queue.database.writing() as connection:
            if entry:
                before = (_L.owner == self._queue.owner, _L.entry == entry.id)
                connection.execute(update(LESSONS).where(*before).values(dismissed=1))
            if rows:
                connection.execute(insert(LESSONS), rows)

    def dismiss_after(self, moment: float) -> int:
        """Let lessons entered after a moment count no more, and return how many there were."""
        with self._queue.database.writing() as connection:
            later = (_L.owner == self._queue.owner, _L.at > moment, _L.dismissed == 0)
            return connection.execute(update(LESSONS).where(*later).values(dismissed=1)).rowcount

    def all(self) -> Iterator[Lesson]:
        """Yield what counts, in the order it was entered."""
        query = select(LESSONS).where(_L.owner == self._queue.owner, _L.dismissed == 0).order_by(_L.id)
        with self._queue.database.reading() as connection:
            for row in connection.execute(query):
                device = Device(row.manufacturer, row.model, row.rows, row.columns)
                yield Lesson(Kind(row.kind), device, row.what, row.patient)

    def known(self, words: Sequence[str]) -> set[str]:
        """Return which tokens of words stand for a word of an identifier of any Instance."""
        found: set[str] = set()
        with self._queue.database.reading() as connection:
            for start in range(0, len(words), SOME):
                some = WORDS.c.word.in_(words[start : start + SOME])
                found |= set(connection.execute(select(WORDS.c.word).where(
                    WORDS.c.owner == self._queue.owner, some)).scalars())
        return found
