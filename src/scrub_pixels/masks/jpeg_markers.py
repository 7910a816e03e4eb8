"""JPEG marker segments, read strictly (ITU-T T.81 Annex B).

Everything that steers the entropy decoder is checked here before a single coefficient is read:
dimensions, component count, sampling factors, table identifiers, segment lengths. A stream that
breaks a rule is refused, so nothing further down needs to guard against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from scrub_pixels.errors import CorruptInstance, UnsupportedInstance

SOF_LS = 0xF7
SOI, EOI, SOS, DQT, DHT, DRI, DNL, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xDC, 0xFE
APP0, APP14, APP15 = 0xE0, 0xEE, 0xEF
SEQUENTIAL = (0xC0, 0xC1)
"""SOF0 Baseline and SOF1 Extended sequential, both Huffman coded."""
FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC}
LIMITS = {"components": 4, "factor": 4, "table": 3}
JFIF_BYTES, ADOBE_BYTES = 14, 12
_STOP = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
_STOP_LS = re.compile(rb"\xff+[\x80-\xcf\xd8-\xfe]")
_RESTART = re.compile(rb"\xff+[\xd0-\xd7]")


class NotEditable(UnsupportedInstance):
    """The codestream is no sequential Huffman JPEG, or black cannot be expressed in its tables."""


@dataclass(frozen=True, slots=True)
class Component:
    """One component of the frame header: identifier, sampling factors, quantisation table (B.2.2)."""

    identifier: int
    across: int
    down: int
    table: int


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """The SOF segment: sample precision in bits, rows, columns and components."""

    marker: int
    precision: int
    rows: int
    columns: int
    components: tuple[Component, ...]

    @property
    def across(self) -> int:
        """Largest horizontal sampling factor."""
        return max(component.across for component in self.components)

    @property
    def down(self) -> int:
        """Largest vertical sampling factor."""
        return max(component.down for component in self.components)


@dataclass(frozen=True, slots=True)
class HuffmanSpec:
    """A Huffman table as the DHT segment states it: codes per length 1..16, and their symbols."""

    counts: bytes
    symbols: bytes


@dataclass(frozen=True, slots=True)
class ScanComponent:
    """A component of a scan: its index in the frame header and its DC and AC table selectors."""

    index: int
    dc: int
    ac: int


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan with the tables and the restart interval in force when it starts."""

    components: tuple[ScanComponent, ...]
    huffman: MappingProxyType[tuple[int, int], HuffmanSpec]
    restart: int
    entropy: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker segment: the marker and where its bytes, marker included, lie in the stream."""

    marker: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class JpegStream:
    """A parsed codestream: header, scans, quantisation tables (zigzag order) and every segment."""

    data: bytes = field(repr=False)
    frame: FrameHeader
    scans: tuple[Scan, ...]
    quantisation: MappingProxyType[int, tuple[int, ...]]
    segments: tuple[Segment, ...]

    def payload(self, segment: Segment) -> bytes:
        """Return what follows the length field of `segment`."""
        return self.data[segment.start + 4 : segment.stop]


def corrupt(what: str) -> CorruptInstance:
    """Return the refusal for a codestream that breaks T.81."""
    return CorruptInstance(
        f"The JPEG codestream of a frame is damaged: {what}.", stage="mask", tag="(7FE0,0010) Pixel Data"
    )


def uneditable(what: str) -> NotEditable:
    """Return the refusal for a codestream that cannot be edited block by block."""
    return NotEditable(
        f"The JPEG codestream of a frame cannot be edited in place: {what}.",
        stage="mask",
        tag="(7FE0,0010) Pixel Data",
    )


def parse(data: bytes) -> JpegStream:
    """Read every marker segment of a sequential JPEG codestream.

    Raises
    ------
    CorruptInstance
        If the stream breaks ITU-T T.81 Annex B.
    NotEditable
        If it is progressive, lossless, hierarchical or arithmetic coded.
    """
    reader = _Reader(data)
    for segment in iterate_segments(data):
        reader.take(segment)
    return reader.stream()


def iterate_segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments from SOI to EOI, of JPEG and JPEG-LS alike.

    Entropy-coded data follows an SOS segment. In JPEG 0xFF is stuffed with a zero byte there, in
    JPEG-LS with a zero bit (ITU-T T.87 Annex A), so any byte below 0x80 may follow.

    Raises
    ------
    CorruptInstance
        If a marker is missing or a segment reaches beyond the stream.
    """
    if data[:2] != b"\xff\xd8":
        raise corrupt("it does not begin with SOI")
    position, stop = 2, _STOP
    while True:
        segment = _segment(data, position)
        yield segment
        stop = _STOP_LS if segment.marker == SOF_LS else stop
        if segment.marker == EOI:
            return
        position = _entropy_end(data, segment.stop, stop) if segment.marker == SOS else segment.stop


def _segment(data: bytes, position: int) -> Segment:
    if data[position : position + 1] != b"\xff":
        raise corrupt("a marker is missing")
    while data[position + 1 : position + 2] == b"\xff":
        position += 1
    marker = int.from_bytes(data[position + 1 : position + 2], "big")
    if marker == EOI:
        return Segment(marker, position, position + 2)
    if marker < 0xC0 or 0xD0 <= marker <= 0xD8:
        raise corrupt("a marker stands where none may")
    length = int.from_bytes(data[position + 2 : position + 4], "big")
    if length < 2 or position + 2 + length > len(data):
        raise corrupt("a marker segment is longer than the stream")
    return Segment(marker, position, position + 2 + length)


def _entropy_end(data: bytes, start: int, stop: re.Pattern[bytes] = _STOP) -> int:
    """Return where the entropy-coded data that begins at `start` ends."""
    place = start - 1
    while (place := data.find(b"\xff", place + 1)) >= 0 and stop.match(data, place) is None:
        pass
    if place < 0:
        raise corrupt("the scan does not end")
    return place


def restart_intervals(scan: Scan, data: bytes) -> list[tuple[int, int]]:
    """Return start and stop of each entropy-coded segment of a scan, without the RST markers."""
    start, stop = scan.entropy
    part = np.frombuffer(data, np.uint8)[start:stop]
    codes = part[np.flatnonzero(part[:-1] == 0xFF) + 1]
    there = bool(((codes >= 0xD0) & (codes <= 0xD7)).any())
    marks = [found.span() for found in _RESTART.finditer(data, start, stop)] if there else []
    edges = [(start, start), *marks, (stop, stop)]
    return [(before[1], after[0]) for before, after in pairwise(edges)]


class _Reader:
    """Collects the tables in force while the segments go by."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.frame: FrameHeader | None = None
        self.segments: list[Segment] = []
        self.scans: list[Scan] = []
        self.quantisation: dict[int, tuple[int, ...]] = {}
        self.huffman: dict[tuple[int, int], HuffmanSpec] = {}
        self.restart = 0

    def take(self, segment: Segment) -> None:
        """Read one segment into the state."""
        body = self.data[segment.start + 4 : segment.stop]
        self.segments.append(segment)
        if segment.marker in FRAME_HEADERS:
            self._frame(segment.marker, body)
        elif segment.marker == SOS:
            self._scan(segment, body)
        elif segment.marker in (DQT, DHT):
            self._tables(segment.marker, body)
        elif segment.marker == DRI:
            self._restart(body)
        elif segment.marker in (0xC8, 0xCC, DNL, 0xDE, 0xDF):
            raise uneditable("it uses arithmetic coding, a late line count or a hierarchy")

    def stream(self) -> JpegStream:
        """Return what was read, if it is complete."""
        if self.frame is None or not self.scans:
            raise corrupt("it holds no image")
        seen = [part.index for scan in self.scans for part in scan.components]
        if sorted(seen) != list(range(len(self.frame.components))):
            raise corrupt("its scans do not cover each component once")
        tables, segments = MappingProxyType(self.quantisation), tuple(self.segments)
        return JpegStream(self.data, self.frame, tuple(self.scans), tables, segments)

    def _frame(self, marker: int, body: bytes) -> None:
        if marker not in SEQUENTIAL:
            raise uneditable("it is not sequential Huffman coded")
        if self.frame is not None:
            raise corrupt("it has two frame headers")
        self.frame = _frame_header(marker, body)

    def _restart(self, body: bytes) -> None:
        if len(body) != 2:
            raise corrupt("the restart interval has a wrong length")
        self.restart = int.from_bytes(body, "big")

    def _tables(self, marker: int, body: bytes) -> None:
        position = 0
        while position < len(body):
            high, low = body[position] >> 4, body[position] & 15
            if high > 1 or low > LIMITS["table"]:
                raise corrupt("a table has an impossible identifier")
            read = self._quantisation if marker == DQT else self._huffman
            position = read((high, low), body, position + 1)

    def _quantisation(self, key: tuple[int, int], body: bytes, start: int) -> int:
        width = key[0] + 1
        values = body[start : start + 64 * width]
        if len(values) != 64 * width:
            raise corrupt("a quantisation table is cut off")
        steps = tuple(int.from_bytes(values[i : i + width], "big") for i in range(0, len(values), width))
        if 0 in steps:
            raise corrupt("a quantisation step is zero")
        if self.scans and self.quantisation.get(key[1], steps) != steps:
            raise uneditable("a quantisation table changes between scans")
        self.quantisation[key[1]] = steps
        return start + len(values)

    def _huffman(self, key: tuple[int, int], body: bytes, start: int) -> int:
        counts = body[start : start + 16]
        symbols = body[start + 16 : start + 16 + sum(counts)]
        if len(counts) != 16 or len(symbols) != sum(counts) or not symbols:
            raise corrupt("a Huffman table is cut off")
        if sum(count << (15 - i) for i, count in enumerate(counts)) > 1 << 16:
            raise corrupt("a Huffman table holds more codes than fit")
        self.huffman[key] = HuffmanSpec(counts, symbols)
        return start + 16 + len(symbols)

    def _scan(self, segment: Segment, body: bytes) -> None:
        if self.frame is None:
            raise corrupt("a scan stands before the frame header")
        parts = _scan_components(self.frame, body)
        for part in parts:
            if (0, part.dc) not in self.huffman or (1, part.ac) not in self.huffman:
                raise corrupt("a scan names a Huffman table that is not there")
            if self.frame.components[part.index].table not in self.quantisation:
                raise corrupt("a component names a quantisation table that is not there")
        entropy = (segment.stop, _entropy_end(self.data, segment.stop))
        self.scans.append(Scan(parts, MappingProxyType(dict(self.huffman)), self.restart, entropy))


def _frame_header(marker: int, body: bytes) -> FrameHeader:
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        raise corrupt("the frame header has a wrong length")
    components = tuple(_component(body[i : i + 3]) for i in range(6, len(body), 3))
    if not 1 <= len(components) <= LIMITS["components"]:
        raise corrupt("the number of components is impossible")
    if len({component.identifier for component in components}) != len(components):
        raise corrupt("two components share an identifier")
    rows, columns = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    if not rows or not columns or body[0] not in (8, 12):
        raise corrupt("precision or dimensions are impossible")
    return FrameHeader(marker, body[0], rows, columns, components)


def _component(body: bytes) -> Component:
    across, down = body[1] >> 4, body[1] & 15
    if not (1 <= across <= LIMITS["factor"] and 1 <= down <= LIMITS["factor"]) or body[2] > LIMITS["table"]:
        raise corrupt("a sampling factor or table selector is impossible")
    return Component(body[0], across, down, body[2])


def _scan_components(frame: FrameHeader, body: bytes) -> tuple[ScanComponent, ...]:
    """Read an SOS header; Ss, Se, Ah and Al mean nothing in a sequential scan and are often wrong."""
    count = body[0] if body else 0
    if not 1 <= count <= len(frame.components) or len(body) != 4 + 2 * count:
        raise corrupt("a scan header has a wrong length")
    order = {component.identifier: i for i, component in enumerate(frame.components)}
    pairs = [(body[i], body[i + 1]) for i in range(1, 1 + 2 * count, 2)]
    if any(identifier not in order for identifier, _ in pairs):
        raise corrupt("a scan names an unknown component")
    parts = tuple(ScanComponent(order[name], tables >> 4, tables & 15) for name, tables in pairs)
    factors = [frame.components[part.index] for part in parts]
    if count > 1 and sum(part.across * part.down for part in factors) > 10:
        raise corrupt("an MCU holds more than ten blocks")
    return parts
