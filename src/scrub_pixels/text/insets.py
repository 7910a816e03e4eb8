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

LIKELY, LIKELIER = 0.74, 0.28
"""Likeness to the screen from which the next look is taken at a place, by levels and by edges."""

SURE = 0.4
"""Likeness of a copy to what it shows, without the place where it stands itself."""

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
    found = _looked(plane, EXACT, found)
    return Inset(found.scale, found.row, found.column)


def _likeness(plane: Image, found: _Match) -> float:
    """Return how far edges of a copy go with those of the whole, leaving out where the copy stands itself."""
    inset = Inset(found.scale, found.row, found.column)
    edges = _edges(plane.astype(np.float32))
    frame = inset.place_of(Region.whole((plane.shape[0], plane.shape[1])))
    shown = edges[frame.slices]
    small = cv2.resize(plane, shown.shape[::-1], interpolation=cv2.INTER_AREA)
    copied = _edges(small.astype(np.float32))
    told = np.ones(shown.shape, bool)
    nested = inset.place_of(frame).moved(-frame.row, -frame.column)
    told[nested.expanded(EDGE, EDGE, shown.shape).slices] = False
    told[:EDGE], told[-EDGE:], told[:, :EDGE], told[:, -EDGE:] = False, False, False, False
    a, b = shown[told], copied[told]
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / spread if spread else 0.0


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
