"""A closer look at a line whose reading is in doubt: the same letters, held to the light in other ways.

Recognisers take letters of small fonts for their likes, but seldom the same ones when the line is shown with
more paper around it, blurred as if it were larger, wider or narrower, or with dark and light exchanged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from scrub_pixels.geometry import Region
from scrub_pixels.text.ink import fitted, ink_of
from scrub_pixels.text.lines import TextLine
from scrub_pixels.text.readers import Image, Reading, TextRecognizer
from scrub_pixels.text.reading import inverted, stretched
from scrub_pixels.text.stacked import unstacked

PAPER = 2
"""Samples of paper added on every side."""

ENLARGED, BLUR = 4, 1.6
WIDER, NARROWER = 1.5, 0.85
CROP_MARGIN = 0.1
"""Share of a line's height that is shown around its ink."""

LEAST_CONFIDENCE = 0.6
"""Looks that are read with less say nothing."""


def with_paper(crop: Image) -> Image:
    """Return the crop with its border repeated on every side."""
    return cv2.copyMakeBorder(crop, *(PAPER,) * 4, cv2.BORDER_REPLICATE)


def blurred(crop: Image) -> Image:
    """Return the stretched crop enlarged, with the steps between its samples smoothed."""
    large = cv2.resize(stretched(crop), None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    return cv2.GaussianBlur(large, (0, 0), BLUR)


def widened(crop: Image) -> Image:
    """Return the crop with its letters wider apart."""
    return cv2.resize(crop, None, fx=WIDER, fy=1.0, interpolation=cv2.INTER_CUBIC)


def narrowed(crop: Image) -> Image:
    """Return the crop with its letters closer together."""
    return cv2.resize(crop, None, fx=NARROWER, fy=1.0, interpolation=cv2.INTER_CUBIC)


def inverted_with_paper(crop: Image) -> Image:
    """Return the crop with dark and light exchanged, and paper around it."""
    return with_paper(inverted(crop))


LOOKS: tuple[Callable[[Image], Image], ...] = (
    stretched, with_paper, blurred, inverted_with_paper, widened, narrowed,
)  # fmt: skip
"""The ways in which a line is shown again."""


ORIENTATIONS = frozenset("ARLPFH")
"""Letters that stand alone at the edges of a picture, each of one stroke that hangs together."""

LEAST_VOTES = 4
"""Looks that must agree on a letter that stands alone."""

LARGEST_LETTER, LONGEST_LETTER = 96, 4.0
"""Samples a lone letter is tall at most, and how many times its width."""

ALMOST_ALL = 0.9


def looked_closer(
    image: Image, lines: Iterable[TextLine], recognizer: TextRecognizer, known: Sequence[Region] = ()
) -> list[TextLine]:
    """Return the lines with what each reads when it is shown in other ways.

    Parameters
    ----------
    image
        The picture in which they stand.
    lines
        Horizontal ones get their looks; of others only a letter that stands alone, and letters that stand
        above each other beside a colour bar, are read anew, upright.
    recognizer
        Reads.
    known
        Regions of the other lines of the picture.
    """
    return [_looked_closer(image, line, recognizer, known) for line in lines]


def _looked_closer(
    image: Image, line: TextLine, recognizer: TextRecognizer, known: Sequence[Region]
) -> TextLine:
    closer = _letter(image, line, recognizer) if is_narrow(line.region) else line
    if closer is line and line.rotation:
        return _unstacked(image, line, recognizer, known)
    if closer is not line or is_narrow(line.region):
        return closer
    looks = tuple(r.text for r in _looks(image, line.region, recognizer) if r.confidence >= LEAST_CONFIDENCE)
    return replace(line, looks=looks)


def is_narrow(region: Region) -> bool:
    """Tell whether a box is as narrow as that of one letter, and no larger."""
    return region.columns < region.rows <= min(LARGEST_LETTER, LONGEST_LETTER * region.columns)


def _letter(image: Image, line: TextLine, recognizer: TextRecognizer) -> TextLine:
    """Return a narrow line as the letter it is if it is one mark, and most looks agree; else unchanged."""
    if not _is_one_mark(image, line.region):
        return line
    read = _looks(image, line.region, recognizer)
    for letter, votes in Counter(r.text for r in read).most_common(1):
        if votes >= LEAST_VOTES and letter in ORIENTATIONS:
            confidence = sum(r.confidence for r in read if r.text == letter) / votes
            return replace(line, reading=letter, confidence=confidence, rotation=0, alternatives=())
    return line


def _unstacked(
    image: Image, line: TextLine, recognizer: TextRecognizer, known: Sequence[Region]
) -> TextLine:
    """Return a line of letters that stand above each other as what they spell; else unchanged."""
    picture = unstacked(image, line.region, known)
    if picture is None:
        return line
    read = recognizer.recognize([np.ascontiguousarray(look(picture)) for look in LOOKS])
    for text, votes in Counter(r.text for r in read if r.text).most_common(1):
        if votes >= LEAST_VOTES:
            confidence = sum(r.confidence for r in read if r.text == text) / votes
            others = tuple(dict.fromkeys(r.text for r in read if r.text not in {"", text}))
            return replace(line, reading=text, confidence=confidence, rotation=0, alternatives=others)
    return line


def _is_one_mark(image: Image, region: Region) -> bool:
    """Tell whether nearly all ink of a box hangs together: two letters do not, whichever way they run."""
    ink, _ = ink_of(image, region, (0, 0))
    count, _, stats, _ = cv2.connectedComponentsWithStats(ink.mask, connectivity=8)
    return count > 1 and int(stats[1:, 4].max()) >= ALMOST_ALL * int(ink.mask.sum())


def _looks(image: Image, region: Region, recognizer: TextRecognizer) -> list[Reading]:
    tight, _ = fitted(image, region)
    extra = max(1, round(CROP_MARGIN * tight.rows))
    crop = np.ascontiguousarray(image[tight.expanded(extra, extra, (image.shape[0], image.shape[1])).slices])
    read = recognizer.recognize([np.ascontiguousarray(look(crop)) for look in LOOKS])
    return [reading for reading in read if reading.text]
