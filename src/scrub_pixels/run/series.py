"""Siblings: the Instances of one Series, worked on together so that each can learn from the others.

A Series is looked for within one folder (or archive), where in practice it lies; a long one is taken in
parts. Objects of a store are taken one by one: to ask each for its Series would fetch all of them twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import groupby
from pathlib import Path

from pydicom import dcmread

from scrub_pixels.errors import Refusal
from scrub_pixels.frames.opening import PARSE_ERRORS
from scrub_pixels.frames.turns import undisturbed
from scrub_pixels.run.discovery import Source

MOST_SIBLINGS = 64
"""So many at most are one unit of work: they end together, and what they hold back is bounded."""

_LARGEST_MEMBER = 64 << 20


def by_series(sources: Iterable[Source]) -> Iterator[list[Source]]:
    """Yield the inputs in groups: of one Series, of one folder, in the order of discovery."""
    for _, folder in groupby(sources, key=_folder):
        yield from _groups(list(folder))


def _folder(source: Source) -> str:
    return source.relative.rpartition("/")[0]


def _groups(folder: list[Source]) -> Iterator[list[Source]]:
    series: dict[str, list[Source]] = {}
    for source in folder:
        uid = series_of(source) if len(folder) > 1 else ""
        series.setdefault(uid or f"\0{source.relative}\0{source.member}", []).append(source)
    for siblings in series.values():
        for start in range(0, len(siblings), MOST_SIBLINGS):
            yield siblings[start : start + MOST_SIBLINGS]


def series_of(source: Source) -> str:
    """Return the Series Instance UID of an input, or an empty string if it cannot be told cheaply."""
    if isinstance(source.path, str):
        return ""
    try:
        content = source.read(_LARGEST_MEMBER if source.member is not None else source.size)
        file = content if isinstance(content, Path) else BytesIO(content)
        with undisturbed():
            found = dcmread(file, force=True, stop_before_pixels=True, specific_tags=["SeriesInstanceUID"])
            return str(found.get("SeriesInstanceUID") or "")
    except (Refusal, *PARSE_ERRORS):
        return ""
