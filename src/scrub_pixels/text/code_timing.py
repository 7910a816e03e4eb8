"""The timing patterns of a QR code: what no three squares have that are none.

Between its finder patterns a code has a row and a column of modules that are dark and light by turns
(ISO/IEC 18004, 6.3.4). Whoever finds them where three patterns say needs no decoder: codes of two samples
a module are found so that OpenCV misses.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.text.readers import Image

SMALLEST, STEP, LARGEST = 14, 4, 170
"""Modules between the middles of two finder patterns: version 1, one version more, version 40."""

MIDDLE = 3
"""Modules from the middle of a finder pattern to the row of the timing pattern, and to its first dark one."""

BORDER = 3.5
"""Modules from the middle of a finder pattern to the edge of the code."""

UNSURE = 1.6
"""Factor by which the modules counted may be off: those of a turned pattern seem wider than they are."""

AGREEING = 0.9
"""Share of the modules of both timing patterns that are as they should be."""

LEAST_CONTRAST = 6.0
"""Grey levels between its dark and its light modules."""

Points = NDArray[np.float64]


def timed_corners(grey: Image, three: Points) -> Points | None:
    """Return the corners of the code that has three finder patterns, None if no timing pattern shows.

    Parameters
    ----------
    grey
        ``(Rows, Columns)``, uint8.
    three
        Columns, rows and samples a module of the patterns, ``(3, 3)``.
    """
    first, second, third = _from_the_right_angle(three[:, :2])
    apart = np.hypot(*(second - first)) / float(three[:, 2].mean())
    for modules in range(SMALLEST, LARGEST + 1, STEP):
        if not apart / UNSURE <= modules <= apart * UNSURE:
            continue
        along, down = (second - first) / modules, (third - first) / modules
        if _alternates(grey, first, along, down, modules):
            ends = [(-BORDER, -BORDER), (modules + BORDER, -BORDER), (-BORDER, modules + BORDER)]
            ends.append((modules + BORDER, modules + BORDER))
            return np.array([first + a * along + d * down for a, d in ends])
    return None


def _from_the_right_angle(three: Points) -> Points:
    """Return the points with that one first that lies opposite the longest side."""
    opposite = [np.hypot(*(three[(k + 1) % 3] - three[(k + 2) % 3])) for k in range(3)]
    return np.roll(three, -int(np.argmax(opposite)), axis=0)


def _alternates(grey: Image, first: Points, along: Points, down: Points, modules: int) -> bool:
    steps, dark = _timing(modules)
    lines = [first + MIDDLE * across + steps * on for on, across in ((along, down), (down, along))]
    places = np.concatenate(lines).astype(np.float32)
    maps = np.ascontiguousarray(places[:, :1]), np.ascontiguousarray(places[:, 1:])
    levels = cv2.remap(grey, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).ravel()
    low, high = _median(levels[dark]), _median(levels[~dark])
    if high - low < LEAST_CONTRAST:
        return False
    return bool(((levels < (low + high) / 2) == dark).mean() >= AGREEING)


@lru_cache(LARGEST)
def _timing(modules: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the modules of one timing pattern, ``(n, 1)``, and which of both patterns are dark."""
    steps = np.arange(MIDDLE, modules - MIDDLE + 1)
    return steps[:, None], np.tile(steps % 2 == 1, 2)


def _median(levels: Image) -> float:
    """Return the median of some samples; what `numpy.median` returns, with less ado."""
    in_order = np.sort(levels)
    return (float(in_order[(in_order.size - 1) // 2]) + float(in_order[in_order.size // 2])) / 2
