"""Rectangles of a frame and spans of frames, and their algebra.

Rows grow downwards, columns to the right; the origin is the top-left sample (PS3.3 C.7.6.3).
Everything is half-open: a Region covers ``row <= r < row + rows``. Frames are 0-based here and
1-based only when shown to a person.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, int]
"""``(Rows, Columns)`` of a frame."""


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """Half-open rectangle of a frame.

    Parameters
    ----------
    row, column
        Top-left sample, 0-based, not negative.
    rows, columns
        Height and width in samples, at least 1.

    Raises
    ------
    ValueError
        If the rectangle is empty or starts outside the frame.
    """

    row: int
    column: int
    rows: int
    columns: int

    def __post_init__(self) -> None:
        if not type(self.row) is type(self.column) is type(self.rows) is type(self.columns) is int:
            for name in ("row", "column", "rows", "columns"):
                object.__setattr__(self, name, int(getattr(self, name)))
        if self.row < 0 or self.column < 0:
            raise ValueError(f"a Region starts inside the frame, not at {self.row}, {self.column}")
        if self.rows < 1 or self.columns < 1:
            raise ValueError(f"a Region holds samples, not {self.rows} x {self.columns}")

    @classmethod
    def from_edges(cls, top: float, left: float, bottom: float, right: float) -> Region:
        """Return the smallest Region that covers the edges (half-open, fractions rounded outwards)."""
        row, column = max(0, math.floor(top)), max(0, math.floor(left))
        return cls(row, column, max(1, math.ceil(bottom) - row), max(1, math.ceil(right) - column))

    @classmethod
    def whole(cls, shape: Shape) -> Region:
        """Return the Region that covers a frame of `shape`."""
        return cls(0, 0, shape[0], shape[1])

    @property
    def bottom(self) -> int:
        """First row below."""
        return self.row + self.rows

    @property
    def right(self) -> int:
        """First column to the right."""
        return self.column + self.columns

    @property
    def area(self) -> int:
        """Number of samples covered."""
        return self.rows * self.columns

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of this Region in an array whose first two axes are rows and columns."""
        return slice(self.row, self.bottom), slice(self.column, self.right)

    def intersection(self, other: Region) -> Region | None:
        """Return what both cover, or None."""
        top, left = max(self.row, other.row), max(self.column, other.column)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return Region(top, left, bottom - top, right - left) if bottom > top and right > left else None

    def overlaps(self, other: Region) -> bool:
        """Tell whether any sample is shared."""
        return self.intersection(other) is not None

    def contains(self, other: Region) -> bool:
        """Tell whether every sample of `other` is covered."""
        return self.intersection(other) == other

    def union(self, other: Region) -> Region:
        """Return the smallest Region that covers both."""
        top, left = min(self.row, other.row), min(self.column, other.column)
        return Region(top, left, max(self.bottom, other.bottom) - top, max(self.right, other.right) - left)

    def expanded(self, rows: int, columns: int, within: Shape) -> Region:
        """Return this Region grown by `rows` above and below and `columns` at each side, clipped."""
        top, left = max(0, self.row - rows), max(0, self.column - columns)
        bottom, right = min(within[0], self.bottom + rows), min(within[1], self.right + columns)
        return Region.from_edges(top, left, bottom, right)

    def clipped(self, shape: Shape) -> Region | None:
        """Return the part that lies inside a frame of `shape`, or None."""
        return self.intersection(Region.whole(shape))

    def moved(self, rows: int, columns: int) -> Region:
        """Return this Region shifted by whole samples."""
        return Region(self.row + rows, self.column + columns, self.rows, self.columns)

    def aligned(self, rows: int, columns: int, within: Shape) -> Region:
        """Return the smallest Region on a grid of `rows` x `columns` blocks that covers this one."""
        top, left = self.row // rows * rows, self.column // columns * columns
        bottom, right = -(-self.bottom // rows) * rows, -(-self.right // columns) * columns
        return Region.from_edges(top, left, min(bottom, within[0]), min(right, within[1]))


@dataclass(frozen=True, slots=True, order=True)
class FrameSpan:
    """Half-open range of frames, 0-based: ``start <= frame < stop``.

    Raises
    ------
    ValueError
        If the span is empty or starts below 0.
    """

    start: int
    stop: int

    def __post_init__(self) -> None:
        if self.start < 0 or self.stop <= self.start:
            raise ValueError(f"a FrameSpan holds frames, not {self.start}..{self.stop}")

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.stop))

    def __len__(self) -> int:
        return self.stop - self.start

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.start <= frame < self.stop

    def overlaps(self, other: FrameSpan) -> bool:
        """Tell whether any frame is shared."""
        return self.start < other.stop and other.start < self.stop

    def union(self, other: FrameSpan) -> FrameSpan:
        """Return the smallest span that covers both."""
        return FrameSpan(min(self.start, other.start), max(self.stop, other.stop))


def coverage(regions: Iterable[Region], shape: Shape) -> NDArray[np.bool_]:
    """Return a ``(Rows, Columns)`` array that is True where any Region covers the frame."""
    covered = np.zeros(shape, dtype=bool)
    for region in regions:
        covered[region.slices] = True
    return covered
