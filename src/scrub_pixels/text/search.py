"""Search an Instance: every frame and every view of it, and look again at what was masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.cine import CineSearch
from scrub_pixels.text.detectors import Detectors
from scrub_pixels.text.lines import TextLine, TextSearch
from scrub_pixels.text.paper import is_scanned_page
from scrub_pixels.text.picture import Candidate, PictureSearch, Spared
from scrub_pixels.text.readers import Image, TextDetector, TextReader
from scrub_pixels.text.reading import LineReader
from scrub_pixels.text.settings import SearchSettings
from scrub_pixels.text.tracks import joined

DEFAULTS = SearchSettings()

SCANNED_PAGE = "a scanned page: handwriting may stand on it"
"""Doubt about paper, whatever was read on it: a pen is read less surely than print."""

FINE_PRINT = "text too small to be read, of a picture in the picture perhaps: more may stand over tissue"
"""Doubt about an inner picture: its header is masked, but its captions are hardly found."""

LEAST_LINES = 3
"""Lines of text that a light, noisy picture shows before it is taken for paper; a radiograph has fewer."""

REREAD_REACH, LEFT_BESIDE = 48, 12
"""Samples around a mask that a detector is shown, and within which what is left of a text is sought."""


class Viewable(Protocol):
    """What the search needs of an Instance."""

    @property
    def frames(self) -> int:
        """Number of frames."""
        ...

    @property
    def pixels(self) -> Any:
        """Has ``rows`` and ``columns``."""
        ...

    def views(self, frame: int) -> Sequence[Any]:
        """Return the renderings of one frame."""
        ...


def find_text(
    instance: Viewable,
    reader: TextReader,
    settings: SearchSettings = DEFAULTS,
    detectors: Detectors | None = None,
) -> TextSearch:
    """Return every line of text in every frame of an Instance.

    Parameters
    ----------
    instance
        What to search: ``frames``, ``pixels.rows``, ``pixels.columns`` and ``views(frame)``.
    reader
        Reads the lines, and finds them unless `detectors` are given.
    settings
        What the search does.
    detectors
        What finds the lines.
    """
    picture = PictureSearch(detectors or Detectors(reader, reader), LineReader(reader, settings), settings)
    searches: dict[str, CineSearch] = {}
    searched, scanned = 0, False
    for frame in range(instance.frames):
        for view in instance.views(frame):
            search = searches.setdefault(view.name, CineSearch(picture))
            shown = as_picture(view.image)
            search.show(frame, shown, _standing(searches, search))
            as_shown = search is next(iter(searches.values()))
            scanned = scanned or (as_shown and is_scanned_page(shown))
        searched += 1
    lines = [line for search in searches.values() for line in search.lines(instance.frames)]
    found = joined(lines)
    return TextSearch(
        found,
        (instance.pixels.rows, instance.pixels.columns),
        instance.frames,
        searched,
        _names(picture.detectors.first, reader),
        tuple(searches) or ("display",),
        _doubts(scanned and len(found) >= LEAST_LINES, any(s.has_fine_print for s in searches.values())),
    )


def _doubts(scanned: bool, fine_print: bool) -> tuple[str, ...]:
    return (*((SCANNED_PAGE,) if scanned else ()), *((FINE_PRINT,) if fine_print else ()))


def _standing(searches: dict[str, CineSearch], view: CineSearch) -> list[Candidate]:
    """Return the lines that the first view shows of a frame, for the views that follow it."""
    first = next(iter(searches.values()))
    return [] if first is view else first.standing


def reread(
    image: Image,
    regions: Sequence[Region],
    reader: TextReader,
    settings: SearchSettings = DEFAULTS,
    detectors: Detectors | None = None,
    harmless: Sequence[Region] = (),
) -> tuple[TextLine, ...]:
    """Return the text that is left on, or within `LEFT_BESIDE` samples of, `regions` of a masked picture.

    Parameters
    ----------
    image
        A display picture after masking.
    regions
        What was masked.
    reader
        Reads, and finds unless `detectors` are given.
    settings
        What the search does.
    detectors
        What finds the lines.
    harmless
        Places of lines that stay; what lies in them is not read again.
    """
    picture = PictureSearch(detectors or Detectors(reader, reader), LineReader(reader, settings), settings)
    shown = as_picture(image)
    shape = (shown.shape[0], shown.shape[1])
    within = [region.expanded(REREAD_REACH, REREAD_REACH, shape) for region in regions]
    beside = [region.expanded(LEFT_BESIDE, LEFT_BESIDE, shape) for region in regions]
    found = picture.search(shown, within, spared=Spared(beside, harmless))
    return joined(_line(candidate) for candidate in found)


def as_picture(image: Image) -> Image:
    """Return a view as contiguous uint8, grey if its three channels are equal."""
    picture = np.ascontiguousarray(image, np.uint8)
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = np.ascontiguousarray(picture[:, :, 0])
    return picture


def _names(detector: TextDetector, reader: TextReader) -> str:
    return reader.name if detector is reader else f"{detector.name} + {reader.name}"


def _line(candidate: Candidate) -> TextLine:
    choice = candidate.choice
    return TextLine(
        candidate.region,
        FrameSpan(0, 1),
        choice.best.text,
        choice.best.confidence,
        candidate.detection,
        choice.rotation,
        choice.others,
    )
