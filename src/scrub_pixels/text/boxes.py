"""Boxes of several passes -> one box for each line: fuse, take apart, put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from scrub_pixels.geometry import Region, Shape
from scrub_pixels.text.ink import column_gaps, grown_to_ink, ink_mask, row_runs
from scrub_pixels.text.readers import Image, TextBox

WIDE_GAP = 1.5
"""Line heights of empty paper that part two texts which a detector took for one."""

SAME_LINE = 0.6
"""Share of the thinner box's height that two boxes on one line have in common."""


def is_upright(region: Region) -> bool:
    """Tell whether a box is so much taller than wide that its text must be turned."""
    return region.rows > 1.6 * region.columns and region.rows > 12


def thickness(region: Region) -> int:
    """Return the height of the text in a box, whichever way it runs."""
    return region.columns if is_upright(region) else region.rows


def fused(boxes: Sequence[TextBox]) -> list[TextBox]:
    """Return the boxes with those that mean the same text joined.

    Boxes are the same text if they overlap, lie on one line and are of similar height. A box that
    is much taller than what it covers is dropped only when what it covers accounts for it.
    """
    kept: list[TextBox] = []
    for box in sorted(boxes, key=lambda b: (thickness(b.region), -b.score)):
        box = _absorb(box, kept)
        kept.append(box)
    return [b for b in kept if not _accounted_for(b, kept)]


def _absorb(box: TextBox, kept: list[TextBox]) -> TextBox:
    """Join `box` with every kept one that is the same text, until none is left."""
    found = True
    while found:
        found = False
        for other in kept:
            if same_text(box.region, other.region):
                kept.remove(other)
                box = TextBox(box.region.union(other.region), max(box.score, other.score))
                found = True
                break
    return box


def same_text(a: Region, b: Region) -> bool:
    """Tell whether two boxes overlap, lie on one line and are of similar thickness."""
    shared = a.intersection(b)
    if shared is None:
        return False
    if is_upright(a) != is_upright(b):
        return shared.area >= 0.7 * min(a.area, b.area) and max(a.area, b.area) < 3 * min(a.area, b.area)
    low, high = sorted((thickness(a), thickness(b)))
    along = shared.columns if is_upright(a) else shared.rows
    return high <= 1.7 * low and along >= SAME_LINE * low


def _accounted_for(box: TextBox, boxes: Sequence[TextBox]) -> bool:
    """Tell whether thinner boxes inside explain most of a thick one."""
    inside = [b.region.intersection(box.region) for b in boxes if thickness(b.region) * 1.7 < thickness(box.region)]
    pieces = [r for r in inside if r is not None]
    return bool(pieces) and sum(r.area for r in pieces) >= 0.45 * box.region.area


def refined(image: Image, box: TextBox, margin: float) -> list[TextBox]:
    """Return `box` parted into its lines and words far apart, each grown to its ink.

    Parameters
    ----------
    image
        The picture the box was found in.
    box
        A detector's box.
    margin
        Share of the line's height added on every side at the end.
    """
    parts = [p for line in _lines(image, box.region) for p in _words(image, line)]
    return [replace(box, region=_covered(image, part, margin), quad=None) for part in parts]


def _covered(image: Image, region: Region, margin: float) -> Region:
    height = thickness(region)
    grown = grown_to_ink(image, region, height)
    extra = max(1, round(margin * height))
    return grown.expanded(extra, extra, image.shape[:2])


def _lines(image: Image, region: Region) -> list[Region]:
    """Part a box that holds two or more lines of text above each other."""
    if is_upright(region) or region.rows < 14:
        return [region]
    runs = row_runs(ink_mask(image[region.slices], Region(0, 0, region.rows, region.columns)))
    tall = [run for run in runs if run[1] - run[0] >= 6]
    if len(tall) < 2:
        return [region]
    cuts = [0, *((a[1] + b[0]) // 2 for a, b in pairwise(tall)), region.rows]
    return [Region(region.row + a, region.column, b - a, region.columns) for a, b in pairwise(cuts)]


def _words(image: Image, region: Region) -> list[Region]:
    if is_upright(region):
        return [region]
    mask = ink_mask(image[region.slices], Region(0, 0, region.rows, region.columns))
    gaps = column_gaps(mask, max(6, round(WIDE_GAP * region.rows)))
    starts = [0, *(stop for _, stop in gaps)]
    stops = [*(start for start, _ in gaps), region.columns]
    return [Region(region.row, region.column + a, region.rows, b - a) for a, b in zip(starts, stops)]


def clipped_boxes(boxes: Sequence[TextBox], shape: Shape) -> list[TextBox]:
    """Return the boxes as far as they lie inside a picture of `shape`."""
    pairs = ((box, box.region.clipped(shape)) for box in boxes)
    return [replace(box, region=region) for box, region in pairs if region is not None]
