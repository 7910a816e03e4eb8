"""Where accepted entries go through the pipeline: in this process, or in one that may crash and hang.

The site's own process shows images to people. A codec that crashes or never returns must not take it
down, so there a worker process does what was decided; it stays for the next entry, and is replaced
when one costs it.
"""

from __future__ import annotations

import concurrent.futures as futures
import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Protocol, TypeVar

from pebble import ProcessExpired, ProcessPool

from scrub_pixels.errors import ScrubError
from scrub_pixels.run.executors import SECONDS_BETWEEN_LOOKS, Casualty, casualty_of
from scrub_pixels.run.limits import Cost

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

SHARE_OF_FREE = 0.75
_MEMORY = Path("/proc/meminfo")
_FREE = "MemAvailable:"


class Shelter(Protocol):
    """Something that does one piece of work after the other, somewhere."""

    def cost(self, seconds: float) -> Cost:
        """Return what a piece of work may cost; `seconds` is what is asked for."""

    def run(self, work: Callable[[Task], Outcome], task: Task) -> Outcome | Casualty:
        """Return what ``work(task)`` gives, or how it cost its worker."""

    def close(self) -> None:
        """End what is under way."""


class ThisProcess:
    """No shelter: for commands, the debugger and tests."""

    def cost(self, seconds: float) -> Cost:
        """Return no limit: this process cannot end itself in time."""
        return Cost()

    def run(self, work: Callable[[Task], Outcome], task: Task) -> Outcome | Casualty:
        """Do it here and now."""
        return work(task)

    def close(self) -> None:
        """Do nothing."""


class OneWorker:
    """One worker process, started with the first task and kept for the next ones."""

    def __init__(self) -> None:
        self._pool: ProcessPool | None = None
        self._lock = threading.Lock()
        self._closed = False

    def cost(self, seconds: float) -> Cost:
        """Return the time asked for, and most of the free memory: nobody ends the site for the rest."""
        return Cost(seconds, int(SHARE_OF_FREE * _free_bytes()))

    def run(self, work: Callable[[Task], Outcome], task: Task) -> Outcome | Casualty:
        """Do it in the worker.

        Raises
        ------
        ScrubError
            If no worker can be started, or the site ends meanwhile.
        """
        future = self._started().schedule(work, args=(task,))
        while not self._closed and not futures.wait([future], SECONDS_BETWEEN_LOOKS).done:
            pass  # a pool that is stopped leaves its futures as they are
        try:
            return future.result(0)
        except ProcessExpired as expired:
            return casualty_of(expired)
        except (futures.CancelledError, futures.TimeoutError):
            raise ScrubError("The worker process was stopped.",
                             remedy="What was decided is kept, and done at the next start.") from None
        except BrokenProcessPool:
            self._forget()
            raise ScrubError("No worker process could be started.",
                             remedy="Check the memory that is free; it is tried again.") from None

    def close(self) -> None:
        """End the worker, in the middle of its work if need be: the next start does it again."""
        with self._lock:
            self._closed = True
        self._forget()

    def _started(self) -> ProcessPool:
        with self._lock:
            if self._closed:
                raise ScrubError("The site is ending.", remedy="What was decided is done at the next start.")
            if self._pool is None:
                self._pool = ProcessPool(max_workers=1, context=multiprocessing.get_context("spawn"))
            return self._pool

    def _forget(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()
            pool.join()


def _free_bytes() -> int:
    """Return the memory in bytes that may be used without swapping; 0 if the system does not tell."""
    try:
        lines = _MEMORY.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(_FREE)), 0)
