"""Neighbours: masked lines whose boxes reach over harmless ones that were read for sure.

Only the picture can tell how much of such a box belongs to which line; see `scrub_pixels.decisions.room`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from scrub_pixels.decisions.findings import Finding, Verdict
from scrub_pixels.decisions.layout import same_place
from scrub_pixels.decisions.redactions import SURE, Room, mask_of
from scrub_pixels.decisions.room import Neighbours, room_of, room_on_grid
from scrub_pixels.decisions.settings import DecisionSettings
from scrub_pixels.decisions.spelling import compact, fold
from scrub_pixels.text.lines import TextLine
from scrub_pixels.text.readers import Image

_DIGIT = re.compile(r"\d")


def rooms_beside(
    findings: Sequence[Finding],
    shown: Callable[[int], Sequence[Image]],
    settings: DecisionSettings,
    blocks: Sequence[tuple[int, int]] = (),
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
    blocks
        Rows and columns of the coding blocks that a redaction blackens as a whole, finest first.
    """
    found: list[Room] = []
    for line, pair in crowded(findings, settings, blocks[-1] if blocks else (1, 1)):
        rooms = (room_of(shown, pair), *(room_on_grid(shown, pair, block) for block in blocks))
        found += [Room(line, room) for room in rooms if room is not None]
    return tuple(dict.fromkeys(found))


def crowded(
    findings: Sequence[Finding], settings: DecisionSettings, block: tuple[int, int] = (1, 1)
) -> Iterator[tuple[TextLine, Neighbours]]:
    """Yield masked lines whose masks reach harmless ones that were read for sure, and where both stand."""
    sure = [f.line for f in findings if f.verdict is Verdict.BENIGN and is_sure(f.line)]
    masked = [f.line for f in findings if f.verdict is not Verdict.BENIGN and _reads_alike(f.line)]
    for line in masked:
        mask = mask_of(line.region, settings)
        reached = mask.aligned(*block, (mask.bottom + block[0], mask.right + block[1]))
        unread = line.confidence < settings.min_confidence
        for other in sure:
            near = reached.overlaps(other.region) and _apart(line, other)
            if near and (unread or not _may_be_one(line, other)):
                yield line, Neighbours(mask, line.region, other.region, line.frames, unread)


def is_sure(line: TextLine) -> bool:
    """Tell whether a harmless line accounts for the ink in its place, in all its frames."""
    return line.confidence >= SURE and line.rotation % 180 == 0 and _reads_alike(line)


def _reads_alike(line: TextLine) -> bool:
    """Tell whether a line reads the same in all its frames, but for digits that go on (a clock)."""
    return len(line.frames) == 1 or len({_DIGIT.sub("0", reading) for reading in line.readings}) <= 1


def _apart(masked: TextLine, harmless: TextLine) -> bool:
    """Tell whether a harmless line stands in all frames of a masked one, and not in its place."""
    return _stands_as_long(harmless, masked) and not same_place(masked, harmless)


def _stands_as_long(harmless: TextLine, masked: TextLine) -> bool:
    return harmless.frames.start <= masked.frames.start and masked.frames.stop <= harmless.frames.stop


def _may_be_one(masked: TextLine, harmless: TextLine) -> bool:
    """Tell whether the harmless line may be part of what was read in the masked one: that goes as a whole."""
    own = compact(fold(harmless.reading))
    return masked.rotation % 180 != 0 or any(own in compact(fold(reading)) for reading in masked.readings)
