"""The desk a reviewer works at: every operation of the review, whoever shows it.

The site, the command line and tests all go through `Desk`; it is safe to use from several threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scrub_pixels.review.drafting import answered, check, drawn
from scrub_pixels.review.looking import Looking
from scrub_pixels.review.releasing import Orders
from scrub_pixels.review.shelter import MakeShelter, ThisProcess
from scrub_pixels.review.spreading import MOST_AT_ONCE, change, changed, draft_of, lesson_of
from scrub_pixels.review.views import (
    Applied,
    Change,
    Claim,
    EntryView,
    Scope,
    Then,
)
from scrub_pixels.store.ledger import open_ledger
from scrub_pixels.store.queue import (
    Draft,
    Entry,
    ReviewConflict,
    Wanted,
    open_queue,
)
from scrub_pixels.store.standing import standing_policy
from scrub_pixels.store.workspace import open_workspace

LEASE = 300.0


class Desk(Looking):
    """The review of one workspace and output folder; build it with `open_desk`.

    Lists, pictures and counts are those of `Looking`.

    Every method may raise `NoSuchEntry` for a key that is not there, `ReviewConflict` where someone
    else has the entry, and `StoreFailed` if the queue cannot be reached.
    """

    # -- leases

    def claim(self, key: str, who: str, seconds: float = LEASE) -> Claim:
        """Take an entry for a while, or renew what one has."""
        return Claim(key, who, self.leases.claim(key, who, seconds))

    def claim_next(self, who: str, wanted: Wanted, seconds: float = LEASE) -> Claim | None:
        """Take the first pending entry that nobody has, from `wanted.after` on; None if there is none."""
        entry = self.leases.claim_next(who, wanted, seconds)
        return Claim(entry.key, who, entry.claimed_until) if entry else None

    def renew(self, key: str, who: str, seconds: float = LEASE) -> Claim:
        """Prolong a lease; raises `ReviewConflict` if it has gone to someone else."""
        return Claim(key, who, self.leases.renew(key, who, seconds))

    def leave(self, key: str, who: str) -> None:
        """Give a lease back; nothing happens if there is none."""
        self.leases.leave(key, who)

    # -- drafting (needs a lease)

    def save_draft(self, key: str, who: str, draft: Draft) -> EntryView:
        """Keep a draft for good, as a new step that can be undone.

        An answer KEEP or TERM takes away the proposed redactions of its finding (a box whose reason
        is `REVIEWER` stays), PHI makes sure that there is one; the view returned has the draft after that.

        Raises
        ------
        BadDecision
            If a region or frame lies outside the Instance, or an answer names no finding.
        """
        entry = self.entry(key)
        subject = self.subject(entry, self.facts(entry, who))
        check(draft, subject)
        self.drafts.save(key, who, answered(draft, subject))
        return self.view(self.entry(key), who)

    def undo(self, key: str, who: str) -> EntryView:
        """Go back to the draft before; nothing happens at the first."""
        self.drafts.undo(key, who)
        return self.view(self.entry(key), who)

    def redo(self, key: str, who: str) -> EntryView:
        """Take back the last undo; nothing happens without one."""
        self.drafts.redo(key, who)
        return self.view(self.entry(key), who)

    # -- deciding (needs a lease, and ends it)

    def accept(self, key: str, who: str) -> Entry:
        """Accept the draft as it stands; once enough reviewers did, the Instance will be released.

        The release itself is done by `carry_out`. An entry of quality control without any new box
        is passed as clean; with new boxes it was missed: it is withdrawn from OUT and released again.
        """
        entry = self.entry(key)
        new = drawn(self.draft(entry), self.queue.decision(entry.id).redactions)
        return self.verdicts.accept(key, who, self.approvals, bool(new))

    def reject(self, key: str, who: str, reason: str = "") -> Entry:
        """Keep an Instance out of OUT for good; the ledger accounts for it as refused."""
        return self.verdicts.reject(key, who, "".join(c for c in reason[:1000] if c.isprintable()))

    def reopen(self, key: str, who: str) -> Entry:
        """Take a decision back: what was released is withdrawn, and the entry is pending again."""
        return self.verdicts.reopen(key, who)

    def missed(self, key: str, who: str) -> Entry:
        """Say that a released Instance still shows identifying text: withdrawn, and held again."""
        return self.verdicts.missed(key, who)

    def carry_out(self) -> int:
        """Release, refuse or withdraw what was decided and not yet done; return how many were done.

        Safe to call at any time, from several processes, and again after a crash. Does nothing
        while a run or another desk is writing to OUT.
        """
        return self.releasing.carry_out()

    # -- many at once

    def preview(self, key: str, scope: Scope) -> list[Change]:
        """Return what applying the draft of `key` to the pending entries of a scope would change.

        At most `MOST_AT_ONCE` entries, the oldest first.
        """
        entry = self.entry(key)
        return self._changes(entry, self.queue.beside(entry, scope is Scope.SERIES, MOST_AT_ONCE))

    def apply_to(self, key: str, who: str, keys: Sequence[str], then: Then = Then.DRAFT) -> Applied:
        """Apply the draft of `key` to other entries, and accept them if asked to."""
        targets = [self.entry(other) for other in dict.fromkeys(keys) if other != key]
        done: list[str] = []
        skipped: list[str] = []
        for made in self._changes(self.entry(key), targets):
            reached = self._apply(made, who, then)
            (done if reached else skipped).append(made.entry.key)
        return Applied(tuple(done), tuple(skipped))

    def _apply(self, made: Change, who: str, then: Then) -> bool:
        key = made.entry.key
        try:
            self.claim(key, who)
            if made.added or made.kept:
                self.save_draft(key, who, changed(self.draft(made.entry), made))
            if then is Then.ACCEPT:
                self.accept(key, who)
        except ReviewConflict:
            return False
        self.leave(key, who)
        return True

    def _changes(self, entry: Entry, targets: Sequence[Entry]) -> list[Change]:
        decision = self.queue.decision(entry.id)
        lesson = lesson_of(entry, decision, self.draft(entry))
        return [change(lesson, other, found, draft_of(content, found))
                for other, found, content in self.queue.drafted(targets)]

    def note(self, who: str, what: str, **detail: str | int | float) -> None:
        """Append a line that belongs to no entry (a login, an export) to the audit log."""
        self.queue.log(None, who, what, detail)


@contextmanager
def open_desk(workspace: Path, queue_url: str | None = None, *, passphrase: bytes = b"",
              approvals: int = 1, shelter: MakeShelter = ThisProcess) -> Iterator[Desk]:
    """Open the review of a workspace.

    Parameters
    ----------
    workspace
        The private folder of a run.
    queue_url
        ``postgresql+psycopg://...`` if the run had its queue there; None is the workspace's own.
    passphrase
        What the crosswalk is encrypted with, as in the run.
    approvals
        How many different reviewers have to accept the same draft.
    shelter
        Makes what decodes images, to look at and to release: `ThisProcess`, or `OneWorker`.

    Raises
    ------
    WorkspaceError
        If this is no workspace, or its queue cannot be reached.
    UsageError
        If the policy of its last run cannot be had again.
    """
    opened = open_workspace(workspace, create=False)
    with open_ledger(opened.ledger_file) as ledger:
        record, out = ledger.runs.last(), ledger.folder
    owner = opened.token("queue", os.fsencode(out))
    orders = Orders(opened, out, standing_policy(opened, record), record.policy_digest, queue_url, passphrase)
    with open_queue(queue_url or opened.queue_file, owner) as queue:
        desk = Desk(orders, queue, approvals, shelter)
        try:
            yield desk
        finally:
            desk.close()
