"""Letters that stand above each other beside a colour bar, laid out as the line that they spell.

Colour Doppler screens write the unit of their scale from top to bottom, close to the bar: ``CM/S``. Read as
turned text it is gibberish, and with the bar in its box it is not even that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.readers import Image

SATURATED = 40
"""Levels between the channels of a sample from which it belongs to the bar, not to white letters."""

LIGHT = 60
"""Levels by which letters are lighter than the ground."""

LEAST_LETTERS, MOST_LETTERS = 3, 6
LEAST_AREA = 6
"""Samples of the smallest mark that is a letter; smaller ones are noise, and give the place up."""

CLOSE = 1.0
"""Heights of a letter between one and the next, at most."""

ALIKE = 1.5
"""How many times wider or taller than the smallest letter the largest one is, at most."""

PAPER = 2
INK = 200


def unstacked(image: Image, region: Region, known: Sequence[Region]) -> Image | None:
    """Return the letters of a stack side by side as a picture of one line, light on black.

    Parameters
    ----------
    image
        ``(Rows, Columns, 3)`` uint8.
    region
        A place that may be such a stack; it may miss some of the letters.
    known
        Regions of other lines, whose marks are theirs.

    Returns
    -------
    Image or None
        None if anything else stands in the place: marks side by side, or something coloured that is no bar.
    """
    if image.ndim != 3:
        return None
    shape = (image.shape[0], image.shape[1])
    window = region.expanded(region.rows, 0, shape)
    marks, coloured = _marks(image[window.slices], window, known)
    own = region.moved(-window.row, -window.column)
    if not _is_bar(coloured[own.slices]):
        return None
    stack = _stack_through(marks, own)
    inside = [m for m in marks if m.middle_row in range(own.row, own.bottom)]
    if not LEAST_LETTERS <= len(stack) <= MOST_LETTERS or not set(map(id, inside)) <= set(map(id, stack)):
        return None
    return _laid_out(stack)


@dataclass(frozen=True, eq=False)
class _Mark:
    """One letter: its box in the window, and its ink."""

    row: int
    column: int
    ink: NDArray[np.uint8]

    @property
    def rows(self) -> int:
        return int(self.ink.shape[0])

    @property
    def columns(self) -> int:
        return int(self.ink.shape[1])

    @property
    def bottom(self) -> int:
        return self.row + self.rows

    @property
    def middle_row(self) -> int:
        return self.row + self.rows // 2


def _marks(
    crop: Image, window: Region, known: Sequence[Region]
) -> tuple[list[_Mark], NDArray[np.bool_]]:
    """Return the white marks of a crop from top to bottom, and where it is coloured."""
    light, dark = crop.max(axis=-1).astype(np.int16), crop.min(axis=-1).astype(np.int16)
    coloured = light - dark >= SATURATED
    ground = np.median(light[~coloured]) if not coloured.all() else 255
    white = (~coloured & (light >= ground + LIGHT)).astype(np.uint8)
    for other in known:
        shared = other.intersection(window)
        if shared is not None:
            white[shared.moved(-window.row, -window.column).slices] = 0
    count, labels, stats, _ = cv2.connectedComponentsWithStats(white, connectivity=8)
    found = []
    for i in range(1, count):
        x, y, columns, rows, area = (int(v) for v in stats[i])
        if area >= LEAST_AREA:
            found.append(_Mark(y, x, (labels[y : y + rows, x : x + columns] == i).astype(np.uint8)))
    return sorted(found, key=lambda mark: mark.row), coloured


def _is_bar(coloured: NDArray[np.bool_]) -> bool:
    """Tell whether what is coloured is a bar: in every row one run, up to the same edge; or nothing."""
    rows = [np.flatnonzero(row) for row in coloured if row.any()]
    solid = all(int(run[-1]) - int(run[0]) + 1 == run.size for run in rows)
    return solid and len({int(run[0]) for run in rows}) <= 1


def _stack_through(marks: Sequence[_Mark], own: Region) -> list[_Mark]:
    """Return the marks that stand above each other, closely and alike, those of the place among them."""
    chain: list[_Mark] = []
    for mark in marks:
        held = any(m.middle_row in range(own.row, own.bottom) for m in chain)
        if not chain or _goes_on(chain[-1], mark):
            chain.append(mark)
        elif held:
            break
        else:
            chain = [mark]
    return chain if len(chain) > 1 and _are_alike(chain) else []


def _goes_on(one: _Mark, other: _Mark) -> bool:
    height = max(one.rows, other.rows)
    over = min(one.column + one.columns, other.column + other.columns) > max(one.column, other.column)
    return over and 0 <= other.row - one.bottom <= CLOSE * height


def _are_alike(stack: Sequence[_Mark]) -> bool:
    heights, widths = [m.rows for m in stack], [m.columns for m in stack]
    return max(heights) <= ALIKE * min(heights) and max(widths) <= ALIKE * min(widths)


def _laid_out(stack: Sequence[_Mark]) -> Image:
    height = max(mark.rows for mark in stack) + 2 * PAPER
    pieces = []
    for mark in stack:
        top = (height - mark.rows) // 2
        below = height - mark.rows - top
        pieces.append(cv2.copyMakeBorder(mark.ink * INK, top, below, 1, PAPER, cv2.BORDER_CONSTANT, value=0))
    line = np.hstack(pieces)
    return np.ascontiguousarray(cv2.copyMakeBorder(line, 0, 0, PAPER, PAPER, cv2.BORDER_CONSTANT))
