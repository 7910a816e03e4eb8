"""Search an Instance: every frame and every view of it, and look again at what was masked."""

from __future__ import annotations

from typing import Any

from scrub_pixels.geometry import FrameSpan
from scrub_pixels.text.lines import TextLine, TextSearch
from scrub_pixels.text.picture import Candidate, PictureSearch
from scrub_pixels.text.reading import LineReader
from scrub_pixels.text.readers import TextDetector, TextReader
from scrub_pixels.text.settings import SearchSettings

DEFAULTS = SearchSettings()


def find_text(
    instance: Any,
    reader: TextReader,
    settings: SearchSettings = DEFAULTS,
    detector: TextDetector | None = None,
) -> TextSearch:
    """Return every line of text of an Instance."""
    picture = PictureSearch(detector or reader, LineReader(reader, settings), settings)
    lines: list[TextLine] = []
    views: dict[str, None] = {}
    for frame in range(instance.frames):
        for view in instance.views(frame):
            views[view.name] = None
            lines += [_line(c, FrameSpan(frame, frame + 1)) for c in picture.search(view.image)]
    return TextSearch(
        tuple(lines),
        (instance.pixels.rows, instance.pixels.columns),
        instance.frames,
        instance.frames,
        picture.detector.name,
        tuple(views),
    )


def _line(candidate: Candidate, frames: FrameSpan) -> TextLine:
    choice = candidate.choice
    return TextLine(
        candidate.region,
        frames,
        choice.best.text,
        choice.best.confidence,
        candidate.detection,
        choice.rotation,
        choice.others,
    )
