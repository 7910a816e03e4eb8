"""Bars of grey levels and colours, which show what a sample's level means and pass for turned text.

A bar is solid: across it all samples are alike, nothing of the ground shows through, and nothing but the
ground is beside it. Letters of its size have strokes and gaps, and a number on a bar makes it uneven.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.ink import contrast_map
from scrub_pixels.text.readers import Image

LIT = 24
"""Grey levels by which a bar differs from its ground in any channel."""

THINNEST, SHORTEST = 6, 4.0
"""Samples across of the thinnest bar, and how many times as long it is at least; strokes are less."""

EVEN = 48
"""Levels that samples side by side in a bar differ by at most: what lossy coding leaves."""

SOLID, STRAY = 0.97, 0.01
"""Share of a bar that is lit, and of its lines that are even; and of the ground beside it that may be lit."""

EDGE = 2
"""Samples at each side of a bar, and around it, that are neither bar nor ground."""


def is_scale_bar(image: Image, region: Region) -> bool:
    """Tell whether a box of `image` (uint8, grey or RGB) holds a bar of levels and nothing else."""
    piece = image[region.slices]
    if region.rows < region.columns:
        piece = piece.swapaxes(0, 1)
    lit = contrast_map(np.ascontiguousarray(piece)) > LIT
    columns = np.flatnonzero(lit.mean(axis=0) >= 0.5)
    if not columns.size or columns[-1] - columns[0] + 1 != columns.size:
        return False
    rows = np.flatnonzero(lit[:, columns].mean(axis=1) >= 0.5)
    if not rows.size:
        return False
    thick, long = columns.size, int(rows[-1] - rows[0] + 1)
    if thick < THINNEST or long < SHORTEST * thick:
        return False
    if lit[rows[0] : rows[-1] + 1, columns].mean() < SOLID:
        return False
    return _is_even(piece, columns, rows) and _is_alone(lit, columns, rows)


def _is_even(piece: Image, columns: NDArray[np.intp], rows: NDArray[np.intp]) -> bool:
    """Tell whether samples beside one another are alike in nearly all lines across a bar."""
    inner = piece[rows[0] : rows[-1] + 1, columns[0] + EDGE : columns[-1] + 1 - EDGE].astype(np.int16)
    span = np.ptp(inner, axis=1)
    worst = span if span.ndim == 1 else span.max(axis=1)
    return bool((worst <= EVEN).mean() >= SOLID)


def _is_alone(lit: NDArray[np.bool_], columns: NDArray[np.intp], rows: NDArray[np.intp]) -> bool:
    """Tell whether nothing but stray samples is lit beside a bar, and before and behind it."""
    ground = np.ones(lit.shape, bool)
    left, top = max(0, columns[0] - EDGE), max(0, rows[0] - EDGE)
    ground[top : rows[-1] + 1 + EDGE, left : columns[-1] + 1 + EDGE] = False
    return not ground.any() or bool(lit[ground].mean() <= STRAY)
