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
from scrub_pixels.text.boxes import is_upright, thickness
from scrub_pixels.text.ink import ink_of
from scrub_pixels.text.readers import Image, TextBox

LITTLE = 0.05
"""Share of a box that lines must cover before they say anything about it."""

MUCH = 0.2
"""The same, and share of ink that may be left, over texture, where ink is uncertain."""

EDGE = 4
"""Samples around a box in which its marks are followed, to tell them from those of its neighbours."""

LEAST_STROKE = 4
"""Height of the lowest letter of a lying line; a turned one may be as long and two samples wide."""

LARGEST_LETTER = 2.0
"""Heights of a line; marks that are larger are several letters, or more than letters."""

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
    # On plain ground a letter belongs to the line that most of it lies in: no more reach is needed.
    reach = ((region, 2 if box.plain else max(2, round(0.2 * thickness(region)))) for region in known)
    around = [region.expanded(more, more, shape) for region, more in reach]
    inside = [shared for shared in (region.intersection(box.region) for region in around) if shared]
    if sum(shared.area for shared in inside) < (LITTLE if box.plain else MUCH) * box.region.area:
        return [box]
    if not box.plain:
        return _over_texture(image, box, inside)
    left = unexplained(image, box.region, around)
    if not left.any():
        return []
    if is_upright(box.region):
        return _placed(box, together(left, box.region.columns))
    height = max(6, min(thickness(region) for region in known))
    return _placed(box, _lines(left, height))


def _over_texture(image: Image, box: TextBox, known: Sequence[Region]) -> list[TextBox]:
    """Return one box around the ink that is left: the marks of a line cannot be told from the ground."""
    ink, _ = ink_of(image, box.region, (0, 0))
    left = ink.mask.copy()
    for region in known:
        left[region.moved(-box.region.row, -box.region.column).slices] = 0
    return [] if left.sum() <= MUCH * ink.mask.sum() else _placed(box, _around(left))


def unexplained(image: Image, region: Region, known: Sequence[Region]) -> NDArray[np.uint8]:
    """Return the marks of a box, 1 where one is, that lie for the most part outside `known` lines.

    A letter that is partly in a line is all the line's or none of it: lines that stand close must not
    cut each other's letters. What only reaches into the box from outside is another box's. Marks larger
    than letters, run together with each other or with the ground, are judged sample by sample.
    """
    ink, window = ink_of(image, region, (EDGE, EDGE))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink.mask, connectivity=8)
    covered = np.zeros(ink.mask.shape, bool)
    for line in known:
        shared = line.intersection(window)
        if shared:
            covered[shared.moved(-window.row, -window.column).slices] = True
    sizes = stats[:, 4]
    own = 2 * np.bincount(labels[ink.inner.slices].ravel(), minlength=count) >= sizes
    open_ = 2 * np.bincount(labels[covered], minlength=count) < sizes
    letters = stats[:, 2:4].max(axis=1) >= LEAST_STROKE
    left = own & open_ & letters
    height = min((thickness(line) for line in known), default=thickness(region))
    large = stats[:, 2:4].max(axis=1) > LARGEST_LETTER * height
    left[0] = large[0] = False
    open_marks = np.where(large[labels], ~covered, left[labels])
    return open_marks[ink.inner.slices].astype(np.uint8)


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


def together(ink: NDArray[np.uint8], gap: int) -> list[Region]:
    """Return one box around all marks that are at most `gap` samples apart, whichever way their lines run."""
    reach = 2 * (gap // 2) + 1
    padded = cv2.copyMakeBorder(ink, *(reach,) * 4, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    joined = np.ascontiguousarray(closed[reach:-reach, reach:-reach])
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    boxes = (tuple(int(v) for v in stats[i, :4]) for i in range(1, count))
    return [Region(row, column, rows, columns) for column, row, columns, rows in boxes]


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
        if rows >= LEAST_STROKE
    ]
