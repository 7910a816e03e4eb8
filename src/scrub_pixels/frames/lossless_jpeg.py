"""JPEG Lossless, Process 14 Selection Value 1, of stored samples (PS3.5 A.4.1, ITU-T T.81 Annex H)."""

from __future__ import annotations

from struct import unpack_from

import numpy as np
from numpy.typing import NDArray

_PREDICTOR = 1
_SOF_LOSSLESS, _SOS, _EOI = 0xC3, 0xDA, 0xD9
_APP0, _APP15 = 0xE0, 0xEF
_IDENTIFIERS = bytes((1, 2, 3))


def encode(words: NDArray, precision: int, colour: str) -> bytes:
    """Return a codestream of unsigned words of `precision` bits, 2 to 16.

    Parameters
    ----------
    words
        ``(Rows, Columns)`` or ``(Rows, Columns, 3)``, uint8 up to 8 bits, else uint16.
    colour
        Photometric Interpretation of the words. RGB is said in an APP14 segment; anything else
        is coded without a word about colour, so that no decoder converts it.

    Raises
    ------
    ImportError
        If imagecodecs is not installed.
    """
    from imagecodecs import jpeg8_encode

    data = bytes(
        jpeg8_encode(
            np.ascontiguousarray(words), lossless=True, predictor=_PREDICTOR, bitspersample=precision
        )
    )
    return data if words.ndim == 3 and colour == "RGB" else _without_colour(data, words.ndim == 3)


def _without_colour(data: bytes, several: bool) -> bytes:
    """Drop JFIF and Adobe segments, and number the components instead of calling them R, G, B."""
    pieces, position, names = [data[:2]], 2, {}
    while data[position + 1] != _SOS:
        marker, (length,) = data[position + 1], unpack_from(">H", data, position + 2)
        segment = data[position : position + 2 + length]
        if marker == _SOF_LOSSLESS and several:
            names = dict(zip(segment[10::3], _IDENTIFIERS, strict=True))
            segment = _renamed(segment, 10, 3, names)
        if not _APP0 <= marker <= _APP15:
            pieces.append(segment)
        position += 2 + length
    (length,) = unpack_from(">H", data, position + 2)
    header = data[position : position + 2 + length]
    scan = _renamed(header, 5, 2, names) if several else header
    return b"".join((*pieces, scan, data[position + 2 + length :]))


def _renamed(segment: bytes, first: int, step: int, names: dict[int, int]) -> bytes:
    """Replace the component identifiers that stand at `first`, `first` + `step`, and so on."""
    renamed = bytearray(segment)
    for place in range(first, first + step * len(names), step):
        renamed[place] = names[renamed[place]]
    return bytes(renamed)
