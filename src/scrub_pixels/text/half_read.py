"""Readings of too few letters for the ink they stand for: what was read is a part, the rest has no reading.

A recogniser skips letters of scripts it does not know. Of a Korean name and an age it reads the age, of a
Hebrew name a lone U, and both would be harmless.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scrub_pixels.text.candidates import Candidate
from scrub_pixels.text.ink import ink_of
from scrub_pixels.text.readers import Image
from scrub_pixels.text.reading import UNREAD, Choice

WIDEST = 1.5
"""Height of the ink of a line by which a letter, gaps left out, is wide at most, on average."""

MOST = 6
"""Letters of a reading from which it is no part any more: lines of more letters hold rules and icons."""


def unless_half_read(image: Image, line: Candidate) -> Candidate:
    """Return a line as unread if its reading has too few letters for its ink.

    Parameters
    ----------
    image
        uint8 of shape (rows, columns) or (rows, columns, 3).
    line
        With a reading; one that lies on plain ground, else its ink is not known.
    """
    letters = sum(c.isalnum() for c in line.choice.best.text)
    if line.code or line.choice.rotation or not line.plain or not 0 < letters <= MOST:
        return line
    signs = sum(not c.isspace() for c in line.choice.best.text)
    ink, _ = ink_of(image, line.region, (0, 0))
    rows, columns = ink.mask.any(axis=1), ink.mask.any(axis=0)
    half_read = ink.followable and int(columns.sum()) > WIDEST * signs * int(np.count_nonzero(rows))
    return replace(line, choice=Choice(UNREAD)) if half_read else line
