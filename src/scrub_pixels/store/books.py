"""Ledger, review queue and crosswalk kept together, in the order that a crash cannot turn into a lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scrub_pixels.decisions.findings import Decision, Disposition, Redaction
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.store.accounts import Account, Input, Origin, Outcome
from scrub_pixels.store.crosswalk import Crosswalk, open_crosswalk
from scrub_pixels.store.ledger import Ledger, Row, open_ledger
from scrub_pixels.store.queue import Kind, ReviewQueue, State, open_queue
from scrub_pixels.store.queue.sample import Sample
from scrub_pixels.store.workspace import Workspace


@dataclass(frozen=True)
class Books:
    """What the parent process of a run writes; workers never see it."""

    workspace: Workspace
    ledger: Ledger
    queue: ReviewQueue
    crosswalk: Crosswalk
    sample: Sample
    place: bytes
    queued: set[str] = field(default_factory=set)

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
            self.sample.forget(key)
            self.queued.add(key)
        elif key in self.queued:  # each look into the queue is a transaction; most inputs never were there
            self.queue.supersede(key)
        if account.outcome is Outcome.RELEASED:
            self.sample.enter(key, account.origin)
        self.crosswalk.add(account.pairs)
        return self.ledger.settle(number, account, policy_digest)

    def commit(self) -> None:
        """Make everything durable now."""
        self.ledger.commit()

    def draw(self, share: float) -> int:
        """Draw a sample of what was released for quality control, evenly from every device and layout.

        Returns
        -------
        int
            How many Instances were drawn now; those drawn before stay drawn.
        """
        self.commit()
        drawn = self.sample.draw(share)
        for row in self.ledger.rows([Outcome.RELEASED]) if drawn else ():
            key = self.key(as_input(row))
            if key in drawn:
                self.queue.add(key, as_input(row), _as_released(row, drawn[key]), Kind.QA)
        return len(drawn)

    def rejected(self, source: Input) -> bool:
        """Tell whether a person decided that this very input is never to be released."""
        entry = self.queue.get(self.key(source))
        unchanged = entry is not None and (entry.size, entry.modified) == (source.size, source.modified)
        return entry is not None and unchanged and entry.state is State.REJECTED

    def key(self, source: Input) -> str:
        """Return the token that stands for an input in the queue, in URLs and in reports."""
        member = b"" if source.member is None else str(source.member).encode()
        name = b"\0".join((self.place, os.fsencode(source.path), member))
        return self.workspace.token("input", name)


@dataclass(frozen=True)
class _Given:
    """An input as the ledger remembers it."""

    path: Path
    relative: str
    member: int | None
    size: int
    modified: int


def as_input(row: Row) -> Input:
    """Return the input of a row of the ledger."""
    return _Given(Path(row.path), row.relative, row.member, row.size, row.modified)


def _as_released(row: Row, origin: Origin) -> Account:
    """Return what quality control is shown of a released Instance: where it was masked."""
    masked = tuple(
        Redaction(Region(*region), FrameSpan(span["start"], span["stop"]), "masked")
        for span in row.facts.get("redactions", ()) for region in span["regions"])
    decision = Decision((), masked, Disposition.RELEASE)
    return Account(Outcome.RELEASED, reasons=(DRAWN,), decision=decision, origin=origin)


DRAWN = "drawn for quality control"


@contextmanager
def open_books(workspace: Workspace, out: Path | str | None = None, passphrase: bytes = b"",
               queue_url: str | None = None) -> Iterator[Books]:
    """Open ledger, queue and crosswalk of a workspace, and close them at the end.

    Parameters
    ----------
    workspace
        The private folder.
    out
        The output folder meant; by default that of the last run.
    passphrase
        What the crosswalk is encrypted with; empty leaves it plain.
    queue_url
        A PostgreSQL database for the queue, instead of a file of the workspace.
    """
    with ExitStack() as stack:
        pending: list[Callable[[], None]] = []
        ledger = stack.enter_context(open_ledger(workspace.ledger_file, out, lambda: _call(pending)))
        place = os.fsencode(ledger.folder)
        owner = workspace.token("queue", place)
        queue = stack.enter_context(open_queue(queue_url or workspace.queue_file, owner))
        crosswalk = stack.enter_context(open_crosswalk(workspace.crosswalk_file, passphrase))
        sample = Sample(queue.database, owner, workspace.key)
        pending += [sample.commit, crosswalk.commit]
        # On the way out everything is committed in order while it is open.
        stack.callback(pending.clear)
        stack.callback(ledger.commit)
        yield Books(workspace, ledger, queue, crosswalk, sample, place, queue.keys())


def _call(functions: Iterable[Callable[[], None]]) -> None:
    for function in functions:
        function()
