"""Straight lines: edges of a colour box or of a sector, a part of which passes for turned digits (``1111``).

A line is one thin run of lit samples in every row across it, equally thick, that moves on evenly and goes on
beyond the box at both of its ends. Letters end within their box, and have more than one stroke.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.ink import contrast_map
from scrub_pixels.text.readers import Image

LIT = 24
"""Grey levels by which a line differs from its ground in any channel."""

BEYOND, ASIDE = 6, 6
"""Samples by which a line is longer than the box at each end, and a slanted one may leave its sides."""

SHORTEST, THICKEST = 20, 5
"""Samples along the shortest line, and across the thickest one."""

UNEVEN, SPECKLED = 1, 0.1
"""Samples by which thickness may change, and the share of rows in which a speck may touch the line."""

BENT = 1.0
"""Samples by which a line may be off a straight one."""

SPECK, MOST_SPECKS = 6, 4
"""Samples of a speck that is no letter, and how many of them may lie beside a line."""


def is_straight_line(image: Image, region: Region) -> bool:
    """Tell whether a box of `image` (uint8, grey or RGB) holds a piece of a line and nothing else."""
    upright = region.rows >= region.columns
    rows, columns = (BEYOND, ASIDE) if upright else (ASIDE, BEYOND)
    window = region.expanded(rows, columns, (image.shape[0], image.shape[1]))
    whole = window.rows - region.rows == 2 * rows and window.columns - region.columns == 2 * columns
    if not whole or max(region.rows, region.columns) < SHORTEST:
        return False
    lit = np.asarray(contrast_map(np.ascontiguousarray(image[window.slices])) > LIT, np.uint8)
    line = _longest(lit if upright else np.ascontiguousarray(lit.T))
    return line is not None and _is_even(line)


def _longest(lit: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Return the largest mark, None if there is none or more than specks are beside it in the box."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(lit, connectivity=8)
    inside = np.unique(labels[BEYOND:-BEYOND, ASIDE:-ASIDE])
    marks = sorted(inside[inside > 0], key=lambda number: int(stats[number, cv2.CC_STAT_AREA]))
    specks = [int(stats[number, cv2.CC_STAT_AREA]) for number in marks[:-1]]
    if not marks or len(specks) > MOST_SPECKS or max(specks, default=0) > SPECK:
        return None
    return np.asarray(labels == marks[-1], np.uint8)


def _is_even(line: NDArray[np.uint8]) -> bool:
    """Tell whether a mark is one run in every row, about as long in nearly all, along a straight line."""
    edges = np.abs(np.diff(np.pad(line.astype(np.int8), ((0, 0), (1, 1))), axis=1)).sum(axis=1)
    thick = line.sum(axis=1, dtype=int)
    usual = float(np.median(thick))
    even = (edges == 2) & (np.abs(thick - usual) <= UNEVEN)
    if not thick.all() or usual > THICKEST or (~even).mean() > SPECKLED or thick.max() > usual + SPECK:
        return False
    along = np.flatnonzero(even)
    middles = (line[even] * np.arange(line.shape[1])).sum(axis=1) / thick[even]
    straight = np.polyval(np.polyfit(along, middles, 1), along)
    return bool(np.abs(middles - straight).max() <= BENT)
