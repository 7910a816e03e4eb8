"""Rows of marks of two to eight samples on even ground, told by their shape alone.

Letters that small stand out from their ground, lighter or darker, in rows with nothing above, below or beside
them. Rules, ramps and specks do so, too, but are even along the row, or scattered. A header has several such
rows, of one height and one distance, that begin or end above each other.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.readers import Image

LOWEST, HIGHEST, SHORTEST = 2, 8, 10
"""Height of fine print, and the least length of a row of it, in samples."""

STROKE = 7
"""Side of the square that no stroke of fine print fills, in samples."""

EVEN, STILL = 8, 2
"""Grey levels by which even ground may differ, and ground so still that faint marks on it count."""

CONTRAST, FAINT = 24, 11
"""Grey levels by which marks stand out from even ground, and from still ground."""

WORD_GAP = 5
"""Samples between marks of one row."""

BRIDGE = 3
"""Samples side by side at least: a descender or a comma that touches the row below joins no two rows."""

FILLED = (0.25, 0.85)
"""Share of a row that its marks fill: a rule fills more, scattered specks less."""

SPECK = 6
"""Samples of the marks of noise; a letter of fine print has more."""

CLEAR, CROWDED = 0.1, 0.3
"""Share of marks right around a row that letters above, below and beside it may have: one that stands alone,
and one of a stack, where the next rows are close."""

BESIDE = 24
"""Samples at one side of a row, at least, that are even ground."""

SIDE = 0.9
"""Share of these that are level."""

SWING = 0.2
"""Share of the span of a row's columns by which letters differ from what is between them."""

ALIGNED, EVENLY = 2, 2
"""Samples by which the edges of stacked rows, and their distances, may differ."""

APART = (1.15, 4.5)
"""Heights of a row from one of a stack to the next."""

STACK = 3
"""Rows that make a stack."""

Marks = NDArray[np.uint8]
Planes = Sequence[NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class _Ground:
    """A part of a picture without its fine marks, and how far these stand out from it, each channel alone."""

    planes: Planes
    above: Marks
    spread: Marks

    @classmethod
    def of(cls, planes: Planes, how: int) -> _Ground:
        """Return the ground below light marks (``cv2.MORPH_OPEN``) or dark ones (``cv2.MORPH_CLOSE``)."""
        grounds = [cv2.morphologyEx(p, how, np.ones((STROKE, STROKE), np.uint8)) for p in planes]
        above = functools.reduce(cv2.max, map(cv2.absdiff, planes, grounds))
        around = np.ones((3, 3), np.uint8)
        spread = (cv2.subtract(cv2.dilate(g, around), cv2.erode(g, around)) for g in grounds)
        return cls(
            grounds, np.asarray(above, np.uint8), np.asarray(functools.reduce(cv2.max, spread), np.uint8)
        )


def fine_rows(image: Image, area: Region, known: Sequence[Region]) -> list[Region]:
    """Return the rows of small marks on even ground in a part of a picture, outside what is known.

    Parameters
    ----------
    image
        uint8 of shape (rows, columns) or (rows, columns, 3).
    area
        The part, in samples of the picture.
    known
        Regions of lines that were found before.
    """
    part = image[area.slices]
    explained = [i.moved(-area.row, -area.column) for r in known if (i := r.intersection(area)) is not None]
    found: list[Region] = []
    loose: list[Region] = []
    for how, planes in _planes(part):
        ground = _Ground.of(planes, how)
        for contrast, even in ((CONTRAST, EVEN), (FAINT, STILL)):
            level = (ground.spread <= even).astype(np.uint8)
            # a row ends where tissue begins, however close
            marks = cv2.bitwise_and(level, (ground.above > contrast).astype(np.uint8))
            for region in (*explained, *found, *loose):
                marks[region.slices] = 0
            for row in _rows(marks, level):
                if _is_noise(marks[row.slices]) or not _on_even_ground(ground.planes, row):
                    continue
                sure = contrast == CONTRAST and _is_row(marks, part, row)
                if sure or _swings(part[row.slices]):
                    (found if sure else loose).append(row)
    headers = {row for stack in stacks(part, [*found, *loose]) for row in stack}
    return [row.moved(area.row, area.column) for row in (*found, *(row for row in loose if row in headers))]


def _planes(part: Image) -> Iterator[tuple[int, Planes]]:
    """Return in what light marks stand out, and in what dark ones do: of any hue."""
    if part.ndim == 2:
        yield from ((how, (part,)) for how in (cv2.MORPH_OPEN, cv2.MORPH_CLOSE))
        return
    luma, channels = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), cv2.split(part)
    yield cv2.MORPH_OPEN, (luma, functools.reduce(cv2.max, channels))
    yield cv2.MORPH_CLOSE, (luma, functools.reduce(cv2.min, channels))


def _rows(marks: Marks, level: Marks) -> list[Region]:
    """Return the rows of marks, as high and long as fine print, with nothing close around them."""
    left, top, wide, high = cv2.boundingRect(marks)
    if not wide or not high:
        return []
    joined = cv2.morphologyEx(
        marks[top : top + high, left : left + wide], cv2.MORPH_CLOSE, np.ones((1, WORD_GAP), np.uint8)
    )
    joined = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((1, BRIDGE), np.uint8))
    outlines = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top))[0]
    boxes = np.array([cv2.boundingRect(outline) for outline in outlines], np.int64).reshape(-1, 4)[
        :, [1, 0, 3, 2]
    ]
    rows, columns = boxes[:, 2], boxes[:, 3]
    boxes = boxes[(rows >= LOWEST) & (rows <= HIGHEST) & (columns >= np.maximum(SHORTEST, 2 * rows))]
    if not len(boxes):
        return []
    boxes = boxes[_are_clear(marks, boxes)]
    return [Region(*box) for box in boxes[_are_beside(level, boxes)].tolist()]


def _are_clear(marks: Marks, boxes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which boxes (top, left, rows, columns) are filled by marks, with hardly any around."""
    sums = cv2.integral(marks)
    begin, end = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    own, whole = _summed(sums, begin, end), boxes[:, 2] * boxes[:, 3]
    begin, end = np.maximum(begin - (1, 4), 0), np.minimum(end + (1, 4), marks.shape)
    around, window = _summed(sums, begin, end) - own, (end - begin).prod(axis=1)
    return np.asarray((around <= CROWDED * (window - whole)) & (own >= FILLED[0] * whole))


def _are_beside(level: Marks, boxes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which boxes have level ground before or behind them."""
    sums = cv2.integral(level)
    top, left, bottom, right = boxes[:, 0], boxes[:, 1], boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
    begins, ends = np.maximum(left - BESIDE, 0), np.minimum(right + BESIDE, level.shape[1])
    before = _summed(sums, np.stack([top, begins], 1), np.stack([bottom, left], 1))
    behind = _summed(sums, np.stack([top, right], 1), np.stack([bottom, ends], 1))
    rows = boxes[:, 2]
    wide = [(left - begins, before), (ends - right, behind)]
    return np.any([(w >= BESIDE // 2) & (count >= SIDE * w * rows) for w, count in wide], axis=0)


def _summed(sums: NDArray[np.int32], begin: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    (top, left), (bottom, right) = begin.T, end.T
    return np.asarray(sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left], np.int64)


def _is_row(marks: Marks, part: Image, row: Region) -> bool:
    """Tell a row of letters, with nothing close around it, from rules, ramps and specks."""
    own = marks[row.slices]
    window = row.expanded(1, 4, (marks.shape[0], marks.shape[1]))
    others = int(marks[window.slices].sum()) - int(own.sum())
    clear = others <= CLEAR * (window.area - row.area)
    return clear and (_is_uneven(own) or _swings(part[row.slices]))


def _is_uneven(own: Marks) -> bool:
    changes = int(np.count_nonzero(np.diff(own.sum(axis=0, dtype=int))))
    return FILLED[0] <= float(own.mean()) <= FILLED[1] and changes >= own.shape[1] // 4


def _swings(samples: Marks) -> bool:
    """Tell letters, whose columns grow and fade all along, from rules, ramps and streaks of tissue."""
    profile = samples.reshape(*samples.shape[:2], -1).max(axis=2).sum(axis=0, dtype=int)
    turns = np.flatnonzero(np.diff(np.sign(np.diff(profile))) != 0) + 1
    steps = np.abs(np.diff(profile[turns]))
    return int(np.count_nonzero(steps >= max(1, SWING * np.ptp(profile)))) >= len(profile) // 3


def _is_noise(marks: Marks) -> bool:
    """Tell single samples beside one another from strokes."""
    areas = cv2.connectedComponentsWithStats(np.ascontiguousarray(marks))[2][1:, cv2.CC_STAT_AREA]
    return float(np.median(areas)) < SPECK


def _on_even_ground(grounds: Planes, row: Region) -> bool:
    """Tell whether the ground below a row is even, and goes on so at one of its sides."""
    shape = grounds[0].shape
    left = Region.from_edges(row.row, max(0, row.column - BESIDE), row.bottom, row.column)
    right = Region.from_edges(row.row, row.right, row.bottom, min(shape[1], row.right + BESIDE))
    wide = [side for side in (left, right) if side.columns >= BESIDE // 2]
    return any(all(_is_even(ground, row, side) for ground in grounds) for side in wide)


def _is_even(ground: NDArray[np.uint8], row: Region, side: Region) -> bool:
    level = int(np.median(ground[row.slices]))
    below, beside = (np.abs(ground[r.slices].astype(int) - level) <= EVEN for r in (row, side))
    return bool(below.mean() >= 0.95 and beside.mean() >= SIDE)


def stacks(image: Image, rows: Sequence[Region]) -> list[list[Region]]:
    """Return the rows of letters that stand above each other as the lines of a header do."""
    found, left = [], sorted(row for row in rows if _swings(image[row.slices]))
    while left:
        stack = [left.pop(0)]
        while below := next((row for row in left if _goes_on(stack, row)), None):
            stack.append(below)
            left.remove(below)
        if len(stack) >= STACK:
            found.append(stack)
    return found


def _goes_on(stack: Sequence[Region], row: Region) -> bool:
    """Tell whether a row is the next of a stack: aligned at an edge or its middle, at the same distance."""
    last = stack[-1]
    steps = [b.bottom - a.bottom for a, b in pairwise([*stack, row])]
    low, high = sorted((last.rows, row.rows))
    beside = min(
        abs(last.column - row.column),
        abs(last.right - row.right),
        abs(last.column + last.right - row.column - row.right) // 2,
    )
    return (
        beside <= ALIGNED
        and APART[0] * low <= steps[-1] <= APART[1] * high
        and max(steps) - min(steps) <= EVENLY
        and high <= low + 3
    )
