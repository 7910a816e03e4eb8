"""A codestream without its comments: whole segments and boxes are cut out, the coded image stays bit for bit.

What no decoder needs may name the patient: COM and APPn of the JPEG family, COM of JPEG 2000, boxes
of JP2 and JPEG XL that hold no picture. Anything else that `codestream_comments` finds, bytes within
coded data or under markers nobody knows, stays where it is, so that the frame is held.
"""

from __future__ import annotations

from collections.abc import Iterator

from scrub_pixels.errors import Refusal
from scrub_pixels.frames import jpeg_xl
from scrub_pixels.frames.decoding import CODEC_ERRORS
from scrub_pixels.masks.jpeg_comments import (
    JP2,
    JP2_BOXES,
    boxes,
    codestream_comments,
    colour_marker,
    is_harmless,
    is_writers_comment,
)
from scrub_pixels.masks.jpeg_markers import APP0, APP15, COM, iterate_segments

_J2K, _COM, _SOT, _SOD, _TLM = b"\xff\x4f\xff\x51", 0xFF64, 0xFF90, 0xFF93, 0xFF55
_LENGTH_AT = 6
"""Of the length of a tile-part, Psot, in its SOT segment (T.800 A.4.2)."""


def without_comments(codestream: bytes) -> bytes:
    """Return a codestream without comments and application data; the same object if there are none.

    Of markers that decide how colours are read (JFIF, Adobe) the fixed fields stay. What cannot be
    parsed, or cut out without touching the coded image, is returned as it is.
    """
    if codestream[:2] == b"\xff\xd8":
        cut = _jpeg(codestream)
    elif codestream[:4] == _J2K:
        cut = _jpeg_2000(codestream)
    elif codestream.startswith(JP2):
        cut = _jp2(codestream)
    elif codestream.startswith(jpeg_xl.CONTAINER):
        cut = _jpeg_xl(codestream)
    else:
        return codestream
    return codestream if cut == codestream else cut


def _jpeg(data: bytes) -> bytes:
    kept, start = [], 0
    try:
        for segment in iterate_segments(data):
            whole = data[segment.start : segment.stop]
            comment = segment.marker == COM or APP0 <= segment.marker <= APP15
            if comment and not is_harmless(segment.marker, whole):
                kept += [data[start : segment.start], colour_marker(segment.marker, whole[4:])]
                start = segment.stop
    except Refusal:
        return data
    return b"".join((*kept, data[start:]))


def _jpeg_2000(data: bytes) -> bytes:
    """Cut COM segments out of the main header and, where no table counts their bytes, of tile-parts."""
    header, position, counted = _header(data, 2, _SOT)
    parts = [data[:2], header]
    while data[position : position + 2] == b"\xff\x90":
        length = int.from_bytes(data[position + 6 : position + 10], "big") or len(data) - position
        inner, body, _ = _header(data, position + 12, _SOD)
        if body > position + length or (counted and len(inner) != body - position - 12):
            return data
        parts.append(_tile_part(data[position : position + 12], inner, data[body : position + length]))
        position += length
    return b"".join((*parts, data[position:])) if len(parts) > 2 else data


def _tile_part(start: bytes, header: bytes, body: bytes) -> bytes:
    """Return a tile-part with the length it has now; zero goes on to say: up to the end."""
    length = len(start) + len(header) + len(body) if any(start[_LENGTH_AT : _LENGTH_AT + 4]) else 0
    return start[:_LENGTH_AT] + length.to_bytes(4, "big") + start[_LENGTH_AT + 4 :] + header + body


def _header(data: bytes, position: int, last: int) -> tuple[bytes, int, bool]:
    """Return the segments before the marker `last` without comments, where it stands, and if TLM is there."""
    kept: list[bytes] = []
    counted = False
    while (marker := int.from_bytes(data[position : position + 2], "big")) != last:
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if length < 2 or position + 2 + length > len(data):
            return b"".join(kept), len(data), counted
        segment = data[position : position + 2 + length]
        if marker != _COM or is_writers_comment(segment[6:]):
            kept.append(segment)
        counted = counted or marker == _TLM
        position += 2 + length
    return b"".join(kept), position, counted


def _jp2(data: bytes) -> bytes:
    found = list(boxes(data))
    if data.endswith(b"\0") and not found[-1][0]:  # padding to even length is no box
        found = list(boxes(data[:-1]))
    if any(not kind for kind, _ in found):
        return data
    kept = [(kind, body) for kind, body in found if kind in JP2_BOXES]
    return b"".join(_boxed([(kind, _jpeg_2000(body) if kind == b"jp2c" else body) for kind, body in kept]))


def _jpeg_xl(data: bytes) -> bytes:
    """Drop boxes without a picture; a recompressed JPEG is cleaned as the JPEG it is."""
    try:
        if jpeg_xl.is_recompressed(data):
            return _recompressed(data)
        kept = [(kind, body) for kind, body in jpeg_xl.boxes(data) if kind in jpeg_xl.PICTURE_BOXES]
    except CODEC_ERRORS:
        return data
    return data if len(kept) == len(list(jpeg_xl.boxes(data))) else b"".join(_boxed(kept))


def _recompressed(data: bytes) -> bytes:
    plain = jpeg_xl.to_jpeg(data)
    if not codestream_comments(plain):
        return data
    packed = jpeg_xl.from_jpeg(_jpeg(plain))
    return packed if jpeg_xl.is_recompressed(packed) and jpeg_xl.to_jpeg(packed) == _jpeg(plain) else data


def _boxed(found: list[tuple[bytes, bytes]]) -> Iterator[bytes]:
    for kind, body in found:
        yield (len(body) + 8).to_bytes(4, "big") + kind + body
