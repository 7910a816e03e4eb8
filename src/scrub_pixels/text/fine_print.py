"""Rows of marks too small to be found at the scales of the search: the header of a picture in a picture.

A screen that shows another one repeats its header a third as large. Letters of three or four samples are
hardly read by any machine, and easily by a person who enlarges them. On even ground they are told by their
shape alone: rows of uneven marks, nothing above, below or beside them. Only such places are enlarged.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.boxes import thickness
from scrub_pixels.text.candidates import Candidate, is_settled
from scrub_pixels.text.changes import merged
from scrub_pixels.text.detectors import Detectors
from scrub_pixels.text.readers import Image, TextBox, TextDetector
from scrub_pixels.text.reading import UNREAD, Choice
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.tiles import boxes_in_tile, tiles_of

LOWEST, HIGHEST, SHORTEST = 2, 8, 10
"""Height of fine print, and the least length of a row of it, in samples."""

STROKE = 7
"""Side of the square that no stroke of fine print fills, in samples."""

CONTRAST = 24
"""Grey levels by which its marks stand out."""

WORD_GAP = 5
"""Samples between marks of one row."""

FILLED = (0.25, 0.85)
"""Share of a row that its marks fill: a rule fills more, scattered specks less."""

SPECK = 6
"""Samples of the marks of noise; a letter of fine print has more."""

EVEN = 8
"""Grey levels by which even ground may differ."""

CLEAR = 0.1
"""Share of marks right around a row that letters above, below and beside it may have."""

BESIDE = 24
"""Samples at one side of a row, at least, that are even ground."""

SCALE = 3.0
"""Factor by which a place is enlarged: letters of three samples become letters of nine."""

SURROUNDINGS = 16
"""Samples around a row that are shown with it."""

SLACK, SEVERAL = 4, 2
"""Samples that a box is thicker than its letters, and rows that are a header rather than a speck."""

ENOUGH = 24
"""Samples of rows that are surely seen before a picture is taken to have fine print: six letters of four."""

LOOSE = 2.5
"""How many times as thick as a row the box of a detector is at most."""

SEEN = 0.5
"""Detection from which a box counts once fine print was surely seen in the picture."""

Planes = Sequence[NDArray[np.uint8]]


@dataclass(frozen=True)
class FinePrint:
    """Finds fine print that no line explains.

    Parameters
    ----------
    detectors
        Are shown the enlarged places, the cheaper one first.
    boxes
        Reads what it sees.
    settings
        Of the search.
    """

    detectors: Detectors
    boxes: BoxReader
    settings: SearchSettings

    def found(self, image: Image, areas: Iterable[Region], lines: Sequence[Candidate]) -> list[Candidate]:
        """Return candidates for the fine print in parts of a picture; what stands in `lines` is known.

        Once some was surely seen, every row near it counts: the detector misses one of them easily.
        """
        shape = (image.shape[0], image.shape[1])
        known = [line.region for line in lines]
        rows = [row for area in areas for row in fine_rows(image, area, known)]
        windows = merged([row.expanded(SURROUNDINGS, SURROUNDINGS, shape) for row in rows])
        worth = [window for window in windows if self._seen(self.detectors.fine, image, window, known)]
        seen = {window: self._seen(self.detectors.first, image, window, known) for window in worth}
        near = [window for window, boxes in seen.items() if any(self._is_sure(box) for box in boxes)]
        sure = [box for window in near for box in seen[window] if self._is_sure(box)]
        if sum(row.columns for row in rows if any(_holds(box, row) for box in sure)) < ENOUGH:
            return []
        found = [box for boxes in seen.values() for box in boxes]
        missed = [row for row in rows if any(row.overlaps(w) for w in near) and not _is_in_any(row, found)]
        return [self._candidate(image, box) for box in (*found, *(TextBox(row, SEEN) for row in missed))]

    def _seen(
        self, detector: TextDetector, image: Image, window: Region, known: Sequence[Region]
    ) -> list[TextBox]:
        tiles = tiles_of(window, SCALE, self.settings)
        boxes = [box for tile in tiles for box in boxes_in_tile(image, tile, detector)]
        return [box for box in boxes if box.score >= SEEN and _is_fine(box, known)]

    def _is_sure(self, box: TextBox) -> bool:
        return box.score >= self.settings.strong_detection

    def _candidate(self, image: Image, box: TextBox) -> Candidate:
        """Return a box with what stands in it; what is not read surely counts as unread."""
        read = self.boxes.candidate(image, box)
        region = self.boxes.with_margin(read, (image.shape[0], image.shape[1]))
        surely = is_settled(read, self.settings)
        return replace(read, region=region, choice=read.choice if surely else Choice(UNREAD))


def is_unread_fine_print(candidates: Sequence[Candidate]) -> bool:
    """Tell whether several of these are small and were not read: there may be more of them over tissue."""
    small = [c for c in candidates if not c.choice.best.text and thickness(c.region) <= HIGHEST + SLACK]
    return len(small) >= SEVERAL


def fine_rows(image: Image, area: Region, known: Sequence[Region]) -> list[Region]:
    """Return the rows of small marks on even ground in a part of a picture, outside what is known.

    Parameters
    ----------
    image
        uint8 of shape (rows, columns) or (rows, columns, 3).
    area
        The part, in samples of the picture.
    known
        Regions of lines that were found before.
    """
    part = image[area.slices]
    planes = cv2.split(part) if part.ndim == 3 else (part,)
    grounds = [cv2.morphologyEx(p, cv2.MORPH_OPEN, np.ones((STROKE, STROKE), np.uint8)) for p in planes]
    above = functools.reduce(cv2.max, (cv2.subtract(p, g) for p, g in zip(planes, grounds, strict=True)))
    marks = ((above > CONTRAST) & _level(grounds)).astype(np.uint8)
    for region in known:
        inside = region.intersection(area)
        if inside is not None:
            marks[inside.moved(-area.row, -area.column).slices] = 0
    rows = (row for row in _rows(marks) if _is_uneven(marks, row) and _on_even_ground(grounds, row))
    return [row.moved(area.row, area.column) for row in rows]


def _level(grounds: Planes) -> NDArray[np.bool_]:
    """Tell where the ground is even: a row ends where tissue begins, however close."""
    around = np.ones((3, 3), np.uint8)
    spread = (cv2.subtract(cv2.dilate(ground, around), cv2.erode(ground, around)) for ground in grounds)
    return np.asarray(functools.reduce(cv2.max, spread) <= EVEN)


def _rows(marks: NDArray[np.uint8]) -> list[Region]:
    joined = cv2.morphologyEx(marks, cv2.MORPH_CLOSE, np.ones((1, WORD_GAP), np.uint8))
    stats = cv2.connectedComponentsWithStats(joined)[2][1:]
    columns, rows = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    fits = (rows >= LOWEST) & (rows <= HIGHEST) & (columns >= np.maximum(SHORTEST, 2 * rows))
    return [Region(top, left, high, wide) for left, top, wide, high, _ in stats[fits].tolist()]


def _is_uneven(marks: NDArray[np.uint8], row: Region) -> bool:
    """Tell a row of letters, with nothing close around it, from rules, ramps and specks."""
    own = marks[row.slices]
    window = row.expanded(1, 4, (marks.shape[0], marks.shape[1]))
    others = int(marks[window.slices].sum()) - int(own.sum())
    changes = int(np.count_nonzero(np.diff(own.sum(axis=0, dtype=int))))
    filled = FILLED[0] <= float(own.mean()) <= FILLED[1]
    clear = others <= CLEAR * (window.area - row.area)
    return filled and clear and changes >= row.columns // 4 and not _is_noise(own)


def _is_noise(marks: NDArray[np.uint8]) -> bool:
    """Tell single samples beside one another from strokes."""
    areas = cv2.connectedComponentsWithStats(np.ascontiguousarray(marks))[2][1:, cv2.CC_STAT_AREA]
    return float(np.median(areas)) < SPECK


def _on_even_ground(grounds: Planes, row: Region) -> bool:
    """Tell whether the ground below a row is even, and goes on so at one of its sides."""
    shape = grounds[0].shape
    left = Region.from_edges(row.row, max(0, row.column - BESIDE), row.bottom, row.column)
    right = Region.from_edges(row.row, row.right, row.bottom, min(shape[1], row.right + BESIDE))
    wide = [side for side in (left, right) if side.columns >= BESIDE // 2]
    return any(all(_is_even(ground, row, side) for ground in grounds) for side in wide)


def _is_even(ground: NDArray[np.uint8], row: Region, side: Region) -> bool:
    level = int(np.median(ground[row.slices]))
    below, beside = (np.abs(ground[r.slices].astype(int) - level) <= EVEN for r in (row, side))
    return bool(below.mean() >= 0.95 and beside.mean() >= 0.9)


def _is_fine(box: TextBox, known: Sequence[Region]) -> bool:
    """Tell a box of fine print from larger text and from what is known."""
    if box.code or thickness(box.region) > 2 * HIGHEST:
        return False
    shared = sum(s.area for r in known if (s := r.intersection(box.region)) is not None)
    return shared < 0.5 * box.region.area


def _holds(box: TextBox, row: Region) -> bool:
    """Tell whether a box holds most of a row, and little above and below it."""
    shared = row.intersection(box.region)
    close = thickness(box.region) <= LOOSE * row.rows
    return close and shared is not None and shared.area >= 0.5 * row.area


def _is_in_any(row: Region, boxes: Sequence[TextBox]) -> bool:
    """Tell whether a box reaches over the whole length of a row."""
    shared = (row.intersection(box.region) for box in boxes)
    return any(s is not None and s.columns >= 0.9 * row.columns for s in shared)
