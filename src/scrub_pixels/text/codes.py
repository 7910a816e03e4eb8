"""Barcodes and QR codes: an identifier each, whatever they hold, so they become unread lines."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from scrub_pixels.geometry import Region
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.code_like import possible_codes
from scrub_pixels.text.code_timing import timed_corners
from scrub_pixels.text.readers import Image
from scrub_pixels.text.reading import UNREAD, Choice

QUIET = 0.15
"""Share of its side by which a code may be larger than its corners say."""

TILE = 500
LARGEST_SMALL = 130
"""Samples of a piece that is searched enlarged, and of the largest code that always lies whole in one."""

LEAST_SIDE = 16
"""Smaller finds are noise, samples."""


def find_codes(image: Image, within: Region | None = None) -> list[Candidate]:
    """Return the places of QR codes and barcodes in a picture, or in a part of it."""
    area = within or Region(0, 0, image.shape[0], image.shape[1])
    piece = np.ascontiguousarray(image[area.slices])
    grey = piece if piece.ndim == 2 else cv2.cvtColor(piece, cv2.COLOR_RGB2GRAY)
    if min(grey.shape) < 2 * LEAST_SIDE:
        return []
    found = (*_all_qr_corners(grey), *_bar_corners(grey))
    regions = (_region(corners, grey.shape) for corners in found)
    return [
        Candidate(region.moved(area.row, area.column), 1.0, Choice(UNREAD)) for region in regions if region
    ]


def _all_qr_corners(grey: Image) -> Iterator[np.ndarray]:
    """Yield the corners of QR codes, large and small, where the finder patterns of one may stand."""
    possible = possible_codes(grey)
    proven: list[np.ndarray] = []
    for three in possible.threes:
        if not _inside(three[:, :2], proven):
            corners = timed_corners(grey, three)
            proven += [] if corners is None else [corners]
    yield from proven
    places = [place for place in possible.places if not _inside(place.reshape(2, 2), proven)]
    if places:
        yield from _qr_corners(grey)
        yield from _small_qr_corners(grey, np.array(places))


def _inside(points: np.ndarray, codes: list[np.ndarray]) -> bool:
    """Tell whether points lie in what is a code already."""
    return any((points >= c.min(axis=0)).all() and (points <= c.max(axis=0)).all() for c in codes)


def _qr_corners(grey: Image) -> list[np.ndarray]:
    """Return the corners of what has the three finder patterns of a QR code."""
    try:
        found, corners = cv2.QRCodeDetector().detectMulti(grey)
    except cv2.error:  # OpenCV 5.0 clusters finder patterns before it counts them: there are too few
        return []
    return list(corners) if found else []


def _small_qr_corners(grey: Image, places: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the corners of codes that are small on a large picture, which OpenCV reduces to 512 samples."""
    step = TILE - LARGEST_SMALL
    for top in range(0, max(1, grey.shape[0] - LARGEST_SMALL), step):
        for left in range(0, max(1, grey.shape[1] - LARGEST_SMALL), step):
            inside = (places[:, :2] >= (left, top)) & (places[:, 2:] < (left + TILE, top + TILE))
            if not inside.all(axis=1).any():
                continue
            piece = np.ascontiguousarray(grey[top : top + TILE, left : left + TILE])
            enlarged = cv2.resize(piece, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
            for corners in _qr_corners(np.asarray(enlarged)):
                yield corners / 2 + (left, top)


def _bar_corners(grey: Image) -> list[np.ndarray]:
    """Return the corners of barcodes that could be decoded: bars alone are found in grids and rulers."""
    found, texts, _, corners = cv2.barcode.BarcodeDetector().detectAndDecodeWithType(grey)
    return [c for c, text in zip(corners, texts, strict=True) if text] if found else []


def _region(corners: np.ndarray, shape: tuple[int, int]) -> Region | None:
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    if min(right - left, bottom - top) < LEAST_SIDE:
        return None
    # Corners are those of the finder patterns, guessed; what is left of one still says that this was a code.
    rows, columns = (max(4, round(QUIET * side)) for side in (bottom - top, right - left))
    inside = Region.from_edges(top, left, bottom, right).clipped(shape)
    return inside and inside.expanded(rows, columns, shape)
