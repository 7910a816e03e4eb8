"""Neighbours: masked lines whose boxes reach over harmless ones that were read for sure.

Only the picture can tell how much of such a box belongs to which line; see `scrub_pixels.decisions.room`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from scrub_pixels.decisions.findings import Finding, Verdict
from scrub_pixels.decisions.layout import same_place
from scrub_pixels.decisions.redactions import SURE, Room
from scrub_pixels.decisions.room import Neighbours, room_of
from scrub_pixels.decisions.settings import DecisionSettings
from scrub_pixels.decisions.spelling import compact, fold
from scrub_pixels.text.lines import TextLine
from scrub_pixels.text.readers import Image

MOST_FRAMES = 16
"""Frames in which two lines are looked at; what stands longer is masked with the margins of its box."""


def rooms_beside(
    findings: Sequence[Finding], shown: Callable[[int], Sequence[Image]], settings: DecisionSettings
) -> tuple[Room, ...]:
    """Return what the redactions of findings may leave to harmless lines beside them.

    Parameters
    ----------
    findings
        All findings of an Instance.
    shown
        Returns the renderings of a frame, the one that is displayed first.
    settings
        How far a redaction reaches beyond the box of its line, and which readings count.
    """
    pairs = crowded(findings, settings)
    found = ((masked, room_of(shown, pair)) for masked, pair in pairs)
    return tuple(dict.fromkeys(Room(masked, region) for masked, region in found if region is not None))


def crowded(
    findings: Sequence[Finding], settings: DecisionSettings
) -> Iterator[tuple[TextLine, Neighbours]]:
    """Yield masked lines whose redactions reach over harmless ones read for sure, and both boxes."""
    sure = [f.line for f in findings if f.verdict is Verdict.BENIGN and is_sure(f.line)]
    masked = [f.line for f in findings if f.verdict is not Verdict.BENIGN and _stands_still(f.line)]
    for line in masked:
        unread = line.confidence < settings.min_confidence
        for other in sure:
            if _reaches_over(line, other, settings) and not (not unread and _may_be_one(line, other)):
                yield line, Neighbours(line.region, other.region, line.frames, unread)


def is_sure(line: TextLine) -> bool:
    """Tell whether a harmless line accounts for the ink in its place, in all its frames."""
    return line.confidence >= SURE and line.rotation % 180 == 0 and _stands_still(line)


def _stands_still(line: TextLine) -> bool:
    """Tell whether a line reads the same in all its frames, and these are few enough to look at all."""
    return len(line.frames) == 1 or (len(line.frames) <= MOST_FRAMES and len(line.readings) == 1)


def _reaches_over(masked: TextLine, harmless: TextLine, settings: DecisionSettings) -> bool:
    region = masked.region
    reach = max(settings.min_margin, math.ceil(settings.margin * min(region.rows, region.columns)))
    edge = (region.bottom + reach, region.right + reach)
    within = harmless.frames.start <= masked.frames.start and masked.frames.stop <= harmless.frames.stop
    touching = region.expanded(reach, reach, edge).overlaps(harmless.region)
    return within and touching and not same_place(masked, harmless)


def _may_be_one(masked: TextLine, harmless: TextLine) -> bool:
    """Tell whether the harmless line may be part of what was read in the masked one: that goes as a whole."""
    own = compact(fold(harmless.reading))
    return masked.rotation % 180 != 0 or any(own in compact(fold(reading)) for reading in masked.readings)
