"""What a codestream carries beside the image: comments, application data, thumbnails, a tail."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scrub_pixels.errors import Refusal
from scrub_pixels.frames import jpeg_xl
from scrub_pixels.masks.jpeg_markers import (
    ADOBE_BYTES,
    APP0,
    APP14,
    APP15,
    COM,
    DHT,
    DNL,
    DQT,
    DRI,
    EOI,
    FRAME_HEADERS,
    JFIF_BYTES,
    SOF_LS,
    SOS,
    JpegStream,
    Segment,
    iterate_segments,
)

_LSE, _DAC, _DHP, _EXP, _APP8 = 0xF8, 0xCC, 0xDE, 0xDF, 0xE8
_CODING = FRAME_HEADERS | {DHT, DNL, DQT, EOI, SOF_LS, SOS, _DAC, _DHP, _EXP}
"""Markers that steer a decoder; what stands under any other (JPG, JPGn) is passed over by all of them."""
_PRESET_BYTES = 11
"""Body of an LSE segment with preset coding parameters (T.87 C.2.4.1.1); others carry tables."""
_DRI_BYTES = (2, 3, 4)

_J2K_COMMENT, _SOT, _SOD = 0xFF64, 0xFF90, 0xFF93
_J2K_CODING = frozenset(
    {*range(0xFF50, 0xFF54), *range(0xFF55, 0xFF5A), *range(0xFF5C, 0xFF62), 0xFF63}
)
"""Marker segments of main and tile-part headers (T.800 Table A.2, T.814 A.3) that steer a decoder."""
JP2 = b"\0\0\0\x0cjP  "
JP2_BOXES = frozenset({b"jP  ", b"ftyp", b"jp2h", b"jp2c"})
_JP2_HEADER_BOXES = frozenset({b"ihdr", b"bpcc", b"colr", b"res ", b"cdef"})
_LARGEST_JP2_BOX = 64
"""Bytes of a box in a JP2 header that says how colours are read; a colour profile is larger."""
_JXL_BOX = {b"JXL ": 4, b"ftyp": 12, b"jxll": 1}
"""Bytes that boxes of a JPEG XL container have which are no part of the image."""
_WRITERS = re.compile(
    rb"(Kakadu-v?[\d.]+"
    rb"|Created by (GDCM/)?OpenJPEG version [\d.]+"
    rb"|OpenJPH Ver [\d.]+"
    rb"|Creator: JasPer Version [\d.]+"
    rb"|Intel\(R\) JPEG Library, version \[?[\d.]+\]?"
    rb"|LEAD Technologies Inc\. V[\d.]+"
    rb"|MITRA_DICOM_STANDARD"
    rb"|CREATOR: gd-jpeg v[\d.]+ \(using IJG JPEG v\d+\)(, (default )?quality( = \d+)?)?"
    rb"|Lavc[\d.]+)[\0\n]?"
)
"""What encoders sign with; a comment that is exactly this names no patient."""
_LJIF = b"LJIF\0\x01\0\0\0\0\0\0\0"
_SPIFF = re.compile(
    rb"SPIFF\0[\1\2][\0-\2][\0-\4][\1-\4](\0\0..){2}[\0-\x0f][\1-\x20][\0-\6][\0-\2](\0\0..){2}", re.DOTALL
)
"""The header of T.84 Annex F: version, profile, components, Rows, Columns, colour, depth, compression,
resolution; numbers that are too small for text."""
_SPIFF_END = b"\0\0\0\1\xff\xd8"
"""Its directory without an entry (T.84 F.2.2)."""


def kept(stream: JpegStream, segment: Segment) -> bytes:
    """Return what of a segment is copied into a redacted frame.

    Comments and application data are dropped: they may name the patient. Of APP0 JFIF and APP14
    Adobe, which decide how the colours are read, the fixed fields stay; a thumbnail goes.
    """
    whole = stream.data[segment.start : segment.stop]
    if segment.marker == COM or APP0 <= segment.marker <= APP15:
        return colour_marker(segment.marker, whole[4:])
    return whole


def colour_marker(marker: int, body: bytes) -> bytes:
    """Return the fixed fields of JFIF or Adobe as a segment; nothing for any other marker."""
    if marker == APP0 and body[:5] == b"JFIF\0" and len(body) >= JFIF_BYTES:
        return b"\xff\xe0\x00\x10" + body[:12] + b"\0\0"
    if marker == APP14 and body[:5] == b"Adobe" and len(body) >= ADOBE_BYTES:
        return b"\xff\xee\x00\x0e" + body[:12]
    return b""


def codestream_comments(codestream: bytes) -> bool:
    """Tell whether a codestream carries text or an image outside its coded image.

    True for COM and APPn segments of the JPEG family (JPEG, JPEG lossless, JPEG-LS) other than
    plain JFIF and Adobe markers, for a thumbnail, for COM segments of JPEG 2000 in the main or any
    tile-part header, unless the comment is but the name and version of a known encoder; for
    segments and boxes that no decoder needs; for bytes after the end of the image, and for a
    stream that cannot be parsed far enough to tell. False for native and RLE frames, which carry
    nothing else (the decoder of RLE refuses what lies beside its segments).
    """
    if codestream[:2] == b"\xff\xd8":
        return _jpeg_comments(codestream)
    if codestream[:4] == b"\xff\x4f\xff\x51":
        return _jpeg2000_comments(codestream)
    if jpeg_xl.is_jpeg_xl(codestream):
        return _jpeg_xl_comments(codestream)
    return codestream.startswith(JP2) and _jp2_comments(codestream)


def _jpeg_comments(data: bytes) -> bool:
    try:
        segments = list(iterate_segments(data))
    except Refusal:
        return True
    extra = [s for s in segments if s.marker not in _CODING]
    tail = data[segments[-1].stop :]
    return not all(is_harmless(s.marker, data[s.start : s.stop]) for s in extra) or (
        len(tail) > 1 and bool(tail.strip(b"\0\xff"))
    )


def is_writers_comment(text: bytes) -> bool:
    """Tell whether a comment is but the name and version of a known encoder."""
    return _WRITERS.fullmatch(text) is not None


def is_harmless(marker: int, whole: bytes) -> bool:
    """Tell whether a whole segment says no more than how colours are read, or who encoded."""
    body = whole[4:]
    return (
        colour_marker(marker, body) == whole
        or (marker == COM and is_writers_comment(body))
        or (marker == APP0 and body == _LJIF)
        or (marker == _APP8 and (body == _SPIFF_END or _SPIFF.fullmatch(body) is not None))
        or (marker == DRI and len(body) in _DRI_BYTES)
        or (marker == _LSE and body[:1] == b"\x01" and len(body) == _PRESET_BYTES)
    )


def _jpeg2000_comments(data: bytes) -> bool:
    """Look through the main header and, tile-part after tile-part, through theirs (T.800 A.4.2)."""
    position, harmless = _j2k_header(data, 2, _SOT)
    while harmless and data[position : position + 2] == b"\xff\x90":
        length = int.from_bytes(data[position + 6 : position + 10], "big") or len(data) - position
        body, harmless = _j2k_header(data, position + 12, _SOD)
        if not body <= position + length <= len(data):
            return True
        position += length
    end = data[position:].removeprefix(b"\xff\xd9")
    return not harmless or bool(end.strip(b"\0\xff"))


def _j2k_header(data: bytes, position: int, last: int) -> tuple[int, bool]:
    """Return where the marker `last` stands, and whether all segments before it are harmless."""
    while (marker := int.from_bytes(data[position : position + 2], "big")) != last:
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        signed = marker == _J2K_COMMENT and is_writers_comment(data[position + 6 : position + 2 + length])
        if length < 2 or not (marker in _J2K_CODING or signed):
            return position, False
        position += 2 + length
    return position, True


def _jpeg_xl_comments(data: bytes) -> bool:
    """Look at the boxes of a JPEG XL frame, and at the JPEG inside or what follows the image."""
    try:
        if data.startswith(jpeg_xl.CONTAINER) and not _plain_boxes(data):
            return True
        if jpeg_xl.is_recompressed(data):
            return _jpeg_comments(jpeg_xl.to_jpeg(data))
        jpeg_xl.parse(data)
    except (ValueError, RuntimeError):  # no codestream, or one that holds more than a picture
        return True
    return _decodes_without_its_end(jpeg_xl.codestream(data))


def _plain_boxes(data: bytes) -> bool:
    return all(
        kind in jpeg_xl.PICTURE_BOXES and len(body) <= _JXL_BOX.get(kind, len(body))
        for kind, body in jpeg_xl.boxes(data)
    )


def _decodes_without_its_end(stream: bytes) -> bool:
    """Tell whether bytes follow the image: JPEG XL has no end marker, but needs its last byte."""
    shorter = stream[:-2] if stream.endswith(b"\0") else stream[:-1]
    try:
        jpeg_xl.decode(shorter)
    except RuntimeError:
        return False
    return True


def _jp2_comments(data: bytes) -> bool:
    """Look through the boxes of a JP2 file (T.800 Annex I), which some writers use for a frame."""
    for kind, body in boxes(data):
        inner = boxes(body) if kind == b"jp2h" else ()
        if kind not in JP2_BOXES or any(
            name not in _JP2_HEADER_BOXES or len(content) > _LARGEST_JP2_BOX for name, content in inner
        ):
            return True
        if kind == b"jp2c":
            return _jpeg2000_comments(body)
    return True


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of each box; a damaged one has no type."""
    position = 0
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big") or len(data) - position
        kind = data[position + 4 : position + 8] if 8 <= length <= len(data) - position else b""
        yield kind, data[position + 8 : position + length]
        if not kind:
            return
        position += length
