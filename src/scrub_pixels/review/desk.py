"""The desk a reviewer works at: every operation of the review, whoever shows it.

The site, the command line and tests all go through `Desk`; it is safe to use from several threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scrub_pixels.review.views import (
    PLAIN,
    Applied,
    Change,
    Claim,
    EntryView,
    MissRate,
    Picture,
    Rendering,
    Scope,
    Then,
)
from scrub_pixels.store.queue import Draft, Entry, Facets, Wanted


class Desk:
    """The review of one workspace; build it with `open_desk`.

    Every method may raise `NoSuchEntry` for a key that is not there, `ReviewConflict` where
    someone else has the entry, and `WorkspaceError` if the queue cannot be reached.
    """

    # -- the list

    def page(self, wanted: Wanted) -> list[Entry]:
        """Return one page of entries, in the order they came; free of readings."""
        raise NotImplementedError

    def facets(self) -> Facets:
        """Return how many entries there are of each state, kind, reason, device and modality."""
        raise NotImplementedError

    def left(self) -> int:
        """Return how many entries wait for a person."""
        raise NotImplementedError

    # -- leases

    def claim(self, key: str, who: str, seconds: float = 300) -> Claim:
        """Take an entry for a while, or renew what one has."""
        raise NotImplementedError

    def claim_next(self, who: str, wanted: Wanted, seconds: float = 300) -> Claim | None:
        """Take the first pending entry that nobody has, from `wanted.after` on; None if there is none."""
        raise NotImplementedError

    def renew(self, key: str, who: str, seconds: float = 300) -> Claim:
        """Prolong a lease; raises `ReviewConflict` if it has gone to someone else."""
        raise NotImplementedError

    def leave(self, key: str, who: str) -> None:
        """Give a lease back; nothing happens if there is none."""
        raise NotImplementedError

    # -- looking

    def look(self, key: str, who: str) -> EntryView:
        """Return everything but the pictures. Entered in the audit log."""
        raise NotImplementedError

    def frame(self, key: str, frame: int, who: str, wanted: Rendering = PLAIN) -> Picture:
        """Return one frame of the original as a picture. Entered in the audit log."""
        raise NotImplementedError

    # -- drafting (needs a lease)

    def save_draft(self, key: str, who: str, draft: Draft) -> EntryView:
        """Keep a draft for good, as a new step that can be undone.

        An answer KEEP or TERM takes away the proposed redactions of its finding, PHI makes sure
        that there is one; the view returned has the draft after that.

        Raises
        ------
        BadDecision
            If a region or frame lies outside the Instance, or an answer names no finding.
        """
        raise NotImplementedError

    def undo(self, key: str, who: str) -> EntryView:
        """Go back to the draft before; nothing happens at the first."""
        raise NotImplementedError

    def redo(self, key: str, who: str) -> EntryView:
        """Take back the last undo; nothing happens without one."""
        raise NotImplementedError

    # -- deciding (needs a lease, and ends it)

    def accept(self, key: str, who: str) -> Entry:
        """Accept the draft as it stands; once enough reviewers did, the Instance will be released.

        The release itself is done by `carry_out`. An entry of quality control without any new box
        is passed as clean; with new boxes it was missed: it is withdrawn from OUT and released again.
        """
        raise NotImplementedError

    def reject(self, key: str, who: str, reason: str = "") -> Entry:
        """Keep an Instance out of OUT for good; the ledger accounts for it as refused."""
        raise NotImplementedError

    def reopen(self, key: str, who: str) -> Entry:
        """Take a decision back: what was released is withdrawn, and the entry is pending again."""
        raise NotImplementedError

    def missed(self, key: str, who: str) -> Entry:
        """Say that a released Instance still shows identifying text: withdrawn, and held again."""
        raise NotImplementedError

    def carry_out(self) -> int:
        """Release, refuse or withdraw what was decided and not yet done; return how many were done.

        Safe to call at any time, from several processes, and again after a crash. Does nothing
        while a run or another desk is writing to OUT.
        """
        raise NotImplementedError

    # -- many at once

    def preview(self, key: str, scope: Scope) -> list[Change]:
        """Return what applying the draft of `key` to the pending entries of a scope would change."""
        raise NotImplementedError

    def apply_to(self, key: str, who: str, keys: Sequence[str], then: Then = Then.DRAFT) -> Applied:
        """Apply the draft of `key` to other entries, and accept them if asked to."""
        raise NotImplementedError

    # -- quality control and audit

    def miss_rate(self) -> MissRate:
        """Return the estimated share of released Instances with text left, and how sure that is."""
        raise NotImplementedError

    def note(self, who: str, what: str, **detail: str | int | float) -> None:
        """Append a line that belongs to no entry (a login, an export) to the audit log."""
        raise NotImplementedError


@contextmanager
def open_desk(workspace: Path, queue_url: str | None = None, *, passphrase: bytes = b"",
              approvals: int = 1) -> Iterator[Desk]:
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

    Raises
    ------
    WorkspaceError
        If this is no workspace, or its queue cannot be reached.
    """
    raise NotImplementedError
    yield Desk()
