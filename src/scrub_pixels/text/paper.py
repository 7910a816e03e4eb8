"""Scanned paper: what a pen wrote on it is found and read far less surely than print."""

from __future__ import annotations

import cv2
import numpy as np

from scrub_pixels.text.readers import Image

BLOCK = 16
"""Side of the squares whose level and noise are compared, samples."""

LIGHT = 150
"""Level from which a page can be paper."""

NEAR = 30
"""Levels by which empty paper may differ from the page's own level: shadows of a fold, a curved edge."""

QUIET = 12.0
"""Standard deviation up to which a square is empty paper, levels."""

EVEN = 0.25
"""Standard deviation below which a square is even, levels: painted by a program, or by strong compression."""

PAINTS = 3
"""Exact levels that the ground of a painted page may have: its own, a panel's, a bar's."""

PAPER = 0.5
"""Share of a page that is empty paper."""


def is_scanned_page(image: Image) -> bool:
    """Tell whether a picture is a scan of paper: light, mostly empty, and nowhere quite even.

    Parameters
    ----------
    image
        Display picture, uint8 of shape (rows, columns) or (rows, columns, 3).

    Notes
    -----
    A page that a program painted has one exact level between its letters, also after JPEG. A scanned one
    has the noise of the sensor or, where compression took that away, the shades of the lamp. Strong
    compression leaves few of these; then it is not told from a painted one.
    """
    rows, columns = (side // BLOCK for side in image.shape[:2])
    if min(rows, columns) < 4 or np.median(image[::BLOCK, ::BLOCK]) < LIGHT:
        return False
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    squares = grey[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).astype(np.float32)
    level, noise = squares.mean((1, 3)), squares.std((1, 3))
    empty = (np.abs(level - np.median(level)) <= NEAR) & (noise <= QUIET)
    if empty.mean() < PAPER:
        return False
    painted = np.bincount(level[empty & (noise < EVEN)].round().astype(int), minlength=PAINTS)
    return bool(np.sort(painted)[-PAINTS:].sum() < 0.5 * empty.sum())
