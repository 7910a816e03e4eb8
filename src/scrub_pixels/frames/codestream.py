"""What an encoded frame says about itself: size, depth, colour, and where it ends.

Read from the markers alone, before any codec sees the bytes, so that a codestream which
contradicts the header is refused without allocating for it. JPEG: ITU-T T.81 Annex B. JPEG-LS:
ITU-T T.87 Annex C. JPEG 2000: ITU-T T.800 Annex A.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from struct import error as StructError
from struct import unpack_from

_SOF = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_SOI, _EOI, _SOS, _SOF_LS = 0xD8, 0xD9, 0xDA, 0xF7
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_SOC, _SIZ, _COD, _SOT, _EOC = b"\xff\x4f", 0xFF51, 0xFF52, 0xFF90, b"\xff\xd9"
_JP2 = b"\x00\x00\x00\x0cjP  "
_JXL = b"\x00\x00\x00\x0cJXL "
# In entropy-coded data 0xFF is followed by a stuffed byte (JPEG) or a byte below 0x80 (JPEG-LS).
_NEXT_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]", re.DOTALL)
_NEXT_LS_MARKER = re.compile(rb"\xff[\x80-\xfe]", re.DOTALL)
_RGB_IDS = ((82, 71, 66), (114, 103, 98))
_JFIF_BYTES, _ADOBE_BYTES = 14, 12


class BadCodestream(ValueError):
    """The bytes are not a codestream of the kind expected, or break off inside its headers."""


@dataclass(frozen=True, slots=True)
class Codestream:
    """The parameters of one encoded frame.

    Parameters
    ----------
    rows, columns, samples, precision
        As the codestream declares them; `precision` in bits per sample.
    process
        Low byte of the JPEG SOF marker (0xC0 baseline, 0xF7 JPEG-LS); 0x51 for JPEG 2000.
    signed
        JPEG 2000 only: components are signed.
    colour
        ``RGB`` or ``YBR_FULL`` if markers or component identifiers tell, else empty.
    transformed
        JPEG 2000 only: a multiple component transformation is inverted by the decoder.
    end
        Offset just after the end marker, or None if there is none.
    """

    rows: int
    columns: int
    samples: int
    precision: int
    process: int
    signed: bool = False
    colour: str = ""
    transformed: bool = False
    end: int | None = None


def starts_codestream(data: bytes | memoryview) -> bool:
    """Tell whether `data` begins like a JPEG, JPEG-LS or JPEG 2000 codestream, or a JPEG XL container.

    The two bytes a bare JPEG XL codestream begins with are met inside other codestreams too often.
    """
    head = bytes(data[:12])
    return head[:3] == b"\xff\xd8\xff" or head[:4] == b"\xff\x4f\xff\x51" or head.startswith((_JP2, _JXL))


def parse(data: bytes) -> Codestream:
    """Return the parameters of a JPEG, JPEG-LS or JPEG 2000 codestream.

    Raises
    ------
    BadCodestream
        If the headers cannot be read.
    """
    try:
        if data[:2] == b"\xff\xd8":
            return _parse_jpeg(data)
        return _parse_jpeg_2000(data)
    except (StructError, IndexError) as broken:
        raise BadCodestream("the codestream breaks off inside its headers") from broken


@dataclass(slots=True)
class _Jpeg:
    """What has been met while walking the markers of a JPEG."""

    frame: tuple[int, int, int, int, int] | None = None
    ids: tuple[int, ...] = ()
    sampling: tuple[int, ...] = ()
    adobe: int | None = None
    jfif: bool = False
    end: int | None = None
    offset: int = field(default=2)

    @property
    def colour(self) -> str:
        """Colour space told by JFIF, APP14, component identifiers or sampling, in this order.

        The order is that of libjpeg, which most viewers decode with: JFIF outweighs Adobe.
        """
        if len(self.ids) != 3:
            return ""
        if self.jfif:
            return "YBR_FULL"
        if self.adobe is not None:
            return "RGB" if self.adobe == 0 else "YBR_FULL"
        if self.ids in _RGB_IDS:
            return "RGB"
        return "YBR_FULL" if len(set(self.sampling)) > 1 else ""


def _parse_jpeg(data: bytes) -> Codestream:
    state = _Jpeg()
    while state.end is None and state.offset < len(data):
        if not _step(data, state):
            break
    if state.frame is None:
        raise BadCodestream("the codestream has no frame header")
    process, precision, rows, columns, samples = state.frame
    return Codestream(rows, columns, samples, precision, process, colour=state.colour, end=state.end)


def _step(data: bytes, state: _Jpeg) -> bool:
    """Read one marker segment; False if no further marker is found."""
    position = _skip_fill(data, state.offset)
    marker = data[position + 1]
    if marker == _EOI:
        state.end = position + 2
    elif marker in _STANDALONE or marker == _SOI:
        state.offset = position + 2
    else:
        return _segment(data, state, position, marker)
    return True


def _skip_fill(data: bytes, position: int) -> int:
    """Return the offset of the 0xFF just before a marker code (T.81 B.1.1.2 allows fill bytes)."""
    if data[position] != 0xFF:
        raise BadCodestream("a marker was expected")
    while data[position + 1] == 0xFF:
        position += 1
    return position


def _segment(data: bytes, state: _Jpeg, position: int, marker: int) -> bool:
    (length,) = unpack_from(">H", data, position + 2)
    body = data[position + 4 : position + 2 + length]
    state.offset = position + 2 + length
    if marker in _SOF:
        _frame_header(body, state, marker)
    elif marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= _JFIF_BYTES:
        state.jfif = True
    elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= _ADOBE_BYTES:
        state.adobe = body[11]
    elif marker == _SOS:
        return _skip_entropy(data, state)
    return True


def _frame_header(body: bytes, state: _Jpeg, marker: int) -> None:
    precision, rows, columns, samples = unpack_from(">BHHB", body)
    if len(body) < 6 + 3 * samples:
        raise BadCodestream("the frame header is too short")
    if state.frame is not None:
        raise BadCodestream("the codestream has several frame headers")
    state.frame = (marker, precision, rows, columns, samples)
    state.ids = tuple(body[6 : 6 + 3 * samples : 3])
    state.sampling = tuple(body[7 : 7 + 3 * samples : 3])


def _skip_entropy(data: bytes, state: _Jpeg) -> bool:
    lossless_ls = state.frame is not None and state.frame[0] == _SOF_LS
    found = (_NEXT_LS_MARKER if lossless_ls else _NEXT_JPEG_MARKER).search(data, state.offset)
    if found is None:
        return False
    state.offset = found.start()
    return True


def with_full_spectrum(data: bytes) -> bytes:
    """Return a sequential JPEG whose scan headers cover coefficients 0 to 63 (T.81 B.2.3).

    Early 12-bit encoders wrote 0 to 0, which strict decoders refuse and lenient ones overlook.
    """
    state, patched = _Jpeg(), bytearray(data)
    while state.end is None and state.offset < len(data):
        position = _skip_fill(data, state.offset)
        if data[position + 1] == _SOS:
            last = position + 2 + unpack_from(">H", data, position + 2)[0]
            patched[last - 3 : last] = b"\x00\x3f\x00"
        if not _step(data, state):
            break
    return bytes(patched)


def _parse_jpeg_2000(data: bytes) -> Codestream:
    start = _contiguous(data)
    if data[start : start + 2] != _SOC or unpack_from(">H", data, start + 2)[0] != _SIZ:
        raise BadCodestream("not a JPEG 2000 codestream")
    x1, y1, x0, y0 = unpack_from(">4I", data, start + 8)
    (samples,) = unpack_from(">H", data, start + 40)
    depths = {data[start + 42 + 3 * component] for component in range(samples)}
    if len(depths) != 1:
        raise BadCodestream("the components differ in depth")
    (depth,) = depths
    transformed, end = _walk_main(data, start)
    precision, signed = (depth & 0x7F) + 1, bool(depth & 0x80)
    return Codestream(y1 - y0, x1 - x0, samples, precision, 0x51, signed, "", transformed, end)


def _contiguous(data: bytes) -> int:
    """Return the offset of the codestream, inside JP2 boxes if they are there (not conformant)."""
    if not data.startswith(_JP2):
        return 0
    offset = 12
    while data[offset + 4 : offset + 8] != b"jp2c":
        (length,) = unpack_from(">I", data, offset)
        if length < 8:
            raise BadCodestream("a JP2 box has no usable length")
        offset += length
    return offset + 8


def _walk_main(data: bytes, start: int) -> tuple[bool, int | None]:
    """Return whether COD asks for a component transformation, and the end of the codestream."""
    offset, transformed = start + 2, False
    while True:
        marker, length = unpack_from(">HH", data, offset)
        if marker == _SOT:
            return transformed, _walk_tiles(data, offset)
        if marker == _COD:
            transformed = data[offset + 8] == 1
        if not 0xFF01 <= marker or length < 2:
            raise BadCodestream("a marker was expected")
        offset += 2 + length


def _walk_tiles(data: bytes, offset: int) -> int | None:
    """Follow the tile-part lengths to the end marker (T.800 A.4.2); None if it is not there."""
    while offset + 12 <= len(data) and unpack_from(">H", data, offset)[0] == _SOT:
        (length,) = unpack_from(">I", data, offset + 6)
        if length == 0:  # the last tile-part runs up to the end marker
            last = data.rfind(_EOC)
            return last + 2 if last > 0 else None
        offset += max(length, 12)
    return offset + 2 if data[offset : offset + 2] == _EOC else None
