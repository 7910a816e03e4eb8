"""What surely seen boxes hold and no line explains, after all boxes were taken apart and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.boxes import thickness
from scrub_pixels.text.candidates import Candidate, is_settled, is_word
from scrub_pixels.text.ink import ink_of
from scrub_pixels.text.leftovers import LETTER_GAP, together, unexplained
from scrub_pixels.text.readers import Image, TextBox
from scrub_pixels.text.reading import UNREAD, Choice
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.unpacking import explains


@dataclass(frozen=True)
class Missed:
    """Finds the marks of text that got lost while boxes were taken apart."""

    boxes: BoxReader
    settings: SearchSettings

    def put_back(self, image: Image, seen: Sequence[TextBox], lines: Sequence[Candidate]) -> list[Candidate]:
        """Return what boxes that were surely seen hold and no line explains, however they were taken apart.

        It counts as unread unless it reads surely as words: letter by letter anything is harmless.
        """
        found: list[Candidate] = []
        for box in sorted(seen, key=lambda b: -b.region.area):
            near = [c for c in (*lines, *found) if c.region.overlaps(box.region)]
            lines_in_it = [c for c in near if c in found or explains(c, box, self.settings)]
            found += self._accepted_all(image, self._open_marks(image, box, lines_in_it))
        return found

    def _open_marks(self, image: Image, box: TextBox, lines: Sequence[Candidate]) -> list[TextBox]:
        """Return boxes around the marks of a box that lie outside `lines`, if it is text for sure."""
        sides = sorted((box.region.rows, box.region.columns))
        ink, _ = ink_of(image, box.region, (4, 4))
        sure = box.score >= self.settings.strong_detection and not box.code and ink.followable
        if not sure or sides[1] < 1.5 * sides[0] or thickness(box.region) > self.settings.tallest_line:
            return []
        marks = unexplained(image, box.region, [line.region for line in lines])
        parts = together(marks, round(LETTER_GAP * thickness(box.region)))
        return [replace(box, region=p.moved(box.region.row, box.region.column)) for p in parts]

    def _accepted_all(self, image: Image, boxes: Sequence[TextBox]) -> list[Candidate]:
        """Return candidates for all boxes; what does not read surely as words counts as unread."""
        shape = (image.shape[0], image.shape[1])
        read = [self.boxes.candidate(image, box) for box in boxes]
        sure = [is_settled(c, self.settings) and is_word(c.choice.best, self.settings) for c in read]
        kept = (c if good else replace(c, choice=Choice(UNREAD)) for c, good in zip(read, sure, strict=True))
        return [replace(c, region=self.boxes.with_margin(c, shape)) for c in kept]
