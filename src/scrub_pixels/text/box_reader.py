"""Boxes -> candidates: fitted to their ink, read, and given the margin that a mask needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scrub_pixels.geometry import Region, Shape
from scrub_pixels.text.boxes import is_upright, refined, thickness
from scrub_pixels.text.candidates import Candidate, confirmed
from scrub_pixels.text.ellipses import DOTS, ellipsis_of
from scrub_pixels.text.readers import Image, TextBox
from scrub_pixels.text.reading import Choice, LineReader
from scrub_pixels.text.settings import SearchSettings


@dataclass(frozen=True)
class BoxReader:
    """Reads boxes of a picture, and says what of them is handed on."""

    lines: LineReader
    settings: SearchSettings

    def candidate(self, image: Image, box: TextBox) -> Candidate:
        """Return a box with what stands in it; one that an ellipsis cuts reaches over all of its dots."""
        worthwhile = box.plain or box.score >= self.settings.strong_detection
        choice = self.lines.read(image, box.region, worthwhile)
        plain = Candidate(box.region, box.score, choice, box.plain)
        return self._cut(image, plain) if box.plain and choice.best.text and not choice.rotation else plain

    def _cut(self, image: Image, candidate: Candidate) -> Candidate:
        """Return a line that an ellipsis cuts with its dots written as such, whatever they were read as."""
        region, text = candidate.region, candidate.choice.best.text
        cut = ellipsis_of(image, region)
        if cut is None or cut.start <= region.column + region.rows // 2:
            return candidate
        whole = region.union(replace(region, columns=cut.stop - region.column))
        if text.endswith(DOTS):
            return replace(candidate, region=whole)
        kept = self.lines.read(image, replace(region, columns=cut.start - region.column))
        best, others = kept.best, tuple(f"{other}{DOTS}" for other in kept.others)
        read = Choice(replace(best, text=f"{best.text}{DOTS}" if best.text else ""), 0, others)
        return replace(candidate, region=whole, choice=read)

    def parts(self, image: Image, boxes: Sequence[TextBox]) -> list[TextBox]:
        """Return the boxes parted into lines, each fitted to its ink."""
        return [part for box in boxes for part in refined(image, box, self.settings.crop_margin)]

    def accepted(self, image: Image, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the confirmed candidates, their boxes given the margin that a mask needs.

        The margin comes last: a crop that is cut close to the ink reads better.
        """
        shape = (image.shape[0], image.shape[1])
        kept = confirmed(candidates, self.settings)
        return [replace(c, region=self.with_margin(c, shape)) for c in kept]

    def with_margin(self, candidate: Candidate, shape: Shape) -> Region:
        """Return the box to mask; where the ink could not be followed it is wider, at the ends most."""
        settings, region = self.settings, candidate.region
        unsure = 0.0 if candidate.plain else settings.unsure_margin
        across, along = (
            max(1, round(share * thickness(region)))
            for share in (settings.margin + unsure, settings.margin + 2 * unsure)
        )
        rows, columns = (along, across) if is_upright(region) else (across, along)
        return region.expanded(rows, columns, shape)
