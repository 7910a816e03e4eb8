"""What a codestream carries beside the image: comments, application data, thumbnails, a tail."""

from __future__ import annotations

import re

from scrub_pixels.errors import Refusal
from scrub_pixels.masks.jpeg_markers import (
    ADOBE_BYTES,
    APP0,
    APP14,
    APP15,
    COM,
    JFIF_BYTES,
    JpegStream,
    Segment,
    iterate_segments,
)

_J2K_COMMENT = b"\xff\x64"
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


def kept(stream: JpegStream, segment: Segment) -> bytes:
    """Return what of a segment is copied into a redacted frame.

    Comments and application data are dropped: they may name the patient. Of APP0 JFIF and APP14
    Adobe, which decide how the colours are read, the fixed fields stay; a thumbnail goes.
    """
    whole = stream.data[segment.start : segment.stop]
    if segment.marker == COM or APP0 <= segment.marker <= APP15:
        return _colour_marker(segment.marker, whole[4:])
    return whole


def _colour_marker(marker: int, body: bytes) -> bytes:
    if marker == APP0 and body[:5] == b"JFIF\0" and len(body) >= JFIF_BYTES:
        return b"\xff\xe0\x00\x10" + body[:12] + b"\0\0"
    if marker == APP14 and body[:5] == b"Adobe" and len(body) >= ADOBE_BYTES:
        return b"\xff\xee\x00\x0e" + body[:12]
    return b""


def codestream_comments(codestream: bytes) -> bool:
    """Tell whether a codestream carries text or an image outside its coded image.

    True for COM and APPn segments of the JPEG family (JPEG, JPEG lossless, JPEG-LS) other than
    plain JFIF and Adobe markers, for a thumbnail, for COM segments of JPEG 2000, unless the comment
    is but the name and version of a known encoder; for bytes after the end of the image, and for a
    stream that cannot be parsed far enough to tell. False for native and RLE frames, which carry
    nothing else.
    """
    if codestream[:2] == b"\xff\xd8":
        return _jpeg_comments(codestream)
    if codestream[:4] == b"\xff\x4f\xff\x51":
        return _jpeg2000_comments(codestream)
    return False


def _jpeg_comments(data: bytes) -> bool:
    try:
        segments = list(iterate_segments(data))
    except Refusal:
        return True
    extra = [s for s in segments if s.marker == COM or APP0 <= s.marker <= APP15]
    tail = data[segments[-1].stop :]
    return not all(_harmless(s.marker, data[s.start : s.stop]) for s in extra) or (
        len(tail) > 1 and bool(tail.strip(b"\0\xff"))
    )


def _harmless(marker: int, whole: bytes) -> bool:
    """Tell whether a segment says no more than how colours are read, or who encoded."""
    body = whole[4:]
    return (
        _colour_marker(marker, body) == whole
        or (marker == COM and _WRITERS.fullmatch(body) is not None)
        or (marker == APP0 and body == _LJIF)
    )


def _jpeg2000_comments(data: bytes) -> bool:
    position = 2
    while data[position : position + 1] == b"\xff" and data[position + 1 : position + 2] != b"\x90":
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        comment = data[position + 6 : position + 2 + length]
        if data[position : position + 2] == _J2K_COMMENT and not _WRITERS.fullmatch(comment):
            return True
        if length < 2:
            return True
        position += 2 + length
    return data[position : position + 2] != b"\xff\x90"
