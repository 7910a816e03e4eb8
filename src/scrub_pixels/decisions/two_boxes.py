"""Two boxes: a setting whose value a detector put into a box of its own.

``Facus:`` and ``16cm`` are ``Facus: 16cm``, which is harmless as one line. Before a colon, with a measured
value right behind it, the word says no more in its own box than it would in one with the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from scrub_pixels.decisions.layout import precedes, value_of
from scrub_pixels.decisions.reading import Lexicon, hear, testimony
from scrub_pixels.text.lines import TextLine

WITH_VALUE = "a setting before its value"

_SETTING = re.compile(r"[^\W\d_]{2,}\s?:")
_MEASURED = re.compile(r"\d{1,3}(?:[.,]\d{1,2})?\s?(?:%|[^\W\d_]{1,3})")


def is_setting(line: TextLine, lines: Iterable[TextLine], in_band: bool, lexicon: Lexicon) -> bool:
    """Tell whether a word and its colon are harmless together with the value at their right.

    Parameters
    ----------
    line
        Against which nothing but an unknown word speaks.
    lines
        The other lines of the Instance that nothing speaks against.
    in_band
        Whether the line stands where names usually stand.
    lexicon
        Vocabulary and header.
    """
    if line.rotation or not all(_SETTING.fullmatch(reading.strip()) for reading in line.readings):
        return False
    value = value_of(line, (other for other in lines if _lasts(other, line)))
    if value is None or not precedes(line, value) or not _is_measured(value, lexicon):
        return False
    joined = (hear(f"{own.strip()} {value.reading.strip()}", lexicon, in_band) for own in line.readings)
    return all(not any(e.speaks_for_phi for e in testimony(heard)) for heard in joined)


def _lasts(other: TextLine, line: TextLine) -> bool:
    return other.frames.start <= line.frames.start and line.frames.stop <= other.frames.stop


def _is_measured(value: TextLine, lexicon: Lexicon) -> bool:
    """Tell whether every reading of a line is a number and its unit, and nothing else."""
    texts = [reading.strip() for reading in value.readings]
    heard = [hear(text, lexicon, in_band=False) for text in texts if _MEASURED.fullmatch(text)]
    return bool(texts) and len(heard) == len(texts) and all(h.is_measurement for h in heard)
