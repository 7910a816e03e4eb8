"""From an accepted decision to what it teaches about devices and words."""

from __future__ import annotations

from collections.abc import Iterator

from scrub_pixels.decisions import Decision, Verdict
from scrub_pixels.geometry import FrameSpan
from scrub_pixels.review.spreading import lesson_of
from scrub_pixels.store.accounts import Origin
from scrub_pixels.store.queue import Draft, Entry, Says
from scrub_pixels.store.queue.lessons import Device, Kind, Lesson, spelt


def lessons_of(entry: Entry, decision: Decision, draft: Draft, origin: Origin) -> tuple[Lesson, ...]:
    """Return what a released entry teaches; nothing if its device is not named.

    Boxes over every frame teach where a device writes what identifies; unreadable places that were
    kept teach where it does not; answers teach terms.
    """
    if not origin.manufacturer or not origin.model:
        return ()
    device = Device(origin.manufacturer, origin.model, origin.rows, origin.columns)
    return tuple(dict.fromkeys(_lessons(entry, decision, draft, (device, origin.patient))))


def _lessons(entry: Entry, decision: Decision, draft: Draft,
             whose: tuple[Device, str]) -> Iterator[Lesson]:
    device, patient = whose
    said = lesson_of(entry, decision, draft)
    for box in said.boxes:
        if box.frames == FrameSpan(0, entry.frames):
            yield Lesson(Kind.MASK, device, spelt(box.region), patient)
    for finding in said.kept:
        if finding.verdict is Verdict.UNSURE:
            yield Lesson(Kind.KEEP, device, spelt(finding.line.region), patient)
    for answer in draft.answers:
        reading = decision.findings[answer.finding].line.reading.strip()
        if answer.says is Says.TERM and reading:
            yield Lesson(Kind.TERM, device, reading, patient)
