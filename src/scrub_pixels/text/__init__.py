"""Frames -> lines of text: detectors, recognisers and the search over scales, views and frames."""

from __future__ import annotations

from scrub_pixels.text.closer_look import looked_closer
from scrub_pixels.text.detectors import DETECTORS, Detectors, FusedDetector, load_detectors
from scrub_pixels.text.in_pieces import read_in_pieces
from scrub_pixels.text.lines import TextLine, TextSearch
from scrub_pixels.text.readers import (
    READERS,
    Image,
    Reading,
    RememberingReader,
    TextBox,
    TextDetector,
    TextReader,
    TextRecognizer,
    load_reader,
)
from scrub_pixels.text.search import as_picture, find_text, reread
from scrub_pixels.text.settings import SearchSettings

__all__ = [
    "DETECTORS",
    "READERS",
    "Detectors",
    "FusedDetector",
    "Image",
    "Reading",
    "RememberingReader",
    "SearchSettings",
    "TextBox",
    "TextDetector",
    "TextLine",
    "TextReader",
    "TextRecognizer",
    "TextSearch",
    "as_picture",
    "find_text",
    "load_detectors",
    "load_reader",
    "looked_closer",
    "read_in_pieces",
    "reread",
]
