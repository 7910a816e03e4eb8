"""Places that may be lines of text, and which of them are believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scrub_pixels.geometry import Region
from scrub_pixels.text.boxes import thickness
from scrub_pixels.text.readers import Reading, TextBox
from scrub_pixels.text.reading import Choice
from scrub_pixels.text.settings import SearchSettings

TURNED = 3.0
"""Heights of a line that turned text is long before it is read as such, whatever lines are in its box."""

VARIED = 6
"""Different letters and digits in a reading that is text however badly it was read."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place in one picture that may be a line of text."""

    region: Region
    detection: float
    choice: Choice
    plain: bool = True
    code: bool = False


def is_code(box: TextBox, settings: SearchSettings) -> bool:
    """Tell a barcode or QR code from the grids and textures that look like one in small."""
    sides = (box.region.rows, box.region.columns)
    return box.score >= settings.strong_code and min(sides) >= settings.least_code


def is_turned(region: Region) -> bool:
    """Tell a box that only turned text has from one that a few letters above each other have."""
    return region.rows >= TURNED * region.columns


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
    lying = not candidate.choice.rotation  # turned letters are rare, and guessed in every upright edge
    words = is_word(reading, settings) or is_varied(reading)
    if is_real(reading, settings) and ((plain and lying and not tall) or words):
        return True
    if tall:
        return False
    sides = sorted((candidate.region.rows, candidate.region.columns))
    stretched = sides[1] >= (1.5 if plain else 2.5) * sides[0]
    return stretched and candidate.detection >= (
        settings.strong_detection if plain else settings.strong_on_texture
    )


def is_settled(candidate: Candidate, settings: SearchSettings) -> bool:
    """Tell whether a candidate is read so surely that no second look is needed."""
    if candidate.code:
        return True
    reading = candidate.choice.best
    return reading.confidence >= settings.sure_confidence and is_real(reading, settings)


def is_word(reading: Reading, settings: SearchSettings) -> bool:
    """Tell a reading that tissue hardly ever gives: three known characters, surely read."""
    known = sum(c.isascii() and c.isalnum() for c in reading.text)
    return known >= 3 and reading.confidence >= settings.sure_pair


def is_varied(reading: Reading) -> bool:
    """Tell a reading of so many different characters that tissue, which repeats itself, never gives it."""
    return len({c for c in reading.text.lower() if c.isascii() and c.isalnum()}) >= VARIED


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
