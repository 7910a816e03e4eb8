"""Ledger and review queue kept together, in the order that a crash cannot turn into a lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scrub_pixels.store.accounts import Account, Input, Outcome
from scrub_pixels.store.ledger import Ledger, open_ledger
from scrub_pixels.store.queue import ReviewQueue, open_queue
from scrub_pixels.store.workspace import Workspace


@dataclass(frozen=True)
class Books:
    """What the parent process of a run writes; workers never see it."""

    workspace: Workspace
    ledger: Ledger
    queue: ReviewQueue

    def settle(self, number: int, source: Input, account: Account, policy_digest: str) -> Account:
        """Enter how an input ended; a held one also into the queue.

        Commits are batched, and the queue's go before the ledger's: an input is never
        accounted for as held without an entry to review. The other way round, an entry without an
        account, is mended when the input is done again.
        """
        key = self.key(source)
        if account.outcome is Outcome.HELD:
            self.queue.add(key, source, account)
        else:
            self.queue.supersede(key)
        return self.ledger.settle(number, account, policy_digest)

    def commit(self) -> None:
        """Make everything durable now."""
        self.ledger.commit()

    def key(self, source: Input) -> str:
        """Return the token that stands for an input in the queue, in URLs and in reports."""
        member = b"" if source.member is None else str(source.member).encode()
        return self.workspace.token("input", os.fsencode(source.path) + b"\0" + member)


@contextmanager
def open_books(workspace: Workspace, out: Path | None = None) -> Iterator[Books]:
    """Open ledger and queue of a workspace, and close both at the end."""
    with (open_queue(workspace.queue_file) as queue,
          open_ledger(workspace.ledger_file, out, queue.commit) as ledger):
        yield Books(workspace, ledger, queue)
