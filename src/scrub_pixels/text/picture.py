"""Search one picture: detect at one and at two scales, fuse, refine, read, weigh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scrub_pixels.geometry import Region
from scrub_pixels.text.boxes import clipped_boxes, fused, refined
from scrub_pixels.text.reading import Choice, LineReader
from scrub_pixels.text.readers import Image, TextBox, TextDetector
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.tiles import Tile, boxes_in_tile, busy_region, tiles_of


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place in one picture that is kept as a line of text."""

    region: Region
    detection: float
    choice: Choice


@dataclass(frozen=True)
class PictureSearch:
    """Finds and reads the lines of a picture with one detector and one recogniser."""

    detector: TextDetector
    lines: LineReader
    settings: SearchSettings

    def search(self, image: Image, within: Sequence[Region] | None = None) -> list[Candidate]:
        """Return the lines of `image`, of the parts `within` if given."""
        areas = [busy_region(image)] if within is None else list(within)
        boxes = [box for area in areas if area is not None for box in self._boxes(image, area)]
        strong = [b for b in boxes if b.score >= self.settings.least_detection]
        parts = [p for b in fused(strong) for p in refined(image, b, self.settings.margin)]
        read = (self._candidate(image, box) for box in fused(parts))
        return [candidate for candidate in read if self._believable(candidate)]

    def _boxes(self, image: Image, area: Region) -> list[TextBox]:
        boxes = [b for tile in self._tiles(area) for b in boxes_in_tile(image, tile, self.detector)]
        return clipped_boxes(boxes, image.shape[:2])

    def _tiles(self, area: Region) -> list[Tile]:
        scales = dict.fromkeys((1.0, self.settings.upscale))
        return [tile for scale in scales for tile in tiles_of(area, scale, self.settings)]

    def _candidate(self, image: Image, box: TextBox) -> Candidate:
        return Candidate(box.region, box.score, self.lines.read(image, box.region))

    def _believable(self, candidate: Candidate) -> bool:
        """Tell whether a witness confirms the box: a strong detection or a real reading."""
        reading = candidate.choice.best
        return candidate.detection >= self.settings.strong_detection or (
            reading.confidence >= self.settings.least_confidence and any(c.isalnum() for c in reading.text)
        )
