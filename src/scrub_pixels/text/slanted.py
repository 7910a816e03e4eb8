"""Slanted text: film markers, stickers and stamps, whose upright rectangle reads as nothing.

Only the reader's detector sees it, and as it reads as nothing in an upright crop no witness speaks for
it. Made straight it reads. It is masked whatever it reads: a film marker bears the initials of a
technologist beside its side letter, and both pass for terms.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scrub_pixels.geometry import Region
from scrub_pixels.text.candidates import Candidate, is_word
from scrub_pixels.text.ink import ink_of
from scrub_pixels.text.quads import Quad, grown_quad, stair_over, straightened, thickness_of
from scrub_pixels.text.readers import Image, Reading, TextBox, TextDetector
from scrub_pixels.text.reading import UNREAD, Choice, LineReader
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.tiles import boxes_in_tile, tiles_of

LEAST_DETECTION = 0.6
"""Score from which a slanted box is made straight and read."""

STRONG, GUESSED, SOME = 0.8, 0.5, 2
"""Score on plain ground from which it is text if some letters are read with some confidence."""

LOWEST, TALLEST = 12, 60
"""Samples that such text is high; arrows and crosses are lower, the edges of organs higher."""

REACH, NO_TALLER = 8.0, 2.2
"""Heights of a line within which its ends are sought, and how many times as tall its other words may seem."""

STEP = 2.0
"""Heights of a slanted line that each region of the stair over it is long."""

EXPLAINED = 0.7
"""Share of a slanted line that others cover if it was found in the ordinary way."""


@dataclass(frozen=True)
class Slanted:
    """Finds slanted text that was not found as lying or turned text.

    Parameters
    ----------
    detector
        Is shown a line made straight, to find where it ends.
    lines
        Reads it.
    settings
        Of the search.
    """

    detector: TextDetector
    lines: LineReader
    settings: SearchSettings

    def found(self, image: Image, seen: Sequence[TextBox], lines: Sequence[Candidate]) -> list[Candidate]:
        """Return the slanted ones of the boxes `seen` that read as words and that no `lines` explain.

        They count as unread: each is a stair of regions, and no region has all of the reading. Only two
        letters or digits that are surely read (``X2``) are handed on as such.
        """
        known, found = [line.region for line in lines], []
        slanted = [box for box in seen if box.quad is not None and box.score >= LEAST_DETECTION]
        for box in sorted(slanted, key=lambda b: -b.region.area):
            stair = stair_over(box.quad or (), (image.shape[0], image.shape[1]), STEP)
            choice = self._read(image, box) if stair and _covered(stair, known) < EXPLAINED else None
            if choice is not None:
                shape, quad = (image.shape[0], image.shape[1]), self._to_its_ends(image, box.quad or ())
                steps = stair_over(quad, shape, STEP)
                found += [Candidate(step, box.score, choice) for step in steps]
                known += steps
        return found

    def _read(self, image: Image, box: TextBox) -> Choice | None:
        """Return what a slanted box counts as: nothing unless it reads as words or surely has letters."""
        crop, thick = straightened(image, box.quad or ()), thickness_of(box.quad or ())
        whole = Region.whole((crop.shape[0], crop.shape[1]))
        ways = (crop, np.ascontiguousarray(np.rot90(crop, 2)))
        readings = [self.lines.read(way, whole).best for way in ways]
        if any(is_word(reading, self.settings) for reading in readings):
            return Choice(UNREAD)
        if box.score < STRONG or not LOWEST <= thick <= TALLEST or not any(map(_has_letters, readings)):
            return None
        if not ink_of(image, box.region, (4, 4))[0].followable:
            return None
        best = max(readings, key=lambda reading: reading.confidence)
        return Choice(best if best.confidence >= self.settings.sure_confidence else UNREAD)


    def _to_its_ends(self, image: Image, quad: Quad) -> Quad:
        """Return a slanted line with the words before and behind it that only show when it is straight."""
        height = thickness_of(quad)
        reach, beside = REACH * height, height
        strip = straightened(image, grown_quad(quad, reach, reach, beside))
        first, last = reach, strip.shape[1] - reach
        tiles = tiles_of(Region.whole((strip.shape[0], strip.shape[1])), 1.0, self.settings)
        seen = [box.region for tile in tiles for box in boxes_in_tile(strip, tile, self.detector)
                if box.score >= LEAST_DETECTION and _is_on_line(box.region, height)]  # fmt: skip
        seen.sort(key=lambda region: region.column)
        for region in (*seen, *reversed(seen)):
            if max(region.column, first) - min(region.right, last) <= height:
                first, last = min(first, region.column), max(last, region.right)
        return grown_quad(quad, reach - first, last - (strip.shape[1] - reach), 0.0)


def _is_on_line(region: Region, height: float) -> bool:
    """Tell whether a box lies on the middle one of the three heights of a strip, and is about as tall."""
    shared = min(region.bottom, 2 * height) - max(region.row, height)
    return region.rows <= NO_TALLER * height and shared >= 0.6 * min(region.rows, height)


def _has_letters(reading: Reading) -> bool:
    return reading.confidence >= GUESSED and sum(c.isascii() and c.isalnum() for c in reading.text) >= SOME


def is_under(region: Region, askew: Sequence[Candidate]) -> bool:
    """Tell whether slanted lines cover most of a line: a piece of one, which read alone may look harmless."""
    return bool(askew) and _covered([region], [line.region for line in askew]) >= EXPLAINED


def _covered(stair: Sequence[Region], lines: Sequence[Region]) -> float:
    """Return the share of the regions over a slanted line that other lines cover."""
    whole = functools.reduce(Region.union, stair)
    own, covered = np.zeros((whole.bottom, whole.right), bool), np.zeros((whole.bottom, whole.right), bool)
    for region in stair:
        own[region.slices] = True
    for line in lines:
        covered[line.slices] = True
    return float(covered[own].mean())
