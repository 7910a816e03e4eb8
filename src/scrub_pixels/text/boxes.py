"""Boxes of several passes -> one box for each line: fuse, take apart, put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from scrub_pixels.geometry import Region, Shape
from scrub_pixels.text.ink import column_gaps, fitted, ink_of, row_runs
from scrub_pixels.text.readers import Image, TextBox

WIDE_GAP = 1.5
"""Line heights of empty paper that part two texts which a detector took for one."""

LEAST_LINE = 5
"""Rows of the lowest line of text."""

LINE_GAP = 0.4
"""Widths of a line of turned text that are empty before the next one; between letters it is less."""

LEAST_TURNED = 3
"""Widths of a line that it is long before it is parted from another one at its side."""

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
    whole = [b for b in kept if not _accounted_for(b, kept)]
    lines = [box.region for box in whole]
    return [part for box in whole for part in uncovered(box, lines)]


def uncovered(box: TextBox, lines: Sequence[Region]) -> list[TextBox]:
    """Return `box`, or if it is a stack of lines taken for one turned text, what no line of it covers.

    Only boxes clearly wider than tall count as lines: the letters of turned text, found one by one,
    must not take it apart.
    """
    region = box.region
    if not is_upright(region):
        return [box]
    stacked = [line for line in lines if _is_line_within(line, region)]
    if len(stacked) < 2:
        return [box]
    rows = np.zeros(region.rows, bool)
    for line in stacked:
        rows[max(0, line.row - region.row) : max(0, line.bottom - region.row)] = True
    return [
        replace(box, region=Region(region.row + a, region.column, b - a, region.columns))
        for a, b in row_runs(~rows[:, None])
        if b - a >= LEAST_LINE
    ]


def _is_line_within(line: Region, stack: Region) -> bool:
    shared = line.intersection(stack)
    return line.columns >= 1.5 * line.rows and shared is not None and shared.area >= 0.6 * line.area


def _absorb(box: TextBox, kept: list[TextBox]) -> TextBox:
    """Join `box` with every kept one that is the same text, until none is left."""
    found = True
    while found:
        found = False
        for other in kept:
            if same_text(box.region, other.region):
                kept.remove(other)
                box = _union(box, other)
                found = True
                break
    return box


def _union(a: TextBox, b: TextBox) -> TextBox:
    return TextBox(a.region.union(b.region), max(a.score, b.score), a.plain or b.plain)


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
    limit = thickness(box.region) / 1.7
    inside = (b.region.intersection(box.region) for b in boxes if thickness(b.region) < limit)
    pieces = [r for r in inside if r is not None]
    return bool(pieces) and sum(r.area for r in pieces) >= 0.45 * box.region.area


def refined(image: Image, box: TextBox, margin: float) -> list[TextBox]:
    """Return `box` parted into its lines and into texts far apart, each fitted to its ink.

    Parameters
    ----------
    image
        The picture the box was found in.
    box
        A detector's box.
    margin
        Share of the line's height added on every side at the end.
    """
    if is_upright(box.region):
        return _upright_lines(image, box, margin)
    return [part for line in _lines(image, box.region) for part in _fitted_words(image, line, box, margin)]


def _upright_lines(image: Image, box: TextBox, margin: float) -> list[TextBox]:
    """Return an upright box fitted across to its ink, parted between turned lines that stand side by side.

    Every mark of the box stays in a part: whether it is turned text or a stack is not known yet.
    """
    extra = max(1, round(margin * box.region.columns))
    ink, _ = ink_of(image, box.region, (extra + 4, extra + 4))
    whole = replace(box, region=box.region.expanded(extra, extra, _shape(image)), plain=ink.followable)
    if not ink.followable:
        return [whole]
    columns = _upright_columns(image, box.region)
    aside = (max(1, round(margin * c.columns)) for c in columns)
    fitted_ones = (c.expanded(extra, more, _shape(image)) for c, more in zip(columns, aside, strict=True))
    return [replace(whole, region=region) for region in fitted_ones] or [whole]


def _upright_columns(image: Image, region: Region) -> list[Region]:
    """Return the columns of an upright box that hold ink: one region for each line of turned text."""
    ink, window = ink_of(image, region, (0, max(2, region.columns // 4)))
    runs = [(a, b) for a, b in row_runs(ink.mask.T) if a < ink.inner.right and b > ink.inner.column]
    groups = runs[:1]
    for a, b in runs[1:]:
        start, stop = groups[-1]
        if _are_lines_apart(stop - start, a - stop, b - a, region.rows):
            groups.append((a, b))
        else:
            groups[-1] = (start, b)
    return [Region(region.row, window.column + a, region.rows, b - a) for a, b in groups]


def _are_lines_apart(one: int, gap: int, other: int, length: int) -> bool:
    """Tell two lines of turned text side by side from the letters of lines that stand above each other."""
    low, high = sorted((one, other))
    return low >= LEAST_LINE and gap >= max(3, LINE_GAP * low) and length >= LEAST_TURNED * high


def _fitted_words(image: Image, line: Region, box: TextBox, margin: float) -> list[TextBox]:
    region, fits = fitted(image, line)
    words = _words(image, region) if fits else [region]
    extra = max(1, round(margin * region.rows))
    grown = (word.expanded(extra, extra, _shape(image)) for word in words)
    return [replace(box, region=word, plain=fits, quad=None) for word in grown]


def _lines(image: Image, region: Region) -> list[Region]:
    """Part a box that holds two or more lines of text above each other."""
    ink, _ = ink_of(image, region, (0, 0))
    runs = row_runs(ink.mask)
    tall = [run for run in runs if run[1] - run[0] >= 6]
    if len(tall) < 2 or region.rows < 14:
        return [region]
    cuts = [0, *((a[1] + b[0]) // 2 for a, b in pairwise(tall)), region.rows]
    return [Region(region.row + a, region.column, b - a, region.columns) for a, b in pairwise(cuts)]


def _words(image: Image, region: Region) -> list[Region]:
    """Part a fitted line at gaps too wide to be spaces."""
    ink, window = ink_of(image, region, (2, 2))
    gaps = column_gaps(ink.mask, max(8, round(WIDE_GAP * region.rows)))
    edges = [region.column, *(window.column + e for gap in gaps for e in gap), region.right]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [Region(region.row, a, region.rows, b - a) for a, b in pairs if b > a]


def _shape(image: Image) -> Shape:
    return int(image.shape[0]), int(image.shape[1])


def clipped_boxes(boxes: Sequence[TextBox], shape: Shape) -> list[TextBox]:
    """Return the boxes as far as they lie inside a picture of `shape`."""
    pairs = ((box, box.region.clipped(shape)) for box in boxes)
    return [replace(box, region=region) for box, region in pairs if region is not None]
