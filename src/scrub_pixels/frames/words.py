"""Allocated words and stored samples: bits, signs, planes and 4:2:2 pairs (PS3.5 8.1.1, 8.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.frames.description import PixelDescription


def unsigned(description: PixelDescription) -> np.dtype:
    """Return the unsigned type of one allocated word."""
    return np.dtype(f"u{max(1, description.bits_allocated // 8)}")


def samples_from_words(words: NDArray, description: PixelDescription, sign_bit: int = 0) -> NDArray:
    """Return stored samples: the bits of Bits Stored alone, sign extended if signed.

    Parameters
    ----------
    words
        Unsigned allocated words, any shape.
    sign_bit
        Bits that hold the value if fewer than Bits Stored (a codestream of less precision whose
        codec knows no sign); 0 if Bits Stored is right.
    """
    stored, shift = description.bits_stored, description.high_bit + 1 - description.bits_stored
    if stored == description.bits_allocated or description.bits_allocated == 1:
        plain = words
    else:
        plain = (words >> shift if shift else words) & words.dtype.type(2**stored - 1)
    bits = min(sign_bit or stored, stored)
    return _signed(plain, bits) if description.signed else plain


def _signed(words: NDArray, bits: int) -> NDArray:
    """Read the low `bits` of unsigned words as two's complement."""
    signed = words.view(np.dtype(f"i{words.dtype.itemsize}"))
    spare = words.dtype.itemsize * 8 - bits
    return signed if spare == 0 else (signed << spare) >> spare


def words_from_samples(samples: NDArray, description: PixelDescription) -> NDArray:
    """Return unsigned allocated words with stored samples in place and all other bits clear."""
    words = np.ascontiguousarray(samples).view(unsigned(description))
    if description.bits_stored < description.bits_allocated:
        words = words & words.dtype.type(2**description.bits_stored - 1)
    shift = description.high_bit + 1 - description.bits_stored
    return words << shift if shift else words


def outside_stored(words: NDArray, description: PixelDescription) -> bool:
    """Tell whether bits outside Bits Stored carry anything but the extended sign."""
    if description.bits_stored == description.bits_allocated:
        return False
    stored = samples_from_words(words, description)
    clean = words_from_samples(stored, description)
    if np.array_equal(words, clean):
        return False
    shift = description.high_bit + 1 - description.bits_stored
    return not (description.signed and np.array_equal(words, stored.view(words.dtype) << shift))


def expand_pairs(flat: NDArray, description: PixelDescription) -> NDArray:
    """Return ``(Rows, Columns, 3)`` of 4:2:2 data, chroma repeated (PS3.3 C.7.6.3.1.2)."""
    quads = flat.reshape(description.rows, description.columns // 2, 4)
    samples = np.empty((*description.shape, 3), flat.dtype)
    samples[:, 0::2, 0], samples[:, 1::2, 0] = quads[..., 0], quads[..., 1]
    samples[:, 0::2, 1:] = samples[:, 1::2, 1:] = quads[..., 2:]
    return samples


def pack_pairs(samples: NDArray) -> NDArray:
    """Return 4:2:2 data of ``(Rows, Columns, 3)`` samples whose pairs share their chroma.

    Raises
    ------
    ValueError
        If the two pixels of a pair differ in chroma, which 4:2:2 cannot hold.
    """
    if not np.array_equal(samples[:, 0::2, 1:], samples[:, 1::2, 1:]):
        raise ValueError("the pixels of a 4:2:2 pair differ in chroma")
    quads = np.empty((samples.shape[0], samples.shape[1] // 2, 4), samples.dtype)
    quads[..., 0], quads[..., 1] = samples[:, 0::2, 0], samples[:, 1::2, 0]
    quads[..., 2:] = samples[:, 0::2, 1:]
    return quads
