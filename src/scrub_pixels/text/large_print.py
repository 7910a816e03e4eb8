"""Letters so large that detectors see their strokes only: a name across half of the screen.

In a picture an eighth as large they are letters of ordinary size, and the search of that costs next to
nothing. Organs look like words there, too: what is found has to read as letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from scrub_pixels.geometry import Region
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.boxes import thickness
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.readers import Image, TextDetector
from scrub_pixels.text.reading import UNREAD, Choice

REDUCED = 8
"""Samples that become one, along each axis."""

LOWEST = 112
"""Samples that a box of large letters is thick; lower ones are found at the picture's own scale."""

ROWS, WHOLE = 0.25, 0.8
"""Share of a box from which lines in it explain it: rows of small letters, that run together when reduced,
and lines of any height."""

SEEN, GUESSED = 0.6, 0.65
"""Detection, and confidence of a reading of some letters, that make an unread line of a box."""

LETTERS = 3
"""Letters and digits that are read at least: one or two are read in any organ."""


@dataclass(frozen=True)
class LargePrint:
    """Finds large letters that no line explains.

    Parameters
    ----------
    detector
        Is shown the reduced picture; the cheaper one.
    boxes
        Reads what is found, and gives it the margin of a mask.
    """

    detector: TextDetector
    boxes: BoxReader

    def found(self, image: Image, areas: Iterable[Region], lines: Sequence[Candidate]) -> list[Candidate]:
        """Return the large lines in parts of a picture, unless `lines` explain them."""
        shape, known = (image.shape[0], image.shape[1]), [line.region for line in lines]
        found = []
        for area in areas:
            for region, score in self._seen(image, area):
                choice = self._read(image, region, score)
                if choice is not None and not _is_explained(region, known):
                    line = Candidate(region, score, choice, plain=False)
                    found.append(replace(line, region=self.boxes.with_margin(line, shape)))
        return found

    def _read(self, image: Image, region: Region, score: float) -> Choice | None:
        """Return what a place counts as: what it surely reads as, unread, or no text."""
        choice = self.boxes.lines.read(image, region, with_variants=score >= SEEN)
        letters = sum(c.isascii() and c.isalnum() for c in choice.best.text)
        if letters >= LETTERS and choice.best.confidence >= self.boxes.settings.sure_confidence:
            return choice
        guessed = letters >= LETTERS and score >= SEEN and choice.best.confidence >= GUESSED
        return Choice(UNREAD) if guessed else None

    def _seen(self, image: Image, area: Region) -> list[tuple[Region, float]]:
        """Return the places of large letters in an area, each with its detection."""
        rows, columns = area.rows // REDUCED, area.columns // REDUCED
        if min(area.rows, area.columns) < LOWEST:
            return []
        part = np.ascontiguousarray(image[area.slices])
        small = np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
        high, wide = area.rows / rows, area.columns / columns
        seen = []
        for box in (b for b in self.detector.detect(small) if not b.code):
            r = box.region
            region = Region.from_edges(r.row * high, r.column * wide, r.bottom * high, r.right * wide)
            inside = region.clipped((area.rows, area.columns))
            if inside is not None and min(inside.rows, inside.columns) >= LOWEST:
                seen.append((inside.moved(area.row, area.column), box.score))
        return seen


def _is_explained(region: Region, known: Sequence[Region]) -> bool:
    rows = [line for line in known if 3 * thickness(line) < thickness(region)]
    return _share(region, rows) >= ROWS or _share(region, known) >= WHOLE


def _share(region: Region, lines: Iterable[Region]) -> float:
    """Return the share of a region that lines cover."""
    covered = np.zeros((region.rows, region.columns), bool)
    for line in lines:
        shared = line.intersection(region)
        if shared is not None:
            covered[shared.moved(-region.row, -region.column).slices] = True
    return float(covered.mean())
