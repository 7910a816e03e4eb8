"""Scales: numbers below each other that count evenly, as beside a depth scale or the axis of a curve.

A detector draws one box around all of them and takes them for a turned line, whose digits look like the
number of a record. That their upright readings count evenly, and stand as far apart as they count, shows what
they are: digits of turned text do not read upright, and stacked digits stand closer together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from scrub_pixels.text.lines import TextLine

ON_SCALE = "the numbers of a scale"

LEAST_MARKS, LEAST_INSIDE = 3, 2
"""Numbers of a scale at least, and of them in the box of what was taken for turned text."""

SURE = 0.95
"""Confidence with which each number is read."""

GAP = 1.0
"""Heights of free ground between two numbers at least."""

EVEN, OFF = 0.1, 2
"""Part of the space between two numbers, and samples, by which one may be off its place."""

_NUMBER = re.compile(r"-?\d{1,3}")


def is_scale(turned: TextLine, lines: Iterable[TextLine]) -> bool:
    """Tell whether a line that was read as turned text is some of the numbers of a scale, and nothing else.

    Parameters
    ----------
    turned
        The line that is turned by 90 or 270 degrees.
    lines
        The lines of the Instance that nothing speaks against.
    """
    marks = sorted((line for line in lines if _is_mark(line, turned)), key=lambda line: line.region.row)
    inside = [line for line in marks if turned.region.contains(line.region)]
    if len(marks) < LEAST_MARKS or len(inside) < LEAST_INSIDE or not _counts_evenly(marks):
        return False
    digits = sum(len(line.reading.strip()) for line in inside)
    return all(sum(c.isalnum() for c in reading) <= digits + 1 for reading in turned.readings)


def _is_mark(line: TextLine, turned: TextLine) -> bool:
    """Tell whether a line is a number, surely and upright, in the columns of another and all its frames."""
    number = all(_NUMBER.fullmatch(reading.strip()) for reading in line.readings)
    within = turned.region.column <= line.region.column and line.region.right <= turned.region.right
    lasting = line.frames.start <= turned.frames.start and turned.frames.stop <= line.frames.stop
    sure = bool(line.readings) and line.confidence >= SURE and not line.rotation
    return sure and number and len(line.readings) == 1 and within and lasting


def _counts_evenly(marks: Sequence[TextLine]) -> bool:
    """Tell whether numbers grow, or shrink, by equal steps as their rows do, free ground between them."""
    values = [int(line.reading) for line in marks]
    middles = [line.region.row + line.region.rows / 2 for line in marks]
    counts, rows = _steps(values), _steps(middles)
    free = (b.region.row - a.region.bottom >= GAP * a.region.rows for a, b in pairwise(marks))
    if not all(free) or 0 in counts or len({count > 0 for count in counts}) > 1:
        return False
    spaces = [abs(row / count) for row, count in zip(rows, counts, strict=True)]
    least = min(spaces)
    off = (space - least - OFF / abs(count) for space, count in zip(spaces, counts, strict=True))
    return all(by <= EVEN * least for by in off)


def _steps(numbers: Sequence[float]) -> list[float]:
    return [b - a for a, b in pairwise(numbers)]
