"""Search one picture: once as it is, once enlarged where the first look left something open.

The first pass finds and reads what is large and clear. Only what it did not settle (faint or small text,
tissue, graphics) is enlarged and searched again: most of an ultrasound frame is empty, and twice the
scale costs four times as much.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from scrub_pixels.geometry import Region, Shape
from scrub_pixels.text.boxes import (
    clipped_boxes,
    fused,
    is_upright,
    refined,
    thickness,
    uncovered,
)
from scrub_pixels.text.detectors import Detectors
from scrub_pixels.text.ink import ink_of
from scrub_pixels.text.leftovers import LETTER_GAP, leftovers, parted, together, unexplained
from scrub_pixels.text.readers import Image, Reading, TextBox, TextDetector
from scrub_pixels.text.reading import UNREAD, Choice, LineReader
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.tiles import Tile, boxes_in_tile, busy_map, cropped, tiles_of

BLOATED = 1.5
"""A box that many times as thick as a line inside it was drawn around more."""

TURNED_SURE = 0.8
"""Confidence with which turned text is read before that."""

TURNED = 3.0
"""Heights of a line that turned text is long before it is read as such, whatever lines are in its box."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place in one picture that may be a line of text."""

    region: Region
    detection: float
    choice: Choice
    plain: bool = True
    code: bool = False


@dataclass(frozen=True)
class PictureSearch:
    """Finds and reads the lines of a picture."""

    detectors: Detectors
    lines: LineReader
    settings: SearchSettings

    def search(
        self, image: Image, within: Sequence[Region] | None = None, known: Sequence[Candidate] = ()
    ) -> list[Candidate]:
        """Return the lines of `image`, or of the parts `within` of it.

        Lines that are `known` to stand in it, from another view or an earlier frame, account for their ink.
        """
        areas = [Region.whole((image.shape[0], image.shape[1]))] if within is None else list(within)
        looks = [self._look_twice(image, area) for area in areas]
        kept = [c for found, _ in looks for c in self._without_bloat(image, found, known)]
        lines = self._accepted(image, kept)
        return lines + self._put_back(image, [box for _, seen in looks for box in seen], [*lines, *known])

    def look_once(self, image: Image, within: Sequence[Region], scale: float) -> list[Candidate]:
        """Return the lines of the parts `within`, seen at one scale only."""
        found: list[Candidate] = []
        for area in within:
            tiles = self._tiles(area, busy_map(image[area.slices]), scale)
            found += self._candidates(image, self._boxes(image, tiles, self.detectors.fine))
        return self._accepted(image, found)

    def _accepted(self, image: Image, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the confirmed candidates, their boxes given the margin that a mask needs.

        The margin comes last: a crop that is cut close to the ink reads better.
        """
        shape = (image.shape[0], image.shape[1])
        kept = confirmed(candidates, self.settings)
        return [replace(c, region=self._with_margin(c, shape)) for c in kept]

    def _with_margin(self, candidate: Candidate, shape: Shape) -> Region:
        """Return the box to mask; where the ink could not be followed it is wider, at the ends most."""
        settings, region = self.settings, candidate.region
        unsure = 0.0 if candidate.plain else settings.unsure_margin
        across, along = (
            max(1, round(share * thickness(region)))
            for share in (settings.margin + unsure, settings.margin + 2 * unsure)
        )
        rows, columns = (along, across) if is_upright(region) else (across, along)
        return region.expanded(rows, columns, shape)

    def _put_back(
        self, image: Image, seen: Sequence[TextBox], lines: Sequence[Candidate]
    ) -> list[Candidate]:
        """Return what boxes that were surely seen hold and no line explains, however they were taken apart.

        It counts as unread unless it reads surely as words: letter by letter anything is harmless.
        """
        found: list[Candidate] = []
        for box in sorted(seen, key=lambda b: -b.region.area):
            near = [c for c in (*lines, *found) if c.region.overlaps(box.region)]
            open_ = self._open_marks(image, box, [c for c in near if c in found or self._explains(c, box)])
            found += self._accepted_all(image, open_)
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
        read = [self._candidate(image, box) for box in boxes]
        sure = [self._is_settled(c) and _is_word(c.choice.best, self.settings) for c in read]
        kept = (c if good else replace(c, choice=Choice(UNREAD)) for c, good in zip(read, sure, strict=True))
        return [replace(c, region=self._with_margin(c, shape)) for c in kept]

    def _look_twice(self, image: Image, area: Region) -> tuple[list[Candidate], list[TextBox]]:
        """Return the candidates of an area after both passes, and every box that was seen."""
        busy = busy_map(image[area.slices])
        tiles = self._tiles(area, busy, 1.0)
        seen = self._boxes(image, tiles, self.detectors.first)
        first = self._candidates(image, seen)
        settled = [c for c in first if self._is_settled(c)]
        if self.settings.upscale <= 1 or image.shape[0] * image.shape[1] > self.settings.enlarge_up_to:
            return first, seen
        for done in [c.region for c in settled] + self._left_out((image.shape[0], image.shape[1])):
            inside = done.intersection(area)
            if inside is not None:
                busy[inside.moved(-area.row, -area.column).slices] = 0
        second = self._boxes(image, self._tiles(area, busy, self.settings.upscale), self.detectors.fine)
        open_boxes = [TextBox(c.region, c.detection, c.plain) for c in first if not self._is_settled(c)]
        return settled + self._second_candidates(image, second, open_boxes, settled), seen + second

    def _without_bloat(
        self, image: Image, found: list[Candidate], known: Sequence[Candidate]
    ) -> list[Candidate]:
        """Return the candidates, of boxes over several lines only what those lines do not explain."""
        lines = [c for c in (*found, *known) if c.plain and not c.code and self._is_settled(c)]
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
        close = [k for k in known if k is not candidate and _overlaps(k.region, candidate.region)]
        near = [k.region for k in close]
        if self._is_settled(candidate):
            # crumbs, surely read as they may be, take no line apart that reads surely as a whole
            near = [k.region for k in close if _is_word(k.choice.best, self.settings)]
            left = leftovers(image, box, near) if _is_bloated(candidate, near) else [box]
            tall = near and thickness(candidate.region) >= BLOATED * max(map(thickness, near))
            if not left or (tall and len(near) > 1 and left != [box]):
                return [self._candidate(image, rest) for rest in left]
            return [candidate]
        explaining = [k.region for k in close if self._explains(k, box)]
        pieces = uncovered(box, explaining)
        left = [rest for piece in pieces for rest in leftovers(image, piece, explaining)]
        if left != [box]:
            return [self._candidate(image, rest) for rest in left]
        return self._parted(image, candidate, box)

    def _explains(self, line: Candidate, box: TextBox) -> bool:
        """Tell whether a line accounts for ink of a box: letters read one by one do not for turned text."""
        if line.code or not is_upright(box.region):
            return True
        lying = line.region.columns >= 1.5 * line.region.rows
        return (lying or is_turned(line.region)) and _is_word(line.choice.best, self.settings)

    def _parted(self, image: Image, candidate: Candidate, box: TextBox) -> list[Candidate]:
        """Return the parts of a candidate that reads badly, if most of them read well."""
        parts = parted(image, box) if candidate.plain and not is_turned(box.region) else [box]
        if len(parts) < 2:
            return [candidate]
        read = [self._candidate(image, part) for part in parts]
        well = sum(is_real(c.choice.best, self.settings) for c in read)
        return read if 2 * well >= len(read) else [candidate]

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
        parts = self._parts(image, [box for box in boxes if not box.code])
        lines = [c for c in settled if c.plain]
        rest = [left for box in fused(parts + open_boxes) for left in self._unsettled(image, box, lines)]
        new = [box for box in rest if not _inside_any(box.region, settled)]
        return [self._candidate(image, box) for box in new]

    def _unsettled(self, image: Image, box: TextBox, lines: Sequence[Candidate]) -> list[TextBox]:
        """Return what settled lines do not explain of a box."""
        known = [line.region for line in lines if self._explains(line, box)]
        return [left for piece in uncovered(box, known) for left in leftovers(image, piece, known)]

    def _tiles(self, area: Region, busy: Image, scale: float) -> Iterator[Tile]:
        for tile in tiles_of(area, scale, self.settings):
            piece = cropped(tile, area, busy)
            if piece is not None:
                yield piece

    def _boxes(self, image: Image, tiles: Iterator[Tile], detector: TextDetector) -> list[TextBox]:
        boxes = [box for tile in tiles for box in boxes_in_tile(image, tile, detector)]
        sure = [box for box in boxes if box.score >= self.settings.least_detection]
        return clipped_boxes(sure, (image.shape[0], image.shape[1]))

    def _parts(self, image: Image, boxes: Sequence[TextBox]) -> list[TextBox]:
        return [part for box in boxes for part in refined(image, box, self.settings.crop_margin)]

    def _candidates(self, image: Image, boxes: Sequence[TextBox]) -> list[Candidate]:
        codes = [box for box in boxes if box.code and is_code(box, self.settings)]
        lines = [box for box in boxes if not box.code and not _mostly_within(box.region, codes)]
        turned = self._turned(image, lines)
        rest = [left for box in lines for left in self._left_by(image, box, turned)]
        found = turned + [self._candidate(image, box) for box in fused(self._parts(image, rest))]
        return found + [Candidate(box.region, box.score, Choice(UNREAD), code=True) for box in codes]

    def _left_by(self, image: Image, box: TextBox, turned: Sequence[Candidate]) -> list[TextBox]:
        """Return what turned text that was read leaves of a box: all of it, its other marks, or nothing."""
        near = [c.region for c in turned if _overlaps(c.region, box.region)]
        if not near:
            return [box]
        ink, _ = ink_of(image, box.region, (4, 4))
        return leftovers(image, replace(box, plain=ink.followable), near)

    def _turned(self, image: Image, boxes: Sequence[TextBox]) -> list[Candidate]:
        """Return the upright boxes that read well when turned, before they are taken for stacks."""
        upright = [box for box in boxes if is_upright(box.region)]
        parts = [part for box in upright for part in refined(image, box, self.settings.crop_margin)]
        long = [part for part in fused(parts) if is_turned(part.region)]
        read = [self._candidate(image, part) for part in long]
        return [
            c
            for c in read
            if c.choice.best.confidence >= TURNED_SURE and _is_word(c.choice.best, self.settings)
        ]

    def _candidate(self, image: Image, box: TextBox) -> Candidate:
        worthwhile = box.plain or box.score >= self.settings.strong_detection
        choice = self.lines.read(image, box.region, worthwhile)
        return Candidate(box.region, box.score, choice, box.plain)

    def _is_settled(self, candidate: Candidate) -> bool:
        if candidate.code:
            return True
        reading = candidate.choice.best
        return reading.confidence >= self.settings.sure_confidence and is_real(reading, self.settings)


def is_code(box: TextBox, settings: SearchSettings) -> bool:
    """Tell a barcode or QR code from the grids and textures that look like one in small."""
    sides = (box.region.rows, box.region.columns)
    return box.score >= settings.strong_code and min(sides) >= settings.least_code


def is_turned(region: Region) -> bool:
    """Tell a box that only turned text has from one that a few letters above each other have."""
    return region.rows >= TURNED * region.columns


def _overlaps(line: Region, box: Region) -> bool:
    shared = line.intersection(box)
    return shared is not None and shared.area >= 0.3 * min(line.area, box.area)


def _is_bloated(candidate: Candidate, lines: Sequence[Region]) -> bool:
    """Tell whether a box on plain ground holds several lines, or one much thinner than it."""
    if not lines or not candidate.plain:
        return False
    return len(lines) > 1 or thickness(candidate.region) >= BLOATED * thickness(lines[0])


def _mostly_within(region: Region, codes: Sequence[TextBox]) -> bool:
    return any(_mostly_inside(region, code.region) for code in codes)


def _mostly_inside(line: Region, box: Region) -> bool:
    shared = line.intersection(box)
    return shared is not None and shared.area >= 0.7 * line.area


def _inside_any(region: Region, candidates: Sequence[Candidate]) -> bool:
    """Tell whether most of `region` was settled before."""
    shared = (c.region.intersection(region) for c in candidates)
    return any(s is not None and s.area >= 0.7 * region.area for s in shared)


def confirmed(candidates: Sequence[Candidate], settings: SearchSettings) -> list[Candidate]:
    """Return the candidates for which a witness speaks.

    A witness is a real reading, a strong detection shaped like a line, or a confirmed line beside it.
    """
    kept = [c for c in candidates if believable(c, settings)]
    beside = [c for c in candidates if c.plain and c not in kept and any(_continues(c, k) for k in kept)]
    return kept + beside


def believable(candidate: Candidate, settings: SearchSettings) -> bool:
    """Tell whether a candidate is a line by itself; over texture more is asked of it."""
    if candidate.code:
        return True
    reading, plain = candidate.choice.best, candidate.plain
    tall = min(candidate.region.rows, candidate.region.columns) > settings.tallest_line
    if is_real(reading, settings) and ((plain and not tall) or _is_word(reading, settings)):
        return True
    if tall:
        return False
    sides = sorted((candidate.region.rows, candidate.region.columns))
    stretched = sides[1] >= (1.5 if plain else 2.5) * sides[0]
    return stretched and candidate.detection >= (
        settings.strong_detection if plain else settings.strong_on_texture
    )


def _is_word(reading: Reading, settings: SearchSettings) -> bool:
    """Tell a reading that tissue hardly ever gives: three known characters, surely read."""
    known = sum(c.isascii() and c.isalnum() for c in reading.text)
    return known >= 3 and reading.confidence >= settings.sure_pair


def _continues(candidate: Candidate, line: Candidate) -> bool:
    """Tell whether a candidate stands on the same line of text, close by and equally tall."""
    a, b = candidate.region, line.region
    shared = min(a.bottom, b.bottom) - max(a.row, b.row)
    gap = max(a.column, b.column) - min(a.right, b.right)
    low, high = sorted((thickness(a), thickness(b)))
    return shared >= 0.7 * low and high <= 1.5 * low and gap <= 3 * high


def is_real(reading: Reading, settings: SearchSettings) -> bool:
    """Tell a reading from what recognisers see in tissue: single strokes and lone ideographs."""
    known = sum(c.isascii() and c.isalnum() for c in reading.text)
    strange = sum(c.isalnum() and not c.isascii() for c in reading.text)
    weight = known + (strange if strange > 1 else 0)
    needed = (1.1, settings.sure_single, settings.sure_pair)
    return reading.confidence >= (needed[weight] if weight < len(needed) else settings.least_confidence)
