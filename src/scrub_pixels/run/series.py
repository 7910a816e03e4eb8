"""Siblings: the Instances of one Series, worked on together so that each can learn from the others.

A Series is looked for within one folder (or archive), where in practice it lies; a long one is taken in
parts. Objects of a store are taken one by one: to ask each for its Series would fetch all of them twice.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from pydicom import DataElement, dcmread
from pydicom.filereader import read_dataset, read_preamble
from pydicom.tag import Tag

from scrub_pixels.errors import Refusal
from scrub_pixels.frames.opening import PARSE_ERRORS
from scrub_pixels.frames.syntaxes import DEFLATED
from scrub_pixels.frames.turns import undisturbed
from scrub_pixels.run.discovery import Source

MOST_SIBLINGS = 64
"""So many at most are one unit of work: they end together, and what they hold back is bounded."""

_LARGEST_MEMBER = 64 << 20
_HEAD = 1 << 20
_META_GROUP, _SERIES = 0x0002, Tag(0x0020, 0x000E)


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
        with content.open("rb") if isinstance(content, Path) else BytesIO(content) as file, undisturbed():
            return _series_in(file)
    except (Refusal, *PARSE_ERRORS):
        return ""


def _series_in(file: BinaryIO) -> str:
    """Return the Series Instance UID of a file, of a deflated one (PS3.5 A.5) from how it begins.

    The run itself reads this, not a worker that may die of it, and a few kB can inflate to all memory.
    """
    read_preamble(file, force=True)
    meta = read_dataset(file, is_implicit_VR=False, is_little_endian=True,
                        stop_when=lambda tag, vr, length: tag.group != _META_GROUP)
    syntax = str(meta.get("TransferSyntaxUID") or "")
    if meta and not syntax:
        return ""
    if syntax == DEFLATED:
        head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(_HEAD), _HEAD)
        found = read_dataset(BytesIO(head), is_implicit_VR=False, is_little_endian=True,
                             stop_when=lambda tag, vr, length: tag > _SERIES, specific_tags=[_SERIES])
    else:
        file.seek(0)
        found = dcmread(file, force=True, stop_before_pixels=True, specific_tags=[_SERIES])
    return str(found.get(_SERIES, DataElement(_SERIES, "UI", "")).value or "")
