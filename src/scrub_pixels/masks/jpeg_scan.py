"""Where each 8x8 block of a JPEG scan begins: geometry (T.81 A.2) and a walk over its bits.

The walk decodes no coefficient but the DC difference. It notes at which bit each block begins and
where its AC symbols begin, which is all that is needed to cut blocks out and put others in.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.masks.jpeg_huffman import BIAS, END, LAST, WINDOW, BlockTable, block_table
from scrub_pixels.masks.jpeg_markers import FrameHeader, Scan, corrupt

PADDING = bytes(4096)
"""Zeros behind the data, longer than any MCU, so that the walk never reads past the end."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The blocks of one component: how many it has in the scan, and the samples a block covers.

    There is one for each geometry, so that they are told apart as objects.
    ``block_rows`` and ``block_columns`` count the blocks that are coded, padding included;
    ``row_edges[i]`` and ``row_edges[i + 1]`` bound block row `i` in samples of the frame.
    """

    block_rows: int
    block_columns: int
    row_edges: NDArray[np.int64]
    column_edges: NDArray[np.int64]

    @property
    def scale(self) -> tuple[int, int]:
        """Rows and columns of samples that a block covers."""
        return int(self.row_edges[1]), int(self.column_edges[1])


@dataclass(frozen=True, slots=True)
class ScanOrder:
    """Component (position in the scan), block row and block column of every block, as coded."""

    pattern: tuple[int, ...]
    component: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Walk:
    """Bit positions of the blocks of one entropy-coded segment, and their DC differences.

    ``begin`` has one entry more than there are blocks: where the last block ends.
    """

    begin: NDArray[np.int64]
    ac: NDArray[np.int64]
    difference: NDArray[np.int64]


def grids(frame: FrameHeader, scan: Scan) -> tuple[Grid, ...]:
    """Return the block grid of each component of a scan."""
    return tuple(_grid(frame, part.index, len(scan.components) > 1) for part in scan.components)


@lru_cache(maxsize=32)
def _grid(frame: FrameHeader, index: int, interleaved: bool) -> Grid:
    component = frame.components[index]
    down = _blocks(frame.rows, component.down, frame.down, interleaved)
    across = _blocks(frame.columns, component.across, frame.across, interleaved)
    rows = _edges(down, component.down, frame.down)
    return Grid(down, across, rows, _edges(across, component.across, frame.across))


def _blocks(samples: int, factor: int, largest: int, interleaved: bool) -> int:
    """Return the coded blocks along one axis: whole MCUs only where components are interleaved."""
    if interleaved:
        return -(-samples // (8 * largest)) * factor
    own = -(-samples * factor // largest)
    return -(-own // 8)


def _edges(blocks: int, factor: int, largest: int) -> NDArray[np.int64]:
    """Return block borders in frame samples; where factors do not divide, rounded down."""
    return np.arange(blocks + 1) * 8 * largest // factor


def scan_order(frame: FrameHeader, scan: Scan) -> ScanOrder:
    """Return the order in which the blocks of a scan are coded (T.81 A.2.2, A.2.3)."""
    return _order(frame, tuple(part.index for part in scan.components))


@lru_cache(maxsize=8)
def _order(frame: FrameHeader, indices: tuple[int, ...]) -> ScanOrder:
    shapes = [(frame.components[i].down, frame.components[i].across) for i in indices]
    shapes = shapes if len(indices) > 1 else [(1, 1)]
    first = _grid(frame, indices[0], len(indices) > 1)
    units = (first.block_rows // shapes[0][0], first.block_columns // shapes[0][1])
    inner = [(k, r, c, *shape) for k, shape in enumerate(shapes) for r, c in np.ndindex(*shape)]
    row, column = (axis.ravel()[:, None] for axis in np.indices(units))
    part, down, across, tall, wide = np.array(inner).T
    component = np.broadcast_to(part, (row.size, part.size))
    rows, columns = (row * tall + down).ravel(), (column * wide + across).ravel()
    return ScanOrder(tuple(part.tolist()), component.ravel(), rows, columns)


def tables(scan: Scan) -> list[BlockTable]:
    """Return the look-ups of each component of a scan."""
    specs = scan.huffman
    return [block_table(specs[0, part.dc], specs[1, part.ac]) for part in scan.components]


def first_bits(entropy: bytes) -> NDArray[np.int64]:
    """Return the 32 bits that begin at each byte of unstuffed data, zeros behind its end."""
    data = np.frombuffer(entropy + PADDING, dtype=np.uint8).astype(np.int64)
    return data[:-3] << 24 | data[1:-2] << 16 | data[2:-1] << 8 | data[3:]


def walk(entropy: bytes, pattern: Sequence[BlockTable], units: int) -> Walk:
    """Find every block of `units` MCUs in unstuffed entropy-coded data; the hot loop.

    A background of one colour is coded as the same few bits again and again; behind an MCU without
    any coefficient such a run is measured and passed over at once.

    Raises
    ------
    CorruptInstance
        If the bits hold an illegal code or end too early.
    """
    windows, limit, empty = _windows(entropy), 8 * len(entropy), empty_unit(tuple(pattern))
    lookups = [(table.opening, table.several, table) for table in pattern]
    begin = array("q")
    position, left = 0, units
    while left > 0:
        unit, left = position, left - 1
        for opening, several, table in lookups:
            begin.append(position)
            k, bits = opening[windows[position]]
            position += bits
            while k <= LAST:
                more, bits = several[windows[position]]
                k += more
                position += bits
            if not END < k <= END + LAST and k != LAST + 1:
                position = _slowly(windows, begin[-1], table)
        if position > limit:
            raise corrupt("a scan ends too early")
        if left and position - unit == empty.bits and empty.repeats(entropy, unit, 2) == 2:
            count = empty.repeats(entropy, position, left)
            begin.frombytes(empty.begins(position, count).tobytes())
            position, left = position + count * empty.bits, left - count
    begin.append(position)
    return _noted(np.frombuffer(begin, np.int64), windows, pattern)


def _noted(begin: NDArray[np.int64], windows: array[int], pattern: Sequence[BlockTable]) -> Walk:
    """Return the blocks that begin at these bits, with what the first bits of each say."""
    units = np.frombuffer(windows, np.uint16)[begin[:-1]].reshape(-1, len(pattern))
    notes = np.empty(units.shape, np.int64)
    for place, table in enumerate(pattern):
        notes[:, place] = table.notes[units[:, place]]
    flat = notes.ravel()
    for block in np.flatnonzero(flat == 0).tolist():
        flat[block] = _long_difference(windows, int(begin[block]), pattern[block % len(pattern)])
    return Walk(begin, begin[:-1] + (flat & 63), (flat >> 6) - BIAS)


def _windows(entropy: bytes) -> array[int]:
    """Return the 16 bits that begin at each bit: one look-up instead of three operations in the loop."""
    first = first_bits(entropy)
    every = np.empty((first.size, 8), np.uint16)
    for skip in range(8):
        every[:, skip] = first >> (WINDOW - skip) & 0xFFFF
    return array("H", every.tobytes())


@dataclass(frozen=True, slots=True)
class EmptyUnit:
    """An MCU whose DC differences are 0 and which has no other coefficient.

    Parameters
    ----------
    bits
        Its length; -1 if the tables cannot write it.
    offsets
        Where its blocks begin.
    repeated
        For each bit of a byte at which it may begin, the bytes of many such MCUs in a row.
    """

    bits: int
    offsets: tuple[int, ...]
    repeated: tuple[bytes, ...]

    def repeats(self, entropy: bytes, position: int, most: int) -> int:
        """Return how many empty MCUs, up to `most`, stand in a row from a bit position on."""
        first, skip = position >> 3, position & 7
        equal = 0
        for reach in _REACHES:
            stop = min(reach, -(-(most * self.bits + skip) // 8))
            part = entropy[first : first + stop]
            differ = int.from_bytes(part, "big") ^ int.from_bytes(self.repeated[skip][: len(part)], "big")
            differ &= (1 << max(0, 8 * len(part) - skip)) - 1
            equal = 8 * len(part) - skip - differ.bit_length()
            if differ or stop < reach:
                break
        return min(most, max(0, equal) // self.bits)

    def begins(self, position: int, count: int) -> NDArray[np.int64]:
        """Return where the blocks of `count` empty MCUs begin, the first of them at `position`."""
        starts = position + self.bits * np.arange(count)
        return (starts[:, None] + np.array(self.offsets)).ravel()


_REACHES = (24, 256, 4096)
"""Bytes that are compared in turn to measure a run."""


@lru_cache(maxsize=32)
def empty_unit(pattern: tuple[BlockTable, ...]) -> EmptyUnit:
    """Return the empty MCU of a scan whose blocks are coded with the tables of `pattern`."""
    if any(not table.empty for table in pattern):
        return EmptyUnit(-1, (), ())
    unit = "".join(table.empty for table in pattern)
    offsets, place = [], 0
    for table in pattern:
        offsets.append(place)
        place += len(table.empty)
    many = unit * (8 * _REACHES[-1] // len(unit) + 2)
    repeated = tuple(_as_bytes("0" * skip + many, _REACHES[-1]) for skip in range(8))
    return EmptyUnit(len(unit), tuple(offsets), repeated)


def _as_bytes(bits: str, count: int) -> bytes:
    return int(bits[: 8 * count], 2).to_bytes(count, "big")


def _long_difference(windows: array[int], position: int, table: BlockTable) -> int:
    """Return ``(difference + BIAS) << 6 | DC bits`` of a DC difference that takes more than 16 bits."""
    found = table.difference[windows[position]]
    if not found:
        raise corrupt("a scan holds an illegal code")
    length, size = found >> 4, found & 15
    at = position + length
    value = windows[at] >> (WINDOW - size)
    difference = value if not size or value >> (size - 1) else value - (1 << size) + 1
    return (difference + BIAS) << 6 | length + size


def _slowly(windows: array[int], position: int, table: BlockTable) -> int:
    """Walk over a block again whose DC difference is long, or whose last look-up reached beyond its end.

    Only its last symbols are looked up one by one.
    """
    position += _long_difference(windows, position, table) & 63
    k = 1
    while k <= LAST:
        more, bits = table.several[windows[position]]
        if LAST + 1 < k + more <= END or k + more > END + LAST:
            found = table.single[windows[position]]
            more, bits = found >> 8, found & 255
        k += more
        position += bits
    if k != LAST + 1 and not END < k <= END + LAST:
        raise corrupt("a block holds more than 64 coefficients or an illegal code")
    return position
