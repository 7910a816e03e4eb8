"""Text whose letters stand far apart: rows of single letters, shown narrower and read as the lines they are.

Titles, film labels and some consoles space the letters of a name out. A detector then sees letters, not a
line, and a letter by itself is harmless: it marks a side, a lead or a button. Shown at a half and at a third
of its width, such a row is a line of narrow type, found and read like any other, over tissue too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np

from scrub_pixels.geometry import Region
from scrub_pixels.text.box_reader import BoxReader
from scrub_pixels.text.candidates import Candidate, is_word
from scrub_pixels.text.readers import Image, TextDetector
from scrub_pixels.text.reading import Choice
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.tiles import boxes_in_tile, tiles_of

WIDTHS = (0.5, 0.33)
"""Shares of its width at which a row is shown."""

LOWEST, TALLEST = 5, 60
"""Height of a letter, samples."""

HEIGHTS, LARGEST = (14, 28), 2.0
"""Heights of letters at which a row is shown, and how many times it is enlarged at most."""

NARROW = 1.3
"""Heights that the box of a single letter is wide at most."""

FARTHEST = 6.0
"""Heights between one letter and the next, at most, with the space between two words."""

ALIKE = 2.0
"""How many times as high as the other the higher of two neighbours is at most: not all letters have stems."""

LIKELY = 0.5
"""Confidence of a letter's reading, at least: what texture looks like is hardly read."""

LETTERS = 2
"""Single letters beside each other that make a row worth a look."""

LINE_END = 2.6
"""Median gaps of a row up to which a mark belongs to the line beside it."""

_BLANK_BESIDE_ONE = re.compile(r"(?<=(?<!\S)\S)\s+|\s+(?=\S(?!\S))")

SPELT = 3
"""Characters with spaces between them in a reading that was spelt letter by letter."""

AROUND, AHEAD = 1.5, 10.0
"""Heights of a row that are shown above and below it, and at either end."""

SEEN = 0.6
"""Detection of a narrow line, at least."""

CLOSE_SET, CLOSE_ON_TEXTURE = 1.1, 0.7
"""Heights of a box for each character in it up to which they are set as usual; over texture a box is tall."""


@dataclass(frozen=True)
class Letterspaced:
    """Finds the lines that rows of single letters are.

    Parameters
    ----------
    detector
        Finds lines in what is shown narrower.
    boxes
        Reads them and gives them the margin of a mask.
    settings
        Of the search.
    """

    detector: TextDetector
    boxes: BoxReader
    settings: SearchSettings

    def found(self, image: Image, seen: Sequence[Candidate]) -> list[Candidate]:
        """Return the lines that letters of `seen` spell together.

        Parameters
        ----------
        image
            uint8 of shape (rows, columns) or (rows, columns, 3).
        seen
            What the search took for text at first, believed or not; what reads as a word set as usual is not
            shown again.
        """
        words = [c.region for c in seen if is_word(c.choice.best, self.settings) and _is_close_set(c)]
        marks = [c for c in seen if not c.code and LOWEST <= c.region.rows <= TALLEST]
        rows = _rows([c for c in marks if not _mostly_inside(c.region, words)])
        spaced = [row for row in rows if sum(map(_letters_in, row)) >= LETTERS]
        return [line for row in spaced for line in self._lines(image, row, words)]

    def _lines(self, image: Image, row: Sequence[Candidate], words: Sequence[Region]) -> Iterator[Candidate]:
        shape = (image.shape[0], image.shape[1])
        height = round(float(np.median([c.region.rows for c in row])))
        band = _around([c.region for c in row])
        window = band.expanded(round(AROUND * height), round(AHEAD * height), shape)
        shown = _without(image, window, words)
        down = min(LARGEST, float(np.clip(height, *HEIGHTS)) / height)
        for width in WIDTHS:
            size = (max(1, round(down * width * window.columns)), max(1, round(down * window.rows)))
            narrow = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
            for found in self._read(np.ascontiguousarray(narrow)):
                place = _scaled(found.region, 1 / down, 1 / (down * width)).moved(window.row, window.column)
                inside = place.clipped(shape)
                if inside is not None and _letters_on(inside, row) >= LETTERS:
                    line = replace(found, region=_to_its_ends(inside, [c.region for c in row]))
                    yield replace(line, region=self.boxes.with_margin(line, shape))

    def _read(self, narrow: Image) -> Iterator[Candidate]:
        """Yield the words of a row that is shown narrower, in its coordinates."""
        whole = Region.whole((narrow.shape[0], narrow.shape[1]))
        for tile in tiles_of(whole, 1.0, self.settings):
            for box in boxes_in_tile(narrow, tile, self.detector):
                region = box.region.clipped((narrow.shape[0], narrow.shape[1]))
                if box.code or box.score < SEEN or region is None:
                    continue
                choice = self.boxes.lines.read(narrow, region)
                if not choice.rotation and is_word(choice.best, self.settings):
                    yield Candidate(region, box.score, _closed_up(choice), plain=False)


def _rows(marks: Sequence[Candidate]) -> list[list[Candidate]]:
    """Return the marks that stand beside each other, from left to right, row by row."""
    rows: list[list[Candidate]] = []
    for mark in sorted(marks, key=lambda c: c.region.column):
        beside = [row for row in rows if any(_beside(other.region, mark.region) for other in row[-4:])]
        rows = [row for row in rows if not any(row is other for other in beside)]
        rows.append([*(other for row in beside for other in row), mark])
    return rows


def _beside(one: Region, other: Region) -> bool:
    low, high = sorted((one.rows, other.rows))
    shared = min(one.bottom, other.bottom) - max(one.row, other.row)
    return shared >= 0.6 * low and high <= ALIKE * low and other.column - one.right <= FARTHEST * high


def _to_its_ends(line: Region, marks: Sequence[Region]) -> Region:
    """Return a line with the marks of its row that stand before and after it as its own letters do."""
    gaps = [b.column - a.right for a, b in pairwise(marks) if b.column > a.right]
    farthest = LINE_END * float(np.median(gaps)) if gaps else 0.0
    for mark in (*marks, *reversed(marks)):
        gap = max(mark.column, line.column) - min(mark.right, line.right)
        line = line.union(mark) if gap <= farthest else line
    return line


def _letters_in(mark: Candidate) -> int:
    """Return how many letters set far apart a mark is: one by its shape, or those read one by one."""
    if mark.choice.best.confidence < LIKELY:
        return 0
    if mark.region.columns <= NARROW * mark.region.rows:
        return 1
    return _characters(mark) if _is_by_letter(mark) else 0


def _is_by_letter(line: Candidate) -> bool:
    words = line.choice.best.text.split()
    return len(words) >= SPELT and all(len(word) == 1 for word in words)


def _is_close_set(line: Candidate) -> bool:
    close = CLOSE_SET if line.plain else CLOSE_ON_TEXTURE
    return not _is_by_letter(line) and line.region.columns <= close * line.region.rows * _characters(line)


def _characters(line: Candidate) -> int:
    return sum(not c.isspace() for c in line.choice.best.text)


def _letters_on(place: Region, row: Sequence[Candidate]) -> int:
    """Return how many letters of a row a line accounts for; words beside it are no part of it."""
    return sum(_letters_in(mark) for mark in row if _mostly_inside(mark.region, [place]))


def _closed_up(choice: Choice) -> Choice:
    """Return a reading with the blanks beside its single characters left out (``1 2 / 0 3 / 1 964``)."""
    closed = _BLANK_BESIDE_ONE.sub("", choice.best.text)
    if closed == choice.best.text:
        return choice
    return replace(choice, best=replace(choice.best, text=closed), others=(choice.best.text, *choice.others))


def _around(regions: Sequence[Region]) -> Region:
    whole = regions[0]
    for region in regions[1:]:
        whole = whole.union(region)
    return whole


def _mostly_inside(region: Region, words: Sequence[Region]) -> bool:
    shared = (region.intersection(word) for word in words)
    return any(s is not None and s.area >= 0.7 * region.area for s in shared)


def _without(image: Image, window: Region, words: Sequence[Region]) -> Image:
    """Return a window of a picture with its known words painted over in the colour of its ground."""
    shown = image[window.slices].copy()
    ground = np.median(shown, axis=(0, 1)).astype(np.uint8)
    for word in words:
        shared = word.intersection(window)
        if shared is not None:
            shown[shared.moved(-window.row, -window.column).slices] = ground
    return shown


def _scaled(region: Region, down: float, across: float) -> Region:
    return Region.from_edges(
        region.row * down, region.column * across, region.bottom * down, region.right * across
    )
