"""Huffman tables of a JPEG scan, as look-up tables for walking it and codes for writing into it.

Tables are looked up by the next 16 bits. ``opening`` answers a whole DC difference and as many AC
symbols as those bits hold, ``several`` AC symbols alone, up to the end of the block: an empty
block then takes one look-up, most others two or three. ITU-T T.81 Annex C (code assignment),
F.1.2 (symbols).
"""

from __future__ import annotations

from array import array
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
BIAS = 1 << LONGEST_DC
"""Added to DC differences so that they are packed as positive numbers."""
_BITS = bytes.maketrans(b"01", b"\0\1")


Step = tuple[int, int]
"""Coefficients and bits that a look-up passes over."""


@dataclass(frozen=True, slots=True, eq=False)
class BlockTable:
    """Look-ups for the blocks of one component.

    Parameters
    ----------
    opening
        Index of the coefficient behind, and bits, of a DC difference and as many AC symbols as
        fit; an index beyond all where the difference is not whole within 16 bits.
    notes
        ``(difference + BIAS) << 6 | DC bits``; 0 where the difference is not whole.
    difference
        ``code length << 4 | category`` of the DC code; 0 where no code begins.
    several
        Advance and bits of as many AC symbols as fit, bits of the coefficients included.
    single
        ``advance << 8 | bits`` of one AC symbol.
    empty
        The bits, as digits, of a block with difference 0 and no coefficient; empty if it has none.
    """

    opening: list[Step]
    notes: NDArray[np.int64]
    difference: array[int]
    several: list[Step]
    single: array[int]
    empty: str = ""


def codes(spec: HuffmanSpec) -> dict[int, tuple[int, int]]:
    """Return symbol -> (code, length), assigned in canonical order (T.81 C.2)."""
    table: dict[int, tuple[int, int]] = {}
    code, symbols = 0, iter(spec.symbols)
    for length, count in enumerate(spec.counts, start=1):
        for _ in range(count):
            table.setdefault(next(symbols), (code, length))
            code += 1
        code <<= 1
    return table


@lru_cache(maxsize=32)
def block_table(dc: HuffmanSpec, ac: HuffmanSpec) -> BlockTable:
    """Return the look-ups of a component coded with the tables `dc` and `ac`."""
    dc_lengths, sizes = _windows(dc)
    legal = (dc_lengths > 0) & (sizes <= LONGEST_DC)
    ac_lengths, symbols = _windows(ac)
    advance, bits = _advance(ac_lengths, symbols)
    chain = _Chain(ac_lengths, advance, bits)
    total, used = chain.follow(np.zeros_like(bits))
    opening, notes = _opening(np.where(legal, dc_lengths, 0), sizes, chain)
    return BlockTable(
        opening=opening,
        notes=notes,
        difference=packed(np.where(legal, dc_lengths << 4 | sizes, 0)),
        several=_steps(np.where(total > 0, total, BROKEN), used),
        single=packed(advance << 8 | bits),
        empty=_empty_block(dc, ac),
    )


def _empty_block(dc: HuffmanSpec, ac: HuffmanSpec) -> str:
    """Return the bits of a block without a difference or a coefficient."""
    level, end = codes(dc).get(0), codes(ac).get(END_OF_BLOCK)
    if level is None or end is None:
        return ""
    return f"{level[0]:0{level[1]}b}{end[0]:0{end[1]}b}"


def _steps(advance: NDArray, bits: NDArray) -> list[Step]:
    """Return pairs of numbers; equal ones are one object, so that all stay in the processor's cache."""
    distinct, index = np.unique(advance << 8 | bits, return_inverse=True)
    pairs = np.empty(distinct.size, dtype=object)
    pairs[:] = [(value >> 8, value & 255) for value in distinct.tolist()]
    return pairs[index].tolist()


def packed(values: NDArray) -> array[int]:
    """Return integers as an array of 64-bit ones: read as fast as a list, a quarter of its memory.

    A list of 65,536 numbers and their objects does not stay in the processor's cache.
    """
    return array("q", values.astype(np.int64).tobytes())


def _opening(lengths: NDArray, sizes: NDArray, chain: _Chain) -> tuple[list[Step], NDArray[np.int64]]:
    """Return the look-ups of whole DC differences: what is passed over, and what they are."""
    used = lengths + sizes
    whole = (lengths > 0) & (used <= WINDOW)
    start = np.where(whole, used, WINDOW)
    value = np.arange(1 << WINDOW) >> (WINDOW - start) & ((1 << sizes) - 1)
    falling = (sizes > 0) & (value < 1 << np.maximum(sizes - 1, 0))
    difference = np.where(falling, value - (1 << sizes) + 1, value).astype(np.int64)
    total, bits = chain.follow(start)
    steps = _steps(np.where(whole, 1 + total, BROKEN), np.where(whole, bits, 0))
    return steps, np.where(whole, (difference + BIAS) << 6 | start, 0)


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


@dataclass(frozen=True, slots=True)
class _Chain:
    """First AC symbol of each window: code length (0: none), coefficients covered, bits taken."""

    lengths: NDArray[np.int32]
    advance: NDArray[np.int32]
    bits: NDArray[np.int32]

    def follow(self, start: NDArray) -> tuple[NDArray, NDArray]:
        """Chain symbols from bit `start` on, while the next code lies wholly in the window."""
        window = np.arange(1 << WINDOW, dtype=np.int32)
        total, used = np.zeros_like(window), start.copy()
        while True:
            following = (window << np.minimum(used, WINDOW)) & ((1 << WINDOW) - 1)
            length = self.lengths[following]
            fits = (total < END) & (length > 0) & (used + length <= WINDOW)
            fits &= self.advance[following] < BROKEN
            if not fits.any():
                return total, used
            total = np.where(fits, total + self.advance[following], total)
            used = np.where(fits, used + self.bits[following], used)


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
    return f"{value:0{width}b}".encode().translate(_BITS) if width else b""


def dht_segment(tables: dict[tuple[int, int], HuffmanSpec]) -> bytes:
    """Return a DHT segment that defines `tables`, keyed by class and identifier (T.81 B.2.4.2)."""
    parts = ((bytes([kind << 4 | name]), spec) for (kind, name), spec in tables.items())
    body = b"".join(head + spec.counts + spec.symbols for head, spec in parts)
    return b"\xff\xc4" + (len(body) + 2).to_bytes(2, "big") + body
