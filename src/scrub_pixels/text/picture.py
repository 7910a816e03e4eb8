"""Search one picture: once as it is, once enlarged where the first look left something open.

The first pass finds and reads what is large and clear. Only what it did not settle (faint or small text,
tissue, graphics) is enlarged and searched again: most of an ultrasound frame is empty, and twice the
scale costs four times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from scrub_pixels.geometry import Region, Shape
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.boxes import clipped_boxes, fused, is_upright, uncovered
from scrub_pixels.text.candidates import Candidate, is_code, is_settled, is_turned, is_word
from scrub_pixels.text.detectors import Detectors
from scrub_pixels.text.edge_print import EdgePrint
from scrub_pixels.text.fine_print import FinePrint
from scrub_pixels.text.ink import ink_of
from scrub_pixels.text.large_print import LargePrint
from scrub_pixels.text.leftovers import leftovers
from scrub_pixels.text.letterspaced import Letterspaced
from scrub_pixels.text.missed import Missed
from scrub_pixels.text.readers import Image, TextBox, TextDetector
from scrub_pixels.text.reading import UNREAD, Choice, LineReader
from scrub_pixels.text.second_look import SecondLook
from scrub_pixels.text.seen_again import SeenAgain
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.slanted import Slanted, is_under
from scrub_pixels.text.tiles import Tile, boxes_in_tile, busy_map, cropped, seen_in_tile, tiles_of
from scrub_pixels.text.two_witnesses import TwoWitnesses
from scrub_pixels.text.unpacking import Unpacking, explains, overlaps

__all__ = ["Candidate", "PictureSearch"]

TURNED_SURE = 0.8
"""Confidence with which turned text is read before its box is taken for a stack of lines."""


@dataclass(frozen=True)
class Spared:
    """What a search of parts of a picture need not read.

    Parameters
    ----------
    near
        Only boxes that overlap one of these places are read; None for all boxes.
    settled
        Places of lines of which all is known; what lies in them is not read again.
    """

    near: Sequence[Region] | None = None
    settled: Sequence[Region] = ()

    def wants(self, box: TextBox) -> bool:
        """Tell whether a box has to be read."""
        if self.near is not None and not any(box.region.overlaps(place) for place in self.near):
            return False
        return not any(_mostly_inside(box.region, place) for place in self.settled)


EVERYTHING = Spared()


@dataclass(frozen=True)
class PictureSearch:
    """Finds and reads the lines of a picture."""

    detectors: Detectors
    lines: LineReader
    settings: SearchSettings

    @cached_property
    def _reader(self) -> BoxReader:
        return BoxReader(self.lines, self.settings)

    @cached_property
    def _second_look(self) -> SecondLook:
        return SecondLook(self.detectors.fine, self.lines, self.settings)

    @cached_property
    def _seen_again(self) -> SeenAgain:
        return SeenAgain(self.detectors.fine, self._reader, self.settings)

    def search(
        self,
        image: Image,
        within: Sequence[Region] | None = None,
        known: Sequence[Candidate] = (),
        spared: Spared = EVERYTHING,
    ) -> list[Candidate]:
        """Return the lines of `image`, or of the parts `within` of it, but what is `spared`.

        Lines that are `known` to stand in it, from another view or an earlier frame, account for their ink.
        """
        areas = [Region.whole((image.shape[0], image.shape[1]))] if within is None else list(within)
        looks = [self._look_twice(image, area, spared) for area in areas]
        unpacking, missed = Unpacking(self._reader, self.settings), Missed(self._reader, self.settings)
        kept = [c for found, _, _ in looks for c in unpacking.unpacked(image, found, known)]
        lines = self._reader.accepted(image, kept)
        seen = [box for _, boxes, _ in looks for box in boxes]
        slanted = [box for _, _, boxes in looks for box in boxes]
        lines += missed.put_back(image, seen, [*lines, *known])
        lines += self._seen_again.put_back(image, seen, [*lines, *known])
        confirmed = self._seen_again.kept(image, self._second_look.confirmed(image, lines))
        witnesses = TwoWitnesses(self.detectors, self._reader, self.settings)
        unread = witnesses.put_back(image, seen, confirmed)
        read = [witnesses.unless_half_read(image, line) for line in confirmed]
        marks = [c for found, _, _ in looks for c in found]
        spelt = Letterspaced(self.detectors.fine, self._reader, self.settings).found(image, marks)
        found = self._seen_again.lengthened(image, read) + unread + spelt
        straight = Slanted(self.detectors.fine, self.lines, self.settings)
        askew = straight.found(image, slanted, [*found, *known])
        return [*(line for line in found if line.code or not is_under(line.region, askew)), *askew]

    def fine_print(
        self, image: Image, areas: Sequence[Region], lines: Sequence[Candidate]
    ) -> list[Candidate]:
        """Return what stands in parts of `image` too small for the search, and outside of `lines`."""
        return FinePrint(self.detectors, self._reader, self.settings).found(image, areas, lines)

    def large_print(
        self, image: Image, areas: Sequence[Region], lines: Sequence[Candidate]
    ) -> list[Candidate]:
        """Return what stands in parts of `image` too large for the search, unless `lines` explain it."""
        return LargePrint(self.detectors.fine, self._reader).found(image, areas, lines)

    def cut_by_edges(
        self, image: Image, areas: Sequence[Region], lines: Sequence[Candidate]
    ) -> list[Candidate]:
        """Return text in parts of `image` that its upper or lower edge cuts, unless `lines` explain it."""
        edges = EdgePrint(self.detectors.fine, self._reader, self.settings)
        return self._second_look.confirmed(image, edges.found(image, areas, lines))

    def look_once(
        self, image: Image, within: Sequence[Region], scale: float, wanted: Callable[[TextBox], bool]
    ) -> list[Candidate]:
        """Return the lines of the parts `within`, seen at one scale only; only `wanted` boxes are read."""
        found: list[Candidate] = []
        for area in within:
            tiles = self._tiles(area, busy_map(image[area.slices]), scale)
            boxes = [box for box in self._boxes(image, tiles, self.detectors.fine) if wanted(box)]
            found += self._candidates(image, boxes)
        confirmed = self._second_look.confirmed(image, self._reader.accepted(image, found))
        return self._seen_again.kept(image, confirmed)

    def _look_twice(
        self, image: Image, area: Region, spared: Spared
    ) -> tuple[list[Candidate], list[TextBox], list[TextBox]]:
        """Return the candidates of an area after both passes, every box that was seen, and slanted ones."""
        busy = busy_map(image[area.slices])
        tiles = self._tiles(area, busy, 1.0)
        shown = list(filter(spared.wants, self._seen(image, tiles, self.detectors.first)))
        seen, slanted = [b for b in shown if b.quad is None], [b for b in shown if b.quad is not None]
        first = self._candidates(image, seen)
        settled = [c for c in first if is_settled(c, self.settings)]
        if self.settings.upscale <= 1 or image.shape[0] * image.shape[1] > self.settings.enlarge_up_to:
            return first, seen, slanted
        left_out = self._left_out((image.shape[0], image.shape[1]))
        for done in (*(c.region for c in settled), *spared.settled, *left_out):
            inside = done.intersection(area)
            if inside is not None:
                busy[inside.moved(-area.row, -area.column).slices] = 0
        tiles = self._tiles(area, busy, self.settings.upscale)
        second = list(filter(spared.wants, self._boxes(image, tiles, self.detectors.fine)))
        unsettled = [c for c in first if c not in settled]
        open_boxes = [TextBox(c.region, c.detection, c.plain) for c in unsettled]
        later = self._second_candidates(image, second, open_boxes, settled)
        return settled + later, seen + second, slanted

    def _left_out(self, shape: Shape) -> list[Region]:
        """Return what the enlarged pass skips by policy: the middle of the frame, or nothing."""
        band = [max(1, round(side * self.settings.band_fraction)) for side in shape]
        middle = [side - 2 * width for side, width in zip(shape, band, strict=True)]
        if self.settings.whole_frame or min(middle) < 1:
            return []
        return [Region(band[0], band[1], middle[0], middle[1])]

    def _second_candidates(
        self, image: Image, boxes: list[TextBox], open_boxes: list[TextBox], settled: list[Candidate]
    ) -> list[Candidate]:
        parts = self._reader.parts(image, [box for box in boxes if not box.code])
        lines = [c for c in settled if c.plain]
        rest = [left for box in fused(parts + open_boxes) for left in self._unsettled(image, box, lines)]
        new = [box for box in rest if not _inside_any(box.region, settled)]
        return [self._reader.candidate(image, box) for box in new]

    def _unsettled(self, image: Image, box: TextBox, lines: Sequence[Candidate]) -> list[TextBox]:
        """Return what settled lines do not explain of a box."""
        known = [line.region for line in lines if explains(line, box, self.settings)]
        return [left for piece in uncovered(box, known) for left in leftovers(image, piece, known)]

    def _tiles(self, area: Region, busy: Image, scale: float) -> Iterator[Tile]:
        for tile in tiles_of(area, scale, self.settings):
            piece = cropped(tile, area, busy)
            if piece is not None:
                yield piece

    def _boxes(self, image: Image, tiles: Iterator[Tile], detector: TextDetector) -> list[TextBox]:
        boxes = [box for tile in tiles for box in boxes_in_tile(image, tile, detector)]
        return self._not_weak(image, boxes)

    def _seen(self, image: Image, tiles: Iterator[Tile], detector: TextDetector) -> list[TextBox]:
        """Return the boxes of parts of a picture, those of slanted text as well."""
        return self._not_weak(image, [box for tile in tiles for box in seen_in_tile(image, tile, detector)])

    def _not_weak(self, image: Image, boxes: Sequence[TextBox]) -> list[TextBox]:
        sure = [box for box in boxes if box.score >= self.settings.least_detection]
        return clipped_boxes(sure, (image.shape[0], image.shape[1]))

    def _candidates(self, image: Image, boxes: Sequence[TextBox]) -> list[Candidate]:
        codes = [box for box in boxes if box.code and is_code(box, self.settings)]
        lines = [box for box in boxes if not box.code and not _mostly_within(box.region, codes)]
        turned = self._turned(image, lines)
        rest = [left for box in lines for left in self._left_by(image, box, turned)]
        found = turned + [
            self._reader.candidate(image, box) for box in fused(self._reader.parts(image, rest))
        ]
        return found + [Candidate(box.region, box.score, Choice(UNREAD), code=True) for box in codes]

    def _left_by(self, image: Image, box: TextBox, turned: Sequence[Candidate]) -> list[TextBox]:
        """Return what turned text that was read leaves of a box: all of it, its other marks, or nothing."""
        near = [c.region for c in turned if overlaps(c.region, box.region)]
        if not near:
            return [box]
        ink, _ = ink_of(image, box.region, (4, 4))
        return leftovers(image, replace(box, plain=ink.followable), near)

    def _turned(self, image: Image, boxes: Sequence[TextBox]) -> list[Candidate]:
        """Return the upright boxes that read well when turned, before they are taken for stacks."""
        upright = [box for box in boxes if is_upright(box.region)]
        long = [part for part in fused(self._reader.parts(image, upright)) if is_turned(part.region)]
        read = [self._reader.candidate(image, part) for part in long]
        return [
            c
            for c in read
            if c.choice.best.confidence >= TURNED_SURE and is_word(c.choice.best, self.settings)
        ]


def _mostly_within(region: Region, codes: Sequence[TextBox]) -> bool:
    return any(_mostly_inside(region, code.region) for code in codes)


def _mostly_inside(line: Region, box: Region) -> bool:
    shared = line.intersection(box)
    return shared is not None and shared.area >= 0.7 * line.area


def _inside_any(region: Region, candidates: Sequence[Candidate]) -> bool:
    """Tell whether most of `region` was settled before."""
    shared = (c.region.intersection(region) for c in candidates)
    return any(s is not None and s.area >= 0.7 * region.area for s in shared)
