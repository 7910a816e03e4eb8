"""Where a QR code may stand: a cheap look that spares most pictures the dear one.

Around the middle of a code about half of the samples are dark and half are light, few are between, and
both along rows and along columns one follows the other often. Lines of text have more paper than that,
tissue has more in between.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.text.readers import Image

WINDOW = 21
"""Side of what is looked at around every sample: less than any code is wide."""

LEAST_CONTRAST = 20
"""Grey levels between the darkest and the lightest sample of a window with a code in it."""

LIGHT = 0.4, 0.6
"""Share of light samples."""

CLEAR = 0.5
"""Share of samples at least a quarter of the contrast away from the middle."""

STEPS = 0.08
"""Steps between dark and light along rows, and along columns, for each sample."""

LEAST_AREA = 60
"""Samples whose windows must look so, side by side."""


def may_hold_code(grey: Image) -> NDArray[np.bool_]:
    """Return a mask, of the shape of `grey`, of the places where a small QR code may stand.

    Of 195 codes that OpenCV finds (2 to 6 samples a module, 40 to 255 grey levels, sharp, blurred and
    JPEG-coded, on black, grey, white and speckle) it misses none.
    """
    light, clear, contrast = _levels(grey)
    across = cv2.absdiff(light[:, 1:], light[:, :-1])
    down = cv2.absdiff(light[1:], light[:-1])
    shares = _share(light), _share(clear)
    steps = cv2.min(_share(np.pad(across, ((0, 0), (1, 0)))), _share(np.pad(down, ((1, 0), (0, 0)))))
    low, high = (255 * limit for limit in LIGHT)
    alike = (contrast >= LEAST_CONTRAST) & (shares[0] >= low) & (shares[0] <= high)
    alike &= (shares[1] >= 255 * CLEAR) & (steps >= 255 * STEPS)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(alike.astype(np.uint8))
    large = stats[:, 4] >= LEAST_AREA
    large[0] = False
    return np.asarray(large[labels])


def _levels(grey: Image) -> tuple[Image, Image, Image]:
    """Return what is light (255) and what is clearly one or the other (255), and the contrast around."""
    kernel = np.ones((WINDOW, WINDOW), np.uint8)
    dark, bright = cv2.erode(grey, kernel), cv2.dilate(grey, kernel)
    contrast = cv2.subtract(bright, dark)
    middle = cv2.addWeighted(dark, 0.5, bright, 0.5, 0)
    clear = cv2.compare(cv2.absdiff(grey, middle), cv2.multiply(contrast, 1, scale=0.25), cv2.CMP_GT)
    return cv2.compare(grey, middle, cv2.CMP_GT), clear, contrast


def _share(plane: Image) -> Image:
    """Return the mean of 0 and 255 around every sample."""
    return cv2.blur(plane, (WINDOW, WINDOW))
