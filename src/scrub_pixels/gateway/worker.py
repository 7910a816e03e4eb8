"""The life of a working thread: it goes its rounds until it is stopped, and an error never ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable

PATIENCE = 5.0
"""Seconds to wait after a round that failed unforeseen."""


class Worker:
    """A thread that goes round after round: when it is woken, and after a while anyway.

    Parameters
    ----------
    name
        Of the thread.
    round
        Does what there is to do, and returns the seconds after which to look again unwoken. What it
        raises is remembered in `trouble` by its type, never by its text.
    """

    def __init__(self, name: str, round: Callable[[], float]) -> None:
        self._round = round
        self._woken, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self.trouble = ""

    @property
    def stopping(self) -> bool:
        """True once it was told to stop."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Begin with the first round."""
        self._thread.start()

    def wake(self) -> None:
        """Tell that there may be something to do; during a round, another one follows it."""
        self._woken.set()

    def stop(self) -> None:
        """Let the round under way end, and go no other; return when the thread has ended."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def quit(self) -> None:
        """Go no further round; for the round itself to say."""
        self._stopping.set()

    def pause(self, seconds: float) -> None:
        """Wait within a round, unless it was told to stop."""
        self._stopping.wait(seconds)

    def linger(self, seconds: float) -> None:
        """Wait within a round for more to come, if nothing has since the last look or wait."""
        self._woken.wait(seconds)
        self._forget_waking()

    def _live(self) -> None:
        while not self.stopping:
            # Forgotten before the look: what comes during it wakes for the next.
            self._forget_waking()
            self._woken.wait(self._next())

    def _next(self) -> float:
        try:
            return self._round()
        except Exception as error:  # noqa: BLE001 - a thread that ends would stop its work for good
            self.trouble = type(error).__name__
            return PATIENCE

    def _forget_waking(self) -> None:
        self._woken.clear()
        if self.stopping:  # told between: that must wake
            self._woken.set()
