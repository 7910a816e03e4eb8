"""Cut lines: what stands beside a line that an ellipsis cuts, and may be a part of it.

A panel that is too narrow shows ``6 OCT...``, of which the day is read by itself, or dots that nothing was
made of. A date is told from a setting's value by the line it belongs to, and by the lines above and below.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from scrub_pixels.decisions.findings import Evidence, EvidenceKind
from scrub_pixels.decisions.layout import line_height, same_row
from scrub_pixels.decisions.spelling import fold
from scrub_pixels.text.lines import TextLine

CUT = "cut by an ellipsis"
_PART = Evidence(EvidenceKind.POSITION, "part of a line cut by an ellipsis", True)
_ENDED = Evidence(EvidenceKind.POSITION, "numbers that may be cut, as the lines beside it are", True)
_BEGUN_MOMENT = re.compile(r"\d{1,4}\s?[-/:]\s?\d{1,2}(?:\s?[-/:]\s?\d{0,4})?[\s.:;,]*")
_REACH = 6.0
"""Heights of a line within which lines above and below are of one panel."""


def beside_cut(line: TextLine, cut: Sequence[TextLine]) -> Iterable[Evidence]:
    """Yield what lines that an ellipsis cuts say about a harmless one beside them.

    Parameters
    ----------
    line
        A line of numbers and single letters, by itself harmless.
    cut
        Lines that an ellipsis cuts, and that are masked.
    """
    near = [other for other in cut if other is not line and other.frames.overlaps(line.frames)]
    if any(_goes_on(line, other) for other in near):
        yield _PART
    if any(map(_begins_moment, line.readings)) and any(_ends_with(line, other) for other in near):
        yield _ENDED


def _goes_on(line: TextLine, cut: TextLine) -> bool:
    """Tell whether a cut line goes on where another one ends, less than a letter's height away."""
    gap = cut.region.column - line.region.right
    behind = cut.region.column > line.region.column
    return behind and same_row(line, cut) and gap <= line_height(line) and not cut.rotation


def _begins_moment(reading: str) -> bool:
    return _BEGUN_MOMENT.fullmatch(fold(reading).strip()) is not None


def _ends_with(line: TextLine, cut: TextLine) -> bool:
    """Tell whether two lines of one panel reach equally far to the right."""
    height = line_height(line)
    apart = max(line.region.row, cut.region.row) - min(line.region.bottom, cut.region.bottom)
    return abs(line.region.right - cut.region.right) <= height // 2 and apart <= _REACH * height
