"""Residue: what a second look at a masked frame still finds of the text that was masked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from pydicom import Dataset

from scrub_pixels.decisions.findings import Decision, Redaction, Verdict
from scrub_pixels.decisions.identity import harvest
from scrub_pixels.decisions.redactions import SURE, Room
from scrub_pixels.decisions.settings import DecisionSettings
from scrub_pixels.decisions.verdicts import Context, judge
from scrub_pixels.geometry import Region, Shape
from scrub_pixels.text.lines import TextLine

REACH = 3
"""Samples between a redaction and what counts as having broken off from it."""

LEAST_CONFIDENCE = 0.6
LEAST_CHARACTERS = 2
"""What is read worse or shorter beside a mask is its edge, not text."""

REASON = "second look: text beside a redaction"


def frames_to_look_at(redactions: Iterable[Redaction], most: int) -> list[int]:
    """Return frames on which every redaction begins, at most `most`, spread over all of them."""
    starts = sorted({redaction.frames.start for redaction in redactions})
    step = max(1, -(-len(starts) // most))
    return starts[::step]


def residue(
    left: Sequence[TextLine], frame: int, decision: Decision, dataset: Dataset, settings: DecisionSettings
) -> tuple[Redaction, ...]:
    """Return what has to be masked besides: remains of identifying text that touch a redaction.

    Parameters
    ----------
    left
        What reading the masked frame again found.
    frame
        Which frame that was.
    decision
        What was decided; lines it found harmless stay.
    dataset
        The Instance, for its identity and shape.
    settings
        What is taken for harmless.
    """
    shape: Shape = (int(dataset.Rows), int(dataset.Columns))
    active = [r for r in decision.redactions if frame in r.frames]
    harmless = harmless_in(decision, frame)
    suspects = [line for line in left if _is_text(line) and not _known(line.region, harmless)]
    findings = judge(suspects, harvest(dataset), settings, Context(shape))
    masked = [f.line.region for f in findings if f.verdict is not Verdict.BENIGN]
    pairs = ((region, r) for region in masked for r in active if _touches(region, r.region, shape))
    found = (Redaction(region.expanded(2, 2, shape), r.frames, REASON) for region, r in pairs)
    return tuple(dict.fromkeys(found))


def spoilt(found: Sequence[Redaction], decision: Decision, frame: int) -> list[Region]:
    """Return the lines that were read for sure as harmless, and that remains would take with them.

    Beside a mask a detector may draw its boxes anew, around such lines and the edges of the mask: what is
    not found when these lines are painted over was nothing but them.
    """
    sure = (f.line for f in decision.findings if f.verdict is Verdict.BENIGN and f.line.confidence >= SURE)
    places = [line.region for line in sure if frame in line.frames]
    return [place for place in places if any(place.overlaps(r.region) for r in found)]


def without_those_near(
    rooms: Sequence[Room], left: Iterable[Redaction], shape: Shape
) -> tuple[Room, ...]:
    """Return the rooms that no remains of text touch: beside the others too little may have been masked."""
    remains = tuple(left)

    def is_near(room: Room) -> bool:
        there = (r for r in remains if r.frames.overlaps(room.masked.frames))
        return any(_touches(room.region, r.region, shape) for r in there)

    return tuple(room for room in rooms if not is_near(room))


def harmless_in(decision: Decision, frame: int) -> list[Region]:
    """Return the places of the lines of a frame that were found harmless."""
    benign = (f.line for f in decision.findings if f.verdict is Verdict.BENIGN)
    return [line.region for line in benign if frame in line.frames]


def _is_text(line: TextLine) -> bool:
    characters = sum(c.isalnum() for c in line.reading)
    return line.confidence >= LEAST_CONFIDENCE and characters >= LEAST_CHARACTERS


def _known(region: Region, harmless: Iterable[Region]) -> bool:
    """Tell whether harmless lines make up half of a place, as of a column of values read as a turned line."""
    covered = np.zeros((region.rows, region.columns), bool)
    for shared in filter(None, map(region.intersection, harmless)):
        top, left = shared.row - region.row, shared.column - region.column
        covered[top:top + shared.rows, left:left + shared.columns] = True
    return 2 * int(covered.sum()) >= region.area


def _touches(region: Region, redaction: Region, shape: Shape) -> bool:
    return redaction.expanded(REACH, REACH, shape).overlaps(region)
