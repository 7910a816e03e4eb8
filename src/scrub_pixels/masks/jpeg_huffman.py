"""Huffman tables of a JPEG scan, as look-up tables for walking it and codes for writing into it.

A table is looked up by the next 16 bits. ``single`` answers one symbol, ``several`` as many
whole AC symbols as those 16 bits hold, up to the end of the block; most blocks of an ultrasound
frame then need two or three look-ups. ITU-T T.81 Annex C (code assignment), F.1.2 (symbols).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.masks.jpeg_markers import HuffmanSpec, uneditable

WINDOW = 16
LAST = 63
"""Index of the last AC coefficient of a block."""
END = 128
"""Added to the advance of a look-up that met the end-of-block symbol."""
BROKEN = 1024
"""The advance of a look-up that met no legal symbol."""
END_OF_BLOCK, RUN_OF_16 = 0x00, 0xF0
LONGEST_DC = 15


@dataclass(frozen=True, slots=True)
class DcTable:
    """``lookup[window]`` is ``code length << 4 | category``; 0 where no code begins."""

    lookup: list[int]


@dataclass(frozen=True, slots=True)
class AcTable:
    """Look-ups of ``advance << 8 | bits``; the bits include those of the coefficients themselves."""

    single: list[int]
    several: list[int]


def codes(spec: HuffmanSpec) -> dict[int, tuple[int, int]]:
    """Return symbol -> (code, length), assigned in canonical order (T.81 C.2)."""
    table, code, symbols = {}, 0, iter(spec.symbols)
    for length, count in enumerate(spec.counts, start=1):
        for _ in range(count):
            table.setdefault(next(symbols), (code, length))
            code += 1
        code <<= 1
    return table


@lru_cache(maxsize=64)
def dc_table(spec: HuffmanSpec) -> DcTable:
    """Return the look-up of a DC table."""
    lengths, symbols = _windows(spec)
    legal = (lengths > 0) & (symbols <= LONGEST_DC)
    return DcTable(np.where(legal, lengths << 4 | symbols, 0).tolist())


@lru_cache(maxsize=64)
def ac_table(spec: HuffmanSpec) -> AcTable:
    """Return the look-ups of an AC table."""
    lengths, symbols = _windows(spec)
    advance, bits = _advance(lengths, symbols)
    several = _several(lengths, advance, bits)
    return AcTable((advance << 8 | bits).tolist(), (several[0] << 8 | several[1]).tolist())


def _windows(spec: HuffmanSpec) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the length and symbol of the code each of the 65,536 windows begins with."""
    lengths, symbols = np.zeros((2, 1 << WINDOW), dtype=np.int32)
    position, values = 0, iter(spec.symbols)
    for length, count in enumerate(spec.counts, start=1):
        for _ in range(count):
            stop = position + (1 << (WINDOW - length))
            lengths[position:stop], symbols[position:stop] = length, next(values)
            position = stop
    return lengths, symbols


def _advance(lengths: NDArray, symbols: NDArray) -> tuple[NDArray, NDArray]:
    """Return how many coefficients and how many bits each window's first symbol covers."""
    run, size = symbols >> 4, symbols & 15
    advance = np.where(size > 0, run + 1, BROKEN)
    advance = np.where(symbols == RUN_OF_16, 16, advance)
    advance = np.where(symbols == END_OF_BLOCK, END, advance)
    return np.where(lengths > 0, advance, BROKEN), lengths + size


def _several(lengths: NDArray, advance: NDArray, bits: NDArray) -> tuple[NDArray, NDArray]:
    """Chain first symbols while the next code lies wholly inside the window."""
    window = np.arange(1 << WINDOW, dtype=np.int32)
    total, used = advance.copy(), bits.copy()
    while True:
        following = (window << np.minimum(used, WINDOW)) & ((1 << WINDOW) - 1)
        fits = (total < END) & (lengths[following] > 0) & (used + lengths[following] <= WINDOW)
        fits &= advance[following] < BROKEN
        if not fits.any():
            return total, used
        total = np.where(fits, total + advance[following], total)
        used = np.where(fits, used + bits[following], used)


def with_symbols(spec: HuffmanSpec, wanted: set[int]) -> HuffmanSpec:
    """Return a table that can also write `wanted`, leaving every existing code as it is.

    The all-ones code of the greatest length is reserved (T.81 C), so longer codes can be hung
    below it without touching the others; bits already written stay valid.

    Raises
    ------
    NotEditable
        If the table is full.
    """
    missing = sorted(wanted - set(spec.symbols))
    counts = bytearray(spec.counts)
    length = max(i for i, count in enumerate(counts, start=1) if count)
    if missing and (length + len(missing) > WINDOW or not _has_reserve(spec)):
        raise uneditable("its Huffman tables have no room for black")
    for step in range(len(missing)):
        counts[length + step] += 1
    return HuffmanSpec(bytes(counts), spec.symbols + bytes(missing))


def _has_reserve(spec: HuffmanSpec) -> bool:
    """Tell whether the code space is not exhausted."""
    return sum(count << (WINDOW - i) for i, count in enumerate(spec.counts, start=1)) < 1 << WINDOW


def category(difference: int) -> int:
    """Return the number of bits a DC difference takes (T.81 F.1.2.1)."""
    return abs(difference).bit_length()


def dc_bits(table: dict[int, tuple[int, int]], difference: int) -> bytes:
    """Return the bits, one per byte, that write a DC difference."""
    size = category(difference)
    extra = difference if difference >= 0 else difference + (1 << size) - 1
    return code_bits(table, size) + as_bits(extra, size)


def code_bits(table: dict[int, tuple[int, int]], symbol: int) -> bytes:
    """Return the bits, one per byte, of the code of `symbol`."""
    return as_bits(*table[symbol])


def as_bits(value: int, width: int) -> bytes:
    """Return the `width` lowest bits of `value`, highest first, one per byte."""
    return bytes(value >> i & 1 for i in range(width - 1, -1, -1))


def dht_segment(tables: dict[tuple[int, int], HuffmanSpec]) -> bytes:
    """Return a DHT segment that defines `tables`, keyed by class and identifier (T.81 B.2.4.2)."""
    parts = ((bytes([kind << 4 | name]), spec) for (kind, name), spec in tables.items())
    body = b"".join(head + spec.counts + spec.symbols for head, spec in parts)
    return b"\xff\xc4" + (len(body) + 2).to_bytes(2, "big") + body
