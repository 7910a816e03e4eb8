"""Where images are decoded: in this process, or in one that may crash and hang.

A codec that crashes or never returns must not take the site down. So there worker processes do what was
decided, and make the pictures that people see; each stays for the next piece of work, and is replaced
when one costs it.
"""

from __future__ import annotations

import concurrent.futures as futures
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from scrub_pixels.errors import ScrubError
from scrub_pixels.run.executors import Casualty, casualty_of
from scrub_pixels.run.limits import Cost
from scrub_pixels.run.workers import WorkerLost, WorkerPool, WorkersCannotStart

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

SHARE_OF_FREE = 0.75
MOST_REMEMBERED = 1000
_MEMORY = Path("/proc/meminfo")
_FREE = "MemAvailable:"


class Shelter(Protocol):
    """Something that does one piece of work after the other, somewhere."""

    def start(self) -> None:
        """Get ready, so that the first piece of work need not wait."""

    def cost(self, seconds: float) -> Cost:
        """Return what a piece of work may cost; `seconds` is what is asked for."""

    def run(self, work: Callable[[Task], Outcome], task: Task) -> Outcome | Casualty:
        """Return what ``work(task)`` gives, or how it cost its worker."""

    def close(self) -> None:
        """End what is under way."""


MakeShelter = Callable[..., Shelter]
"""Makes a shelter: `ThisProcess`, or `OneWorker`; its argument, which may be left out, is `share`."""


class ThisProcess:
    """No shelter: for commands, the debugger and tests.

    Parameters
    ----------
    share
        Of no meaning here.
    """

    def __init__(self, share: float = SHARE_OF_FREE) -> None:
        pass

    def start(self) -> None:
        """Do nothing."""

    def cost(self, seconds: float) -> Cost:
        """Return no limit: this process cannot end itself in time."""
        return Cost()

    def run(self, work: Callable[[Task], Outcome], task: Task) -> Outcome | Casualty:
        """Do it here and now."""
        return work(task)

    def close(self) -> None:
        """Do nothing."""


class OneWorker:
    """One worker process, started with the first task and kept for the next ones.

    Parameters
    ----------
    share
        Of the memory that is free, what one piece of work may take.
    """

    def __init__(self, share: float = SHARE_OF_FREE) -> None:
        self._share = share
        self._pool = WorkerPool(1)

    def start(self) -> None:
        """Start the worker, and let it load what work needs."""
        self._submitted(_loaded, None)

    def cost(self, seconds: float) -> Cost:
        """Return the time asked for, and a share of the free memory: nobody ends the site for the rest."""
        return Cost(seconds, int(self._share * _free_bytes()))

    def run(self, work: Callable[[Task], Outcome], task: Task) -> Outcome | Casualty:
        """Do it in the worker.

        Raises
        ------
        ScrubError
            If no worker can be started, or the site ends meanwhile.
        """
        try:
            return self._submitted(work, task).result()
        except WorkerLost as lost:
            return casualty_of(lost)
        except WorkersCannotStart:
            raise ScrubError("No worker process could be started.",
                             remedy="Check the memory that is free; it is tried again.") from None
        except futures.CancelledError:
            raise ScrubError("The worker process was stopped.",
                             remedy="What was decided is kept, and done at the next start.") from None

    def close(self) -> None:
        """End the worker, in the middle of its work if need be: the next start does it again."""
        self._pool.stop()

    def _submitted(self, work: Callable[[Task], Outcome], task: Task) -> futures.Future[Outcome]:
        try:
            return self._pool.submit(work, task)
        except RuntimeError:
            raise ScrubError("The site is ending.",
                             remedy="What was decided is done at the next start.") from None


class Shelters:
    """Several shelters for work about many things: no two pieces of work about one thing at a time.

    A thing goes to where it was last, as long as nobody else is there: what is open stays open.

    Parameters
    ----------
    shelters
        Each does one piece of work at a time.
    """

    def __init__(self, shelters: Sequence[Shelter]) -> None:
        self._all = tuple(shelters)
        self._free = list(self._all)
        self._last: OrderedDict[Hashable, Shelter] = OrderedDict()
        self._busy: set[Hashable] = set()
        self._change = threading.Condition()

    def start(self) -> None:
        """Get one of them ready."""
        self._all[0].start()

    def cost(self, seconds: float) -> Cost:
        """Return what a piece of work may cost."""
        return self._all[0].cost(seconds)

    @contextmanager
    def one_for(self, thing: Hashable, leaving: int = 0) -> Iterator[Shelter]:
        """Wait for a free shelter, and yield it for work about a thing.

        Parameters
        ----------
        thing
            What the work is about.
        leaving
            How many free ones this work leaves to others, which are more urgent.
        """
        with self._change:
            self._change.wait_for(lambda: len(self._free) > leaving and thing not in self._busy)
            shelter = self._chosen(thing)
            self._busy.add(thing)
        try:
            yield shelter
        finally:
            with self._change:
                self._busy.discard(thing)
                self._free.append(shelter)
                self._change.notify_all()

    def close(self) -> None:
        """End all of them."""
        for shelter in self._all:
            shelter.close()

    def _chosen(self, thing: Hashable) -> Shelter:
        last = self._last.pop(thing, None)
        # The first is ready; another is started only when it is needed.
        shelter = last if last in self._free else min(self._free, key=self._all.index)
        self._free.remove(shelter)
        self._last[thing] = shelter
        while len(self._last) > MOST_REMEMBERED:
            self._last.popitem(last=False)
        return shelter


def _loaded(_: None) -> None:
    """Load what work about images needs; a worker does nothing else with this."""
    import scrub_pixels.review.pictures  # noqa: F401


def _free_bytes() -> int:
    """Return the memory in bytes that may be used without swapping; 0 if the system does not tell."""
    try:
        lines = _MEMORY.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(_FREE)), 0)
