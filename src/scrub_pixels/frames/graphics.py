"""Graphic annotations (PS3.3 C.10.5) drawn as pictures: strokes can spell a name as well as pixels can."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from scrub_pixels.frames.overlays import OverlayPlane

LONGEST_SIDES = (1024, 512, 256)
"""Samples of the longer side of the canvases: letters shaded with lines become whole on a smaller one."""

MOST_POINTS = 200_000
_MARGIN, _STROKE = 24, 2
_LEAST_POINTS = 2


def drawings(dataset: Dataset) -> tuple[OverlayPlane, ...] | None:
    """Return what the graphic objects of a data set draw, a plane for each kind of coordinates and size.

    Circles and ellipses spell nothing; they are left out, and so are single points.

    Returns
    -------
    tuple of OverlayPlane or None
        None if there are too many points, or they are no numbers: then nobody can tell.
    """
    strokes: dict[str, list[NDArray[np.float64]]] = {}
    total = 0
    for item in _objects(dataset):
        points = _points(item)
        total += 0 if points is None else len(points)
        if points is None or total > MOST_POINTS:
            return None
        if len(points) >= _LEAST_POINTS and str(item.get("GraphicType") or "") not in ("CIRCLE", "ELLIPSE"):
            strokes.setdefault(str(item.get("GraphicAnnotationUnits") or ""), []).append(points)
    return tuple(_drawn(some, side) for some in strokes.values() for side in LONGEST_SIDES)


def _objects(dataset: Dataset) -> Iterator[Dataset]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or ():
                if element.keyword in ("GraphicObjectSequence", "CompoundGraphicSequence"):
                    yield item
                yield from _objects(item)


def _points(item: Dataset) -> NDArray[np.float64] | None:
    """Return ``(n, 2)`` columns and rows; None if they are no finite numbers."""
    data = item.get("GraphicData")
    try:
        flat = np.asarray([] if data is None else data, np.float64).reshape(-1)
    except (TypeError, ValueError):
        return None
    whole = flat[: len(flat) // 2 * 2].reshape(-1, 2)
    return whole if np.isfinite(whole).all() and (abs(whole) < 1e9).all() else None


def _drawn(strokes: list[NDArray[np.float64]], side: int) -> OverlayPlane:
    """Draw strokes on a canvas of at most `side` samples, whatever their coordinates mean."""
    every = np.concatenate(strokes)
    start, extent = every.min(axis=0), float(np.ptp(every, axis=0).max()) or 1.0
    scale = (side - 2 * _MARGIN) / extent
    columns, rows = (int(length * scale) + 2 * _MARGIN for length in np.ptp(every, axis=0))
    canvas = np.zeros((rows, columns), np.uint8)
    for points in strokes:
        placed = np.rint((points - start) * scale + _MARGIN).astype(np.int32)
        cv2.polylines(canvas, [placed.reshape(-1, 1, 2)], False, 1, _STROKE)
    packed = np.packbits(canvas.reshape(-1), bitorder="little").tobytes()
    return OverlayPlane(0x6000, rows, columns, 1, "G", (1, 1), 1, packed)
