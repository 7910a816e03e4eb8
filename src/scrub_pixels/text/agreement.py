"""How well the looks at a place agree: letters read alike however they are cut out, tissue does not.

A recogniser makes something of any texture, at times with confidence. But with a sample more or less around
it, or half as large again, tissue reads as something else each time, and letters as themselves or as little
else.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import combinations

import cv2
import numpy as np

from scrub_pixels.geometry import Region, Shape
from scrub_pixels.text.boxes import thickness
from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.readers import Image, Reading
from scrub_pixels.text.reading import LineReader, turned

LOOKS = ((-1, 1.0), (2, 1.0), (0, 1.5), (4, 1.5))
"""Samples added around a place, and the size at which it is shown."""

NARROWEST = 3.0
"""Samples across of the narrowest letter that can be read, with the gap beside it."""

SHORT = 3.0
"""Thicknesses that a line is long at least before texture is hardly taken for it: ticks are short."""


AGREEING = 0.42
"""Agreement of the looks at text, however badly it reads; those at tissue agree less."""

ONE_WORD, ONE_IDEOGRAPH = 0.7, 0.9
"""Agreement of looks that is text even where no detector sees any, of letters and of ideographs."""

SPELLING, MOST = 3, 3
"""Western letters that a look spells at least, and such looks of four at a long line; at a short one, all."""

FIRST_IDEOGRAPH = "\u2e80"
"""Where ideographs, kana and what goes with them begin; letters of the West come before."""

ALIKE, SOME = 0.6, 4
"""Likeness of two looks that agree, and the letters each of them has at least."""


def looks_agree(image: Image, line: Candidate, reader: LineReader) -> bool:
    """Tell whether the looks at a place that hardly reads are those at text.

    Edges, ticks and speckle are easily taken for turned or short text and for ideographs; of these all looks
    are asked. Of longer lines that were not read, two have to agree; those that were read in part may stay,
    and upright ones of which most looks, of short ones all, spell something.

    Parameters
    ----------
    image
        uint8 of shape (rows, columns) or (rows, columns, 3).
    line
        A place with its first reading.
    reader
        Reads each look once.
    """
    looks = _looks(image, line, reader)
    if not line.choice.rotation and _spelling(looks) >= (len(looks) if _is_short(line) else MOST):
        return True
    if line.choice.rotation or _is_short(line) or _are_ideographs([line.choice.best, *looks]):
        return agreement(line, looks) >= AGREEING
    return bool(line.choice.best.text) or _two_agree(looks)


def all_looks_agree(image: Image, line: Candidate, reader: LineReader) -> bool:
    """Tell whether the looks at a place read alike, and so surely that it is text whoever else sees it."""
    looks = _looks(image, line, reader)
    needed = ONE_IDEOGRAPH if _are_ideographs([line.choice.best, *looks]) else ONE_WORD
    return agreement(line, looks) >= needed


def agreement(line: Candidate, looks: Sequence[Reading]) -> float:
    """Return 0 to 1: the confidence of the looks, each by how far it spells what the others do."""
    spelt = [(_letters(look.text), look.confidence) for look in looks]
    texts = {_letters(line.choice.best.text), *(text for text, _ in spelt)} - {""}
    return max((_support(text, spelt) for text in texts), default=0.0)


def is_too_narrow(line: Candidate) -> bool:
    """Tell a reading of more letters than its place can hold, were they the smallest that can be read."""
    letters = len(_letters(line.choice.best.text))
    return _is_short(line) and _length(line) < NARROWEST * letters


def _length(line: Candidate) -> int:
    return line.region.rows if line.choice.rotation else line.region.columns


def _is_short(line: Candidate) -> bool:
    return _length(line) < SHORT * thickness(line.region)


def _are_ideographs(looks: Sequence[Reading]) -> bool:
    """Tell whether most letters of the first reading, or of half of the looks, are ideographs or kana."""
    strange = [_is_strange(look.text) for look in looks]
    return strange[0] or 2 * sum(strange[1:]) >= len(strange) - 1


def _is_strange(text: str) -> bool:
    letters = _letters(text)
    return 2 * sum(c >= FIRST_IDEOGRAPH for c in letters) > len(letters)


def _two_agree(looks: Sequence[Reading]) -> bool:
    texts = [text for text in (_letters(look.text) for look in looks) if len(text) >= SOME]
    return any(_likeness(a, b) >= ALIKE for a, b in combinations(texts, 2))


def _spelling(looks: Sequence[Reading]) -> int:
    """Return how many looks spell something."""
    spelt = [sum(c < FIRST_IDEOGRAPH for c in _letters(look.text)) for look in looks]
    return sum(letters >= SPELLING for letters in spelt)


def _looks(image: Image, line: Candidate, reader: LineReader) -> list[Reading]:
    shape = (image.shape[0], image.shape[1])
    cuts = [(_grown(line.region, by, shape), scale) for by, scale in LOOKS]
    return [_read(image, cut, scale, line.choice.rotation, reader) for cut, scale in cuts]


def _grown(region: Region, by: int, shape: Shape) -> Region:
    if by >= 0:
        return region.expanded(by, by, shape)
    by = min(-by, (min(region.rows, region.columns) - 1) // 2)
    return Region(region.row + by, region.column + by, region.rows - 2 * by, region.columns - 2 * by)


def _read(image: Image, cut: Region, scale: float, rotation: int, reader: LineReader) -> Reading:
    upright = turned(image[cut.slices], rotation)
    shown = cv2.resize(upright, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    piece = np.ascontiguousarray(shown, np.uint8)
    return reader.read(piece, Region.whole((piece.shape[0], piece.shape[1])), with_variants=False).best


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def _support(text: str, spelt: list[tuple[str, float]]) -> float:
    """Return the mean confidence of the looks, each times its likeness to `text`."""
    return sum(_likeness(text, other) * sure for other, sure in spelt) / len(spelt)


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
