"""The units of a video bitstream, and which of them are not the picture (H.264 7.3, H.265 7.3, H.262 6.2).

A bitstream can carry text (user data, captions), a second view or another layer that no ordinary
decoder shows. What steers a decoder is named here; anything else makes a stream unclean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

_START = re.compile(rb"\x00\x00\x01")
_SIGNATURE = re.compile(
    rb"x264 - core \d+( r\d+)?( [0-9a-f]+)?M? - H\.264/MPEG-4 AVC codec - Copyleft \d{4}-\d{4}"
    rb" - http://www\.videolan\.org/x264\.html - options:"
    rb"( [a-z0-9_]{1,24}=(-?[\d.:,/x-]{1,24}|hex|umh|esa|tesa|dia|crf|abr|cbr|cqp|2pass))* ?\0?"
)
"""What x264 signs a stream with: its version and numeric options."""
_UUID = 16
_REGISTERED, _UNREGISTERED = 4, 5
SEI_OF_HEVC = (39, 40)
_BLANK = b"\1"


def units(stream: bytes) -> Iterator[bytes]:
    """Yield the units between the start codes of a byte stream (H.264 Annex B, H.262 6.2.1)."""
    starts = [found.end() for found in _START.finditer(stream)]
    for start, stop in zip(starts, [*(start - 3 for start in starts[1:]), len(stream)], strict=True):
        yield stream[start:stop]


def beside_the_picture(codec: str, stream: bytes) -> bool:
    """Tell whether any unit of a byte stream is neither the picture nor needed to decode it.

    Parameters
    ----------
    codec
        ``mpeg2video``, ``h264`` or ``hevc``.
    stream
        Units behind start codes.
    """
    is_plain = _PLAIN[codec]
    lead = _START.search(stream)
    return lead is None or any(stream[: lead.start()]) or not all(is_plain(unit) for unit in units(stream))


def removed_units(codec: str) -> str:
    """Return the types of units that a cleaned stream goes without, as FFmpeg's filter_units takes them."""
    return _REMOVED[codec]


def _plain_mpeg2(unit: bytes) -> bool:
    """Picture, slices, sequence header, extension, end, group of pictures (H.262 Table 6-1)."""
    return bool(unit) and (unit[0] <= 0xAF or unit[0] in (0xB3, 0xB5, 0xB7, 0xB8))


def _plain_h264(unit: bytes) -> bool:
    """Slices, parameter sets, delimiters and harmless SEI (H.264 Table 7-1); no view, no layer."""
    if not unit:
        return False
    kind = unit[0] & 31
    return kind in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11) or (kind == 6 and _plain_sei(unit[1:]))


def _plain_hevc(unit: bytes) -> bool:
    """Slices, parameter sets, delimiters and harmless SEI of the base layer (H.265 Table 7-1)."""
    if len(unit) < 2 or (unit[0] & 1) << 5 | unit[1] >> 3:
        return False
    kind = unit[0] >> 1
    return kind <= 21 or 32 <= kind <= 37 or (kind in SEI_OF_HEVC and _plain_sei(unit[2:]))


def _plain_sei(body: bytes) -> bool:
    """Tell whether supplemental information holds no user data but an encoder's signature."""
    data = body.replace(b"\0\0\3", b"\0\0")
    position = 0
    while position < len(data) and data[position:].rstrip(b"\0") not in (b"\x80", b""):
        kind, position = _ff_coded(data, position)
        size, position = _ff_coded(data, position)
        payload = data[position : position + size]
        position += size
        if not payload.strip(_BLANK):
            continue
        if len(payload) != size or kind == _REGISTERED:
            return False
        if kind == _UNREGISTERED and _SIGNATURE.fullmatch(payload[_UUID:]) is None:
            return False
    return True


def blanked_sei(unit: bytes) -> bytes:
    """Return an SEI unit of HEVC of the same length that says nothing."""
    _, start = _ff_coded(unit, 2)
    _, start = _ff_coded(unit, start)
    return unit[:start] + _BLANK * (len(unit) - start - 1) + unit[-1:] if len(unit) > start else unit


def _ff_coded(data: bytes, position: int) -> tuple[int, int]:
    """Return a number coded as 0xFF bytes and a last one (H.264 7.3.2.3.1), and what follows."""
    value = 0
    while data[position : position + 1] == b"\xff":
        value, position = value + 255, position + 1
    return value + (data[position] if position < len(data) else 0), position + 1


_PLAIN: Mapping[str, Callable[[bytes], bool]] = MappingProxyType(
    {"mpeg2video": _plain_mpeg2, "h264": _plain_h264, "hevc": _plain_hevc}
)
_REMOVED: Mapping[str, str] = MappingProxyType(
    {"mpeg2video": "178|182", "h264": "6|12-31", "hevc": "38-63"}
)
