"""Ink and paper: which samples of a window are strokes, and how far a line really reaches.

Detectors draw boxes by feel: they cut ascenders, last letters and commas. Here a box is grown to the
strokes that straddle its border, and taken apart where a gap is too wide to be a space.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.readers import Image

LEAST_CONTRAST = 10.0
"""Grey levels between ink and paper below which strokes cannot be told from noise."""


def contrast_map(image: Image) -> NDArray[np.float32]:
    """Return how far every sample is from the paper, in grey levels.

    The paper is the median along the window's border; of coloured images the channel that differs
    most counts, so that blue on black is seen as well as white on black.
    """
    samples = image.astype(np.float32)
    if samples.ndim == 2:
        samples = samples[:, :, None]
    border = np.concatenate([samples[0], samples[-1], samples[:, 0], samples[:, -1]])
    return np.abs(samples - np.median(border, axis=0)).max(axis=2)


def ink_mask(image: Image, inner: Region) -> NDArray[np.uint8]:
    """Return 1 where a sample belongs to a stroke, judged by what stands inside `inner`.

    Parameters
    ----------
    image
        A window somewhat larger than the line.
    inner
        The line's box within the window.
    """
    contrast = contrast_map(image)
    inside = contrast[inner.slices]
    full = float(np.percentile(inside, 95))
    if full < LEAST_CONTRAST:
        return np.zeros(contrast.shape, np.uint8)
    return (contrast > max(LEAST_CONTRAST / 2, 0.4 * full)).astype(np.uint8)


def grown_to_ink(image: Image, region: Region, line_height: int) -> Region:
    """Return `region` grown over the strokes that straddle its border.

    Parameters
    ----------
    image
        The picture.
    region
        A detector's box.
    line_height
        Thickness of the line in samples; growth is limited to a share of it, so that neighbouring
        lines are not swallowed and tissue does not drag the box away.
    """
    shape = image.shape[:2]
    reach = max(3, round(0.45 * line_height))
    window = region.expanded(reach, 2 * reach, shape)
    inner = region.moved(-window.row, -window.column)
    mask = ink_mask(image[window.slices], inner)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    touched = np.unique(labels[inner.slices])
    grown = region
    for label in touched[touched > 0]:
        component = _component(stats[label], window)
        if _plausible_stroke(component, line_height, window):
            grown = grown.union(component)
    return grown


def _component(stats: NDArray[np.int32], window: Region) -> Region:
    column, row, columns, rows = (int(v) for v in stats[:4])
    return Region(window.row + row, window.column + column, rows, columns)


def _plausible_stroke(component: Region, line_height: int, window: Region) -> bool:
    """Tell a letter from a ruler, a frame or the tissue behind it."""
    across = min(component.rows, component.columns)
    return across <= 1.6 * line_height + 2 and not (
        component.rows >= window.rows and component.columns >= window.columns
    )


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
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2])]
