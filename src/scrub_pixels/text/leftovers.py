"""What the lines that are known leave of a box: nothing, or the lines that are still missing.

Detectors draw boxes over two lines, around a line and a half, over a stack of settings with an icon in
it. What is read for sure inside accounts for its ink; what is left is taken apart into lines of its own
and read again, instead of masking all of it for a bad reading of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.boxes import thickness
from scrub_pixels.text.ink import ink_of
from scrub_pixels.text.readers import Image, TextBox

LITTLE = 0.05
"""Share of a box that lines must cover before they say anything about it."""

MUCH = 0.2
"""The same, and share of ink that may be left, over texture, where ink is uncertain."""

CRUMBS = 0.08
"""Share of the ink that is no line: margins, anti-aliasing."""

LEAST_STROKE = 4
"""Rows and columns of the smallest mark that may be a letter."""

STACKED = 1.9
"""A box that many times as tall as the marks in it holds more than one line."""

MOST_PARTS = 12
"""More parts than that are texture."""

LETTER_GAP = 0.8
"""Heights of empty paper that still part letters, not lines."""


def leftovers(image: Image, box: TextBox, known: Sequence[Region]) -> list[TextBox]:
    """Return `box` itself, or the lines in it that `known` ones do not account for.

    Parameters
    ----------
    image
        The picture.
    box
        A detector's box.
    known
        Regions of lines whose reading accounts for all of their ink.
    """
    shape = (image.shape[0], image.shape[1])
    reach = ((region, max(2, round(0.2 * thickness(region)))) for region in known)
    around = (region.expanded(more, more, shape).intersection(box.region) for region, more in reach)
    inside = [shared for shared in around if shared]
    if sum(shared.area for shared in inside) < (LITTLE if box.plain else MUCH) * box.region.area:
        return [box]
    ink, _ = ink_of(image, box.region, (0, 0))
    left = ink.mask.copy()
    for shared in inside:
        left[shared.moved(-box.region.row, -box.region.column).slices] = 0
    if left.sum() <= (CRUMBS if box.plain else MUCH) * ink.mask.sum():
        return []
    if not box.plain:
        return _placed(box, _around(left))
    height = max(6, min(thickness(region) for region in known))
    return _placed(box, _lines(left, height))


def parted(image: Image, box: TextBox) -> list[TextBox]:
    """Return the marks of a box that is much taller than they are, side by side ones as lines; or the box.

    A diagram with letters around it, a stack of lines: what cannot be read as one line may be readable
    in parts.
    """
    ink, _ = ink_of(image, box.region, (0, 0))
    count, _, stats, _ = cv2.connectedComponentsWithStats(ink.mask, connectivity=8)
    heights = [int(h) for h in stats[1:count, 3] if h >= LEAST_STROKE]
    if not heights or thickness(box.region) < STACKED * float(np.median(heights)):
        return [box]
    parts = _lines(ink.mask, max(6, int(np.median(heights))))
    return _placed(box, parts) if 2 <= len(parts) <= MOST_PARTS else [box]


def _around(ink: NDArray[np.uint8]) -> list[Region]:
    """Return one box around all ink: over texture the marks of a line cannot be told from the ground."""
    left, top, columns, rows = cv2.boundingRect(ink)
    return [Region(top, left, rows, columns)] if min(rows, columns) >= LEAST_STROKE else []


def _placed(box: TextBox, parts: Sequence[Region]) -> list[TextBox]:
    return [replace(box, region=part.moved(box.region.row, box.region.column)) for part in parts]


def _lines(ink: NDArray[np.uint8], height: int) -> list[Region]:
    """Return the boxes of marks that stand side by side, without those too small to be letters."""
    reach = 2 * round(LETTER_GAP * height / 2) + 1
    padded = cv2.copyMakeBorder(ink, 0, 0, reach, reach, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((1, reach), np.uint8))
    joined = np.ascontiguousarray(closed[:, reach:-reach])
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    boxes = (tuple(int(v) for v in stats[i, :4]) for i in range(1, count))
    return [
        Region(row, column, rows, columns)
        for column, row, columns, rows in boxes
        if rows >= LEAST_STROKE and columns >= LEAST_STROKE
    ]
