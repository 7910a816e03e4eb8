"""Store and forward: what was released goes to the destination, once, however long that is down.

A file leaves the outbox only after the destination has acknowledged it and the journal says so. A
crash between the two repeats the delivery of the same instance under the same UID, which DICOM
defines as harmless (PS3.4 B.2); nothing is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scrub_pixels.errors import ScrubError
from scrub_pixels.gateway.journal import Journal
from scrub_pixels.gateway.parcels import Parcel
from scrub_pixels.gateway.settings import GatewaySettings
from scrub_pixels.gateway.worker import Worker

ENTERED_AT_ONCE = 4
"""Receipts that are entered in one commit."""

BATCH = 100
"""Most instances that are delivered over one association or in one request."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file to deliver and the token it is known by."""

    token: str
    path: Path


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one item.

    Parameters
    ----------
    token
        Which one.
    problem
        PHI-free word for why it was not stored; empty if it was.
    """

    token: str
    problem: str = ""


class DestinationDown(ScrubError):
    """The destination cannot be reached or does not take part; everything waits."""

    def __init__(self, problem: str) -> None:
        super().__init__("The destination cannot be reached.", remedy="It is tried again.")
        self.problem = problem


class Destination(Protocol):
    """Where released instances go."""

    def deliver(self, items: Sequence[Item]) -> Iterator[Receipt]:
        """Deliver items and yield what became of each; raises `DestinationDown`."""
        ...


class Delivery:
    """Delivers what is due; one thread of its own.

    Parameters
    ----------
    settings
        Retry, stability and outbox.
    journal
        Knows what is due.
    destination
        Where it goes; None delivers nothing.
    """

    def __init__(self, settings: GatewaySettings, journal: Journal, destination: Destination | None) -> None:
        self._settings, self._parcels, self._destination = settings, journal.parcels, destination
        self._worker = Worker("gateway-delivery", self._round)
        self.delivered = self.failed = 0

    @property
    def trouble(self) -> str:
        """Why the last delivery failed as a whole; empty if it did not."""
        return self._worker.trouble

    def start(self) -> None:
        """Begin to deliver."""
        self._worker.start()

    def wake(self) -> None:
        """Tell that something is due."""
        self._worker.wake()

    def stop(self) -> None:
        """Finish the batch under way, and stop."""
        self._worker.stop()

    def _round(self) -> float:
        self._deliver_due()
        return self._pause()

    def _pause(self) -> float:
        return min(self._settings.look, self._settings.retry.first)

    def _deliver_due(self) -> None:
        settings = self._settings
        while self._destination and not self._worker.stopping:
            due = self._parcels.due(BATCH, settings.stable, settings.retry.most)
            if not due or not self._deliver(self._destination, due):
                return

    def _deliver(self, destination: Destination, due: list[Parcel]) -> bool:
        """Deliver one batch and enter what became of it; False if the destination is down."""
        parcels = {parcel.token: parcel for parcel in due}
        items = [Item(parcel.token, self._settings.out / parcel.output) for parcel in due]
        present = [item for item in items if item.path.is_file()]
        missing = [Receipt(item.token, "missing-in-outbox") for item in items if not item.path.is_file()]
        answered: set[str] = set()
        problem = ""
        try:
            for receipts in _in_small_groups(destination.deliver(present)):
                self._enter(parcels, receipts)
                answered.update(receipt.token for receipt in receipts)
        except DestinationDown as down:
            problem = down.problem
        unanswered = [Receipt(item.token, problem or "no-answer") for item in present
                      if item.token not in answered]
        self._worker.trouble = problem
        self._enter(parcels, [*missing, *unanswered])
        return not problem

    def _enter(self, parcels: dict[str, Parcel], receipts: list[Receipt]) -> None:
        stored = [receipt.token for receipt in receipts if not receipt.problem]
        failed = [receipt for receipt in receipts if receipt.problem]
        delay = self._settings.retry.delay
        self._parcels.delivered(stored)
        self._parcels.postpone((r.token, r.problem, delay(parcels[r.token].attempts + 1)) for r in failed)
        self.delivered, self.failed = self.delivered + len(stored), self.failed + len(failed)
        for token in stored:
            self._empty(parcels[token].output)

    def _empty(self, output: str) -> None:
        """Remove a delivered file from the outbox, and folders left empty by that."""
        if self._parcels.sharing(output):
            return
        target = self._settings.out / output
        target.unlink(missing_ok=True)
        for folder in list(target.parents)[: output.count("/")]:
            try:
                folder.rmdir()
            except OSError:
                return

    def sweep(self, outputs: Iterable[str]) -> None:
        """Remove from the outbox what was delivered just before a crash."""
        for output in outputs:
            if self._parcels.is_behind(output):
                self._empty(output)


def _in_small_groups(receipts: Iterator[Receipt]) -> Iterator[list[Receipt]]:
    """Yield receipts soon after they come, so that a crash repeats few deliveries."""
    group: list[Receipt] = []
    try:
        for receipt in receipts:
            group.append(receipt)
            if len(group) == ENTERED_AT_ONCE:
                yield group
                group = []
    except DestinationDown:
        yield group
        raise
    yield group
