"""A stretch of frames taken together: their mean, and how steady every sample was in it.

Text that stands over moving tissue gains contrast in the mean, as the speckle averages out; but where its
level is that of the tissue, the mean hides it as every single frame does. It still is the one thing there
that does not move: in the picture of steadiness it is as clear as on black.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import FrameSpan
from scrub_pixels.text.changes import BLOCK, largest_channel
from scrub_pixels.text.readers import Image

AROUND = 61
"""Side of the window, in samples, whose unrest is ordinary for the sample in its middle."""

LEAST_UNREST = 4.0
"""Standard deviation in grey levels that still counts as unrest; less than that is coding noise."""

LIT = 12
"""Grey level up to which a steady sample is the empty ground beside a sector, or the inside of a cyst."""


class Stretch:
    """Frames that follow each other.

    Parameters
    ----------
    start
        The first of them.
    shape
        Of the frames: ``(Rows, Columns)`` or ``(Rows, Columns, 3)``.
    grid
        Rows and columns of blocks of the change map.
    """

    def __init__(self, start: int, shape: tuple[int, ...], grid: tuple[int, ...]) -> None:
        self.start, self.frames = start, 0
        self._sum = np.zeros(shape, np.float32)
        self._levels = np.zeros(shape[:2], np.float32)
        self._squares = np.zeros(shape[:2], np.float32)
        self._moved = np.zeros(grid, np.int32)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the frames."""
        return self._sum.shape

    @property
    def span(self) -> FrameSpan:
        """The frames that were added, and the one to come if there are none."""
        return FrameSpan(self.start, self.start + max(1, self.frames))

    @property
    def flowed(self) -> NDArray[np.bool_]:
        """Blocks that moved in at least half of the frames."""
        return np.asarray(2 * self._moved >= self.frames)

    def add(self, image: Image, moving: NDArray[np.bool_]) -> None:
        """Take in the next frame and the blocks that moved in it."""
        cv2.accumulate(image, self._sum)
        plane = largest_channel(image)
        cv2.accumulate(plane, self._levels)
        cv2.accumulateSquare(plane, self._squares)
        self._moved += moving
        self.frames += 1

    def mean(self) -> Image:
        """Return the mean of the frames, rounded."""
        return np.asarray(np.rint(self._sum / self.frames), np.uint8)

    def steadiness(self) -> Image:
        """Return how steady lit samples were where the ground moved, ``(Rows, Columns)``, 255 for at rest.

        The standard deviation of a sample's largest channel, as a share of what is ordinary around it.
        """
        level = self._levels / self.frames
        unrest = np.sqrt(np.maximum(0, self._squares / self.frames - level * level))
        moved = _samples(self.flowed, unrest.shape)
        ordinary = _mean_over(unrest, moved * (level > LIT))
        steady = 1 - unrest / np.maximum(LEAST_UNREST, ordinary)
        return np.asarray(255 * steady.clip(0, 1) * moved * (level > LIT), np.uint8)


def _samples(blocks: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.float32]:
    whole = np.repeat(np.repeat(blocks, BLOCK, axis=0), BLOCK, axis=1)
    return whole[: shape[0], : shape[1]].astype(np.float32)


def _mean_over(values: NDArray[np.float32], where: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of `values` around every sample, over those samples that count."""
    window = (AROUND, AROUND)
    share = cv2.boxFilter(where, -1, window)
    return np.asarray(cv2.boxFilter(values * where, -1, window) / np.maximum(share, 1e-3), np.float32)
