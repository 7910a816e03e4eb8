"""High-Throughput JPEG 2000, reversible, of stored samples (PS3.5 8.2.14, 10.18; ITU-T T.814).

The encoder knows samples of 8 and 16 bits only. Other depths are coded as signed samples around
zero, which is what the level shift of T.800 Annex G makes of unsigned ones before they are coded;
the depth in the SIZ segment then tells a decoder to shift back. Nothing else depends on the depth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SIZ_DEPTHS = 42
"""Offset of Ssiz of the first component: SOC, then SIZ (T.800 A.5.1)."""
_FEWEST_LEVELS = 5
_THUMBNAIL = 64
"""Largest width or height of the lowest resolution under HTJ2K RPCL (PS3.5 10.18)."""


def encode(samples: NDArray, bits_stored: int, *, transform: bool) -> bytes:
    """Return a reversible codestream in RPCL order, with TLM segments.

    Parameters
    ----------
    samples
        Stored samples, ``(Rows, Columns)`` or ``(Rows, Columns, 3)``, of up to 16 bits.
    transform
        Apply the reversible colour transformation: the samples are RGB, the header says YBR_RCT.

    Raises
    ------
    ImportError
        If imagecodecs is not installed.
    """
    from imagecodecs import htj2k_encode

    signed = samples.dtype.kind == "i"
    shift = 0 if signed else 1 << (bits_stored - 1)
    narrow = np.int8 if bits_stored <= 8 else np.int16
    centred = np.ascontiguousarray((samples.astype(np.int32) - shift).astype(narrow))
    levels = _levels(*samples.shape[:2])
    data = bytearray(htj2k_encode(centred, reversible=True, rgb=transform, tlm=True, resolutions=levels))
    for component in range(samples.shape[2] if samples.ndim == 3 else 1):
        data[_SIZ_DEPTHS + 3 * component] = bits_stored - 1 | 0x80 * signed
    return bytes(data)


def _levels(rows: int, columns: int) -> int:
    """Return decomposition levels that leave at most 64 rows and columns at the lowest resolution."""
    size = -(-max(rows, columns) // _THUMBNAIL)
    return max(_FEWEST_LEVELS, (size - 1).bit_length())
