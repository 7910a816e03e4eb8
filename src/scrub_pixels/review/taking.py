"""What was marked in a DICOM viewer becomes drafts: added to what is to be masked, never taking away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from scrub_pixels.decisions import Redaction
from scrub_pixels.errors import Refusal
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.review.desk import Desk
from scrub_pixels.review.exchange import PAGE, Outcome
from scrub_pixels.review.marks import Mark, marks_of
from scrub_pixels.review.pictures import Facts
from scrub_pixels.review.spreading import is_there
from scrub_pixels.review.views import BadDecision, NoSuchEntry, ReviewConflict
from scrub_pixels.store.origin import series_token
from scrub_pixels.store.queue import REVIEWER, Draft, Entry, State, Wanted


def take_marks(desk: Desk, file: Path, who: str) -> Iterator[Outcome]:
    """Add what a presentation state or Segmentation marks to the drafts of the entries it is about.

    Yields
    ------
    Outcome
        What came of each entry; for an image that waits nowhere, one without a key.

    Raises
    ------
    Refusal
        If the file cannot be read, or holds anything that is not understood.
    """
    marks = desk.showing.read(marks_of, file)
    images = list(dict.fromkeys((mark.series, mark.sop_instance) for mark in marks))
    places = _places(desk, {series for series, _ in images}, {uid for _, uid in images})
    for _, uid in images:
        here = [mark for mark in marks if mark.sop_instance == uid]
        for entry in places.get(uid, ()):
            yield _taken(desk, entry, here, who)
        if uid not in places:
            yield Outcome("", False, "An image that the file is about waits nowhere in this review.")


def _places(desk: Desk, series: set[str], uids: set[str]) -> dict[str, list[Entry]]:
    """Return the entries that wait, by SOP Instance UID; only those of the Series are opened, if it says."""
    key = desk.orders.workspace.key
    tokens = {series_token(key, uid) for uid in series}
    found: dict[str, list[Entry]] = {}
    for entry in _waiting(desk, [""] if "" in tokens else sorted(tokens)):
        try:
            uid = desk.showing.facts(entry).sop_instance
        except Refusal:
            continue  # it cannot be opened, and nobody can have drawn over it
        if uid in uids:
            found.setdefault(uid, []).append(entry)
    return found


def _waiting(desk: Desk, tokens: Iterable[str]) -> Iterator[Entry]:
    for token in tokens:
        wanted = Wanted(State.PENDING, series=token, limit=PAGE)
        while entries := desk.page(wanted):
            yield from entries
            wanted = replace(wanted, after=entries[-1].id)


def _taken(desk: Desk, entry: Entry, marks: Sequence[Mark], who: str) -> Outcome:
    try:
        desk.claim(entry.key, who)
        try:
            draft = desk.look(entry.key, who).draft
            boxes = redactions_of(marks, desk.showing.facts(entry))
            new = tuple(box for box in boxes if not is_there(box, draft))
            if new:
                desk.save_draft(entry.key, who, Draft((*draft.redactions, *new), draft.answers))
        finally:
            desk.leave(entry.key, who)
    except (BadDecision, NoSuchEntry, ReviewConflict, Refusal) as error:
        return Outcome(entry.key, False, str(error))
    return Outcome(entry.key, True)


def redactions_of(marks: Sequence[Mark], facts: Facts) -> tuple[Redaction, ...]:
    """Return the redactions of what is marked in one Instance.

    Raises
    ------
    BadDecision
        If something lies outside of it, or was marked in an image of another size.
    """
    frames: dict[Region, set[int]] = {}
    for mark in marks:
        if mark.shape not in (None, (facts.rows, facts.columns)):
            raise BadDecision("The Segmentation is of another size than the image.", remedy="Draw it anew.")
        if mark.frames and max(mark.frames) >= facts.frames:
            raise BadDecision("The file names frames that there are not.",
                              remedy=f"The Instance has {facts.frames}.")
        frames.setdefault(_inside(mark, facts), set()).update(mark.frames or range(facts.frames))
    return tuple(Redaction(region, span, REVIEWER) for region, numbers in frames.items()
                 for span in _spans(numbers))


def _inside(mark: Mark, facts: Facts) -> Region:
    top, left, bottom, right = mark.extent
    top, left, bottom, right = max(0, top), max(0, left), min(facts.rows, bottom), min(facts.columns, right)
    if top >= bottom or left >= right:
        raise BadDecision("Something is marked outside of the image.", remedy="Draw it inside.")
    return Region(top, left, bottom - top, right - left)


def _spans(frames: Iterable[int]) -> Iterator[FrameSpan]:
    ordered = sorted(frames)
    start = ordered[0]
    for here, following in zip(ordered, [*ordered[1:], None], strict=True):
        if following != here + 1:
            yield FrameSpan(start, here + 1)
            start = following if following is not None else start
