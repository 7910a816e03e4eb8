"""Pictures in pictures: a smaller copy of the whole screen on the screen itself, with the patient's header.

The letters of such a copy are too small to be found, let alone read, above all where they are faint. But what
stands in them is known from the screen that was copied: a line at one place stands in the copy, too, at the
place that its size and its corner tell. So only the copy has to be found, and that is one correlation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.changes import largest_channel
from scrub_pixels.text.readers import Image

Plane = NDArray[np.float32]

SMALLEST, LARGEST = 0.2, 0.7
"""Size of a copy as a share of the screen's."""


@dataclass(frozen=True)
class _Look:
    """One of the looks at a picture, each closer than the one before.

    Parameters
    ----------
    longest
        Samples of the picture's longer side as it is looked at.
    step
        From one size that is tried to the next.
    reach
        How much smaller and larger than found before the copy may be.
    around
        Samples of the reduced picture around the place found before in which it is sought.
    edges
        Whether only edges count, not levels.
    """

    longest: int
    step: float
    reach: tuple[float, float]
    around: int
    edges: bool


COARSE = _Look(80, 1.06, (1.0, 1.0), 80, False)
CLOSER = _Look(320, 1.02, (0.94, 1.36), 24, True)
CLOSEST = _Look(4096, 1.004, (0.984, 1.016), 8, True)
EXACT = _Look(4096, 1.001, (0.996, 1.004), 3, True)

LIKELY, LIKELIER = 0.66, 0.28
"""Likeness to the screen from which the next look is taken at a place, by levels and by edges."""

SURE = 0.3
"""Likeness of most parts of a copy to what they show: 0.36 or more was seen of copies, 0.06 of all else."""

GRID, LEAST_PARTS = 6, 8
"""Parts of a copy along each side, and those that show anything at least."""

EDGE = 4
"""Samples at the edges of a copy that what surrounds it changes."""

FLAT = 0.25
"""Standard deviation, grey levels, of what is like anything."""

LEAST_SIDE = 128
"""Samples of the shortest side of a screen that shows a copy of itself."""

SMEAR = 1
"""Samples that are added around the place of a line in a copy: sizes and corners are rounded."""

COVERED = 0.8
"""Share of such a place that lines cover if it was found without the copy."""


@dataclass(frozen=True)
class Inset:
    """A copy of the whole picture in itself: its size as a share, and its upper left corner in samples."""

    scale: float
    row: float
    column: float

    def place_of(self, region: Region) -> Region:
        """Return where the copy shows a region of the picture."""
        top, left = self.row + self.scale * region.row, self.column + self.scale * region.column
        bottom, right = self.row + self.scale * region.bottom, self.column + self.scale * region.right
        return Region.from_edges(top, left, bottom, right)


@dataclass(frozen=True)
class _Match:
    """A place like the whole picture, its corner in samples of the picture."""

    likeness: float
    scale: float
    row: float
    column: float


def copied_lines(image: Image, lines: Sequence[Candidate]) -> list[Candidate]:
    """Return the lines as a picture in `image` repeats them, as far as `lines` do not have them.

    Parameters
    ----------
    image
        uint8 of shape (rows, columns) or (rows, columns, 3).
    lines
        What was found in it.
    """
    inset = find_inset(image) if lines else None
    if inset is None:
        return []
    shape = (image.shape[0], image.shape[1])
    frame = inset.place_of(Region.whole(shape))
    originals = [line for line in lines if not line.code and line.region.intersection(frame) is None]
    places = [(line, inset.place_of(line.region).expanded(SMEAR, SMEAR, shape)) for line in originals]
    known = [line.region for line in lines]
    return [replace(line, region=place) for line, place in places if not _is_covered(place, known)]


def may_show_copy(area: Region, image: Image) -> bool:
    """Tell whether a part of `image` that changed is as large as a copy of it is at least."""
    return area.rows >= SMALLEST * image.shape[0] and area.columns >= SMALLEST * image.shape[1]


def find_inset(image: Image) -> Inset | None:
    """Return the copy of the whole of `image` that it shows in itself, or None."""
    rows, columns = image.shape[:2]
    if min(rows, columns) < LEAST_SIDE:
        return None
    plane = largest_channel(np.ascontiguousarray(image))
    found = _looked(plane, COARSE, _Match(0.0, 0.0, 0.0, 0.0))
    if found.likeness < LIKELY:
        return None
    found = _looked(plane, CLOSER, found)
    if found.likeness < LIKELIER:
        return None
    found = _looked(plane, CLOSEST, found)
    if _likeness(plane, found) < SURE:
        return None
    found = max(found, _looked(plane, EXACT, found), key=lambda match: _likeness(plane, match))
    return Inset(found.scale, found.row, found.column)


def _likeness(plane: Image, found: _Match) -> float:
    """Return how far a copy's edges go with the whole's in most parts of it, less where it stands itself.

    A few strong edges, of a sector or a box, are found anywhere; a copy is one in all of its parts.
    """
    inset = Inset(found.scale, found.row, found.column)
    frame = inset.place_of(Region.whole((plane.shape[0], plane.shape[1])))
    shown = _edges(plane.astype(np.float32))[frame.slices]
    small = cv2.resize(plane, shown.shape[::-1], interpolation=cv2.INTER_AREA)
    copied = _edges(small.astype(np.float32))
    inner = np.zeros(shown.shape, np.float32)
    inner[EDGE:-EDGE, EDGE:-EDGE] = 1
    nested = inset.place_of(frame).moved(-frame.row, -frame.column)
    inner[nested.expanded(EDGE, EDGE, shown.shape).slices] = 0
    parts = _parts(shown * inner, copied * inner)
    return float(np.median(parts)) if len(parts) >= LEAST_PARTS else 0.0


def _parts(one: Plane, other: Plane) -> list[float]:
    """Return the correlation of two pictures in every part of a grid that shows something in either."""
    found = []
    for a, b in zip(_cut(one), _cut(other), strict=True):
        energies = float((a * a).sum()), float((b * b).sum())
        if max(energies) >= a.size:
            found.append(float((a * b).sum()) / np.sqrt(energies[0] * energies[1]) if min(energies) else 0.0)
    return found


def _cut(plane: Plane) -> list[Plane]:
    return [part for band in np.array_split(plane, GRID, 0) for part in np.array_split(band, GRID, 1)]


def _looked(plane: Image, look: _Look, before: _Match) -> _Match:
    """Return the place most like the whole, near what an earlier look has found."""
    by = min(1.0, look.longest / max(plane.shape))
    shown = cv2.resize(plane, None, fx=by, fy=by, interpolation=cv2.INTER_AREA).astype(np.float32)
    wanted = _edges(shown) if look.edges else shown
    sizes = _sizes(before.scale * look.reach[0], before.scale * look.reach[1], look.step)
    if not before.scale:
        sizes = _sizes(SMALLEST, LARGEST, look.step)
    top, left = (max(0, round(by * at) - look.around) for at in (before.row, before.column))
    matches = [_match(wanted[top:, left:], wanted, size, look.around) for size in sizes]
    best = max(matches, key=lambda m: m.likeness)
    return replace(best, row=(best.row + top) / by, column=(best.column + left) / by)


def _match(within: Plane, whole: Plane, scale: float, around: int) -> _Match:
    """Return where a smaller copy of the whole fits best, at most twice `around` from the corner."""
    copy = cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    window = within[: copy.shape[0] + 2 * around, : copy.shape[1] + 2 * around]
    if copy.std() < FLAT or window.shape[0] < copy.shape[0] or window.shape[1] < copy.shape[1]:
        return _Match(0.0, scale, 0.0, 0.0)
    likeness = cv2.matchTemplate(np.ascontiguousarray(window), copy, cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(likeness)
    return _Match(float(best), scale, float(row), float(column))


def _sizes(smallest: float, largest: float, step: float) -> Iterator[float]:
    size = smallest
    while size <= largest:
        yield size
        size *= step


def _edges(plane: Plane) -> Plane:
    """Return a picture without what changes slowly in it: there anything is like anything."""
    return np.asarray(plane - cv2.GaussianBlur(plane, (0, 0), 2.0), np.float32)


def _is_covered(place: Region, known: Sequence[Region]) -> bool:
    own = np.zeros((place.rows, place.columns), bool)
    for region in known:
        shared = region.intersection(place)
        if shared is not None:
            own[shared.moved(-place.row, -place.column).slices] = True
    return bool(own.mean() >= COVERED)
