"""Ultrasound Regions (0018,6011) as evidence of where anatomy is, and reasons to distrust them.

Devices write them to calibrate measurements (PS3.3 C.8.5.5). Most are right; others cover the whole
screen, were made for an image of another size, or belong to a layout that was shown before. Whoever
blanks everything outside of them has to know which is which: they are compared with the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from scrub_pixels.frames.instance import Instance
from scrub_pixels.geometry import Region, Shape, coverage

TOO_MUCH = 0.9
"""Share of the frame from which regions say nothing about where the scan is."""

HEADER_BAND = 0.04
"""Share of the rows at the top in which devices print who was examined; real scans begin below."""

SLACK = 1
"""Samples by which a maximum may lie outside: some devices write the first sample behind a region."""

MOST_FRAMES = 3

_CELL = 16
_LIT, _LEAST_LIT = 40, 0.005
_DARK_CELL, _SPECKLE, _LEAST_CELLS = 20, 2, 20
_STRAY = 0.2
"""Share of all cells with tissue outside of the regions from which the picture contradicts them."""

_EDGES = ("RegionLocationMinY0", "RegionLocationMinX0", "RegionLocationMaxY1", "RegionLocationMaxX1")


@dataclass(frozen=True)
class ScanArea:
    """Where the header says that the scan is, and whether the picture bears that out.

    Parameters
    ----------
    regions
        The regions that show a scan or a trace (Region Spatial Format 1 to 5), clipped to the frame.
    doubts
        Why they are not to be trusted, PHI-free; none if they are.
    """

    regions: tuple[Region, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def trusted(self) -> tuple[Region, ...]:
        """The regions, if nothing speaks against them; else none."""
        return () if self.doubts else self.regions


def scan_area(instance: Instance) -> ScanArea:
    """Read the Ultrasound Regions of an Instance and hold them against its frames.

    The first, middle and last frame are looked at.

    Raises
    ------
    CorruptInstance
        If one of these does not decode.
    """
    if instance.pixels is None:
        return ScanArea()
    shape = instance.pixels.shape
    found = [edges for item in _items(instance.dataset) if (edges := _edges(item)) is not None]
    regions = tuple(region for edges in found if (region := _region(edges, shape)) is not None)
    if not regions:
        return ScanArea()
    return ScanArea(regions, (*_doubts(found, regions, shape), *_contradictions(instance, regions)))


def _items(dataset: Dataset) -> list[Dataset]:
    items = dataset.get("SequenceOfUltrasoundRegions")
    return [item for item in items or () if isinstance(item, Dataset) and _shows_something(item)]


def _shows_something(item: Dataset) -> bool:
    """Tell whether a region has a spatial format; 0 is "none or not applicable"."""
    try:
        return int(item.get("RegionSpatialFormat") or 0) > 0
    except (TypeError, ValueError):
        return False


def _edges(item: Dataset) -> tuple[int, int, int, int] | None:
    """Return top, left, bottom and right as written; None if one is missing or is no number."""
    try:
        top, left, bottom, right = (int(item[keyword].value) for keyword in _EDGES)
    except (KeyError, TypeError, ValueError):
        return None
    return (top, left, bottom, right) if bottom > top and right > left else None


def _region(edges: tuple[int, int, int, int], shape: Shape) -> Region | None:
    """Return what of a region lies in the frame; the last row and column belong to it."""
    top, left, bottom, right = edges
    bottom, right = min(bottom + 1, shape[0]), min(right + 1, shape[1])
    return Region(top, left, bottom - top, right - left) if top < bottom and left < right else None


def _doubts(
    found: Sequence[tuple[int, int, int, int]], regions: Sequence[Region], shape: Shape
) -> list[str]:
    """Return what the numbers alone say against the regions."""
    outside = any(b >= shape[0] + SLACK or r >= shape[1] + SLACK for _, _, b, r in found)
    counted = (
        (outside, "a region reaches out of the frame"),
        (coverage(regions, shape).mean() >= TOO_MUCH, "the regions cover nearly all of the frame"),
        (any(region.row < HEADER_BAND * shape[0] for region in regions), "a region reaches into the header"),
    )
    return [text for doubtful, text in counted if doubtful]


def _contradictions(instance: Instance, regions: Sequence[Region]) -> list[str]:
    """Return what the picture says against the regions."""
    frames = sorted({0, instance.frames // 2, instance.frames - 1})[:MOST_FRAMES]
    inside = coverage(regions, instance.views(0)[0].image.shape[:2])
    pictures = [_grey(instance.views(frame)[0].image) for frame in frames]
    found = []
    if not any((picture[inside] > _LIT).mean() > _LEAST_LIT for picture in pictures):
        found.append("nothing is lit inside the regions")
    if any(_stray(picture, inside) > _STRAY for picture in pictures):
        found.append("lit structure lies outside the regions")
    return found


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def _stray(picture: NDArray[np.uint8], inside: NDArray[np.bool_]) -> float:
    """Return the share of all cells with tissue, or what looks like it, that lie wholly outside."""
    tissue = _textured(picture)
    outside = ~_cells(inside).any(axis=(1, 3))
    return float((tissue & outside).sum() / max(_LEAST_CELLS, tissue.sum()))


def _textured(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which cells are lit and speckled: most samples differ from the middle one.

    A flat bar of a user interface, and text on it, does not: most of its samples are ground.
    """
    cells = _cells(picture).astype(np.int16)
    middle = np.median(cells, axis=(1, 3), keepdims=True)
    return ((abs(cells - middle) > _SPECKLE).mean(axis=(1, 3)) > 0.5) & (cells.mean(axis=(1, 3)) > _DARK_CELL)


def _cells(picture: NDArray) -> NDArray:
    """Return a picture as ``(rows, 16, columns, 16)``; a rest at the right and below is left out."""
    rows, columns = (max(1, side // _CELL) for side in picture.shape[:2])
    whole = picture[: rows * _CELL, : columns * _CELL]
    short = [(0, rows * _CELL - whole.shape[0]), (0, columns * _CELL - whole.shape[1])]
    return np.pad(whole, short).reshape(rows, _CELL, columns, _CELL)
