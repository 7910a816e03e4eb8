"""Rows of marks too small to be found at the scales of the search: the header of a picture in a picture.

A screen that shows another one repeats its header a third as large. Letters of three or four samples are
hardly read by any machine, and easily by a person who enlarges them. On even ground they are told by their
shape alone, see `fine_rows`. Only such places are enlarged. Several of these rows above each other are a
header, whether a detector sees letters in them or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from scrub_pixels.geometry import Region
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.boxes import thickness
from scrub_pixels.text.candidates import Candidate, is_settled
from scrub_pixels.text.changes import merged
from scrub_pixels.text.detectors import Detectors
from scrub_pixels.text.fine_rows import HIGHEST, fine_rows, stacks
from scrub_pixels.text.readers import Image, TextBox, TextDetector
from scrub_pixels.text.reading import UNREAD, Choice
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.tiles import boxes_in_tile, tiles_of

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

THICK = 3
"""How many times as thick as fine print a line is at most that explains every row in it: a bloated box may
hide a stack."""

LONG = 60
"""Samples of the rows of a stack, taken together, of which nobody asks a detector."""

PARTLY = 0.4
"""Share of a row's length that a box has which sees it."""

Stack = Sequence[Region]


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
        thin, thick = _parted([line.region for line in lines])
        rows = [row for area in areas for row in fine_rows(image, area, thin)]
        stacked = stacks(image, rows)
        hidden = [
            row for row in rows if any(row.overlaps(r) for r in thick) and not any(row in s for s in stacked)
        ]
        rows = [row for row in rows if row not in hidden]
        known = [*thin, *(r for r in thick if not any(_stands_in(s, r) for s in stacked))]
        windows = merged([row.expanded(SURROUNDINGS, SURROUNDINGS, shape) for row in rows])
        alone = [stack for stack in stacked if _is_header(stack, ())]
        worth = [
            window
            for window in windows
            if any(_stands_in(stack, window) for stack in alone)
            or self._seen(self.detectors.fine, image, window, known)
        ]
        seen = {window: self._seen(self.detectors.first, image, window, known) for window in worth}
        near = self._near(rows, stacked, seen)
        found = [box for boxes in seen.values() for box in boxes] if near else []
        missed = [row for row in rows if any(row.overlaps(w) for w in near) and not _is_in_any(row, found)]
        return [
            self._candidate(image, box)
            for box in (*found, *(TextBox(row.expanded(1, 1, shape), SEEN) for row in missed))
        ]

    def _near(
        self, rows: Sequence[Region], stacked: Sequence[Stack], seen: Mapping[Region, Sequence[TextBox]]
    ) -> list[Region]:
        """Return the windows in which fine print surely stands: by a detector, or stacked as a header is."""
        sure = {w: [box for box in boxes if self._is_sure(box)] for w, boxes in seen.items()}
        held = [row for row in rows if any(_holds(box, row) for boxes in sure.values() for box in boxes)]
        enough = sum(row.columns for row in held) >= ENOUGH
        return [
            w
            for w, boxes in seen.items()
            if (enough and sure[w]) or any(_stands_in(s, w) and _is_header(s, boxes) for s in stacked)
        ]

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


def _parted(known: Sequence[Region]) -> tuple[list[Region], list[Region]]:
    """Return the lines as thick as small text, and those whose box may hide a header."""
    thin = [region for region in known if thickness(region) <= THICK * HIGHEST]
    return thin, [region for region in known if region not in thin]


def _stands_in(stack: Stack, window: Region) -> bool:
    return any(row.overlaps(window) for row in stack)


def _is_header(stack: Stack, boxes: Sequence[TextBox]) -> bool:
    """Tell whether a stack of rows is one of text: so long, or seen by a detector in part."""
    return sum(row.columns for row in stack) >= LONG or any(_sees(box, row) for box in boxes for row in stack)


def _sees(box: TextBox, row: Region) -> bool:
    shared = row.intersection(box.region)
    return shared is not None and shared.columns >= PARTLY * row.columns


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
