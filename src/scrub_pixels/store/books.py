"""Ledger, review queue and crosswalk kept together, in the order that a crash cannot turn into a lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scrub_pixels.store.accounts import Account, Input, Outcome
from scrub_pixels.store.crosswalk import Crosswalk, open_crosswalk
from scrub_pixels.store.ledger import Ledger, open_ledger
from scrub_pixels.store.queue import ReviewQueue, open_queue
from scrub_pixels.store.workspace import Workspace


@dataclass(frozen=True)
class Books:
    """What the parent process of a run writes; workers never see it."""

    workspace: Workspace
    ledger: Ledger
    queue: ReviewQueue
    crosswalk: Crosswalk

    def settle(self, number: int, source: Input, account: Account, policy_digest: str) -> Account:
        """Enter how an input ended; a held one also into the queue.

        Commits are batched, and those of queue and crosswalk go before the ledger's: an input is
        never accounted for as held without an entry to review, nor as released without its pairs
        of old and new. The other way round, an entry without an account, is mended when the input
        is done again.
        """
        key = self.key(source)
        if account.outcome is Outcome.HELD:
            self.queue.add(key, source, account)
        else:
            self.queue.supersede(key)
        self.crosswalk.add(account.pairs)
        return self.ledger.settle(number, account, policy_digest)

    def commit(self) -> None:
        """Make everything durable now."""
        self.ledger.commit()

    def key(self, source: Input) -> str:
        """Return the token that stands for an input in the queue, in URLs and in reports."""
        member = b"" if source.member is None else str(source.member).encode()
        return self.workspace.token("input", os.fsencode(source.path) + b"\0" + member)


@contextmanager
def open_books(workspace: Workspace, out: Path | None = None, passphrase: bytes = b"") -> Iterator[Books]:
    """Open ledger, queue and crosswalk of a workspace, and close them at the end.

    Parameters
    ----------
    workspace
        The private folder.
    out
        The output folder meant; by default that of the last run.
    passphrase
        What the crosswalk is encrypted with; empty leaves it plain.
    """
    with (open_queue(workspace.queue_file) as queue,
          open_crosswalk(workspace.crosswalk_file, passphrase) as crosswalk,
          open_ledger(workspace.ledger_file, out, _both(queue, crosswalk)) as ledger):
        yield Books(workspace, ledger, queue, crosswalk)


def _both(queue: ReviewQueue, crosswalk: Crosswalk) -> Callable[[], None]:
    """Return what commits what the ledger must never be ahead of."""
    def commit() -> None:
        queue.commit()
        crosswalk.commit()

    return commit
