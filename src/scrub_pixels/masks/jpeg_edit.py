"""Black blocks into a sequential JPEG, leaving every other bit of the scan as it was.

The blocks of a scan are cut apart at the bit; those to be masked are replaced by a DC-only black
block, the DC difference of the block that follows is corrected, and all other bits are copied, so
every untouched coefficient is untouched by construction. Sampling factors, component identifiers,
tables, restart markers and the colour transform stay. No pixel is decoded, no library called and
no temporary file written. ITU-T T.81 Annexes A, B and F.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scrub_pixels.geometry import Region
from scrub_pixels.masks import jpeg_huffman as huffman
from scrub_pixels.masks.jpeg_comments import kept
from scrub_pixels.masks.jpeg_markers import (
    SOS,
    HuffmanSpec,
    JpegStream,
    Scan,
    corrupt,
    parse,
    restart_intervals,
    uneditable,
)
from scrub_pixels.masks.jpeg_reach import Plane, Reach, spread_until_black
from scrub_pixels.masks.jpeg_scan import Grid, ScanOrder, Walk, first_bits, grids, scan_order, tables, walk

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class EditedStream:
    """A codestream with black in it.

    Parameters
    ----------
    data
        The new codestream.
    changed
        Rectangles of samples that may differ after decoding, up-sampling fringes included.
    black
        Rectangles that every decoder shows black.
    """

    data: bytes
    changed: tuple[Region, ...]
    black: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """One restart interval: its place in the stream, its unstuffed bytes, its blocks."""

    start: int
    stop: int
    first: int
    entropy: bytes
    walk: Walk

    @property
    def blocks(self) -> slice:
        """Index of its blocks in the arrays of the scan."""
        return slice(self.first, self.first + self.walk.ac.size)


@dataclass(frozen=True, slots=True)
class ScanBlocks:
    """Every block of a scan in coded order; ``dc`` is the absolute quantised DC of each."""

    scan: Scan
    order: ScanOrder
    grids: tuple[Grid, ...]
    intervals: tuple[Interval, ...]
    dc: NDArray[np.int64]


def blacken(codestream: bytes, regions: Sequence[Region], fill: Sequence[int]) -> EditedStream:
    """Return `codestream` with every block that touches a Region made black.

    Parameters
    ----------
    codestream
        A JPEG Baseline or Extended sequential codestream of one frame.
    regions
        Rectangles in frame samples.
    fill
        The sample value of black for each component of the codestream: 0, the maximum, or the
        middle for a colour difference.

    Raises
    ------
    CorruptInstance
        If the stream is damaged.
    NotEditable
        If it is not sequential, or black cannot be expressed in it.
    """
    stream = parse(codestream)
    _check_sampling(stream)
    targets = _targets(stream, fill)
    scans = [_read(stream, scan) for scan in stream.scans]
    shape = (stream.frame.rows, stream.frame.columns)
    reach = spread_until_black(_planes(stream, scans, fill), regions, shape)
    entropy = [_rewritten(stream, blocks, reach, targets) for blocks in scans]
    return EditedStream(_assembled(stream, entropy), reach.changed, reach.black)


def _check_sampling(stream: JpegStream) -> None:
    frame = stream.frame
    if any(frame.across % part.across or frame.down % part.down for part in frame.components):
        raise uneditable("its sampling factors do not divide one another")


def _targets(stream: JpegStream, fill: Sequence[int]) -> list[int]:
    """Return the quantised DC of black for each component."""
    if len(fill) != len(stream.frame.components):
        raise corrupt("its components are not those the header declares")
    steps = [stream.quantisation[component.table][0] for component in stream.frame.components]
    return [_target(value, step, stream.frame.precision) for value, step in zip(fill, steps, strict=True)]


def _target(value: int, step: int, precision: int) -> int:
    """Return the DC that decodes to `value`; 0 and the maximum may be overshot, decoders clamp."""
    largest, middle = (1 << precision) - 1, 1 << (precision - 1)
    level = 8 * (value - middle)
    if value not in (0, largest):
        dc, rest = divmod(level, step)
    else:
        dc, rest = (-(-abs(level) // step)) * (1 if level > 0 else -1), 0
    if rest or value > largest or step > 16 * middle:
        raise uneditable("its quantisation cannot express black")
    return dc


def _read(stream: JpegStream, scan: Scan) -> ScanBlocks:
    """Find every block of a scan; a block takes two bits at least, so absurd sizes end here."""
    blocks = sum(grid.block_rows * grid.block_columns for grid in grids(stream.frame, scan))
    if 2 * blocks > 8 * (scan.entropy[1] - scan.entropy[0]):
        raise corrupt("a scan ends too early")
    order = scan_order(stream.frame, scan)
    per_unit = len(order.pattern)
    units = order.row.size // per_unit
    step = scan.restart or units
    places = restart_intervals(scan, stream.data)
    if len(places) != -(-units // step):
        raise corrupt("restart markers are missing or too many")
    pattern = [tables(scan)[k] for k in order.pattern]
    intervals = []
    for i, (start, stop) in enumerate(places):
        entropy = stream.data[start:stop].replace(b"\xff\x00", b"\xff")
        found = walk(entropy, pattern, min(step, units - i * step))
        intervals.append(Interval(start, stop, i * step * per_unit, entropy, found))
    absolute = _absolute(order.pattern, intervals, order.component.size)
    return ScanBlocks(scan, order, grids(stream.frame, scan), tuple(intervals), absolute)


def _absolute(pattern: Sequence[int], intervals: Sequence[Interval], count: int) -> NDArray[np.int64]:
    """Return the DC of each block: prediction starts anew in every interval (T.81 F.1.1.5.1)."""
    absolute = np.zeros(count, dtype=np.int64)
    for interval in intervals:
        units = interval.walk.difference.reshape(-1, len(pattern))
        values = absolute[interval.blocks].reshape(units.shape)
        for places in _places(pattern):
            values[:, places] = np.cumsum(units[:, places]).reshape(-1, len(places))
    return absolute


def _differences(
    pattern: Sequence[int], absolute: NDArray, intervals: Sequence[Interval]
) -> NDArray[np.int64]:
    """Return the DC differences of a scan; the inverse of `_absolute`."""
    differences = np.zeros(absolute.size, dtype=np.int64)
    for interval in intervals:
        units = absolute[interval.blocks].reshape(-1, len(pattern))
        values = differences[interval.blocks].reshape(units.shape)
        for places in _places(pattern):
            values[:, places] = np.diff(units[:, places].ravel(), prepend=0).reshape(-1, len(places))
    return differences


def _places(pattern: Sequence[int]) -> list[list[int]]:
    """Return where the blocks of each component stand in an MCU."""
    return [[place for place, k in enumerate(pattern) if k == part] for part in sorted(set(pattern))]


def _planes(stream: JpegStream, scans: Sequence[ScanBlocks], fill: Sequence[int]) -> list[Plane]:
    """Return one plane per component: its grid and which blocks already show black."""
    middle = 1 << (stream.frame.precision - 1)
    planes = {}
    for blocks in scans:
        for k, part in enumerate(blocks.scan.components):
            component = stream.frame.components[part.index]
            fringe = (stream.frame.down // component.down // 2, stream.frame.across // component.across // 2)
            neutral = _neutral(stream, blocks, k) if fill[part.index] == middle else None
            planes[part.index] = Plane(blocks.grids[k], fringe, neutral)
    return [planes[i] for i in sorted(planes)]


def _neutral(stream: JpegStream, blocks: ScanBlocks, k: int) -> Mask:
    """Return which blocks of a colour difference decode to its middle everywhere.

    Only blocks without AC symbols are considered; the end-of-block code stands alone in them.
    """
    part, order = blocks.scan.components[k], blocks.order
    step = stream.quantisation[stream.frame.components[part.index].table][0]
    mine = order.component == k
    code, length = huffman.codes(blocks.scan.huffman[1, part.ac]).get(huffman.END_OF_BLOCK, (0, 0))
    flat = np.concatenate([_alone(interval, code, length) for interval in blocks.intervals])
    neutral = np.zeros((blocks.grids[k].block_rows, blocks.grids[k].block_columns), dtype=bool)
    neutral[order.row[mine], order.column[mine]] = (flat & (np.abs(blocks.dc * step) < 4))[mine]
    return neutral


def _alone(interval: Interval, code: int, length: int) -> Mask:
    """Return which blocks of an interval hold nothing but the code `code` after their DC."""
    found = interval.walk
    alone = found.begin[1:] - found.ac == length
    at = found.ac[alone]
    words = first_bits(interval.entropy)[at >> 3]
    alone[alone] = words >> (32 - length - (at & 7)) & ((1 << length) - 1) == code
    return alone


def _rewritten(stream: JpegStream, blocks: ScanBlocks, reach: Reach, targets: Sequence[int]) -> bytes:
    """Return DHT (if a table had to grow), SOS and entropy-coded data of a scan."""
    order, parts = blocks.order, blocks.scan.components
    replaced = np.zeros(order.row.size, dtype=bool)
    absolute = blocks.dc.copy()
    for k, part in enumerate(parts):
        mine = order.component == k
        replaced[mine] = reach.blocks[part.index][order.row[mine], order.column[mine]]
        absolute[mine & replaced] = targets[part.index]
    differences = _differences(order.pattern, absolute, blocks.intervals)
    edit = _Edit(blocks, replaced, differences)
    grown = edit.tables()
    changed = {key: spec for key, spec in grown.items() if spec != blocks.scan.huffman[key]}
    head = huffman.dht_segment(changed) if changed else b""
    return head + _scan_header(stream, blocks.scan) + edit.entropy(stream.data, grown)


def _scan_header(stream: JpegStream, scan: Scan) -> bytes:
    header = next(s for s in stream.segments if s.marker == SOS and s.stop == scan.entropy[0])
    return stream.data[header.start : header.stop]


@dataclass(frozen=True, slots=True)
class _Edit:
    """What becomes of the blocks of one scan."""

    blocks: ScanBlocks
    replaced: Mask
    differences: NDArray[np.int64]

    def dirty(self, interval: Interval) -> NDArray[np.int64]:
        """Return the blocks of an interval, counted from its first, that need new bits."""
        moved = self.differences[interval.blocks] != interval.walk.difference
        return np.flatnonzero(self.replaced[interval.blocks] | moved)

    def tables(self) -> dict[tuple[int, int], HuffmanSpec]:
        """Return the scan's tables, grown where black needs a symbol they lack."""
        wanted: dict[tuple[int, int], set[int]] = {}
        for interval in self.blocks.intervals:
            index = self.dirty(interval) + interval.first
            for k, part in enumerate(self.blocks.scan.components):
                mine = index[self.blocks.order.component[index] == k]
                sizes = {huffman.category(int(d)) for d in np.unique(self.differences[mine])}
                wanted.setdefault((0, part.dc), set()).update(sizes)
                wanted.setdefault((1, part.ac), set()).update({huffman.END_OF_BLOCK} if mine.size else ())
        present = self.blocks.scan.huffman
        return {key: huffman.with_symbols(present[key], symbols) for key, symbols in wanted.items()}

    def entropy(self, data: bytes, specs: dict[tuple[int, int], HuffmanSpec]) -> bytes:
        """Return the entropy-coded data with its restart markers as they were."""
        codes = {key: huffman.codes(spec) for key, spec in specs.items()}
        pieces, last = [], self.blocks.scan.entropy[0]
        for interval in self.blocks.intervals:
            pieces += [data[last : interval.start], self._interval(data, interval, codes)]
            last = interval.stop
        return b"".join(pieces)

    def _interval(self, data: bytes, interval: Interval, codes: dict) -> bytes:
        dirty = self.dirty(interval)
        if not dirty.size:
            return data[interval.start : interval.stop]
        bits = np.unpackbits(np.frombuffer(interval.entropy, dtype=np.uint8)).tobytes()
        joined = b"".join(self._pieces(bits, interval, dirty, codes))
        joined += b"\x01" * (-len(joined) % 8)
        return np.packbits(np.frombuffer(joined, dtype=np.uint8)).tobytes().replace(b"\xff", b"\xff\x00")

    def _pieces(self, bits: bytes, interval: Interval, dirty: NDArray, codes: dict):
        """Yield the bits of an interval, one per byte: old runs and new blocks in turn."""
        found, index = interval.walk, interval.first + dirty
        replaced = self.replaced[index]
        stops = np.where(replaced, found.begin[dirty + 1], found.ac[dirty])
        component = self.blocks.order.component[index].tolist()
        keys = list(zip(component, self.differences[index].tolist(), replaced.tolist(), strict=True))
        written = {key: self._new_bits(*key, codes) for key in set(keys)}
        cursor = 0
        for start, stop, key in zip(found.begin[dirty].tolist(), stops.tolist(), keys, strict=True):
            yield bits[cursor:start]
            yield written[key]
            cursor = stop
        yield bits[cursor : int(found.begin[-1])]

    def _new_bits(self, k: int, difference: int, replaced: bool, codes: dict) -> bytes:
        """Return the bits of a block's new DC difference, and the end of the block if it is black."""
        part = self.blocks.scan.components[k]
        head = huffman.dc_bits(codes[0, part.dc], difference)
        return head + huffman.code_bits(codes[1, part.ac], huffman.END_OF_BLOCK) if replaced else head


def _assembled(stream: JpegStream, scans: Sequence[bytes]) -> bytes:
    """Put the stream together again, without what may carry text (COM, APPn) or a thumbnail."""
    pieces, following = [b"\xff\xd8"], iter(scans)
    for segment in stream.segments:
        pieces.append(next(following) if segment.marker == SOS else kept(stream, segment))
    return b"".join(pieces)
