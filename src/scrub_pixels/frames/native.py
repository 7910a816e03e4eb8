"""Native Pixel Data: slicing frames out of the value, and laying them down again (PS3.5 8.1, 8.2)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.errors import CorruptInstance
from scrub_pixels.frames.description import PixelDescription, attribute
from scrub_pixels.frames.words import expand_pairs, pack_pairs, unsigned, words_from_samples


def check_length(value: memoryview, description: PixelDescription) -> None:
    """Refuse a value that holds less than the declared frames.

    Raises
    ------
    CorruptInstance
        If bytes are missing.
    """
    if len(value) < description.total_bytes:
        raise CorruptInstance(
            "Pixel Data is shorter than the header declares",
            stage="open",
            tag=attribute(description.keyword),
            remedy="Get the Instance again from its source; the transfer may have broken off.",
        )


def surplus(value: memoryview, description: PixelDescription) -> str:
    """Describe what follows the last declared frame; empty if nothing but padding does."""
    used = description.total_bytes
    rest = value[used + used % 2 :]
    if not np.frombuffer(rest, np.uint8).any():
        return ""
    frames, left = divmod(len(rest), description.frame_bytes)
    if frames and left <= frames % 2:
        return f"{frames} undeclared frame" + "s" * (frames > 1)
    return f"{len(rest)} trailing bytes"


def slice_frame(
    value: memoryview, description: PixelDescription, frame: int, *, swapped: bool = False
) -> bytes:
    """Return the bytes of one frame; 1-bit frames are shifted to begin at a byte.

    Parameters
    ----------
    swapped
        True if byte-sized samples lie in big-endian 16-bit words (OW, PS3.5 8.1.2).
    """
    first = description.frame_bits * frame
    start, stop = first // 8, -(-(first + description.frame_bits) // 8)
    data = _unswapped(value, start, stop) if swapped else bytes(value[start:stop])
    return _realigned(data, first % 8, description.frame_bits) if description.frame_bits % 8 else data


def _unswapped(value: memoryview, start: int, stop: int) -> bytes:
    even, odd = start - start % 2, stop + stop % 2
    data = bytes(value[even:odd])
    pairs = np.frombuffer(data + b"\0" * (len(data) % 2), np.uint16).byteswap().tobytes()
    return pairs[start - even : stop - even]


def _realigned(data: bytes, skip: int, bits: int) -> bytes:
    unpacked = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    return np.packbits(unpacked[skip : skip + bits], bitorder="little").tobytes()


def decode_words(data: bytes, description: PixelDescription, *, little_endian: bool = True) -> NDArray:
    """Return a frame's allocated words, ``(Rows, Columns[, Samples])``, unsigned or floating.

    Raises
    ------
    CorruptInstance
        If `data` is not exactly one frame long.
    """
    if len(data) != description.frame_bytes:
        raise CorruptInstance(
            "A frame has not the length the header declares",
            stage="decode",
            tag=attribute(description.keyword),
            remedy="Get the Instance again from its source.",
        )
    if description.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(data, np.uint8), count=description.frame_bits, bitorder="little")
        return bits.reshape(description.shape)
    dtype = description.dtype if description.floating else unsigned(description)
    flat = np.frombuffer(data, dtype.newbyteorder("<" if little_endian else ">")).astype(dtype, copy=False)
    return _arranged(flat, description)


def _arranged(flat: NDArray, description: PixelDescription) -> NDArray:
    if description.samples == 1:
        return flat.reshape(description.shape)
    if description.subsampled:
        return expand_pairs(flat, description)
    if description.planar == 0:
        return flat.reshape(description.array_shape)
    return flat.reshape(description.samples, *description.shape).transpose(1, 2, 0)


def encode_words(samples: NDArray, description: PixelDescription, *, little_endian: bool = True) -> bytes:
    """Return one frame's native bytes of stored samples; bits outside Bits Stored are cleared.

    Raises
    ------
    ValueError
        If 4:2:2 pairs differ in chroma.
    """
    if description.bits_allocated == 1:
        return np.packbits(samples.reshape(-1).astype(bool), bitorder="little").tobytes()
    words = samples if description.floating else words_from_samples(samples, description)
    if description.subsampled:
        words = pack_pairs(words)
    elif description.samples > 1 and description.planar:
        words = words.transpose(2, 0, 1)
    return words.astype(words.dtype.newbyteorder("<" if little_endian else ">"), copy=False).tobytes()


def join(frames: Iterable[bytes], description: PixelDescription) -> bytes:
    """Return native Pixel Data of whole frames, padded to even length (PS3.5 8.1.1)."""
    if description.frame_bits % 8 == 0:
        value = b"".join(frames)
    else:
        value = _joined_bits(frames, description.frame_bits)
    return value + b"\0" * (len(value) % 2)


def _joined_bits(frames: Iterable[bytes], bits: int) -> bytes:
    unpacked = [
        np.unpackbits(np.frombuffer(frame, np.uint8), count=bits, bitorder="little") for frame in frames
    ]
    return np.packbits(np.concatenate(unpacked), bitorder="little").tobytes() if unpacked else b""
