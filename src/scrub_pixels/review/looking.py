"""The half of the desk that changes nothing: lists, entries, pictures, and who looked at what."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from scrub_pixels.decisions import Finding, Redaction
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.pipeline import SLIDE_LABEL
from scrub_pixels.review.drafting import Subject, proposal
from scrub_pixels.review.pictures import FRAMES_PER_SECOND, Facts
from scrub_pixels.review.rates import miss_rate
from scrub_pixels.review.releasing import Orders, Releasing
from scrub_pixels.review.shelter import MakeShelter, ThisProcess
from scrub_pixels.review.showing import Showing
from scrub_pixels.review.views import PLAIN, EntryView, FindingView, MissRate, Picture, Rendering, Scope
from scrub_pixels.store.queue import (
    Draft,
    Entry,
    Facets,
    NoSuchEntry,
    ReviewConflict,
    ReviewQueue,
    State,
    Wanted,
)
from scrub_pixels.store.queue.leases import Leases
from scrub_pixels.store.queue.sample import Sample
from scrub_pixels.store.queue.verdicts import Drafts, Verdicts

SECONDS_PER_VIEW = 300.0
MOST_VIEWS = 20_000


class Looking:
    """What can be looked at in the review of one workspace and output folder.

    Parameters
    ----------
    orders
        The workspace, the policy of its last run, and where its output is.
    queue
        The entries.
    approvals
        How many different reviewers have to accept the same draft.
    shelter
        Makes what decodes images: pictures to look at, and accepted entries on their way through the
        pipeline (default: this process does).
    """

    def __init__(self, orders: Orders, queue: ReviewQueue, approvals: int,
                 shelter: MakeShelter = ThisProcess) -> None:
        self.queue, self.orders, self.approvals = queue, orders, approvals
        self.sample = Sample(queue.database, queue.owner, orders.workspace.key)
        self.leases = Leases(queue)
        self.drafts = Drafts(queue, self.leases)
        self.verdicts = Verdicts(queue, self.leases, self.sample)
        self.showing = Showing(orders.policy.limits, shelter)
        self.releasing = Releasing(orders, self.drafts, self.verdicts, shelter())
        self._views = Views(queue)

    def page(self, wanted: Wanted) -> list[Entry]:
        """Return one page of entries, in the order they came; free of readings."""
        return self.queue.entries(wanted)

    def entry(self, key: str) -> Entry:
        """Return one entry in short."""
        entry = self.queue.get(key)
        if entry is None:
            raise NoSuchEntry("There is no such entry.", remedy="Load the list again.")
        return entry

    def facets(self) -> Facets:
        """Return how many entries there are of each state, kind, reason, device and modality."""
        return self.queue.facets()

    def left(self) -> int:
        """Return how many entries wait for a person."""
        return self.queue.counts().get(State.PENDING.value, 0)

    def look(self, key: str, who: str) -> EntryView:
        """Return everything but the pictures. Entered in the audit log.

        Raises
        ------
        ReviewConflict
            If the input is not what was held; it will be searched anew by `carry_out`.
        Refusal
            If the input cannot be opened any more.
        """
        entry = self.entry(key)
        self._views.seen(entry, who, "looked", {})
        return self.view(entry, who)

    def frame(self, key: str, frame: int, who: str, wanted: Rendering = PLAIN) -> Picture:
        """Return one frame of the original as a picture. Entered in the audit log."""
        entry = self.entry(key)
        picture = self.showing.picture(entry, frame, wanted, self._masks(entry) if wanted.masked else ())
        self._views.seen(entry, who, "viewed", {"frame": frame, "masked": wanted.masked})
        return picture

    def close(self) -> None:
        """End every worker."""
        self.showing.close()
        self.releasing.shelter.close()

    def _masks(self, entry: Entry) -> tuple[Redaction, ...]:
        facts = self.showing.facts(entry)
        if facts.slide_label:
            whole = Region.whole((facts.rows, facts.columns))
            return (Redaction(whole, FrameSpan(0, facts.frames), SLIDE_LABEL),)
        return self.draft(entry).redactions

    def miss_rate(self) -> MissRate:
        """Return the estimated share of released Instances with text left, and how sure that is."""
        return miss_rate(self.sample.strata())

    def draft(self, entry: Entry) -> Draft:
        """Return the draft that stands, or what was proposed."""
        return self.drafts.current(entry) or proposal(self.queue.decision(entry.id))

    def facts(self, entry: Entry, who: str) -> Facts:
        """Return what is known of the input of an entry, if it is what was held; see `look`."""
        facts = self.showing.facts(entry)
        if entry.digest and entry.digest != facts.digest:
            self.verdicts.changed(entry, who)
            raise ReviewConflict("The input has changed since it was held; it is searched anew.",
                                 remedy="Come back to this entry later.")
        if not entry.digest:
            self.verdicts.looked_at(entry, facts.digest)
        return facts

    def subject(self, entry: Entry, facts: Facts) -> Subject:
        """Return what a draft of an entry is checked against."""
        if not facts.frames:
            raise NoSuchEntry("This Instance has no frames.", remedy="Reject it, or leave it.")
        findings = self.queue.decision(entry.id).findings
        shape = (facts.rows, facts.columns)
        return Subject(shape, facts.frames, findings, self.orders.policy.decisions)

    def view(self, entry: Entry, who: str) -> EntryView:
        """Return what `look` returns, without entering it in the audit log."""
        facts = self.facts(entry, who)
        return replace(
            self._outline(entry), rows=facts.rows, columns=facts.columns, frames=facts.frames,
            window=self.showing.window(entry) if facts.frames else None, inverse=facts.inverse,
            frames_per_second=facts.frames_per_second)

    def unseen(self, key: str, why: str) -> EntryView:
        """Return what is known of an entry whose input cannot be opened.

        Parameters
        ----------
        key
            Which entry.
        why
            What to tell the reviewer, who can reject it or leave it.
        """
        return replace(self._outline(self.entry(key)), trouble=why)

    def _outline(self, entry: Entry) -> EntryView:
        decision = self.queue.decision(entry.id)
        draft = self.drafts.current(entry) or proposal(decision)
        return EntryView(
            entry, entry.rows, entry.columns, entry.frames,
            findings=_findings(decision.findings), proposed=decision.redactions, draft=draft,
            can_undo=bool(entry.draft), can_redo=self.drafts.can_redo(entry),
            window=None, frames_per_second=FRAMES_PER_SECOND,
            siblings=dict(zip((Scope.SERIES, Scope.LAYOUT), self.queue.siblings(entry), strict=True)),
            approvals=self.verdicts.approvals(entry), approvals_needed=self.approvals,
            history=tuple(self.queue.history(entry.id)))


class Views:
    """Enters who looked at what into the log, once for each picture and while."""

    def __init__(self, queue: ReviewQueue) -> None:
        self._queue = queue
        self._until: dict[tuple[object, ...], float] = {}

    def seen(self, entry: Entry, who: str, what: str, detail: Mapping[str, int]) -> None:
        """Enter a view, unless the same was entered within the last minutes."""
        view, now = (entry.id, who, what, *sorted(detail.items())), time.monotonic()
        if self._until.get(view, 0.0) > now:
            return
        self._queue.log(entry.id, who, what, detail)
        if len(self._until) > MOST_VIEWS:
            self._until.clear()
        self._until[view] = now + SECONDS_PER_VIEW


def _findings(findings: Sequence[Finding]) -> tuple[FindingView, ...]:
    return tuple(
        FindingView(number, f.line.region, f.line.frames, f.verdict, f.line.reading, f.line.confidence,
                    tuple(f"{e.kind.value}: {e.detail}" for e in f.evidence))
        for number, f in enumerate(findings))
