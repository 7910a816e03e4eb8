"""Pictures of inputs for people, made by workers that an image may crash, hang or starve.

The site's own process never opens an input. What a worker made is kept for a while, in memory only; an
input that cost workers rests, so that it cannot keep all of them busy.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from scrub_pixels.decisions import Redaction
from scrub_pixels.errors import Refusal
from scrub_pixels.frames import Limits
from scrub_pixels.review import pictures
from scrub_pixels.review.pictures import Cache, Facts, Look, stamp
from scrub_pixels.review.shelter import MakeShelter, Shelters, ThisProcess
from scrub_pixels.review.views import Picture, Rendering
from scrub_pixels.run.executors import Casualty
from scrub_pixels.run.limits import Cost
from scrub_pixels.store.queue import Entry

WORKERS = 3
"""Inputs that hang leave the others a worker; each is started only when it is needed."""

SHARE_OF_FREE = 0.4
"""Of the memory that is free, how much one picture may take."""

SECONDS_PER_PICTURE, SECONDS_PER_THUMBNAIL = 60.0, 20.0
"""With the opening of the input, for which all pictures of a video are counted."""

BYTES_OF_PICTURES = 128 << 20
MOST_FACTS = 4096

THUMBNAIL = -1
"""Stands for the small picture among the frames that rest: it has less time than they have."""

REST_SECONDS = 600.0
LOSSES_OF_AN_INPUT = 3
MOST_RESTING = 10_000

Answer = TypeVar("Answer")
Window = tuple[float, float]


class NotShown(Refusal):
    """An image cost the worker that was to show it; its entry stays as it is."""

    code = "not-shown"


@dataclass(frozen=True)
class Reading:
    """A file that a person brought, to be read by a worker; picklable."""

    file: Path = field(repr=False)
    limits: Limits
    cost: Cost


class Showing:
    """The inputs of entries, as pictures and as facts.

    Parameters
    ----------
    limits
        Sizes above which an input is not opened.
    shelter
        Makes the workers: `ThisProcess`, or `OneWorker`.
    """

    def __init__(self, limits: Limits, shelter: MakeShelter = ThisProcess) -> None:
        self._limits, self._session = limits, secrets.token_hex(8)
        self._workers = Shelters([shelter(SHARE_OF_FREE) for _ in range(WORKERS)])
        self._facts: Cache[Facts] = Cache(MOST_FACTS)
        self._windows: Cache[tuple[Window | None]] = Cache(MOST_FACTS)
        self._pictures: Cache[Picture] = Cache(BYTES_OF_PICTURES)
        self._resting = Resting()

    def start(self) -> None:
        """Start a worker, so that the first picture does not wait for one."""
        self._workers.start()

    def close(self) -> None:
        """End the workers."""
        self._workers.close()

    def facts(self, entry: Entry) -> Facts:
        """Return what is known of the input of an entry without decoding a frame.

        Raises
        ------
        Refusal
            If it cannot be opened, is too large, or cost its worker.
        """
        key = (entry.key, *stamp(entry))
        known = self._facts.get(key)
        return known or self._facts.put(key, self.ask(pictures.facts, self._look(entry)), 1)

    def window(self, entry: Entry) -> Window | None:
        """Return centre and width of the window it is shown by at first; None in colour, or if unknown."""
        key = (entry.key, *stamp(entry))
        known = self._windows.get(key)
        if known is None:
            try:
                known = (self.ask(pictures.window, self._look(entry)),)
            except Refusal:
                return None  # the frame itself will not be shown either, and says why
            self._windows.put(key, known, 1)
        return known[0]

    def picture(self, entry: Entry, frame: int, wanted: Rendering,
                masked: Sequence[Redaction] = ()) -> Picture:
        """Return one frame as a picture, with redactions as the masker would leave them.

        Raises
        ------
        NoSuchEntry
            If there is no such frame.
        Refusal
            If it does not decode, cannot be redacted, or cost its worker.
        """
        here = tuple(redaction for redaction in masked if frame in redaction.frames)
        key = (entry.key, *stamp(entry), frame, wanted, tuple(redaction.region for redaction in here))
        known = self._pictures.get(key)
        if known is not None:
            return known
        seconds = SECONDS_PER_THUMBNAIL if wanted.longest else SECONDS_PER_PICTURE
        look = replace(self._look(entry, seconds), frame=frame, wanted=wanted, masked=here)
        made = self.ask(pictures.picture, look)
        return self._pictures.put(key, made, len(made.content))

    def ask(self, work: Callable[[Look], Answer], look: Look) -> Answer:
        """Return what a worker answers to a question about an input.

        Raises
        ------
        NotShown
            If it cost its worker, now or a while ago.
        """
        place, small = (look.entry.key, *stamp(look.entry)), bool(look.wanted.longest)
        frame = THUMBNAIL if small else look.frame
        self._resting.check(place, frame)
        with self._workers.one_for(place, leaving=int(small)) as worker:
            self._resting.check(place, frame)  # it may have cost one while this waited
            answer = worker.run(work, look)
        if not isinstance(answer, Casualty):
            return answer
        raise self._resting.lost(place, frame, _why(answer, look.cost.seconds))

    def read(self, work: Callable[[Reading], Answer], file: Path) -> Answer:
        """Return what a worker makes of a file that a person brought.

        Raises
        ------
        Refusal
            If it cannot be read, or cost its worker.
        """
        reading = Reading(file, self._limits, self._workers.cost(SECONDS_PER_PICTURE))
        with self._workers.one_for(file) as worker:
            answer = worker.run(work, reading)
        if isinstance(answer, Casualty):
            raise NotShown("Reading this file took too long, or crashed the reader.", stage="open",
                           remedy="Write it again with the program that made it.")
        return answer

    def look(self, entry: Entry) -> Look:
        """Return a question about an input, to be completed and asked."""
        return self._look(entry)

    def _look(self, entry: Entry, seconds: float = SECONDS_PER_PICTURE) -> Look:
        return Look(entry, self._limits, self._workers.cost(seconds), session=self._session)


class Resting:
    """The frames that cost a worker, for a while; after some of them, all of that input."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._frames: dict[Hashable, dict[int, tuple[float, str]]] = {}

    def check(self, place: Hashable, frame: int) -> None:
        """Refuse a frame that rests.

        Raises
        ------
        NotShown
            If it, or several others of its input, cost a worker a while ago.
        """
        with self._lock:
            now = self._clock()
            lost = {n: said for n, said in self._frames.get(place, {}).items() if said[0] > now}
            if not lost:
                self._frames.pop(place, None)
                return
            said = lost.get(frame)
            if said is None and len(lost) >= LOSSES_OF_AN_INPUT:
                said = next(iter(lost.values()))
            if said is not None:
                raise _not_shown(said[1])

    def lost(self, place: Hashable, frame: int, why: str) -> NotShown:
        """Note that a frame cost a worker, and return what to say."""
        with self._lock:
            while len(self._frames) >= MOST_RESTING:
                del self._frames[next(iter(self._frames))]
            self._frames.setdefault(place, {})[frame] = self._clock() + REST_SECONDS, why
        return _not_shown(why)


def _not_shown(why: str) -> NotShown:
    return NotShown(why, stage="decode", remedy="The entry stays as it is. Reject it, leave it, or look at "
                                                "the file with another program.")


def _why(lost: Casualty, seconds: float) -> str:
    if lost.code == "time-limit":
        return f"The image took more than {seconds:.0f} seconds to decode, and was stopped."
    return "The image crashed the decoder, or needs more memory than there is."
