"""Text in a script that nobody reads: what both detectors see at several sizes, whatever was read there.

The recogniser knows Latin letters, Chinese and kana. Over texture a line has to read as something before it
is believed, so names in Arabic, Hebrew, Hangul, Cyrillic or Devanagari would be taken for tissue, and at
times ideographs too. But the two detectors were trained apart, on other pictures, and hardly ever see the
same patch of tissue as text at most sizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from scrub_pixels.geometry import Region
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.boxes import fused
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.detectors import Detectors
from scrub_pixels.text.half_read import unless_half_read
from scrub_pixels.text.readers import Image, TextBox, TextDetector
from scrub_pixels.text.reading import UNREAD, Choice
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.tiles import boxes_in_tile, tiles_of

NETWORK_SIZES, NETWORK_SEES, NETWORK_NEEDED = (1.5, 2.0, 1.0, 3.0), 0.6, 3
"""Sizes at which the network is shown a place, the score that counts, and how many of them show it."""

NETWORK_IS_SURE = 0.8
"""The score that counts where the network is asked alone."""

WITNESS_SIZES, WITNESS_SEES, WITNESS_NEEDED = (2.0, 1.5, 1.0), 0.8, 2
"""The same for the reader's detector."""

SEEN = 0.6
"""Detection of a box that is asked about."""

LOWEST, TALLEST = 7, 60
"""Thickness of such a box, samples."""

LONG = 1.5
"""Thicknesses that it is long at least."""

OPEN = 0.5
"""Share of a box up to which lines explain it and leave it open."""

SHARED = 0.3
"""Share of the smaller of two boxes that both have in common if one shows the other."""

SURROUNDINGS = 24
"""Samples around a box that are shown with it."""


@dataclass(frozen=True)
class TwoWitnesses:
    """Puts back what the network and the reader's detector see, and no line explains.

    Parameters
    ----------
    detectors
        The network, and the reader's detector as its witness; without a witness nothing is put back.
    boxes
        Gives boxes the margin of a mask.
    settings
        Of the search.
    """

    detectors: Detectors
    boxes: BoxReader
    settings: SearchSettings

    def put_back(self, image: Image, seen: Sequence[TextBox], lines: Sequence[Candidate]) -> list[Candidate]:
        """Return unread candidates for boxes that both detectors see and that `lines` leave open.

        Parameters
        ----------
        image
            uint8 of shape (rows, columns) or (rows, columns, 3).
        seen
            Boxes of the search.
        lines
            What was found in it.
        """
        witness = self.detectors.witness
        if witness is None:
            return []
        known = [line.region for line in lines]
        open_boxes = fused([box for box in seen if _may_be_a_line(box) and _share(box.region, known) <= OPEN])
        found = [b for b in open_boxes if _may_be_a_line(b) and self._both_see(image, b.region, witness)]
        return [self._unread(image, box) for box in found if _share(box.region, known) <= OPEN]

    def unless_half_read(self, image: Image, line: Candidate) -> Candidate:
        """Return a line as unread if its ink has letters that were not read, and a detector sees them surely.

        Parameters
        ----------
        image
            uint8 of shape (rows, columns) or (rows, columns, 3).
        line
            With a reading. A lone detector without a witness is believed.
        """
        whole, witness = unless_half_read(image, line), self.detectors.witness
        if whole is line or witness is None or self._witness_sees(image, line.region, witness):
            return whole
        network = self._scores(image, line.region, self.detectors.fine, NETWORK_SIZES)
        return whole if _enough(network, len(NETWORK_SIZES), NETWORK_IS_SURE, NETWORK_NEEDED) else line

    def _both_see(self, image: Image, region: Region, witness: TextDetector) -> bool:
        network = self._scores(image, region, self.detectors.fine, NETWORK_SIZES)
        seen = _enough(network, len(NETWORK_SIZES), NETWORK_SEES, NETWORK_NEEDED)
        return seen and self._witness_sees(image, region, witness)

    def _witness_sees(self, image: Image, region: Region, witness: TextDetector) -> bool:
        other = self._scores(image, region, witness, WITNESS_SIZES)
        return _enough(other, len(WITNESS_SIZES), WITNESS_SEES, WITNESS_NEEDED)

    def _scores(
        self, image: Image, region: Region, detector: TextDetector, sizes: Sequence[float]
    ) -> Iterator[float]:
        """Yield the best score of boxes on a place at each size."""
        window = region.expanded(SURROUNDINGS, SURROUNDINGS, (image.shape[0], image.shape[1]))
        for size in sizes:
            tiles = tiles_of(window, size, self.settings)
            boxes = (b for tile in tiles for b in boxes_in_tile(image, tile, detector))
            yield max((b.score for b in boxes if not b.code and _shows(b.region, region)), default=0.0)

    def _unread(self, image: Image, box: TextBox) -> Candidate:
        candidate = Candidate(box.region, box.score, Choice(UNREAD), plain=False)
        return replace(candidate, region=self.boxes.with_margin(candidate, (image.shape[0], image.shape[1])))


def _enough(scores: Iterator[float], sizes: int, least: float, needed: int) -> bool:
    """Tell whether enough sizes show a place; the rest are not made once that is settled."""
    shown = 0
    for made, score in enumerate(scores, 1):
        shown += score >= least
        if shown >= needed or shown + sizes - made < needed:
            break
    return shown >= needed


def _may_be_a_line(box: TextBox) -> bool:
    high, wide = box.region.rows, box.region.columns
    return not box.code and box.score >= SEEN and LOWEST <= high <= TALLEST and wide >= LONG * high


def _shows(seen: Region, region: Region) -> bool:
    shared = seen.intersection(region)
    return shared is not None and shared.area >= SHARED * min(seen.area, region.area)


def _share(region: Region, known: Sequence[Region]) -> float:
    """Return how much of a region others cover, at most; what they share counts twice."""
    shared = (other.intersection(region) for other in known)
    return sum(s.area for s in shared if s is not None) / region.area
