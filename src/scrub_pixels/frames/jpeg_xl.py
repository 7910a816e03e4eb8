"""JPEG XL frames (PS3.5 8.2.15, ISO/IEC 18181): headers, boxes, and the JPEG inside a recompressed one.

Headers are read bit by bit here, so that a codestream that contradicts the DICOM header, or that
holds a second picture (preview, animation, further channels, a colour profile), is known before
the decoder sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.frames.codestream import BadCodestream, Codestream

CONTAINER = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
_RAW = b"\xff\x0a"
PROCESS = 0x0A
_SIZE_BITS = ((9, 1), (13, 1), (18, 1), (30, 1))
_DEPTHS = ((0, 8), (0, 10), (0, 12), (6, 1))
_EXTRA = ((0, 0), (0, 1), (4, 2), (12, 1))
_ENUM = ((0, 0), (0, 1), (4, 2), (6, 18))
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_GREY = 1
_EFFORT = 4
PICTURE_BOXES = frozenset({b"JXL ", b"ftyp", b"jxlc", b"jxlp", b"jxll", b"jbrd"})
"""Boxes that hold the image and nothing else; any other may hold text or another picture."""


class _Bits:
    """Reads a codestream header, least significant bit first (18181-1 B.2)."""

    def __init__(self, data: bytes) -> None:
        self.number, self.left = int.from_bytes(data[:64], "little"), 8 * min(64, len(data))

    def take(self, count: int) -> int:
        """Return the next `count` bits."""
        if count > self.left:
            raise BadCodestream("the codestream breaks off inside its headers")
        value = self.number & ((1 << count) - 1)
        self.number >>= count
        self.left -= count
        return value

    def choice(self, table: tuple[tuple[int, int], ...]) -> int:
        """Return a U32: two bits choose how many bits follow and what is added to them."""
        bits, offset = table[self.take(2)]
        return self.take(bits) + offset


def is_jpeg_xl(data: bytes | memoryview) -> bool:
    """Tell whether `data` begins like a JPEG XL codestream or container."""
    return bytes(data[:12]) == CONTAINER or bytes(data[:2]) == _RAW


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of each box of a container.

    Raises
    ------
    BadCodestream
        If a box reaches beyond the data.
    """
    position = 0
    while position < len(data):
        if len(data) - position == 1 and data[position:] == b"\0":
            return  # padding to even length
        if len(data) - position < 8:
            raise BadCodestream("a box breaks off")
        (length,) = unpack_from(">I", data, position)
        length = length or len(data) - position
        if not 8 <= length <= len(data) - position:
            raise BadCodestream("a box has no usable length")
        yield data[position + 4 : position + 8], data[position + 8 : position + length]
        position += length


def is_recompressed(data: bytes) -> bool:
    """Tell whether the original JPEG can be had back, bit for bit (18181-2 9.8, box ``jbrd``)."""
    if data[:12] != CONTAINER:
        return False
    return any(kind == b"jbrd" for kind, _ in boxes(data))


def to_jpeg(data: bytes) -> bytes:
    """Return the JPEG codestream of a recompressed frame, as it was before."""
    from imagecodecs import jpegxl_decode_jpeg

    return bytes(jpegxl_decode_jpeg(data, numthreads=1))


def from_jpeg(data: bytes) -> bytes:
    """Return a JPEG codestream recompressed, losslessly as to its coefficients and markers."""
    from imagecodecs import jpegxl_encode_jpeg

    return bytes(jpegxl_encode_jpeg(data, usecontainer=True, numthreads=1))


def decode(data: bytes) -> NDArray:
    """Return the samples of a frame, ``(Rows, Columns[, Samples])``, unsigned."""
    from imagecodecs import jpegxl_decode

    return np.asarray(jpegxl_decode(data, numthreads=1))


def encode(words: NDArray, precision: int) -> bytes:
    """Return a lossless codestream of unsigned words of `precision` bits, 1 to 16."""
    from imagecodecs import jpegxl_encode

    plain = np.ascontiguousarray(words)
    return bytes(
        jpegxl_encode(plain, lossless=True, effort=_EFFORT, bitspersample=precision, numthreads=1)
    )


def codestream(data: bytes) -> bytes:
    """Return the codestream itself: the content of ``jxlc``, or of all ``jxlp`` boxes in turn."""
    if data[:12] != CONTAINER:
        return data
    skip = {b"jxlc": 0, b"jxlp": 4}  # parts are numbered
    return b"".join(body[skip[kind] :] for kind, body in boxes(data) if kind in skip)


def parse(data: bytes) -> Codestream:
    """Return size, depth and number of samples as the codestream declares them.

    Raises
    ------
    BadCodestream
        If it is none, or holds more than one plain picture: a preview, an animation, further
        channels, a colour profile, floating samples, an orientation of its own.
    """
    stream = codestream(data)
    if stream[:2] != _RAW:
        raise BadCodestream("not a JPEG XL codestream")
    bits = _Bits(stream[2:])
    rows, columns = _size(bits)
    precision, samples = _metadata(bits)
    colour = "RGB" if samples == 3 else ""
    return Codestream(rows, columns, samples, precision, PROCESS, colour=colour, end=len(data))


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.take(1)
    rows = 8 * (bits.take(5) + 1) if small else bits.choice(_SIZE_BITS)
    ratio = bits.take(3)
    if ratio:
        wide, tall = _RATIOS[ratio - 1]
        return rows, rows * wide // tall
    return rows, 8 * (bits.take(5) + 1) if small else bits.choice(_SIZE_BITS)


def _metadata(bits: _Bits) -> tuple[int, int]:
    """Return bits per sample and number of samples (18181-1 D.3)."""
    if bits.take(1):
        return 8, 3
    if bits.take(1):
        raise BadCodestream("it holds a preview, an animation or an orientation")
    if bits.take(1):
        raise BadCodestream("its samples are floating")
    precision = bits.choice(_DEPTHS)
    bits.take(1)  # whether 16-bit buffers suffice
    if bits.choice(_EXTRA):
        raise BadCodestream("it holds further channels")
    bits.take(1)  # whether colours are XYB inside
    if bits.take(1):
        return precision, 3
    if bits.take(1):
        raise BadCodestream("it holds a colour profile")
    return precision, 1 if bits.choice(_ENUM) == _GREY else 3
