"""Carry out what was decided, beside the site: reviewers never wait for the pipeline."""

from __future__ import annotations

import threading
from typing import Protocol

from scrub_pixels.errors import ScrubError

SECONDS_BETWEEN_TRIES = 5.0


class CarriesOut(Protocol):
    """What of a desk is needed here."""

    def carry_out(self) -> int:
        """Do what was decided and not yet done."""


class Releaser:
    """One thread that carries decisions out, at once when told, and now and then by itself.

    Decisions are kept by the desk before this learns of them: ended at any moment, it goes on
    with them at the next start.
    """

    def __init__(self, desk: CarriesOut, every: float = SECONDS_BETWEEN_TRIES) -> None:
        self._desk, self._every = desk, every
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="releaser", daemon=True)
        self.trouble = ""
        """Why the last try failed, with the remedy, free of identifiers; empty if it did not."""

    def start(self) -> None:
        """Begin."""
        self._wake.set()
        self._thread.start()

    def hurry(self) -> None:
        """There is something to do."""
        self._wake.set()

    def stop(self, seconds: float) -> None:
        """End after what is under way, or after so many seconds."""
        self._ended.set()
        self._wake.set()
        self._thread.join(seconds)

    def _work(self) -> None:
        while not self._ended.is_set():
            self._wake.clear()
            self._try()
            self._wake.wait(self._every)

    def _try(self) -> None:
        try:
            self._desk.carry_out()
            self.trouble = ""
        except ScrubError as error:
            self.trouble = str(error)
        except Exception as error:  # noqa: BLE001 - the thread must live; the text may hold identifiers
            self.trouble = f"Releasing failed for an unforeseen reason ({type(error).__name__})."
