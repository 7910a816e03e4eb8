"""Arrowheads: the solid triangles by which devices mark a focus or a level, which pass for V, W, A and M.

Every line across such a mark is one run that begins at the same straight edge, and from one to the next the
runs grow or shrink by a sample or two: no letter is like that, turned or not. Those with one straight edge
(E, F, L, I) jump where a bar begins, or do not grow at all.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.ink import ink_of
from scrub_pixels.text.readers import Image

SPECK = 4
"""Samples of a mark that is none."""

LONGEST, STEP = 5, 2
"""Samples of the longest run of an arrowhead at least, and by which one differs from the next at most."""

SLOPING = 0.6
"""Share of the runs that differ from the next."""

Mask = NDArray[np.uint8]


def are_arrowheads(image: Image, region: Region) -> bool:
    """Tell whether every mark in a box of `image` (uint8, grey or RGB) is an arrowhead, or a row of them."""
    ink, _ = ink_of(image, region, (0, 0))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink.mask, connectivity=8)
    large = [number for number in range(1, count) if stats[number, cv2.CC_STAT_AREA] >= SPECK]
    return bool(large) and all(_is_toothed(_mark(labels, stats[number], number)) for number in large)


def _mark(labels: NDArray[np.int32], stats: NDArray[np.int32], number: int) -> Mask:
    left, top, columns, rows = (int(v) for v in stats[:4])
    return np.asarray(labels[top : top + rows, left : left + columns] == number, np.uint8)


def _is_toothed(mark: Mask) -> bool:
    return any(_has_slopes(np.rot90(mark, turn)) for turn in range(4))


def _has_slopes(mark: Mask) -> bool:
    """Tell whether each row of a mark is one run from its left edge on, which grows and shrinks evenly."""
    lengths = mark.sum(axis=1, dtype=int)
    solid = bool(mark[:, 0].all()) and int(np.abs(np.diff(mark.astype(int), axis=1)).sum(axis=1).max()) <= 1
    if not solid or lengths.max() < LONGEST or len(lengths) < LONGEST:
        return False
    steps = np.abs(np.diff(lengths))
    return bool(steps.max() <= STEP and np.count_nonzero(steps) >= SLOPING * len(steps))
