"""What part of a picture goes to the detector, in which pieces and at which scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region, Shape
from scrub_pixels.text.readers import Image, TextBox, TextDetector
from scrub_pixels.text.settings import SearchSettings

FLAT = 6
"""Spread of grey levels up to which a block is empty: lossy coding noise on a plain ground."""

BORDER = 8
"""Samples added around a picture before detection, so that text touching its border is whole."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A piece of a picture and the factor by which it is enlarged for the detector."""

    region: Region
    scale: float


def tiles_of(region: Region, scale: float, settings: SearchSettings) -> Iterator[Tile]:
    """Cut `region` into overlapping tiles of at most ``settings.tile`` samples a side after scaling."""
    side = max(settings.overlap * 2, int(settings.tile / scale))
    for top, rows in _cuts(region.rows, side, settings.overlap):
        for left, columns in _cuts(region.columns, side, settings.overlap):
            yield Tile(Region(region.row + top, region.column + left, rows, columns), scale)


def _cuts(length: int, side: int, overlap: int) -> list[tuple[int, int]]:
    """Return start and length of even pieces of at most `side` that overlap by at least `overlap`."""
    if length <= side:
        return [(0, length)]
    count = -(-(length - overlap) // (side - overlap))
    step = (length - side) / (count - 1)
    return [(round(i * step), side) for i in range(count)]


def boxes_in_tile(image: Image, tile: Tile, detector: TextDetector) -> list[TextBox]:
    """Return the boxes found in one tile, in coordinates of `image`."""
    piece = cv2.copyMakeBorder(
        np.ascontiguousarray(image[tile.region.slices]), *(BORDER,) * 4, cv2.BORDER_REPLICATE
    )
    if tile.scale != 1:
        piece = cv2.resize(piece, None, fx=tile.scale, fy=tile.scale, interpolation=cv2.INTER_CUBIC)
    boxes = (_placed(box, tile) for box in detector.detect(piece))
    return [box for box in boxes if box is not None]


def _placed(box: TextBox, tile: Tile) -> TextBox | None:
    """Return a box of the padded, scaled piece in coordinates of the whole picture."""
    r = box.region
    top, left = r.row / tile.scale - BORDER, r.column / tile.scale - BORDER
    bottom, right = r.bottom / tile.scale - BORDER, r.right / tile.scale - BORDER
    if bottom <= 0 or right <= 0:
        return None
    inside = Region.from_edges(top, left, bottom, right).clipped((tile.region.rows, tile.region.columns))
    return inside and TextBox(inside.moved(tile.region.row, tile.region.column), box.score)


def busy_region(image: Image, block: int = 16) -> Region | None:
    """Return the smallest Region outside which every block is flat, or None for an empty picture."""
    busy = busy_blocks(image, block)
    rows, columns = np.flatnonzero(busy.any(axis=1)), np.flatnonzero(busy.any(axis=0))
    if not rows.size:
        return None
    found = Region(
        int(rows[0]) * block,
        int(columns[0]) * block,
        int(rows[-1] - rows[0] + 1) * block,
        int(columns[-1] - columns[0] + 1) * block,
    )
    clipped = found.clipped(_shape(image))
    return clipped and clipped.expanded(block, block, _shape(image))


def busy_blocks(image: Image, block: int = 16) -> NDArray[np.bool_]:
    """Return for every block whether its grey levels spread more than `FLAT` in any channel."""
    kernel = np.ones((3, 3), np.uint8)
    spread = cv2.subtract(cv2.dilate(image, kernel), cv2.erode(image, kernel))
    if spread.ndim == 3:
        spread = spread.max(axis=2)
    return block_maximum(spread, block) > FLAT


def block_maximum(samples: NDArray, block: int) -> NDArray:
    """Return the maximum of every `block` x `block` piece; the last ones may be smaller."""
    rows, columns = samples.shape
    by_row = np.maximum.reduceat(samples, np.arange(0, rows, block), axis=0)
    return np.maximum.reduceat(by_row, np.arange(0, columns, block), axis=1)


def _shape(image: Image) -> Shape:
    return int(image.shape[0]), int(image.shape[1])
