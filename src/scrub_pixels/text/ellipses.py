"""Ellipses: the three dots that say that a line was cut, as ink rather than as letters.

Readers take the dots of small fonts for colons, or for an e and an s, and a box may end before the last one.
What is left of a date or of a name is told from a setting by them, so that they are looked for by their ink:
equal specks on the foot of the line, equally far apart, with nothing above them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.ink import ink_of
from scrub_pixels.text.readers import Image

DOTS = "..."
"""How an ellipsis is written."""

_LARGEST = 0.55
"""Share of a line's height that a dot is wide and high at most."""

_WIDEST_PITCH = 1.2
"""Heights of a line from one dot to the next at most."""

_FOOT = 0.5
"""Share of a line's height above which no dot of an ellipsis lies."""

_BEHIND, _BEFORE = 3.5, 2.5
"""Heights of a line that are looked at behind the end of a box, and before it."""

_NARROWEST = 1.5
"""Heights of a line that a box with an ellipsis is wide at least."""


@dataclass(frozen=True, slots=True)
class Ellipsis:
    """The dots at the end of a line.

    Parameters
    ----------
    start, stop
        Columns of the picture from the first dot to behind the last one.
    """

    start: int
    stop: int


def ellipsis_of(image: Image, region: Region) -> Ellipsis | None:
    """Return the ellipsis that cuts a horizontal line, None if it has none or its ground is not plain.

    Parameters
    ----------
    image
        The picture.
    region
        A box around the line; it may end among the dots.
    """
    if region.columns < _NARROWEST * region.rows:
        return None
    left = max(region.column, region.right - round(_BEFORE * region.rows))
    right = min(image.shape[1], region.right + round(_BEHIND * region.rows))
    ink, window = ink_of(image, Region(region.row, left, region.rows, right - left), (0, 0))
    span = _dots(ink.mask, region.right - window.column)
    return Ellipsis(window.column + span[0], window.column + span[1]) if span is not None else None


def _dots(mask: NDArray[np.uint8], end: int) -> tuple[int, int] | None:
    """Return the columns of three dots around column `end` of a line, its last ink."""
    height = mask.shape[0]
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    specks = sorted(tuple(map(int, row)) for row in stats[1:] if _is_dot(row, mask))
    for last in range(len(specks) - 1, 0, -1):
        span = _ended_by(specks[: last + 1], mask)
        if span is not None and span[0] <= end + height // 2 and span[1] >= end - height // 2:
            return span
    return None


def _is_dot(stat: NDArray[np.int32], mask: NDArray[np.uint8]) -> bool:
    """Tell whether a component is a speck on the foot of the line with nothing above or below it."""
    x, y, wide, high, area = map(int, stat)
    most = max(2.0, _LARGEST * mask.shape[0])
    small = max(wide, high) <= most and abs(wide - high) <= 1 and 2 * area >= wide * high
    return small and y >= _FOOT * mask.shape[0] and int(mask[:, x : x + wide].sum()) == area


def _ended_by(specks: Sequence[tuple[int, ...]], mask: NDArray[np.uint8]) -> tuple[int, int] | None:
    """Return the columns of an ellipsis whose last dot is the last speck; its first may touch a letter."""
    before, last = specks[-2], specks[-1]
    pitch = last[0] - before[0]
    if not (_are_alike(before, last) and last[2] < pitch <= _WIDEST_PITCH * mask.shape[0]):
        return None
    first = before[0] - pitch
    between = mask[:, before[0] + before[2] : last[0]].any()
    behind = mask[:, last[0] + last[2] : last[0] + last[2] + pitch].any()  # a dotted line goes on
    if between or behind or first < 0:
        return None
    if any(abs(s[0] - (first - pitch)) <= 1 and _are_alike(s, last) for s in specks[:-2]):
        return None  # a fourth one: a dotted line
    free = next((s for s in specks[:-2] if abs(s[0] - first) <= 1 and _are_alike(s, last)), None)
    if free is not None:
        return free[0], last[0] + last[2]
    # A letter that the first dot touches has ink where the dot must be, and none right behind it.
    there = mask[last[1] : last[1] + last[3], first : first + last[2]]
    return (first, last[0] + last[2]) if there.size and 4 * int(there.sum()) >= 3 * there.size else None


def _are_alike(one: Sequence[int], other: Sequence[int]) -> bool:
    """Tell whether two specks are equally large and stand on one line."""
    return all(abs(one[i] - other[i]) <= 1 for i in (1, 2, 3))
