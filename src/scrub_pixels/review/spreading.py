"""What one decision means for other entries: the same Series, or the same device and layout."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scrub_pixels.decisions import Decision, Finding, Redaction, Verdict
from scrub_pixels.decisions.spelling import fold
from scrub_pixels.geometry import FrameSpan
from scrub_pixels.review.drafting import HALF, drawn, proposal, share
from scrub_pixels.review.views import Change
from scrub_pixels.store.queue import REVIEWER, Answer, Draft, Entry, Says
from scrub_pixels.store.queue.forms import draft_from

MOST_AT_ONCE = 2000


@dataclass(frozen=True)
class Lesson:
    """What a draft says beyond what was proposed.

    Parameters
    ----------
    entry
        Where it was said.
    boxes
        What was drawn.
    kept
        Findings that may stay.
    """

    entry: Entry
    boxes: tuple[Redaction, ...]
    kept: tuple[Finding, ...]


def lesson_of(entry: Entry, decision: Decision, draft: Draft) -> Lesson:
    """Return what a draft says beyond what was proposed."""
    kept = tuple(f for f in decision.findings if f.verdict is not Verdict.BENIGN and not _masked(f, draft))
    return Lesson(entry, drawn(draft, decision.redactions), kept)


def draft_of(content: str, decision: Decision) -> Draft:
    """Return the draft of its JSON, or what was proposed if there is none."""
    return draft_from(json.loads(content)) if content else proposal(decision)


def change(lesson: Lesson, entry: Entry, decision: Decision, draft: Draft) -> Change:
    """Return what a lesson would change of another entry.

    A line that was taken for PHI is kept only where it reads the same as the one that was kept; one
    that may be no text at all, wherever it stands in the same place.
    """
    fitting = (_moved(box, lesson.entry, entry) for box in lesson.boxes)
    added = tuple(box for box in fitting if box is not None and not is_there(box, draft))
    said = {answer.finding for answer in draft.answers}
    kept = tuple(number for number, finding in enumerate(decision.findings)
                 if number not in said and finding.verdict is not Verdict.BENIGN
                 and any(_alike(finding, other) for other in lesson.kept))
    leased_to = entry.claimed_by if entry.claimed_until > time.time() else ""
    return Change(entry, added, kept, leased_to)


def changed(draft: Draft, change: Change) -> Draft:
    """Return a draft with a change made."""
    answers = (*draft.answers, *(Answer(number, Says.KEEP) for number in change.kept))
    return Draft((*draft.redactions, *change.added), answers)


def _masked(finding: Finding, draft: Draft) -> bool:
    line = finding.line
    near = (r for r in draft.redactions if r.frames.overlaps(line.frames))
    return any(share(line.region, r.region) >= HALF for r in near)


def _moved(box: Redaction, source: Entry, target: Entry) -> Redaction | None:
    """Return a box for another Instance: over all frames if it was, else over the same."""
    if box.region.clipped((target.rows, target.columns)) != box.region:
        return None
    if box.frames == FrameSpan(0, source.frames):
        return replace(box, frames=FrameSpan(0, target.frames), reason=REVIEWER)
    if box.frames.start >= target.frames:
        return None
    span = FrameSpan(box.frames.start, min(box.frames.stop, target.frames))
    return replace(box, frames=span, reason=REVIEWER)


def is_there(box: Redaction, draft: Draft) -> bool:
    """Tell whether a draft masks a box already."""
    around = (r for r in draft.redactions if r.region.contains(box.region))
    return any(r.frames.union(box.frames) == r.frames for r in around)


def _alike(finding: Finding, other: Finding) -> bool:
    one, two = finding.line, other.line
    if min(share(one.region, two.region), share(two.region, one.region)) < HALF:
        return False
    if finding.verdict is Verdict.UNSURE and other.verdict is Verdict.UNSURE:
        return True
    return _read(one.readings) == _read(two.readings) != frozenset()


def _read(readings: Sequence[str]) -> frozenset[str]:
    return frozenset(fold(reading) for reading in readings)
