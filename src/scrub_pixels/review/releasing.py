"""What was decided is carried out: released through the very same pipeline, refused, or withdrawn.

A decision is durable in the queue before anything of it is done here, and every step can be done
again: a process that is killed in the middle leaves a decision that the next one carries out. The
lock of the workspace keeps runs, and other desks, from writing to OUT at the same time.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from scrub_pixels.decisions import Review
from scrub_pixels.errors import Refusal, WorkspaceError
from scrub_pixels.policy import Policy
from scrub_pixels.review.drafting import proposal, review_of
from scrub_pixels.review.pictures import content_of, source_of
from scrub_pixels.review.scrubbing import Job, scrub_entry
from scrub_pixels.review.shelter import Shelter, ThisProcess
from scrub_pixels.review.teaching import lessons_of
from scrub_pixels.run.discovery import Source
from scrub_pixels.run.executors import Casualty
from scrub_pixels.store.accounts import Account, Origin, Outcome
from scrub_pixels.store.atomic import Output, open_out
from scrub_pixels.store.books import Books, as_input, open_books
from scrub_pixels.store.learned import Learned
from scrub_pixels.store.ledger import Row
from scrub_pixels.store.objects import open_prefix
from scrub_pixels.store.queue import Entry, State
from scrub_pixels.store.queue.lessons import Lessons
from scrub_pixels.store.queue.verdicts import Drafts, Verdicts
from scrub_pixels.store.report import write_report
from scrub_pixels.store.workspace import Workspace

REJECTED = Account(Outcome.REFUSED, code="rejected", stage="review",
                   message="A reviewer decided that this Instance is not released.")
COPY = "a copy of an input whose release was withdrawn"


@dataclass(frozen=True)
class Orders:
    """What carrying out needs to know.

    Parameters
    ----------
    workspace
        The private folder.
    out
        The output folder, or its URL.
    policy, policy_digest
        Of the last run: what is released now is released under the same.
    queue_url
        Where the queue is, if not in the workspace.
    passphrase
        Of the crosswalk.
    """

    workspace: Workspace
    out: str
    policy: Policy
    policy_digest: str
    queue_url: str | None = field(default=None, repr=False)
    passphrase: bytes = field(default=b"", repr=False)


class Releasing:
    """Carries out decisions; one at a time over all processes of a workspace.

    Parameters
    ----------
    orders
        What it needs to know.
    drafts, verdicts
        What was drawn and decided.
    shelter
        Where Instances are taken through the pipeline (default: in this process).
    """

    def __init__(self, orders: Orders, drafts: Drafts, verdicts: Verdicts,
                 shelter: Shelter | None = None) -> None:
        self.orders, self.drafts, self.verdicts = orders, drafts, verdicts
        self.shelter = shelter or ThisProcess()
        self.lessons, self.learned = Lessons(verdicts.queue), Learned(orders.workspace)

    def carry_out(self) -> int:
        """Carry out every decision that waits, and return how many were.

        Returns 0 while a run, or another desk, has the workspace.

        Raises
        ------
        WorkspaceError
            If OUT is gone.
        ScrubError
            If the disk does not take what is released; the decisions stay, and wait.
        """
        if not self.verdicts.undecided_on_disk():
            return 0
        with ExitStack() as stack:
            try:
                stack.enter_context(self.orders.workspace.locked())
            except WorkspaceError:
                return 0
            out = self._open_out(stack)
            target = self.orders.out if "://" in self.orders.out else out.root
            books = stack.enter_context(open_books(self.orders.workspace, target, self.orders.passphrase,
                                                   self.orders.queue_url))
            for name in books.ledger.unaccounted(out.journaled()):
                out.withdraw(name)
            done = [self._carry(entry, Desktop(out, books, self.orders, self.shelter))
                    for entry in self.verdicts.undecided_on_disk()]
            books.commit()
            write_report(out, books.ledger)
            self.learned.refresh(self.lessons)
        return sum(done)

    def _open_out(self, stack: ExitStack) -> Output:
        out = self.orders.out
        if "://" in out:
            return stack.enter_context(open_prefix(out))
        if not Path(out).is_dir():
            raise WorkspaceError("The output folder of this workspace is gone.",
                                 remedy="Bring it back, or make it anew with scrub-pixels IN OUT --resume.")
        return stack.enter_context(open_out(Path(out)))

    def _carry(self, entry: Entry, desktop: Desktop) -> bool:
        row = desktop.books.ledger.find(source_of(entry))
        if row is None:
            return self.verdicts.booked(entry, State.SUPERSEDED, "its input is no part of the run any more")
        if row.output:
            desktop.out.withdraw(row.output)
            self.lessons.enter(entry, ())
        if row.output or row.code == "duplicate":
            self._hold_copies(entry, row, desktop)
        return _ENDS.get(entry.state, Releasing._hold)(self, entry, row, desktop)

    def _hold_copies(self, entry: Entry, row: Row, desktop: Desktop) -> None:
        """Hold the copies of an input too: one output stood for all of them, and goes for all of them."""
        copies = [copy for copy in desktop.books.ledger.rows([Outcome.RELEASED])
                  if copy.id != row.id and row.digest and copy.digest == row.digest]
        for copy in copies:
            held = desktop.held_copy(entry)
            if copy.output:
                desktop.out.withdraw(copy.output)
            self.verdicts.queue.add(desktop.books.key(as_input(copy)), as_input(copy), held)
            desktop.settle(copy, held)

    def _reject(self, entry: Entry, row: Row, desktop: Desktop) -> bool:
        desktop.settle(row, replace(REJECTED, started=time.time()))
        return self.verdicts.booked(entry, State.REJECTED, "kept out of OUT")

    def _hold(self, entry: Entry, row: Row, desktop: Desktop) -> bool:
        """Hold an Instance again: withdrawn already, it is searched anew if its input has changed."""
        if entry.digest and not desktop.unchanged(entry):
            return self._search_anew(entry, row, desktop)
        desktop.settle(row, Account(Outcome.HELD, code="held", stage="review", reasons=entry.reasons,
                                    started=time.time()))
        return self.verdicts.booked(entry, State.PENDING, "held again")

    def _release(self, entry: Entry, row: Row, desktop: Desktop) -> bool:
        if entry.digest and not desktop.unchanged(entry):
            return self._search_anew(entry, row, desktop)
        decision = self.verdicts.queue.decision(entry.id)
        draft = self.drafts.current(entry) or proposal(decision)
        end = desktop.scrub(entry, review_of(entry, draft, decision))
        desktop.settle(row, end)
        if end.outcome is Outcome.RELEASED:
            masked = {"masked": len(draft.redactions)}
            stands = self.verdicts.booked(entry, State.RELEASED, "released", masked)
            if stands:
                self.lessons.enter(entry, lessons_of(entry, decision, draft, end.origin))
            return stands or desktop.take_back(row, end)
        if end.outcome is Outcome.HELD and end.code == "held":
            self.verdicts.queue.add(entry.key, source_of(entry), end)
        detail = {"code": end.code, "message": end.message, "reasons": list(end.reasons)}
        return self.verdicts.booked(entry, State.PENDING, "not released", detail)

    def _search_anew(self, entry: Entry, row: Row, desktop: Desktop) -> bool:
        """Enter a changed input as a new hold: whatever was decided was decided about something else."""
        end = desktop.scrub(entry, None)
        desktop.settle(row, end)
        if end.code != "held":
            detail = {"code": end.code, "message": end.message}
            return self.verdicts.booked(entry, State.PENDING, "its input cannot be searched", detail)
        self.verdicts.queue.add(entry.key, desktop.current(entry), end)
        return True


_ENDS: dict[State, Callable[[Releasing, Entry, Row, Desktop], bool]] = {
    State.ACCEPTED: Releasing._release,
    State.REJECTED: Releasing._reject,
}
"""How each decided state is carried out; all others are held again."""


@dataclass(frozen=True)
class Desktop:
    """OUT and the books, open for as long as decisions are carried out."""

    out: Output
    books: Books
    orders: Orders
    shelter: Shelter

    def unchanged(self, entry: Entry) -> bool:
        """Tell whether an input still has the bytes that were looked at."""
        try:
            return hashlib.sha256(self._content(entry)).hexdigest() == entry.digest
        except Refusal:
            return False

    def current(self, entry: Entry) -> Source:
        """Return the input of an entry with the size and time it has now."""
        source = source_of(entry)
        try:
            status = os.stat(source.path)
        except OSError:
            return source
        return replace(source, modified=status.st_mtime_ns,
                       size=source.size if source.member is not None else status.st_size)

    def settle(self, row: Row, account: Account) -> None:
        """Enter an end into crosswalk and ledger, durably."""
        self.books.crosswalk.add(account.pairs)
        self.books.ledger.settle(row.id, account, self.orders.policy_digest)
        self.books.commit()

    def held_copy(self, entry: Entry) -> Account:
        """Return the account of a copy of an entry's input, which waits for a person as well."""
        origin = Origin(entry.modality, entry.device, series=entry.series, naming=entry.naming,
                        rows=entry.rows, columns=entry.columns, frames=entry.frames)
        return Account(Outcome.HELD, code="held", stage="review", reasons=(COPY,), origin=origin,
                       decision=self.books.queue.decision(entry.id), digest=entry.digest)

    def take_back(self, row: Row, account: Account) -> bool:
        """Withdraw what was released while somebody took the decision back."""
        self.out.withdraw(account.output)
        self.books.ledger.reopen(row.id)
        self.books.commit()
        return False

    def scrub(self, entry: Entry, review: Review | None) -> Account:
        """Take an input through the pipeline; None as review holds it, whatever the pipeline says."""
        end = self.shelter.run(scrub_entry, self._job(entry, review))
        if isinstance(end, Casualty):
            end = Account(Outcome.REFUSED, code=end.code, stage="internal", message=end.message,
                          started=time.time())
        if end.outcome is not Outcome.REFUSED:
            return end
        # It was held before, and goes on waiting: a review that failed is no reason to refuse an input.
        decision = self.books.queue.decision(entry.id)
        return replace(end, outcome=Outcome.HELD, reasons=entry.reasons, decision=decision)

    def _job(self, entry: Entry, review: Review | None) -> Job:
        orders = self.orders
        cost = self.shelter.cost(orders.policy.seconds_per_instance)
        return Job(entry, review, orders.policy, orders.workspace.secret, self.out, cost)

    def _content(self, entry: Entry) -> bytes:
        return content_of(source_of(entry), self.orders.policy.limits)
