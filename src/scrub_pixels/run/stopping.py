"""Stop a run when asked: finish what is under way, account for it, and leave."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether somebody has asked this run to end; asking twice does not wait any more."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    @property
    def asked(self) -> bool:
        """True from the first request on."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Ask the run to end after what is under way."""
        self._asked.set()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.ask()


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Yield what SIGINT and SIGTERM set; in a thread other than the main one, nothing sets it."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
