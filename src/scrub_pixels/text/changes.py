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

SOON = 2
"""Comparisons after which `MOVING` can have been reached; until then `LATELY` stands for it."""

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
        self._compared = 0
        self.since = np.zeros(grid, np.int32)
        self.changed = np.zeros(grid, bool)

    @property
    def moving(self) -> NDArray[np.bool_]:
        """Blocks that changed now and lately too, or beside one that keeps moving."""
        core = (self._before > (MOVING if self._compared > SOON else LATELY)).astype(np.uint8)
        beside = cv2.dilate(core, np.ones((3, 3), np.uint8)) > 0
        return self.changed & ((self._before > LATELY) | beside)

    def compare(self, image: Image) -> None:
        """Find the blocks in which `image` differs from what was last searched there."""
        difference = largest_channel(cv2.absdiff(image, self._reference))
        clear = _count(difference, CLEAR) >= CLEAR_COUNT
        self.changed = clear | (_count(difference, FAINT) >= FAINT_COUNT)
        self._compared += 1
        self._before = self._share
        self._share = MEMORY * self._share + (1 - MEMORY) * self.changed

    def accept(self, image: Image, frame: int) -> None:
        """Take the changed blocks of `image` as searched in `frame`."""
        cv2.copyTo(image, self._samples(self.changed), self._reference)
        self.since[self.changed] = frame

    def touches(self, region: Region) -> bool:
        """Tell whether any block under `region` changed."""
        return bool(self.changed[blocks_under(region)].any())

    def before(self, region: Region) -> Image:
        """Return what stood in `region` when it was last searched."""
        return self._reference[region.slices]

    def unchanged_since(self, region: Region) -> int:
        """Return the frame from which everything under `region` looked as it does now."""
        return int(self.since[blocks_under(region)].max())

    def _samples(self, blocks: NDArray[np.bool_]) -> NDArray[np.uint8]:
        rows, columns = self._reference.shape[:2]
        whole = np.repeat(np.repeat(blocks.astype(np.uint8), BLOCK, axis=0), BLOCK, axis=1)
        return np.ascontiguousarray(whole[:rows, :columns])


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


def flows(blocks: NDArray[np.bool_], shape: tuple[int, int]) -> list[Region]:
    """Return rectangles that cover the blocks set, parted where their common one would hold much else.

    Like `rectangles`, but a clock beside a sector stays by itself: what lies between them stands still.
    """
    joined = cv2.dilate(blocks.astype(np.uint8), np.ones((3, 5), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    boxes = (stats[1:count, :4] * BLOCK).tolist()
    clipped = (Region(row, column, rows, columns).clipped(shape) for column, row, columns, rows in boxes)
    return thrifty([region.expanded(GROUND, GROUND + 2 * BLOCK, shape) for region in clipped if region])


def thrifty(regions: list[Region]) -> list[Region]:
    """Return the regions with those replaced by their union whose union is not larger than both."""
    kept: list[Region] = []
    for region in regions:
        while (other := next((k for k in kept if _is_thrift(k, region)), None)) is not None:
            kept.remove(other)
            region = region.union(other)
        kept.append(region)
    return kept


def _is_thrift(a: Region, b: Region) -> bool:
    return a.union(b).area <= a.area + b.area


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


def largest_channel(image: Image) -> Image:
    """Return the largest of the channels of every sample, ``(Rows, Columns)``."""
    if image.ndim == 2:
        return image
    red, green, blue = cv2.split(image)
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)


def _count(difference: Image, level: int) -> NDArray[np.int32]:
    """Return the number of samples above `level` in every block."""
    _, above = cv2.threshold(difference, level, 1, cv2.THRESH_BINARY)
    rows, columns = ([*range(0, side, BLOCK), side] for side in above.shape)
    corners = cv2.integral(above)[np.ix_(rows, columns)]
    return np.diff(np.diff(corners, axis=0), axis=1)
