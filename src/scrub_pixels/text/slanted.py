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
from scrub_pixels.text.quads import stair_over, straightened, thickness_of
from scrub_pixels.text.readers import Image, Reading, TextBox
from scrub_pixels.text.reading import UNREAD, Choice, LineReader
from scrub_pixels.text.settings import SearchSettings

LEAST_DETECTION = 0.6
"""Score from which a slanted box is made straight and read."""

STRONG, GUESSED, SOME = 0.8, 0.5, 2
"""Score on plain ground from which it is text if some letters are read with some confidence."""

LOWEST, TALLEST = 12, 60
"""Samples that such text is high; arrows and crosses are lower, the edges of organs higher."""

STEP = 2.0
"""Heights of a slanted line that each region of the stair over it is long."""

EXPLAINED = 0.7
"""Share of a slanted line that others cover if it was found in the ordinary way."""


@dataclass(frozen=True)
class Slanted:
    """Finds slanted text that was not found as lying or turned text."""

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
                found += [Candidate(step, box.score, choice) for step in stair]
                known += stair
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


def _has_letters(reading: Reading) -> bool:
    return reading.confidence >= GUESSED and sum(c.isascii() and c.isalnum() for c in reading.text) >= SOME


def _covered(stair: Sequence[Region], lines: Sequence[Region]) -> float:
    """Return the share of the regions over a slanted line that other lines cover."""
    whole = functools.reduce(Region.union, stair)
    own, covered = np.zeros((whole.bottom, whole.right), bool), np.zeros((whole.bottom, whole.right), bool)
    for region in stair:
        own[region.slices] = True
    for line in lines:
        covered[line.slices] = True
    return float(covered[own].mean())
