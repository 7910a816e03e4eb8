"""Where a QR code may stand: a cheap look that spares most pictures the dear one.

A code has a finder pattern in three corners: a dark square in a light ring in a dark ring. Any line through
its middle crosses dark, light, dark, light and dark samples as 1:1:3:1:1 (ISO/IEC 18004), whichever way the
code is turned. Sought are places where that is nearly so along the row and along the column, and where what
lies around the middle is lighter than the middle all the way round. Letters and tissue have some, but seldom
three of one size at the corners of half a square.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.text.readers import Image

MOST_PATTERNS = 48
"""More patterns than that are not put together; any three of them may be a code."""

UNLIKE = 1.8
"""How many times as large the largest pattern of a code may seem as the smallest."""

SKEW = 1.3
"""The same for the two sides of the square, and for the third one against its diagonal."""

NEAREST = 9
"""Modules that patterns are apart at least: 14 in the smallest code, that seem less where it is turned."""

GROUND = 21
"""Side of the surroundings that say what is dark, samples; larger ones are seen in a reduced picture."""

EXCESS = 2
"""Grey levels below the mean of its surroundings from which a sample is dark."""

UNEVEN = 0.5
"""Sum over the five runs of how far their shares may lie off 1:1:3:1:1: two samples a module are coarse."""

LEAST_ACROSS, MOST_ACROSS = 9, 180
"""Samples of the smallest and of the largest pattern that is sought at one scale."""

LEAST_CONTRAST = 6
"""Grey levels between the light ring and what is dark beside it and in it."""

LOPSIDED = 2
"""How many times as wide as high a pattern may seem, or as high as wide."""

SQUARE, RING = (0.4, 0.8), (1.6, 1.8, 2.0, 2.2, 2.4)
"""Modules from the middle within which all is dark, and of which one at least is light all the way round.

Along a row that crosses a turned pattern its modules seem up to 1.4 times as wide as they are."""

LIGHT = 0.2, 0.8
"""Shares of light samples in the middle of a code."""

CLEAR = 0.4
"""Share of samples there that are at least a quarter of the contrast away from what is between."""

AROUND = np.arange(16) * np.pi / 8
"""Directions in which a ring is looked at."""

SPOILT = 2
"""Directions in which noise may spoil it."""

SMALLEST = 128
"""A picture whose smaller side has fewer samples is not reduced further."""

SHARES = np.array([1, 1, 3, 1, 1], np.float32) / 7


@dataclass(frozen=True, slots=True)
class _Found:
    """Middles of what may be finder patterns: ``(n, 2)`` columns and rows, and samples a module each way."""

    middles: NDArray[np.float64]
    modules: NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class PossibleCodes:
    """Where QR codes may stand.

    Parameters
    ----------
    places
        Left, top, right and bottom of three patterns' middles, ``(n, 4)``.
    threes
        Columns, rows and samples a module of the patterns themselves, ``(n, 3, 3)``; none where there are too
        many to tell.
    """

    places: NDArray[np.float64]
    threes: NDArray[np.float64]


def possible_codes(grey: Image) -> PossibleCodes:
    """Return where QR codes may stand.

    Parameters
    ----------
    grey
        ``(Rows, Columns)``, uint8. It is searched as it is and reduced, for large codes.

    Notes
    -----
    Of 945 codes that OpenCV finds (1.8 to 25 samples a module, 30 to 255 grey levels, upright and turned,
    sharp, blurred, noisy and JPEG-coded, on black, grey, white and speckle) it misses none.
    """
    found, factor, reduced = [_patterns_at(grey)], 1, grey
    while min(reduced.shape) >= 2 * SMALLEST:
        half = cv2.resize(reduced, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        reduced = np.asarray(half, np.uint8)
        factor *= 2
        found.append(_patterns_at(reduced) * factor)
    patterns = np.concatenate(found)
    if len(patterns) > MOST_PATTERNS:
        ends = patterns[:, :2].min(axis=0), patterns[:, :2].max(axis=0)
        places = np.concatenate([[np.concatenate(ends)], np.tile(patterns[:, :2], 2)])
        return PossibleCodes(places, np.zeros((0, 3, 3)))
    threes = _put_together(patterns)
    threes = threes[np.array([_is_dappled(grey, three[:, :2]) for three in threes], bool)]
    middles = threes[:, :, :2]
    return PossibleCodes(np.concatenate([middles.min(axis=1), middles.max(axis=1)], axis=1), threes)


def _put_together(patterns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return every three patterns, ``(n, 3, 3)``, that may be those of one code."""
    threes = patterns[np.array(list(combinations(range(len(patterns)), 3)), np.intp).reshape(-1, 3)]
    sizes, corners = np.sort(threes[:, :, 2], axis=1), threes[:, :, :2]
    short, long, diagonal = np.sort(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2), axis=1).T
    alike = (sizes[:, 2] <= UNLIKE * sizes[:, 0]) & (short >= NEAREST * sizes[:, 0])
    half = np.sqrt(2) * (short + long) / 2
    square = (long <= SKEW * short) & (diagonal <= SKEW * half) & (half <= SKEW * diagonal)
    return threes[alike & square]


def _is_dappled(grey: Image, corners: NDArray[np.float64]) -> bool:
    """Tell whether the middle of the square at three of its corners is dark and light, and little between."""
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    far = int(np.argmax(sides))
    column, row = (corners[far] + corners[far - 1]) / 2
    reach = max(4, round(0.25 * float(sides.min())))
    top, left = max(0, round(row) - reach), max(0, round(column) - reach)
    middle = grey[top : round(row) + reach, left : round(column) + reach]
    if not middle.size:
        return False
    # what 256 levels are counted once says of every sample
    counts, levels = np.bincount(middle.ravel(), minlength=256), np.arange(256)
    low, high = (_level_below(counts, share) for share in (0.03, 0.97))
    if high - low < LEAST_CONTRAST:
        return False
    light = float(counts[levels > (low + high) / 2].sum() / middle.size)
    clear = float(counts[np.abs(levels - (low + high) / 2) >= (high - low) / 4].sum() / middle.size)
    return LIGHT[0] <= light <= LIGHT[1] and clear >= CLEAR


def _level_below(counts: NDArray[np.intp], share: float) -> float:
    """Return the level that `share` of the samples do not exceed; what `numpy.quantile` returns."""
    below = np.cumsum(counts)
    place = share * (int(below[-1]) - 1)
    low, high = np.searchsorted(below, (int(place), math.ceil(place)), side="right")
    return float(low + (high - low) * (place - int(place)))


def _patterns_at(grey: Image) -> NDArray[np.float64]:
    """Return columns and rows of the middles, and samples a module, of patterns at one scale."""
    light = cv2.adaptiveThreshold(
        grey, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, GROUND, EXCESS
    )
    across = _crossed(grey, np.asarray(light, np.uint8))
    down = _crossed(np.ascontiguousarray(grey.T), np.ascontiguousarray(light.T)).T
    found = _met(across, np.ascontiguousarray(down))
    return np.column_stack([found.middles, found.modules.max(axis=1)])[_is_ringed(grey, found)]


def _crossed(grey: Image, light: Image) -> Image:
    """Return the samples across of the pattern whose middle a row crosses there, 0 where it crosses none."""
    shape = (light.shape[0], light.shape[1] + 1)  # a light column at the end keeps runs in their row
    flat, levels = np.ones(shape, np.uint8), np.zeros(shape, np.int16)
    flat[:, :-1], levels[:, :-1] = light, grey
    edges = np.flatnonzero(np.diff(flat.ravel())) + 1
    places, across = _five_runs(flat.ravel(), levels.ravel(), edges)
    crossed = np.zeros(flat.size, np.uint8)
    crossed[places] = across
    return crossed.reshape(shape)[:, :-1]


def _five_runs(
    light: Image, levels: NDArray[np.int16], edges: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the middle and the length of every five runs, the first dark, that are as a pattern's are."""
    if edges.size < 6:
        return np.zeros(0, np.intp), np.zeros(0, np.float32)
    lengths, middles = np.diff(edges).astype(np.float32), (edges[1:] + edges[:-1]) // 2
    first = int(light[edges[0]])
    runs = [slice(first + n, len(lengths) - 4 + n, 2) for n in range(5)]
    total = np.asarray(sum(lengths[run] for run in runs), np.float32)
    off = sum(np.abs(lengths[run] / total - share) for run, share in zip(runs, SHARES, strict=True))
    level = [levels[middles[run]] for run in runs]
    contrast = np.minimum(level[1], level[3]) - np.maximum(np.maximum(level[0], level[2]), level[4])
    alike = (off < UNEVEN) & (total >= LEAST_ACROSS) & (total <= MOST_ACROSS) & (contrast >= LEAST_CONTRAST)
    return middles[runs[2]][alike], total[alike]


def _met(across: Image, down: Image) -> _Found:
    """Return the places where a row and a column cross the middle of a pattern."""
    rows, columns = (cv2.dilate(crossed, np.ones((3, 3), np.uint8)) for crossed in (across, down))
    both = cv2.min(rows, columns)
    left, top, wide, high = cv2.boundingRect(both)
    if not wide or not high:
        return _Found(np.zeros((0, 2)), np.zeros((0, 2), np.float32))
    high, wide = high + top % 2, wide + left % 2  # components are numbered by squares of two by two samples
    left, top = left - left % 2, top - top % 2
    place = np.s_[top : top + high, left : left + wide]
    count, labels, _, middles = cv2.connectedComponentsWithStats(both[place])
    inside = both[place] > 0
    sizes = np.zeros((count, 2), np.float32)
    for axis, crossed in enumerate((rows, columns)):
        np.maximum.at(sizes[:, axis], labels[inside], crossed[place][inside].astype(np.float32))
    middles = middles + (left, top)
    return _Found(middles[1:], sizes[1:] / 7)


def _is_ringed(grey: Image, found: _Found) -> NDArray[np.bool_]:
    """Tell the places that are dark in the middle and lighter all the way round it."""
    if not len(found.middles):
        return np.zeros(0, bool)
    square = np.concatenate([_around(grey, found, radius) for radius in SQUARE], axis=1)
    dark = np.sort(square, axis=1)[:, -2 - SPOILT]
    rings = [np.sort(_around(grey, found, radius), axis=1)[:, SPOILT] for radius in RING]
    even = found.modules.max(axis=1) <= LOPSIDED * found.modules.min(axis=1)
    return even & (np.max(rings, axis=0) - dark >= LEAST_CONTRAST)


def _around(grey: Image, found: _Found, radius: float) -> NDArray[np.int16]:
    """Return the samples, ``(n, directions)``, that many modules from the middles."""
    reach = radius * found.modules
    columns = found.middles[:, :1] + reach[:, :1] * np.cos(AROUND)
    rows = found.middles[:, 1:] + reach[:, 1:] * np.sin(AROUND)
    maps = columns.astype(np.float32), rows.astype(np.float32)
    return cv2.remap(grey, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.int16)
