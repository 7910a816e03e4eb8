"""Boxes around more than one line: what the lines in them that read surely do not explain.

What reads surely as a whole stays whole; what reads badly is taken apart, and its parts are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scrub_pixels.geometry import Region
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.boxes import is_upright, thickness, uncovered
from scrub_pixels.text.candidates import Candidate, is_real, is_settled, is_turned, is_word
from scrub_pixels.text.leftovers import leftovers, parted
from scrub_pixels.text.readers import Image, TextBox
from scrub_pixels.text.settings import SearchSettings

BLOATED = 1.5
"""A box that many times as thick as a line inside it was drawn around more."""


@dataclass(frozen=True)
class Unpacking:
    """Takes boxes apart that were drawn around several lines."""

    boxes: BoxReader
    settings: SearchSettings

    def unpacked(self, image: Image, found: list[Candidate], known: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates, of boxes over several lines only what those lines do not explain."""
        lines = [c for c in (*found, *known) if c.plain and not c.code and is_settled(c, self.settings)]
        kept: list[Candidate] = []
        for candidate in sorted(found, key=lambda c: -c.region.area):
            rests = self._unexplained(image, candidate, lines)
            if candidate in lines and rests != [candidate]:
                lines.remove(candidate)  # what is gone explains nothing any more
            kept += rests
        return kept

    def _unexplained(self, image: Image, candidate: Candidate, known: list[Candidate]) -> list[Candidate]:
        """Return what `known` lines leave of a candidate; one that reads badly is taken apart besides."""
        box = TextBox(candidate.region, candidate.detection, candidate.plain)
        close = [k for k in known if k is not candidate and overlaps(k.region, candidate.region)]
        near = [k.region for k in close]
        if is_settled(candidate, self.settings):
            # crumbs, surely read as they may be, take no line apart that reads surely as a whole
            near = [k.region for k in close if is_word(k.choice.best, self.settings)]
            left = leftovers(image, box, near) if _is_bloated(candidate, near) else [box]
            tall = near and thickness(candidate.region) >= BLOATED * max(map(thickness, near))
            if not left or (tall and len(near) > 1 and left != [box]):
                return [self.boxes.candidate(image, rest) for rest in left]
            return [candidate]
        explaining = [k.region for k in close if explains(k, box, self.settings)]
        pieces = uncovered(box, explaining)
        left = [rest for piece in pieces for rest in leftovers(image, piece, explaining)]
        if left != [box]:
            return [self.boxes.candidate(image, rest) for rest in left]
        return self._parted(image, candidate, box)

    def _parted(self, image: Image, candidate: Candidate, box: TextBox) -> list[Candidate]:
        """Return the parts of a candidate that reads badly, if most of them read well."""
        parts = parted(image, box) if candidate.plain and not is_turned(box.region) else [box]
        if len(parts) < 2:
            return [candidate]
        read = [self.boxes.candidate(image, part) for part in parts]
        well = sum(is_real(c.choice.best, self.settings) for c in read)
        return read if 2 * well >= len(read) else [candidate]


def explains(line: Candidate, box: TextBox, settings: SearchSettings) -> bool:
    """Tell whether a line accounts for ink of a box: letters read one by one do not for turned text."""
    if line.code or not is_upright(box.region):
        return True
    lying = line.region.columns >= 1.5 * line.region.rows
    return (lying or is_turned(line.region)) and is_word(line.choice.best, settings)


def _is_bloated(candidate: Candidate, lines: Sequence[Region]) -> bool:
    """Tell whether a box on plain ground holds several lines, or one much thinner than it."""
    if not lines or not candidate.plain:
        return False
    return len(lines) > 1 or thickness(candidate.region) >= BLOATED * thickness(lines[0])


def overlaps(line: Region, box: Region) -> bool:
    """Tell whether a line and a box share a good part of the smaller one."""
    shared = line.intersection(box)
    return shared is not None and shared.area >= 0.3 * min(line.area, box.area)
