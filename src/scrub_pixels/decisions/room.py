"""The room that a harmless line keeps beside one that is masked: a place in which only its own letters stand.

Boxes are larger than their letters, over tissue by half a line on every side: a mask over the box of one
line takes part of the next one. Where the ground is plain, the marks show whose is whose. Over tissue two
lines are parted at the row with the fewest strokes between them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.decisions.redactions import minus
from scrub_pixels.geometry import FrameSpan, Region, Shape
from scrub_pixels.text.ink import INK_SHARE, LEAST_CONTRAST, contrast_map, fitted, ink_of
from scrub_pixels.text.lines import TextLine
from scrub_pixels.text.readers import Image

MOST_FRAMES, FEW_FRAMES = 16, 8
"""Frames all of which are looked at; of more, so many are, if both lines stand still in them."""

AROUND = 1
"""Samples around the letters of a line that are its own, for their soft edges."""

ABOVE, ASIDE = 0.22, 0.32
"""Heights of a box over tissue by which it reaches beyond its letters above and below, and at the ends."""

LOW = 1 / 3
"""Height of a line, as a share of a box, from which it may be a piece of the text of that box."""

TOUCHING = 0.1
"""Share of the lower line's height by which the letters of two lines may seem to overlap."""

CLEAR = 0.5
"""Strokes in the row between two lines, as a share of those in the rows of either one, at most."""

HALO = 2
"""Samples around the letters of a masked line that its coding left traces in."""

FAINT = 0.2
"""Contrast of such traces, as a share of that of the letters, that is taken for the ground's."""

STROKE = 7
"""Width and height in samples, odd, of what is taken for ground and no stroke."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The box of a line that is masked, and that of a harmless line which it overlaps.

    Parameters
    ----------
    mask
        Box of the masked line with the margin of its mask.
    masked, harmless
        Boxes of both lines.
    frames
        Where both stand.
    unread
        Whether nothing was read in the first box.
    """

    mask: Region
    masked: Region
    harmless: Region
    frames: FrameSpan
    unread: bool


Shown = Callable[[int], Sequence[Image]]
"""Returns the renderings of a frame, the one that is displayed first."""


def room_of(shown: Shown, pair: Neighbours) -> Region | None:
    """Return the place of the harmless line that no letter of the masked one reaches in any frame."""
    return _in_all_frames(lambda pictures: room_in(pictures, pair), shown, pair)


def room_on_grid(shown: Shown, pair: Neighbours, block: tuple[int, int]) -> Region | None:
    """Return the coding blocks of the harmless line in which nothing of the masked one stands, or None.

    A mask that takes only the edge of a block blackens all of it, and what else stands in it.

    Parameters
    ----------
    shown, pair
        As `room_of` has them.
    block
        Rows and columns of a coding block.
    """
    return _in_all_frames(lambda pictures: _free_blocks(pictures, pair, block), shown, pair)


def _in_all_frames(
    found: Callable[[Sequence[Image]], Region | None], shown: Shown, pair: Neighbours
) -> Region | None:
    """Return what is found in every frame; of a long span in some, if the letters stand still there."""
    looked_at = _some(pair.frames)
    common: Region | None = None
    for frame in looked_at:
        room = found(shown(frame))
        common = room if common is None or room is None else common.intersection(room)
        if common is None:
            return None
    still = len(looked_at) == len(pair.frames) or _stand_still(shown, looked_at, (pair.masked, pair.harmless))
    return common if still else None


def _some(frames: FrameSpan) -> Sequence[int]:
    """Return all frames, or as many as are looked at, spread over the span with its first and its last."""
    if len(frames) <= MOST_FRAMES:
        return tuple(frames)
    return tuple(frames.start + i * (len(frames) - 1) // (FEW_FRAMES - 1) for i in range(FEW_FRAMES))


def _stand_still(shown: Shown, frames: Sequence[int], boxes: Sequence[Region]) -> bool:
    """Tell whether the letters of lines can be told from the ground in all frames, and stand in one place."""
    for box in boxes:
        found = [fitted(shown(frame)[0], box) for frame in frames]
        first = found[0][0]
        if not all(fits and _apart_by(first, letters) <= AROUND for letters, fits in found):
            return False
    return True


def stands_still(shown: Shown, line: TextLine) -> bool:
    """Tell whether the letters of a line stand in one place in its frames, or in some of very many."""
    return len(line.frames) == 1 or _stand_still(shown, _some(line.frames), (line.region,))


def _apart_by(one: Region, other: Region) -> int:
    edges = ((r.row, r.column, r.bottom, r.right) for r in (one, other))
    return max(abs(a - b) for a, b in zip(*edges, strict=True))


def room_in(pictures: Sequence[Image], pair: Neighbours) -> Region | None:
    """Return the place of the harmless line that no letter of the masked one reaches in one frame."""
    image = pictures[0]
    letters = letters_of(image, pair.harmless)
    room: Region | None = None
    if letters is not None and _is_other_line(pair, letters):
        own = letters.expanded(AROUND, AROUND, _shape(image))
        room = None if _is_crossed(image, own, pair.masked) else own
    else:
        room = _beyond_the_gap(image, pair)
    return room if pair.unread else _off_the_ink(room, [ink_box(shown, pair.masked) for shown in pictures])


def _free_blocks(pictures: Sequence[Image], pair: Neighbours, block: tuple[int, int]) -> Region | None:
    shape = _shape(pictures[0])
    letters = letters_of(pictures[0], pair.harmless)
    inks = [fitted(picture, pair.masked) for picture in pictures]
    if letters is None or not all(fits for _, fits in inks):
        return None
    room: Region | None = letters.aligned(*block, shape)
    for ink, _ in inks:
        halo = ink.expanded(HALO, HALO, shape).aligned(*block, shape)
        room = _beside(room, halo, letters) if room is not None else None
    given_up = room.intersection(pair.mask) if room is not None else None
    if room is None or given_up is None:
        return None
    own = letters.expanded(AROUND, AROUND, shape)
    if _is_crossed(pictures[0], own, pair.masked):
        return None
    rest = minus(given_up, own)
    level = max(LEAST_CONTRAST, FAINT * min(_contrast_beside(p, pair.masked, own) for p in pictures))
    return room if all(_is_ground(picture, rest, level) for picture in pictures) else None


def _beside(room: Region, halo: Region, letters: Region) -> Region | None:
    """Return the side of a room that nothing of the masked line reaches, the one with most of its letters."""
    if not room.overlaps(halo):
        return room
    edges = (
        (room.row, room.column, min(room.bottom, halo.row), room.right),
        (max(room.row, halo.bottom), room.column, room.bottom, room.right),
        (room.row, room.column, room.bottom, min(room.right, halo.column)),
        (room.row, max(room.column, halo.right), room.bottom, room.right),
    )
    sides = [Region.from_edges(t, x, b, r) for t, x, b, r in edges if b > t and r > x]
    held = [(shared.area, side) for side in sides if (shared := side.intersection(letters)) is not None]
    return max(held)[1] if held else None


def _is_ground(image: Image, pieces: Sequence[Region], level: float) -> bool:
    """Tell whether places show one and the same ground, give or take some grey levels."""
    samples = [image[piece.slices].reshape(piece.area, -1) for piece in pieces]
    if not samples:
        return True
    found = np.concatenate(samples).astype(np.float32)
    return bool((np.abs(found - np.median(found, axis=0)) <= level).all())


def ink_box(image: Image, box: Region) -> Region:
    """Return what of a masked line's box is never given up: its letters, or its middle rows over tissue."""
    letters, fits = fitted(image, box)
    above = int(ABOVE * box.rows)
    if fits:
        return letters.expanded(AROUND, AROUND, _shape(image))
    return Region(box.row + above, box.column, box.rows - 2 * above, box.columns)


def _off_the_ink(room: Region | None, inks: Sequence[Region]) -> Region | None:
    """Return a room without the rows that the ink of the masked line takes in any rendering."""
    for ink in inks:
        if room is None or not room.overlaps(ink):
            continue
        below = room.row + room.bottom > ink.row + ink.bottom
        top, bottom = (ink.bottom, room.bottom) if below else (room.row, ink.row)
        room = Region.from_edges(top, room.column, bottom, room.right) if bottom > top else None
    return room


def letters_of(image: Image, box: Region) -> Region | None:
    """Return where the letters of a line stand within its box, or None if the ground hides their ends."""
    letters, fits = fitted(image, box)
    return letters.intersection(box) if fits else None


def core_of(box: Region) -> Region:
    """Return a box over tissue without the margins that it was given."""
    above, aside = int(ABOVE * box.rows), int(ASIDE * box.rows)
    aside = min(aside, (box.columns - 1) // 2)
    return Region(box.row + above, box.column + aside, box.rows - 2 * above, box.columns - 2 * aside)


def _is_other_line(pair: Neighbours, letters: Region) -> bool:
    """Tell whether the letters of the harmless line stand in other rows than those of the masked one."""
    if pair.unread and letters.rows <= LOW * pair.masked.rows:
        return True
    core = core_of(pair.masked)
    shared = min(core.bottom, letters.bottom) - max(core.row, letters.row)
    return shared <= TOUCHING * min(core.rows, letters.rows)


def _is_crossed(image: Image, own: Region, masked: Region) -> bool:
    """Tell whether a mark, be it as faint as those of the masked line, lies across the border of a place.

    Or within it, where none of the place's own ink is: an underscore, or the dots of an umlaut.
    """
    ink, window = ink_of(image, own, (own.rows // 2 + 2, own.rows // 2 + 2))
    if not ink.followable:
        return True
    inner = own.moved(-window.row, -window.column)
    level = max(LEAST_CONTRAST, INK_SHARE * _contrast_beside(image, masked, own))
    faint = contrast_map(image[window.slices]) > level
    for found in (ink.mask, faint):
        within, known, without = _marks(found, ink.mask, inner)
        if within & without or within - known:
            return True
    return False


def _marks(found: NDArray, ink: NDArray[np.uint8], inner: Region) -> tuple[set[int], set[int], set[int]]:
    """Return the numbers of the marks within a place, of those that hold ink, and of those outside of it."""
    _, labels = cv2.connectedComponents(found.astype(np.uint8), connectivity=8)
    outside = labels.copy()
    outside[inner.slices] = 0
    sets = (labels[inner.slices], labels[ink > 0], outside)
    within, known, without = (set(np.unique(labelled).tolist()) - {0} for labelled in sets)
    return within, known, without


def _contrast_beside(image: Image, masked: Region, own: Region) -> float:
    """Return the contrast of a masked line where another, maybe brighter one does not stand in its box."""
    pieces = minus(masked, own)
    if not pieces:
        return 0.0
    largest = max(pieces, key=lambda piece: piece.area)
    return ink_of(image, largest, (2, 2))[0].contrast


def _beyond_the_gap(image: Image, pair: Neighbours) -> Region | None:
    """Return the harmless box from the row between both lines on, if the strokes of both leave one free."""
    upper, lower = sorted((pair.masked, pair.harmless), key=lambda box: (box.row, box.bottom))
    columns = _shared_columns(upper, lower)
    above, below = core_of(upper), core_of(lower)
    touching = TOUCHING * min(above.rows, below.rows)
    if columns is None or above.bottom - below.row > touching or lower.bottom <= upper.bottom:
        return None
    strokes = strokes_in_rows(image, columns)
    start = max(upper.row, min(above.bottom, below.row) - max(1, above.rows // 8)) - columns.row
    stop = min(lower.bottom, max(above.bottom, below.row) + max(1, below.rows // 8)) - columns.row
    gap = strokes[start:stop]
    ordinary = min(_mean(strokes, above, columns), _mean(strokes, below, columns))
    if not gap.size or float(gap.min()) > CLEAR * ordinary:
        return None
    cut = columns.row + start + _middle_of_the_lowest(gap)
    box = pair.harmless
    top, bottom = (cut + 1, box.bottom) if box is lower else (box.row, cut)
    return Region.from_edges(top, box.column, bottom, box.right) if bottom > top else None


def _shared_columns(upper: Region, lower: Region) -> Region | None:
    """Return the columns that two boxes share, over the rows of both."""
    left, right = max(upper.column, lower.column), min(upper.right, lower.right)
    top, bottom = upper.row, max(upper.bottom, lower.bottom)
    return Region.from_edges(top, left, bottom, right) if right > left else None


def strokes_in_rows(image: Image, region: Region) -> NDArray[np.float32]:
    """Return how much of thin light and dark strokes, in grey levels, every row of a region holds."""
    window = region.expanded(STROKE, STROKE, _shape(image))
    crop = np.ascontiguousarray(image[window.slices])
    ground = np.ones((STROKE, STROKE), np.uint8)
    light = cv2.morphologyEx(crop, cv2.MORPH_TOPHAT, ground)
    dark = cv2.morphologyEx(crop, cv2.MORPH_BLACKHAT, ground)
    strokes = np.maximum(light, dark)
    strokes = strokes.max(axis=-1) if strokes.ndim == 3 else strokes
    own = region.moved(-window.row, -window.column)
    return np.asarray(strokes[own.slices].mean(axis=1), np.float32)


def _mean(strokes: NDArray[np.float32], line: Region, columns: Region) -> float:
    rows = strokes[max(0, line.row - columns.row) : line.bottom - columns.row]
    return float(rows.mean()) if rows.size else 0.0


def _middle_of_the_lowest(gap: NDArray[np.float32]) -> int:
    """Return the middle of the rows that hold hardly more than the emptiest one."""
    low = np.flatnonzero(gap <= float(gap.min()) * 1.1 + 0.5)
    return int(low[len(low) // 2])


def without_lines(image: Image, boxes: list[Region]) -> Image:
    """Return a copy of a picture in which the letters of lines are painted over with what is around them."""
    painted = np.ascontiguousarray(image).copy()
    shape = _shape(image)
    for box in boxes:
        letters = (letters_of(image, box) or core_of(box)).expanded(AROUND, AROUND, shape)
        window = letters.expanded(STROKE, STROKE, shape)
        marks = np.zeros((window.rows, window.columns), np.uint8)
        marks[letters.moved(-window.row, -window.column).slices] = 1
        piece = np.ascontiguousarray(painted[window.slices])
        painted[window.slices] = cv2.inpaint(piece, marks, 3, cv2.INPAINT_TELEA)
    return painted


def _shape(image: Image) -> Shape:
    return int(image.shape[0]), int(image.shape[1])
