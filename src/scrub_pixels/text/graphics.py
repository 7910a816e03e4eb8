"""Marks that devices draw beside the picture and detectors take for letters: rulers and traces.

Both are known by their structure alone: a ruler is a row of equal, free-standing bars at equal steps, a
trace is one thin line with one height at every column. Letters are neither, see the bounds below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.changes import largest_channel
from scrub_pixels.text.readers import Image

THIN = 5
"""Rows of the thinnest structure that is no bar of a ruler any more."""

LEAST_TICK, LONGEST_TICK = 3, 40
"""Length of a bar, samples."""

LEAST_TICKS = 5
"""Bars that make a ruler."""

LEAST_STEP = 0.9
"""Steps of a ruler in lengths of its bars: letters made of bars (III, lll) stand closer than that."""

MISSING = 0.3
"""Share of a ruler's bars that may be hidden."""

OFF = 1.3
"""Samples by which a bar may lie off its place: devices round."""

LEAST_TRACE = 72
"""Columns of the shortest trace."""

SINGLE = 0.95
"""Share of a trace's columns in which it has one height only: letters have two or more strokes."""

LEVELS = (28, 56, 84, 112)
"""Contrasts, in grey levels, at which marks are sought: over tissue a low one joins them with speckle."""

GROWTH = 2
"""Samples around marks that are erased with them: smoothed and lossy edges."""

LIT, FEW_LIT = 16, 0.02
"""Grey levels up to which ground is dark, and the share of lit samples that is none of letters."""

Mask = NDArray[np.uint8]

SMEAR = np.ones((2 * GROWTH + 1,) * 2, np.uint8)


@dataclass(frozen=True, slots=True)
class _Bars:
    """Boxes of thin bars, one row each: left, top, columns, rows; and all components they are among."""

    boxes: NDArray[np.int32]
    labels: NDArray[np.int32]
    numbers: NDArray[np.intp]
    count: int


def graphics_near(image: Image, region: Region) -> Mask:
    """Return the samples of rulers and traces, 1 where one is, in the rows and columns of a place.

    Parameters
    ----------
    image
        ``(Rows, Columns)`` or ``(Rows, Columns, 3)``, uint8.
    region
        The place; its whole columns are searched for upright rulers, its whole rows for lying
        rulers and for traces.

    Returns
    -------
    numpy.ndarray
        Of the size of `region`.
    """
    shape = (image.shape[0], image.shape[1])
    marks = _ruler_at(image, region) | _ruler_at(image.swapaxes(0, 1), _turned(region)).T
    beside = region.expanded(LONGEST_TICK, 2 * LEAST_TRACE, shape)
    traces = _traces(image[beside.slices])
    return marks | traces[region.moved(-beside.row, -beside.column).slices]


def is_only_graphics(image: Image, region: Region) -> bool:
    """Tell whether all that is lit in a place is bars of rulers and traces, and the smear around them."""
    marks = graphics_near(image, region)
    if not marks.any():
        return False
    lit = (_grey(image[region.slices]) > LIT) & (cv2.dilate(marks, SMEAR) == 0)
    return bool(lit.mean() <= FEW_LIT)


def _turned(region: Region) -> Region:
    return Region(region.column, region.row, region.columns, region.rows)


def _ruler_at(image: Image, region: Region) -> Mask:
    """Return the bars in a region of rulers that run through it from top to bottom of a picture."""
    grey = _grey(image[region.slices])
    if not any(_bars(_thinned(grey), grey, level).numbers.size for level in LEVELS):
        return np.zeros(grey.shape, np.uint8)
    around = region.expanded(0, LONGEST_TICK, (image.shape[0], image.shape[1]))
    first = region.column - around.column
    strip = _rulers(_grey(image[:, around.column : around.right]))
    return strip[region.row : region.bottom, first : first + region.columns]


def without(image: Image, region: Region, marks: Mask) -> Image:
    """Return a copy of `region` of a picture in which `marks` are filled from around them."""
    piece = np.ascontiguousarray(image[region.slices])
    return np.asarray(cv2.inpaint(piece, cv2.dilate(marks, SMEAR), 3, cv2.INPAINT_TELEA))


def _grey(image: Image) -> Image:
    return largest_channel(np.ascontiguousarray(image))


def _rulers(grey: Image) -> Mask:
    """Return the bars of rulers that run down a strip."""
    thin = _thinned(grey)
    marks = np.zeros(grey.shape, np.uint8)
    for level in LEVELS:
        bars = _bars(thin, grey, level)
        chosen = np.zeros(bars.count, np.uint8)
        for members in _columns(bars.boxes):
            for ruler in _progressions(bars.boxes, members):
                chosen[bars.numbers[ruler]] = 1
        if chosen.any():
            marks |= chosen[bars.labels]
    return marks


def _thinned(grey: Image) -> Image:
    """Return by how much every sample is brighter than what lies a few rows above and below it."""
    kernel = np.ones((THIN, 1), np.uint8)
    return np.asarray(cv2.morphologyEx(np.ascontiguousarray(grey), cv2.MORPH_TOPHAT, kernel))


def _bars(thin: Image, grey: Image, level: int) -> _Bars:
    """Return the free-standing thin bars of at least `level` grey levels."""
    above = (thin >= level).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    columns, rows, area = stats[:, 2], stats[:, 3], stats[:, 4]
    fits = (columns >= LEAST_TICK) & (columns <= LONGEST_TICK) & (rows < THIN) & (columns > rows)
    fits &= area >= 0.8 * columns * rows
    fits[0] = False
    numbers = np.flatnonzero(fits)
    numbers = numbers[_stand_free(stats[numbers], grey, level)]
    return _Bars(stats[numbers, :4], np.asarray(labels, np.int32), numbers, count)


def _stand_free(stats: NDArray[np.int32], grey: Image, level: int) -> NDArray[np.bool_]:
    """Tell which bars have dark ends: those of letters hang on a stem."""
    left, top, columns, rows = stats[:, :4].T
    middle = top + rows // 2
    own = grey[middle, left + columns // 2].astype(np.int32)
    ends = (np.maximum(left - 1, 0), np.minimum(left + columns, grey.shape[1] - 1))
    return np.asarray(np.all([grey[middle, end] <= own - level // 2 for end in ends], axis=0), bool)


def _columns(boxes: NDArray[np.int32]) -> Iterator[NDArray[np.intp]]:
    """Yield the bars that begin, or that end, at one column."""
    for edge in (boxes[:, 0], boxes[:, 0] + boxes[:, 2]):
        for place in np.unique(edge):
            members = np.flatnonzero(np.abs(edge - place) <= 1)
            if len(members) >= LEAST_TICKS:
                yield members[np.argsort(boxes[members, 1], kind="stable")]


def _progressions(boxes: NDArray[np.int32], members: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Yield the members that stand at equal steps, if they are enough for a ruler and few stand between."""
    rows = (boxes[members, 1] + boxes[members, 3] / 2).tolist()
    least = LEAST_STEP * float(np.median(boxes[members, 2]))
    for first in range(min(len(members), 40)):
        for step in sorted({row - rows[first] for row in rows[first + 1 : first + 4]}):
            if step < max(least, 4):
                continue
            on = _on_places(rows, first, step)
            if len(on) >= LEAST_TICKS and on[-1] - on[0] < (1 + MISSING) * len(on):
                yield members[on]


def _on_places(rows: Sequence[float], first: int, step: float) -> NDArray[np.intp]:
    """Return the bars at whole steps from the first one on, the step adjusted on the way."""
    found, place = [first], 0
    for index in range(first + 1, len(rows)):
        steps = (rows[index] - rows[first]) / step
        whole = round(steps)
        if whole > place and abs(steps - whole) * step <= OFF:
            if whole - place > 3:
                break
            found.append(index)
            place = whole
            step = (rows[index] - rows[first]) / whole
    enough = len(found) >= (1 - MISSING) * (place + 1)
    return np.array(found if enough else found[:1], np.intp)


def _traces(image: Image) -> Mask:
    """Return the traces that run along a strip."""
    marks = np.zeros(image.shape[:2], np.uint8)
    for plane in _planes(image):
        thin = cv2.morphologyEx(plane, cv2.MORPH_TOPHAT, np.ones((7, 7), np.uint8))
        for level in LEVELS:
            marks |= _single_valued((thin >= level).astype(np.uint8))
    return marks


def _planes(image: Image) -> Iterator[Image]:
    """Yield what a trace may stand out by: brightness, or colour."""
    yield _grey(image)
    if image.ndim == 3:
        red, green, blue = cv2.split(np.ascontiguousarray(image))
        colour = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
        if colour.max() >= LEVELS[0]:
            yield np.asarray(colour, np.uint8)


def _single_valued(mask: Mask) -> Mask:
    """Return the components of a mask that are traces."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    marks = np.zeros(mask.shape, np.uint8)
    for number in np.flatnonzero((stats[:, 2] >= LEAST_TRACE) & (stats[:, 2] >= 2 * stats[:, 3])):
        if number and _is_trace(labels, stats, int(number)):
            place = np.s_[stats[number, 1] : stats[number, 1] + stats[number, 3]]
            marks[place] |= (labels[place] == number).astype(np.uint8)
    return marks


def _is_trace(labels: NDArray[np.int32], stats: NDArray[np.int32], number: int) -> bool:
    """Tell a thin line with one height at every column from letters that run together."""
    left, top, columns, rows = (int(v) for v in stats[number, :4])
    own = (labels[top : top + rows, left : left + columns] == number).astype(np.int8)
    starts = (np.diff(own, axis=0, prepend=0) == 1).sum(axis=0)
    return bool((starts == 1).mean() >= SINGLE)
