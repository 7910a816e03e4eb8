"""Text that the upper or lower edge of a frame cuts: a person completes half letters, and no detector does.

With its mirror image beside it half a letter is a whole one of some sort, and detectors take a row of these
for text. Rulers, traces and tissue that touch the edge are none, mirrored or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scrub_pixels.geometry import Region
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.candidates import Candidate, is_settled, is_word
from scrub_pixels.text.readers import Image, TextBox, TextDetector
from scrub_pixels.text.reading import UNREAD, Choice
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.tiles import Tile, boxes_in_tile

DEPTH = 14
"""Rows at an edge that are looked at: cut letters are not higher, or they are found as they are."""

CONTRAST, CHANGES = 24, 6
"""Grey levels by which letters stand out in the outermost row, and how often they begin or end there."""

EVEN, QUIET = 8, 0.5
"""Grey levels by which the ground between letters differs, and its share of that row: less in tissue."""

SCALE = 2.0
"""Factor by which the rows and their mirror image are enlarged."""

SEEN = 0.75
"""Detection from which mirrored letters are text."""

LONG = 1.5
"""How many times as long as high they are, mirrored, at least."""

EXPLAINED = 0.9
"""Share of their length from which a line that reads surely as words explains them: it is not cut."""


@dataclass(frozen=True)
class EdgePrint:
    """Finds text that is cut by the frame.

    Parameters
    ----------
    detector
        Is shown the edges; the cheaper one.
    boxes
        Gives what is found the margin of a mask.
    settings
        Of the search.
    """

    detector: TextDetector
    boxes: BoxReader
    settings: SearchSettings

    def found(self, image: Image, areas: Iterable[Region], lines: Sequence[Candidate]) -> list[Candidate]:
        """Return candidates for text that the edge cuts in parts of a picture, unless `lines` explain it."""
        shape = (image.shape[0], image.shape[1])
        known = [
            c.region for c in lines if is_settled(c, self.settings) and is_word(c.choice.best, self.settings)
        ]
        places = (
            place for area in areas for strip in _strips(area, shape) for place in self._cut(image, strip)
        )
        cut = [Candidate(r, score, Choice(UNREAD)) for r, score in places if not _is_explained(r, known)]
        return [Candidate(self.boxes.with_margin(c, shape), c.detection, c.choice) for c in cut]

    def _cut(self, image: Image, strip: Region) -> Iterator[tuple[Region, float]]:
        """Yield the places of cut text in a strip along an edge."""
        from_edge = image[strip.slices] if strip.row == 0 else image[strip.slices][::-1]
        if not _may_be_cut(from_edge):
            return
        mirrored = np.ascontiguousarray(np.concatenate([from_edge[::-1], from_edge]))
        whole = Region.whole((mirrored.shape[0], mirrored.shape[1]))
        for box in boxes_in_tile(mirrored, Tile(whole, SCALE), self.detector):
            if box.score >= SEEN and not box.code and _is_mirrored_line(box):
                high = max(box.region.bottom - DEPTH, DEPTH - box.region.row)
                row = 0 if strip.row == 0 else strip.bottom - high
                yield Region(row, strip.column + box.region.column, high, box.region.columns), box.score


def _strips(area: Region, shape: tuple[int, int]) -> Iterator[Region]:
    """Yield the outermost rows of a picture as far as an area reaches to them."""
    if shape[0] < 2 * DEPTH:
        return
    if area.row == 0:
        yield Region(0, area.column, DEPTH, area.columns)
    if area.bottom == shape[0]:
        yield Region(shape[0] - DEPTH, area.column, DEPTH, area.columns)


def _may_be_cut(from_edge: Image) -> bool:
    """Tell whether marks stand out from the outermost row, the first one, as often as cut letters do."""
    outermost = from_edge[0].astype(np.int16).reshape(from_edge.shape[1], -1)
    apart = np.abs(outermost - np.median(outermost, axis=0)).max(axis=1)
    marks, quiet = apart > CONTRAST, apart <= EVEN
    return int(np.count_nonzero(np.diff(marks))) >= CHANGES and float(quiet.mean()) >= QUIET


def _is_mirrored_line(box: TextBox) -> bool:
    """Tell a line whose middle is the mirror from what stands beside it, and its mirror image."""
    region = box.region
    return region.row < DEPTH < region.bottom and region.columns >= LONG * region.rows


def _is_explained(place: Region, known: Sequence[Region]) -> bool:
    shared = (place.intersection(region) for region in known)
    return any(s is not None and s.columns >= EXPLAINED * place.columns for s in shared)
