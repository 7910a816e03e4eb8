"""Text over tissue that is hardly read: what several sizes of the same place show at the same spot.

Where bright texture lies behind letters, the recogniser fails and the detectors are less sure of themselves
than on plain ground. But letters are seen at whatever size they are shown, and tissue is not: a box that
turns up again at the same place in most views is text, though nobody can read it; one that few of them show,
and that hardly reads, is none. In the same way a line over texture reaches as far as any of the views shows
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from scrub_pixels.geometry import Region
from scrub_pixels.text.agreement import all_looks_agree, is_too_narrow, looks_agree
from scrub_pixels.text.arrowheads import are_arrowheads
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.boxes import fused, thickness
from scrub_pixels.text.candidates import Candidate, is_settled, is_word
from scrub_pixels.text.grain import stands_over_grain
from scrub_pixels.text.graphics import is_only_graphics
from scrub_pixels.text.readers import Image, TextBox, TextDetector
from scrub_pixels.text.reading import UNREAD, Choice
from scrub_pixels.text.scale_bars import is_scale_bar
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.straight_lines import is_straight_line
from scrub_pixels.text.tiles import boxes_in_tile, tiles_of

SCALES = (2.0, 1.5, 1.0, 3.0)
"""Sizes at which a place is shown; the ones that tell most come first."""

NEEDED = 3
"""Views that show a box where it was seen, of those four."""

SEEN = 0.6
"""Detection from which a box counts, the one that is asked about and its like in another view."""

ALIKE = 0.5
"""Share of two boxes' union that both cover if they are one and the same."""

TOUCHED = 0.15
"""Share of the box of a line that was found already which a view must show: over grain boxes are wide."""

SURE = 2
"""Views that show a place surely before nobody asks whether its readings agree."""

TALL = 36
"""Thickness from which no detection is sure over texture: detectors take whole organs for letters."""

LETTERS = 18
"""Height as which tall ones are shown at size 1."""

DRAWINGS = (are_arrowheads, is_scale_bar, is_only_graphics)
"""What devices draw that no letter looks like, whatever is read there."""

BARS = frozenset("1Il|/\\-_ ")
"""Characters that a straight line is taken for."""

LINE = 2.5
"""Thicknesses that a box of a line is long at least: squarish ones are seen in any texture."""

SEVERAL = 2.0
"""The same for a box that may have been drawn around several lines."""

LOWEST, TALLEST = 7, 40
"""Thickness of such a box at least, samples, and of a line whose ends are sought at most."""

CHARACTERS, GUESSED = 3, 0.3
"""Different characters that are read there, and the least confidence: tissue reads as less."""

OPEN = 0.5
"""Share of a box up to which lines explain it and leave it open all the same."""

SURROUNDINGS = 24
"""Samples around a box that are shown with it."""

LONGER = 2.0
"""Size at which the ends of a line are sought."""

REACH = 4
"""Thicknesses of a line that are shown on either side of it."""

SAME_ROWS = 0.6
"""Share of the lower one's rows that a line and its longer view have in common."""

NO_TALLER = 1.6
"""How many times as tall as the line its longer view may be."""


@dataclass(frozen=True)
class SeenAgain:
    """Looks again, at several sizes, where texture hides letters.

    Parameters
    ----------
    detector
        Is shown the places; the cheaper one.
    boxes
        Reads what is seen.
    settings
        Of the search.
    """

    detector: TextDetector
    boxes: BoxReader
    settings: SearchSettings

    def put_back(self, image: Image, seen: Sequence[TextBox], lines: Sequence[Candidate]) -> list[Candidate]:
        """Return candidates for text that was seen, that no line explains, and that stays at other sizes."""
        found: list[Candidate] = []
        for box in sorted(seen, key=lambda b: -b.score):
            known = [line.region for line in (*lines, *found)]
            if _may_be_lines(box) and _share(box.region, known) <= OPEN:
                found += self._read_again(image, self._steady(image, box), known)
        return found

    def _within(self, image: Image, box: TextBox, lines: Sequence[Candidate]) -> list[Candidate]:
        """Return the lines in a box that is taller than any of them."""
        steady = [b for b in self._steady(image, box) if b.region.rows < TALL]
        return self._read_again(image, steady, [line.region for line in lines])

    def _read_again(self, image: Image, seen: list[TextBox], known: Sequence[Region]) -> list[Candidate]:
        """Return candidates for what was seen again, less what lines explain and what does not read."""
        steady = [b for b in seen if _share(b.region, known) <= OPEN]
        again = (self.boxes.candidate(image, replace(b, plain=False)) for b in fused(steady))
        return [self._unread(image, c) for c in again if _is_some_reading(c)]

    def kept(self, image: Image, lines: Sequence[Candidate]) -> list[Candidate]:
        """Return the lines, less those that hardly read and are a drawing, or grain at a closer look.

        Of text most sizes show something, and either surely or so that its looks agree. What is too tall may
        be lines and tissue around them: then they stay.
        """
        lines = [c for c in lines if not (_is_bars(c) and is_straight_line(image, c.region))]
        stay = [c for c in lines if self._is_sure(c) or self._is_text(image, c)]
        tall = [c for c in lines if c not in stay and thickness(c.region) >= TALL]
        for line in tall:
            stay += self._within(image, TextBox(line.region, line.detection), stay)
        return stay

    def _is_sure(self, line: Candidate) -> bool:
        """Tell whether a line is read or seen so surely that nobody asks what ground it stands on."""
        settings = self.settings
        seen = line.detection >= settings.strong_on_texture and thickness(line.region) < TALL
        return line.code or seen or line.choice.best.confidence >= settings.sure_confidence

    def _is_text(self, image: Image, line: Candidate) -> bool:
        if any(is_drawn(image, line.region) for is_drawn in DRAWINGS):
            return False
        doubtful = is_too_narrow(line) or stands_over_grain(image, line.region)
        return not doubtful or self._is_shown(image, line)

    def _is_shown(self, image: Image, line: Candidate) -> bool:
        """Tell whether most views of a place show something there, and some surely or looks that agree.

        Where fewer views do, all looks have to read the same.
        """
        scores = self._shown_scores(image, line.region)
        if len(scores) < NEEDED:
            return all_looks_agree(image, line, self.boxes.lines)
        sure = sum(score >= self.settings.strong_detection for score in scores)
        return sure >= SURE or looks_agree(image, line, self.boxes.lines)

    def _shown_scores(self, image: Image, region: Region) -> list[float]:
        """Return the best score of each view that shows a place; not all are made once most do or do not."""
        window = region.expanded(SURROUNDINGS, SURROUNDINGS, (image.shape[0], image.shape[1]))
        reduced = LETTERS / thickness(region) if thickness(region) >= TALL else 1.0
        scores: list[float] = []
        for made, scale in enumerate(SCALES, 1):
            views = self._look(image, window, scale * reduced)
            boxes = [b for b in views if b.region.overlaps(region)]
            if _share(region, [b.region for b in boxes]) >= TOUCHED:
                scores.append(max(b.score for b in boxes))
            if len(scores) == NEEDED or len(scores) + len(SCALES) - made < NEEDED:
                break
        return scores

    def lengthened(self, image: Image, lines: Sequence[Candidate]) -> list[Candidate]:
        """Return the lines; those whose ends lie in texture reach as far as any view shows them."""
        return [self._lengthened(image, line) if _ends_in_texture(line) else line for line in lines]

    def _steady(self, image: Image, box: TextBox) -> list[TextBox]:
        """Return what most views of a box show at one place; not all of them are made for hopeless ones."""
        window = box.region.expanded(SURROUNDINGS, SURROUNDINGS, (image.shape[0], image.shape[1]))
        views: list[list[TextBox]] = []
        for scale in SCALES:
            views.append([b for b in self._look(image, window, scale) if b.region.overlaps(box.region)])
            still_wanted = NEEDED - (len(SCALES) - len(views))
            places = [box, *(b for view in views for b in view)]
            steady = [b for b in places if _is_line(b) and _shown(b, views) >= still_wanted]
            if not steady:
                break
        return steady

    def _look(self, image: Image, window: Region, scale: float) -> Iterator[TextBox]:
        for tile in tiles_of(window, scale, self.settings):
            yield from (
                b for b in boxes_in_tile(image, tile, self.detector) if b.score >= SEEN and not b.code
            )

    def _unread(self, image: Image, read: Candidate) -> Candidate:
        """Return a candidate with the margin of a mask; what does not read surely as words is unread."""
        surely = is_settled(read, self.settings) and is_word(read.choice.best, self.settings)
        region = self.boxes.with_margin(read, (image.shape[0], image.shape[1]))
        return replace(read, region=region, choice=read.choice if surely else Choice(UNREAD))

    def _lengthened(self, image: Image, line: Candidate) -> Candidate:
        region, reach = line.region, REACH * thickness(line.region)
        window = region.expanded(SURROUNDINGS, reach, (image.shape[0], image.shape[1]))
        views = [b.region for b in self._look(image, window, LONGER)]
        parts = [region, *(view for view in views if _continues(view, region))]
        left, right = min(p.column for p in parts), max(p.right for p in parts)
        return replace(line, region=Region(region.row, left, region.rows, right - left))


def _may_be_lines(box: TextBox) -> bool:
    """Tell whether a box is worth another look: it may hold one line, or two that run into each other."""
    high, wide = box.region.rows, box.region.columns
    return not box.code and box.score >= SEEN and high >= LOWEST and wide > SEVERAL * high


def _is_line(box: TextBox) -> bool:
    return box.region.rows >= LOWEST and box.region.columns > LINE * box.region.rows


def _is_some_reading(candidate: Candidate) -> bool:
    """Tell a reading of some different characters, right or wrong, from what is read in tissue."""
    best = candidate.choice.best
    characters = {c for c in best.text.lower() if c.isascii() and c.isalnum()}
    return len(characters) >= CHARACTERS and best.confidence >= GUESSED


def _shown(box: TextBox, views: Sequence[Sequence[TextBox]]) -> int:
    """Return how many views show a box."""
    return sum(any(_is_same(other, box) for other in view) for view in views)


def _share(region: Region, known: Sequence[Region]) -> float:
    """Return how much of a region others cover, at most; what they share counts twice."""
    shared = (other.intersection(region) for other in known)
    return sum(s.area for s in shared if s is not None) / region.area


def _is_same(again: TextBox, box: TextBox) -> bool:
    shared = again.region.intersection(box.region)
    if shared is None:
        return False
    return shared.area >= ALIKE * (again.region.area + box.region.area - shared.area)


def _ends_in_texture(line: Candidate) -> bool:
    """Tell a lying line of some letters whose ink could not be followed to its ends."""
    letters = sum(c.isalnum() for c in line.choice.best.text)
    lying = line.region.rows <= min(TALLEST, line.region.columns)
    return lying and not (line.plain or line.code or 0 < letters < CHARACTERS)


def _continues(view: Region, line: Region) -> bool:
    """Tell whether a box holds a part of a line, in its rows and hardly taller than it."""
    shared = view.intersection(line)
    if shared is None or view.rows > NO_TALLER * line.rows:
        return False
    return shared.rows >= SAME_ROWS * min(view.rows, line.rows)


def _is_bars(line: Candidate) -> bool:
    """Tell whether a line reads as bars, or not at all, as a straight stroke does."""
    return not line.code and set(line.choice.best.text) <= BARS
