"""Threads take turns where pydicom and Python keep one setting for the whole process.

pydicom's validation mode, its logger and Python's warning filters belong to the process, and the
stages set them for a moment. Two threads at once would leave each other's settings behind: a strict
reader where a lenient one is meant, or warnings, which quote values, on somebody's terminal. So an
Instance is worked on undisturbed, except while its frames are searched: that is where the time
goes, in native code that needs none of these settings.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


class _Turns:
    """One turn at a time; a thread may take it again while it has it."""

    def __init__(self) -> None:
        self._turn = threading.RLock()
        self._depth = threading.local()

    @property
    def depth(self) -> int:
        """How often this thread has the turn."""
        return getattr(self._depth, "count", 0)

    def take(self, times: int = 1) -> None:
        """Wait for the turn, and take it so many times."""
        for _ in range(times):
            self._turn.acquire()
        self._depth.count = self.depth + times

    def give(self, times: int = 1) -> None:
        """Give the turn back so many times."""
        self._depth.count = self.depth - times
        for _ in range(times):
            self._turn.release()


class _Quiet:
    """No Python warnings from the first that asks for quiet to the last that still needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking = 0
        self._before: warnings.catch_warnings[None] | None = None

    def begin(self) -> None:
        """Ask for quiet."""
        with self._lock:
            self._asking += 1
            if self._asking == 1:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore")

    def end(self) -> None:
        """Need it no more; the last one brings the filters back."""
        with self._lock:
            self._asking -= 1
            if self._asking == 0 and self._before:
                self._before.__exit__(None, None, None)
                self._before = None


_TURNS, _QUIET = _Turns(), _Quiet()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Have the turn, and quiet."""
    _TURNS.take()
    _QUIET.begin()
    try:
        yield
    finally:
        _QUIET.end()
        _TURNS.give()


@contextmanager
def while_others_work() -> Iterator[None]:
    """Let other threads have the turn for a while; the quiet stays."""
    times = _TURNS.depth
    _TURNS.give(times)
    try:
        yield
    finally:
        _TURNS.take(times)
