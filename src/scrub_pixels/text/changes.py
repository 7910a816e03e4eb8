"""What changed between frames, block by block, measured against what was last searched.

Every block is compared with its samples at the time it was last searched, not with the frame before,
so that a slow drift cannot creep past the tolerance.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.readers import Image
from scrub_pixels.text.tiles import GROUND

BLOCK = 16
"""Side of a block, samples."""

CLEAR, CLEAR_COUNT = 20, 3
"""A block changed if this many samples differ by more grey levels than that ..."""

FAINT, FAINT_COUNT = 9, 12
"""... or if so many differ by less: faint text has many samples, coding noise has few."""

LATELY = 0.15
"""Running share of changes from which a block counts as moving, not as holding an event."""

MOVING = 0.5
"""The same from which its neighbours count as moving with it."""

MEMORY = 0.7
"""How much of that share is carried from frame to frame."""


class ChangeMap:
    """Remembers what every block looked like when it was last searched.

    Parameters
    ----------
    first
        The first picture, taken as searched.
    """

    def __init__(self, first: Image) -> None:
        self._reference = first.copy()
        rows, columns = first.shape[:2]
        grid = (-(-rows // BLOCK), -(-columns // BLOCK))
        self._share = np.zeros(grid, np.float32)
        self._before = self._share
        self.since = np.zeros(grid, np.int32)
        self.changed = np.zeros(grid, bool)

    @property
    def moving(self) -> NDArray[np.bool_]:
        """Blocks that changed now and lately too, or beside one that keeps moving."""
        core = (self._before > MOVING).astype(np.uint8)
        beside = cv2.dilate(core, np.ones((3, 3), np.uint8)) > 0
        return self.changed & ((self._before > LATELY) | beside)

    def compare(self, image: Image) -> None:
        """Find the blocks in which `image` differs from what was last searched there."""
        difference = cv2.absdiff(image, self._reference)
        if difference.ndim == 3:
            difference = difference.max(axis=2)
        clear = _count(difference > CLEAR) >= CLEAR_COUNT
        self.changed = clear | (_count(difference > FAINT) >= FAINT_COUNT)
        self._before = self._share
        self._share = MEMORY * self._share + (1 - MEMORY) * self.changed

    def accept(self, image: Image, frame: int) -> None:
        """Take the changed blocks of `image` as searched in `frame`."""
        mask = self._samples(self.changed)
        self._reference[mask] = image[mask]
        self.since[self.changed] = frame

    def touches(self, region: Region) -> bool:
        """Tell whether any block under `region` changed."""
        return bool(self.changed[blocks_under(region)].any())

    def unchanged_since(self, region: Region) -> int:
        """Return the frame from which everything under `region` looked as it does now."""
        return int(self.since[blocks_under(region)].max())

    def _samples(self, blocks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        rows, columns = self._reference.shape[:2]
        return np.repeat(np.repeat(blocks, BLOCK, axis=0), BLOCK, axis=1)[:rows, :columns]


def rectangles(blocks: NDArray[np.bool_], shape: tuple[int, int]) -> list[Region]:
    """Return rectangles that cover the blocks set, wide enough that lines in them are whole.

    Blocks are joined over gaps of one block up and down and of four along a line; overlapping
    rectangles are merged.
    """
    joined = cv2.dilate(blocks.astype(np.uint8), np.ones((3, 9), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    boxes = (stats[1:count, :4] * BLOCK).tolist()
    found = [Region(row, column, rows, columns) for column, row, columns, rows in boxes]
    clipped = (region.clipped(shape) for region in found)
    return merged([region.expanded(GROUND, GROUND, shape) for region in clipped if region])


def merged(regions: list[Region]) -> list[Region]:
    """Return the regions with overlapping ones replaced by their union."""
    kept: list[Region] = []
    for region in regions:
        while (other := next((k for k in kept if k.overlaps(region)), None)) is not None:
            kept.remove(other)
            region = region.union(other)
        kept.append(region)
    return kept


def blocks_under(region: Region) -> tuple[slice, slice]:
    """Return the index of the blocks that `region` touches."""
    return (
        slice(region.row // BLOCK, -(-region.bottom // BLOCK)),
        slice(region.column // BLOCK, -(-region.right // BLOCK)),
    )


def _count(samples: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the number of samples set in every block."""
    rows, columns = samples.shape
    by_row = np.add.reduceat(samples.astype(np.uint8), np.arange(0, rows, BLOCK), axis=0)
    return np.add.reduceat(by_row.astype(np.int32), np.arange(0, columns, BLOCK), axis=1)
