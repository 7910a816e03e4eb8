"""Graphic objects of a presentation state as rectangles (PS3.3 C.10.5.1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from pydicom.dataset import Dataset

from scrub_pixels.errors import CorruptInstance, Refusal, UnsupportedInstance

FARTHEST = 1e6
TOLERANCE = 1e-3
"""Values are single floats: an edge this near to a sample's edge is on it."""

Point = tuple[float, float]
"""Column and row; 0\\0 is the outer corner of the first sample."""

Edges = tuple[float, float, float, float]
"""Left, top, right and bottom."""


def extent_of(drawn: Dataset, state: Dataset, uid: str) -> tuple[int, int, int, int]:
    """Return top, left, bottom and right of the samples that a graphic object touches.

    Parameters
    ----------
    drawn
        Item of a Graphic Object Sequence.
    state
        The presentation state: its displayed area is what DISPLAY units are fractions of.
    uid
        SOP Instance UID of the image.

    Raises
    ------
    Refusal
        If it encloses nothing, or is of a kind or in units that are not understood.
    """
    name = str(drawn.get("GraphicType") or "")
    if name not in _AROUND:
        raise _not_understood("A graphic object is of a type that is no outline")
    placed = _in_pixels(str(drawn.get("GraphicAnnotationUnits") or ""), state, uid)
    left, top, right, bottom = _AROUND[name]([placed(point) for point in _points(drawn)])
    if right - left < TOLERANCE or bottom - top < TOLERANCE:
        raise _not_understood("A graphic object encloses nothing")
    return (math.floor(top + TOLERANCE), math.floor(left + TOLERANCE),
            math.ceil(bottom - TOLERANCE), math.ceil(right - TOLERANCE))


def _points(drawn: Dataset) -> list[Point]:
    values = [float(value) for value in drawn.get("GraphicData") or ()]
    if drawn.get("GraphicDimensions", 2) != 2 or len(values) % 2 or not values:
        raise _corrupt("A graphic object has no points in a plane")
    if drawn.get("NumberOfGraphicPoints", len(values) // 2) != len(values) // 2:
        raise _corrupt("A graphic object has another number of points than it says")
    if not all(abs(value) < FARTHEST for value in values):
        raise _corrupt("A graphic object lies nowhere")
    return list(zip(values[::2], values[1::2], strict=True))


# -- units (PS3.3 C.10.5.1.2)


def _in_pixels(units: str, state: Dataset, uid: str) -> Callable[[Point], Point]:
    if units == "PIXEL":
        return lambda point: point
    if units != "DISPLAY":
        raise _not_understood("A graphic object is in units that are neither PIXEL nor DISPLAY")
    if int(state.get("ImageRotation") or 0) or state.get("ImageHorizontalFlip", "N") != "N":
        raise _not_understood("A graphic object is in DISPLAY units of an image that is turned or flipped")
    left, top, right, bottom = _displayed(state, uid)
    return lambda point: (left + point[0] * (right - left), top + point[1] * (bottom - top))


def _displayed(state: Dataset, uid: str) -> Edges:
    """Return the displayed area (PS3.3 C.10.4): its corners are numbers of samples, from 1."""
    areas = {_area(item) for item in state.get("DisplayedAreaSelectionSequence") or () if _is_for(item, uid)}
    if len(areas) != 1:
        raise _not_understood("A graphic object is in DISPLAY units of none or several displayed areas")
    return areas.pop()


def _is_for(item: Dataset, uid: str) -> bool:
    images = item.get("ReferencedImageSequence") or ()
    return not images or any(image.get("ReferencedSOPInstanceUID") == uid for image in images)


def _area(item: Dataset) -> Edges:
    if item.get("PixelOriginInterpretation", "FRAME") != "FRAME":
        raise _not_understood("A displayed area is one of a whole slide")
    left, top = (int(value) for value in item.get("DisplayedAreaTopLeftHandCorner") or ())
    right, bottom = (int(value) for value in item.get("DisplayedAreaBottomRightHandCorner") or ())
    if left > right or top > bottom:
        raise _not_understood("A displayed area is turned")
    return left - 1.0, top - 1.0, float(right), float(bottom)


# -- types (PS3.3 C.10.5.1.3)


def _polyline(points: Sequence[Point]) -> Edges:
    if len(points) < 3:
        raise _not_understood("A line of two points encloses nothing")
    columns, rows = zip(*points, strict=True)
    return min(columns), min(rows), max(columns), max(rows)


def _circle(points: Sequence[Point]) -> Edges:
    """Centre, and a point of the circle."""
    if len(points) != 2:
        raise _corrupt("A circle has not two points")
    (column, row), on = points[0], points[1]
    radius = math.dist(points[0], on)
    return column - radius, row - radius, column + radius, row + radius


def _ellipse(points: Sequence[Point]) -> Edges:
    """Ends of the major axis, then of the minor one; it may be turned."""
    if len(points) != 4:
        raise _corrupt("An ellipse has not four points")
    (a, b), (c, d) = points[:2], points[2:]
    column, row = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    wide = math.hypot(a[0] - b[0], c[0] - d[0]) / 2
    high = math.hypot(a[1] - b[1], c[1] - d[1]) / 2
    # what a viewer draws through these points lies within; points that are no axes are enclosed too
    columns, rows = zip(*points, strict=True)
    return (min(column - wide, *columns), min(row - high, *rows),
            max(column + wide, *columns), max(row + high, *rows))


_AROUND: Mapping[str, Callable[[Sequence[Point]], Edges]] = MappingProxyType(
    {"POLYLINE": _polyline, "CIRCLE": _circle, "ELLIPSE": _ellipse})
"""POINT marks no samples, and how far an INTERPOLATED line swings out is the viewer's own."""


def _corrupt(message: str) -> Refusal:
    return CorruptInstance(message, stage="open", tag="(0070,0022) GraphicData",
                           remedy="Write it again with the program that made it.")


def _not_understood(message: str) -> Refusal:
    return UnsupportedInstance(message, stage="open", remedy="Draw boxes, ellipses or closed lines in PIXEL "
                                                             "units, or draw in the review site.")
