"""Ink and paper: which samples of a window are strokes, and how far a line really reaches.

Detectors draw boxes by feel: some cut ascenders and last letters, others are twice as tall as the text.
Here a box is fitted to its strokes, and taken apart where a gap is too wide to be a space.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.readers import Image

LEAST_CONTRAST = 8.0
"""Grey levels between ink and paper below which strokes cannot be told from noise."""

INK_SHARE = 0.4
"""A sample is ink if its contrast is at least this share of the line's own."""

BUSY_RING = 0.3
"""Share of ink around a box above which its ground is texture and the ink cannot be followed."""


@dataclass(frozen=True, slots=True)
class Ink:
    """Strokes of a window around a box.

    Parameters
    ----------
    mask
        ``(Rows, Columns)``, 1 where a sample is ink.
    inner
        The box within the window.
    ring_share
        Share of ink among the samples of the window outside the box.
    contrast
        Grey levels between ink and paper.
    """

    mask: NDArray[np.uint8]
    inner: Region
    ring_share: float
    contrast: float

    @property
    def followable(self) -> bool:
        """Whether the ground is plain enough to say where strokes end."""
        return self.contrast >= LEAST_CONTRAST and self.ring_share <= BUSY_RING


def contrast_map(image: Image) -> NDArray[np.float32]:
    """Return how far every sample is from the paper, in grey levels.

    The paper is the median along the window's border; of coloured images the channel that differs
    most counts, so that blue on black is seen as well as white on black.
    """
    planes = cv2.split(image) if image.ndim == 3 else (image,)
    apart = [np.abs(plane - _paper(plane)) for plane in planes]
    return functools.reduce(np.maximum, apart)


def _paper(plane: Image) -> np.float32:
    """Return the median along the border of one channel; what `numpy.median` returns, with less ado."""
    border = np.sort(np.concatenate([plane[0], plane[-1], plane[:, 0], plane[:, -1]]))
    low, high = border[(border.size - 1) // 2], border[border.size // 2]
    return (np.float32(low) + np.float32(high)) / np.float32(2)


def _level_below(contrast: NDArray[np.float32], share: float) -> float:
    """Return the level that `share` of the samples do not exceed; what `numpy.quantile` returns."""
    flat = contrast.ravel()
    place = share * (flat.size - 1)
    low = int(place)
    parted = np.partition(flat, (low, min(low + 1, flat.size - 1)))
    a, b = float(parted[low]), float(parted[min(low + 1, flat.size - 1)])
    return a + (b - a) * (place - low)


def ink_of(image: Image, region: Region, reach: tuple[int, int]) -> tuple[Ink, Region]:
    """Return the ink around `region` and the window it was sought in.

    Parameters
    ----------
    image
        The picture.
    region
        A box.
    reach
        Rows and columns by which the window is larger than the box on every side.
    """
    window = region.expanded(*reach, (image.shape[0], image.shape[1]))
    inner = region.moved(-window.row, -window.column)
    contrast = contrast_map(image[window.slices])
    full = _level_below(contrast[inner.slices], 0.96)
    mask = (contrast > max(LEAST_CONTRAST / 2, INK_SHARE * full)).astype(np.uint8)
    outside = mask.size - inner.area
    ring = (int(mask.sum()) - int(mask[inner.slices].sum())) / outside if outside else 0.0
    return Ink(mask, inner, ring, full), window


def fitted(image: Image, region: Region) -> tuple[Region, bool]:
    """Return `region` fitted to its strokes, and whether the ground allowed it.

    Parameters
    ----------
    image
        The picture.
    region
        A box around one horizontal line.
    """
    reach = (max(2, round(0.15 * region.rows)), max(4, round(0.8 * region.rows)))
    ink, window = ink_of(image, region, reach)
    if not ink.followable:
        return _without_slack(region), False
    band = _band(ink.mask, ink.inner)
    span = _span(ink.mask[slice(*band)], ink.inner, band[1] - band[0])
    if band[1] - band[0] < 3 or span[1] <= span[0]:
        return region, False
    return Region(window.row + band[0], window.column + span[0], band[1] - band[0], span[1] - span[0]), True


def _without_slack(region: Region) -> Region:
    """Return a box less some of the empty rows that detectors add above and below a line."""
    slack = int(0.12 * region.rows)
    return Region(region.row + slack, region.column, region.rows - 2 * slack, region.columns)


def _band(mask: NDArray[np.uint8], inner: Region) -> tuple[int, int]:
    """Return the rows of the line: from the middle of the box outwards to the first empty ones."""
    profile = mask[:, inner.column : inner.right].sum(axis=1)
    third = max(1, inner.rows // 3)
    middle = np.flatnonzero(profile[inner.row + third : inner.bottom - third])
    start = inner.row + third + int(middle[0]) if middle.size else (inner.row + inner.bottom) // 2
    stop = inner.row + third + int(middle[-1]) + 1 if middle.size else start + 1
    patience = 2 if inner.rows >= 16 else 1
    sure = inner.rows // 4  # detectors add less than this: what lies further in belongs to the line
    return (
        min(inner.row + sure, _outwards(profile, start, -1, patience)),
        max(inner.bottom - sure, _outwards(profile, stop - 1, 1, patience) + 1),
    )


def _outwards(profile: NDArray[np.integer], start: int, step: int, patience: int) -> int:
    """Return the last inked position reached from `start`, gaps of `patience` being crossed."""
    last, position = start, start
    while 0 <= position + step < len(profile) and abs(position + step - last) <= patience:
        position += step
        if profile[position]:
            last = position
    return last


def _span(band: NDArray[np.uint8], inner: Region, height: int) -> tuple[int, int]:
    """Return the columns of the line: its ink inside the box, followed over its ends."""
    profile = band.sum(axis=0)
    inside = np.flatnonzero(profile[inner.column : inner.right])
    if not inside.size:
        return inner.column, inner.column
    patience = max(2, round(0.7 * height))
    first, last = inner.column + int(inside[0]), inner.column + int(inside[-1])
    return _outwards(profile, first, -1, patience), _outwards(profile, last, 1, patience) + 1


def column_gaps(mask: NDArray[np.uint8], least: int) -> list[tuple[int, int]]:
    """Return the half-open ranges of at least `least` columns without ink, inside the line."""
    inked = np.flatnonzero(mask.any(axis=0))
    if inked.size < 2:
        return []
    jumps = np.flatnonzero(np.diff(inked) > least)
    return [(int(inked[j]) + 1, int(inked[j + 1])) for j in jumps]


def row_runs(mask: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Return the half-open runs of rows that hold ink."""
    inked = np.concatenate(([0], mask.any(axis=1).astype(np.int8), [0]))
    edges = np.flatnonzero(np.diff(inked))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
