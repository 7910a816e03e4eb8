"""What part of a picture goes to the detector, in which pieces and at which scale."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from scrub_pixels.geometry import Region
from scrub_pixels.text.quads import moved_quad
from scrub_pixels.text.readers import Image, TextBox, TextDetector
from scrub_pixels.text.settings import SearchSettings

FLAT = 6
"""Spread of grey levels up to which a block is empty: lossy coding noise on a plain ground."""

BORDER = 8
"""Samples of plain ground added around a tile before detection, so that text touching its border is
whole for the detector."""

GROUND = 16
"""Samples of surroundings a tile keeps around what is busy in it."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A piece of a picture and the factor by which it is enlarged for the detector."""

    region: Region
    scale: float


def tiles_of(region: Region, scale: float, settings: SearchSettings) -> Iterator[Tile]:
    """Cut `region` into overlapping tiles: large ones as it is, smaller ones enlarged."""
    side = settings.tile if scale <= 1 else settings.fine_tile
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
    """Return the boxes of lying and turned text found in one tile, in coordinates of `image`."""
    return [box for box in seen_in_tile(image, tile, detector) if box.quad is None]


def seen_in_tile(image: Image, tile: Tile, detector: TextDetector) -> list[TextBox]:
    """Return the boxes found in one tile, those of slanted text as well, in coordinates of `image`."""
    piece = framed(np.ascontiguousarray(image[tile.region.slices]))
    if tile.scale != 1:
        piece = cv2.resize(piece, None, fx=tile.scale, fy=tile.scale, interpolation=cv2.INTER_CUBIC)
    boxes = (_placed(box, tile) for box in detector.detect(piece))
    return [box for box in boxes if box is not None]


def framed(image: Image) -> Image:
    """Return `image` with a border of its paper: repeating the samples would smear letters outwards."""
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    paper = np.atleast_1d(np.median(edge, axis=0)).astype(int).tolist()
    return cv2.copyMakeBorder(image, *(BORDER,) * 4, cv2.BORDER_CONSTANT, value=paper)


def _placed(box: TextBox, tile: Tile) -> TextBox | None:
    """Return a box of the padded, scaled piece in coordinates of the whole picture."""
    r = box.region
    top, left = r.row / tile.scale - BORDER, r.column / tile.scale - BORDER
    bottom, right = r.bottom / tile.scale - BORDER, r.right / tile.scale - BORDER
    if bottom <= 0 or right <= 0:
        return None
    inside = Region.from_edges(top, left, bottom, right).clipped((tile.region.rows, tile.region.columns))
    if inside is None:
        return None
    offset = (tile.region.column - BORDER, tile.region.row - BORDER)
    quad = box.quad and moved_quad(box.quad, 1 / tile.scale, offset)
    return replace(box, region=inside.moved(tile.region.row, tile.region.column), quad=quad)


def busy_map(image: Image) -> Image:
    """Return the local spread of grey levels, the largest over the channels, 0 where it is noise."""
    kernel = np.ones((3, 3), np.uint8)
    spread = cv2.subtract(cv2.dilate(image, kernel), cv2.erode(image, kernel))
    if spread.ndim == 3:
        spread = functools.reduce(cv2.max, cv2.split(spread))
    _, busy = cv2.threshold(spread, FLAT, 0, cv2.THRESH_TOZERO)
    return np.asarray(busy, np.uint8)


def cropped(tile: Tile, area: Region, busy: Image) -> Tile | None:
    """Return `tile` cut down to what is busy in it and some ground around, or None if nothing is.

    Parameters
    ----------
    tile
        A tile inside `area`.
    area
        What `busy` is a map of.
    busy
        See `busy_map`.
    """
    own = busy[tile.region.moved(-area.row, -area.column).slices]
    left, top, columns, rows = cv2.boundingRect(own)
    if not rows or not columns:
        return None
    found = Region(tile.region.row + top, tile.region.column + left, rows, columns)
    grown = Region.from_edges(
        max(tile.region.row, found.row - GROUND),
        max(tile.region.column, found.column - GROUND),
        min(tile.region.bottom, found.bottom + GROUND),
        min(tile.region.right, found.right + GROUND),
    )
    return Tile(grown, tile.scale)
