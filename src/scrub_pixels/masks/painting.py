"""Paint regions into stored samples, or into the very bytes of a native frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.frames import PixelDescription
from scrub_pixels.geometry import Region


def paint(samples: NDArray, regions: Iterable[Region], fill: NDArray) -> NDArray:
    """Return a copy of ``(Rows, Columns[, Samples])`` samples with `fill` in every Region."""
    painted = samples.copy()
    for region in regions:
        painted[region.slices] = fill
    return painted


def native_regions(description: PixelDescription, regions: Sequence[Region]) -> tuple[Region, ...]:
    """Return the Regions as they can be painted: whole pairs where two columns share chroma."""
    if not description.subsampled:
        return tuple(regions)
    return tuple(region.aligned(1, 2, description.shape) for region in regions)


def paint_native(
    frame: bytes,
    description: PixelDescription,
    regions: Sequence[Region],
    fill: NDArray,
    *,
    little_endian: bool,
) -> bytes:
    """Return one native frame with `fill` in every Region and every other bit as it was.

    Parameters
    ----------
    frame
        As ``Instance.encoded`` gives it: 1-bit frames begin at a byte.
    regions
        As returned by `native_regions`.
    fill
        Stored sample or samples of black.
    little_endian
        Byte order of words of more than one byte.

    Notes
    -----
    Inside a Region whole words are written, so bits beside Bits Stored (an embedded overlay) go
    too; a negative sample is written with its sign extended, which reads right with and without
    regard to Bits Stored (PS3.5 8.1.1).
    """
    if description.bits_allocated == 1:
        return _paint_bits(frame, description, regions, fill)
    order = "<" if little_endian else ">"
    flat = np.frombuffer(bytearray(frame), dtype=_word(description, order))
    value = _as_word(fill, description)
    if description.subsampled:
        _paint_pairs(flat, description, regions, value)
    else:
        pixels = _arranged(flat, description)
        for region in regions:
            pixels[region.slices] = value
    return flat.tobytes()


def _paint_bits(
    frame: bytes, description: PixelDescription, regions: Sequence[Region], fill: NDArray
) -> bytes:
    bits = np.unpackbits(np.frombuffer(frame, dtype=np.uint8), bitorder="little")
    pixels = bits[: description.frame_samples].reshape(description.shape)
    for region in regions:
        pixels[region.slices] = fill
    return np.packbits(bits, bitorder="little").tobytes()


def _word(description: PixelDescription, order: str) -> np.dtype:
    kind = "f" if description.floating else "u"
    return np.dtype(f"{order}{kind}{description.bits_allocated // 8}")


def _as_word(fill: NDArray, description: PixelDescription) -> NDArray:
    """Return `fill` shifted to High Bit, in the allocated word."""
    if description.floating:
        return fill
    shift = description.high_bit + 1 - description.bits_stored
    return fill.view(np.dtype(f"u{fill.dtype.itemsize}")) << shift


def _arranged(flat: NDArray, description: PixelDescription) -> NDArray:
    """Return a view of a frame's words as ``(Rows, Columns[, Samples])``."""
    if description.samples > 1 and description.planar:
        return flat.reshape(description.samples, *description.shape).transpose(1, 2, 0)
    return flat.reshape(description.array_shape)


def _paint_pairs(
    flat: NDArray, description: PixelDescription, regions: Sequence[Region], value: NDArray
) -> None:
    """Paint 4:2:2 data: Y0 Y1 Cb Cr for every two columns (PS3.3 C.7.6.3.1.2)."""
    quads = flat.reshape(description.rows, description.columns // 2, 4)
    for region in regions:
        quads[region.row : region.bottom, region.column // 2 : region.right // 2] = value[[0, 0, 1, 2]]
