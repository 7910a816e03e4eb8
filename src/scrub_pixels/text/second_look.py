"""Another look at what was hardly read: without the rulers and traces around it, and at reading size.

Ticks, waveforms and patches of tissue pass for letters where a detector is sure of itself or a recogniser
guesses. They do not pass twice: text is still found and believed when a ruler beside it is taken away, and
it is found when it is shown as tall as ordinary letters are. What reads as a word needs no second look,
however the detectors like it: tilted or handwritten letters are seen at one size only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scrub_pixels.geometry import Region
from scrub_pixels.text.boxes import thickness
from scrub_pixels.text.candidates import Candidate, believable, is_word
from scrub_pixels.text.graphics import Mask, graphics_near, without
from scrub_pixels.text.ink import ink_of
from scrub_pixels.text.readers import Image, TextBox, TextDetector
from scrub_pixels.text.reading import LineReader
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.tiles import Tile, boxes_in_tile

TALL = 36
"""Thickness from which a candidate is shown again at another size, samples."""

READING_SIZE = 18
"""Height at which letters are shown then."""

SURROUNDINGS = 24
"""Samples around a candidate that are shown with it."""

SEEN = 0.3
"""Share of a candidate that has to be seen again."""

TOUCHED = 0.1
"""Share of a candidate's ink that rulers and traces have before it is looked at without them."""

FEW = 2
"""Different characters that ticks and waves are read as: III, AAA, hhhlh."""

MANY = 4
"""Different letters and digits that no patch of tissue and no ruler is read as with some confidence."""


@dataclass(frozen=True)
class SecondLook:
    """Judges candidates that nobody read as words."""

    detector: TextDetector
    lines: LineReader
    settings: SearchSettings

    def confirmed(self, image: Image, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates that are still text at a second look; what was read as words needs none."""
        return [c for c in candidates if c.code or self._is_sure(c) or self._stands(image, c)]

    def _is_sure(self, candidate: Candidate) -> bool:
        best = candidate.choice.best
        if not is_word(best, self.settings):
            return False
        if len({c for c in best.text if c.isalnum()}) >= MANY:
            return True
        return best.confidence >= self.settings.sure_confidence and len(set(best.text)) > FEW

    def _stands(self, image: Image, candidate: Candidate) -> bool:
        window = candidate.region.expanded(SURROUNDINGS, SURROUNDINGS, (image.shape[0], image.shape[1]))
        own = candidate.region.moved(-window.row, -window.column)
        marks = graphics_near(image, window)
        if self._is_made_of(marks[own.slices], image, candidate.region):
            return self._stands_alone(without(image, window, marks), replace(candidate, region=own))
        piece = np.ascontiguousarray(image[window.slices])
        return thickness(own) < TALL or _share(self._seen(piece, own), own) >= SEEN

    def _is_made_of(self, marks: Mask, image: Image, region: Region) -> bool:
        """Tell whether marks are a good part of the ink of a place: letters may touch a tick."""
        ink, _ = ink_of(image, region, (0, 0))
        return bool(marks.any()) and int(marks.sum()) >= TOUCHED * int(ink.mask.sum())

    def _stands_alone(self, piece: Image, candidate: Candidate) -> bool:
        """Tell whether a candidate is found and believed in a picture without the marks around it."""
        own = candidate.region
        boxes = self._seen(piece, own)
        if _share(boxes, own) < SEEN:
            return False
        score = max(box.score for box in boxes)
        return believable(
            replace(candidate, detection=score, choice=self.lines.read(piece, own)), self.settings
        )

    def _seen(self, piece: Image, own: Region) -> list[TextBox]:
        """Return the boxes on a place, seen at its own size and, if it is large, as tall as letters are."""
        whole = Region.whole((piece.shape[0], piece.shape[1]))
        scales = (1.0, READING_SIZE / thickness(own)) if thickness(own) >= TALL else (1.0,)
        boxes = (box for s in scales for box in boxes_in_tile(piece, Tile(whole, s), self.detector))
        return [b for b in boxes if b.score >= self.settings.least_detection and b.region.overlaps(own)]


def _share(boxes: Sequence[TextBox], own: Region) -> float:
    seen = np.zeros((own.bottom, own.right), bool)
    for box in boxes:
        seen[box.region.slices] = True
    return float(seen[own.slices].mean())
