"""A line in pieces: the row of a table whose blanks a reader lost, read again between the gaps of its ink.

``Abdomen  2  120  128  4.9`` is read ``Abdomen21201284.9``, which looks like the number of a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.ink import column_gaps, fitted, ink_of, row_runs
from scrub_pixels.text.lines import TextLine
from scrub_pixels.text.readers import Image, TextRecognizer

LEAST_CONFIDENCE = 0.6
"""Pieces that are read with less say nothing."""

LEAST_PIECES = 4
_NARROWEST_GAP = 0.5
"""Share of a line's height that a gap between two columns of a table is wide at least."""

_LEAST_STEP, _LATER = 0.4, 1.5
"""Share of a line's height from one letter to the next at least, points left out, and how many such steps a
letter begins behind the one before a blank."""

_NARROWEST_BLANK, _ALIKE, _MUCH_WIDER = 0.4, 1.7, 2.5
"""Share of a line's height that a blank of one width is wide at least, and how many times as wide the widest
is as the narrowest, and the narrowest as a gap between letters."""

_IN_WORDS = 0.35
"""Share of the steps from letter to letter of a table's row that are surely within words and numbers."""

_MARGIN = 0.15


def read_in_pieces(
    image: Image, lines: Iterable[TextLine], recognizer: TextRecognizer, known: Sequence[Region] = ()
) -> list[TextLine]:
    """Return the lines with the pieces that stand between the gaps of their ink.

    Parameters
    ----------
    image
        The picture in which they stand.
    lines
        Horizontal lines; those whose ground is not plain, that have few pieces, or one that is not read
        surely, come back as they are.
    recognizer
        Reads.
    known
        Not looked at; as `looked_closer` has it.
    """
    return [replace(line, pieces=_pieces(image, line.region, recognizer)) for line in lines]


def _pieces(image: Image, region: Region, recognizer: TextRecognizer) -> tuple[str, ...]:
    tight, fits = fitted(image, region)
    places = _places(image, tight) if fits else []
    if len(places) < LEAST_PIECES:
        return ()
    extra, shape = max(1, round(_MARGIN * tight.rows)), (image.shape[0], image.shape[1])
    crops = [np.ascontiguousarray(image[p.expanded(extra, extra, shape).slices]) for p in places]
    read = recognizer.recognize(crops)
    sure = all(reading.text.strip() and reading.confidence >= LEAST_CONFIDENCE for reading in read)
    return tuple(reading.text.strip() for reading in read) if sure else ()


def _places(image: Image, tight: Region) -> list[Region]:
    """Return where the pieces of a fitted line stand, from left to right."""
    ink, window = ink_of(image, tight, (1, 2))
    gaps = _by_widths(ink.mask) or _by_steps(ink.mask)
    edges = [tight.column, *(window.column + e for gap in gaps for e in gap), tight.right]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [Region(tight.row, a, tight.rows, b - a) for a, b in pairs if b > a]


def _by_widths(mask: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Return the gaps that are blanks if these are of one width, and all others much narrower.

    In a font of one width they are not: beside a narrow digit a gap is neither a blank nor nothing.
    """
    gaps = column_gaps(mask, 1)
    widths = sorted({b - a for a, b in gaps})
    for narrow, least in zip([0, *widths], widths, strict=False):
        wide = least >= _NARROWEST_BLANK * mask.shape[0] and widths[-1] <= _ALIKE * least
        if wide and least >= _MUCH_WIDER * narrow:
            return [(a, b) for a, b in gaps if b - a >= least]
    return []


def _by_steps(mask: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Return the gaps of a line that are blanks by where the letters begin, as half-open ranges of columns.

    In a font of one width the digits of a number stand as far apart as a narrow one of them leaves room: a
    blank is wider than half the height, and makes the next letter begin later than it would in a word.
    """
    starts = np.array([a for a, _ in row_runs(mask.T)])
    steps = np.diff(starts)
    letters = steps[steps >= _LEAST_STEP * mask.shape[0]]
    if not letters.size:
        return []
    pitch = float(np.quantile(letters, _IN_WORDS))
    wide = column_gaps(mask, max(2, round(_NARROWEST_GAP * mask.shape[0])))
    return [(a, b) for a, b in wide if b - starts[starts < a].max() >= _LATER * pitch]
